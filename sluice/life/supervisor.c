/* The supervisor's birth and death.
 * SPDX-License-Identifier: MIT */
#include "internal.h"

#include <sys/eventfd.h>
#include <sys/utsname.h>

static void drain_wake(struct sluice_supervisor *sv, struct source *source, uint32_t events)
{
	uint64_t n;

	(void)events;
	if (read(source->fd, &n, sizeof(n)) < 0)
		return;
	if (sv->paused)
		sc_sluice_pause(sv, false);
	sc_sluice_run_cancelled(sv);
}

static void release(struct sluice_supervisor *sv)
{
	free(atomic_load(&sv->hot));
	while (sv->spare) {
		struct sluice_request *req = sv->spare;

		sv->spare = req->next;
		free(req);
	}
	closep(&sv->wake.fd);
	closep(&sv->epoll_fd);
	sc_sluice_proc_unpin(sv);
	closep(&sv->journal_fd);
	sc_sluice_journal_unmap(sv->journal);
	free(sv->free_slots);
	free(sv->handlers.slots);
	free(sv->workers.threads);
	pthread_mutex_destroy(&sv->lock);
	pthread_mutex_destroy(&sv->workers.lock);
	pthread_mutex_destroy(&sv->targets.lock);
	pthread_cond_destroy(&sv->workers.ready);
	pthread_cond_destroy(&sv->clock.wake);
	pthread_cond_destroy(&sv->handed_or_not);
	free(sv);
}

int sc_sluice_sv_unref(struct sluice_supervisor *sv)
{
	if (atomic_fetch_sub(&sv->refs, 1) == 1)
		release(sv);
	return 0;
}

static void init_locks(struct sluice_supervisor *sv)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&sv->lock, NULL);
	pthread_mutex_init(&sv->workers.lock, NULL);
	pthread_mutex_init(&sv->targets.lock, NULL);
	pthread_cond_init(&sv->workers.ready, NULL);
	pthread_cond_init(&sv->handed_or_not, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&sv->clock.wake, &attr);
	pthread_condattr_destroy(&attr);
}

/* Before 6.11 SECCOMP_IOCTL_NOTIF_RECV goes on waiting when the last target has ended. */
static bool receive_ends(void)
{
	unsigned long major, minor;
	struct utsname u;
	char *end;

	if (uname(&u))
		return false;
	major = strtoul(u.release, &end, 10);
	minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	return major > 6 || (major == 6 && minor >= 11);
}

static int open_parts(struct sluice_supervisor *sv)
{
	int rc = sc_sluice_journal_new(&sv->set, &sv->journal_fd, &sv->journal);

	if (rc)
		return rc;
	atomic_store(&sv->journal->baton, sv->predecessor ? B_EMBRYO : B_SUPERVISOR);
	sv->free_slots = calloc(sv->set.max_pending, sizeof(*sv->free_slots));
	if (!sv->free_slots)
		return -ENOMEM;
	while (sv->free_count < sv->set.max_pending) {
		sv->free_slots[sv->free_count] = sv->set.max_pending - 1 - sv->free_count;
		sv->free_count++;
	}
	sv->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	sv->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sv->epoll_fd < 0 || sv->wake.fd < 0)
		return -errno;
	sv->wake.ready = drain_wake;
	rc = sc_sluice_watch(sv, &sv->wake, EPOLLIN);
	if (!rc && sv->set.timeout_ms)
		rc = sc_sluice_clock_start(sv);
	if (!rc && sv->set.keeper)
		rc = sc_sluice_keeper_start(sv);
	return rc;
}

int sc_sluice_new(const struct settings *set, struct journal *predecessor,
	struct sluice_supervisor **out)
{
	struct sluice_supervisor *sv = calloc(1, sizeof(*sv));
	int rc;

	if (!sv)
		return -ENOMEM;
	sv->set = *set;
	sv->predecessor = predecessor;
	sv->epoll_fd = sv->journal_fd = sv->wake.fd = -1;
	sv->keeper_source.fd = sv->keeper_door = -1;
	sv->listeners_tail = &sv->listeners;
	sv->receive_ends = receive_ends();
	sv->workers.limit = set->workers;
	atomic_init(&sv->refs, 1);
	init_locks(sv);
	sc_sluice_proc_pin(sv);
	rc = open_parts(sv);
	if (rc) {
		sc_sluice_abandon(sv);
		return rc;
	}
	*out = sv;
	return 0;
}

static int read_options(const struct sluice_options *options, struct settings *set)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;

	if (options) {
		if (options->size < offsetof(struct sluice_options, error))
			return -EINVAL;
		memcpy(&o, options, options->size < sizeof(o) ? options->size : sizeof(o));
	}
	*set = (struct settings){
		.default_errno = o.default_errno ? o.default_errno : EPERM,
		.timeout_ms = o.timeout_ms,
		.workers = o.workers ? o.workers : 4,
		.max_pending = o.max_pending ? o.max_pending : 4096,
		.grace_ms = o.grace_ms ? o.grace_ms : 500,
		.keeper = o.keeper,
		.forbid_continue = o.forbid_continue,
	};
	if (set->default_errno < 1 || set->default_errno > 4095 || set->workers > 1024 ||
		set->max_pending > 1u << 20)
		return -EINVAL;
	if (o.keeper_path) {
		if (!o.keeper || strlen(o.keeper_path) >= sizeof(set->keeper_path))
			return -EINVAL;
		strcpy(set->keeper_path, o.keeper_path);
	} else {
		set->grace_ms = 0;
	}
	return 0;
}

int sluice_supervisor_new(const struct sluice_options *options,
	struct sluice_supervisor **supervisor)
{
	struct sluice_error *error = NULL;
	struct sluice_supervisor *sv;
	struct settings set;
	int rc = read_options(options, &set);

	if (options && options->size >= sizeof(*options))
		error = options->error;
	if (rc)
		return sc_sluice_error(error, rc,
			"the options make no sense: errno 1 to 4095, at most 1024 workers and "
			"2^20 pending, a keeper_path only with a keeper and under 108 bytes");
	rc = sc_sluice_new(&set, NULL, &sv);
	if (rc == -ENOSYS || rc == -EOPNOTSUPP)
		return sc_sluice_error(error, rc,
			"this kernel has no seccomp notifications (they came with 5.0)");
	if (rc)
		return sc_sluice_error(error, rc, "cannot set the supervisor up: %s",
			strerror(-rc));
	if (options && options->size >= offsetof(struct sluice_options, error))
		sluice_set_log(sv, options->log, options->log_data);
	*supervisor = sv;
	return 0;
}

static void answer_everything(struct sluice_supervisor *sv)
{
	for (;;) {
		struct sluice_request *req;

		pthread_mutex_lock(&sv->lock);
		for (req = sv->outstanding; req; req = req->next)
			if (sc_sluice_claim(req, R_HANDED))
				break;
		if (req)
			atomic_fetch_add(&req->refs, 1);
		pthread_mutex_unlock(&sv->lock);
		if (!req)
			return;
		sc_sluice_default(req, R_HANDED, "supervisor freed");
		sc_sluice_push_cancelled(req);
		sc_sluice_request_unref(req);
	}
}

static void close_loop(struct sluice_supervisor *sv)
{
	while (sv->replay) {
		struct sluice_request *req = sv->replay;

		sv->replay = req->next_queued;
		if (req->slot) /* never ours: abandoned before the baton came */
			sc_sluice_leave(req);
		sc_sluice_request_unref(req);
	}
	sc_sluice_openings_stop(sv);
	sc_sluice_oci_stop(sv);
	sc_sluice_run_cancelled(sv);
	sc_sluice_targets_clear(sv);
	while (sv->listeners)
		sc_sluice_drop_listener(sv, sv->listeners);
	while (sv->dead) {
		struct source *s = sv->dead;

		sv->dead = s->next_dead;
		s->destroy(s);
	}
}

void sluice_supervisor_free(struct sluice_supervisor *supervisor)
{
	struct sluice_supervisor *sv = supervisor;

	if (!sv)
		return;
	sv->freeing = true;
	if (!sv->handed)
		answer_everything(sv);
	sc_sluice_run_cancelled(sv); /* or a worker might wait for ever */
	sc_sluice_workers_stop(sv);
	sc_sluice_clock_stop(sv);
	sc_sluice_keeper_leave(sv, !sv->handed);
	close_loop(sv);
	sc_sluice_sv_unref(sv);
}

/* The end of one that never got the baton: it answers nothing, its keeper just leaves. */
void sc_sluice_abandon(struct sluice_supervisor *sv)
{
	sv->handed = true;
	sluice_supervisor_free(sv);
}

int sluice_fd(const struct sluice_supervisor *supervisor)
{
	return supervisor->epoll_fd;
}

unsigned sluice_active(const struct sluice_supervisor *supervisor)
{
	return supervisor->active;
}

void sluice_set_log(struct sluice_supervisor *supervisor, sluice_log log, void *data)
{
	pthread_mutex_lock(&supervisor->lock);
	supervisor->log = log;
	supervisor->log_data = data;
	pthread_mutex_unlock(&supervisor->lock);
}
