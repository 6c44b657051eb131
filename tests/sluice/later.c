/* Deferral: threads, workers, time-outs, cancellation, and a full journal.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <sched.h>
#include <stdatomic.h>

static int target_mkdir(int argc, char **argv)
{
	int n = argc > 0 ? atoi(argv[0]) : 1;

	for (int i = 0; i < n; i++) {
		long rc = syscall(SYS_mkdir, "x", i);

		if (rc != i)
			return rc < 0 ? errno : 200;
	}
	return 0;
}

struct box {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct sluice_request *req;
};

static void *answer(void *data)
{
	struct box *box = data;

	for (int i = 0; i < 1000; i++) {
		struct sluice_request *req;
		char text[4];

		pthread_mutex_lock(&box->lock);
		while (!box->req)
			pthread_cond_wait(&box->filled, &box->lock);
		req = box->req;
		box->req = NULL;
		pthread_mutex_unlock(&box->lock);
		CHECK_EQ(sluice_read_string(req, sluice_arg(req, 0), text, sizeof(text)), 1);
		CHECK(sluice_tgid(req) > 0);
		CHECK_EQ(sluice_reply(req, sluice_arg_int(req, 1)), 0);
	}
	return NULL;
}

static int put(struct sluice_request *req, void *data)
{
	struct box *box = data;

	pthread_mutex_lock(&box->lock);
	box->req = sluice_defer(req);
	pthread_cond_signal(&box->filled);
	pthread_mutex_unlock(&box->lock);
	return 0;
}

static void own_thread(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct box box = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL};
	pthread_t t;

	CHECK_EQ(sluice_on_name(sv, MKDIR, put, &box), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "mkdir", "1000");
	pthread_create(&t, NULL, answer, &box);
	CHECK_EQ(wait_target(sv, &child), 0);
	pthread_join(t, NULL);
	sluice_supervisor_free(sv);
}

static int slow(struct sluice_request *req, void *data)
{
	(void)data;
	if (sluice_arg_int(req, 1) == 0)
		usleep(200000);
	return sluice_reply(req, sluice_arg_int(req, 1));
}

static int to_worker(struct sluice_request *req, void *data)
{
	return sluice_work(req, slow, data);
}

static int target_threads(int argc, char **argv);

static void *ask(void *data)
{
	long n = (long)data;

	for (int i = 1; i <= n; i++)
		if (syscall(SYS_mkdir, "x", i) != i)
			return (void *)1;
	return NULL;
}

static int target_threads(int argc, char **argv)
{
	pthread_t t[16];
	long bad = 0, n = argc > 0 ? atol(argv[0]) : 10;

	(void)argv;
	for (int i = 0; i < 16; i++)
		pthread_create(&t[i], NULL, ask, (void *)n);
	for (int i = 0; i < 16; i++) {
		void *rc;

		pthread_join(t[i], &rc);
		bad += rc != NULL;
	}
	return (int)bad;
}

static void workers(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_statistics s = {.size = sizeof(s)};

	CHECK_EQ(sluice_on_name(sv, MKDIR, to_worker, NULL), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "threads", "100");
	CHECK_EQ(wait_target(sv, &child), 0);
	do
		sluice_statistics(sv, &s);
	while (s.pending);
	CHECK_EQ(s.replied, 1600);
	sluice_supervisor_free(sv);
}

/* A tiny journal: receiving pauses and resumes, nothing is lost. */
static void full_journal(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;

	o.max_pending = 2;
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, to_worker, NULL), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "threads", "200");
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

static int sleep_in_loop(struct sluice_request *req, void *data)
{
	if (sluice_arg_int(req, 1) == 0) {
		usleep(600000);
		*(int *)data = sluice_reply(req, 0);
		return 0;
	}
	return sluice_reply(req, sluice_arg_int(req, 1));
}

/* Late on the loop itself: the clock answers while the handler is stuck. */
static void late_on_loop(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	struct sluice_statistics s = {.size = sizeof(s)};
	int rc = 0;

	o.timeout_ms = 100;
	o.default_errno = ETIME;
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, sleep_in_loop, &rc), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "mkdir", NULL);
	CHECK_EQ(wait_target(sv, &child), ETIME);
	CHECK_EQ(rc, -ETIMEDOUT);
	sluice_statistics(sv, &s);
	CHECK_EQ(s.timed_out, 1);
	CHECK_EQ(s.replied, 0);
	sluice_supervisor_free(sv);
}

struct cancelled {
	int calls;
	struct sluice_request *req;
};

static void on_cancel(struct sluice_request *req, void *data)
{
	struct cancelled *c = data;

	CHECK(req == c->req);
	c->calls++;
}

static int hold(struct sluice_request *req, void *data)
{
	struct cancelled *c = data;

	c->req = sluice_defer(req);
	CHECK_EQ(sluice_on_cancel(req, on_cancel, c), 0);
	return 0;
}

static int hold_briefly(struct sluice_request *req, void *data)
{
	hold(req, data);
	return sluice_set_timeout(req, 100);
}

static int hold_and_fail(struct sluice_request *req, void *data)
{
	hold(req, data);
	return -EIO;
}

/* The target is not left waiting for a holder who may never have heard of it. */
static void failed_after_deferring(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct cancelled c = {0, NULL};

	CHECK_EQ(sluice_on_name(sv, MKDIR, hold_and_fail, &c), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "mkdir", NULL);
	CHECK_EQ(wait_target(sv, &child), EPERM);
	while (!c.calls)
		CHECK(sluice_dispatch(sv, 10000) >= 0);
	CHECK_EQ(sluice_reply(c.req, 0), -EALREADY);
	CHECK_EQ(c.calls, 1);
	sluice_supervisor_free(sv);
}

static void late_elsewhere(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct cancelled c = {0, NULL};

	CHECK_EQ(sluice_on_name(sv, MKDIR, hold_briefly, &c), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "mkdir", NULL);
	CHECK_EQ(wait_target(sv, &child), EPERM);
	while (!c.calls)
		CHECK(sluice_dispatch(sv, 10000) >= 0);
	CHECK_EQ(sluice_reply(c.req, 0), -ETIMEDOUT);
	CHECK_EQ(c.calls, 1);
	sluice_supervisor_free(sv);
}

static void target_killed(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct cancelled c = {0, NULL};

	CHECK_EQ(sluice_on_name(sv, MKDIR, hold, &c), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "mkdir", NULL);
	while (!c.req)
		CHECK(sluice_dispatch(sv, 10000) >= 0);
	kill(child.pid, SIGKILL);
	while (!c.calls)
		CHECK(sluice_dispatch(sv, 10000) >= 0);
	CHECK_EQ(sluice_fail(c.req, EIO), -ENOENT);
	CHECK_EQ(wait_target(sv, &child), 128 + SIGKILL);
	sluice_supervisor_free(sv);
}

/* The supervisor ends before a deferred request: default errno, then a void verdict. */
static void freed_first(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct cancelled c = {0, NULL};
	int status;

	CHECK_EQ(sluice_on_name(sv, MKDIR, hold, &c), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "mkdir", NULL);
	while (!c.req)
		CHECK(sluice_dispatch(sv, 10000) >= 0);
	sluice_supervisor_free(sv);
	CHECK_EQ(waitpid(child.pid, &status, 0), child.pid);
	CHECK_EQ(WEXITSTATUS(status), EPERM);
	/* No clock starts for what is over. */
	CHECK_EQ(sluice_set_timeout(c.req, 1), -ENOENT);
	CHECK_EQ(sluice_on_cancel(c.req, on_cancel, &c), -ENOENT);
	CHECK_EQ(sluice_reply(c.req, 0), -ENOENT);
	CHECK_EQ(c.calls, 1);
	sluice_child_release(&child);
}

/* ---- workers that wait for each other, or for ever ---- */

static int pipe_ends[2];

static int wait_for_byte(struct sluice_request *req, void *data)
{
	char c;

	(void)data;
	CHECK(read(pipe_ends[0], &c, 1) == 1);
	return sluice_reply(req, 0);
}

static int send_byte(struct sluice_request *req, void *data)
{
	(void)data;
	CHECK(write(pipe_ends[1], "", 1) == 1);
	return sluice_reply(req, 0);
}

struct pair {
	bool warm; /* there is a worker */
	struct sluice_request *first;
};

static int reply_zero(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_reply(req, 0);
}

/* One worker is idle; then two calls, of which the first waits for the second. */
static int pair_up(struct sluice_request *req, void *data)
{
	struct pair *p = data;

	if (!p->warm) {
		p->warm = true;
		return sluice_work(req, reply_zero, NULL);
	}
	if (!p->first) {
		p->first = sluice_defer(req);
		return 0;
	}
	CHECK_EQ(sluice_work(p->first, wait_for_byte, NULL), 0);
	return sluice_work(req, send_byte, NULL);
}

static void *call_often(void *data)
{
	for (int i = 0; i < *(int *)data; i++)
		syscall(SYS_mkdir, "x", 0);
	return NULL;
}

static int target_pair(int argc, char **argv)
{
	int n = argc > 0 ? atoi(argv[0]) : 1;
	pthread_t t;

	syscall(SYS_mkdir, "x", 0);
	pthread_create(&t, NULL, call_often, &n);
	call_often(&n);
	pthread_join(t, NULL);
	return 0;
}

static void one_waits_for_another(void)
{
	CHECK_EQ(pipe(pipe_ends), 0);
	for (int i = 0; i < 50; i++) {
		struct sluice_child child = SLUICE_CHILD_INIT;
		struct sluice_supervisor *sv = new_supervisor(NULL);
		struct pair pair = {false, NULL};

		CHECK_EQ(sluice_on_name(sv, MKDIR, pair_up, &pair), 0);
		spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "pair", "1");
		CHECK_EQ(wait_target(sv, &child), 0);
		sluice_supervisor_free(sv);
	}
}

static void wake_it(struct sluice_request *req, void *data)
{
	(void)req;
	CHECK(write(*(int *)data, "", 1) == 1);
}

static atomic_int begun;

/* What the callback is given lies in this frame: it must not run when this has returned. */
static int wait_for_end(struct sluice_request *req, void *data)
{
	int fd = pipe_ends[1], rc = sluice_on_cancel(req, wake_it, &fd);
	char c;

	(void)data;
	CHECK_EQ(rc, 0);
	atomic_store(&begun, 1);
	CHECK(read(pipe_ends[0], &c, 1) == 1);
	rc = sluice_reply(req, 0);
	fd = -1;
	CHECK_EQ(rc, -ENOENT);
	return 0;
}

static int give_to_worker(struct sluice_request *req, void *data)
{
	return sluice_work(req, wait_for_end, data);
}

static void freed_while_one_waits(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int status;

	CHECK_EQ(pipe(pipe_ends), 0);
	CHECK_EQ(sluice_on_name(sv, MKDIR, give_to_worker, NULL), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "mkdir", NULL);
	while (!atomic_load(&begun))
		CHECK(sluice_dispatch(sv, 10) >= 0);
	sluice_supervisor_free(sv);
	CHECK_EQ(waitpid(child.pid, &status, 0), child.pid);
	CHECK_EQ(WEXITSTATUS(status), EPERM);
	sluice_child_release(&child);
}

/* Cancelled again and again: a callback never meets a frame that has ended. */
static void look_at_it(struct sluice_request *req, void *data)
{
	(void)req;
	for (int i = 0; i < 20; i++) {
		CHECK(atomic_load((atomic_int *)data) == 1);
		sched_yield();
	}
}

static int wait_briefly(struct sluice_request *req, void *data)
{
	atomic_int alive = 1;
	int rc = sluice_on_cancel(req, look_at_it, &alive);

	(void)data;
	CHECK(rc == 0 || rc == -ENOENT);
	while (sluice_alive(req) == 0)
		sched_yield(); /* the verdict comes when its time is just up */
	sluice_reply(req, 0);
	atomic_store(&alive, 0);
	return 0;
}

static int give_millisecond(struct sluice_request *req, void *data)
{
	CHECK_EQ(sluice_set_timeout(req, 1), 0);
	return sluice_work(req, wait_briefly, data);
}

static void cancelled_at_the_end(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_statistics s = {.size = sizeof(s)};

	CHECK_EQ(sluice_on_name(sv, MKDIR, give_millisecond, NULL), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "pair", "200");
	CHECK_EQ(wait_target(sv, &child), 0);
	do /* the last is counted after the target has its answer */
		sluice_statistics(sv, &s);
	while (s.pending);
	CHECK_EQ(s.received, 401);
	CHECK_EQ(s.timed_out, 401);
	sluice_supervisor_free(sv);
}

/* The one worker's next handler knows that the frame of the last has ended. */
static atomic_int frames_begun, frame_ended[512];

static void look_at_frame(struct sluice_request *req, void *data)
{
	(void)req;
	for (int i = 0; i < 20; i++) {
		CHECK(atomic_load((atomic_int *)data) == 0);
		sched_yield();
	}
}

static int fail_when_late(struct sluice_request *req, void *data)
{
	int n = atomic_fetch_add(&frames_begun, 1);
	int rc = sluice_on_cancel(req, look_at_frame, &frame_ended[n]);

	(void)data;
	CHECK(rc == 0 || rc == -ENOENT);
	if (n)
		atomic_store(&frame_ended[n - 1], 1);
	while (sluice_alive(req) == 0)
		sched_yield();
	return -EIO;
}

static int give_millisecond_to_fail(struct sluice_request *req, void *data)
{
	CHECK_EQ(sluice_set_timeout(req, 1), 0);
	return sluice_work(req, fail_when_late, data);
}

static void cancelled_then_failed(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;

	o.workers = 1;
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, give_millisecond_to_fail, NULL), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "pair", "200");
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
	CHECK(atomic_load(&frames_begun) > 1);
}

static int again(struct sluice_request *req, void *data)
{
	CHECK_EQ(sluice_dispatch(data, 0), -EBUSY);
	CHECK_EQ(sluice_hand_over(data, 0), -EBUSY);
	return sluice_reply(req, 0);
}

static void not_from_inside(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);

	CHECK_EQ(sluice_on_name(sv, MKDIR, again, sv), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "mkdir", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

const struct target_main targets[] = {
	{"mkdir", target_mkdir}, {"threads", target_threads}, {"pair", target_pair}, {NULL, NULL}};
const struct test tests[] = {
	{"a thread of the caller answers 1000", own_thread},
	{"workers answer 16 threads", workers},
	{"a journal of two slots", full_journal},
	{"late while the loop is stuck in the handler", late_on_loop},
	{"a handler that fails after it deferred", failed_after_deferring},
	{"late while deferred, with its callback", late_elsewhere},
	{"the target killed while deferred, with its callback", target_killed},
	{"the supervisor freed before the verdict", freed_first},
	{"a worker waits for a call that comes after its own", one_waits_for_another},
	{"the supervisor freed while a worker waits", freed_while_one_waits},
	{"callbacks end with the verdict", cancelled_at_the_end},
	{"callbacks end with a worker's handler that fails late", cancelled_then_failed},
	{"no dispatch from inside a handler", not_from_inside},
	{NULL, NULL}};
