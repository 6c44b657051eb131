/* OCI servers through kills and hand-overs: what a runtime has sent is refused with the chosen errno
 * or served by the successor, wherever it was.
 * SPDX-License-Identifier: MIT
 *
 * The supervisor is a process that this one stops and kills, so that a document is in the
 * listening socket, in an accepted one or half read without any timing. */
#include "runtime.h"

#include <sys/resource.h>

static char path[128], door[128];
static bool own_group;     /* the supervisor's process has one */
static bool without_input; /* the program has no descriptor 0 when it has decided */

static int take(struct sluice_supervisor *sv, struct sluice_container *c, void *data)
{
	(void)sv;
	(void)data;
	if (strcmp(c->id, "die") == 0)
		kill(getpid(), SIGKILL);
	if (without_input)
		close(0);
	without_input = false;
	return 0;
}

static int allow(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_reply(req, 0);
}

static void set_options(struct sluice_options *o, bool keeper, bool with_door)
{
	const char *dir = scratch_dir();

	snprintf(path, sizeof(path), "%s/listener", dir);
	snprintf(door, sizeof(door), "%s/door", dir);
	*o = (struct sluice_options)SLUICE_OPTIONS_INIT;
	o->default_errno = EXDEV;
	o->keeper = keeper;
	o->keeper_path = with_door ? door : NULL;
	o->grace_ms = 20000;
}

static void serve(struct sluice_supervisor *sv)
{
	CHECK_EQ(sluice_on_name(sv, MKDIR, allow, NULL), 0);
	CHECK_EQ(sluice_listen_oci(sv, path, take, NULL), 0);
}

/* Before any box: it must not inherit their listeners. */
static pid_t start_server(const struct sluice_options *o)
{
	int ready[2];
	char byte;
	pid_t pid;

	CHECK(pipe2(ready, O_CLOEXEC) == 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct sluice_supervisor *sv;

		CHECK(!own_group || setpgid(0, 0) == 0);
		sv = new_supervisor(o);
		serve(sv);
		CHECK(write(ready[1], "r", 1) == 1);
		sluice_run(sv);
		_exit(0);
	}
	CHECK(read(ready[0], &byte, 1) == 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void stop_it(pid_t pid)
{
	int status;

	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
}

static void kill_it(pid_t pid)
{
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

/* A container is served, so what came before it has been looked at. */
static void one_is_served(struct sluice_supervisor *sv)
{
	struct box box = new_box();

	offer_box(path, &box);
	CHECK_EQ(open_box(&box, sv), 0);
}

enum { HALF_READ, ACCEPTED, WAITING, PLACES };

struct scene {
	struct box box[PLACES];
	int socket[2];
};

/* One container whose document is half read, one whose connection is accepted and nothing read,
 * one in the listening socket; @server is stopped, or (0) is @sv here. */
static void set_scene(struct scene *s, pid_t server, struct sluice_supervisor *sv)
{
	for (int i = 0; i < PLACES; i++)
		s->box[i] = new_box();
	s->socket[0] = dial(path);
	CHECK_EQ(send_fds(s->socket[0], document, 10, &s->box[HALF_READ].listener, 1), 10);
	s->socket[1] = dial(path);
	one_is_served(sv);
	if (server)
		stop_it(server);
	CHECK_EQ(send_fds(s->socket[1], document, strlen(document), &s->box[ACCEPTED].listener, 1),
		strlen(document));
	offer_fds(path, document, &s->box[WAITING].listener, 1);
	for (int i = 0; i < PLACES; i++)
		close(s->box[i].listener);
}

static void check_scene(struct scene *s, struct sluice_supervisor *sv, int half, int whole)
{
	CHECK_EQ(open_box(&s->box[HALF_READ], sv), half);
	CHECK_EQ(open_box(&s->box[ACCEPTED], sv), whole);
	CHECK_EQ(open_box(&s->box[WAITING], sv), whole);
	close(s->socket[0]);
	close(s->socket[1]);
}

static void killed(void)
{
	struct sluice_options o;
	struct scene s;
	pid_t pid;

	set_options(&o, true, false);
	pid = start_server(&o);
	set_scene(&s, pid, NULL);
	kill_it(pid);
	check_scene(&s, NULL, EXDEV, EXDEV);
}

/* As a shell does, or who ends a service. */
static void killed_with_its_group(void)
{
	struct sluice_options o;
	struct scene s;
	pid_t pid;

	set_options(&o, true, false);
	own_group = true;
	pid = start_server(&o);
	set_scene(&s, pid, NULL);
	CHECK_EQ(kill(-pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	check_scene(&s, NULL, EXDEV, EXDEV);
}

/* The control: it can fail. */
static void killed_without_keeper(void)
{
	struct sluice_options o;
	struct scene s;
	pid_t pid;

	set_options(&o, false, false);
	pid = start_server(&o);
	set_scene(&s, pid, NULL);
	kill_it(pid);
	check_scene(&s, NULL, ENOSYS, ENOSYS);
}

static void killed_after_its_keeper(void)
{
	struct sluice_options o;
	struct scene s;
	pid_t pid;

	isolate(); /* other keepers of the machine are not ours to kill */
	set_options(&o, true, false);
	pid = start_server(&o);
	for (int i = 0; i < PLACES; i++)
		s.box[i] = new_box();
	s.socket[0] = dial(path);
	CHECK_EQ(send_fds(s.socket[0], document, 10, &s.box[HALF_READ].listener, 1), 10);
	s.socket[1] = dial(path);
	one_is_served(NULL);
	CHECK_EQ(keepers(SIGKILL), 1);
	one_is_served(NULL); /* so there is another keeper */
	stop_it(pid);
	CHECK(send_fds(s.socket[1], document, strlen(document), &s.box[ACCEPTED].listener, 1) > 0);
	offer_fds(path, document, &s.box[WAITING].listener, 1);
	for (int i = 0; i < PLACES; i++)
		close(s.box[i].listener);
	kill_it(pid);
	check_scene(&s, NULL, EXDEV, EXDEV);
}

/* It is killed with the keeper's last answer unread, and the keeper has not read its last
 * words: these count. The pauses make that likely, nothing more. */
static void killed_in_conversation(void)
{
	static const char die[] = "{\"fds\":[\"seccompFd\"],\"state\":{\"id\":\"die\"}}";
	struct sluice_options o;
	struct box box;
	int silent, another;
	pid_t pid;

	isolate();
	set_options(&o, true, false);
	pid = start_server(&o);
	box = new_box();
	silent = dial(path);
	one_is_served(NULL);
	CHECK_EQ(keepers(SIGSTOP), 1);
	another = dial(path); /* it asks the keeper to accept that */
	usleep(50000);
	stop_it(pid);
	CHECK_EQ(send_fds(silent, die, strlen(die), &box.listener, 1), strlen(die));
	close(box.listener);
	CHECK_EQ(keepers(SIGCONT), 1);
	usleep(50000);
	CHECK_EQ(keepers(SIGSTOP), 1);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(keepers(SIGCONT), 1);
	CHECK_EQ(open_box(&box, NULL), EXDEV);
	close(silent);
	close(another);
}

/* At any moment, with documents under way. */
static void random_kills(void)
{
	long rounds = scaled("SLUICE_KILLS", 20) * 3, refused = 0;

	srandom(10);
	for (long i = 0; i < rounds; i++) {
		struct sluice_options o;
		struct box box[4];
		int socket[4];
		pid_t pid, killer;
		useconds_t us;

		set_options(&o, true, false);
		pid = start_server(&o);
		for (int b = 0; b < 4; b++)
			box[b] = new_box();
		for (int b = 0; b < 4; b++)
			socket[b] = dial(path);
		us = (useconds_t)(random() % 2000);
		fflush(stdout);
		killer = fork();
		if (killer == 0) {
			usleep(us);
			kill(pid, SIGKILL);
			_exit(0);
		}
		for (int b = 0; b < 4; b++) {
			size_t half = b % 2 ? strlen(document) : 20;

			/* What cannot be sent any more was not taken, and its runtime knows. */
			if (send_fds(socket[b], document, half, &box[b].listener, 1) < 0) {
				close(box[b].listener);
				kill_it(box[b].pid);
				close(box[b].go);
				box[b].pid = 0;
				continue;
			}
			close(box[b].listener);
			send_fds(socket[b], document + half, strlen(document) - half, NULL, 0);
		}
		CHECK_EQ(waitpid(killer, NULL, 0), killer);
		CHECK_EQ(waitpid(pid, NULL, 0), pid);
		for (int b = 0; b < 4; b++) {
			if (box[b].pid)
				CHECK_EQ(open_box(&box[b], NULL), EXDEV);
			refused += box[b].pid != 0;
			close(socket[b]);
		}
	}
	printf("# %ld kills, %ld containers, all refused\n", rounds, refused);
	CHECK(refused > 0);
}

static void successor(void)
{
	struct sluice_supervisor *sv;
	struct sluice_options o;
	struct scene s;
	pid_t pid;
	int socket;

	if (is_filtered())
		SKIP("a successor with a filter needs a pass (sluice-takeover)");
	set_options(&o, true, true);
	pid = start_server(&o);
	set_scene(&s, pid, NULL);
	socket = sluice_keeper_connect(door);
	CHECK(socket >= 0);
	kill_it(pid);
	CHECK_EQ(sluice_take_over(socket, &sv), 0);
	close(socket);
	serve(sv);
	CHECK_EQ(send_fds(s.socket[0], "x", 1, NULL, 0), -1); /* the beginning is lost: at once */
	check_scene(&s, sv, EXDEV, 0);
	one_is_served(sv);
	sluice_supervisor_free(sv);
	CHECK(access(path, F_OK) == -1);
}

/* What was accepted stays accepted, also when the supervisor has no descriptor 0 to send by mistake. */
static void accepted(bool closed)
{
	struct sluice_supervisor *sv;
	struct sluice_options o;
	struct box box;
	int socket;
	pid_t pid;

	set_options(&o, true, true);
	without_input = closed;
	pid = start_server(&o);
	without_input = false;
	box = new_box();
	offer_box(path, &box);
	one_is_served(NULL); /* so that one has been accepted */
	socket = sluice_keeper_connect(door);
	CHECK(socket >= 0);
	kill_it(pid);
	CHECK_EQ(sluice_take_over(socket, &sv), 0);
	close(socket);
	serve(sv);
	CHECK_EQ(open_box(&box, sv), 0);
	sluice_supervisor_free(sv);
}

static void accepted_before(void)
{
	if (is_filtered())
		SKIP("a successor with a filter needs a pass (sluice-takeover)");
	accepted(false);
	accepted(true);
}

/* A runtime comes while there is no supervisor at all; the second kill is the successor's. */
static void between_supervisors(void)
{
	struct sluice_supervisor *sv;
	struct sluice_options o;
	struct box box, later;
	pid_t pid, second;
	int socket, go[2];
	char byte;

	if (is_filtered())
		SKIP("a successor with a filter needs a pass (sluice-takeover)");
	set_options(&o, true, true);
	pid = start_server(&o);
	kill_it(pid);
	CHECK(pipe2(go, O_CLOEXEC) == 0);
	fflush(stdout);
	second = fork();
	if (second == 0) {
		CHECK_EQ(sluice_take_over(sluice_keeper_connect(door), &sv), 0);
		serve(sv);
		CHECK(write(go[1], "g", 1) == 1);
		sluice_run(sv);
		_exit(0);
	}
	box = new_box();
	offer_box(path, &box);
	CHECK(read(go[0], &byte, 1) == 1);
	CHECK_EQ(open_box(&box, NULL), 0);
	later = new_box();
	socket = sluice_keeper_connect(door);
	CHECK(socket >= 0);
	stop_it(second);
	offer_box(path, &later);
	kill_it(second);
	CHECK_EQ(sluice_take_over(socket, &sv), 0);
	close(socket);
	serve(sv);
	CHECK_EQ(open_box(&later, sv), 0);
	sluice_supervisor_free(sv);
}

static void succeed(int socket)
{
	struct sluice_supervisor *sv;
	struct pollfd p = {.fd = socket, .events = POLLIN};
	char byte;

	CHECK_EQ(sluice_take_over(socket, &sv), 0);
	CHECK(read(socket, &byte, 1) == 1);
	serve(sv);
	while (poll(&p, 1, 0) == 0)
		CHECK(sluice_dispatch(sv, 20) >= 0);
	sluice_supervisor_free(sv);
}

static void handed_over(bool keeper)
{
	struct sluice_supervisor *sv;
	struct sluice_options o;
	struct box box;
	struct scene s;
	int pair[2], status;
	pid_t pid;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	set_options(&o, keeper, false);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		succeed(pair[1]);
		_exit(0);
	}
	close(pair[1]);
	sv = new_supervisor(&o);
	serve(sv);
	set_scene(&s, 0, sv);
	CHECK_EQ(sluice_hand_over(sv, pair[0]), 0);
	box = new_box();
	offer_box(path, &box); /* before the successor listens */
	CHECK_EQ(send(pair[0], "x", 1, 0), 1);
	CHECK_EQ(open_box(&box, NULL), 0);
	sluice_supervisor_free(sv);
	CHECK(access(path, F_OK) == 0);
	CHECK_EQ(send_fds(s.socket[0], "x", 1, NULL, 0), -1); /* the beginning is lost: at once */
	check_scene(&s, NULL, EXDEV, 0);
	one_is_served(NULL);
	close(pair[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK(access(path, F_OK) == -1);
}

static void over_a_hand_over(void)
{
	handed_over(false);
}

static void over_a_hand_over_with_keepers(void)
{
	handed_over(true);
}

/* sluice_listen_oci(), with one descriptor more each time until there are enough. The socket of a
 * predecessor stays where it is, one that was made for this goes again. */
static void listen_with_few(struct sluice_supervisor *sv, bool inherited)
{
	struct rlimit old, few;
	int rc, failed = 0, lowest = fcntl(0, F_DUPFD_CLOEXEC, 0);

	CHECK(lowest >= 0 && close(lowest) == 0 && getrlimit(RLIMIT_NOFILE, &old) == 0);
	few = old;
	for (few.rlim_cur = (rlim_t)lowest;; few.rlim_cur++) {
		CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
		rc = sluice_listen_oci(sv, path, take, NULL);
		if (rc == 0)
			break;
		CHECK_EQ(rc, -EMFILE);
		CHECK_EQ(access(path, F_OK) == 0, inherited);
		failed++;
		CHECK(sluice_dispatch(sv, 0) >= 0); /* it closes what was given up */
	}
	CHECK(failed >= (inherited ? 1 : 2)); /* for want of a socket, and of a timer */
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	CHECK_EQ(sluice_on_name(sv, "mkdir", allow, NULL), 0);
	one_is_served(sv);
}

static void few_descriptors(void)
{
	struct sluice_supervisor *sv;
	struct sluice_options o;
	int pair[2], status;
	pid_t pid;

	if (getenv("SLUICE_TEST_VALGRIND"))
		SKIP("valgrind keeps the last descriptors for itself");
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	set_options(&o, false, false);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		CHECK_EQ(sluice_take_over(pair[1], &sv), 0);
		listen_with_few(sv, true);
		sluice_supervisor_free(sv);
		_exit(0);
	}
	close(pair[1]);
	sv = new_supervisor(&o);
	listen_with_few(sv, false);
	CHECK_EQ(sluice_hand_over(sv, pair[0]), 0);
	sluice_supervisor_free(sv);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK(access(path, F_OK) == -1);
}

static void freed(void)
{
	struct sluice_supervisor *sv;
	struct sluice_options o;
	struct scene s;
	int before = count_fds();

	set_options(&o, true, false);
	sv = new_supervisor(&o);
	serve(sv);
	set_scene(&s, 0, sv);
	sluice_supervisor_free(sv);
	CHECK(access(path, F_OK) == -1);
	check_scene(&s, NULL, EXDEV, EXDEV);
	CHECK_EQ(settled_fds(before), before);
}

/* The same listener more often than the keeper has room for, and another one behind them. */
static void freed_with_duplicates(void)
{
	struct sluice_supervisor *sv;
	struct sluice_options o;
	struct box box = new_box(), last = new_box();
	int fds[64];

	for (int i = 0; i < 64; i++)
		fds[i] = box.listener;
	set_options(&o, true, false);
	sv = new_supervisor(&o);
	serve(sv);
	for (int i = 0; i < 26; i++) {
		int socket = dial(path);

		if (send_fds(socket, "{", 1, fds, 64) < 0 && errno == ETOOMANYREFS)
			SKIP("a user has no more descriptors on their way than RLIMIT_NOFILE says");
		close(socket);
	}
	close(box.listener);
	offer_box(path, &last);
	sluice_supervisor_free(sv); /* which has looked at none */
	CHECK_EQ(open_box(&box, NULL), EXDEV);
	CHECK_EQ(open_box(&last, NULL), EXDEV);
}

/* One that is given up changes nothing for the runtimes. */
static void refused_hand_over(void)
{
	struct sluice_supervisor *sv;
	struct sluice_options o;
	struct scene s;
	int pair[2];

	set_options(&o, true, false);
	sv = new_supervisor(&o);
	serve(sv);
	set_scene(&s, 0, sv);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	close(pair[1]);
	CHECK(sluice_hand_over(sv, pair[0]) < 0);
	close(pair[0]);
	CHECK(send_fds(s.socket[0], document + 10, strlen(document) - 10, NULL, 0) > 0);
	check_scene(&s, sv, 0, 0);
	sluice_supervisor_free(sv);
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {
	{"killed: what runtimes have sent is refused", killed},
	{"the same with its process group", killed_with_its_group},
	{"control: without a keeper it is ENOSYS", killed_without_keeper},
	{"the keeper killed, then the supervisor", killed_after_its_keeper},
	{"killed between the keeper's words and its own", killed_in_conversation},
	{"killed at random moments", random_kills},
	{"killed, with a successor: whole documents are served", successor},
	{"killed, with a successor: what was accepted goes on", accepted_before},
	{"a runtime comes between two supervisors", between_supervisors},
	{"over a hand-over", over_a_hand_over},
	{"over a hand-over with keepers", over_a_hand_over_with_keepers},
	{"no descriptors left to listen with", few_descriptors},
	{"freed: what runtimes have sent is refused", freed},
	{"freed with 1664 duplicates of a listener unread, and another one", freed_with_duplicates},
	{"a hand-over that fails", refused_hand_over},
	{NULL, NULL}};
