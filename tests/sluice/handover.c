/* A living supervisor hands over: no call lost, none answered twice.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <stdatomic.h>

/* Counts how often each call was answered with success: a shared page that the handlers of
 * both supervisors write. */
struct shared {
	atomic_int answered[16 * 4096];
};
static struct shared *shared;

static void *ask(void *data)
{
	long thread = (long)data;

	for (int i = 0; i < 1000; i++) {
		int n = (int)thread * 1000 + i;

		if (syscall(SYS_mkdir, "x", n) != n)
			return (void *)1;
	}
	return NULL;
}

static int target_ask(int argc, char **argv)
{
	pthread_t t[8];
	int bad = 0;

	(void)argc;
	(void)argv;
	for (long i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, ask, (void *)i);
	for (int i = 0; i < 8; i++) {
		void *rc;

		pthread_join(t[i], &rc);
		bad += rc != NULL;
	}
	return bad;
}

static int answer(struct sluice_request *req, void *data)
{
	int n = sluice_arg_int(req, 1);

	(void)data;
	if (sluice_reply(req, n) == 0)
		atomic_fetch_add(&shared->answered[n], 1);
	return 0;
}

static int answer_later(struct sluice_request *req, void *data)
{
	return sluice_work(req, answer, data);
}

static int hold(struct sluice_request *req, void *data)
{
	struct sluice_request **held = data;

	*held = sluice_defer(req);
	return 0;
}

static void count(struct sluice_request *req, void *data)
{
	(void)req;
	++*(int *)data;
}

/* In an event loop of its own: what is to be shown again is an event, too. */
static void serve_by_poll(struct sluice_supervisor *sv)
{
	while (sluice_active(sv)) {
		struct pollfd p = {.fd = sluice_fd(sv), .events = POLLIN};

		CHECK(poll(&p, 1, 20000) == 1);
		CHECK(sluice_dispatch(sv, 0) >= 0);
	}
}

/* The successor: takes, serves, and hands the next one over when told to. */
static void successor(int socket, int report, bool polls)
{
	struct sluice_supervisor *sv;
	struct sluice_statistics s = {.size = sizeof(s)};
	int rc = sluice_take_over(socket, &sv), tag = 5;

	CHECK_EQ(rc, 0);
	CHECK_EQ(sluice_active(sv), 1);
	CHECK_EQ(sluice_set_tag(sv, 0, &tag), 0);
	CHECK_EQ(sluice_on_name(sv, MKDIR, answer_later, NULL), 0);
	if (polls)
		serve_by_poll(sv);
	CHECK_EQ(sluice_run(sv), 0);
	do /* a worker's last answer may end the target before it ends itself */
		sluice_statistics(sv, &s);
	while (s.pending);
	CHECK(write(report, &s, sizeof(s)) == sizeof(s));
	sluice_supervisor_free(sv);
	_exit(0);
}

static void hand_over(bool keeper)
{
	for (int round = 0; round < 10; round++) {
		struct sluice_options o = SLUICE_OPTIONS_INIT;
		struct sluice_child child = SLUICE_CHILD_INIT;
		struct sluice_supervisor *sv;
		struct sluice_statistics mine = {.size = sizeof(mine)}, theirs = mine;
		int pair[2], report[2], status, before;
		pid_t pid;

		still_going();
		o.keeper = keeper;
		before = count_fds();
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		CHECK(socketpair(AF_UNIX, round % 2 ? SOCK_STREAM : SOCK_SEQPACKET, 0, pair) == 0);
		CHECK(pipe(report) == 0);
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			close(pair[0]);
			successor(pair[1], report[1], round % 3 == 0);
		}
		close(pair[1]);
		close(report[1]);
		sv = new_supervisor(&o);
		CHECK_EQ(sluice_on_name(sv, MKDIR, answer_later, NULL), 0);
		spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "ask", NULL);
		do {
			CHECK(sluice_dispatch(sv, 1000) >= 0);
			sluice_statistics(sv, &mine);
		} while (mine.received < 500u * (unsigned)round);
		CHECK_EQ(sluice_hand_over(sv, pair[0]), 0);
		CHECK_EQ(sluice_dispatch(sv, 0), -ESHUTDOWN);
		CHECK_EQ(sluice_hand_over(sv, pair[0]), -ESHUTDOWN);
		CHECK_EQ(sluice_active(sv), 0);
		CHECK_EQ(waitpid(child.pid, &status, 0), child.pid); /* before 6.11 their loop ends by that */
		CHECK_EQ(status, 0);
		CHECK(read(report[0], &theirs, sizeof(theirs)) == sizeof(theirs));
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
		for (int n = 0; n < 8000; n++)
			CHECK_EQ(atomic_load(&shared->answered[n]), 1);
		sluice_statistics(sv, &mine);
		CHECK_EQ(mine.replied + theirs.replied, 8000);
		sluice_supervisor_free(sv);
		sluice_child_release(&child);
		close(pair[0]);
		close(report[0]);
		munmap(shared, sizeof(*shared));
		CHECK_EQ(settled_fds(before), before);
	}
}

static void without_keeper(void)
{
	hand_over(false);
}

static void with_keeper(void)
{
	hand_over(true);
}

static int target_one(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return syscall(SYS_mkdir, "x", 7) == 7 ? 0 : errno;
}

/* What the holder of a deferred request says afterwards is void; the successor's stands. */
static void deferred(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_request *held = NULL;
	struct sluice_statistics s = {.size = sizeof(s)};
	int pair[2], report[2], status, told = 0, listener;
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		-1, 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && pipe(report) == 0);
	CHECK_EQ(sluice_on_name(sv, MKDIR, hold, &held), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "one", NULL);
	while (!held)
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		successor(pair[1], report[1], true);
	}
	close(pair[1]);
	CHECK_EQ(sluice_on_cancel(held, count, &told), 0); /* starts a thread: after the fork */
	listener = fcntl(listener_number(), F_DUPFD_CLOEXEC, 3);
	CHECK_EQ(sluice_hand_over(sv, pair[0]), 0);
	CHECK_EQ(sluice_add_listener(sv, listener, NULL), -ESHUTDOWN);
	close(listener);
	CHECK_EQ(told, 1);
	CHECK_EQ(sluice_reply(held, 3), -ENOENT);
	CHECK_EQ(waitpid(child.pid, &status, 0), child.pid);
	CHECK_EQ(status, 0);
	CHECK(read(report[0], &s, sizeof(s)) == sizeof(s));
	CHECK_EQ(s.replayed, 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	sluice_supervisor_free(sv);
}

/* A successor that goes away: everything is as before. */
static void refused(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	struct sluice_request *held = NULL;
	int pair[2], before;

	o.keeper = true;
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_on_name(sv, MKDIR, hold, &held), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "one", NULL);
	while (!held)
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	before = count_fds();
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	close(pair[1]);
	CHECK(sluice_hand_over(sv, pair[0]) < 0);
	close(pair[0]);
	CHECK_EQ(settled_fds(before), before);
	CHECK_EQ(sluice_alive(held), 0);
	CHECK_EQ(sluice_reply(held, 7), 0);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

static struct sluice_supervisor *offering;
static int offers[2];

static void *offer_it(void *data)
{
	(void)data;
	return (void *)(intptr_t)sluice_hand_over(offering, offers[0]);
}

static void *decide(void *data)
{
	return (void *)(intptr_t)sluice_reply(data, 7);
}

/* A verdict that is given meanwhile waits, and is no less good. */
static void refused_later(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_request *held = NULL;
	struct pollfd p = {.events = POLLIN};
	pthread_t offerer, decider;
	void *result;

	offering = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(offering, MKDIR, hold, &held), 0);
	spawn_target(offering, filter_of(false, MKDIR, NULL), &child, "one", NULL);
	while (!held)
		CHECK(sluice_dispatch(offering, 1000) >= 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, offers), 0);
	CHECK_EQ(pthread_create(&offerer, NULL, offer_it, NULL), 0);
	p.fd = offers[1];
	CHECK_EQ(poll(&p, 1, 60000), 1); /* the offer stands */
	CHECK_EQ(pthread_create(&decider, NULL, decide, held), 0);
	usleep(100000); /* it waits, most probably */
	close(offers[1]);
	pthread_join(offerer, &result);
	CHECK((intptr_t)result < 0);
	pthread_join(decider, &result);
	CHECK_EQ((intptr_t)result, 0);
	CHECK_EQ(wait_target(offering, &child), 0);
	close(offers[0]);
	sluice_supervisor_free(offering);
}

/* An offer that was taken back does not come true when there is another: who has the first one
 * knows nothing of what came since. */
static void stale(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL), *theirs;
	struct timeval brief = {0, 100000}, ample = {20, 0};
	struct sluice_request *held = NULL;
	int pair[2], status;
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		-1, 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof(brief)) == 0);
	CHECK_EQ(sluice_on_name(sv, MKDIR, hold, &held), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "one", NULL);
	CHECK_EQ(sluice_hand_over(sv, pair[0]), -ETIMEDOUT);
	while (!held)
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	CHECK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &ample, sizeof(ample)) == 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		usleep(200000); /* the second offer stands, most probably */
		CHECK_EQ(sluice_take_over(pair[1], &theirs), -ECANCELED);
		CHECK_EQ(sluice_take_over(pair[1], &theirs), 0);
		CHECK_EQ(sluice_on_name(theirs, MKDIR, answer, NULL), 0);
		CHECK_EQ(sluice_run(theirs), 0);
		sluice_supervisor_free(theirs);
		_exit(0);
	}
	close(pair[1]);
	CHECK_EQ(sluice_hand_over(sv, pair[0]), 0);
	CHECK_EQ(sluice_reply(held, 3), -ENOENT);
	CHECK_EQ(waitpid(child.pid, &status, 0), child.pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	sluice_supervisor_free(sv);
}

static atomic_bool handing;

static void *watch(void *data)
{
	while (atomic_load(&handing))
		CHECK_EQ(sluice_alive(data), 0);
	return NULL;
}

/* A successor that connects and does nothing: its time ends, and what became late meanwhile is
 * answered; until then nobody may say that the request is over. */
static void stalled(bool late)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct timeval limit = {0, 300000};
	struct sluice_request *held = NULL;
	struct sluice_statistics s = {.size = sizeof(s)};
	int pair[2];
	pthread_t t;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
	CHECK_EQ(sluice_on_name(sv, MKDIR, hold, &held), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "one", NULL);
	while (!held)
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	atomic_store(&handing, true);
	if (late)
		CHECK_EQ(sluice_set_timeout(held, 100), 0);
	else
		CHECK_EQ(pthread_create(&t, NULL, watch, held), 0);
	CHECK_EQ(sluice_hand_over(sv, pair[0]), -ETIMEDOUT);
	atomic_store(&handing, false);
	if (!late) {
		pthread_join(t, NULL);
		CHECK_EQ(sluice_reply(held, 7), 0);
	}
	CHECK_EQ(wait_target(sv, &child), late ? EPERM : 0);
	if (late)
		CHECK_EQ(sluice_reply(held, 7), -ETIMEDOUT);
	do /* it is counted after the target has its answer */
		sluice_statistics(sv, &s);
	while (s.pending);
	CHECK_EQ(s.timed_out, late);
	sluice_supervisor_free(sv);
}

static void stalled_in_time(void)
{
	stalled(false);
}

static void stalled_too_long(void)
{
	stalled(true);
}

struct giver {
	struct sluice_supervisor *sv;
	int socket, rc;
};

static void *give(void *data)
{
	struct giver *giver = data;

	giver->rc = sluice_hand_over(giver->sv, giver->socket);
	return NULL;
}

static const int waits[2] = {SO_RCVTIMEO, SO_SNDTIMEO};

static void check_limits(int socket, const struct timeval *wanted)
{
	for (int i = 0; i < 2; i++) {
		struct timeval t;
		socklen_t size = sizeof(t);

		CHECK_EQ(getsockopt(socket, SOL_SOCKET, waits[i], &t, &size), 0);
		CHECK_EQ(t.tv_sec, wanted[i].tv_sec);
		if (wanted[i].tv_usec) /* in the kernel's ticks */
			CHECK(t.tv_usec / 10000 == wanted[i].tv_usec / 10000);
		else
			CHECK_EQ(t.tv_usec, 0);
	}
}

/* A limit of the caller's stays; where there is none, each step has ten seconds. */
static void limits(void)
{
	static const struct timeval cases[][2] = {{{0, 0}, {0, 0}}, {{60, 0}, {0, 0}}, {{0, 0}, {60, 0}},
		{{0, 900000}, {60, 500000}}};

	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
		struct giver giver = {.sv = new_supervisor(NULL)};
		struct timeval during[2];
		struct pollfd p = {.events = POLLIN};
		pthread_t t;
		int pair[2];

		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
		for (int i = 0; i < 2; i++) {
			CHECK_EQ(setsockopt(pair[0], SOL_SOCKET, waits[i], &cases[c][i], sizeof(*cases[c])), 0);
			during[i] = cases[c][i];
			if (!during[i].tv_sec && !during[i].tv_usec)
				during[i].tv_sec = 10;
		}
		giver.socket = pair[0];
		CHECK_EQ(pthread_create(&t, NULL, give, &giver), 0);
		p.fd = pair[1];
		CHECK_EQ(poll(&p, 1, -1), 1); /* the offer */
		check_limits(pair[0], during);
		close(pair[1]);
		CHECK_EQ(pthread_join(t, NULL), 0);
		CHECK(giver.rc < 0);
		check_limits(pair[0], cases[c]);
		close(pair[0]);
		sluice_supervisor_free(giver.sv);
	}
}

static int reply_seven(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_reply(req, 7);
}

/* While a successor decides, a request is still its holder's, who may give it to a worker; when the
 * offer has been taken back that goes on. */
static void held_meanwhile(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct giver giver = {.sv = new_supervisor(NULL)};
	struct sluice_request *held = NULL;
	struct sluice_statistics s = {.size = sizeof(s)};
	struct pollfd p = {.events = POLLIN};
	int pair[2], told = 0;
	pthread_t t;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK_EQ(sluice_on_name(giver.sv, MKDIR, hold, &held), 0);
	spawn_target(giver.sv, filter_of(false, MKDIR, NULL), &child, "one", NULL);
	while (!held)
		CHECK(sluice_dispatch(giver.sv, 1000) >= 0);
	giver.socket = pair[0];
	CHECK_EQ(pthread_create(&t, NULL, give, &giver), 0);
	p.fd = pair[1];
	CHECK_EQ(poll(&p, 1, -1), 1); /* the offer */
	CHECK_EQ(sluice_alive(held), 0);
	CHECK_EQ(sluice_on_cancel(held, count, &told), 0);
	CHECK_EQ(sluice_set_timeout(held, 0), 0);
	CHECK_EQ(sluice_work(held, reply_seven, NULL), 0);
	sluice_statistics(giver.sv, &s);
	CHECK(s.pending == 1 && s.replied == 0);
	close(pair[1]);
	CHECK_EQ(pthread_join(t, NULL), 0);
	CHECK(giver.rc < 0);
	CHECK_EQ(wait_target(giver.sv, &child), 0);
	CHECK_EQ(told, 0);
	close(pair[0]);
	sluice_supervisor_free(giver.sv);
}

/* What is no hand-over is not taken. */
static void nonsense(void)
{
	struct sluice_supervisor *sv = (void *)1;
	char junk[4096];
	int pair[2], before = count_fds();

	memset(junk, 'j', sizeof(junk));
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK(write(pair[0], junk, sizeof(junk)) == (ssize_t)sizeof(junk));
	CHECK_EQ(sluice_take_over(pair[1], &sv), -EPROTO);
	close(pair[0]);
	CHECK(sluice_take_over(pair[1], &sv) < 0);
	CHECK(sv == (void *)1);
	close(pair[1]);
	CHECK_EQ(settled_fds(before), before);
}

const struct target_main targets[] = {{"ask", target_ask}, {"one", target_one}, {NULL, NULL}};
const struct test tests[] = {
	{"8 threads' calls over a hand-over, each answered once", without_keeper},
	{"the same with keepers", with_keeper},
	{"a deferred request is the successor's", deferred},
	{"a successor that goes away changes nothing", refused},
	{"nor a verdict while it is there", refused_later},
	{"an offer that was taken back is void", stale},
	{"a successor that does nothing", stalled_in_time},
	{"a time-out while a successor does nothing", stalled_too_long},
	{"how long a step may take", limits},
	{"what is held while a successor decides", held_meanwhile},
	{"nonsense is no hand-over", nonsense},
	{NULL, NULL}};
