/* Opens that may wait, each in a process that can be killed.
 * SPDX-License-Identifier: MIT
 *
 * A thread stuck in open(2) on a FIFO can only be cancelled by a signal and may lose the
 * descriptor then. A process loses nothing: what it opened comes over a socket or ends with it. */
#include "path/path.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define MAX_OPENINGS 256
#define REAP_MS      1000 /* at the end, of a helper that SIGKILL does not reach at once */

struct openings {
	struct part part;
	struct opening *first;  /* under sv->lock */
	bool stopped;           /* nobody dispatches any more; under sv->lock */
};

/* References: the frame that starts it, as long as it is at that; the socket's place in the
 * loop, until after the verdict, so that a cancel callback finds it; the process' place in
 * the loop, until it is reaped. */
struct opening {
	struct source source;   /* the socket */
	struct source process;  /* the helper's pidfd */
	pid_t pid;              /* its number, for kernels that do not wait for a pidfd */
	struct opening *next;
	struct sluice_request *req;
	uint32_t listener;      /* its id: the request may be over */
	atomic_int refs;
	unsigned flags;
	bool ended;             /* under the lock: who sets it gives the verdict */
	bool socket_watched;    /* under the lock, and no more once ended */
	bool process_watched;   /* under the lock, and no more once stopped */
};

static struct openings *openings_of(struct sluice_supervisor *sv)
{
	return (struct openings *)sv->rooms[ROOM_PATH];
}

static struct opening *of_process(struct source *source)
{
	return (struct opening *)(void *)((char *)source - offsetof(struct opening, process));
}

static void unref(struct opening *o, int count)
{
	if (atomic_fetch_sub(&o->refs, count) != count)
		return;
	closep(&o->source.fd);
	closep(&o->process.fd);
	free(o);
}

static void destroy_socket(struct source *source)
{
	closep(&source->fd);
	source->fd = -1;
	unref((struct opening *)source, 1);
}

static void destroy_process(struct source *source)
{
	unref(of_process(source), 1);
}

/* Whether the caller is the one to end @o; with @references more then. */
static bool claim(struct sluice_supervisor *sv, struct opening *o, int references)
{
	bool ours;

	pthread_mutex_lock(&sv->lock);
	ours = !o->ended;
	o->ended = true;
	if (ours)
		atomic_fetch_add(&o->refs, references);
	pthread_mutex_unlock(&sv->lock);
	return ours;
}

static void retire(struct sluice_supervisor *sv, struct source *source)
{
	sc_core_unwatch(sv, source);
	source->ready = NULL;
	sc_core_bury(sv, source);
}

/* After the verdict. Inside a file system of the target's the helper may outlive SIGKILL for long:
 * the loop hears of its end. */
static void dismiss(struct sluice_supervisor *sv, struct opening *o)
{
	syscall(SYS_pidfd_send_signal, o->process.fd, SIGKILL, NULL, 0);
	if (o->socket_watched)
		retire(sv, &o->source);
}

/* By its pidfd: the program may have taken it from us, with a wait(2) of its own. */
static bool collect(const struct opening *o)
{
	siginfo_t info = {0};

	if (waitid((idtype_t)SLUICE_P_PIDFD, (id_t)o->process.fd, &info,
		    WEXITED | WNOHANG | __WALL) == 0)
		return info.si_pid != 0;
	return errno != EINVAL || waitpid(o->pid, NULL, WNOHANG | __WALL) != 0; /* before 5.4 */
}

static void unlist(struct sluice_supervisor *sv, struct opening *o)
{
	pthread_mutex_lock(&sv->lock);
	for (struct opening **p = &openings_of(sv)->first; *p; p = &(*p)->next)
		if (*p == o) {
			*p = o->next;
			break;
		}
	pthread_mutex_unlock(&sv->lock);
}

static void on_end(struct sluice_supervisor *sv, struct source *source, uint32_t events)
{
	struct opening *o = of_process(source);

	(void)events;
	if (!collect(o))
		return;
	unlist(sv, o);
	retire(sv, source);
}

static void on_opened(struct sluice_supervisor *sv, struct source *source, uint32_t events)
{
	struct opening *o = (struct opening *)source;
	int error = 0, fd;
	unsigned n = 0;

	(void)events;
	/* One that has died says nothing. */
	sc_sluice_recv_rights(source->fd, &error, sizeof(error), &fd, 1, &n);
	if (claim(sv, o, 0)) {
		if (n)
			sluice_reply_fd(o->req, fd, o->flags);
		else
			sluice_fail(o->req, error ? error : EIO);
		dismiss(sv, o);
	}
	if (n)
		close(fd);
}

static void on_cancelled(struct sluice_request *req, void *data)
{
	struct sluice_supervisor *sv = req->sv;

	if (!claim(sv, data, 1)) /* or its thread, still at it, might free it meanwhile */
		return;
	sluice_fail(req, 0);
	dismiss(sv, data);
	unref(data, 1);
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
	const int *pair)
{
	const int socket = pair[1];
	const int keep[3] = {item, socket, sv->proc.fd};
	int fd, error;

	syscall(SYS_close, pair[0]);
	sc_sluice_close_others(keep, 3);
	end_with(socket);
	fd = sc_path_reopen(sv, item, how->flags, (unsigned)how->mode);
	error = fd < 0 ? -fd : 0;
	sc_sluice_send_rights(socket, &error, sizeof(error), &fd, fd >= 0);
	for (;;)
		syscall(SYS_exit_group, 0);
}

static int launch(struct opening *o, int item, const struct open_how *how, const int *pair)
{
	sigset_t all, old;
	int rc = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	o->pid = sc_sluice_fork_hidden(0, &o->process.fd);
	if (o->pid == 0)
		open_and_send(o->req->sv, item, how, pair);
	if (o->pid < 0)
		rc = -errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

/* A target with many threads and one FIFO is not to fill the process table, nor to take the helpers of
 * others: a listener has as many as are left, and always one. */
static bool too_many(struct sluice_supervisor *sv, uint32_t listener)
{
	unsigned n = 0, own = 0;

	pthread_mutex_lock(&sv->lock);
	for (const struct opening *o = openings_of(sv)->first; o; o = o->next) {
		n++;
		own += o->listener == listener;
	}
	pthread_mutex_unlock(&sv->lock);
	return own && own + n >= MAX_OPENINGS;
}

/* NULL, and *@rc then. */
static struct opening *new_opening(struct sluice_request *req, int item,
	const struct open_how *how, unsigned flags, int *rc)
{
	struct opening *o = calloc(1, sizeof(*o));
	int pair[2];

	if (!o || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		*rc = o ? -errno : -ENOMEM;
		free(o);
		return NULL;
	}
	*o = (struct opening){.source = {pair[0], on_opened, destroy_socket, NULL},
		.process = {.ready = on_end, .destroy = destroy_process},
		.req = req,
		.listener = req->listener->id,
		.flags = flags};
	atomic_init(&o->refs, 3);
	*rc = launch(o, item, how, pair);
	close(pair[1]);
	if (!*rc)
		return o;
	close(pair[0]);
	free(o);
	return NULL;
}

/* For a helper that no loop will hear of. What SIGKILL does not reach by then stays a child of
 * this process until that ends. */
static void collect_now(struct opening *o, uint64_t deadline)
{
	struct pollfd p = {.fd = o->process.fd, .events = POLLIN};
	uint64_t now = sc_sluice_now();

	syscall(SYS_pidfd_send_signal, o->process.fd, SIGKILL, NULL, 0);
	poll(&p, 1, now < deadline ? (int)((deadline - now) / 1000000) : 0);
	collect(o);
}

/* False if it has ended meanwhile, or cannot be watched. */
static bool watch(struct sluice_supervisor *sv, struct opening *o)
{
	bool good = false;

	pthread_mutex_lock(&sv->lock);
	if (!o->ended && sc_core_watch(sv, &o->source, EPOLLIN) == 0) {
		good = sc_core_watch(sv, &o->process, EPOLLIN) == 0;
		if (!good)
			sc_core_unwatch(sv, &o->source);
		o->socket_watched = o->process_watched = good;
	}
	pthread_mutex_unlock(&sv->lock);
	return good;
}

/* It has its verdict before the loop knows of it: that reaps the helper, if it still runs.
 * Returns how many of the loop's references are the caller's to drop. */
static int give_up(struct sluice_supervisor *sv, struct opening *o)
{
	int left = 1; /* the socket's reference */

	pthread_mutex_lock(&sv->lock);
	if (!openings_of(sv)->stopped)
		o->process_watched = sc_core_watch(sv, &o->process, EPOLLIN) == 0;
	pthread_mutex_unlock(&sv->lock);
	if (!o->process_watched) {
		unlist(sv, o);
		collect_now(o, sc_sluice_now() + REAP_MS * 1000000ull);
		left++;
	}
	return left;
}

/* In any thread: the loop may end it before we are through, and the request with it. */
static int start_helper(struct sluice_request *req, int item, const struct open_how *how,
	unsigned flags)
{
	struct sluice_supervisor *sv = req->sv;
	struct opening *o;
	int references = 1, rc;

	if (too_many(sv, req->listener->id))
		return -EAGAIN;
	o = new_opening(req, item, how, flags, &rc);
	if (!o)
		return rc;
	atomic_fetch_add(&req->refs, 1);
	sluice_defer(req);
	pthread_mutex_lock(&sv->lock);
	o->next = openings_of(sv)->first;
	openings_of(sv)->first = o;
	pthread_mutex_unlock(&sv->lock);
	if (sluice_on_cancel(req, on_cancelled, o) || !watch(sv, o)) {
		if (claim(sv, o, 0)) {
			sluice_fail(req, EIO);
			dismiss(sv, o);
		}
		references += give_up(sv, o);
	}
	unref(o, references);
	sc_core_request_unref(req);
	return 0;
}

int sluice_open_reply(struct sluice_request *request, int dirfd, const char *path,
	const struct open_how *how, unsigned flags)
{
	_cleanup_close_ int waits = -1;
	int fd = sc_path_open(request, dirfd, path, how, &waits);

	if (how->flags & O_CLOEXEC)
		flags |= SLUICE_FD_CLOEXEC;
	if (fd == -EAGAIN && waits >= 0)
		return start_helper(request, waits, how, flags);
	if (fd < 0)
		return fd;
	sluice_reply_fd(request, fd, flags);
	close(fd);
	return 0;
}

/* The next one, with a reference; then NULL for ever. */
static struct opening *stop_next(struct sluice_supervisor *sv)
{
	struct opening *o;

	pthread_mutex_lock(&sv->lock);
	openings_of(sv)->stopped = true;
	o = openings_of(sv)->first;
	if (o) {
		openings_of(sv)->first = o->next;
		atomic_fetch_add(&o->refs, 1);
	}
	pthread_mutex_unlock(&sv->lock);
	return o;
}

static void free_openings(struct part *part)
{
	free(part);
}

int sc_path_begin(struct sluice_supervisor *sv)
{
	struct openings *all = calloc(1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	all->part.destroy = free_openings;
	sv->rooms[ROOM_PATH] = &all->part;
	return 0;
}

void sc_path_stop(struct sluice_supervisor *sv)
{
	uint64_t deadline = sc_sluice_now() + REAP_MS * 1000000ull;
	struct opening *o;

	if (!openings_of(sv))
		return;
	while ((o = stop_next(sv))) {
		if (claim(sv, o, 0)) {
			sluice_fail(o->req, 0);
			dismiss(sv, o);
		}
		if (o->process_watched) { /* or its thread is still at it */
			collect_now(o, deadline);
			retire(sv, &o->process);
		}
		unref(o, 1);
	}
}
