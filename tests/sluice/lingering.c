/* Descriptors that a target or a peer owns: whoever closes the last one may wait long, so the loop does
 * not. A test that would wait here waits for an hour, which its limit ends.
 * SPDX-License-Identifier: MIT */
#include "runtime.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/prctl.h>

/* A socket whose last close waits for an hour. *peer keeps it so. */
static int lingering(int *peer)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	struct linger linger = {1, 3600};
	static char data[65536];
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd, size = 4096;

	signal(SIGPIPE, SIG_IGN);
	setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	CHECK(bind(listener, (struct sockaddr *)&address, length) == 0);
	CHECK(listen(listener, 1) == 0);
	CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	CHECK(connect(fd, (struct sockaddr *)&address, length) == 0);
	*peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	CHECK(*peer >= 0);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
	while (send(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	close(listener);
	return fd;
}

static int take(struct sluice_supervisor *sv, struct sluice_container *c, void *data)
{
	(void)sv;
	(void)c;
	++*(int *)data;
	return 0;
}

/* A peer that sends @count of them, with @text, and has no other descriptor of theirs. Its far ends
 * stay open here. */
static void send_lingering(const char *path, const char *text, int count)
{
	int fds[32], peers[32];

	for (int i = 0; i < count; i++)
		fds[i] = lingering(&peers[i]);
	offer_fds(path, text, fds, count);
	for (int i = 0; i < count; i++)
		close(fds[i]); /* the one in the socket is the last now */
}

static char *oci_path(void)
{
	static char path[128];

	if (!path[0])
		snprintf(path, sizeof(path), "%s/oci", scratch_dir());
	return path;
}

static void oci_peer_sends(bool keeper, const char *text, int count)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv;
	int taken = 0;

	o.keeper = keeper;
	sv = new_supervisor(&o);
	CHECK_EQ(sluice_listen_oci(sv, oci_path(), take, &taken), 0);
	send_lingering(oci_path(), text, count);
	for (int i = 0; i < 50; i++)
		sluice_dispatch(sv, 20);
	sluice_supervisor_free(sv);
	CHECK_EQ(taken, 0);
}

static void oci_peers(void)
{
	oci_peer_sends(false, "{\"x\":", 1);
	oci_peer_sends(false, "{}", 3);
	oci_peer_sends(false, "nonsense", 32);
	oci_peer_sends(true, "{\"x\":", 1);
}

/* Nobody has read it when the supervisor ends. */
static void oci_unread(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;

	for (int keeper = 0; keeper < 2; keeper++) {
		struct sluice_supervisor *sv;
		int taken = 0;

		o.keeper = keeper;
		sv = new_supervisor(&o);
		CHECK_EQ(sluice_listen_oci(sv, oci_path(), take, &taken), 0);
		send_lingering(oci_path(), "{\"x\":", 1);
		sluice_supervisor_free(sv);
	}
}

/* Where children of the supervisor are in the pid namespace of targets with its user, these may stop
 * the process that is to be the last. */
static void stopped_helper(void)
{
	int flags = CLONE_NEWPID | (geteuid() ? CLONE_NEWUSER : 0), taken = 0;
	struct sluice_supervisor *sv;
	pid_t stopper;

	need_unshare(flags);
	CHECK_EQ(unshare(flags), 0);
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_listen_oci(sv, oci_path(), take, &taken), 0);
	stopper = fork();
	if (stopper == 0) {
		signal(SIGCHLD, SIG_IGN);
		for (;;)
			kill(-1, SIGSTOP);
	}
	for (int i = 0; i < 200; i++) {
		int pair[2], connection = dial(oci_path());

		CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
		CHECK_EQ(send_fds(connection, "{}", 2, pair, 1), 2);
		sluice_dispatch(sv, 0);
		sluice_dispatch(sv, 0);
		close(connection);
		close(pair[0]);
		close(pair[1]);
		still_going();
	}
	CHECK(kill(stopper, SIGKILL) == 0 && waitpid(stopper, NULL, 0) == stopper);
	sluice_supervisor_free(sv);
	end_test();
}

/* The control: the same socket, closed as anybody would, waits. */
static void plain_close(void)
{
	int peer, fd = lingering(&peer), status, gone[2];
	pid_t pid;
	char c;

	CHECK(pipe(gone) == 0);
	pid = fork();
	if (pid == 0) {
		close(gone[1]);
		if (read(gone[0], &c, 1) != 0)
			_exit(1);
		alarm(1);
		close(fd);
		_exit(0);
	}
	close(fd); /* the child's is the last */
	close(gone[1]);
	close(gone[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
	close(peer);
}

static int open_there(struct sluice_request *req, void *data)
{
	char path[64], last[256];
	int dir;

	(void)data;
	CHECK(sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path)) > 0);
	dir = sluice_open_parent(req, sluice_arg_int(req, 0), path, last, sizeof(last));
	if (dir >= 0)
		close(dir);
	return dir < 0 ? sluice_fail(req, dir) : sluice_reply(req, 0);
}

/* A directory, a socket and nothing as the start of a path. */
static int target_starts(int argc, char **argv)
{
	int peer, dir = open("/usr", O_RDONLY | O_DIRECTORY), s = lingering(&peer);

	(void)argc;
	(void)argv;
	if (syscall(SYS_mkdirat, dir, "lib/x", 0700))
		return 1;
	if (syscall(SYS_mkdirat, s, "x", 0700) != -1 || errno != ENOTDIR)
		return 2;
	if (syscall(SYS_mkdirat, 4000, "x", 0700) != -1 || errno != EBADF)
		return 3;
	return syscall(SYS_mkdirat, -5, "x", 0700) == -1 && errno == EBADF ? 0 : 4;
}

/* The supervisor may not take descriptors, so it does not: it never has the target's open file. */
static void forbid_getfd(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(pidfd_getfd), 0), 0);
	CHECK_EQ(seccomp_load(f), 0);
	seccomp_release(f);
}

static void starts(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);

	CHECK_EQ(sluice_on_name(sv, "mkdirat", open_there, NULL), 0);
	spawn_target(sv, filter_of(false, "mkdirat", NULL), &child, "starts", NULL);
	forbid_getfd();
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

/* What else rules SLUICE_CONTINUE_ARGS out: what other threads can change meanwhile. */
static int look_then_continue(struct sluice_request *req, void *data)
{
	char last[256];
	int fd;

	switch (++*(int *)data) {
	case 1:
		CHECK(sluice_cwd_fd(req) >= 0);
		break;
	case 2:
		CHECK(sluice_root_fd(req) >= 0);
		break;
	case 3:
		fd = sluice_open_parent(req, AT_FDCWD, "/usr/x", last, sizeof(last));
		CHECK(fd >= 0 && close(fd) == 0);
		break;
	default:
		CHECK(sluice_tgid(req) > 0); /* which is what it is */
		return sluice_continue(req, SLUICE_CONTINUE_ARGS);
	}
	CHECK_EQ(sluice_continue(req, SLUICE_CONTINUE_ARGS), -EPERM);
	return sluice_fail(req, ENOTDIR);
}

static int target_four(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (int i = 0; i < 3; i++)
		if (syscall(SYS_mkdirat, AT_FDCWD, "/nonexistent/x", 0700) != -1 ||
			errno != ENOTDIR)
			return 1;
	return syscall(SYS_mkdirat, AT_FDCWD, "/nonexistent/x", 0700) == -1 && errno == ENOENT ? 0
												: 2;
}

static void continued(void)
{
	int calls = 0;

	CHECK_EQ(answer_target("four", NULL, "mkdirat", look_then_continue, &calls), 0);
	CHECK_EQ(calls, 4);
}

const struct target_main targets[] = {
	{"starts", target_starts}, {"four", target_four}, {NULL, NULL}};
const struct test tests[] = {
	{"an OCI peer's descriptors are not closed by the loop", oci_peers},
	{"nor those that nobody has read, at the end", oci_unread},
	{"nor do they wait for a helper that somebody stops", stopped_helper},
	{"control: to close such a socket takes its time", plain_close},
	{"a path starts at the target's directory without its open file", starts},
	{"what was looked at can change: no SLUICE_CONTINUE_ARGS", continued}, {NULL, NULL}};
