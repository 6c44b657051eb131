/* Workers: threads for handlers that may wait, started when there is work.
 * SPDX-License-Identifier: MIT */
#include "core/core.h"

/* All static functions here: under the workers' lock, where nothing else is said. */

static void push(struct queue *queue, struct sluice_request *req)
{
	req->next_queued = NULL;
	req->prev_queued = queue->last;
	req->queued = queue;
	if (queue->last)
		queue->last->next_queued = req;
	else
		queue->first = req;
	queue->last = req;
}

static void take_out(struct sluice_request *req)
{
	struct queue *queue = req->queued;

	if (req->prev_queued)
		req->prev_queued->next_queued = req->next_queued;
	else
		queue->first = req->next_queued;
	if (req->next_queued)
		req->next_queued->prev_queued = req->prev_queued;
	else
		queue->last = req->prev_queued;
	req->next_queued = req->prev_queued = NULL;
	req->queued = NULL;
}

/* Whether another request of @listener may have a worker: there is one left, or it has none. A target
 * whose handlers wait for ever does not keep another one from being served. */
static bool may_work(const struct workers *w, const struct listener *listener)
{
	return w->stop || w->working < w->limit || !listener->working;
}

static void give_right(struct workers *w, struct sluice_request *req)
{
	req->listener->working++;
	w->working++;
	push(&w->queue, req);
	pthread_cond_signal(&w->ready);
}

static void start_waiting(struct workers *w, struct sluice_request *req)
{
	struct listener *l = req->listener, **p = &w->waiting;

	push(&l->queue, req);
	if (l->waiting++)
		return;
	while (*p)
		p = &(*p)->next_waiting;
	l->next_waiting = NULL;
	*p = l;
}

static void end_waiting(struct workers *w, struct sluice_request *req)
{
	struct listener *l = req->listener, **p = &w->waiting;

	take_out(req);
	if (--l->waiting)
		return;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it waited, so it is in the list */
	while (*p != l)
		p = &(*p)->next_waiting;
	*p = l->next_waiting;
}

/* Who of those that wait comes next: the one with the fewest workers, in turn. NULL: none may. */
static struct listener *next_listener(const struct workers *w)
{
	struct listener *best = NULL;

	for (struct listener *l = w->waiting; l; l = l->next_waiting)
		if (may_work(w, l) && (!best || l->working < best->working))
			best = l;
	return best;
}

static void promote(struct workers *w)
{
	struct listener *l;

	while ((l = next_listener(w))) {
		struct sluice_request *req = l->queue.first;

		end_waiting(w, req);
		give_right(w, req);
		if (l->waiting) { /* behind the others */
			struct listener **p = &w->waiting;

			while (*p != l)
				p = &(*p)->next_waiting;
			*p = l->next_waiting;
			l->next_waiting = NULL;
			while (*p)
				p = &(*p)->next_waiting;
			*p = l;
		}
	}
}

static void finish(struct workers *w, struct listener *listener)
{
	listener->working--;
	w->working--;
	promote(w);
}

/* The next request, after one of @finished (or NULL), whose reference ends here: a worker that waits
 * keeps no listener open. Without the lock. */
static struct sluice_request *take(struct workers *w, struct listener *finished)
{
	struct sluice_request *req;

	pthread_mutex_lock(&w->lock);
	if (finished) {
		finish(w, finished);
		pthread_mutex_unlock(&w->lock);
		sc_core_listener_unref(finished);
		pthread_mutex_lock(&w->lock);
	}
	while (!w->queue.first && !w->stop)
		pthread_cond_wait(&w->ready, &w->lock);
	req = w->queue.first;
	if (req)
		take_out(req);
	pthread_mutex_unlock(&w->lock);
	return req;
}

/* The data has been used, or will not be; so has the queue's reference. Without the lock. */
static void done(struct sluice_request *req, void (*release)(void *), void *data)
{
	if (release)
		release(data);
	sc_core_request_unref(req);
}

/* @req has its verdict: if it still waits for a worker it waits no longer, so that the queues have
 * nothing but what is pending. */
void sc_core_unqueue(struct sluice_request *req)
{
	struct workers *w = &req->sv->workers;
	bool queued;

	pthread_mutex_lock(&w->lock);
	queued = req->queued;
	if (req->queued == &w->queue) {
		take_out(req);
		finish(w, req->listener);
	} else if (queued) {
		end_waiting(w, req);
	}
	pthread_mutex_unlock(&w->lock);
	if (queued)
		done(req, req->work_release, req->work_data);
}

/* Without the lock. */
static void *work(void *data)
{
	struct sluice_supervisor *sv = data;
	struct sluice_request *req = take(&sv->workers, NULL);

	while (req) {
		/* The handler may queue it again, with other data. */
		void (*release)(void *) = req->work_release;
		struct listener *listener = req->listener;
		void *given = req->work_data;

		sc_core_listener_ref(listener);
		/* While it queued, its time may have come or the supervisor gone. */
		if (sc_core_settled(req) == R_OPEN)
			sc_core_decide(req, req->work, given);
		done(req, release, given);
		req = take(&sv->workers, listener);
	}
	return NULL;
}

/* As many threads as have a right to one, and this one. One that cannot be had is no error while
 * there is another. */
static int need_thread(struct sluice_supervisor *sv)
{
	struct workers *w = &sv->workers;
	int rc;

	if (w->working < w->count)
		return 0;
	if (w->count == w->room) {
		unsigned room = w->room ? w->room * 2 : w->limit;
		pthread_t *threads = realloc(w->threads, room * sizeof(*threads));

		if (!threads)
			return w->count ? 0 : -ENOMEM;
		w->threads = threads;
		w->room = room;
	}
	rc = sc_sluice_thread(&w->threads[w->count], work, sv);
	if (!rc)
		w->count++;
	return w->count ? 0 : rc;
}

/* Whether @req has its verdict, so that sc_core_unqueue() may have been before us. */
static bool is_over(struct sluice_request *req)
{
	int state = atomic_load(&req->state);

	return state != R_OPEN && state != R_OFFERED;
}

int sluice_work_owned(struct sluice_request *request, sluice_handler handler, void *data,
	void (*release)(void *data))
{
	struct workers *w = &request->sv->workers;
	bool may;
	int rc;

	pthread_mutex_lock(&w->lock);
	may = may_work(w, request->listener);
	rc = w->stop ? -ESHUTDOWN : may ? need_thread(request->sv) : 0;
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
	if (is_over(request)) {
		pthread_mutex_unlock(&w->lock);
		done(request, release, data);
		return 0;
	}
	if (may)
		give_right(w, request);
	else
		start_waiting(w, request);
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
	promote(w); /* all of them, to be let go */
	pthread_cond_broadcast(&w->ready);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->count; i++)
		pthread_join(w->threads[i], NULL);
}
