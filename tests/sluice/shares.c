/* Shares: what one target holds of requests, workers and helpers leaves room for the others.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <linux/openat2.h>
#include <semaphore.h>
#include <stdatomic.h>

#define ROOM 64 /* requests at once */

static const char *what; /* for the threads of a flood */

static void *one_mkdir(void *data)
{
	long rc = syscall(SYS_mkdir, what, 0);

	(void)data;
	return (void *)(uintptr_t)(rc < 0 ? (long)errno : rc);
}

/* One call of each of argv[0] threads; how many failed. */
static int target_flood(int argc, char **argv)
{
	pthread_t threads[300];
	int n = atoi(argv[0]), bad = 0;
	char *slash = strchr(argv[0], '/');
	void *result;

	what = argc > 0 && slash ? slash : "x";
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, one_mkdir, NULL))
			return 1;
	for (int i = 0; i < n; i++) {
		pthread_join(threads[i], &result);
		bad += result != NULL;
	}
	return bad;
}

static int target_three(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (int i = 0; i < 3; i++)
		if (syscall(SYS_rmdir, "x") != 0)
			return 1;
	return 0;
}

static struct sluice_listener_statistics of(struct sluice_supervisor *sv, unsigned index)
{
	struct sluice_listener_statistics s = {.size = sizeof(s)};

	CHECK_EQ(sluice_listener_statistics(sv, index, &s), 0);
	return s;
}

static struct sluice_request *held[300];
static int held_count;

static int hold(struct sluice_request *req, void *data)
{
	(void)data;
	held[held_count++] = sluice_defer(req);
	return 0;
}

static void answer_held(void)
{
	while (held_count)
		sluice_reply(held[--held_count], 0);
}

static int quick(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_reply(req, 0);
}

static struct sluice_supervisor *new_room(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;

	o.max_pending = ROOM;
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, hold, NULL), 0);
	CHECK_EQ(sluice_on_name(sv, RMDIR, quick, NULL), 0);
	return sv;
}

static void spawn(struct sluice_supervisor *sv, struct sluice_child *child, const char *name,
	const char *arg)
{
	*child = (struct sluice_child)SLUICE_CHILD_INIT;
	spawn_target(sv, filter_of(false, MKDIR, RMDIR, NULL), child, name, arg);
}

static void end(struct sluice_supervisor *sv, struct sluice_child *child)
{
	CHECK_EQ(kill(child->pid, SIGKILL), 0);
	CHECK_EQ(wait_target(sv, child), 128 + SIGKILL);
}

/* Two floods that nobody answers, and whoever comes later is served. */
static void pending(void)
{
	struct sluice_supervisor *sv = new_room();
	struct sluice_listener_statistics s = {.size = sizeof(s)};
	struct sluice_child first, second, good;

	spawn(sv, &first, "flood", "100");
	while (!of(sv, 0).paused)
		CHECK(sluice_dispatch(sv, -1) >= 0);
	CHECK_EQ(of(sv, 0).pending, ROOM / 2);
	CHECK_EQ(of(sv, 0).received, ROOM / 2);
	spawn(sv, &good, "three", NULL);
	CHECK_EQ(wait_target(sv, &good), 0);
	spawn(sv, &second, "flood", "100");
	while (!of(sv, 2).paused)
		CHECK(sluice_dispatch(sv, -1) >= 0);
	CHECK_EQ(of(sv, 2).pending, ROOM / 4);
	spawn(sv, &good, "three", NULL);
	CHECK_EQ(wait_target(sv, &good), 0);
	CHECK_EQ(of(sv, 0).pending, ROOM / 2);
	CHECK_EQ(of(sv, 2).pending, ROOM / 4);
	CHECK_EQ(of(sv, 2).answered, 0);
	CHECK_EQ(sluice_listener_statistics(sv, 77, &s), -ENOENT);
	s.size--;
	CHECK_EQ(sluice_listener_statistics(sv, 0, &s), -EINVAL);
	end(sv, &first);
	end(sv, &second);
	answer_held();
	sluice_supervisor_free(sv);
}

/* Who is at its share goes on when it is below, and loses nothing. */
static void resumed(void)
{
	struct sluice_supervisor *sv = new_room();
	struct sluice_child flood, other;
	struct reaper first, second;

	spawn(sv, &flood, "flood", "200");
	spawn(sv, &other, "flood", "200");
	reap_meanwhile(&first, &flood);
	reap_meanwhile(&second, &other);
	while (!of(sv, 0).paused || !of(sv, 1).paused)
		CHECK(sluice_dispatch(sv, -1) >= 0);
	CHECK(of(sv, 0).pending + of(sv, 1).pending < ROOM);
	while (sluice_active(sv)) {
		answer_held();
		CHECK(sluice_dispatch(sv, -1) >= 0);
	}
	CHECK_EQ(reaped(&first, sv), 0);
	CHECK_EQ(reaped(&second, sv), 0);
	sluice_supervisor_free(sv);
}

/* The naive supervisor, with one limit for all: it has no room, and there is a call of the other
 * target that it cannot take. */
static void control(void)
{
	struct sluice_supervisor *sv = new_room(); /* starts them, and looks no further */
	struct sluice_child flood, good;
	struct pollfd p[2] = {{.events = POLLIN}, {.events = POLLIN}};
	struct seccomp_notif n;

	spawn(sv, &flood, "flood", "100");
	p[0].fd = listener_number();
	for (int i = 0; i < ROOM; i++) {
		memset(&n, 0, sizeof(n));
		CHECK_EQ(ioctl(p[0].fd, SECCOMP_IOCTL_NOTIF_RECV, &n), 0);
	}
	p[0].fd = dup(p[0].fd);
	spawn(sv, &good, "three", NULL);
	for (int fd = 3; fd < 100; fd++) {
		char link[64], text[64] = "";

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (readlink(link, text, sizeof(text) - 1) > 0 && strstr(text, "seccomp notify") &&
			fd != p[0].fd)
			p[1].fd = fd;
	}
	CHECK_EQ(poll(&p[1], 1, -1), 1); /* and so it stays */
	CHECK_EQ(p[1].revents, POLLIN);
	CHECK_EQ(kill(flood.pid, SIGKILL), 0);
	CHECK_EQ(kill(good.pid, SIGKILL), 0);
	CHECK_EQ(waitpid(flood.pid, NULL, 0), flood.pid);
	CHECK_EQ(waitpid(good.pid, NULL, 0), good.pid);
	sluice_supervisor_free(sv);
}

/* ---- workers ---- */

static sem_t gate;
static atomic_int inside;

static int wait_at_gate(struct sluice_request *req, void *data)
{
	(void)data;
	atomic_fetch_add(&inside, 1);
	while (sem_wait(&gate))
		CHECK_EQ(errno, EINTR);
	return sluice_reply(req, 0);
}

static int to_gate(struct sluice_request *req, void *data)
{
	return sluice_work(req, wait_at_gate, data);
}

static int quick_work(struct sluice_request *req, void *data)
{
	return sluice_work(req, quick, data);
}

/* With every worker stuck another target's request gets one. */
static void workers(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	struct sluice_child flood, second, good;

	o.workers = 2;
	CHECK_EQ(sem_init(&gate, 0, 0), 0);
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, to_gate, NULL), 0);
	CHECK_EQ(sluice_on_name(sv, RMDIR, quick_work, NULL), 0);
	spawn(sv, &flood, "flood", "8");
	while (of(sv, 0).received < 8)
		CHECK(sluice_dispatch(sv, -1) >= 0);
	CHECK_EQ(of(sv, 0).working, 2);
	CHECK_EQ(of(sv, 0).waiting, 6);
	spawn(sv, &second, "flood", "8");
	while (of(sv, 1).received < 8)
		CHECK(sluice_dispatch(sv, -1) >= 0);
	CHECK_EQ(of(sv, 1).working, 1);
	CHECK_EQ(of(sv, 1).waiting, 7);
	spawn(sv, &good, "three", NULL);
	CHECK_EQ(wait_target(sv, &good), 0);
	CHECK_EQ(atomic_load(&inside), 3); /* not one of those has come back */
	for (int i = 0; i < 16; i++)
		CHECK_EQ(sem_post(&gate), 0);
	CHECK_EQ(wait_target(sv, &flood), 0);
	CHECK_EQ(wait_target(sv, &second), 0);
	CHECK_EQ(atomic_load(&inside), 16);
	sluice_supervisor_free(sv);
}

static sem_t gates[3];

static int wait_at_own_gate(struct sluice_request *req, void *data)
{
	(void)data;
	while (sem_wait(&gates[sluice_listener(req)]))
		CHECK_EQ(errno, EINTR);
	return sluice_reply(req, 0);
}

static int to_own_gate(struct sluice_request *req, void *data)
{
	return sluice_work(req, wait_at_own_gate, data);
}

/* One of @from ends, and a worker is free for @to. */
static void let_go(struct sluice_supervisor *sv, unsigned from, unsigned to)
{
	unsigned waiting = of(sv, to).waiting;
	uint64_t answered = of(sv, from).answered;

	CHECK_EQ(sem_post(&gates[from]), 0);
	while (of(sv, from).answered == answered || of(sv, to).waiting == waiting)
		usleep(1000);
}

/* A worker that is free takes from the target with the fewest, and of those in turn. */
static void in_turn(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	struct sluice_child children[3];
	int before = count_fds();

	o.workers = 4;
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, to_own_gate, NULL), 0);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(sem_init(&gates[i], 0, 0), 0);
		spawn(sv, &children[i], "flood", "4");
		while (of(sv, i).received < 4)
			CHECK(sluice_dispatch(sv, -1) >= 0);
		CHECK_EQ(of(sv, i).working, i ? 1 : 4);
		CHECK_EQ(of(sv, i).waiting, i ? 3 : 0);
	}
	for (int i = 1; i <= 2; i++) { /* as many as four have a right to one still */
		CHECK_EQ(sem_post(&gates[0]), 0);
		while (of(sv, 0).working > 4u - (unsigned)i)
			usleep(1000);
	}
	CHECK(of(sv, 1).working == 1 && of(sv, 2).working == 1);
	let_go(sv, 0, 1);
	CHECK(of(sv, 1).working == 2 && of(sv, 2).working == 1);
	let_go(sv, 1, 2); /* now each has one, and it is the third one's turn */
	CHECK(of(sv, 1).working == 1 && of(sv, 2).working == 2);
	let_go(sv, 0, 1); /* which has fewer again */
	CHECK(of(sv, 1).working == 2 && of(sv, 2).working == 2);
	let_go(sv, 2, 2);
	CHECK(of(sv, 1).working == 2 && of(sv, 2).working == 2);
	for (int i = 0; i < 12; i++)
		CHECK_EQ(sem_post(&gates[i / 4]), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(wait_target(sv, &children[i]), 0);
	sluice_supervisor_free(sv);
	CHECK_EQ(settled_fds(before), before);
}

/* A thread for each of many targets, whatever their number. */
static void many_workers(void)
{
	enum { TARGETS = 24 };
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	struct sluice_child children[TARGETS];
	int before = count_fds();

	o.workers = 1;
	CHECK_EQ(sem_init(&gate, 0, 0), 0);
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, to_gate, NULL), 0);
	for (unsigned i = 0; i < TARGETS; i++) {
		spawn(sv, &children[i], "flood", "2");
		while (of(sv, i).received < 2)
			CHECK(sluice_dispatch(sv, -1) >= 0);
		CHECK_EQ(of(sv, i).working, 1);
		CHECK_EQ(of(sv, i).waiting, 1);
	}
	while (atomic_load(&inside) < TARGETS)
		usleep(1000);
	CHECK_EQ(atomic_load(&inside), TARGETS);
	for (int i = 0; i < 2 * TARGETS; i++)
		CHECK_EQ(sem_post(&gate), 0);
	for (int i = 0; i < TARGETS; i++)
		CHECK_EQ(wait_target(sv, &children[i]), 0);
	CHECK_EQ(atomic_load(&inside), 2 * TARGETS);
	sluice_supervisor_free(sv);
	CHECK_EQ(settled_fds(before), before);
}

static atomic_int released;

static void release(void *data)
{
	(void)data;
	atomic_fetch_add(&released, 1);
}

static int to_gate_owned(struct sluice_request *req, void *data)
{
	return sluice_work_owned(req, wait_at_gate, data, release);
}

static void *open_gate(void *data)
{
	struct sluice_supervisor *sv = data;
	struct sluice_statistics s = {.size = sizeof(s)};

	do /* sluice_supervisor_free() has answered, and waits for the workers */
		sluice_statistics(sv, &s);
	while (s.pending);
	for (int i = 0; i < 8; i++)
		sem_post(&gate);
	return NULL;
}

/* Whoever waits when the supervisor ends is let go, and the data with it. */
static void ended(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	struct sluice_child flood;
	pthread_t thread;

	o.workers = 1;
	CHECK_EQ(sem_init(&gate, 0, 0), 0);
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, to_gate_owned, NULL), 0);
	spawn(sv, &flood, "flood", "8");
	while (of(sv, 0).received < 8)
		CHECK(sluice_dispatch(sv, -1) >= 0);
	while (!atomic_load(&inside))
		usleep(1000);
	CHECK_EQ(pthread_create(&thread, NULL, open_gate, sv), 0);
	sluice_supervisor_free(sv);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(atomic_load(&released), 8);
	CHECK_EQ(atomic_load(&inside), 1);
	CHECK_EQ(kill(flood.pid, SIGKILL), 0);
	CHECK_EQ(waitpid(flood.pid, NULL, 0), flood.pid);
}

/* ---- helpers ---- */

static int refusals;

static int open_fifo(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = O_RDONLY};
	char path[4096];
	int rc = (int)sluice_read_string(req, sluice_arg(req, 0), path, sizeof(path));

	(void)data;
	if (rc >= 0)
		rc = sluice_open_reply(req, AT_FDCWD, path, &how, 0);
	if (rc >= 0)
		return 0;
	CHECK_EQ(rc, -EAGAIN);
	refusals++;
	return sluice_fail(req, rc);
}

static int target_reads(int argc, char **argv)
{
	char byte;
	long fd = syscall(SYS_mkdir, argc > 0 ? argv[0] : "", 0);

	return fd >= 0 && read((int)fd, &byte, 1) == 1 ? 0 : 1;
}

/* One that opens a FIFO nobody writes to in each of its threads takes half of the helpers. */
static void helpers(void)
{
	char fifo[128], other[128], flood_arg[160];
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_child flood, good;
	int before = count_fds(), fd;

	snprintf(fifo, sizeof(fifo), "%s/fifo", scratch_dir());
	snprintf(other, sizeof(other), "%s/fifo", scratch_dir());
	CHECK_EQ(mkfifo(fifo, 0600), 0);
	CHECK_EQ(mkfifo(other, 0600), 0);
	snprintf(flood_arg, sizeof(flood_arg), "140%s", fifo);
	CHECK_EQ(sluice_on_name(sv, MKDIR, open_fifo, NULL), 0);
	spawn(sv, &flood, "flood", flood_arg);
	while (of(sv, 0).received < 140)
		CHECK(sluice_dispatch(sv, -1) >= 0);
	CHECK_EQ(refusals, 140 - 128);
	CHECK_EQ(of(sv, 0).pending, 128);
	spawn(sv, &good, "reads", other);
	while (of(sv, 1).received < 1)
		CHECK(sluice_dispatch(sv, -1) >= 0);
	CHECK_EQ(of(sv, 1).pending, 1); /* a helper is at it */
	fd = open(other, O_RDWR);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(wait_target(sv, &good), 0);
	close(fd);
	end(sv, &flood);
	while (sluice_active(sv))
		CHECK(sluice_dispatch(sv, -1) >= 0);
	while (count_fds() > before)
		CHECK(sluice_dispatch(sv, 100) >= 0);
	sluice_supervisor_free(sv);
}

const struct target_main targets[] = {{"flood", target_flood}, {"three", target_three},
	{"reads", target_reads}, {NULL, NULL}};
const struct test tests[] = {
	{"requests that nobody answers leave room for other targets", pending},
	{"with one limit for all they do not", control},
	{"below its share a listener goes on", resumed},
	{"with every worker stuck, another target gets one", workers},
	{"who comes next when a worker is free", in_turn},
	{"a worker for each of many targets", many_workers},
	{"what waits for a worker at the end is let go", ended},
	{"helpers that wait for ever leave some for other targets", helpers},
	{NULL, NULL}};
