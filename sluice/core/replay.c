/* Requests on their way from one supervisor to the next.
 * SPDX-License-Identifier: MIT */
#include "core/core.h"

#include <time.h>

/* Deferred requests wait between theirs and the successor's. */
void sc_core_suspend(struct sluice_supervisor *sv)
{
	bool busy = true;

	while (busy) {
		busy = false;
		pthread_mutex_lock(&sv->lock);
		for (struct sluice_request *r = sv->requests.first; r; r = r->next)
			if (!sc_core_claim(r, R_OFFERED) && atomic_load(&r->state) != R_OFFERED)
				busy = true; /* its verdict is on the way to the kernel */
		pthread_mutex_unlock(&sv->lock);
		if (busy)
			nanosleep(&(struct timespec){0, 50000}, NULL);
	}
}

/* What has become of the offer: R_OPEN or R_PASSED_ON. */
void sc_core_resolve(struct sluice_supervisor *sv, int state)
{
	pthread_mutex_lock(&sv->lock);
	for (struct sluice_request *r = sv->requests.first; r; r = r->next)
		atomic_store(&r->state, state);
	pthread_cond_broadcast(&sv->settled);
	pthread_cond_signal(&sv->clock.wake); /* what became late meanwhile */
	pthread_mutex_unlock(&sv->lock);
}

/* All are a successor's: the holders are told, their verdicts are void. */
void sc_core_disown_all(struct sluice_supervisor *sv)
{
	for (;;) {
		struct sluice_request *r;

		pthread_mutex_lock(&sv->lock);
		r = sv->requests.first;
		pthread_mutex_unlock(&sv->lock);
		if (!r)
			break;
		sc_core_push_cancelled(r);
		sc_core_disown(r);
	}
	sc_core_run_cancelled(sv);
}

/* A call that a predecessor had received, to be shown in that order. Its time begins with
 * sc_core_begin_replay(). Unless @same_pids its target has no number here: in another pid namespace
 * that number is somebody else's. */
int sc_core_replay(struct sluice_supervisor *sv, const struct slot *slot, bool same_pids)
{
	struct sluice_request **at = &sv->requests.replay, *req;
	struct listener *listener = sv->listeners.first;

	while (listener && listener->id != slot->listener)
		listener = listener->next;
	if (!listener)
		return 0; /* its targets have all ended */
	req = sc_core_request_new(sv, listener, false);
	if (!req)
		return -ENOMEM;
	req->slot->listener = slot->listener;
	req->slot->serial = slot->serial;
	memcpy(&req->slot->notif, &slot->notif, sizeof(slot->notif));
	if (!same_pids)
		req->slot->notif.pid = 0;
	atomic_store(&req->slot->state, S_USED);
	sc_core_request_received(req, true);
	req->serial = slot->serial;
	while (*at && (*at)->serial < slot->serial)
		at = &(*at)->next_queued;
	req->next_queued = *at;
	*at = req;
	return 0;
}

void sc_core_begin_replay(struct sluice_supervisor *sv)
{
	if (sv->requests.replay)
		sc_core_wake(sv); /* sluice_fd() is readable until all are shown */
	for (struct sluice_request *r = sv->requests.replay; r && sv->set.timeout_ms;
		r = r->next_queued)
		sluice_set_timeout(r, sv->set.timeout_ms);
}

/* What a predecessor received comes before anything new. */
int sc_core_replay_one(struct sluice_supervisor *sv)
{
	struct sluice_request *req = sv->requests.replay;
	const struct handler *handler;

	sv->requests.replay = req->next_queued;
	req->next_queued = NULL;
	if (sc_core_id_valid(req) == 0) {
		handler = sc_core_find_call(&sv->handlers, &req->notif.data);
		sc_core_decide(req, req->listener->deny ? NULL : handler->call,
			handler->data);
	} else if (sc_core_claim(req, R_GONE)) {
		sc_core_end(req,
			&(struct ending){
				.verdict = V_FAIL, .rc = -ENOENT, .why = "target gone"});
	}
	sc_core_request_unref(req);
	return 1;
}

/* Calls of a predecessor that were never shown. */
void sc_core_drop_replay(struct sluice_supervisor *sv)
{
	while (sv->requests.replay) {
		struct sluice_request *req = sv->requests.replay;

		sv->requests.replay = req->next_queued;
		if (req->slot) /* never ours: abandoned before the baton came */
			sc_core_disown(req);
		sc_core_request_unref(req);
	}
}
