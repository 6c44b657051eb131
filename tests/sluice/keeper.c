/* The supervisor is killed: the keeper answers, a successor goes on.
 * SPDX-License-Identifier: MIT
 *
 * Targets here are started by a supervisor process that this one kills. They report each call's
 * result over a pipe, and a call that gets no answer shows as silence. */
#include "killed.h"

#include <sys/resource.h>

static void received_and_pending(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	int out, bad, refused;
	pid_t pid;
	uint64_t killed;

	o.keeper = true;
	o.default_errno = EXDEV;
	pid = start_supervisor(&o, sit, 3, &out);
	usleep(100000); /* four received calls wait */
	killed = now_ns();
	kill_it(pid);
	CHECK_EQ(collect(out, EXDEV, killed, &bad, &refused), 12);
	CHECK_EQ(bad, 0);
	CHECK_EQ(refused, 12);
}

/* The control: without a keeper the kernel says ENOSYS, so the test can fail. */
static void without_keeper(void)
{
	int out, bad, refused;
	pid_t pid = start_supervisor(NULL, sit, 1, &out);

	usleep(100000);
	kill_it(pid);
	CHECK_EQ(collect(out, ENOSYS, now_ns(), &bad, &refused), 4);
	CHECK_EQ(refused, 4);
}

static void random_kills(void)
{
	long rounds = scaled("SLUICE_KILLS", 20);
	long total = 0, total_refused = 0;

	srandom(7);
	for (long i = 0; i < rounds; i++) {
		struct sluice_options o = SLUICE_OPTIONS_INIT;
		int out, bad, refused;
		uint64_t killed;
		pid_t pid;

		still_going();
		o.keeper = true;
		o.default_errno = EXDEV;
		pid = start_supervisor(&o, i % 2 ? echo : echo_later, 2000, &out);
		usleep((useconds_t)(random() % 20000));
		killed = now_ns();
		kill_it(pid);
		CHECK_EQ(collect(out, EXDEV, killed, &bad, &refused), 8000);
		CHECK_EQ(bad, 0);
		total += 8000;
		total_refused += refused;
	}
	printf("# %ld kills, %ld calls, %ld got the chosen errno, 0 lost\n", rounds, total,
		total_refused);
}

/* Closes @socket. A machine may be slower than the keeper waits for a successor: then the keeper goes on, and
 * its path is open until the grace is over. */
static struct sluice_supervisor *succeed(int socket, const char *path)
{
	struct sluice_supervisor *sv = NULL;
	int rc;

	while ((rc = sluice_take_over(socket, &sv)) == -ECANCELED) {
		close(socket);
		socket = meet_keeper(path);
	}
	CHECK_EQ(rc, 0);
	close(socket);
	return sv;
}

static pid_t start_successor(int socket, const char *path, sluice_handler handler)
{
	int go[2];
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, go) == 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct sluice_supervisor *sv = succeed(socket, path);

		sluice_on_name(sv, MKDIR, handler, NULL);
		give_pass(go[1], sv);
		sluice_run(sv);
		_exit(0);
	}
	take_pass(go[0]);
	close(go[0]);
	close(go[1]);
	return pid;
}

/* A successor waits at the keeper before the supervisor is killed: nothing is refused. */
static void standby(bool kill_twice)
{
	long rounds = scaled("SLUICE_KILLS", 20);
	long replayed = 0;

	srandom(8);
	/* On a busy machine a kill may come before anything is received: later, then. */
	for (long i = 0; i < rounds || (!replayed && i < 20 * rounds); i++) {
		struct sluice_options o = SLUICE_OPTIONS_INIT;
		struct sluice_supervisor *sv;
		struct sluice_statistics s = {.size = sizeof(s)};
		int out, bad, refused, socket, next = -1;
		uint64_t killed;
		pid_t pid, second = -1;

		still_going();
		o.keeper = true;
		o.keeper_path = door();
		o.grace_ms = 100000; /* see succeed() */
		o.default_errno = EXDEV;
		pid = start_supervisor(&o, i % 2 ? echo_later : sit, 6000, &out);
		socket = meet_keeper(o.keeper_path);
		if (i >= rounds)
			usleep((useconds_t)((i - rounds) * 2000));
		usleep((useconds_t)(random() % 10000)); /* the calls take longer than all this */
		killed = now_ns();
		kill_it(pid);
		if (kill_twice) {
			second = start_successor(socket, o.keeper_path, i % 2 ? sit : echo);
			close(socket);
			next = meet_keeper(o.keeper_path);
			usleep((useconds_t)(random() % 5000));
			killed = now_ns();
			kill_it(second);
			socket = next;
		}
		sv = succeed(socket, o.keeper_path);
		CHECK_EQ(sluice_on_name(sv, MKDIR, echo, NULL), 0);
		CHECK_EQ(sluice_run(sv), 0);
		CHECK_EQ(collect(out, EXDEV, killed, &bad, &refused), 24000);
		CHECK_EQ(bad, 0);
		CHECK_EQ(refused, 0);
		do
			sluice_statistics(sv, &s);
		while (s.pending);
		replayed += (long)s.replayed;
		sluice_supervisor_free(sv);
	}
	printf("# %ld kills, %ld received calls shown again, none lost or refused\n", rounds,
		replayed);
	CHECK(replayed > 0);
}

static void successor(void)
{
	standby(false);
}

static void two_successors(void)
{
	standby(true);
}

/* The successor comes after the grace: the rest is its, the earlier ones were refused. */
static void late_successor(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	int out, bad, refused;
	struct pollfd p = {.events = POLLIN};
	pid_t pid;

	o.keeper = true;
	o.keeper_path = door();
	o.grace_ms = 100;
	pid = start_supervisor(&o, sit, 7000, &out);
	usleep(50000);
	kill_it(pid);
	p.fd = out;
	CHECK_EQ(poll(&p, 1, -1), 1); /* it never answered: the keeper has begun to */
	sv = succeed(meet_keeper(o.keeper_path), o.keeper_path);
	CHECK_EQ(sluice_on_name(sv, MKDIR, echo, NULL), 0);
	CHECK_EQ(sluice_run(sv), 0);
	CHECK_EQ(collect(out, EPERM, now_ns(), &bad, &refused), 28000);
	CHECK_EQ(bad, 0);
	CHECK(refused > 0);
	sluice_supervisor_free(sv);
}

/* Somebody kills the keeper: another one is made, which works. */
static void keeper_killed(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	int out, bad, refused;
	pid_t pid;

	isolate(); /* other keepers of the machine are not ours to count or kill */
	o.keeper = true;
	o.default_errno = EXDEV;
	pid = start_supervisor(&o, sit, 5, &out);
	while (keepers(0) != 1) /* it may not have its name yet */
		usleep(1000);
	CHECK_EQ(keepers(SIGKILL), 1);
	usleep(300000); /* time to notice */
	kill_it(pid);
	CHECK_EQ(collect(out, EXDEV, now_ns(), &bad, &refused), 20);
	CHECK_EQ(refused, 20);
}

/* Freed while the targets live: the keeper answers on, and ends with them. */
static void freed(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int fds[2], bad, refused, status, before;

	isolate(); /* other keepers of the machine are not ours to count or kill */
	before = count_fds();
	o.keeper = true;
	o.default_errno = EXDEV;
	sv = new_supervisor(&o);
	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	child.stdout_fd = fds[1];
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "ask", "100");
	close(fds[1]);
	sluice_supervisor_free(sv);
	CHECK_EQ(collect(fds[0], EXDEV, now_ns(), &bad, &refused), 400);
	CHECK_EQ(refused, 400);
	CHECK_EQ(waitpid(child.pid, &status, 0), child.pid);
	sluice_child_release(&child);
	CHECK_EQ(settled_fds(before), before);
	CHECK(no_keeper_left());
	CHECK_EQ(waitpid(-1, NULL, __WALL), -1); /* it was never our child to wait for */
}

/* It holds more than the program might when it was started. */
static void low_limit(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct rlimit old, low;
	struct sluice_supervisor *sv;
	struct box box[40];

	o.keeper = true;
	o.default_errno = EXDEV;
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 32;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
	sv = new_supervisor(&o);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	for (int i = 0; i < 40; i++) {
		box[i] = new_box();
		CHECK_EQ(sluice_add_listener(sv, box[i].listener, NULL), 0);
	}
	sluice_supervisor_free(sv);
	for (int i = 0; i < 40; i++)
		CHECK_EQ(open_box(&box[i], NULL), EXDEV);
}

static int refuse(struct sluice_supervisor *sv, struct sluice_container *c, void *data)
{
	(void)sv;
	(void)c;
	if (data)
		++*(int *)data;
	return -1;
}

/* More connections than it has room for, one after the other. */
static void many_connections(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	struct box box = new_box();
	char path[128];
	int before, calls = 0;

	o.keeper = true;
	o.default_errno = EXDEV;
	sv = new_supervisor(&o);
	snprintf(path, sizeof(path), "%s/listener", scratch_dir());
	CHECK_EQ(sluice_listen_oci(sv, path, refuse, &calls), 0);
	before = count_fds();
	for (int i = 0; i < 1600; i++) {
		int socket = dial(path);

		while (sluice_dispatch(sv, 0) > 0 || count_fds() == before + 1)
			CHECK(sluice_dispatch(sv, 1000) >= 0); /* until it is accepted */
		close(socket);
		while (count_fds() > before)
			CHECK(sluice_dispatch(sv, 1000) >= 0);
	}
	offer_box(path, &box);
	CHECK_EQ(open_box(&box, sv), EXDEV);
	CHECK_EQ(calls, 1);
	sluice_supervisor_free(sv);
}

/* What a peer has sent and nobody read is no listener: the keeper does not stay for it. */
static void no_listener(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	char path[128];
	int fds[3], ends[2];

	isolate(); /* other keepers of the machine are not ours to count */
	o.keeper = true;
	sv = new_supervisor(&o);
	snprintf(path, sizeof(path), "%s/listener", scratch_dir());
	CHECK_EQ(sluice_listen_oci(sv, path, refuse, NULL), 0);
	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fds[1] = ends[0];
	fds[2] = open("/", O_PATH | O_CLOEXEC);
	offer_fds(path, document, fds, 3);
	sluice_supervisor_free(sv);
	CHECK(no_keeper_left());
}

static volatile sig_atomic_t signals;

static void count_signal(int sig)
{
	(void)sig;
	signals++;
}

/* Whoever is started for the program, to keep or to close something, is none that it hears of. */
static void unheard(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	char path[128];
	int before, null = open("/dev/null", O_RDONLY | O_CLOEXEC), socket;

	for (int sig = 1; sig < SIGRTMAX; sig++)
		if (sig != SIGALRM && sig != SIGPROF)
			signal(sig, count_signal); /* where that may be */
	o.keeper = true;
	sv = new_supervisor(&o);
	snprintf(path, sizeof(path), "%s/listener", scratch_dir());
	CHECK_EQ(sluice_listen_oci(sv, path, refuse, NULL), 0);
	before = count_fds();
	socket = dial(path);
	CHECK_EQ(send_fds(socket, "junk", 4, &null, 1), 4);
	while (send(socket, "", 0, MSG_NOSIGNAL) == 0 || count_fds() > before + 1)
		sluice_dispatch(sv, 20); /* until the other end is closed */
	sluice_supervisor_free(sv);
	CHECK_EQ(signals, 0);
	CHECK_EQ(waitpid(-1, NULL, __WALL), -1);
}

/* A path of which the library would use the beginning, or could make no other for the time of the start. */
static void long_paths(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv = NULL;
	char path[120] = "/tmp/";

	memset(path + 5, 'x', sizeof(path) - 6);
	CHECK_EQ(sluice_keeper_connect(path), -ENAMETOOLONG);
	path[108] = '\0';
	CHECK_EQ(sluice_keeper_connect(path), -ENAMETOOLONG);
	path[107] = '\0';
	CHECK_EQ(sluice_keeper_connect(path), -ENOENT);
	o.keeper = true;
	o.keeper_path = path;
	CHECK_EQ(sluice_supervisor_new(&o, &sv), -ENAMETOOLONG);
	CHECK(!sv);
}

/* Listeners of processes that have ended: nobody has looked at them. */
static int ended_listener(scmp_filter_ctx f)
{
	int pair[2], fd;
	pid_t pid;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		CHECK_EQ(seccomp_load(f), 0);
		fd = seccomp_notify_fd(f);
		CHECK_EQ(send_fds(pair[1], "l", 1, &fd, 1), 1);
		_exit(0);
	}
	fd = receive_fd(pair[0]);
	close(pair[0]);
	close(pair[1]);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	return fd;
}

static void full(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	scmp_filter_ctx f = filter_of(false, "mkdir", NULL);
	struct sluice_supervisor *sv;
	struct rlimit limit;
	int before, last;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 1200;
	if (limit.rlim_max < limit.rlim_cur || setrlimit(RLIMIT_NOFILE, &limit))
		SKIP("too few descriptors");
	o.keeper = true;
	sv = new_supervisor(&o);
	for (int i = 0; i < 1024; i++)
		CHECK_EQ(sluice_add_listener(sv, ended_listener(f), NULL), 0);
	before = count_fds();
	last = ended_listener(f);
	CHECK_EQ(sluice_add_listener(sv, last, NULL), -ENOSPC);
	CHECK_EQ(close(last), 0); /* it is still ours */
	CHECK_EQ(settled_fds(before), before);
	seccomp_release(f);
	sluice_supervisor_free(sv);
}

static void busy_path(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv, *other = NULL;
	struct stat st;

	o.keeper = true;
	o.keeper_path = door();
	sv = new_supervisor(&o);
	CHECK(stat(o.keeper_path, &st) == 0 && (st.st_mode & 0777) == 0600);
	CHECK_EQ(sluice_supervisor_new(&o, &other), -EADDRINUSE);
	sluice_supervisor_free(sv);
	CHECK(stat(o.keeper_path, &st) == -1);
}

const struct target_main targets[] = {{"ask", target_ask}, {NULL, NULL}};
const struct test tests[] = {
	{"killed with received and pending calls: the chosen errno", received_and_pending},
	{"control: without a keeper it is ENOSYS", without_keeper},
	{"killed at random moments", random_kills},
	{"killed at random moments, with a successor", successor},
	{"and the successor killed too", two_successors},
	{"a successor after the grace", late_successor},
	{"the keeper itself killed", keeper_killed},
	{"freed while targets live", freed},
	{"more listeners than the program's limit was", low_limit},
	{"1600 connections, and then a container", many_connections},
	{"freed with descriptors unread that are no listeners", no_listener},
	{"no signal and no child tells of a keeper, or of who closes for us", unheard},
	{"a keeper's path is in use", busy_path},
	{"a keeper's path is too long", long_paths},
	{"more listeners than a keeper holds", full},
	{NULL, NULL}};
