/* Listeners: adding, receiving, the end of the last target.
 * SPDX-License-Identifier: MIT */
#include "core/core.h"

#include <limits.h>
#include <poll.h>
#include <sys/resource.h>
#include <time.h>

void sc_core_listener_ref(struct listener *listener)
{
	atomic_fetch_add_explicit(&listener->refs, 1, memory_order_relaxed);
}

/* The descriptor closes with the last request, never before: its number could come back
 * as something else while a worker is about to answer on it. */
void sc_core_listener_unref(struct listener *listener)
{
	struct sluice_supervisor *sv = listener->sv;
	sluice_listener_end ended;
	void *data;

	if (atomic_fetch_sub(&listener->refs, 1) != 1)
		return;
	close(listener->source.fd);
	pthread_mutex_lock(&sv->lock);
	ended = sv->listeners.ended;
	data = sv->listeners.ended_data;
	pthread_mutex_unlock(&sv->lock);
	if (ended)
		ended(listener->id, listener->tag, data);
	free(listener);
}

static void destroy(struct source *source)
{
	sc_core_listener_unref((struct listener *)source);
}

void sc_core_drop_listener(struct sluice_supervisor *sv, struct listener *listener)
{
	const struct listener_hooks *hooks = sv->listeners.hooks;
	struct listener **p = &sv->listeners.first;

	while (*p && *p != listener)
		p = &(*p)->next;
	if (!*p)
		return;
	*p = listener->next;
	if (sv->listeners.tail == &listener->next)
		sv->listeners.tail = p;
	sc_core_unwatch(sv, &listener->source);
	sv->listeners.active--;
	/* An event of this round may still name it; receiving from a hung-up one may block. */
	listener->source.ready = NULL;
	sc_core_request_drop_kept(sv, listener);
	if (!sv->passed_on && !sv->ending && hooks && hooks->dropped)
		hooks->dropped(sv, listener);
	sc_core_bury(sv, &listener->source);
}

static uint32_t wanted(const struct listener *listener)
{
	return listener->paused || listener->holder ? 0 : EPOLLIN;
}

/* Wait for nothing from it: it is at its share. */
void sc_core_pause(struct listener *listener)
{
	sc_core_rearm(listener->sv, &listener->source, wanted(listener));
}

/* How many unanswered requests @listener may have: as many as are left free, so one alone gets half,
 * with each that is at its share the next gets less, and one that has none finds room. Under
 * sv->lock. */
unsigned sc_core_share(const struct listener *listener)
{
	unsigned free_count = listener->sv->requests.free_count;

	return free_count < listener->limit ? free_count : listener->limit;
}

/* A request ended: receive again from those that have come below their share by that. */
void sc_core_resume(struct sluice_supervisor *sv)
{
	bool paused = false;

	for (struct listener *l = sv->listeners.first; l; l = l->next) {
		bool resumed;

		pthread_mutex_lock(&sv->lock);
		resumed = l->paused && l->pending < sc_core_share(l);
		if (resumed)
			l->paused = false;
		paused |= l->paused;
		pthread_mutex_unlock(&sv->lock);
		if (resumed)
			sc_core_rearm(sv, &l->source, wanted(l));
	}
	pthread_mutex_lock(&sv->lock);
	sv->listeners.paused = paused;
	pthread_mutex_unlock(&sv->lock);
}

static bool has_call(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	poll(&p, 1, 0); /* where it fails it says nothing of @fd */
	return p.revents & POLLIN;
}

static void on_ready(struct sluice_supervisor *sv, struct source *source, uint32_t events)
{
	struct listener *listener = (struct listener *)source;

	/* IN means a call that nobody received, so RECV will not block: this is the only
	 * receiver. It says ENOENT if the target was signalled in between. */
	if (!(events & EPOLLIN)) {
		if (events & (EPOLLHUP | EPOLLERR))
			sc_core_drop_listener(sv, listener);
		return;
	}
	/* A second source of the same file, if it could not be told, sees that call too. */
	if (sv->listeners.twins && sv->listeners.first->next && !has_call(source->fd))
		return;
	sc_core_receive(sv, listener);
}

/* The listener that is the same open file as @fd: with two sources of one, the second RECV
 * would wait for a call that the first has taken, and everybody with it. */
struct listener *sc_core_same_listener(struct sluice_supervisor *sv, int fd)
{
	for (struct listener *l = sv->listeners.first; l; l = l->next) {
		int same = sc_sluice_same_file(l->source.fd, fd);

		if (same > 0)
			return l;
		if (same < 0) {
			sv->listeners.twins = true;
			break;
		}
	}
	return NULL;
}

static int check_listener(struct sluice_supervisor *sv, int fd)
{
	if (fcntl(fd, F_GETFD) < 0)
		return -EBADF;
	if (!sc_sluice_is_listener(sv->proc.fd, fd))
		return -EINVAL;
	if (sv->passed_on)
		return -ESHUTDOWN;
	return sc_core_same_listener(sv, fd) ? -EEXIST : 0;
}

static int add(struct sluice_supervisor *sv, int fd, const struct listener *like)
{
	_cleanup_free_ struct listener *l = NULL;
	int rc = check_listener(sv, fd), flags;

	if (rc)
		return rc;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	*l = *like;
	l->source = (struct source){fd, on_ready, destroy, NULL};
	l->sv = sv;
	l->limit = UINT_MAX;
	l->id = sv->listeners.next_id;
	atomic_init(&l->refs, 1);
	/* A program that inherits it could answer. */
	flags = fcntl(fd, F_GETFD);
	if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC))
		return -errno;
	rc = sc_core_watch(sv, &l->source, wanted(l));
	if (rc)
		return rc;
	if (sv->listeners.hooks && sv->listeners.hooks->added)
		rc = sv->listeners.hooks->added(sv, l);
	if (rc) {
		sc_core_unwatch(sv, &l->source);
		return rc;
	}
	/* By value, not by pointer. Kernels before 6.6 say EINVAL: a wish, not a need. */
	ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	sv->listeners.next_id++;
	sv->journal->listeners = sv->listeners.next_id;
	sv->listeners.active++;
	*sv->listeners.tail = l;
	sv->listeners.tail = &steal_ptr(l)->next;
	return 0;
}

int sc_core_add_listener(struct sluice_supervisor *sv, int fd, void *tag, bool deny,
	bool wait_killable)
{
	return add(sv, fd,
		&(struct listener){.tag = tag, .deny = deny, .wait_killable = wait_killable});
}

/* Keep what a connection brought, known to the keeper, before anybody has decided about it: its
 * calls wait, and are refused if we go. */
int sc_core_park_listener(struct sluice_supervisor *sv, int fd, uint32_t holder)
{
	return add(sv, fd, &(struct listener){.deny = true, .holder = holder});
}

void sc_core_admit_listener(struct listener *l, bool deny, void *tag)
{
	const struct listener_hooks *hooks = l->sv->listeners.hooks;

	l->holder = 0;
	l->deny = deny;
	l->tag = tag;
	if (hooks && hooks->changed)
		hooks->changed(l->sv, l);
	sc_core_rearm(l->sv, &l->source, wanted(l));
}

int sluice_add_listener(struct sluice_supervisor *supervisor, int fd, void *tag)
{
	return sc_core_add_listener(supervisor, fd, tag, false, false);
}

static struct listener *find(struct sluice_supervisor *sv, unsigned index)
{
	struct listener *l = sv->listeners.first;

	while (l && l->id != index)
		l = l->next;
	return l;
}

int sluice_set_tag(struct sluice_supervisor *supervisor, unsigned index, void *tag)
{
	struct listener *l = find(supervisor, index);

	if (!l)
		return -ENOENT;
	l->tag = tag;
	return 0;
}

int sluice_limit_listener(struct sluice_supervisor *supervisor, unsigned index,
	unsigned max_pending)
{
	struct listener *l = find(supervisor, index);

	if (!l)
		return -ENOENT;
	pthread_mutex_lock(&supervisor->lock);
	l->limit = max_pending ? max_pending : UINT_MAX;
	pthread_mutex_unlock(&supervisor->lock);
	sc_core_resume(supervisor);
	return 0;
}

int sluice_refuse_listener(struct sluice_supervisor *supervisor, unsigned index)
{
	struct listener *l = find(supervisor, index);

	if (!l || l->holder)
		return -ENOENT;
	sc_core_admit_listener(l, true, l->tag);
	return 0;
}

/* Whether a thread has decided about a request of @listener and not told the kernel yet. */
static bool is_sending(struct sluice_supervisor *sv, const struct listener *listener)
{
	bool sending = false;

	pthread_mutex_lock(&sv->lock);
	for (struct sluice_request *r = sv->requests.first; r && !sending; r = r->next)
		sending = r->listener == listener && !atomic_load(&r->sent);
	pthread_mutex_unlock(&sv->lock);
	return sending;
}

/* dup3(2) does not replace a number that is above the limit by now. */
static bool may_replace(int fd)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) || (rlim_t)fd < limit.rlim_cur;
}

int sluice_remove_listener(struct sluice_supervisor *supervisor, unsigned index)
{
	struct listener *l = find(supervisor, index);

	if (!l || l->holder)
		return -ENOENT;
	if (!may_replace(l->source.fd))
		return -EMFILE;
	sc_core_answer_all(supervisor, l, "listener removed");
	/* A verdict on its way must arrive before the listener closes, or the call gives ENOSYS and
	 * the target keeps a descriptor that nobody gave it. */
	while (is_sending(supervisor, l))
		nanosleep(&(struct timespec){0, 50000}, NULL);
	sc_core_listener_ref(l);
	sc_core_drop_listener(supervisor, l);
	/* Holders keep the number, and it may not be another file's; but the listener itself closes
	 * now, or calls of its targets would wait for a receiver. */
	dup3(supervisor->loop.wake.fd, l->source.fd, O_CLOEXEC);
	sc_core_listener_unref(l);
	sc_core_wake(supervisor);
	return 0;
}

void sluice_on_listener_end(struct sluice_supervisor *supervisor, sluice_listener_end ended,
	void *data)
{
	pthread_mutex_lock(&supervisor->lock);
	supervisor->listeners.ended = ended;
	supervisor->listeners.ended_data = data;
	pthread_mutex_unlock(&supervisor->lock);
}

int sluice_listener_statistics(struct sluice_supervisor *supervisor, unsigned index,
	struct sluice_listener_statistics *out)
{
	struct sluice_listener_statistics s = {.size = out->size};
	struct listener *l = find(supervisor, index);

	if (!l)
		return -ENOENT;
	pthread_mutex_lock(&supervisor->lock);
	s.received = atomic_load_explicit(&l->received, memory_order_relaxed);
	s.answered = l->answered;
	s.pending = l->pending;
	s.paused = l->paused;
	pthread_mutex_unlock(&supervisor->lock);
	pthread_mutex_lock(&supervisor->workers.lock);
	s.working = l->working;
	s.waiting = l->waiting;
	pthread_mutex_unlock(&supervisor->workers.lock);
	return sc_sluice_fill(out, out->size, &s, sizeof(s));
}
