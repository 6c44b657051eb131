/* Process 1 of a small machine, and its true(1): runs every program in the directories of /tests, counts what
 * they report, and switches the machine off. Prints "done DIRECTORY/PROGRAM: N passed, N failed, N skipped,
 * exit STATUS" for each, and "all done" at the end: what tests/kernels/kernels.py waits for on the console.
 * SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
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

static void run(const char *directory, const char *name)
{
	char path[1024], line[1024];
	struct count count = {0};
	int out[2], status = 0;

	snprintf(path, sizeof(path), "/tests/%s/%s", directory, name);
	printf("start %s/%s\n", directory, name);
	fflush(stdout);
	if (pipe(out))
		return;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		/* Of 20, with 24 000 calls around each: emulated, they would take an hour. */
		if (strcmp(name, "test-sluice-keeper") == 0)
			setenv("SLUICE_KILLS", "2", 1);
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
	while (pid > 0 && waitpid(pid, &status, 0) != pid)
		;
	if (f)
		fclose(f);
	printf("done %s/%s: %u passed, %u failed, %u skipped, exit %d\n", directory, name,
		count.passed, count.failed, count.skipped,
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	fflush(stdout);
}

static void run_directory(const char *directory)
{
	struct dirent **names;
	char path[512];

	snprintf(path, sizeof(path), "/tests/%s", directory);
	int n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++)
		if (names[i]->d_name[0] != '.')
			run(directory, names[i]->d_name);
}

static void make_files(void)
{
	static const char *const directories[] = {
		"/proc", "/sys", "/dev", "/tmp", "/etc", "/usr", "/usr/bin",
		"/usr/lib"};

	chmod("/", 0755); /* other users run programs here, too */
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		mkdir(directories[i], 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mkdir("/dev/pts", 0755);
	mount("pts", "/dev/pts", "devpts", 0, "ptmxmode=666");
	mkdir("/dev/shm", 01777);
	mount("shm", "/dev/shm", "tmpfs", 0, NULL);
	mount("tmp", "/tmp", "tmpfs", 0, NULL);
	symlink("/init", "/usr/bin/true");
	/* What is no directory and no link, for paths that end in one. */
	close(open("/etc/passwd", O_WRONLY | O_CREAT, 0644));
}

/* Tests connect to 127.0.0.1. */
static void start_loopback(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ioctl(s, SIOCSIFFLAGS, &request);
	close(s);
}

static void run_all(void)
{
	struct dirent **names;
	int n = scandir("/tests", &names, NULL, alphasort);

	for (int i = 0; i < n; i++)
		if (names[i]->d_name[0] != '.')
			run_directory(names[i]->d_name);
	printf("all done\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct utsname uts;

	if (argc > 0 && strcmp(argv[0], "true") == 0)
		return 0;

	make_files();
	/* Without an initial console in the archive the kernel opened none for us. */
	int console = open("/dev/console", O_RDWR);
	for (int fd = 0; console >= 0 && fd < 3; fd++)
		dup2(console, fd);
	if (console > 2)
		close(console);
	start_loopback();
	/* As high as a service manager sets it; the kernel's own is 4096. */
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){1024, 524288});
	/* What the tests load is proved first, as in every run of them. */
	setenv("SECCOMP_SELF_CHECK", "1", 1);
	if (access("/target32", X_OK) == 0)
		setenv("SLUICE_TARGET32", "/target32", 1);
	uname(&uts);
	printf("kernel %s %s\n", uts.release, uts.machine);
	fflush(stdout);
	/* Orphans are reaped at once, as by any init: before Linux 6.11 their filters end by that. */
	pid_t tests = fork();
	if (tests == 0) {
		run_all();
		_exit(0);
	}
	while (wait(NULL) != tests)
		;
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}
