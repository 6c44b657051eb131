/* What a listener is asked, by descriptor: whether it is one, whether an id waits, an answer.
 * SPDX-License-Identifier: MIT
 * Bare: the keeper uses all of it. */
#include "util/util.h"

#include <linux/kcmp.h>
#include <linux/openat2.h>
#include <sys/epoll.h>

int sc_sluice_notif_sizes(struct seccomp_notif_sizes *sizes)
{
	struct seccomp_notif_sizes s;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &s))
		return errno == EINVAL ? -ENOSYS : -errno;
	*sizes = s;
	return 0;
}

/* 0 while the call waits, or -ENOENT. */
int sc_sluice_valid(int fd, uint64_t id)
{
	while (syscall(SYS_ioctl, fd, SLUICE_ID_VALID, &id)) {
		if (errno == EINTR)
			continue;
		if (errno == ENOENT)
			return -ENOENT;
		if (syscall(SYS_ioctl, fd, SLUICE_ID_VALID_OLD, &id) == 0)
			return 0;
		if (errno != EINTR)
			return -ENOENT;
	}
	return 0;
}

/* Where kcmp(2) is missing or forbidden: an epoll set knows what it has by open file and
 * number, so a second one under the same number exists there only if it is the first. */
static int same_in_epoll(int a, int b)
{
	struct epoll_event ev = {.events = 0};
	int set = (int)syscall(SYS_epoll_create1, EPOLL_CLOEXEC);
	int number = set < 0 ? -1 : (int)syscall(SYS_fcntl, a, F_DUPFD_CLOEXEC, 0);
	int rc = -EMFILE;

	if (number >= 0 && syscall(SYS_epoll_ctl, set, EPOLL_CTL_ADD, number, &ev) == 0 &&
		syscall(SYS_dup3, b, number, O_CLOEXEC) >= 0) {
		rc = syscall(SYS_epoll_ctl, set, EPOLL_CTL_ADD, number, &ev) ? -errno : 0;
		rc = rc == -EEXIST ? 1 : rc;
	}
	if (number >= 0)
		syscall(SYS_close, number);
	if (set >= 0)
		syscall(SYS_close, set);
	return rc;
}

/* Whether two of our descriptors (that can be polled) are one open file: 1, 0, -errno if that
 * cannot be told. Usable in the keeper. */
int sc_sluice_same_file(int a, int b)
{
	long tid = syscall(SYS_gettid); /* a thread may have descriptors of its own */
	long rc = syscall(SYS_kcmp, tid, tid, (long)KCMP_FILE, (long)a, (long)b);

	return rc < 0 ? same_in_epoll(a, b) : rc == 0;
}

/* False if the kernel calls @fd something else; true where procfs @proc does not tell. */
static bool has_right_name(int proc, int fd)
{
	static const char name[] = "anon_inode:seccomp notify";
	static const char fds[] = "thread-self/fd/";
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS};
	char path[sizeof(fds) + 12], *number = path + sizeof(fds) - 1, text[sizeof(name)];
	int dir = (int)syscall(SYS_openat2, proc, fds, &how, sizeof(how)), digits = 1;
	long n = -1;

	__builtin_memcpy(path, fds, sizeof(fds));
	for (int rest = fd; rest > 9; rest /= 10)
		digits++;
	number[digits] = '\0';
	for (; digits; fd /= 10)
		number[--digits] = (char)('0' + fd % 10);
	if (dir >= 0)
		n = syscall(SYS_readlinkat, dir, number, text, sizeof(text));
	else if (errno == EMFILE || errno == ENFILE || errno == ENOSYS)
		n = syscall(SYS_readlinkat, proc, path, text, sizeof(text));
	if (dir >= 0)
		syscall(SYS_close, dir);
	return n < 0 || (n == sizeof(name) - 1 && strncmp(text, name, sizeof(name) - 1) == 0);
}

/* ID_VALID of an id that cannot be: a listener says ENOENT, anything else ENOTTY or so, or
 * waits: a file of a file system that a peer serves. So its name comes first. Usable in the
 * keeper. */
bool sc_sluice_is_listener(int proc, int fd)
{
	uint64_t id = 0;

	if (!has_right_name(proc, fd))
		return false;
	if (syscall(SYS_ioctl, fd, SLUICE_ID_VALID, &id) == 0 || errno == ENOENT)
		return true;
	return syscall(SYS_ioctl, fd, SLUICE_ID_VALID_OLD, &id) == 0 || errno == ENOENT;
}
