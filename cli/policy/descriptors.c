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
#include <stdlib.h>
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
	pid_t process; /* which has it */
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

/* By the texts of the links: no file system is asked, which might not answer. */
static bool has(const char *process, const char *link)
{
	struct dirent *entry;
	bool there = false;
	char path[300], text[48];
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", process);
	dir = opendir(path);
	while (dir && !there && (entry = readdir(dir))) {
		n = readlinkat(dirfd(dir), entry->d_name, text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = 0;
		there = strcmp(text, link) == 0;
	}
	if (dir)
		closedir(dir);
	return there;
}

/* Whether a process has it still: the one that asked for it, or one that got it from
 * there. It may be bound, and another is to be bound there. */
static bool is_held(struct kept *item)
{
	char link[48], process[16], own[16];
	struct dirent *entry;
	bool held;
	DIR *dir;

	snprintf(
		link, sizeof(link), "socket:[%llu]", (unsigned long long)item->st.st_ino);
	snprintf(process, sizeof(process), "%d", (int)item->process);
	snprintf(own, sizeof(own), "%d", (int)getpid());
	held = has(process, link);
	dir = held ? NULL : opendir("/proc");
	while (dir && !held && (entry = readdir(dir)))
		if (strspn(entry->d_name, "0123456789") == strlen(entry->d_name) &&
			strcmp(entry->d_name, own) != 0 && has(entry->d_name, link)) {
			item->process = (pid_t)strtol(entry->d_name, NULL, 10);
			held = true;
		}
	if (dir)
		closedir(dir);
	return held;
}

static void drop_closed(void)
{
	for (unsigned int i = sockets.n; i-- > 0;)
		if (!is_held(&sockets.items[i]))
			drop(i);
}

/* The process gets it, and it is kept. Both under the lock: who looks for those that
 * nobody has finds it in the process. */
static int give_and_keep(struct sluice_request *req, struct kept new, unsigned int flags)
{
	int rc;

	new.process = sluice_tgid(req);
	if (fstat(new.fd, &new.st)) {
		close(new.fd);
		return sluice_fail(req, EIO);
	}
	pthread_mutex_lock(&sockets.lock);
	drop_closed();
	if (sockets.n == KEPT_MAX)
		drop(0);
	rc = sluice_reply_fd(req, new.fd, flags);
	if (rc)
		close(new.fd);
	else
		sockets.items[sockets.n++] = new;
	pthread_mutex_unlock(&sockets.lock);
	return rc;
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

/* A socket is of a network and of a user: packet filters look at both. */
static bool is_apart(struct sluice_request *req)
{
	char path[40], ours[64], theirs[64];
	ssize_t a, b;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)sluice_tid(req));
	a = readlink("/proc/thread-self/ns/net", ours, sizeof(ours));
	b = readlink(path, theirs, sizeof(theirs));
	return a <= 0 || a != b || memcmp(ours, theirs, (size_t)a) != 0 ||
	       !policy_same_rights(req);
}

/* Not on a worker: all of them may wait for connections. */
int policy_on_socket(struct sluice_request *req, void *policy)
{
	int type = sluice_arg_int(req, 1), fd;

	/* The kernel makes it where the program is; it cannot be connected then. */
	if (!needs_no_rights(sluice_arg_int(req, 0), type, sluice_arg_int(req, 2)) ||
		is_apart(req))
		return policy_let(policy, req);
	fd = socket(sluice_arg_int(req, 0), type | SOCK_CLOEXEC, sluice_arg_int(req, 2));
	if (fd < 0)
		return sluice_fail(req, errno);
	return give_and_keep(req, (struct kept){.fd = fd},
		type & SOCK_CLOEXEC ? SLUICE_FD_CLOEXEC : 0);
}
