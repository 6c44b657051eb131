/* Two OCI servers of one supervisor with one keeper, through kills and hand-overs; and
 * servers whose keeper or timer cannot be had. SPDX-License-Identifier: MIT
 *
 * Each server has a decision of its own for its containers: a box' call fails with the
 * errno of the server that it came to, so none gets the other's. */
#include "killed.h"

#include <sys/resource.h>

enum {
	SERVERS = 2,
	PLACES = 3
};
enum {
	HALF_READ,
	ACCEPTED,
	WAITING
};

static char path[SERVERS][128], dir[128], keeper_path[160];
static int errno_of[SERVERS] = {EDOM, ERANGE};
static int calls;

static int take(struct sluice_supervisor *sv, struct sluice_container *c, void *data)
{
	(void)sv;
	calls++;
	c->tag = data;
	return 0;
}

static int say_tag(struct sluice_request *req, void *data)
{
	const int *tag = sluice_tag(req);

	(void)data;
	return sluice_fail(req, tag ? *tag : EILSEQ);
}

static struct sluice_options choose(bool keeper)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;

	snprintf(dir, sizeof(dir), "%s", scratch_dir());
	snprintf(keeper_path, sizeof(keeper_path), "%s/door", dir);
	snprintf(path[0], sizeof(path[0]), "%s/one", scratch_dir());
	snprintf(path[1], sizeof(path[1]), "%s/two", scratch_dir());
	o.keeper = keeper;
	o.keeper_path = keeper ? keeper_path : NULL;
	o.default_errno = EXDEV;
	o.grace_ms = 20000;
	return o;
}

static void listen_at(struct sluice_supervisor *sv, int server)
{
	CHECK_EQ(sluice_listen_oci(sv, path[server], take, &errno_of[server]), 0);
}

/* In this order or the other one. */
static void serve(struct sluice_supervisor *sv, int first)
{
	CHECK_EQ(sluice_on_name(sv, MKDIR, say_tag, NULL), 0);
	listen_at(sv, first);
	listen_at(sv, !first);
}

/* A process that is a supervisor, or (@socket) becomes one by taking over. */
static pid_t start_server(const struct sluice_options *o, int socket)
{
	int ready[2];
	pid_t pid;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ready), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct sluice_supervisor *sv;

		if (socket >= 0)
			CHECK_EQ(sluice_take_over(socket, &sv), 0);
		else
			sv = new_supervisor(o);
		serve(sv, socket >= 0);
		give_pass(ready[1], sv);
		sluice_run(sv);
		_exit(0);
	}
	close(ready[1]);
	take_pass(ready[0]);
	close(ready[0]);
	return pid;
}

static void stop_it(pid_t pid)
{
	int status;

	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
}

/* A container is served, so what came to this server before it has been looked at. */
static void one_is_served(int server, struct sluice_supervisor *sv)
{
	struct box box = new_box();

	offer_box(path[server], &box);
	CHECK_EQ(open_box(&box, sv), errno_of[server]);
}

struct scene {
	struct box box[SERVERS][PLACES];
	int half[SERVERS], silent[SERVERS];
};

/* At each server a container whose document is half read, one whose connection is
 * accepted and nothing read, and one in the listening socket. @pid is stopped, or (0) is
 * @sv here. */
static void set_scene(struct scene *s, pid_t pid, struct sluice_supervisor *sv)
{
	for (int i = 0; i < SERVERS; i++) {
		for (int b = 0; b < PLACES; b++)
			s->box[i][b] = new_box();
		s->half[i] = dial(path[i]);
		CHECK_EQ(send_fds(s->half[i], document, 10,
				 &s->box[i][HALF_READ].listener, 1),
			10);
		s->silent[i] = dial(path[i]);
	}
	for (int i = 0; i < SERVERS; i++)
		one_is_served(i, sv);
	if (pid)
		stop_it(pid);
	for (int i = 0; i < SERVERS; i++) {
		CHECK_EQ(send_fds(s->silent[i], document, strlen(document),
				 &s->box[i][ACCEPTED].listener, 1),
			strlen(document));
		offer_fds(path[i], document, &s->box[i][WAITING].listener, 1);
		for (int b = 0; b < PLACES; b++)
			close(s->box[i][b].listener);
	}
}

static void check_box(
	struct scene *s, int server, int place, struct sluice_supervisor *sv, int rc)
{
	CHECK_EQ(open_box(&s->box[server][place], sv), rc);
	if (place == HALF_READ)
		close(s->half[server]);
	if (place == ACCEPTED)
		close(s->silent[server]);
}

/* What was half read is refused, the rest is served by the server that it came to. */
static void check_scene(struct scene *s, struct sluice_supervisor *sv)
{
	for (int i = 0; i < SERVERS; i++) {
		check_box(s, i, HALF_READ, sv, EXDEV);
		check_box(s, i, ACCEPTED, sv, errno_of[i]);
		check_box(s, i, WAITING, sv, errno_of[i]);
	}
}

/* The last one is for the keeper to remove, which ends after its supervisor. */
static void check_gone(void)
{
	CHECK_EQ(access(path[0], F_OK), -1);
	CHECK_EQ(access(path[1], F_OK), -1);
	while (access(keeper_path, F_OK) == 0)
		usleep(1000);
}

/* Twice, and each successor listens in another order. */
static void killed(void)
{
	struct sluice_options o = choose(true);
	struct sluice_supervisor *sv;
	struct scene first, second;
	int socket;
	pid_t pid = start_server(&o, -1), next;

	set_scene(&first, pid, NULL);
	socket = meet_keeper(keeper_path);
	kill_it(pid);
	next = start_server(NULL, socket);
	close(socket);
	check_scene(&first, NULL);
	set_scene(&second, next, NULL);
	socket = meet_keeper(keeper_path);
	kill_it(next);
	CHECK_EQ(sluice_take_over(socket, &sv), 0);
	close(socket);
	serve(sv, 0);
	check_scene(&second, sv);
	one_is_served(0, sv);
	one_is_served(1, sv);
	sluice_supervisor_free(sv);
	check_gone();
}

/* Without a successor all is refused. */
static void killed_alone(void)
{
	struct sluice_options o = choose(true);
	struct scene s;
	pid_t pid;

	o.grace_ms = 1;
	pid = start_server(&o, -1);
	set_scene(&s, pid, NULL);
	kill_it(pid);
	for (int i = 0; i < SERVERS; i++)
		for (int b = 0; b < PLACES; b++)
			check_box(&s, i, b, NULL, EXDEV);
}

static void handed_over(bool keeper)
{
	struct sluice_options o = choose(keeper);
	struct sluice_supervisor *sv = new_supervisor(&o);
	struct scene s;
	int pair[2], status;
	pid_t pid;

	serve(sv, 0);
	set_scene(&s, 0, sv);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct sluice_supervisor *theirs;
		struct pollfd p = {.fd = pair[1], .events = POLLIN};

		close(pair[0]);
		for (int i = 0; i < SERVERS;
			i++) { /* or it would have its boxes' ends, too */
			close(s.half[i]);
			close(s.silent[i]);
		}
		CHECK_EQ(sluice_take_over(pair[1], &theirs), 0);
		serve(theirs, 1);
		while (poll(&p, 1, 0) == 0)
			CHECK(sluice_dispatch(theirs, 20) >= 0);
		sluice_supervisor_free(theirs);
		_exit(0);
	}
	close(pair[1]);
	CHECK_EQ(sluice_hand_over(sv, pair[0]), 0);
	sluice_supervisor_free(sv);
	check_scene(&s, NULL);
	one_is_served(0, NULL);
	one_is_served(1, NULL);
	close(pair[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	check_gone();
}

static void over_a_hand_over(void)
{
	handed_over(false);
	handed_over(true);
}

/* A successor that listens at one path only: at the other one runtimes wait, and get its
 * keeper's answer when it ends. */
static void one_of_two(void)
{
	struct sluice_options o = choose(true);
	struct sluice_supervisor *sv;
	struct scene s;
	int socket;
	pid_t pid = start_server(&o, -1);

	set_scene(&s, pid, NULL);
	socket = meet_keeper(keeper_path);
	kill_it(pid);
	CHECK_EQ(sluice_take_over(socket, &sv), 0);
	close(socket);
	CHECK_EQ(sluice_on_name(sv, MKDIR, say_tag, NULL), 0);
	listen_at(sv, 1);
	for (int b = 0; b < PLACES; b++)
		check_box(&s, 1, b, sv, b == HALF_READ ? EXDEV : errno_of[1]);
	sluice_supervisor_free(sv);
	for (int b = 0; b < PLACES; b++)
		check_box(&s, 0, b, NULL, EXDEV);
	CHECK_EQ(access(path[0], F_OK), -1);
	CHECK_EQ(access(path[1], F_OK), -1);
}

/* The rest of a document whose beginning is lost is none, even if it reads like one. */
static void second_half(void)
{
	struct sluice_options o = choose(true);
	struct sluice_supervisor *sv;
	struct box first = new_box(), second = new_box();
	pid_t pid = start_server(&o, -1);
	int half = dial(path[0]), socket;

	CHECK_EQ(send_fds(half, "{\"x\":", 5, &first.listener, 1), 5);
	one_is_served(0, NULL);
	stop_it(pid);
	CHECK_EQ(send_fds(half, document, strlen(document), &second.listener, 1), strlen(document));
	close(second.listener);
	close(first.listener);
	socket = meet_keeper(keeper_path);
	kill_it(pid);
	CHECK_EQ(sluice_take_over(socket, &sv), 0);
	close(socket);
	serve(sv, 0);
	CHECK_EQ(open_box(&first, sv), EXDEV);
	CHECK_EQ(open_box(&second, sv), EXDEV);
	close(half);
	sluice_supervisor_free(sv);
	check_gone();
}

/* Both need the keeper, which accepts for one at a time, and is stopped at first. @kill:
 * it is killed then, and another one takes its place. */
static void both_ask(bool kill)
{
	struct sluice_options o = choose(true);
	struct sluice_supervisor *sv = new_supervisor(&o);
	struct box box[SERVERS][2];

	calls = 0;
	serve(sv, 0);
	for (int i = 0; i < SERVERS; i++)
		for (int b = 0; b < 2; b++)
			box[i][b] = new_box();
	while (keepers(0) != 1) /* it may not have its name yet */
		usleep(1000);
	CHECK_EQ(keepers(SIGSTOP), 1);
	for (int i = 0; i < SERVERS; i++)
		for (int b = 0; b < 2; b++)
			offer_box(path[i], &box[i][b]);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(sluice_dispatch(sv, 10), 0);
	CHECK_EQ(calls, 0);
	CHECK_EQ(keepers(kill ? SIGKILL : SIGCONT), 1);
	for (int i = 0; i < SERVERS; i++)
		for (int b = 0; b < 2; b++)
			CHECK_EQ(open_box(&box[i][b], sv), errno_of[i]);
	CHECK_EQ(calls, 4);
	sluice_supervisor_free(sv);
	check_gone();
}

static void asking(void)
{
	isolate(); /* other keepers of the machine are not ours to stop */
	both_ask(false);
	both_ask(true);
}

/* The keeper is killed while it is asked, and there cannot be another one: what runtimes
 * have sent waits until there is, and a hand-over does not wait for an answer. */
static void for_good(void)
{
	struct sluice_options o;
	struct sluice_supervisor *sv;
	char away[140];
	struct box box[SERVERS];
	int pair[2];

	isolate(); /* other keepers of the machine are not ours to kill */
	o = choose(true);
	sv = new_supervisor(&o);
	snprintf(away, sizeof(away), "%s-away", dir);
	serve(sv, 0);
	for (int i = 0; i < SERVERS; i++)
		box[i] = new_box();
	while (keepers(0) != 1) /* it may not have its name yet */
		usleep(1000);
	CHECK_EQ(keepers(SIGSTOP), 1);
	offer_box(path[0], &box[0]);
	CHECK_EQ(sluice_dispatch(sv, 1000), 0); /* it is asked to accept */
	CHECK_EQ(rename(dir, away), 0);
	CHECK_EQ(keepers(SIGKILL), 1);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	close(pair[1]);
	CHECK(sluice_hand_over(sv, pair[0]) < 0);
	close(pair[0]);
	offer_box(path[1], &box[1]);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(sluice_dispatch(sv, 50), 0);
	CHECK_EQ(calls, 0); /* nothing is decided that no keeper has */
	CHECK_EQ(rename(away, dir), 0);
	for (int i = 0; i < SERVERS; i++)
		CHECK_EQ(open_box(&box[i], sv), errno_of[i]);
	CHECK_EQ(calls, 2);
	while (keepers(0) != 1)
		usleep(1000);
	sluice_supervisor_free(sv);
	check_gone();
}

static void refuse_timers(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(timerfd_settime), 0),
		0);
#ifdef __NR_timerfd_settime64
	CHECK_EQ(
		seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), __NR_timerfd_settime64, 0), 0);
#endif
	CHECK_EQ(seccomp_load(f), 0);
	seccomp_release(f);
}

/* Nothing makes the loop turn. */
static void check_idle(struct sluice_supervisor *sv)
{
	struct pollfd p = {.fd = sluice_fd(sv), .events = POLLIN};

	CHECK_EQ(poll(&p, 1, 0), 0);
}

/* An outer filter refuses timers: there is no server, at a path of its own nor at an
 * inherited one, and everything else works. */
static void no_timer(void)
{
	struct sluice_options o = choose(true);
	struct sluice_supervisor *sv = new_supervisor(&o);
	struct box box, other;
	int pair[2], status;
	pid_t pid;

	serve(sv, 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct sluice_supervisor *theirs;
		char more[140];
		int rc;

		close(pair[0]);
		refuse_timers();
		CHECK_EQ(sluice_take_over(pair[1], &theirs), 0);
		CHECK_EQ(sluice_on_name(theirs, MKDIR, say_tag, NULL), 0);
		CHECK_EQ(sluice_listen_oci(theirs, path[0], take, &errno_of[0]), -EPERM);
		CHECK_EQ(access(path[0], F_OK), 0);
		snprintf(more, sizeof(more), "%s-more", path[0]);
		CHECK_EQ(sluice_listen_oci(theirs, more, take, &errno_of[0]), -EPERM);
		CHECK_EQ(access(more, F_OK), -1);
		while (sluice_active(theirs)) {
			rc = sluice_dispatch(theirs, 1000);
			CHECK(rc >= 0);
		}
		check_idle(theirs);
		CHECK_EQ(sluice_run(theirs), 0); /* nothing is left that it waits for */
		CHECK(fcntl(0, F_GETFD) >= 0 || open("/dev/null", O_RDONLY) == 0);
		sluice_supervisor_free(theirs);
		CHECK(fcntl(0, F_GETFD) >= 0); /* no timer is not number 0 */
		_exit(0);
	}
	close(pair[1]);
	box = new_box();
	other = new_box();
	offer_box(path[0], &other); /* nobody dispatches any more */
	CHECK_EQ(sluice_add_listener(sv, box.listener, NULL), 0);
	CHECK_EQ(sluice_hand_over(sv, pair[0]), 0);
	sluice_supervisor_free(sv);
	CHECK_EQ(open_box(&box, NULL), EILSEQ);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(open_box(&other, NULL), EXDEV);
	close(pair[0]);
}

/* A filter that the program loads later does: the caller of the loop hears of each time
 * that something has to wait for a timer, and the rest is served. */
static void no_timer_later(void)
{
	struct sluice_options o = choose(false);
	struct sluice_supervisor *sv = new_supervisor(&o);
	struct box box = new_box(), late = new_box();
	struct rlimit old, few;
	int errors = 0, lowest, rc;

	if (getenv("SLUICE_TEST_VALGRIND"))
		SKIP("valgrind keeps the last descriptors for itself");
	serve(sv, 0);
	refuse_timers();
	offer_box(path[0], &box);
	while (!calls) {
		rc = sluice_dispatch(sv, 1000);
		CHECK(rc == 0 || rc == -EPERM);
		errors += rc < 0;
	}
	CHECK_EQ(errors, 1);
	CHECK_EQ(open_box(&box, sv), errno_of[0]);
	while (sluice_active(sv))
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	offer_box(path[1], &late);
	lowest = fcntl(0, F_DUPFD_CLOEXEC, 0);
	CHECK(lowest >= 0 && close(lowest) == 0 && getrlimit(RLIMIT_NOFILE, &old) == 0);
	few = old;
	few.rlim_cur = (rlim_t)
		lowest; /* it cannot be accepted, and would have to be looked at later */
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	CHECK_EQ(sluice_run(sv), -EPERM);
	check_idle(sv);
	CHECK_EQ(sluice_dispatch(sv, 0), 0);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	CHECK_EQ(calls, 1);
	sluice_supervisor_free(sv);
	CHECK_EQ(open_box(&late, NULL), ENOSYS); /* no keeper */
	CHECK_EQ(access(path[1], F_OK), -1);
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {
	{"killed with two servers, twice: successors serve both", killed},
	{"killed without a successor: both refuse", killed_alone},
	{"over a hand-over, without keepers and with them", over_a_hand_over},
	{"a successor that listens at one of two paths", one_of_two},
	{"the rest of a document", second_half},
	{"both have the keeper accept; it stands still, or is killed", asking},
	{"the keeper killed while it is asked, and there cannot be another one",
		for_good},
	{"an outer filter refuses timers", no_timer},
	{"a filter refuses timers later", no_timer_later}, {NULL, NULL}};
