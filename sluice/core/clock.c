/* The clock: a thread that fails what is late, even while the loop or a worker is stuck in a
 * handler, and that notices when the target of a deferred request went away.
 * SPDX-License-Identifier: MIT
 *
 * It never needs a wake-up for the supervisor's own time-out: what arrives while it sleeps
 * until now + timeout cannot be due before. */
#include "core/core.h"

#include <time.h>

#define BATCH   64
#define TICK_NS 20000000ull /* the kernel tells nobody when an id dies: look */

/* Somebody else ended @req: its holder is told in the loop's thread. */
void sc_core_push_cancelled(struct sluice_request *req)
{
	struct sluice_supervisor *sv = req->sv;

	pthread_mutex_lock(&sv->lock);
	if (req->cancel && !req->consumed) {
		atomic_fetch_add_explicit(&req->refs, 1, memory_order_relaxed);
		req->next_cancelled = sv->clock.cancelled;
		sv->clock.cancelled = req;
	}
	pthread_mutex_unlock(&sv->lock);
}

/* Under the lock: claim what is over, at most BATCH; when to look again. */
static unsigned collect(struct sluice_supervisor *sv, struct sluice_request **over,
	uint64_t *next)
{
	uint64_t now = sc_sluice_now();
	unsigned n = 0;

	*next = sv->set.timeout_ms ? now + sv->set.timeout_ms * 1000000ull : UINT64_MAX;
	for (struct sluice_request *r = sv->requests.first; r; r = r->next) {
		bool late;

		if (atomic_load(&r->state) == R_RECEIVING)
			continue;
		if (n == BATCH) {
			*next = now;
			break;
		}
		late = r->deadline_ns && r->deadline_ns <= now;
		/* In R_OFFERED nothing can be claimed: whoever ends that wakes us. */
		if (late ? sc_core_claim(r, R_TIMED_OUT)
			 : r->cancel && sc_core_id_valid(r) && sc_core_claim(r, R_GONE)) {
			atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
			over[n++] = r;
			continue;
		}
		if (r->deadline_ns > now && r->deadline_ns < *next)
			*next = r->deadline_ns;
		if (r->cancel && now + TICK_NS < *next)
			*next = now + TICK_NS;
	}
	return n;
}

static void finish(struct sluice_supervisor *sv, struct sluice_request *req)
{
	if (atomic_load(&req->state) == R_TIMED_OUT) {
		sc_core_default(req, R_TIMED_OUT, "timed out");
	} else {
		sc_core_end(req,
			&(struct ending){
				.verdict = V_FAIL, .rc = -ENOENT, .why = "target gone"});
	}
	sc_core_unqueue(req);
	sc_core_push_cancelled(req);
	sc_core_wake(sv);
	sc_core_request_unref(req);
}

static void *tick(void *data)
{
	struct sluice_supervisor *sv = data;
	struct sluice_request *over[BATCH];
	uint64_t next;

	pthread_mutex_lock(&sv->lock);
	while (!sv->clock.stop) {
		unsigned n = collect(sv, over, &next);

		if (n) {
			pthread_mutex_unlock(&sv->lock);
			for (unsigned i = 0; i < n; i++)
				finish(sv, over[i]);
			pthread_mutex_lock(&sv->lock);
		} else if (next == UINT64_MAX) {
			pthread_cond_wait(&sv->clock.wake, &sv->lock);
		} else {
			struct timespec t = {(time_t)(next / 1000000000u),
				(long)(next % 1000000000u)};

			pthread_cond_timedwait(&sv->clock.wake, &sv->lock, &t);
		}
	}
	pthread_mutex_unlock(&sv->lock);
	return NULL;
}

/* -ENOENT once it was stopped: nothing is pending then, and nobody would join it. */
int sc_core_clock_start(struct sluice_supervisor *sv)
{
	int rc = 0;

	pthread_mutex_lock(&sv->lock);
	if (sv->clock.stop) {
		rc = -ENOENT;
	} else if (!sv->clock.running) {
		rc = sc_sluice_thread(&sv->clock.thread, tick, sv);
		sv->clock.running = !rc;
	}
	pthread_mutex_unlock(&sv->lock);
	return rc;
}

void sc_core_clock_stop(struct sluice_supervisor *sv)
{
	bool running;

	pthread_mutex_lock(&sv->lock);
	running = sv->clock.running;
	sv->clock.running = false;
	sv->clock.stop = true;
	pthread_cond_signal(&sv->clock.wake);
	pthread_mutex_unlock(&sv->lock);
	if (running)
		pthread_join(sv->clock.thread, NULL);
}

/* Until no callback runs for @req in another thread; then none will. Under the lock. */
void sc_core_consume(struct sluice_request *req)
{
	struct sluice_supervisor *sv = req->sv;

	req->consumed = true;
	while (sv->clock.cancelling == req && !pthread_equal(sv->clock.canceller, pthread_self()))
		pthread_cond_wait(&sv->settled, &sv->lock);
}

/* In the loop's thread. */
void sc_core_run_cancelled(struct sluice_supervisor *sv)
{
	for (;;) {
		struct sluice_request *req;
		bool call;

		pthread_mutex_lock(&sv->lock);
		req = sv->clock.cancelled;
		if (req)
			sv->clock.cancelled = req->next_cancelled;
		call = req && !req->consumed;
		sv->clock.cancelling = call ? req : NULL;
		sv->clock.canceller = pthread_self();
		pthread_mutex_unlock(&sv->lock);
		if (!req)
			return;
		if (call) {
			req->cancel(req, req->cancel_data);
			pthread_mutex_lock(&sv->lock);
			sv->clock.cancelling = NULL;
			pthread_cond_broadcast(&sv->settled);
			pthread_mutex_unlock(&sv->lock);
		}
		sc_core_request_unref(req);
	}
}

int sluice_set_timeout(struct sluice_request *request, unsigned timeout_ms)
{
	struct sluice_supervisor *sv = request->sv;
	int rc = sc_core_clock_start(sv);

	if (rc)
		return rc;
	pthread_mutex_lock(&sv->lock);
	request->deadline_ns = timeout_ms ? sc_sluice_now() + timeout_ms * 1000000ull : 0;
	pthread_cond_signal(&sv->clock.wake);
	pthread_mutex_unlock(&sv->lock);
	return 0;
}

int sluice_on_cancel(struct sluice_request *request,
	void (*cancel)(struct sluice_request *request, void *data), void *data)
{
	struct sluice_supervisor *sv = request->sv;
	int rc = sc_core_clock_start(sv), state;

	if (rc)
		return rc;
	atomic_store(&sv->clock.cancels, true);
	pthread_mutex_lock(&sv->lock);
	/* Whoever ends it claims it under the lock and looks for the callback later. */
	state = atomic_load(&request->state);
	if (state == R_OPEN || state == R_OFFERED) {
		request->cancel = cancel;
		request->cancel_data = data;
		pthread_cond_signal(&sv->clock.wake);
	} else {
		rc = -ENOENT;
	}
	pthread_mutex_unlock(&sv->lock);
	return rc;
}
