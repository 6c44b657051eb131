/* A supervisor: runs a command, makes the directories that it asks for where they are
 * allowed, refuses them elsewhere, refuses mount(2) everywhere, and prints each decision.
 *
 *   notify-mkdir ALLOWED-DIRECTORY COMMAND [ARGUMENT...]
 *
 * The command's own mkdir(2) never runs. The supervisor acts from its own copy of the
 * path, so there is nothing that the command could change between check and use;
 * directories belong to the supervisor's user. What the filter does not name is allowed,
 * and whatever goes wrong is a refusal. Linux 5.9 or later. SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "target.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int allowed_fd;

static scmp_filter_ctx build_filter(void)
{
	const int notified[] = {SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(mount)};
	/* Other ways to the same: operations of io_uring never pass a filter. */
	const int hidden[] = {SCMP_SYS(io_uring_setup), SCMP_SYS(fsopen),
		SCMP_SYS(fsmount), SCMP_SYS(open_tree), SCMP_SYS(move_mount)};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = ctx ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < sizeof(notified) / sizeof(notified[0]); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, notified[i], 0);
	for (size_t i = 0; rc == 0 && i < sizeof(hidden) / sizeof(hidden[0]); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), hidden[i], 0);
	/* Once received, a call waits for its answer: no signal can end it after the
	 * directory was made. */
	if (rc == 0 && seccomp_api_get() >= 7)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_WAITKILL, 1);
	if (rc == 0)
		return ctx;
	fprintf(stderr, "notify-mkdir: no filter: %s\n", strerror(-rc));
	seccomp_release(ctx);
	return NULL;
}

/* Is @dir the allowed directory or below it? Goes up by "..", so names do not matter:
 * neither symbolic links nor mounts nor another root deceive it. Closes @dir. */
static int is_allowed(int dir)
{
	struct stat want, st, above;
	int parent, rc = 0;

	if (fstat(allowed_fd, &want) == -1 || fstat(dir, &st) == -1)
		goto out;
	for (;;) {
		rc = st.st_dev == want.st_dev && st.st_ino == want.st_ino;
		parent = rc ? -1 : openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (parent == -1)
			break;
		close(dir);
		dir = parent;
		if (fstat(dir, &above) == -1 ||
			(above.st_dev == st.st_dev && above.st_ino == st.st_ino))
			break; /* the root is its own parent */
		st = above;
	}
out:
	close(dir);
	return rc;
}

static void print_decision(const char *call, const char *path, int error)
{
	printf("%s ", call);
	for (; *path; path++) /* no escape sequences of the target's on our terminal */
		printf(isprint((unsigned char)*path) ? "%c" : "\\%03o",
			(unsigned char)*path);
	if (error == 0)
		printf(": made\n");
	else
		printf(": refused (%s)\n", strerror(error));
	fflush(stdout);
}

/* Returns 0 or the errno that the target gets; -1: the target is gone, no answer. */
static int make_directory(int listener, const struct seccomp_notif *req, int dirfd,
	uint64_t path_addr, mode_t mode)
{
	char path[PATH_MAX], shown[PATH_MAX], *last;
	ssize_t length =
		target_read_string((pid_t)req->pid, path_addr, path, sizeof(path));
	int mask = target_umask((pid_t)req->pid), parent, error = 0;

	if (length <= 0) {
		print_decision("mkdir", "(no path)", length == 0 ? ENOENT : EPERM);
		return length == 0 ? ENOENT : EPERM;
	}
	strcpy(shown, path);
	parent = target_open_parent((pid_t)req->pid, dirfd, path, &last);
	/* All that depends on the thread id has been opened and copied: was it the
	 * target's? */
	if (seccomp_notify_id_valid(listener, req->id) != 0) {
		if (parent >= 0)
			close(parent);
		return -1;
	}
	if (parent == -ENOENT || parent == -ENOTDIR)
		error = -parent;
	else if (parent < 0 || mask < 0)
		error = EPERM;
	else if (!is_allowed(dup(parent)))
		error = faccessat(parent, last, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? EEXIST
										: EPERM;
	else {
		umask((mode_t)mask);
		error = mkdirat(parent, last, mode) == 0 ? 0 : errno;
	}
	if (parent >= 0)
		close(parent);
	print_decision("mkdir", shown, error);
	return error;
}

static int decide(int listener, const struct seccomp_notif *req)
{
	const __u64 *args = req->data.args;
	char path[PATH_MAX];

	if (req->data.nr == SCMP_SYS(mkdir))
		return make_directory(listener, req, AT_FDCWD, args[0], (mode_t)args[1]);
	if (req->data.nr == SCMP_SYS(mkdirat))
		return make_directory(
			listener, req, (int)args[0], args[1], (mode_t)args[2]);
	if (target_read_string((pid_t)req->pid, args[1], path, sizeof(path)) < 0)
		strcpy(path, "(no path)");
	print_decision("mount", path, EPERM); /* what was read is shown, not used */
	return EPERM;
}

/* Until the last target is gone. Returns 0 or -1. */
static int supervise(
	int listener, struct seccomp_notif *req, struct seccomp_notif_resp *resp)
{
	struct pollfd poller = {.fd = listener, .events = POLLIN};

	for (;;) {
		int error;

		/* Receiving blocks, on some kernels even after the last target: poll
		 * first. */
		if (poll(&poller, 1, -1) == -1) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (!(poller.revents & POLLIN))
			return poller.revents & POLLHUP ? 0 : -1;
		if (seccomp_notify_receive(listener, req) != 0) {
			if (errno == EINTR ||
				errno == ENOENT) /* the call is gone again */
				continue;
			return -1;
		}
		error = decide(listener, req);
		if (error == -1)
			continue;
		memset(resp, 0, sizeof(*resp));
		resp->id = req->id;
		resp->error = -error;
		while (seccomp_notify_respond(listener, resp) != 0 && errno == EINTR)
			;
	}
}

int main(int argc, char **argv)
{
	struct seccomp_notif *req = NULL;
	struct seccomp_notif_resp *resp = NULL;
	int listener = -1, status, rc = -1;
	scmp_filter_ctx ctx;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: %s ALLOWED-DIRECTORY COMMAND...\n", argv[0]);
		return 2;
	}
	allowed_fd = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (allowed_fd == -1) {
		perror(argv[1]);
		return 2;
	}
	ctx = build_filter();
	if (!ctx)
		return 2;
	if (seccomp_notify_alloc(&req, &resp) == 0)
		listener = target_spawn(ctx, argv + 2, &pid);
	if (listener == -1 || supervise(listener, req, resp) == -1)
		perror("notify-mkdir");
	else
		rc = 0;
	seccomp_release(ctx);
	if (listener >= 0) {
		close(listener); /* on failure: calls that still come get ENOSYS */
		waitpid(pid, &status, 0);
	}
	seccomp_notify_free(req, resp);
	close(allowed_fd);
	if (rc != 0)
		return 2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
