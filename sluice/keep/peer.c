/* Whether a process that wants to take over from a keeper may.
 * SPDX-License-Identifier: MIT
 *
 * The supervisor's user and root may, but no target: it would let its own calls through. Numbers of
 * filters say nothing when the supervisor is filtered itself and its targets come from elsewhere.
 * Every target has a filter, though, and none ever loses it: who has none is no target. A successor
 * with filters brings the supervisor's pass instead (keeper.c). Bare system calls only, like the keeper. */
#include "keep/keep.h"

#include <linux/openat2.h>
#include <poll.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* 6.5 */
#endif

/* From the supervisor's procfs, where a target that shares our mounts can put nothing over its
 * own directory; what lies over one in the machine's is not entered. */
static bool read_status(int proc, pid_t pid, char *text, size_t size)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_NO_XDEV};
	static const char name[] = "/status";
	char digits[12], path[32], *p = path;
	int fd, count = 0;
	long n = 0, total = 0;

	for (; pid; pid /= 10)
		digits[count++] = (char)('0' + pid % 10);
	while (count)
		*p++ = digits[--count];
	__builtin_memcpy(p, name, sizeof(name));
	fd = (int)syscall(SYS_openat2, proc, path, &how, sizeof(how));
	if (fd < 0 && errno == ENOSYS) /* before 5.6 */
		fd = (int)syscall(SYS_openat, proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while ((n = syscall(SYS_read, fd, text + total, size - 1 - (size_t)total)) > 0)
		total += n;
	syscall(SYS_close, fd);
	text[total] = '\0';
	return n >= 0;
}

/* The number after "\n@key:\t", or -1. A name with a newline in it shows that as "\n". */
static int field(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (; *text; text++) {
		int value = 0;

		if (*text != '\n' || strncmp(text + 1, key, n) != 0)
			continue;
		for (text += 1 + n; *text >= '0' && *text <= '9'; text++)
			value = value * 10 + *text - '0';
		return value;
	}
	return -1;
}

/* True if @pid is known to have no filter. */
static bool is_unfiltered(int proc, pid_t pid)
{
	static char text[65536];

	if (!read_status(proc, pid, text, sizeof(text)))
		return false;
	/* Another namespace's /proc has another process under that number. */
	return field(text, "Pid:\t") == pid && field(text, "Seccomp:\t") == 0;
}

/* A pidfd of who connected, not of who has that number now (before 6.5 of that one). */
int sc_keep_peer(int socket, struct ucred *peer)
{
	socklen_t size = sizeof(*peer);
	int pidfd = -1;

	*peer = (struct ucred){0};
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, peer, &size) || peer->pid <= 0)
		return -ESRCH; /* in no namespace of ours: we cannot look at it */
	size = sizeof(pidfd);
	if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) == 0)
		return pidfd;
	pidfd = (int)syscall(SYS_pidfd_open, peer->pid, 0);
	return pidfd < 0 ? -errno : pidfd;
}

bool sc_keep_peer_may(int proc, const struct ucred *peer, int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	struct timespec none = {0, 0};

	if (peer->uid != 0 && peer->uid != (uid_t)syscall(SYS_geteuid))
		return false;
	if (!is_unfiltered(proc, peer->pid))
		return false;
	/* If it lives, nobody else had its number. */
	return syscall(SYS_ppoll, &p, 1, &none, NULL, 0) == 0;
}
