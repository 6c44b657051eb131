/* Workers: threads for handlers that may wait, started when there is work.
 * SPDX-License-Identifier: MIT */
#include "core/core.h"

/* Under the workers' lock. */
static void unlink_queued(struct workers *w, struct sluice_request *req)
{
	if (req->prev_queued)
		req->prev_queued->next_queued = req->next_queued;
	else
		w->first = req->next_queued;
	if (req->next_queued)
		req->next_queued->prev_queued = req->prev_queued;
	else
		w->last = req->prev_queued;
	req->next_queued = req->prev_queued = NULL;
	req->queued = false;
	w->queued--;
}

static struct sluice_request *take(struct workers *w)
{
	struct sluice_request *req;

	pthread_mutex_lock(&w->lock);
	w->idle++;
	while (!w->first && !w->stop)
		pthread_cond_wait(&w->ready, &w->lock);
	w->idle--;
	req = w->first;
	if (req)
		unlink_queued(w, req);
	pthread_mutex_unlock(&w->lock);
	return req;
}

/* The data has been used, or will not be; so has the queue's reference. */
static void done(struct sluice_request *req, void (*release)(void *), void *data)
{
	if (release)
		release(data);
	sc_core_request_unref(req);
}

/* @req has its verdict: if it still waits for a worker it waits no longer, so that the queue has
 * nothing but what is pending. */
void sc_core_unqueue(struct sluice_request *req)
{
	struct workers *w = &req->sv->workers;
	bool queued;

	pthread_mutex_lock(&w->lock);
	queued = req->queued;
	if (queued)
		unlink_queued(w, req);
	pthread_mutex_unlock(&w->lock);
	if (queued)
		done(req, req->work_release, req->work_data);
}

static void *work(void *data)
{
	struct sluice_supervisor *sv = data;
	struct sluice_request *req;

	while ((req = take(&sv->workers))) {
		/* The handler may queue it again, with other data. */
		void (*release)(void *) = req->work_release;
		void *given = req->work_data;

		/* While it queued, its time may have come or the supervisor gone. */
		if (sc_core_settled(req) == R_OPEN)
			sc_core_decide(req, req->work, given);
		done(req, release, given);
	}
	return NULL;
}

/* Under the workers' lock. */
static int start_one(struct sluice_supervisor *sv)
{
	struct workers *w = &sv->workers;
	int rc;

	if (w->stop)
		return -ESHUTDOWN;
	/* An idle one counts once: what is queued may take each of them. */
	if (w->idle > w->queued || w->count == w->limit)
		return 0;
	if (!w->threads)
		w->threads = calloc(w->limit, sizeof(*w->threads));
	if (!w->threads)
		return -ENOMEM;
	rc = sc_sluice_thread(&w->threads[w->count], work, sv);
	if (!rc)
		w->count++;
	return w->count ? 0 : rc;
}

int sluice_work_owned(struct sluice_request *request, sluice_handler handler, void *data,
	void (*release)(void *data))
{
	struct workers *w = &request->sv->workers;
	int rc;

	pthread_mutex_lock(&w->lock);
	rc = start_one(request->sv);
	if (rc) {
		pthread_mutex_unlock(&w->lock);
		return rc;
	}
	request->work = handler;
	request->work_data = data;
	request->work_release = release;
	/* The holder's reference moves to the queue. */
	if (!atomic_exchange(&request->deferred, false))
		atomic_fetch_add_explicit(&request->refs, 1, memory_order_relaxed);
	atomic_fetch_add(&request->custody, 1);
	request->next_queued = NULL;
	request->prev_queued = w->last;
	request->queued = true;
	if (w->last)
		w->last->next_queued = request;
	else
		w->first = request;
	w->last = request;
	w->queued++;
	pthread_cond_signal(&w->ready);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

int sluice_work(struct sluice_request *request, sluice_handler handler, void *data)
{
	return sluice_work_owned(request, handler, data, NULL);
}

void sc_core_workers_stop(struct sluice_supervisor *sv)
{
	struct workers *w = &sv->workers;

	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_broadcast(&w->ready);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->count; i++)
		pthread_join(w->threads[i], NULL);
	w->count = 0;
}
