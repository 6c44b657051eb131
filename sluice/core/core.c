/* A supervisor's frame: its memory, locks, journal and epoll set; what rooms above it add is theirs
 * to begin and end (life/).
 * SPDX-License-Identifier: MIT */
#include "core/core.h"

#include <sys/eventfd.h>
#include <sys/utsname.h>

#include "util/kernel.h"

static void drain_wake(struct sluice_supervisor *sv, struct source *source, uint32_t events)
{
	uint64_t n;

	(void)events;
	if (read(source->fd, &n, sizeof(n)) < 0)
		return;
	if (sv->listeners.paused)
		sc_core_resume(sv);
	sc_core_run_cancelled(sv);
}

static void release(struct sluice_supervisor *sv)
{
	*sv->requests.resting_tail = sv->requests.spare; /* one list of all */
	sv->requests.spare = sv->requests.resting;
	while (sv->requests.spare) {
		struct sluice_request *req = sv->requests.spare;

		sv->requests.spare = req->next;
		free(req);
	}
	closep(&sv->loop.wake.fd);
	closep(&sv->loop.epoll_fd);
	sc_sluice_proc_unpin(&sv->proc);
	closep(&sv->journal_fd);
	sc_core_journal_unmap(sv->journal);
	for (int i = 0; i < ROOMS; i++)
		if (sv->rooms[i])
			sv->rooms[i]->destroy(sv->rooms[i]);
	free(sv->requests.free_slots);
	free(sv->handlers.slots);
	free(sv->workers.threads);
	pthread_mutex_destroy(&sv->lock);
	pthread_mutex_destroy(&sv->workers.lock);
	pthread_cond_destroy(&sv->workers.ready);
	pthread_cond_destroy(&sv->clock.wake);
	pthread_cond_destroy(&sv->settled);
	free(sv);
}

void sc_core_unref(struct sluice_supervisor *sv)
{
	if (atomic_fetch_sub(&sv->refs, 1) == 1)
		release(sv);
}

static void init_locks(struct sluice_supervisor *sv)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&sv->lock, NULL);
	pthread_mutex_init(&sv->workers.lock, NULL);
	pthread_cond_init(&sv->workers.ready, NULL);
	pthread_cond_init(&sv->settled, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&sv->clock.wake, &attr);
	pthread_condattr_destroy(&attr);
}

/* Before 6.11 SECCOMP_IOCTL_NOTIF_RECV goes on waiting when the last target has ended. */
static bool receive_ends(void)
{
	struct utsname u;
	unsigned int version;

	return uname(&u) == 0 && sc_kernel_version(u.release, &version) &&
		version >= (6 << 16 | 11);
}

static int open_parts(struct sluice_supervisor *sv, bool embryo)
{
	int rc = sc_core_journal_new(&sv->set, &sv->journal_fd, &sv->journal);

	if (rc)
		return rc;
	sv->journal->pid_namespace = sc_sluice_namespace(&sv->proc, "self", "pid");
	atomic_store(&sv->journal->baton, embryo ? B_EMBRYO : B_SUPERVISOR);
	sv->requests.free_slots = calloc(sv->set.max_pending, sizeof(*sv->requests.free_slots));
	if (!sv->requests.free_slots)
		return -ENOMEM;
	while (sv->requests.free_count < sv->set.max_pending) {
		sv->requests.free_slots[sv->requests.free_count] =
			sv->set.max_pending - 1 - sv->requests.free_count;
		sv->requests.free_count++;
	}
	sv->loop.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	sv->loop.wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sv->loop.epoll_fd < 0 || sv->loop.wake.fd < 0)
		return -errno;
	sv->loop.wake.ready = drain_wake;
	rc = sc_core_watch(sv, &sv->loop.wake, EPOLLIN);
	if (!rc && sv->set.timeout_ms)
		rc = sc_core_clock_start(sv);
	return rc;
}

/* One without listeners. @embryo: its baton is a predecessor's yet. */
int sc_core_new(const struct settings *set, bool embryo, struct sluice_supervisor **out)
{
	struct sluice_supervisor *sv = calloc(1, sizeof(*sv));
	int rc;

	if (!sv)
		return -ENOMEM;
	sv->set = *set;
	sv->loop.epoll_fd = sv->journal_fd = sv->loop.wake.fd = -1;
	sv->listeners.tail = &sv->listeners.first;
	sv->requests.resting_tail = &sv->requests.resting;
	sv->loop.receive_ends = receive_ends();
	sv->workers.limit = set->workers;
	atomic_init(&sv->refs, 1);
	init_locks(sv);
	sc_sluice_proc_pin(&sv->proc);
	rc = open_parts(sv, embryo);
	if (rc) {
		sc_core_stop(sv);
		sc_core_unref(sv);
		return rc;
	}
	*out = sv;
	return 0;
}

/* Each unanswered request of @listener (NULL: of all) gets the default errno, and its holder hears
 * of it in the next sc_core_run_cancelled(). */
void sc_core_answer_all(struct sluice_supervisor *sv, const struct listener *listener,
	const char *why)
{
	for (;;) {
		struct sluice_request *req;

		pthread_mutex_lock(&sv->lock);
		for (req = sv->requests.first; req; req = req->next)
			if ((!listener || req->listener == listener) &&
				sc_core_claim(req, R_GONE))
				break;
		if (req)
			atomic_fetch_add(&req->refs, 1);
		pthread_mutex_unlock(&sv->lock);
		if (!req)
			return;
		sc_core_default(req, R_GONE, why);
		sc_core_unqueue(req);
		sc_core_push_cancelled(req);
		sc_core_request_unref(req);
	}
}

/* Everybody gets an answer, nobody works on any more. */
void sc_core_stop(struct sluice_supervisor *sv)
{
	sv->ending = true;
	if (!sv->passed_on && sv->journal)
		sc_core_answer_all(sv, NULL, "supervisor freed");
	sc_core_run_cancelled(sv); /* or a worker might wait for ever */
	sc_core_workers_stop(sv);
	sc_core_clock_stop(sv);
}

/* What is left in the loop goes. */
void sc_core_close(struct sluice_supervisor *sv)
{
	sc_core_run_cancelled(sv);
	sc_core_request_drop_kept(sv, NULL);
	while (sv->listeners.first)
		sc_core_drop_listener(sv, sv->listeners.first);
	while (sv->loop.dead) {
		struct source *s = sv->loop.dead;

		sv->loop.dead = s->next_dead;
		s->destroy(s);
	}
}

int sluice_fd(const struct sluice_supervisor *supervisor)
{
	return supervisor->loop.epoll_fd;
}

unsigned sluice_active(const struct sluice_supervisor *supervisor)
{
	return supervisor->listeners.active;
}

void sluice_set_log(struct sluice_supervisor *supervisor, sluice_log log, void *data)
{
	pthread_mutex_lock(&supervisor->lock);
	supervisor->log = log;
	supervisor->log_data = data;
	pthread_mutex_unlock(&supervisor->lock);
}
