/* Soak: many calls from threads and processes that come and go; nothing grows.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

static void *soak_thread(void *data)
{
	long n = (long)data;

	for (long i = 1; i <= n; i++)
		if (syscall(SYS_mkdir, "soak", i) != i)
			return (void *)1;
	return NULL;
}

/* 4 threads at a time, in processes that come and go. */
static int target_soak(int argc, char **argv)
{
	long n = argc > 0 ? atol(argv[0]) : 10;

	for (int generation = 0; generation < 4; generation++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			pthread_t t[4];
			long bad = 0;

			for (int i = 0; i < 4; i++)
				pthread_create(&t[i], NULL, soak_thread, (void *)(n / 4));
			for (int i = 0; i < 4; i++) {
				void *rc;

				pthread_join(t[i], &rc);
				bad += rc != NULL;
			}
			_exit((int)bad);
		}
		if (waitpid(pid, &status, 0) != pid || status)
			return 1;
	}
	return 0;
}

static int soak_handler(struct sluice_request *req, void *data)
{
	char text[8];
	int nr = sluice_arg_int(req, 1);

	(void)data;
	if (sluice_read_string(req, sluice_arg(req, 0), text, sizeof(text)) != 4)
		return -1;
	if (nr % 16 == 0 && sluice_pidfd(req) < 0)
		return -1;
	return sluice_reply(req, nr);
}

static int soak_elsewhere(struct sluice_request *req, void *data)
{
	if (sluice_arg_int(req, 1) % 8 == 0)
		return sluice_work(req, soak_handler, data);
	return soak_handler(req, data);
}

static void soak(void)
{
	long calls = scaled("SLUICE_SOAK", 60000), each = calls / 64 / 4 * 4;
	struct sluice_child child[16];
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_statistics s = {.size = sizeof(s)};
	int before = 0;
	long rss = 0;
	char arg[32];

	CHECK_EQ(sluice_on_name(sv, MKDIR, soak_elsewhere, NULL), 0);
	for (int round = 0; round < 2; round++) { /* the first warms pools up */
		snprintf(arg, sizeof(arg), "%ld", round ? each : 64L);
		for (int i = 0; i < 16; i++) {
			child[i] = (struct sluice_child)SLUICE_CHILD_INIT;
			spawn_target(sv, filter_of(false, MKDIR, NULL), &child[i], "soak", arg);
		}
		for (int i = 0; i < 16; i++)
			CHECK_EQ(wait_target(sv, &child[i]), 0);
		CHECK_EQ(sluice_run(sv), 0);
		for (int i = 0; i < 100 && round && count_fds() != before; i++)
			sluice_dispatch(sv, 20);
		if (round)
			break;
		for (int i = 0; i < 20; i++)
			sluice_dispatch(sv, 10);
		before = count_fds();
		rss = rss_kib();
	}
	do
		sluice_statistics(sv, &s);
	while (s.pending);
	printf("# %llu calls, descriptors %d -> %d, resident %ld -> %ld KiB\n",
		(unsigned long long)s.received, before, count_fds(), rss, rss_kib());
	CHECK_EQ(settled_fds(before), before);
	/* Their shadow grows; they find what is lost themselves. */
	if (!SANITIZED && !getenv("SLUICE_TEST_VALGRIND"))
		CHECK(rss_kib() < rss + 2048);
	CHECK_EQ(s.replied, s.received);
	CHECK_EQ(s.received, 16u * 4 * (64 + (unsigned long)each));
	sluice_supervisor_free(sv);
}

/* One listener, one process of 64 threads: RECV itself waits. */
static int target_threads(int argc, char **argv)
{
	long n = argc > 0 ? atol(argv[0]) : 10, bad = 0;
	pthread_t t[64];

	for (int i = 0; i < 64; i++)
		pthread_create(&t[i], NULL, soak_thread, (void *)n);
	for (int i = 0; i < 64; i++) {
		void *rc;

		pthread_join(t[i], &rc);
		bad += rc != NULL;
	}
	return (int)bad;
}

static void one_listener(void)
{
	long each = scaled("SLUICE_SOAK", 60000) / 64;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_statistics s = {.size = sizeof(s)};
	int before = count_fds();
	char arg[32];

	CHECK_EQ(sluice_on_name(sv, MKDIR, soak_handler, NULL), 0);
	snprintf(arg, sizeof(arg), "%ld", each);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "threads", arg);
	CHECK_EQ(serve_target(sv, &child), 0);
	sluice_statistics(sv, &s);
	CHECK_EQ(s.replied, s.received);
	CHECK_EQ(s.received, 64u * (unsigned long)each);
	for (int i = 0; i < 100 && count_fds() != before; i++)
		sluice_dispatch(sv, 20);
	CHECK_EQ(settled_fds(before), before);
	sluice_supervisor_free(sv);
}

/* ---- thousands of targets under one listener, all waiting at once ---- */

#define CROWD	  (SANITIZED ? 25 : 500) /* processes of four threads */
#define TOGETHER (4 * CROWD)

static void *crowd_thread(void *data)
{
	long i = (long)data;

	return (void *)(long)(syscall(SYS_mkdir, "crowd", i) != i);
}

static int crowd_process(int p)
{
	pthread_t t[4];
	long bad = 0;

	for (int i = 0; i < 4; i++)
		bad += pthread_create(&t[i], NULL, crowd_thread, (void *)(long)(4 * p + i)) != 0;
	for (int i = 0; i < 4 && !bad; i++) {
		void *rc;

		pthread_join(t[i], &rc);
		bad += rc != NULL;
	}
	return bad != 0;
}

static int target_crowd(int argc, char **argv)
{
	int status, bad = 0;

	(void)argc;
	(void)argv;
	for (int p = 0; p < CROWD; p++) {
		pid_t pid = fork();

		if (pid < 0)
			return 2;
		if (pid == 0)
			_exit(crowd_process(p));
	}
	while (wait(&status) > 0)
		bad += status != 0;
	return bad != 0;
}

struct crowd {
	int n;
	struct sluice_request *held[TOGETHER];
};

static int hold_all(struct sluice_request *req, void *data)
{
	struct crowd *c = data;

	c->held[c->n++] = sluice_defer(req);
	for (int i = 0; c->n == TOGETHER && i < TOGETHER; i++) {
		CHECK(sluice_tgid(c->held[i]) > 0);
		CHECK_EQ(sluice_reply(c->held[i], sluice_arg_int(c->held[i], 1)), 0);
	}
	return 0;
}

static void crowd(void)
{
	static struct crowd c;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_statistics s = {.size = sizeof(s)};
	int before = count_fds();

	CHECK_EQ(sluice_on_name(sv, MKDIR, hold_all, &c), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "crowd", NULL);
	CHECK_EQ(serve_target(sv, &child), 0);
	sluice_statistics(sv, &s);
	CHECK_EQ(s.replied, TOGETHER);
	for (int i = 0; i < 100 && count_fds() != before; i++)
		sluice_dispatch(sv, 20);
	CHECK_EQ(settled_fds(before), before);
	sluice_supervisor_free(sv);
}

const struct target_main targets[] = {{"soak", target_soak}, {"threads", target_threads},
	{"crowd", target_crowd}, {NULL, NULL}};
const struct test tests[] = {{"64 threads, 16 processes coming and going", soak},
	{"64 threads under one listener", one_listener},
	{"2000 threads of 500 processes wait under one listener", crowd}, {NULL, NULL}};
