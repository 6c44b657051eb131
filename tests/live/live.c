/* Runs tests, one child each, and prints TAP.
 * SPDX-License-Identifier: MIT */
#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HANG_SECONDS 120

enum {
	EXIT_FAILED = 101,
	EXIT_SKIPPED
};

struct outcome {
	int state; /* EXIT_FAILED or EXIT_SKIPPED, set once; 0 so far */
	char text[400];
};
static struct outcome *outcome;

static void end_test(int state, const char *text)
{
	int none = 0;

	if (__atomic_compare_exchange_n(
		    &outcome->state, &none, state, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		strncpy(outcome->text, text, sizeof(outcome->text) - 1);
	_exit(state);
}

void live_fail(const char *file, int line, const char *what, long long got)
{
	char text[sizeof(outcome->text)];
	const char *base = strrchr(file, '/');
	int error = errno;

	snprintf(text, sizeof(text), "%s:%d: %s: got %lld, errno %d (%s)",
		base ? base + 1 : file, line, what, got, error, strerror(error));
	end_test(EXIT_FAILED, text);
	__builtin_unreachable();
}

void live_skip(const char *reason)
{
	end_test(EXIT_SKIPPED, reason);
	__builtin_unreachable();
}

void *live_shared(size_t size)
{
	void *p = mmap(
		NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

scmp_filter_ctx live_filter(int nr, uint32_t action)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	CHECK(ctx != NULL);
	CHECK_EQ(seccomp_rule_add(ctx, action, nr, 0), 0);
	return ctx;
}

int live_loaded(int nr, uint32_t action)
{
	scmp_filter_ctx ctx = live_filter(nr, action);
	int fd = -1;

	CHECK_EQ(seccomp_load(ctx), 0);
	if (action == SCMP_ACT_NOTIFY) {
		fd = seccomp_notify_fd(ctx);
		CHECK(fd >= 0);
	}
	seccomp_release(ctx);
	return fd;
}

void live_break(int nr, int arg, uint32_t value, int error)
{
	unsigned int low =
		arg < 0 ? 0
			: offsetof(struct seccomp_data, args[arg]) +
				  (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arg < 0 ? (uint32_t)nr : value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(filter) / sizeof(filter[0]), filter};

	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0), 0);
}

pid_t live_fork(int listener, void (*body)(void *), void *data)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid > 0)
		return pid;
	if (listener >= 0)
		close(listener);
	body(data);
	_exit(0);
}

int live_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		CHECK_EQ(errno, EINTR);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

void live_wait_ok(pid_t pid)
{
	int rc = live_wait(pid);

	if (outcome->state)
		_exit(outcome->state);
	CHECK_EQ(rc, 0);
}

void live_await(int listener)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};

	while (poll(&p, 1, -1) == -1)
		CHECK_EQ(errno, EINTR);
	CHECK(p.revents & POLLIN);
}

int live_open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count;
}

void live_need_kernel(int major, int minor, const char *what)
{
	struct utsname name;
	int have_major = 0, have_minor = 0;
	char reason[100];

	CHECK_EQ(uname(&name), 0);
	CHECK_EQ(sscanf(name.release, "%d.%d", &have_major, &have_minor), 2);
	if (have_major > major || (have_major == major && have_minor >= minor))
		return;
	snprintf(reason, sizeof(reason), "the kernel has no %s (before %d.%d)", what,
		major, minor);
	live_skip(reason);
}

/* The child leads a process group, so that what it leaves behind can be ended with it. */
static int run_alone(void (*run)(void))
{
	struct timespec limit = {.tv_sec = HANG_SECONDS};
	sigset_t chld;
	pid_t pid;
	int status = -1;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	fflush(stdout);
	pid = fork();
	if (pid == -1)
		return -1;
	if (pid == 0) {
		setpgid(0, 0);
		sigprocmask(SIG_UNBLOCK, &chld, NULL);
		run();
		_exit(0);
	}
	setpgid(pid, pid);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (sigtimedwait(&chld, NULL, &limit) == -1 && errno == EAGAIN) {
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			strcpy(outcome->text, "hangs");
			return -1;
		}
	}
	kill(-pid, SIGKILL);
	return status;
}

static int failures, number;

static void run_test(const struct live_test *test)
{
	int status;

	memset(outcome, 0, sizeof(*outcome));
	status = run_alone(test->run);
	number++;
	if (outcome->state == EXIT_SKIPPED) {
		printf("ok %d - %s # SKIP %s\n", number, test->name, outcome->text);
	} else if (status == 0 && outcome->state == 0) {
		printf("ok %d - %s\n", number, test->name);
	} else {
		failures++;
		printf("not ok %d - %s\n# status 0x%x: %s\n", number, test->name,
			(unsigned int)status, outcome->text);
	}
}

int live_main(int argc, char **argv, const struct live_test *const *suites)
{
	outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (outcome == MAP_FAILED)
		return 1;
	for (; *suites; suites++)
		for (const struct live_test *t = *suites; t->name; t++)
			if (argc < 2 || strstr(t->name, argv[1]))
				run_test(t);
	printf("1..%d\n", number);
	return failures > 0 || number == 0;
}
