/* What a run finds at its beginning, and must leave at its end. See failing.h.
 * SPDX-License-Identifier: MIT */
#include "failing.h"

#include <dirent.h>

char directory[64];

long count_tasks(void)
{
	DIR *d = opendir("/proc/self/task");
	long n = -2;

	CHECK(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Processes end, and threads of the kernel's count, a moment after what waits for them. */
void check_nothing_left(int fds, long tasks)
{
	CHECK_EQ(settled_fds(fds), fds);
#if defined(__SANITIZE_THREAD__)
	tasks = count_tasks(); /* it starts one of its own, and finds those that nobody joined */
#endif
	for (int i = 0; i < 1000 && count_tasks() != tasks; i++)
		poll(NULL, 0, 10);
	CHECK_EQ(count_tasks(), tasks);
	CHECK_EQ(fail_calls_blocks(), 0);
	CHECK_EQ(fail_calls_mappings(), 0);
}

void make_files(void)
{
	char path[128];
	int fd;

	snprintf(directory, sizeof(directory), "%s", scratch_dir());
	snprintf(path, sizeof(path), "%s/file", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	CHECK(fd >= 0);
	close(fd);
	snprintf(path, sizeof(path), "%s/fifo", directory);
	CHECK_EQ(mkfifo(path, 0644), 0);
	snprintf(path, sizeof(path), "%s/never", directory);
	CHECK_EQ(mkfifo(path, 0644), 0);
	snprintf(path, sizeof(path), "%s/net", directory);
	CHECK_EQ(symlink("/proc/self/../net", path), 0);
}

unsigned count_files(void)
{
	DIR *d = opendir(directory);
	unsigned n = 0;

	CHECK(d);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

void reap_all(void)
{
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
	CHECK_EQ(errno, ECHILD);
}
