/* Time limits: many at once, taken away, shortened, and what comes too late for them.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <sys/resource.h>

#define MANY 150 /* more than the clock ends in one go */

static void *one_mkdir(void *data)
{
	return (void *)(intptr_t)(syscall(SYS_mkdir, "x", data) == 0 ? 0 : errno);
}

/* One call in each of argv[0] threads: how many did not fail with ETIME. */
static int target_flood(int argc, char **argv)
{
	int n = argc > 0 ? atoi(argv[0]) : 1, bad = 0;
	pthread_t threads[MANY];

	for (long i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, one_mkdir, (void *)i))
			return 255;
	for (int i = 0; i < n; i++) {
		void *result;

		pthread_join(threads[i], &result);
		bad += result != (void *)ETIME;
	}
	return bad;
}

static struct sluice_request *held[MANY];
static int n_held;
static atomic_int told;

static void tell(struct sluice_request *req, void *data)
{
	(void)req;
	(void)data;
	atomic_fetch_add(&told, 1);
}

static int hold(struct sluice_request *req, void *data)
{
	held[n_held++] = sluice_defer(req);
	return data ? sluice_on_cancel(req, tell, NULL) : 0;
}

static int fds_before;

static struct sluice_supervisor *holding(unsigned timeout_ms, struct sluice_child *child, const char *count,
	void *cancels)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;

	fds_before = count_fds();
	o.timeout_ms = timeout_ms;
	o.default_errno = ETIME;
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, hold, cancels), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), child, "flood", count);
	while (n_held < atoi(count))
		CHECK(sluice_dispatch(sv, -1) >= 0);
	return sv;
}

/* With all that it had: a request that somebody has still would keep it. */
static void end(struct sluice_supervisor *sv)
{
	sluice_supervisor_free(sv);
	CHECK_EQ(settled_fds(fds_before), fds_before);
}

static sem_t in_log, go_on;
static atomic_bool was_in_log;

static void wait_in_log(const char *line, size_t length, void *data)
{
	(void)line;
	(void)length;
	(void)data;
	if (atomic_exchange(&was_in_log, true))
		return;
	sem_post(&in_log);
	while (sem_wait(&go_on))
		;
}

/* While the clock is busy with one, all others become late. */
static void many_at_once(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	char count[8];
	struct sluice_supervisor *sv;
	struct sluice_statistics s = {.size = sizeof(s)};

	snprintf(count, sizeof(count), "%d", MANY);
	CHECK(sem_init(&in_log, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
	sv = holding(0, &child, count, &told);
	sluice_set_log(sv, wait_in_log, NULL);
	CHECK_EQ(sluice_set_timeout(held[MANY - 1], 1), 0);
	while (sem_wait(&in_log))
		;
	for (int i = 0; i < MANY - 1; i++)
		CHECK_EQ(sluice_set_timeout(held[i], 1), 0);
	usleep(2000);
	sem_post(&go_on);
	CHECK_EQ(wait_target(sv, &child), 0);
	do {
		CHECK(sluice_dispatch(sv, 10) >= 0);
		sluice_statistics(sv, &s);
	} while (s.pending || atomic_load(&told) < MANY);
	CHECK_EQ(s.timed_out, MANY);
	CHECK_EQ(s.defaulted, 0);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(sluice_reply(held[i], 0), -ETIMEDOUT);
	CHECK_EQ(atomic_load(&told), MANY);
	end(sv);
}

/* A request has no limit any more, or a longer one, and the one beside it has. */
static void taken_away(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = holding(500, &child, "3", NULL);
	struct sluice_statistics s = {.size = sizeof(s)};

	CHECK_EQ(sluice_set_timeout(held[0], 0), 0);
	CHECK_EQ(sluice_set_timeout(held[2], 3600000), 0);
	do {
		CHECK(sluice_dispatch(sv, 10) >= 0);
		sluice_statistics(sv, &s);
	} while (!s.timed_out);
	CHECK_EQ(sluice_reply(held[1], 0), -ETIMEDOUT);
	CHECK_EQ(sluice_alive(held[0]), 0);
	CHECK_EQ(sluice_fail(held[0], ETIME), 0);
	CHECK_EQ(sluice_fail(held[2], ETIME), 0);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_statistics(sv, &s);
	CHECK(s.timed_out == 1 && s.failed == 2);
	end(sv);
}

/* Shorter than the supervisor's, which is an hour and not over for the third one. */
static void shortened(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = holding(3600000, &child, "3", NULL);
	struct sluice_statistics s = {.size = sizeof(s)};

	CHECK_EQ(sluice_set_timeout(held[1], 20), 0);
	CHECK_EQ(sluice_set_timeout(held[0], 1), 0);
	do {
		CHECK(sluice_dispatch(sv, 10) >= 0);
		sluice_statistics(sv, &s);
	} while (s.timed_out < 2);
	CHECK_EQ(sluice_reply(held[0], 0), -ETIMEDOUT);
	CHECK_EQ(sluice_reply(held[1], 0), -ETIMEDOUT);
	CHECK_EQ(sluice_fail(held[2], ETIME), 0);
	CHECK_EQ(wait_target(sv, &child), 0);
	end(sv);
}

static uint64_t processor_ms(void)
{
	struct rusage r;

	CHECK_EQ(getrusage(RUSAGE_SELF, &r), 0);
	return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000 +
		(uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1000;
}

/* While all are in time the clock sleeps: it looks at intervals, and not round and round. */
static void asleep(void)
{
	for (int i = 0; i < 4; i++) {
		struct sluice_child child = SLUICE_CHILD_INIT;
		struct sluice_supervisor *sv;
		uint64_t before;

		n_held = 0;
		sv = holding(i % 2 ? 3600000 : 0, &child, "3", i / 2 ? &told : NULL);
		CHECK_EQ(sluice_set_timeout(held[0], 0), 0);
		CHECK_EQ(sluice_set_timeout(held[1], 1800000), 0);
		before = processor_ms();
		usleep(500000);
		CHECK(processor_ms() - before < 30);
		for (int k = 0; k < 3; k++)
			CHECK_EQ(sluice_fail(held[k], ETIME), 0);
		CHECK_EQ(wait_target(sv, &child), 0);
		end(sv);
	}
}

static int answer_and_ask(struct sluice_request *req, void *data)
{
	(void)data;
	CHECK_EQ(sluice_fail(req, ETIME), 0);
	CHECK_EQ(sluice_on_cancel(req, tell, NULL), -ENOENT);
	CHECK_EQ(sluice_set_timeout(req, 1), 0); /* which means nothing */
	return 0;
}

/* Nobody is told of the end of what has ended. */
static void too_late(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	struct sluice_statistics s = {.size = sizeof(s)};

	fds_before = count_fds();
	o.timeout_ms = 1000;
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, answer_and_ask, NULL), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "flood", "5");
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_statistics(sv, &s);
	CHECK(s.failed == 5 && s.timed_out == 0);
	CHECK_EQ(atomic_load(&told), 0);
	end(sv);
}

/* Who holds many and hears of each whose target goes away. */
static void gone(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	char count[8];
	struct sluice_supervisor *sv;
	struct sluice_statistics s = {.size = sizeof(s)};

	snprintf(count, sizeof(count), "%d", MANY);
	sv = holding(0, &child, count, &told);
	CHECK_EQ(kill(child.pid, SIGKILL), 0);
	do {
		CHECK(sluice_dispatch(sv, 10) >= 0);
		sluice_statistics(sv, &s);
	} while (s.pending || atomic_load(&told) < MANY);
	CHECK(s.gone == MANY && s.timed_out == 0);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(sluice_reply(held[i], 0), -ENOENT);
	CHECK_EQ(wait_target(sv, &child), 128 + SIGKILL);
	end(sv);
	CHECK_EQ(atomic_load(&told), MANY);
}

/* Goes on with its memory after a call that was late. 0: it is as it was left. */
static int target_reuse(int argc, char **argv)
{
	char text[8] = "first";

	(void)argc;
	(void)argv;
	if (syscall(SYS_mkdir, text, 0) == 0 || errno != ETIME)
		return 2;
	memcpy(text, "second", 7);
	if (syscall(SYS_rmdir, text))
		return 3;
	return strcmp(text, "second") != 0;
}

/* It has the memory open, for it writes something first. */
static int hold_and_limit(struct sluice_request *req, void *data)
{
	uint64_t addr = sluice_arg(req, 0);

	CHECK_EQ(sluice_write(req, addr, "f", 1), 1);
	hold(req, data);
	return sluice_set_timeout(req, 1);
}

static int write_late(struct sluice_request *req, void *data)
{
	struct iovec to = {(void *)(uintptr_t)sluice_arg(held[0], 0), 4};

	(void)data;
	CHECK_EQ(sluice_write(held[0], sluice_arg(held[0], 0), "late", 4), -ENOENT);
	CHECK_EQ(sluice_scatter(held[0], &to, 1, "late", 4), -ENOENT);
	return sluice_reply(req, 0);
}

/* Who is late writes nothing to a target that has gone on. */
static void late_write(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;

	fds_before = count_fds();
	o.default_errno = ETIME;
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, hold_and_limit, NULL), 0);
	CHECK_EQ(sluice_on_name(sv, RMDIR, write_late, NULL), 0);
	spawn_target(sv, filter_of(false, MKDIR, RMDIR, NULL), &child, "reuse", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	CHECK_EQ(sluice_reply(held[0], 0), -ETIMEDOUT);
	end(sv);
}

const struct target_main targets[] = {
	{"flood", target_flood}, {"reuse", target_reuse}, {NULL, NULL}};
const struct test tests[] = {
	{"many are late at once", many_at_once},
	{"a limit that is taken away, or put off", taken_away},
	{"a limit that is shortened", shortened},
	{"the clock sleeps", asleep},
	{"what is asked for after the verdict", too_late},
	{"many whose target is gone", gone},
	{"a write after the time limit", late_write},
	{NULL, NULL}};
