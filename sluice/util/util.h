/* What every room needs of the system: errors, processes, descriptors beside messages, a /proc
 * that can be believed. Knows neither supervisors nor requests.
 * SPDX-License-Identifier: MIT
 *
 * What says "bare" makes bare system calls on memory of its own only: it may run in a child that
 * was cloned from a process with threads. */
#ifndef SLUICE_UTIL_H
#define SLUICE_UTIL_H

#include "sluice.h"
#include "util/cleanup.h"
#include "util/uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct iovec;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- error.c ---- */

int sc_sluice_error(struct sluice_error *error, int rc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
uint64_t sc_sluice_now(void); /* CLOCK_MONOTONIC, ns */
bool sc_sluice_fits(uint64_t size);
/* A structure that begins with its size: what a newer caller has beyond ours is zero. -EINVAL if it
 * is smaller than ours. */
int sc_sluice_fill(void *out, size_t room, const void *full, size_t size);

/* ---- process.c ---- */

pid_t sc_sluice_fork(int flags);
pid_t sc_sluice_fork_hidden(int flags, int *pidfd);
int sc_sluice_thread(pthread_t *thread, void *(*main)(void *), void *data);
void sc_sluice_close_others(const int *keep, unsigned count);
void sc_sluice_discard(const int *fds, unsigned count);
static inline void sc_sluice_discard_one(int fd)
{
	sc_sluice_discard(&fd, 1);
}

/* ---- rights.c: SCM_RIGHTS ---- */

#define MAX_RIGHTS 253 /* descriptors beside one message; SCM_MAX_FD, no header tells */

unsigned sc_sluice_rights(struct msghdr *h, int *fds, unsigned room);
int sc_sluice_send_rights(int socket, const void *data, size_t size, const int *fds,
	unsigned count);
int sc_sluice_recv_rights(int socket, void *data, size_t size, int *fds, unsigned room,
	unsigned *count);

/* ---- place.c: paths of sockets ---- */

struct place_id { /* which file was made there */
	dev_t device;
	ino_t inode;
};

int sc_sluice_check_free(const char *path);
int sc_sluice_clear(const char *path);
int sc_sluice_note(const char *path, struct place_id *id);
bool sc_sluice_is_there(const char *path, const struct place_id *id);
void sc_sluice_remove(const char *path, const struct place_id *id);

/* ---- notify.c: what a listener is asked ---- */

int sc_sluice_notif_sizes(struct seccomp_notif_sizes *sizes);

/* In place, as sc_core_decide() is. */
static inline int sc_sluice_send(int fd, uint64_t id, int64_t value, int error, uint32_t flags)
{
	struct seccomp_notif_resp resp = {
		.id = id, .val = value, .error = error, .flags = flags};

	/* The kernel takes its mutex interruptibly, before it looks at the answer. */
	while (syscall(SYS_ioctl, fd, SECCOMP_IOCTL_NOTIF_SEND, &resp))
		if (errno != EINTR)
			return errno == EINPROGRESS ? -ENOENT : -errno;
	return 0;
}

int sc_sluice_valid(int fd, uint64_t id);
int sc_sluice_same_file(int a, int b);
bool sc_sluice_is_listener(int proc, int fd);

/* ---- procfs.c ---- */

struct procfs {
	int fd;                 /* a procfs of our pid namespace, or -errno */
	bool exclusive;         /* a mount of our own, that nobody can mount on */
};

#define MAX_LEVELS 33 /* include/linux/pid_namespace.h: MAX_PID_NS_LEVEL 32 */

void sc_sluice_proc_pin(struct procfs *proc);
void sc_sluice_proc_unpin(struct procfs *proc);
int sc_sluice_proc_open(const struct procfs *proc, const char *path, int flags,
	unsigned mode);
int sc_sluice_open_there(int dir, const char *name, uint64_t flags);
int sc_sluice_read_pids(int fd, unsigned *pids);
int sc_sluice_read_tgid(int fd, unsigned *tgid);
bool sc_sluice_children_elsewhere(const struct procfs *proc);
uint64_t sc_sluice_namespace(const struct procfs *proc, const char *who, const char *kind);
bool sc_sluice_on_proc(int fd);
bool sc_sluice_at_proc_root(int fd);

#endif
