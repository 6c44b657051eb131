/* The life of a request: a slot of the journal, references, exactly one claim.
 * SPDX-License-Identifier: MIT
 *
 * Whoever moves the state out of R_OPEN sends the verdict: the handler, a worker, the clock
 * that found it late, a hand-over. Memory is counted apart from that: the frame that runs
 * the handler holds a reference, and so does who deferred it. */
#include "core/core.h"

bool sc_core_is_32bit(uint32_t arch)
{
	return !(arch & 0x80000000u); /* __AUDIT_ARCH_64BIT */
}

static void reset(struct sluice_request *req, struct sluice_supervisor *sv,
	struct listener *listener)
{
	memset(req, 0, offsetof(struct sluice_request, notif));
	req->name[0] = req->name[sizeof(req->name) - 1] = '\0';
	req->sv = sv;
	req->listener = listener;
	atomic_init(&req->state, R_RECEIVING);
	atomic_init(&req->refs, 2); /* the loop's, the list's */
}

/* The request that the loop kept becomes one of @listener. The other one is still in the list of
 * all, so this reference is not its last. */
static void aim(struct sluice_request *kept, struct listener *listener)
{
	if (!kept || kept->listener == listener)
		return;
	sc_core_listener_ref(listener);
	sc_core_listener_unref(kept->listener);
	kept->listener = listener;
}

/* One that has ended, or a new one, with its references; NULL: no memory. Under the lock. */
static struct sluice_request *get(struct sluice_supervisor *sv, struct listener *listener)
{
	struct sluice_request *req = steal_ptr(sv->loop.kept);

	if (req)
		return req;
	req = sv->requests.spare;
	if (req)
		sv->requests.spare = req->next;
	else
		req = malloc(sizeof(*req));
	if (req) {
		sc_core_listener_ref(listener);
		atomic_fetch_add_explicit(&sv->refs, 1, memory_order_relaxed);
	}
	return req;
}

/* Under sv->lock: as outstanding. */
static void list(struct sluice_request *req)
{
	struct requests *all = &req->sv->requests;

	req->next = all->first;
	if (req->next)
		req->next->prev = req;
	all->first = req;
}

static void unlist(struct sluice_request *req)
{
	struct sluice_supervisor *sv = req->sv;

	if (req->prev)
		req->prev->next = req->next;
	else
		sv->requests.first = req->next;
	if (req->next)
		req->next->prev = req->prev;
	req->prev = req->next = NULL;
}

/* A request with a free slot, not received yet; NULL if @listener is at its share (receiving from it
 * pauses then, set here so that no slot can come free unnoticed) or memory is out. Without @share:
 * whatever is free. */
struct sluice_request *sc_core_request_new(struct sluice_supervisor *sv,
	struct listener *listener, bool share)
{
	struct sluice_request *req;

	aim(sv->loop.kept, listener);
	pthread_mutex_lock(&sv->lock);
	if (share ? listener->pending >= sc_core_share(listener) : !sv->requests.free_count) {
		sv->listeners.paused = listener->paused = true;
		pthread_mutex_unlock(&sv->lock);
		return NULL;
	}
	req = get(sv, listener);
	if (!req) {
		/* Without a wake nothing would resume. */
		sv->listeners.paused = listener->paused = true;
		pthread_mutex_unlock(&sv->lock);
		sc_core_wake(sv);
		return NULL;
	}
	listener->pending++;
	reset(req, sv, listener);
	req->slot_number = sv->requests.free_slots[--sv->requests.free_count];
	req->slot = journal_slot(sv->journal, req->slot_number);
	list(req);
	pthread_mutex_unlock(&sv->lock);
	return req;
}

/* Under sv->lock. */
static void free_slot(struct sluice_request *req)
{
	struct requests *all = &req->sv->requests;

	atomic_store_explicit(&req->slot->state, S_FREE, memory_order_release);
	all->free_slots[all->free_count++] = req->slot_number;
	req->slot = NULL;
	req->listener->pending--;
}

/* Nothing was received. */
void sc_core_request_discard(struct sluice_request *req)
{
	pthread_mutex_lock(&req->sv->lock);
	unlist(req);
	free_slot(req);
	pthread_mutex_unlock(&req->sv->lock);
	atomic_store(&req->state, R_GONE);
	atomic_store(&req->refs, 1); /* nobody could claim it */
	sc_core_request_done(req);
}

/* It is listed already, so that this needs no lock: with R_OPEN everybody may have it. */
void sc_core_request_received(struct sluice_request *req, bool replayed)
{
	struct sluice_supervisor *sv = req->sv;

	req->notif = req->slot->notif;
	req->replayed = replayed;
	req->received_ns = sc_sluice_now();
	if (sv->set.timeout_ms && !replayed)
		req->deadline_ns = req->received_ns + sv->set.timeout_ms * 1000000ull;
	sc_core_count(&sv->count.received, 1);
	sc_core_count(&req->listener->received, 1);
	if (replayed)
		sc_core_count(&sv->count.replayed, 1);
	atomic_store_explicit(&req->state, R_OPEN, memory_order_release);
}

int sc_core_id_valid(const struct sluice_request *req)
{
	return sc_sluice_valid(req->listener->source.fd, req->notif.id);
}

int sluice_alive(struct sluice_request *request)
{
	int state = atomic_load(&request->state);

	if (state != R_OPEN && state != R_OFFERED) /* undecided: it may still be ours */
		return -ENOENT;
	return sc_core_id_valid(request);
}

/* The state once no hand-over is deciding about it. */
int sc_core_settled(struct sluice_request *req)
{
	struct sluice_supervisor *sv = req->sv;
	int state = atomic_load(&req->state);

	if (state != R_OFFERED)
		return state;
	pthread_mutex_lock(&sv->lock);
	while ((state = atomic_load(&req->state)) == R_OFFERED)
		pthread_cond_wait(&sv->settled, &sv->lock);
	pthread_mutex_unlock(&sv->lock);
	return state;
}

bool sc_core_claim_wait(struct sluice_request *req)
{
	while (!sc_core_claim(req, R_ANSWERED))
		if (sc_core_settled(req) != R_OPEN)
			return false;
	return true;
}

/* The kernel has (or wants) no answer any more: logged, counted, the slot free. The caller
 * has a reference of its own. */
void sc_core_end(struct sluice_request *req, const struct ending *e)
{
	struct sluice_supervisor *sv = req->sv;
	uint64_t ns = sc_sluice_now() - req->received_ns;
	bool resume;

	atomic_store_explicit(&req->sent, true, memory_order_release);
	if (atomic_load_explicit(&sv->log, memory_order_acquire))
		sc_core_log(req, e, ns);
	pthread_mutex_lock(&sv->lock);
	sc_core_count(e->rc ? &sv->count.gone : e->counter, 1);
	if (!e->rc)
		sc_core_count_latency(&sv->count, ns);
	req->listener->answered += !e->rc;
	unlist(req);
	sc_core_count(&sv->count.over, 1);
	free_slot(req);
	resume = sv->listeners.paused;
	pthread_mutex_unlock(&sv->lock);
	if (resume)
		sc_core_wake(sv);
	sc_core_request_unref(req);
}

/* Somebody else's by now: the slot stays as it is, for the successor. */
void sc_core_disown(struct sluice_request *req)
{
	pthread_mutex_lock(&req->sv->lock);
	unlist(req);
	sc_core_count(&req->sv->count.over, 1);
	req->slot = NULL;
	req->listener->pending--;
	pthread_mutex_unlock(&req->sv->lock);
	sc_core_request_unref(req);
}

/* AddressSanitizer is to see who uses a request after its verdict. */
#if defined(__SANITIZE_ADDRESS__)
#define SEEN_BY_ASAN true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SEEN_BY_ASAN true
#endif
#endif
#ifndef SEEN_BY_ASAN
#define SEEN_BY_ASAN false
#endif

/* A holder that gives a second verdict is to hear -EALREADY and not to answer another target's
 * call: what somebody held is used again only after this many others that were held. */
#define RESTING 4096u

/* Under the lock. The one to use again in its place, or NULL. */
static struct sluice_request *rest(struct requests *all, struct sluice_request *req)
{
	struct sluice_request *oldest = all->resting;

	req->next = NULL;
	*all->resting_tail = req;
	all->resting_tail = &req->next;
	if (all->resting_count < RESTING) {
		all->resting_count++;
		return NULL;
	}
	all->resting = oldest->next;
	return oldest;
}

static void recycle(struct sluice_supervisor *sv, struct sluice_request *req)
{
	pthread_mutex_lock(&sv->lock);
	if (atomic_load(&req->custody))
		req = rest(&sv->requests, req);
	if (req) {
		req->next = sv->requests.spare;
		sv->requests.spare = req;
	}
	pthread_mutex_unlock(&sv->lock);
}

/* Whether this reference was the last. What the request had of its target is gone then. */
static bool unref(struct sluice_request *req)
{
	if (atomic_fetch_sub(&req->refs, 1) != 1)
		return false;
	if (req->view)
		req->view->destroy(steal_ptr(req->view));
	free(atomic_load_explicit(&req->unpacked, memory_order_acquire));
	atomic_store_explicit(&req->unpacked, NULL, memory_order_relaxed);
	return true;
}

static void let_go(struct sluice_request *req)
{
	struct sluice_supervisor *sv = req->sv;

	sc_core_listener_unref(req->listener);
	if (SEEN_BY_ASAN)
		free(req);
	else
		recycle(sv, req);
	sc_core_unref(sv);
}

void sc_core_request_unref(struct sluice_request *req)
{
	if (unref(req))
		let_go(req);
}

/* The loop's reference ends. What nobody else held it keeps, with the references to listener and
 * supervisor: the next request needs the same. But a listener that left the loop is to close. */
void sc_core_request_done(struct sluice_request *req)
{
	if (!unref(req))
		return;
	if (SEEN_BY_ASAN || atomic_load(&req->custody) || !req->listener->source.ready)
		let_go(req);
	else
		req->sv->loop.kept = req;
}

/* Before @listener (NULL: any) goes. In the loop's thread. */
void sc_core_request_drop_kept(struct sluice_supervisor *sv, const struct listener *listener)
{
	if (sv->loop.kept && (!listener || sv->loop.kept->listener == listener))
		let_go(steal_ptr(sv->loop.kept));
}

/* The handler left @req with this frame. If a verdict came from elsewhere, no callback may run
 * any more with what the handler had on its stack. */
static void decide_undecided(struct sluice_request *req, const char *why)
{
	if (atomic_load(&req->state) != R_ANSWERED && sc_core_claim_wait(req))
		sc_core_default(req, R_ANSWERED, why);
	if (!req->cancel)
		return;
	pthread_mutex_lock(&req->sv->lock);
	sc_core_consume(req);
	pthread_mutex_unlock(&req->sv->lock);
}

/* What a handler leaves undecided is refused. So is what a failed one had given away: its holder is
 * told, and has the reference. @custody was before. Returns @rc. */
int sc_core_after(struct sluice_request *req, unsigned custody, bool handled, int rc)
{
	const char *why = !handled ? "no handler" : rc < 0 ? "handler failed" : "no verdict";

	if (atomic_load(&req->custody) == custody) {
		decide_undecided(req, why);
	} else if (rc < 0 && sc_core_claim_wait(req)) {
		sc_core_default(req, R_ANSWERED, why);
		sc_core_unqueue(req);
		sc_core_push_cancelled(req);
		sc_core_wake(req->sv);
	}
	return rc;
}

struct sluice_request *sluice_defer(struct sluice_request *request)
{
	if (atomic_exchange(&request->deferred, true))
		return request;
	atomic_fetch_add_explicit(&request->refs, 1, memory_order_relaxed);
	atomic_fetch_add(&request->custody, 1);
	return request;
}

uint64_t sluice_id(const struct sluice_request *request)
{
	return request->notif.id;
}

uint32_t sluice_arch(const struct sluice_request *request)
{
	/* x32 comes as x86_64 with a bit in the number. */
	if (request->notif.data.arch == SCMP_ARCH_X86_64 &&
		(request->notif.data.nr & 0x40000000) && request->notif.data.nr != -1)
		return SCMP_ARCH_X32;
	return request->notif.data.arch;
}

int sluice_nr(const struct sluice_request *request)
{
	return request->notif.data.nr;
}

unsigned sluice_listener(const struct sluice_request *request)
{
	return request->listener->id;
}

void *sluice_tag(const struct sluice_request *request)
{
	return request->listener->tag;
}

uint64_t sluice_arg(const struct sluice_request *request, unsigned i)
{
	const struct unpacked *unpacked =
		atomic_load_explicit(&request->unpacked, memory_order_acquire);

	if (i > 5)
		return 0;
	if (unpacked)
		return unpacked->args[i];
	if (sc_core_is_32bit(request->notif.data.arch))
		return (uint32_t)request->notif.data.args[i];
	return request->notif.data.args[i];
}

int sluice_arg_int(const struct sluice_request *request, unsigned i)
{
	return (int)(uint32_t)sluice_arg(request, i);
}

bool sluice_replayed(const struct sluice_request *request)
{
	return request->replayed;
}

pid_t sluice_tid(const struct sluice_request *request)
{
	return (pid_t)request->notif.pid;
}

const char *sluice_name(struct sluice_request *request)
{
	const struct unpacked *unpacked =
		atomic_load_explicit(&request->unpacked, memory_order_acquire);

	if (unpacked)
		return unpacked->name;
	if (!request->name[0]) {
		_cleanup_free_ char *name = seccomp_syscall_resolve_num_arch(
			sluice_arch(request), request->notif.data.nr);

		strncpy(request->name, name ? name : "?", sizeof(request->name) - 1);
	}
	return request->name;
}
