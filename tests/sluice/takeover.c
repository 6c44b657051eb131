/* Who may take over from a keeper: no target, whatever it runs as.
 * SPDX-License-Identifier: MIT */
#include "killed.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* 6.5 */
#endif

/* Somebody who would take over: when it loads a filter, what it comes with, as whom. */
struct usurper {
	enum { NO_FILTER, FILTER_FIRST, FILTER_LATER } filter;
	enum { BY_PATH, BY_PASS } way;
	uid_t uid;
};

static int meet_as(const struct usurper *u, const char *path)
{
	return u->way == BY_PATH ? sluice_keeper_connect(path) : sluice_keeper_connect_pass(pass);
}

static int try_to_take_over(const struct usurper *u, const char *path, pid_t victim)
{
	struct sluice_supervisor *sv;
	int socket = -1, rc;

	CHECK_EQ(setresuid(u->uid, u->uid, u->uid), 0);
	if (u->filter == FILTER_LATER) {
		socket = meet_as(u, path);
		usleep(100000); /* it is let in */
	}
	if (u->filter != NO_FILTER)
		load_filters(1);
	if (u->filter != FILTER_LATER)
		socket = meet_as(u, path);
	CHECK(socket >= 0);
	if (kill(victim, SIGKILL))
		usleep(100000); /* its parent does it */
	rc = sluice_take_over(socket, &sv);
	close(socket);
	if (rc)
		return -rc;
	CHECK_EQ(sluice_on_name(sv, MKDIR, echo, NULL), 0);
	CHECK_EQ(sluice_run(sv), 0);
	sluice_supervisor_free(sv);
	return 0;
}

/* The directory of the door becomes the supervisor's. */
static void give_away(const char *path)
{
	char dir[128];

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	CHECK_EQ(chown(dir, supervisor_uid, (gid_t)-1), 0);
}

/* It connects, kills the supervisor and takes over: 0, else the errno of sluice_take_over(). */
static int usurp(const struct usurper *u)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	int out, bad, refused, status, calls;
	pid_t victim, pid;

	o.keeper = true;
	o.keeper_path = door();
	o.default_errno = EXDEV;
	o.grace_ms = 2000;
	if (supervisor_uid)
		give_away(o.keeper_path);
	victim = start_supervisor(&o, sit, 5, &out);
	if (u->uid != geteuid()) /* the file's mode is not what refuses it */
		CHECK(chmod(o.keeper_path, 0666) == 0 && chmod(scratch_dir(), 0755) == 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(out);
		_exit(try_to_take_over(u, o.keeper_path, victim));
	}
	if (u->uid != geteuid()) {
		usleep(100000);
		CHECK_EQ(kill(victim, SIGKILL), 0);
	}
	CHECK_EQ(waitpid(victim, NULL, 0), victim);
	calls = collect(out, EXDEV, now_ns() + 2000000000u, &bad, &refused);
	CHECK_EQ(calls, 20);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(refused, WEXITSTATUS(status) ? 20 : 0);
	return WEXITSTATUS(status);
}

static struct usurper me(int filter, int way)
{
	struct usurper u = {.uid = geteuid()};

	u.filter = filter;
	u.way = way;
	return u;
}

static void targets_refused(void)
{
	struct usurper plain = me(NO_FILTER, BY_PATH), first = me(FILTER_FIRST, BY_PATH),
		       later = me(FILTER_LATER, BY_PATH);

	/* The control: who has no filter at all is no target. */
	CHECK_EQ(usurp(&plain), is_filtered() ? ECANCELED : 0);
	CHECK_EQ(usurp(&first), ECANCELED);
	CHECK_EQ(usurp(&later), ECANCELED);
}

/* A service under filters, as service managers and container engines make them, has targets from
 * elsewhere with fewer. By numbers they could not be told from a successor. */
static void filtered_service(void)
{
	struct usurper fewer = me(FILTER_FIRST, BY_PATH), later = me(FILTER_LATER, BY_PATH);

	supervisor_filters = 3;
	CHECK_EQ(usurp(&fewer), ECANCELED);
	CHECK_EQ(usurp(&later), ECANCELED);
}

static void with_the_pass(void)
{
	struct usurper first = me(FILTER_FIRST, BY_PASS), later = me(FILTER_LATER, BY_PASS);

	CHECK_EQ(usurp(&first), 0);
	supervisor_filters = 3;
	CHECK_EQ(usurp(&first), 0);
	CHECK_EQ(usurp(&later), 0);
}

static void other_user(void)
{
	struct usurper other = me(NO_FILTER, BY_PATH);

	if (geteuid() != 0)
		SKIP("needs root");
	other.uid = 1234;
	CHECK_EQ(usurp(&other), ECANCELED);
}

/* Whether this program can be started by that user, and made a supervisor. */
static bool runs_as(uid_t uid)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(setresuid(uid, uid, uid) != 0 || access(self_path, X_OK) != 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status == 0;
}

/* Root may take over from anybody. */
static void root(void)
{
	struct usurper plain = me(NO_FILTER, BY_PATH);

	if (geteuid() != 0)
		SKIP("needs root");
	if (is_filtered())
		SKIP("who has a filter may not without a pass");
	supervisor_uid = 1234;
	if (!runs_as(supervisor_uid))
		SKIP("another user cannot run this program where it is");
	CHECK_EQ(usurp(&plain), 0);
}

/* A target at the door does not take the place of a successor that waits there. */
static void pushed(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	int out, bad, refused, socket;
	pid_t victim, target;

	if (is_filtered())
		SKIP("who has a filter may not without a pass");
	o.keeper = true;
	o.keeper_path = door();
	o.default_errno = EXDEV;
	victim = start_supervisor(&o, sit, 5, &out);
	socket = sluice_keeper_connect(o.keeper_path);
	CHECK(socket >= 0);
	fflush(stdout);
	target = fork();
	if (target == 0) {
		close(socket);
		load_filters(1);
		CHECK(sluice_keeper_connect(o.keeper_path) >= 0);
		for (;;)
			pause();
	}
	usleep(300000); /* the keeper has seen both, most probably */
	kill_it(victim);
	CHECK_EQ(sluice_take_over(socket, &sv), 0);
	CHECK_EQ(sluice_on_name(sv, "mkdir", echo, NULL), 0);
	CHECK_EQ(sluice_run(sv), 0);
	sluice_supervisor_free(sv);
	CHECK_EQ(collect(out, EXDEV, now_ns(), &bad, &refused), 20);
	CHECK_EQ(bad + refused, 0);
	kill_it(target);
}

/* One that takes nothing holds nobody up. */
static void idle(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	int out, bad, refused, socket;
	pid_t victim;

	o.keeper = true;
	o.keeper_path = door();
	o.default_errno = EXDEV;
	o.grace_ms = 100;
	victim = start_supervisor(&o, sit, 5, &out);
	socket = meet_keeper(o.keeper_path);
	kill_it(victim);
	CHECK_EQ(collect(out, EXDEV, now_ns(), &bad, &refused), 20);
	CHECK_EQ(refused, 20);
	close(socket);
}

/* A process with number @pid, which is free, and without a filter. */
static pid_t stand_in(pid_t pid)
{
	struct { /* include/uapi/linux/sched.h: struct clone_args */
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls,
			set_tid, set_tid_size;
	} args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid, .set_tid_size = 1};
	pid_t made = (pid_t)syscall(435 /* clone3 */, &args, sizeof(args));

	if (made == 0)
		for (;;)
			pause();
	return made;
}

/* A target that connects, ends and leaves its number to somebody who has no filter: what the keeper
 * sees under that number now is not who connected. */
static void number_of_another(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	int out, bad, refused, socket, pair[2], pidfd;
	socklen_t size = sizeof(pidfd);
	pid_t victim, target, innocent;

	isolate();
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	if (getsockopt(pair[0], SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size))
		SKIP("no pidfd of who connected before 6.5");
	close(pidfd);
	o.keeper = true;
	o.keeper_path = door();
	o.default_errno = EXDEV;
	o.grace_ms = 2000;
	victim = start_supervisor(&o, sit, 5, &out);
	while (keepers(0) != 1) /* it may not have its name yet */
		usleep(1000);
	CHECK_EQ(keepers(SIGSTOP), 1);
	fflush(stdout);
	target = fork();
	if (target == 0) {
		load_filters(1);
		socket = sluice_keeper_connect(o.keeper_path);
		CHECK_EQ(send_fds(pair[1], "s", 1, &socket, 1), 1);
		_exit(0);
	}
	socket = receive_fd(pair[0]);
	CHECK(socket >= 0);
	CHECK_EQ(waitpid(target, NULL, 0), target);
	innocent = stand_in(target);
	if (innocent < 0)
		SKIP("no process can be given a number: %s", strerror(errno));
	CHECK_EQ(innocent, target);
	CHECK_EQ(keepers(SIGCONT), 1);
	kill_it(victim);
	CHECK_EQ(sluice_take_over(socket, &sv), -ECANCELED);
	CHECK_EQ(collect(out, EXDEV, now_ns() + 2000000000u, &bad, &refused), 20);
	CHECK_EQ(refused, 20);
	kill_it(innocent);
}

/* A pass is good for its keeper, also when that was started anew, and only the last one is. */
static void passes(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int old, now, socket, n = 0;

	isolate();
	CHECK_EQ(sluice_keeper_pass(sv), -EINVAL);
	sluice_supervisor_free(sv);
	o.keeper = true;
	sv = new_supervisor(&o);
	old = sluice_keeper_pass(sv);
	now = sluice_keeper_pass(sv);
	CHECK(old >= 0 && now >= 0);
	CHECK(fcntl(now, F_GETFD) & FD_CLOEXEC);
	do { /* until the keeper has read of the new one */
		socket = sluice_keeper_connect_pass(old);
		if (socket >= 0)
			close(socket);
		usleep(10000);
	} while (socket >= 0 && ++n < 1000);
	CHECK_EQ(socket, -EPIPE);
	CHECK_EQ(keepers(SIGKILL), 1);
	while (keepers(0)) /* that one is no more ... */
		usleep(1000);
	while (!keepers(0)) /* ... and there is another */
		sluice_dispatch(sv, 10);
	socket = sluice_keeper_connect_pass(now);
	CHECK(socket >= 0);
	close(socket);
	sluice_supervisor_free(sv);
	for (n = 0; n < 1000 && sluice_keeper_connect_pass(now) >= 0; n++)
		usleep(10000);
	CHECK_EQ(sluice_keeper_connect_pass(now), -EPIPE);
}

const struct target_main targets[] = {{"ask", target_ask}, {NULL, NULL}};
const struct test tests[] = {
	{"targets cannot take over from a keeper; who has no filter can", targets_refused},
	{"nor targets with fewer filters than the supervisor", filtered_service},
	{"who has the pass can, filters or not", with_the_pass},
	{"other users cannot", other_user},
	{"root can, whoever the supervisor is", root},
	{"nor can a target that has ended, by whoever has its number now", number_of_another},
	{"a target does not take the place of a successor that waits", pushed},
	{"a successor that takes nothing holds nobody up", idle},
	{"passes: the last one, and as long as the keeper lives", passes},
	{NULL, NULL}};
