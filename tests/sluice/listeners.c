/* Listeners as objects: numbers, limits, refusing and removing one, and who frees a tag.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/time.h>

#define THREADS 12

static void *one_mkdir(void *data)
{
	(void)data;
	return (void *)(uintptr_t)(syscall(SYS_mkdir, "x", 0) ? errno : 0);
}

/* One call in each of THREADS threads; how many failed. */
static int target_flood(int argc, char **argv)
{
	pthread_t threads[THREADS];
	int bad = 0;
	void *result;

	(void)argc;
	(void)argv;
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, one_mkdir, NULL), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		bad += result != NULL;
	}
	return bad;
}

/* ARG: what its calls are to give, "0 1 38", in turn. Exit: 0, or the number of the wrong one. */
static int target_calls(int argc, char **argv)
{
	const char *at = argc > 0 ? argv[0] : "";

	for (int i = 1; *at; i++) {
		int want = (int)strtol(at, (char **)(uintptr_t)&at, 10);
		int rc = syscall(SYS_mkdir, "x", 0) ? errno : 0;

		if (rc != want) {
			printf("# call %d gives %d, not %d\n", i, rc, want);
			fflush(stdout);
			return i;
		}
	}
	return 0;
}

static struct {
	unsigned index;
	void *tag;
} last_end;
static atomic_int ends;

static void count_end(unsigned index, void *tag, void *data)
{
	last_end.index = index;
	last_end.tag = tag;
	CHECK(data == &ends);
	atomic_fetch_add(&ends, 1);
}

static struct sluice_supervisor *counting(const struct sluice_options *options)
{
	struct sluice_supervisor *sv = new_supervisor(options);

	sluice_on_listener_end(sv, count_end, &ends);
	return sv;
}

static void start(struct sluice_supervisor *sv, struct sluice_child *child, const char *name,
	const char *arg)
{
	spawn_target(sv, filter_of(false, MKDIR, NULL), child, name, arg);
}

/* ---- numbers ---- */

static int give_number(struct sluice_request *req, void *data)
{
	(void)data;
	CHECK(sluice_tag(req) == &((char *)data)[sluice_listener(req)]);
	return sluice_fail(req, 100 + (int)sluice_listener(req));
}

/* How many listeners we have, each of which cannot be added under another number. */
static int added_again(struct sluice_supervisor *sv)
{
	int n = 0;

	for (int fd = 3; fd < 100; fd++) {
		char link[64], text[64] = "";
		int again;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (readlink(link, text, sizeof(text) - 1) <= 0 || !strstr(text, "seccomp notify"))
			continue;
		again = dup(fd);
		CHECK_EQ(sluice_add_listener(sv, again, NULL), -EEXIST);
		close(again);
		n++;
	}
	return n;
}

static void numbers(void)
{
	struct sluice_supervisor *sv = counting(NULL);
	char tags[2];
	struct sluice_child a = SLUICE_CHILD_INIT, b = SLUICE_CHILD_INIT;

	a.tag = &tags[0];
	b.tag = &tags[1];
	CHECK_EQ(sluice_on_name(sv, MKDIR, give_number, tags), 0);
	start(sv, &a, "calls", "100 100");
	start(sv, &b, "calls", "101");
	CHECK_EQ(added_again(sv), 2);
	CHECK_EQ(wait_target(sv, &b), 0);
	CHECK_EQ(wait_target(sv, &a), 0);
	CHECK_EQ(sluice_run(sv), 0);
	sluice_supervisor_free(sv);
	CHECK_EQ(atomic_load(&ends), 2);
}

/* ---- limits ---- */

static struct sluice_request *held[THREADS];
static int held_count;

static int hold(struct sluice_request *req, void *data)
{
	(void)data;
	held[held_count++] = sluice_defer(req);
	return 0;
}

/* Until @n requests are held; no more of them come. */
static void settle(struct sluice_supervisor *sv, int n)
{
	while (held_count < n)
		CHECK(sluice_dispatch(sv, 100) >= 0);
	for (int i = 0; i < 20; i++)
		CHECK(sluice_dispatch(sv, 10) >= 0);
	CHECK_EQ(held_count, n);
}

static void limits(void)
{
	struct sluice_listener_statistics s = {.size = sizeof(s)};
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_child child = SLUICE_CHILD_INIT;

	CHECK_EQ(sluice_on_name(sv, MKDIR, hold, NULL), 0);
	start(sv, &child, "flood", NULL);
	CHECK_EQ(sluice_limit_listener(sv, 0, 3), 0);
	CHECK_EQ(sluice_limit_listener(sv, 1, 3), -ENOENT);
	settle(sv, 3);
	CHECK_EQ(sluice_listener_statistics(sv, 0, &s), 0);
	CHECK(s.paused && s.pending == 3);
	CHECK_EQ(sluice_reply(held[0], 0), 0);
	settle(sv, 4); /* one for one */
	CHECK_EQ(sluice_limit_listener(sv, 0, 0), 0);
	settle(sv, THREADS);
	for (int i = 1; i < THREADS; i++)
		CHECK_EQ(sluice_reply(held[i], 0), 0);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

/* ---- refusing ---- */

static int reply_and_refuse(struct sluice_request *req, void *data)
{
	CHECK_EQ(sluice_refuse_listener(data, sluice_listener(req)), 0);
	return sluice_reply(req, 0);
}

static void refused(bool keeper)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;

	o.default_errno = EPROTO;
	o.keeper = keeper;
	sv = counting(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, reply_and_refuse, sv), 0);
	start(sv, &child, "calls", "0 71 71");
	CHECK_EQ(wait_target(sv, &child), 0);
	CHECK_EQ(sluice_refuse_listener(sv, 7), -ENOENT);
	while (sluice_active(sv))
		CHECK(sluice_dispatch(sv, -1) >= 0);
	CHECK_EQ(atomic_load(&ends), 1); /* with its last target, not with the supervisor */
	sluice_supervisor_free(sv);
	CHECK_EQ(atomic_load(&ends), 1);
}

static void refuse(void)
{
	refused(false);
}

static void refuse_kept(void)
{
	refused(true);
}

/* ---- removing ---- */

static int remove_own(struct sluice_request *req, void *data)
{
	CHECK_EQ(sluice_remove_listener(data, sluice_listener(req)), 0);
	CHECK_EQ(sluice_remove_listener(data, sluice_listener(req)), -ENOENT);
	CHECK_EQ(sluice_alive(req), -ENOENT);
	CHECK_EQ(sluice_reply(req, 0), -ENOENT);
	return 0;
}

static void removed(bool keeper)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int tag, before = count_fds();

	o.keeper = keeper;
	sv = counting(&o);
	child.tag = &tag;
	CHECK_EQ(sluice_on_name(sv, MKDIR, remove_own, sv), 0);
	start(sv, &child, "calls", "1 38 38"); /* EPERM, ENOSYS */
	CHECK_EQ(wait_target(sv, &child), 0);
	CHECK_EQ(sluice_active(sv), 0);
	CHECK(sluice_dispatch(sv, 0) >= 0);
	CHECK(atomic_load(&ends) == 1 && last_end.index == 0 && last_end.tag == &tag);
	sluice_supervisor_free(sv);
	CHECK_EQ(atomic_load(&ends), 1);
	CHECK_EQ(settled_fds(before), before);
}

static void remove_in_handler(void)
{
	removed(false);
}

static void remove_kept(void)
{
	removed(true);
}

static void note_cancel(struct sluice_request *req, void *data)
{
	(void)req;
	++*(int *)data;
}

static int hold_cancellable(struct sluice_request *req, void *data)
{
	held[held_count++] = sluice_defer(req);
	return sluice_on_cancel(req, note_cancel, data);
}

/* A holder may take its time: the target does not wait for it, and the tag is not freed. */
static void remove_held(void)
{
	struct sluice_supervisor *sv = counting(NULL);
	struct sluice_child child = SLUICE_CHILD_INIT;
	int cancelled = 0;

	CHECK_EQ(sluice_on_name(sv, MKDIR, hold_cancellable, &cancelled), 0);
	start(sv, &child, "calls", "1 38");
	while (!held_count)
		CHECK(sluice_dispatch(sv, -1) >= 0);
	CHECK_EQ(sluice_remove_listener(sv, 0), 0);
	CHECK_EQ(wait_target(sv, &child), 0);
	/* The target may be gone before the wait looks at anything else. */
	CHECK(sluice_dispatch(sv, 0) >= 0);
	CHECK_EQ(cancelled, 1);
	CHECK(sluice_tag(held[0]) == NULL && sluice_listener(held[0]) == 0);
	CHECK_EQ(atomic_load(&ends), 0);
	CHECK_EQ(sluice_reply(held[0], 0), -ENOENT);
	CHECK_EQ(atomic_load(&ends), 1);
	sluice_supervisor_free(sv);
}

static atomic_int entered, released;

static int sleep_in_worker(struct sluice_request *req, void *data)
{
	(void)data;
	atomic_fetch_add(&entered, 1);
	while (sluice_alive(req) == 0)
		usleep(1000);
	return sluice_reply(req, 0) == -ENOENT ? 0 : -EIO;
}

static void count_release(void *data)
{
	(void)data;
	atomic_fetch_add(&released, 1);
}

static int to_worker(struct sluice_request *req, void *data)
{
	return sluice_work_owned(req, sleep_in_worker, data, count_release);
}

static uint64_t pending(struct sluice_supervisor *sv)
{
	struct sluice_statistics s = {.size = sizeof(s)};

	CHECK_EQ(sluice_statistics(sv, &s), 0);
	return s.pending;
}

/* With workers inside and requests that wait for them. */
static void remove_working(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT, good = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;

	o.workers = 2;
	sv = counting(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, to_worker, NULL), 0);
	start(sv, &child, "flood", NULL);
	while (atomic_load(&entered) < 2 || pending(sv) < THREADS)
		CHECK(sluice_dispatch(sv, 10) >= 0);
	CHECK_EQ(sluice_remove_listener(sv, 0), 0);
	CHECK_EQ(wait_target(sv, &child), THREADS);
	while (!atomic_load(&ends))
		CHECK(sluice_dispatch(sv, 10) >= 0);
	CHECK_EQ(atomic_load(&entered), 2);
	CHECK_EQ(atomic_load(&released), THREADS);
	/* And the supervisor serves others. */
	CHECK_EQ(sluice_on_name(sv, MKDIR, continue_it, NULL), 0);
	start(sv, &good, "calls", CALL_ON_DIRECTORY);
	CHECK(mkdir("x", 0700) == 0 || errno == EEXIST);
	CHECK_EQ(wait_target(sv, &good), 0);
	sluice_supervisor_free(sv);
	CHECK_EQ(atomic_load(&ends), 2);
	CHECK_EQ(rmdir("x"), 0);
}

static void remove_with_workers(void)
{
	CHECK_EQ(chdir(scratch_dir()), 0);
	remove_working();
}

/* ---- removing while a verdict is on its way ---- */

static atomic_int sending, removed_now;

/* What libsluice calls to give a descriptor: here the worker loses the processor for a while, as it
 * may at any time. */
int ioctl(int fd, unsigned long number, ...)
{
	va_list args;
	void *arg;

	va_start(args, number);
	arg = va_arg(args, void *);
	va_end(args);
	if (number == SECCOMP_IOCTL_NOTIF_ADDFD && !atomic_exchange(&sending, 1))
		for (int i = 0; i < 200 && !atomic_load(&removed_now); i++)
			usleep(1000);
	return (int)syscall(SYS_ioctl, fd, number, arg);
}

static int give_null(struct sluice_request *req, void *data)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), rc;

	rc = sluice_reply_fd(req, fd, 0);
	close(fd);
	*(int *)data = rc;
	return 0;
}

static int give_in_worker(struct sluice_request *req, void *data)
{
	return sluice_work(req, give_null, data);
}

/* One call, which must give a descriptor. */
static int target_given(int argc, char **argv)
{
	int fd = (int)syscall(SYS_mkdir, "x", 0);

	(void)argc;
	(void)argv;
	if (fd < 0)
		return errno;
	return fcntl(fd, F_GETFD) < 0 ? 200 : 0;
}

static void remove_sending(void)
{
	struct sluice_supervisor *sv = counting(NULL);
	struct sluice_child child = SLUICE_CHILD_INIT;
	int result = 1;

	CHECK_EQ(sluice_on_name(sv, MKDIR, give_in_worker, &result), 0);
	start(sv, &child, "given", NULL);
	while (!atomic_load(&sending))
		CHECK(sluice_dispatch(sv, 10) >= 0);
	CHECK_EQ(sluice_remove_listener(sv, 0), 0);
	atomic_store(&removed_now, 1);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
	CHECK_EQ(result, 0);
}

/* sluice_run() returns when the last listener is removed; that is the end of it. */
static int remove_second(struct sluice_request *req, void *data)
{
	static int calls;

	if (++calls == 20)
		CHECK_EQ(sluice_remove_listener(data, 0), 0);
	return sluice_reply(req, 0);
}

static void remove_running(void)
{
	struct sluice_supervisor *sv = counting(NULL);
	struct sluice_child child = SLUICE_CHILD_INIT;

	CHECK_EQ(sluice_on_name(sv, MKDIR, remove_second, sv), 0);
	start(sv, &child, "calls", "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 38");
	CHECK_EQ(sluice_run(sv), 0);
	CHECK_EQ(atomic_load(&ends), 1);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
	CHECK_EQ(atomic_load(&ends), 1);
}

/* The number cannot be taken away from its holders: then nothing happens. */
static void remove_above_limit(void)
{
	struct sluice_supervisor *sv = counting(NULL);
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct rlimit old, low = {3, 0};

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	low.rlim_max = old.rlim_max;
	CHECK_EQ(sluice_on_name(sv, MKDIR, hold, NULL), 0);
	start(sv, &child, "calls", "1 38");
	while (!held_count)
		CHECK(sluice_dispatch(sv, -1) >= 0);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
	CHECK_EQ(sluice_remove_listener(sv, 0), -EMFILE);
	low.rlim_cur = (rlim_t)listener_number();
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
	CHECK_EQ(sluice_remove_listener(sv, 0), -EMFILE);
	CHECK_EQ(sluice_alive(held[0]), 0);
	low.rlim_cur++;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
	CHECK_EQ(sluice_remove_listener(sv, 0), 0);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	CHECK_EQ(wait_target(sv, &child), 0);
	CHECK_EQ(sluice_reply(held[0], 0), -ENOENT);
	sluice_supervisor_free(sv);
	CHECK_EQ(atomic_load(&ends), 1);
}

/* ---- structures of other sizes ---- */

static void sizes(void)
{
	struct {
		struct sluice_statistics known;
		uint64_t newer;
	} s = {.known = {.size = sizeof(s)}, .newer = 7};
	struct sluice_supervisor *sv = new_supervisor(NULL);

	CHECK_EQ(sluice_statistics(sv, &s.known), 0);
	CHECK(s.known.size == sizeof(s) && s.newer == 0);
	s.known.size = sizeof(s.known) - 1;
	CHECK_EQ(sluice_statistics(sv, &s.known), -EINVAL);
	sluice_supervisor_free(sv);
}

/* ---- waiting in RECV ---- */

static int target_idle(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	CHECK_EQ(syscall(SYS_mkdir, "x", 0), -1);
	for (;;)
		pause();
}

static void ring(int sig)
{
	(void)sig;
}

/* What the wait of 1 ms after a request ends with. The timer rings again and again, so
 * one that came too early does no harm. */
static int ended_by(bool receive_waits)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct itimerval timer = {{0, 200000}, {0, 200000}}, none = {{0, 0}, {0, 0}};
	struct sigaction sa = {.sa_handler = ring};
	struct sluice_supervisor *sv;
	int rc;

	o.receive_waits = receive_waits;
	sv = new_supervisor(&o);
	start(sv, &child, "idle", NULL);
	while ((rc = sluice_dispatch(sv, 100)) == 0)
		;
	CHECK_EQ(rc, 1);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	rc = sluice_dispatch(sv, 1);
	setitimer(ITIMER_REAL, &none, NULL);
	CHECK_EQ(kill(child.pid, SIGKILL), 0);
	CHECK_EQ(wait_target(sv, &child), 128 + SIGKILL);
	sluice_supervisor_free(sv);
	return rc;
}

static void receive_waits(void)
{
	if (!ends_unreaped())
		SKIP("RECV does not end with the last target before Linux 6.11");
	CHECK_EQ(ended_by(true), -EINTR);
	for (int i = 0; i < 10; i++) /* a signal may come first here */
		if (ended_by(false) == 0)
			return;
	CHECK(!"a timeout ends the wait");
}

const struct target_main targets[] = {{"flood", target_flood}, {"calls", target_calls},
	{"given", target_given}, {"idle", target_idle}, {NULL, NULL}};
const struct test tests[] = {{"a request knows the number of its listener", numbers},
	{"a limit of its own, raised and taken away", limits},
	{"a refused listener: the default errno", refuse},
	{"a refused listener that a keeper has", refuse_kept},
	{"removed by the handler of its own request: then ENOSYS", remove_in_handler},
	{"removed, and a keeper had it", remove_kept},
	{"removed while a request is held", remove_held},
	{"removed while workers have its requests", remove_with_workers},
	{"removed while a worker gives a descriptor: that arrives", remove_sending},
	{"removed by a handler in sluice_run(): its end is told", remove_running},
	{"removed, and its number is above the limit by now", remove_above_limit},
	{"counters for callers that know more or fewer of them", sizes},
	{"receive_waits: a signal ends the wait, the timeout does not", receive_waits},
	{NULL, NULL}};
