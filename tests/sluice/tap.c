/* See tap.h.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <dirent.h>
#include <ftw.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/utsname.h>

FILE *skip_file;
char self_path[4096];
static char top_dir[64]; /* the parent's: it removes whatever a test, even a killed one, left */

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct rlimit limit;
	int n = 0;

	if (!d) /* as many as there can be */
		return errno == EMFILE && !getrlimit(RLIMIT_NOFILE, &limit) ? (int)limit.rlim_cur : -1;
	while (readdir(d))
		n++;
	closedir(d);
	return n - 3;
}

int settled_fds(int wanted)
{
	int n = count_fds();

	for (int i = 0; i < 1000 && n != wanted; i++) {
		poll(NULL, 0, 10);
		n = count_fds();
	}
	return n;
}

long rss_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long size, rss = -1;

	if (fscanf(f, "%ld %ld", &size, &rss) != 2)
		rss = -1;
	fclose(f);
	return rss * 4;
}

long scaled(const char *variable, long usual)
{
	const char *value = getenv(variable);

	return value ? atol(value) : usual;
}

char *scratch_dir(void)
{
	static char path[sizeof(top_dir) + 16];

	snprintf(path, sizeof(path), "%s/XXXXXX", top_dir);
	CHECK(mkdtemp(path));
	CHECK(chmod(path, 0755) == 0);
	return path;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* FTW_MOUNT: a test's mounts are its own namespace's and gone with it. */
static void remove_top_dir(void)
{
	if (top_dir[0])
		nftw(top_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Ends hangs. A busy machine takes minutes for what is seconds elsewhere. */
static unsigned limit_s(void)
{
	return (unsigned)scaled("SLUICE_TEST_LIMIT", 300);
}

void still_going(void)
{
	alarm(limit_s());
}

static pid_t running; /* the test's process and group */

/* A runner's time-out. nftw() allocates, but here the main program only waits. */
static void on_terminate(int sig)
{
	if (running > 0)
		kill(-running, SIGKILL);
	remove_top_dir();
	_exit(128 + sig);
}

static void make_top_dir(void)
{
	strcpy(top_dir, "/tmp/sluice-test-XXXXXX");
	CHECK(mkdtemp(top_dir));
	CHECK(chmod(top_dir, 0755) == 0);
	signal(SIGTERM, on_terminate);
	signal(SIGINT, on_terminate);
}

int listener_number(void)
{
	for (int fd = 3; fd < 100; fd++) {
		char link[64], text[64] = "";

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (readlink(link, text, sizeof(text) - 1) > 0 && strstr(text, "seccomp notify"))
			return fd;
	}
	return -1;
}

int continue_it(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
}

struct sluice_supervisor *new_supervisor(const struct sluice_options *options)
{
	/* A child that ends with a copy of it has lost nothing. */
	static struct sluice_supervisor *volatile newest;
	struct sluice_supervisor *sv = NULL;

	CHECK_EQ(sluice_supervisor_new(options, &sv), 0);
	newest = sv;
	return newest;
}

scmp_filter_ctx filter_of(int all_archs, ...)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	const char *name;
	va_list names;

	CHECK(f);
	if (all_archs && seccomp_arch_native() == SCMP_ARCH_X86_64)
		CHECK_EQ(seccomp_arch_add(f, SCMP_ARCH_X86), 0);
	va_start(names, all_archs);
	while ((name = va_arg(names, const char *)))
		CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_NOTIFY,
				 seccomp_syscall_resolve_name(name), 0),
			0);
	va_end(names);
	return f;
}

void spawn_target(struct sluice_supervisor *sv, scmp_filter_ctx filter,
	struct sluice_child *child, const char *name, const char *arg)
{
	char *argv[] = {self_path, (char *)"--target", (char *)name, (char *)arg, NULL};
	struct sluice_error error = {0};
	int rc;

	child->error = &error;
	rc = sluice_spawn(sv, filter, argv, child);
	if (rc)
		printf("# sluice_spawn: %d: %s\n", rc, error.message);
	CHECK_EQ(rc, 0);
	seccomp_release(filter);
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int wait_target(struct sluice_supervisor *sv, struct sluice_child *child)
{
	int status = -1, rc = sluice_wait(sv, child, &status);

	CHECK_EQ(rc, 0);
	return exit_status(status);
}

bool ends_unreaped(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	CHECK_EQ(uname(&u), 0);
	CHECK_EQ(sscanf(u.release, "%d.%d", &major, &minor), 2);
	return major > 6 || (major == 6 && minor >= 11);
}

static void *reap(void *data)
{
	struct reaper *reaper = data;

	CHECK_EQ(waitpid(reaper->child->pid, &reaper->status, 0), reaper->child->pid);
	return NULL;
}

void reap_meanwhile(struct reaper *reaper, struct sluice_child *child)
{
	*reaper = (struct reaper){.child = child};
	if (!ends_unreaped())
		CHECK_EQ(pthread_create(&reaper->thread, NULL, reap, reaper), 0);
}

int reaped(struct reaper *reaper, struct sluice_supervisor *sv)
{
	if (ends_unreaped())
		return wait_target(sv, reaper->child);
	CHECK_EQ(pthread_join(reaper->thread, NULL), 0);
	sluice_child_release(reaper->child);
	return exit_status(reaper->status);
}

int serve_target(struct sluice_supervisor *sv, struct sluice_child *child)
{
	struct reaper reaper;

	reap_meanwhile(&reaper, child);
	CHECK_EQ(sluice_run(sv), 0);
	CHECK_EQ(sluice_active(sv), 0);
	return reaped(&reaper, sv);
}

int answer_target(const char *target, const char *arg, const char *call, sluice_handler handler,
	void *data)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int rc;

	CHECK_EQ(sluice_on_name(sv, call, handler, data), 0);
	spawn_target(sv, filter_of(false, call, NULL), &child, target, arg);
	rc = wait_target(sv, &child);
	sluice_supervisor_free(sv);
	return rc;
}

static int pass_on(pid_t pid)
{
	int status = 0;
	pid_t ended;

	while ((ended = wait(&status)) != pid)
		if (ended < 0 && errno != EINTR)
			return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

bool foreign_shell(void)
{
	unsigned char head[5] = {0};
	int fd = open("/bin/sh", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, head, sizeof(head)) != sizeof(head))
		head[4] = 0;
	close(fd);
	return head[4] != (sizeof(void *) == 8 ? 2 : 1); /* ELFCLASS64, ELFCLASS32 */
}

void isolate(void)
{
	pid_t pid;

	if (geteuid() != 0)
		SKIP("needs root");
	if (unshare(CLONE_NEWPID | CLONE_NEWNS))
		SKIP("no namespaces");
	fflush(stdout);
	pid = fork();
	if (pid)
		_exit(pass_on(pid));
	CHECK_EQ(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
	CHECK_EQ(mount("proc", "/proc", "proc", 0, NULL), 0);
	pid = fork();
	if (pid)
		_exit(pass_on(pid));
}

bool is_filtered(void)
{
	char line[128];
	FILE *status = fopen("/proc/self/status", "r");
	int mode = 0;

	CHECK(status);
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "Seccomp: %d", &mode) == 1)
			break;
	fclose(status);
	return mode != 0;
}

void need_cap(int cap)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};

	syscall(SYS_capget, &header, data);
	if (geteuid() == 0 && !(data[cap / 32].effective >> (cap % 32) & 1))
		SKIP("this root lacks capability %d of capabilities(7)", cap);
}

void need_unshare(int flags)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(flags) != 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (status)
		SKIP("unshare(0x%x) is refused", (unsigned)flags);
}

static int run_target(int argc, char **argv)
{
	for (const struct target_main *t = targets; t->name; t++)
		if (strcmp(t->name, argv[2]) == 0)
			return t->main(argc - 3, argv + 3);
	return 125;
}

static bool *came_to_end; /* of the test that runs: for whichever process is the last to run it */

void end_test(void)
{
	*came_to_end = true;
	fflush(stdout);
	_exit(0);
}

/* In a process group of its own, so that whatever it leaves behind can be ended. */
static int run_one(const struct test *t, char *reason, size_t size)
{
	int status, rc;
	long n;
	pid_t pid;

	skip_file = tmpfile();
	*came_to_end = false;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		signal(SIGTERM, SIG_DFL);
		signal(SIGINT, SIG_DFL);
		still_going();
		t->run();
		*came_to_end = true;
		fflush(stdout);
		exit(0); /* with the sanitizers' last look */
	}
	running = pid;
	while ((rc = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
		;
	kill(-pid, SIGKILL);
	running = 0;
	rewind(skip_file);
	n = (long)fread(reason, 1, size - 1, skip_file);
	reason[n > 0 ? n : 0] = '\0';
	fclose(skip_file);
	if (WIFSIGNALED(status))
		printf("# ended by signal %d\n", WTERMSIG(status));
	if (WIFEXITED(status) && !WEXITSTATUS(status) && !*came_to_end) {
		printf("# exited before its end\n");
		return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

void need_int80(void)
{
#if defined(__x86_64__)
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int r = 20; /* getpid */

		signal(SIGSEGV, SIG_DFL);
		__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
		_exit(r > 0 ? 0 : 1);
	}
	if (waitpid(pid, &status, 0) == pid && status == 0)
		return;
	SKIP("this kernel makes no 32-bit calls");
#endif
	SKIP("int 0x80 is x86's");
}

int main(int argc, char **argv)
{
	int n = 0, bad = 0;
	const char *only = argc > 1 ? argv[1] : NULL;
	ssize_t length = readlink("/proc/self/exe", self_path, sizeof(self_path) - 1);

	self_path[length > 0 ? length : 0] = '\0';
	if (argc > 2 && strcmp(argv[1], "--target") == 0) {
		int rc = run_target(argc, argv);

		fflush(stdout);
		_exit(rc); /* a sanitizer's last look would fail in a chroot */
	}
	make_top_dir();
	came_to_end = mmap(NULL, sizeof(*came_to_end), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(came_to_end != MAP_FAILED);
	for (const struct test *t = tests; t->name; t++) {
		char reason[256];
		int rc;

		if (only && strcmp(only, t->name))
			continue;
		rc = run_one(t, reason, sizeof(reason));
		if (rc == 77)
			printf("ok %d - %s # SKIP %s\n", ++n, t->name, reason);
		else
			printf("%s %d - %s\n", rc ? "not ok" : "ok", ++n, t->name);
		bad |= rc && rc != 77;
		fflush(stdout);
	}
	remove_top_dir();
	printf("1..%d\n", n);
	return bad;
}
