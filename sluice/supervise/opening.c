/* Opens that may wait, each in a process that can be killed.
 * SPDX-License-Identifier: MIT
 *
 * A thread stuck in open(2) on a FIFO can only be cancelled by a signal and may lose the
 * descriptor then. A process loses nothing: what it opened comes over a socket or ends with it. */
#include "supervise/internal.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define MAX_OPENINGS 256

struct opening {
	struct source source;
	struct opening *next;
	struct sluice_request *req;
	pid_t pid;
	unsigned flags;
};

static void destroy(struct source *source)
{
	closep(&source->fd);
	free(source);
}

static void finish(struct sluice_supervisor *sv, struct opening *o)
{
	struct opening **p;

	pthread_mutex_lock(&sv->lock);
	for (p = &sv->openings; *p && *p != o; p = &(*p)->next)
		;
	if (*p)
		*p = o->next;
	pthread_mutex_unlock(&sv->lock);
	kill(o->pid, SIGKILL); /* not reaped yet: the number is still its */
	while (waitpid(o->pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	sc_sluice_unwatch(sv, &o->source);
	o->source.ready = NULL;
	sc_sluice_bury(sv, &o->source);
}

static void on_opened(struct sluice_supervisor *sv, struct source *source, uint32_t events)
{
	struct opening *o = (struct opening *)source;
	struct message m = {0};
	int fds[MESSAGE_FDS], n = 0;
	int rc = sc_sluice_recv_message(source->fd, &m, fds, &n);

	(void)events;
	if (!rc && n == 1)
		sluice_reply_fd(o->req, fds[0], o->flags);
	else
		sluice_fail(o->req, rc || !m.total ? EIO : (int)m.total);
	while (n)
		close(fds[--n]);
	finish(sv, o);
}

static void on_cancelled(struct sluice_request *req, void *data)
{
	struct sluice_supervisor *sv = req->sv;

	finish(sv, data);
	sluice_fail(req, 0);
}

/* It may wait long: nobody's pipe is to stay open because of that. */
static void close_others(int a, int b, int c)
{
	unsigned keep[3] = {(unsigned)a, (unsigned)b, (unsigned)c}, next = 0;

	while (next != ~0u) {
		unsigned end = ~0u; /* the first one to keep from @next on */

		for (int i = 0; i < 3; i++)
			if (keep[i] >= next && keep[i] < end)
				end = keep[i];
		if (end == ~0u)
			syscall(SYS_close_range, next, end, 0);
		else if (end > next)
			syscall(SYS_close_range, next, end - 1, 0);
		next = end == ~0u ? end : end + 1;
	}
}

/* SIGKILL for us when the supervisor's end of @socket closes, thus when it dies.
 * PR_SET_PDEATHSIG would be about the thread that forked, and that may end sooner. */
static void end_with(int socket)
{
	struct pollfd p = {.fd = socket};

	syscall(SYS_fcntl, socket, F_SETSIG, SIGKILL);
	syscall(SYS_fcntl, socket, F_SETOWN, syscall(SYS_getpid));
	syscall(SYS_fcntl, socket, F_SETFL, O_ASYNC);
	if (poll(&p, 1, 0) != 0) /* it had closed before that */
		syscall(SYS_exit_group, 0);
}

static void open_and_send(const struct sluice_supervisor *sv, int item, const struct open_how *how,
	int socket)
{
	struct message m = {.magic = JOURNAL_MAGIC};
	int fd;

	close_others(item, socket, sv->proc_fd); /* the other end, too */
	end_with(socket);
	fd = sc_sluice_reopen(sv, item, how->flags, (unsigned)how->mode);
	m.total = fd < 0 ? (uint32_t)-fd : 0;
	sc_sluice_send_message(socket, &m, &fd, fd >= 0);
	for (;;)
		syscall(SYS_exit_group, 0);
}

static int launch(const struct sluice_supervisor *sv, int item, const struct open_how *how,
	int theirs, pid_t *out)
{
	pid_t pid;
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = sc_sluice_fork(0);
	if (pid == 0)
		open_and_send(sv, item, how, theirs);
	if (pid > 0)
		*out = pid;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return pid < 0 ? -errno : 0;
}

/* A target with many threads and one FIFO is not to fill the process table. */
static bool too_many(struct sluice_supervisor *sv)
{
	unsigned n = 0;

	pthread_mutex_lock(&sv->lock);
	for (const struct opening *o = sv->openings; o; o = o->next)
		n++;
	pthread_mutex_unlock(&sv->lock);
	return n >= MAX_OPENINGS;
}

static int start(struct sluice_request *req, int item, const struct open_how *how,
	unsigned flags)
{
	struct sluice_supervisor *sv = req->sv;
	struct opening *o;
	int pair[2], rc;

	if (too_many(sv))
		return -EAGAIN;
	o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		free(o);
		return -errno;
	}
	*o = (struct opening){
		.source = {pair[0], on_opened, destroy, NULL}, .req = req, .flags = flags};
	rc = launch(sv, item, how, pair[1], &o->pid);
	close(pair[1]);
	if (rc) {
		destroy(&o->source);
		return rc;
	}
	sluice_defer(req);
	pthread_mutex_lock(&sv->lock);
	o->next = sv->openings;
	sv->openings = o;
	pthread_mutex_unlock(&sv->lock);
	if (sluice_on_cancel(req, on_cancelled, o) ||
		sc_sluice_watch(sv, &o->source, EPOLLIN)) {
		sluice_fail(req, EIO);
		finish(sv, o);
	}
	return 0;
}

int sluice_open_reply(struct sluice_request *request, int dirfd, const char *path,
	const struct open_how *how, unsigned flags)
{
	_cleanup_close_ int waits = -1;
	int fd = sc_sluice_open(request, dirfd, path, how, &waits);

	if (how->flags & O_CLOEXEC)
		flags |= SLUICE_FD_CLOEXEC;
	if (fd == -EAGAIN && waits >= 0)
		return start(request, waits, how, flags);
	if (fd < 0)
		return fd;
	sluice_reply_fd(request, fd, flags);
	close(fd);
	return 0;
}

void sc_sluice_openings_stop(struct sluice_supervisor *sv)
{
	while (sv->openings) {
		struct opening *o = sv->openings;
		struct sluice_request *req = o->req;

		finish(sv, o);
		sluice_fail(req, 0);
	}
}
