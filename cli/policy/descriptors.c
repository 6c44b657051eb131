/* What is behind a descriptor of the program, also where pidfd_getfd(2) is refused: the
 * filter of Docker does that. SPDX-License-Identifier: MIT
 *
 * A file can then be opened by its link in /proc, which is as good. A socket cannot. So
 * the supervisor makes the program's sockets, and keeps a duplicate of each until it is
 * connected or listens: later it would keep the peer from seeing its end. Which one a
 * descriptor is says its inode, which is nobody else's while a duplicate exists. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy.h"
#include "util/cleanup.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

#define KEPT_MAX 256

struct kept {
	int fd;
	pid_t process; /* which asked for it */
	struct stat st;
};

static struct {
	pthread_mutex_t lock;
	unsigned int n;
	struct kept items[KEPT_MAX]; /* the oldest first */
} sockets = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_refused(int rc)
{
	return rc == -EPERM || rc == -ENOSYS;
}

bool policy_takes_descriptors(void)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0), fd = -1;

	/* Of itself, as nobody else can be asked yet. */
	fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, pidfd, 0);
	return fd >= 0;
}

/* ---- files --------------------------------------------------------------------------
 */

int policy_file_of(struct sluice_request *req, int number, bool *by_path)
{
	int fd = sluice_get_fd(req, number), rc;
	char path[48];

	*by_path = is_refused(fd);
	if (!*by_path || number < 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)sluice_tid(req), number);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -EBADF : -errno;
	rc = sluice_alive(req);
	if (rc)
		close(fd);
	return rc ? rc : fd;
}

/* ---- sockets ------------------------------------------------------------------------
 */

static void drop(unsigned int i)
{
	close(sockets.items[i].fd);
	sockets.n--;
	memmove(&sockets.items[i], &sockets.items[i + 1],
		(sockets.n - i) * sizeof(sockets.items[0]));
}

/* Whether the process has it still: it may be bound, and another is to be bound there. */
static bool has(pid_t process, const struct stat *st)
{
	struct dirent *entry;
	struct stat found;
	bool there = false;
	char path[32];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)process);
	dir = opendir(path);
	while (dir && !there && (entry = readdir(dir)))
		there = fstatat(dirfd(dir), entry->d_name, &found, 0) == 0 &&
			policy_same_file(&found, st);
	if (dir)
		closedir(dir);
	return there;
}

static void drop_closed(pid_t process)
{
	for (unsigned int i = sockets.n; i-- > 0;)
		if (sockets.items[i].process == process &&
			!has(process, &sockets.items[i].st))
			drop(i);
}

/* @fd stays the caller's. */
static int keep(pid_t process, int fd)
{
	struct kept new = {.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3), .process = process};

	if (new.fd < 0)
		return -errno;
	if (fstat(new.fd, &new.st)) {
		close(new.fd);
		return -EIO;
	}
	pthread_mutex_lock(&sockets.lock);
	drop_closed(process);
	if (sockets.n == KEPT_MAX)
		drop(0);
	sockets.items[sockets.n++] = new;
	pthread_mutex_unlock(&sockets.lock);
	return 0;
}

static void forget(const struct stat *st)
{
	pthread_mutex_lock(&sockets.lock);
	for (unsigned int i = sockets.n; i-- > 0;)
		if (policy_same_file(&sockets.items[i].st, st))
			drop(i);
	pthread_mutex_unlock(&sockets.lock);
}

void policy_socket_done(int fd)
{
	socklen_t size = sizeof(int);
	struct stat st;
	int type;

	/* One of datagrams may be connected again, and has no end that a peer sees. */
	if (fstat(fd, &st) || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size))
		return;
	if (type != SOCK_DGRAM)
		forget(&st);
}

int policy_socket_of(struct sluice_request *req, int number)
{
	int fd = sluice_get_fd(req, number);
	struct stat st;
	char path[48];

	if (!is_refused(fd))
		return fd;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)sluice_tid(req), number);
	if (number < 0 || stat(path, &st))
		return -EBADF;
	if (sluice_alive(req))
		return -ENOENT;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	fd = -EPERM;
	pthread_mutex_lock(&sockets.lock);
	for (unsigned int i = 0; i < sockets.n; i++)
		if (policy_same_file(&sockets.items[i].st, &st)) {
			fd = fcntl(sockets.items[i].fd, F_DUPFD_CLOEXEC, 3);
			fd = fd < 0 ? -errno : fd;
			break;
		}
	pthread_mutex_unlock(&sockets.lock);
	return fd;
}

/* Others, such as raw ones, may need rights that the program has not got. */
static bool needs_no_rights(int domain, int type, int protocol)
{
	return domain == AF_UNIX ||
	       ((domain == AF_INET || domain == AF_INET6) &&
		       ((type & 0xf) == SOCK_STREAM ||
			       ((type & 0xf) == SOCK_DGRAM &&
				       (protocol == 0 || protocol == IPPROTO_UDP))));
}

static int make_socket(struct sluice_request *req, void *data)
{
	int type = sluice_arg_int(req, 1);
	_cleanup_close_ int fd = socket(
		sluice_arg_int(req, 0), type | SOCK_CLOEXEC, sluice_arg_int(req, 2));
	int rc = fd < 0 ? -errno : keep(sluice_tgid(req), fd);
	struct stat st;

	(void)data;
	if (rc)
		return sluice_fail(req, rc);
	rc = sluice_reply_fd(req, fd, type & SOCK_CLOEXEC ? SLUICE_FD_CLOEXEC : 0);
	if (rc && fstat(fd, &st) == 0)
		forget(&st);
	return rc;
}

int policy_on_socket(struct sluice_request *req, void *policy)
{
	if (!needs_no_rights(sluice_arg_int(req, 0), sluice_arg_int(req, 1),
		    sluice_arg_int(req, 2)))
		return policy_let(policy, req);
	return sluice_work(req, make_socket, policy);
}
