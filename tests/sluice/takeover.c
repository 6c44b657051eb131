/* Who may take over from a keeper: no target, whatever it runs as.
 * SPDX-License-Identifier: MIT */
#include "killed.h"

#include <grp.h>
#include <sys/mount.h>
#include <sys/un.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* 6.5 */
#endif

/* Somebody who would take over: when it loads a filter, what it comes with, as whom. */
struct usurper {
	enum { NO_FILTER, FILTER_FIRST, FILTER_LATER } filter;
	enum { BY_PATH, BY_PASS } way;
	uid_t uid;
	bool crowded; /* in so many groups that its status in /proc is longer than anybody reads */
	bool forges;  /* another status over its own one */
};

static int meet_as(const struct usurper *u, const char *path)
{
	return u->way == BY_PATH ? sluice_keeper_connect(path) : sluice_keeper_connect_pass(pass);
}

#define MANY 65536 /* include/uapi/linux/limits.h: NGROUPS_MAX */

static bool join_groups(void)
{
	static gid_t groups[MANY];

	for (unsigned i = 0; i < MANY; i++)
		groups[i] = 4000000000u + i;
	return setgroups(MANY, groups) == 0;
}

static void forge_status(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d", (int)getpid());
	CHECK_EQ(mount("none", path, "tmpfs", 0, "mode=0755"), 0);
	strcat(path, "/status");
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	CHECK(fd >= 0 && dprintf(fd, "Name:\tx\nPid:\t%d\nSeccomp:\t0\n", (int)getpid()) > 0);
	close(fd);
}

static int try_to_take_over(const struct usurper *u, const char *path, pid_t victim)
{
	struct sluice_supervisor *sv;
	int socket = -1, rc;

	CHECK(!u->crowded || join_groups());
	if (u->forges)
		forge_status();
	CHECK_EQ(setresuid(u->uid, u->uid, u->uid), 0);
	if (u->filter == FILTER_LATER) {
		socket = meet_as(u, path);
		usleep(100000); /* it is let in */
	}
	if (u->filter != NO_FILTER)
		load_filters(1);
	CHECK(!u->forges || !is_filtered()); /* so it looks by name */
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

/* The end of its status, which says whether there are filters, is not read: then nobody knows. */
static void crowded(void)
{
	struct usurper target = me(FILTER_FIRST, BY_PATH), plain = me(NO_FILTER, BY_PATH);
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(!join_groups());
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (status)
		SKIP("may not join so many groups");
	target.crowded = plain.crowded = true;
	CHECK_EQ(usurp(&target), ECANCELED);
	CHECK_EQ(usurp(&plain), ECANCELED);
}

static void mount_nothing(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(fsopen), 0), 0);
	CHECK_EQ(seccomp_load(f), 0);
	seccomp_release(f);
}

/* A target that may mount here: neither the keeper's own procfs nor, without one, the one of all says what
 * it has put there. */
static void forged_status(void)
{
	struct usurper target = me(FILTER_FIRST, BY_PATH);

	isolate();
	target.forges = true;
	CHECK_EQ(usurp(&target), ECANCELED);
	supervisor_first = mount_nothing;
	CHECK_EQ(usurp(&target), ECANCELED);
}

/* As kernels before 5.6 and 6.5: they lack openat2(2), and the pidfd of who connected. */
static void be_old(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int pidfd;
	socklen_t size = sizeof(pidfd);

	CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2), 0), 0);
	CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOPROTOOPT), SCMP_SYS(getsockopt), 1,
			 SCMP_A2_32(SCMP_CMP_EQ, SO_PEERPIDFD)), 0);
	CHECK_EQ(seccomp_load(f), 0);
	seccomp_release(f);
	CHECK(syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0) == -1 && errno == ENOSYS);
	CHECK(getsockopt(-1, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) == -1 && errno == ENOPROTOOPT);
}

static void old_kernels(void)
{
	struct usurper plain = me(NO_FILTER, BY_PATH), first = me(FILTER_FIRST, BY_PATH);
	int fs = (int)syscall(430 /* fsopen */, "proc", 1);

	supervisor_first = be_old;
	CHECK_EQ(usurp(&first), ECANCELED);
	if (fs < 0)
		SKIP("without a procfs of its own the keeper looks at nobody there");
	close(fs);
	CHECK_EQ(usurp(&plain), is_filtered() ? ECANCELED : 0);
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

/* Somebody who has made a socket where a keeper had one. */
static pid_t listen_as(uid_t uid, const char *where)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int ready[2];
	char byte;
	pid_t pid;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", where);
	CHECK_EQ(pipe2(ready, O_CLOEXEC), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

		CHECK_EQ(setresuid(uid, uid, uid), 0);
		CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
		CHECK(listen(fd, 1) == 0 && write(ready[1], "r", 1) == 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

/* A keeper that nobody has reason to believe is not asked, be it only that its directory is anybody's. */
static void false_keeper(void)
{
	char *dir = scratch_dir(), *where;

	if (geteuid() != 0)
		SKIP("needs root");
	CHECK(asprintf(&where, "%s/door", dir) > 0);
	for (int how = 0; how < 4; how++) {
		const bool own = how == 3; /* and nobody else makes files there */
		pid_t pid;
		int fd;

		CHECK_EQ(chmod(dir, how == 2 ? 0775 : own ? 0755 : 01777), 0);
		CHECK_EQ(chown(dir, how ? 1234 : 0, (gid_t)-1), 0);
		pid = listen_as(1234, where);
		fd = sluice_keeper_connect(where);
		CHECK(own ? fd >= 0 : fd == -EACCES);
		if (fd >= 0)
			close(fd);
		CHECK_EQ(kill(pid, SIGKILL), 0);
		CHECK_EQ(waitpid(pid, NULL, 0), pid);
		CHECK_EQ(unlink(where), 0);
	}
	free(where);
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

/* A target that connects and ends; somebody else has its socket, and nobody its number, or one who has
 * no filter. */
static void left_behind(bool succeeded)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	int out, bad, refused, socket, pair[2];
	pid_t victim, target, innocent = -1;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
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
	if (succeeded) {
		innocent = stand_in(target);
		if (innocent < 0)
			SKIP("no process can be given a number: %s", strerror(errno));
		CHECK_EQ(innocent, target);
	}
	CHECK_EQ(keepers(SIGCONT), 1);
	kill_it(victim);
	CHECK_EQ(sluice_take_over(socket, &sv), -ECANCELED);
	CHECK_EQ(collect(out, EXDEV, now_ns() + 2000000000u, &bad, &refused), 20);
	CHECK_EQ(refused, 20);
	if (succeeded)
		kill_it(innocent);
}

/* What the keeper sees under that number now is not who connected. */
static void number_of_another(void)
{
	int pair[2], pidfd;
	socklen_t size = sizeof(pidfd);

	isolate();
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	if (getsockopt(pair[0], SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size))
		SKIP("no pidfd of who connected before 6.5");
	close(pidfd);
	left_behind(true);
}

static void number_of_nobody(void)
{
	isolate();
	left_behind(false);
	supervisor_first = be_old;
	left_behind(false);
}

static int come_from_outside(int socket, const char *path)
{
	struct sluice_supervisor *sv;
	int keeper, rc;
	char byte;

	if (read(socket, &byte, 1) != 1)
		return 0; /* it is skipped */
	keeper = sluice_keeper_connect(path);
	CHECK(keeper >= 0);
	CHECK_EQ(send(socket, "c", 1, 0), 1);
	rc = sluice_take_over(keeper, &sv);
	CHECK_EQ(send(socket, &rc, sizeof(rc), 0), sizeof(rc));
	return 0;
}

/* Who has no number where the keeper is cannot be looked at. */
static void outsider(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	int out, bad, refused, pair[2], rc;
	pid_t victim;
	char byte;

	o.keeper = true;
	o.keeper_path = door();
	o.default_errno = EXDEV;
	o.grace_ms = 2000;
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fflush(stdout);
	if (fork() == 0) {
		close(pair[0]);
		_exit(come_from_outside(pair[1], o.keeper_path));
	}
	close(pair[1]);
	isolate();
	victim = start_supervisor(&o, sit, 5, &out);
	CHECK_EQ(send(pair[0], "g", 1, 0), 1);
	CHECK_EQ(read(pair[0], &byte, 1), 1);
	kill_it(victim);
	CHECK_EQ(read(pair[0], &rc, sizeof(rc)), sizeof(rc));
	CHECK_EQ(rc, -ECANCELED);
	CHECK_EQ(collect(out, EXDEV, now_ns() + 2000000000u, &bad, &refused), 20);
	CHECK_EQ(refused, 20);
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
	{"nor a target of which nobody knows whether it has filters", crowded},
	{"nor a target that mounts another status over its own", forged_status},
	{"nor targets on kernels before 5.6", old_kernels},
	{"other users cannot", other_user},
	{"root can, whoever the supervisor is", root},
	{"nobody is taken for a keeper", false_keeper},
	{"nor can a target that has ended, by whoever has its number now", number_of_another},
	{"nor one whose number nobody has", number_of_nobody},
	{"nor who comes from outside of the keeper's pid namespace", outsider},
	{"a target does not take the place of a successor that waits", pushed},
	{"a successor that takes nothing holds nobody up", idle},
	{"passes: the last one, and as long as the keeper lives", passes},
	{NULL, NULL}};
