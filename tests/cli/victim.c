/* A program with three faults that only a failing call shows: what a sweep has to find.
 * SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nobody looks whether there was memory. */
static void crash(void)
{
	/* What malloc(3) does, but for what it tries when the kernel refuses once. */
	volatile char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	p[1000] = 1;
	munmap((void *)p, 1 << 20);
}

/* A way out without close(2). */
static int leak(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 1;
	if (lseek(fd, 0, SEEK_SET) < 0 || fstat(fd, &st) < 0)
		return 1;
	return close(fd) != 0;
}

/* It waits for what was not written, and would never be. */
static int hang(void)
{
	int ends[2];
	char c = 0;

	if (pipe(ends))
		return 1;
	if (write(ends[1], "x", 1) == 2 || read(ends[0], &c, 1) != 1)
		return 1;
	close(ends[0]);
	close(ends[1]);
	return 0;
}

int main(int argc, char **argv)
{
	(void)argc;
	crash();
	return leak(argv[0]) + hang();
}
