/* Process 1 of a small machine: runs every program in /tests, counts what they report, and
 * switches the machine off. Prints "done PROGRAM: N passed, N failed, N skipped, exit STATUS" for
 * each, and "all done" at the end: what tests/kernels/kernels.py waits for on the console.
 * SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

struct count {
	unsigned int passed, failed, skipped;
};

static void count_line(const char *line, struct count *count)
{
	if (!strncmp(line, "not ok ", 7))
		count->failed++;
	else if (!strncmp(line, "ok ", 3) && strstr(line, "# SKIP"))
		count->skipped++;
	else if (!strncmp(line, "ok ", 3))
		count->passed++;
}

static void run(const char *name)
{
	char path[512], line[1024];
	struct count count = {0};
	int out[2], status = 0;

	snprintf(path, sizeof(path), "/tests/%s", name);
	printf("start %s\n", name);
	fflush(stdout);
	if (pipe(out))
		return;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		execl(path, name, NULL);
		perror(path);
		_exit(126);
	}
	close(out[1]);
	FILE *f = fdopen(out[0], "r");
	while (f && fgets(line, sizeof(line), f)) {
		count_line(line, &count);
		fputs(line, stdout);
		fflush(stdout);
	}
	/* Everything else that ends here is an orphan of the tests. */
	while (pid > 0 && waitpid(pid, &status, 0) != pid)
		;
	if (f)
		fclose(f);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	printf("done %s: %u passed, %u failed, %u skipped, exit %d\n", name, count.passed,
		count.failed, count.skipped,
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	fflush(stdout);
}

int main(void)
{
	struct dirent **names;
	struct utsname uts;

	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	mkdir("/tmp", 01777);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("tmp", "/tmp", "tmpfs", 0, NULL);
	/* Without an initial console in the archive the kernel opened none for us. */
	int console = open("/dev/console", O_RDWR);
	for (int fd = 0; console >= 0 && fd < 3; fd++)
		dup2(console, fd);
	if (console > 2)
		close(console);
	/* What the tests load is proved first, as in every run of them. */
	setenv("SECCOMP_SELF_CHECK", "1", 1);
	uname(&uts);
	printf("kernel %s %s\n", uts.release, uts.machine);
	int n = scandir("/tests", &names, NULL, alphasort);
	for (int i = 0; i < n; i++)
		if (names[i]->d_name[0] != '.')
			run(names[i]->d_name);
	printf("all done\n");
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}
