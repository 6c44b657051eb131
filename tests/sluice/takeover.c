/* Who may take over from a keeper: no target, whatever it runs as.
 * SPDX-License-Identifier: MIT */
#include "killed.h"

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
	{"passes: the last one, and as long as the keeper lives", passes},
	{NULL, NULL}};
