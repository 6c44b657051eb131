/* A start is slow, or ends, at any call that its child makes before the program runs.
 * SPDX-License-Identifier: MIT */
#include "../../sluice/util/bare.h"
#include "inplace.h"

#include <stdarg.h>

DECLARE_REAL(syscall);
DECLARE_REAL(nanosleep);

static long (*real_syscall)(long, ...);
static pid_t supervisor; /* whose children are meant; 0: nobody's */
static int chosen;       /* which call of the child, or */
static long chosen_nr;   /* the first of this number */
static int chosen_sig;   /* what the child gets there; 0: it waits for a while */
static int *calls;       /* how many it has made: shared with it */
static bool doubles;     /* its thread sends its listener twice beside one byte */
static bool silent;      /* the child's filter notifies what it would say that it has it with */
static int naps;         /* of the supervisor */

#define PAUSE_MS 130 /* more than the library waits at a time */

static void __attribute__((constructor)) find_syscall(void)
{
	real_syscall = REAL(syscall);
}

static void BARE on_call(long nr)
{
	struct timespec t = {0, PAUSE_MS * 1000000};
	int n;

	if (!supervisor || real_syscall(SYS_getpid) == supervisor || (chosen_nr && nr != chosen_nr))
		return;
	n = __atomic_fetch_add(calls, 1, __ATOMIC_RELAXED);
	if (n == chosen && chosen_sig)
		real_syscall(SYS_tgkill, real_syscall(SYS_getpid), real_syscall(SYS_gettid),
			(long)chosen_sig);
	else if (n == chosen)
		real_syscall(SYS_nanosleep, &t, NULL);
}

/* The room that alignment leaves behind one descriptor. */
static void BARE send_twice(struct msghdr *h)
{
	struct cmsghdr *c = h->msg_control;

	if (h->msg_controllen < CMSG_LEN(2 * sizeof(int)))
		return;
	__builtin_memcpy(CMSG_DATA(c) + sizeof(int), CMSG_DATA(c), sizeof(int));
	c->cmsg_len = CMSG_LEN(2 * sizeof(int));
	__atomic_fetch_add(calls, 1000, __ATOMIC_RELAXED);
}

long BARE IN_PLACE_OF(syscall)(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	on_call(nr);
	if (doubles && nr == SYS_sendmsg && real_syscall(SYS_getpid) != supervisor)
		send_twice((struct msghdr *)a[1]);
	return real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int IN_PLACE_OF(nanosleep)(const struct timespec *t, struct timespec *rest)
{
	naps++;
	return REAL(nanosleep)(t, rest);
}

static void begin(void)
{
	if (getenv("SLUICE_TEST_VALGRIND"))
		SKIP("valgrind makes calls of its own in the child");
	calls = mmap(NULL, sizeof(*calls), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(calls != MAP_FAILED);
}

static void refuse_getfd(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(pidfd_getfd), 0), 0);
	CHECK_EQ(seccomp_load(f), 0);
	seccomp_release(f);
}

static int target_answered(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return syscall(SYS_mkdir, "x", 0) == 7 ? 0 : 1;
}

static int seven(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_reply(req, 7);
}

/* Of a spawn whose child meets @sig at its call @n; its end in @end, or -1. */
static int start(int n, int sig, struct sluice_error *error, int *end)
{
	char *argv[] = {self_path, (char *)"--target", (char *)"answered", NULL};
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	scmp_filter_ctx f = filter_of(false, MKDIR, silent ? "write" : NULL, NULL);
	int rc;

	still_going();
	CHECK_EQ(sluice_on_name(sv, "write", continue_it, NULL), 0);
	CHECK_EQ(sluice_on_name(sv, MKDIR, seven, NULL), 0);
	*calls = naps = 0;
	chosen = n;
	chosen_sig = sig;
	child.error = error;
	supervisor = getpid();
	rc = sluice_spawn(sv, f, argv, &child);
	*end = rc ? -1 : wait_target(sv, &child);
	supervisor = 0;
	if (rc)
		CHECK_EQ(child.pid, -1);
	seccomp_release(f);
	sluice_supervisor_free(sv);
	return rc;
}

/* ---- slow ---- */

static void on_signal(int sig)
{
	(void)sig;
}

/* What the supervisor waits for it goes on to wait for. */
static timer_t interrupt_often(void)
{
	struct sigaction interrupts = {.sa_handler = on_signal};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec often = {{0, 5000000}, {0, 5000000}};
	timer_t timer;

	CHECK_EQ(sigaction(SIGUSR1, &interrupts, NULL), 0);
	CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	CHECK_EQ(timer_settime(timer, 0, &often, NULL), 0);
	return timer;
}

/* All naps but the first ones are as long as a millisecond. */
static void slow_at(int n)
{
	struct sluice_error error = {0};
	uint64_t begun = now_ns();
	int end;

	CHECK_EQ(start(n, 0, &error, &end), 0);
	CHECK_EQ(end, 0);
	CHECK(naps <= 8 + (int)((now_ns() - begun) / 1000000u));
}

static void slow_at_each(void)
{
	timer_t timer;
	int n = 0;

	for (; n == 0 || n <= *calls; n++)
		slow_at(n);
	CHECK(n > 5);
	silent = true;
	chosen_nr = SYS_seccomp;
	slow_at(0);
	CHECK(naps > 0);
	chosen_nr = 0;
	timer = interrupt_often();
	for (n = 0; n == 0 || n <= *calls; n++) {
		struct sluice_error error = {0};
		int end;

		CHECK_EQ(start(n, 0, &error, &end), 0);
		CHECK_EQ(end, 0);
	}
	CHECK_EQ(timer_delete(timer), 0);
}

static void slow(void)
{
	begin();
	slow_at_each();
}

static void slow_without_getfd(void)
{
	begin();
	refuse_getfd();
	slow_at_each();
}

/* ---- one that says too much ---- */

/* What nobody asked for is closed, and the listener is taken. */
static void doubled(void)
{
	struct sluice_error error = {0};
	int end, before;

	begin();
	if (CMSG_SPACE(sizeof(int)) < CMSG_LEN(2 * sizeof(int)))
		SKIP("no room for a second descriptor beside one");
	refuse_getfd();
	before = count_fds();
	doubles = true;
	CHECK_EQ(start(-1, 0, &error, &end), 0);
	CHECK_EQ(end, 0);
	CHECK(*calls >= 1000);
	CHECK_EQ(settled_fds(before), before);
}

/* ---- killed ---- */

static void killed_at_each(void)
{
	int failed = 0, died = 0, n = 0, before = count_fds();

	for (; n == 0 || n <= *calls; n++) {
		struct sluice_error error = {0};
		int end, rc = start(n, SIGKILL, &error, &end);

		if (rc) {
			CHECK_EQ(rc, -ECHILD);
			CHECK(error.code == ECHILD && strstr(error.message, "died"));
			failed++;
		} else if (end) { /* once we had its listener */
			CHECK_EQ(end, 128 + SIGKILL);
			died++;
		}
		CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
	}
	CHECK(failed > 5 && died > 0);
	CHECK_EQ(settled_fds(before), before);
}

static void killed(void)
{
	begin();
	killed_at_each();
}

static void killed_without_getfd(void)
{
	begin();
	refuse_getfd();
	killed_at_each();
}

/* ---- stopped for ever ---- */

static void stop_at(long nr)
{
	struct sluice_error error = {0};
	int end, before = count_fds();

	chosen_nr = nr;
	CHECK_EQ(start(0, SIGSTOP, &error, &end), -ETIMEDOUT);
	CHECK(error.code == ETIMEDOUT && strstr(error.message, "stopped"));
	CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
	CHECK_EQ(settled_fds(before), before);
}

/* Each takes its ten seconds at the same time. */
static void stopped(void)
{
	int status;

	begin();
	fflush(stdout);
	if (fork() == 0) {
		stop_at(SYS_seccomp);
		_exit(0);
	}
	if (fork() == 0) { /* the thread that would send the listener */
		begin();
		refuse_getfd();
		stop_at(SYS_sendmsg);
		_exit(0);
	}
	for (int i = 0; i < 2; i++) {
		CHECK(wait(&status) > 0);
		CHECK_EQ(status, 0);
	}
}

/* ---- signals ---- */

static int *handled; /* shared with children */

static void on_any(int sig)
{
	*handled = sig;
}

/* A handler of the caller's never runs in the child, whose memory is a copy. */
static void handlers(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGUSR1, SIGTERM};
	struct sluice_error error = {0};
	int end;

	begin();
	chosen_nr = SYS_seccomp;
	handled = mmap(NULL, sizeof(*handled), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		0);
	CHECK(handled != MAP_FAILED);
	for (int i = 0; i <= 4; i++) {
		int sig = i < 4 ? signals[i] : SIGRTMAX;

		signal(sig, on_any);
		CHECK_EQ(start(0, sig, &error, &end), -ECHILD);
		CHECK_EQ(*handled, 0);
		raise(sig);
		CHECK_EQ(*handled, sig); /* here it does */
		*handled = 0;
		signal(sig, SIG_IGN);
		CHECK_EQ(start(0, sig, &error, &end), 0);
		CHECK_EQ(end, 0);
	}
}

const struct target_main targets[] = {{"answered", target_answered}, {NULL, NULL}};

const struct test tests[] = {
	{"slow at each call of the child", slow},
	{"the same, where a thread of it sends its listener", slow_without_getfd},
	{"a listener that is sent twice", doubled},
	{"killed at each call of the child", killed},
	{"the same, where a thread of it sends its listener", killed_without_getfd},
	{"stopped for ever: an end after ten seconds", stopped},
	{"signals that the caller handles", handlers},
	{NULL, NULL}};
