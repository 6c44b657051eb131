/* See target.h. Whatever is read here through /proc/TID or from the target's memory is
 * the target's only if seccomp_notify_id_valid() says so AFTERWARDS: thread ids are
 * reused. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

union control {
	struct cmsghdr header; /* for its alignment */
	char space[CMSG_SPACE(sizeof(int))];
};

/* In the child. The filter is on when it sends: sendmsg, and all that a process needs up
 * to here, must not be NOTIFY, or it would wait for a supervisor that waits for it. */
static int send_listener(int socket, int listener)
{
	union control control = {0};
	char byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&msg);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(listener));
	memcpy(CMSG_DATA(header), &listener, sizeof(listener));
	return sendmsg(socket, &msg, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static int take_listener(int socket)
{
	union control control = {0};
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *header;
	ssize_t n;
	int listener;

	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	header = n == 1 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (!header || header->cmsg_type != SCM_RIGHTS) {
		errno = n == -1 ? errno : ECHILD; /* it died before it had one */
		return -1;
	}
	memcpy(&listener, CMSG_DATA(header), sizeof(listener));
	return listener;
}

static void run_target(scmp_filter_ctx ctx, char *const argv[], int socket)
{
	int rc = seccomp_load(ctx);

	if (rc != 0)
		fprintf(stderr, "target: no filter: %s\n", strerror(errno));
	else if (send_listener(socket, seccomp_notify_fd(ctx)) == -1)
		perror("target: sendmsg");
	else if (execvp(argv[0], argv) == -1) /* closes the listener: it is CLOEXEC */
		perror(argv[0]);
	_exit(127);
}

int target_spawn(scmp_filter_ctx ctx, char *const argv[], pid_t *pid)
{
	int sockets[2], listener, error;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == -1)
		return -1;
	*pid = fork();
	if (*pid == 0) {
		close(sockets[0]);
		run_target(ctx, argv, sockets[1]);
	}
	close(sockets[1]); /* so that the child's death is the end of the stream */
	listener = *pid == -1 ? -1 : take_listener(sockets[0]);
	error = errno;
	close(sockets[0]);
	if (listener == -1 && *pid != -1)
		waitpid(*pid, NULL, 0);
	errno = error;
	return listener;
}

ssize_t target_read_string(pid_t tid, uint64_t addr, char *buf, size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t length = 0;

	while (length < size) {
		/* Never over the end of a page: the next one may not be there, and a read
		 * that fails in part may have copied the string already. */
		size_t in_page = page - (addr + length) % page;
		size_t chunk = in_page < size - length ? in_page : size - length;
		struct iovec local = {buf + length, chunk};
		struct iovec remote = {(void *)(uintptr_t)(addr + length), chunk};
		ssize_t n = process_vm_readv(tid, &local, 1, &remote, 1, 0);
		char *end;

		if (n <= 0)
			return n == 0 ? -EFAULT : -errno;
		end = memchr(buf + length, '\0', (size_t)n);
		if (end)
			return end - buf;
		length += (size_t)n;
	}
	return -ENAMETOOLONG;
}

/* Where @path starts: the target's root, working directory or an open directory. */
static int open_base(pid_t tid, int dirfd, int absolute)
{
	char name[64];
	int fd;

	if (absolute)
		snprintf(name, sizeof(name), "/proc/%d/root", tid);
	else if (dirfd == AT_FDCWD)
		snprintf(name, sizeof(name), "/proc/%d/cwd", tid);
	else
		snprintf(name, sizeof(name), "/proc/%d/fd/%d", tid, dirfd);
	fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT && dirfd != AT_FDCWD ? -EBADF : -errno;
	return fd;
}

int target_open_parent(pid_t tid, int dirfd, char *path, char **last)
{
	const int absolute = path[0] == '/';
	/* No /proc/self and the like on the way: it would be the supervisor's. */
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_MAGICLINKS |
			   (absolute ? RESOLVE_IN_ROOT : RESOLVE_BENEATH)};
	const char *parent = absolute ? "/" : ".";
	char *slash;
	int base, fd;

	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	slash = strrchr(path, '/');
	*last = slash ? slash + 1 : path;
	if (slash) {
		*slash = '\0';
		if (slash != path)
			parent = path;
	}
	base = open_base(tid, dirfd, absolute);
	if (base < 0)
		return base;
	do
		fd = (int)syscall(SYS_openat2, base, parent, &how, sizeof(how));
	while (fd == -1 && (errno == EAGAIN || errno == EINTR)); /* a rename on the way */
	fd = fd == -1 ? -errno : fd;
	close(base);
	return fd;
}

int target_umask(pid_t tid)
{
	char name[64], line[128];
	unsigned int mask;
	int found = 0;
	FILE *status;

	snprintf(name, sizeof(name), "/proc/%d/status", tid);
	status = fopen(name, "re");
	if (!status)
		return -errno;
	while (!found && fgets(line, sizeof(line), status))
		found = sscanf(line, "Umask: %o", &mask) == 1;
	fclose(status);
	return found ? (int)mask : -EIO;
}
