/* Processes that make calls at the same time, and count them themselves: counted
 * PROCESSES CALLS. Each process makes that many calls, of all these kinds in turns; none
 * of them is made by a C library on its own. A call without its real result is not
 * counted. Prints "NAME COUNT" lines. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct kind {
	const char *name;
	long nr;
} kinds[] = {
	{"getppid", SYS_getppid},
	{"getsid", SYS_getsid},
	{"sched_yield", SYS_sched_yield},
	{"getpriority", SYS_getpriority},
	{"times", SYS_times},
	{"sysinfo", SYS_sysinfo},
	{"getrusage", SYS_getrusage},
	{"sync_file_range", SYS_sync_file_range},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct shared {
	atomic_ulong counts[KINDS];
	atomic_int ready, go;
};

static int happened(unsigned int kind, pid_t parent, pid_t session)
{
	union {
		struct tms tms;
		struct sysinfo info;
		struct rusage usage;
	} out;

	switch (kind) {
	case 0:
		return syscall(SYS_getppid) == parent;
	case 1:
		return syscall(SYS_getsid, 0) == session;
	case 2:
		return syscall(SYS_sched_yield) == 0;
	case 3:
		return syscall(SYS_getpriority, PRIO_PROCESS, 0) > 0;
	case 4:
		return syscall(SYS_times, &out.tms) != -1;
	case 5:
		out.info.mem_unit = 0;
		return syscall(SYS_sysinfo, &out.info) == 0 && out.info.mem_unit > 0;
	case 6:
		return syscall(SYS_getrusage, RUSAGE_SELF, &out.usage) == 0;
	default:
		return syscall(SYS_sync_file_range, -1, 0L, 0L, 0) == -1 &&
		       errno == EBADF;
	}
}

static void work(struct shared *s, unsigned long calls, pid_t parent, pid_t session)
{
	unsigned long mine[KINDS] = {0};

	atomic_fetch_add(&s->ready, 1);
	while (!atomic_load(&s->go))
		usleep(1000);
	for (unsigned long i = 0; i < calls; i++)
		mine[i % KINDS] += happened(i % KINDS, parent, session);
	for (unsigned int k = 0; k < KINDS; k++)
		atomic_fetch_add(&s->counts[k], mine[k]);
	_exit(0);
}

int main(int argc, char **argv)
{
	int processes = argc == 3 ? atoi(argv[1]) : 0;
	unsigned long calls = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t self = getpid(), session = (pid_t)syscall(SYS_getsid, 0);
	int left = processes, bad = 0, status;

	if (argc != 3 || s == MAP_FAILED)
		return 2;
	atomic_fetch_add(&s->counts[1], 1);
	for (int i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (pid == 0)
			work(s, calls, self, session);
		if (pid < 0)
			return 2;
	}
	while (atomic_load(&s->ready) < processes)
		usleep(1000);
	atomic_store(&s->go, 1);
	while (left > 0 && wait(&status) > 0) {
		bad |= status;
		left--;
	}
	for (unsigned int k = 0; k < KINDS; k++)
		printf("%s %lu\n", kinds[k].name, atomic_load(&s->counts[k]));
	return bad || left;
}
