/* What sysinfo(2) says in a container: "TOTAL FREE SWAP PROCESSES UPTIME LOAD", or the
 * errno, a line each for: all of memory; no address; a structure that begins before the
 * end of memory. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/syscall.h>
#include <unistd.h>

static void ask(struct sysinfo *s)
{
	/* Not libc's, which may look at what it gives. */
	if (syscall(SYS_sysinfo, s))
		printf("error %d\n", errno);
	else
		printf("%llu %llu %llu %u %ld %lu\n",
			(unsigned long long)s->totalram * s->mem_unit,
			(unsigned long long)s->freeram * s->mem_unit,
			(unsigned long long)s->totalswap * s->mem_unit, s->procs,
			s->uptime, s->loads[0] | s->loads[1] | s->loads[2]);
}

int main(void)
{
	struct sysinfo s;
	char *end = mmap(
		NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (end == MAP_FAILED || munmap(end + 4096, 4096))
		return 1;
	ask(&s);
	ask(NULL);
	ask((void *)(end + 4096 - 32));
	return 0;
}
