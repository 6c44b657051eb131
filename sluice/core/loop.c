/* The loop: one epoll descriptor for listeners, pidfds, OCI sockets, helpers.
 * SPDX-License-Identifier: MIT */
#include "core/core.h"

int sc_core_watch(struct sluice_supervisor *sv, struct source *source, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = source};

	if (epoll_ctl(sv->loop.epoll_fd, EPOLL_CTL_ADD, source->fd, &ev))
		return -errno;
	atomic_fetch_add(&sv->loop.watched, 1);
	return 0;
}

/* Other @events for what is watched. */
void sc_core_rearm(struct sluice_supervisor *sv, struct source *source, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = source};

	epoll_ctl(sv->loop.epoll_fd, EPOLL_CTL_MOD, source->fd, &ev);
}

void sc_core_unwatch(struct sluice_supervisor *sv, struct source *source)
{
	if (epoll_ctl(sv->loop.epoll_fd, EPOLL_CTL_DEL, source->fd, NULL) == 0)
		atomic_fetch_sub(&sv->loop.watched, 1);
}

/* Destroy @source after this round: a later event of the same epoll_wait() may name it. */
void sc_core_bury(struct sluice_supervisor *sv, struct source *source)
{
	pthread_mutex_lock(&sv->lock);
	source->next_dead = sv->loop.dead;
	sv->loop.dead = source;
	pthread_mutex_unlock(&sv->lock);
}

void sc_core_wake(struct sluice_supervisor *sv)
{
	uint64_t one = 1;

	/* Full means that it is readable, which is all that is wanted. */
	if (write(sv->loop.wake.fd, &one, sizeof(one)) < 0)
		return;
}

static void empty_graveyard(struct sluice_supervisor *sv)
{
	struct source *dead;

	if (!atomic_load_explicit(&sv->loop.dead, memory_order_acquire))
		return;
	pthread_mutex_lock(&sv->lock);
	dead = sv->loop.dead;
	sv->loop.dead = NULL;
	pthread_mutex_unlock(&sv->lock);
	while (dead) {
		struct source *next = dead->next_dead;

		dead->destroy(dead);
		dead = next;
	}
}

/* Whether one listener is all that this round can wait for, and has just been busy: then RECV
 * does the waiting, which saves the system call that asks epoll first. Nothing is watched
 * beside it and the wake descriptor; nobody can write to that: no request is out
 * with a worker, and no cancel callback is due. An idle supervisor never comes here, and
 * sluice_dispatch() only does with receive_waits: RECV starts again after a signal whose handler
 * has SA_RESTART, and a caller that stops at -EINTR would not. */
static bool only_receives(const struct sluice_supervisor *sv)
{
	return sv->loop.streak && sv->loop.receive_ends && !sv->listeners.paused && sv->listeners.first &&
		!sv->listeners.first->next && atomic_load(&sv->loop.watched) == 2 &&
		!sc_core_pending(sv) && !atomic_load(&sv->clock.cancels);
}

static int wait_and_handle(struct sluice_supervisor *sv, int timeout_ms)
{
	struct epoll_event ev[16];
	int n = epoll_wait(sv->loop.epoll_fd, ev, 16, timeout_ms), error;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		struct source *source = ev[i].data.ptr;

		if (source->ready)
			source->ready(sv, source, ev[i].events);
	}
	empty_graveyard(sv);
	error = sv->loop.error;
	sv->loop.error = 0;
	return error;
}

/* The kernel copies into the journal's slot: see journal.h for why. */
static inline int receive(struct listener *listener, struct slot *slot)
{
	slot->listener = listener->id;
	slot->serial = ++listener->sv->journal->serial;
	memset(&slot->notif, 0, listener->sv->journal->stride - offsetof(struct slot, notif));
	atomic_store_explicit(&slot->state, S_USED, memory_order_release);
	if (ioctl(listener->source.fd, SECCOMP_IOCTL_NOTIF_RECV, &slot->notif) == 0)
		return 0;
	return -errno;
}

/* Receive one request and decide it; waits for one if there is none. -EAGAIN at its share;
 * -ENOENT if the call was gone before it could be received. */
static inline __attribute__((always_inline)) int receive_one(struct sluice_supervisor *sv,
	struct listener *listener)
{
	struct sluice_request *req = sc_core_request_new(sv, listener, true);
	const struct handler *handler;
	int rc;

	if (!req) {
		sc_core_pause(listener);
		return -EAGAIN;
	}
	rc = receive(listener, req->slot);
	if (rc) {
		if (rc == -ENOENT)
			atomic_fetch_add_explicit(&sv->count.lost_receive, 1,
				memory_order_relaxed);
		sc_core_request_discard(req);
		return rc;
	}
	sc_core_request_received(req, false);
	handler = sc_core_find_call(&sv->handlers, &req->notif.data);
	sc_core_decide(req, listener->deny ? NULL : handler->call, handler->data);
	sc_core_request_done(req);
	return 0;
}

int sc_core_receive(struct sluice_supervisor *sv, struct listener *listener)
{
	return receive_one(sv, listener);
}

static int take_directly(struct sluice_supervisor *sv)
{
	int rc = receive_one(sv, sv->listeners.first);

	empty_graveyard(sv); /* the handler may have removed it */
	return rc == -EINTR ? rc : 0; /* gone, or all targets are, or no room: epoll tells */
}

/* @directly: the caller needs not return after each signal, and at no time. */
static inline __attribute__((always_inline)) int dispatch(struct sluice_supervisor *sv,
	int timeout_ms, bool directly)
{
	uint64_t before;
	int n;

	if (sv->loop.dispatching)
		return -EBUSY;
	if (sv->passed_on)
		return -ESHUTDOWN;
	sv->loop.dispatching = true;
	if (sv->requests.replay) {
		n = sc_core_replay_one(sv);
		sv->loop.dispatching = false;
		return n;
	}
	before = atomic_load_explicit(&sv->count.received, memory_order_relaxed);
	n = directly && only_receives(sv) ? take_directly(sv) : wait_and_handle(sv, timeout_ms);
	if (n == 0)
		n = (int)(atomic_load_explicit(&sv->count.received, memory_order_relaxed) -
			before);
	sv->loop.streak = n > 0;
	sv->loop.dispatching = false;
	return n;
}

int sluice_dispatch(struct sluice_supervisor *supervisor, int timeout_ms)
{
	return dispatch(supervisor, timeout_ms, supervisor->loop.receive_waits && timeout_ms);
}

int sluice_run(struct sluice_supervisor *supervisor)
{
	while (supervisor->listeners.active || supervisor->loop.doors || supervisor->requests.replay) {
		int n = dispatch(supervisor, -1, true);

		if (n < 0 && n != -EINTR)
			return n;
	}
	return 0;
}
