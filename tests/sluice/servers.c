/* Two OCI servers of one supervisor with one keeper, through kills and hand-overs; and
 * servers whose keeper or timer cannot be had. SPDX-License-Identifier: MIT
 *
 * Each server has a decision of its own for its containers: a box' call fails with the
 * errno of the server that it came to, so none gets the other's. */
#include "killed.h"

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

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {
	{"killed with two servers, twice: successors serve both", killed},
	{"killed without a successor: both refuse", killed_alone},
	{"over a hand-over, without keepers and with them", over_a_hand_over},
	{"a successor that listens at one of two paths", one_of_two},
	{"both have the keeper accept; it stands still, or is killed", asking},
	{NULL, NULL}};
