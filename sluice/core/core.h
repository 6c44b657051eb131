/* The core: a loop over listeners, requests with exactly one verdict each, handlers, the clock and
 * workers. It knows no paths, keepers or containers: those rooms see it and are called through
 * the tables here.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_H
#define SLUICE_CORE_H

#include "core/journal.h"
#include "util/util.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>

struct listener;

/* Requests, by next_queued and prev_queued. */
struct queue {
	struct sluice_request *first, *last;
};

/* Something the loop waits for; embedded first in what it belongs to. Freed only between
 * rounds, because one epoll_wait() may have reported it twice. */
struct source {
	int fd;
	void (*ready)(struct sluice_supervisor *sv, struct source *source, uint32_t events);
	void (*destroy)(struct source *source);
	struct source *next_dead;
	struct source *next_door;
};

/* What a room above keeps with a request or a supervisor; ends with it. */
struct part {
	void (*destroy)(struct part *part);
};

/* Who keeps copies of the listeners (keep/). May be NULL, and each of them. */
struct listener_hooks {
	int (*added)(struct sluice_supervisor *sv, const struct listener *listener);
	void (*changed)(struct sluice_supervisor *sv, const struct listener *listener);
	void (*dropped)(struct sluice_supervisor *sv, const struct listener *listener);
};

struct listener {
	struct source source;
	struct sluice_supervisor *sv;
	struct listener *next;
	uint32_t id;            /* in the order of adding, from 0 */
	atomic_int refs;        /* one of the list, one of each request */
	void *tag;
	uint32_t holder;        /* the connection that brought it, until that is decided; 0 */
	bool deny;              /* refuse everything: a container nobody vouches for */
	bool wait_killable;
	/* Its share, so that one target takes nothing from another's; under sv->lock: */
	unsigned pending;       /* received and unanswered */
	unsigned limit;         /* of these, from sluice_limit_listener() */
	bool paused;            /* at its share: nothing is received */
	uint64_t answered;
	atomic_ullong received; /* the loop's */
	/* under the workers' lock: */
	unsigned working;       /* with a worker, or a right to one */
	unsigned waiting;       /* for one of the others to end */
	struct queue queue;     /* those */
	struct listener *next_waiting;
};

/* Who ended a request; the first to leave R_OPEN sends the one verdict. R_OFFERED: a
 * hand-over decides between R_OPEN and R_PASSED_ON; verdicts wait for it. R_RECEIVING: the loop
 * waits for it in the kernel, and nobody else looks at anything but its state. */
enum { R_OPEN, R_ANSWERED, R_TIMED_OUT, R_GONE, R_PASSED_ON, R_OFFERED, R_RECEIVING };

/* What a multiplexed call carries. */
struct unpacked {
	const char *name;
	uint64_t args[6];
};

struct sluice_request {
	struct sluice_supervisor *sv;
	struct listener *listener;
	struct slot *slot;
	uint32_t slot_number;
	struct sluice_request *prev, *next;   /* outstanding, under sv->lock */
	struct sluice_request *next_queued;   /* a worker's queue, or to be replayed */
	struct sluice_request *prev_queued;   /* with the next two under the workers' lock */
	struct queue *queued;                 /* where; NULL: nowhere */
	struct sluice_request *next_cancelled;
	uint64_t serial;                      /* the order of receiving, for a replay */
	uint64_t received_ns, deadline_ns;    /* CLOCK_MONOTONIC; 0: none */
	atomic_int state;
	atomic_int refs;
	atomic_uint custody;    /* counts hand-offs: a frame sees whether it still decides */
	atomic_bool deferred;   /* the holder has a reference (sluice_defer) */
	bool consumed;          /* under sv->lock: no cancel callback any more */
	atomic_bool sent;       /* the verdict is with the kernel, whatever that said */
	bool saw_pointer;
	bool replayed;
	struct part *view;      /* who asks: target/ */
	sluice_handler work;
	void *work_data;
	void (*work_release)(void *data);     /* or NULL */
	void (*cancel)(struct sluice_request *, void *);
	void *cancel_data;
	_Atomic(struct unpacked *) unpacked; /* NULL: the call is as it came */
	/* What is above begins as zero. */
	struct seccomp_notif notif;
	char name[48];
};

struct handler {
	uint32_t arch;
	int nr;
	sluice_handler call;    /* who serves it, the first there is of the three below; NULL: empty */
	void *data;
	sluice_handler own;     /* registered for this number, or this name */
	void *own_data;
	sluice_handler sibling; /* registered for a name that does the same */
	void *sibling_data;
	sluice_handler unpack;  /* of a multiplexer: what serves it when nobody else does */
};

struct handlers {
	struct handler *slots;  /* open addressing, a power of two */
	unsigned size, used;
	struct handler any;
};

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t ready;
	pthread_t *threads;
	unsigned count, room;   /* threads; places for them */
	unsigned limit;         /* of what has a right to one; a listener with none has one more */
	unsigned working;       /* with one, or a right to one */
	struct queue queue;     /* with a right to one */
	struct listener *waiting; /* with requests that have none yet, in turn */
	bool stop;
};

/* The thread that finds what is late, and the callbacks of what ended elsewhere. */
struct clock {
	pthread_t thread;
	pthread_cond_t wake;    /* with sv->lock */
	bool running, stop;
	struct sluice_request *cancelled;
	struct sluice_request *cancelling; /* whose callback runs, in this thread: */
	pthread_t canceller;
	atomic_bool cancels;    /* somebody once asked to hear of cancelled requests */
};

struct loop {
	int epoll_fd;
	struct source wake;     /* eventfd: a slot came free, something was cancelled */
	_Atomic(struct source *) dead; /* changed under sv->lock */
	atomic_uint watched;    /* sources in the epoll set, wake included */
	struct source *doors;   /* what may bring listeners: sluice_run() goes on for them, and a
				 * child does not keep them */
	bool receive_waits;     /* in sluice_dispatch(), too: the option of that name */
	bool receive_ends;      /* RECV returns when the last target has ended (6.11) */
	bool streak;            /* the last round received a request */
	bool dispatching;
	int error;              /* what a source could not do, for the caller to hear of once; or 0 */
	struct sluice_request *kept; /* what it received last, to be used again */
};

struct listeners {
	struct listener *first;
	struct listener **tail;
	uint32_t next_id;
	unsigned active;
	bool paused;            /* some are at their share; changed under sv->lock */
	sluice_listener_end ended; /* or NULL */
	void *ended_data;
	bool twins;             /* one listener may be here twice: look before each RECV */
	const struct listener_hooks *hooks;
};

/* Under sv->lock. */
struct requests {
	uint32_t *free_slots;
	unsigned free_count;
	struct sluice_request *first;     /* outstanding, and the one that the loop waits for */
	struct sluice_request *spare;     /* recycled */
	struct sluice_request *resting, **resting_tail; /* a holder may still name them */
	unsigned resting_count;
	struct sluice_request *replay;    /* from the predecessor, oldest first; the loop's */
};

/* Read without a lock. The first two are changed by anyone, the next two by the loop, and the others under
 * sv->lock. */
struct counters {
	atomic_ullong descriptors, lost_receive;
	atomic_ullong received, replayed;
	atomic_ullong replied, failed, continued, defaulted, timed_out, gone, latency_sum, latency_max,
		latency[40];
	atomic_ullong over; /* no longer outstanding */
};

enum { ROOM_TARGET, ROOM_PATH, ROOM_KEEP, ROOM_OCI, ROOMS };

struct sluice_supervisor {
	struct settings set;
	atomic_int refs;        /* the owner's and one a living request */
	pthread_mutex_t lock;
	pthread_cond_t settled; /* a hand-over, or a cancel callback, is through */
	_Atomic(sluice_log) log;           /* changed under the lock */
	void *log_data;
	struct journal *journal;
	int journal_fd;
	struct procfs proc;
	struct loop loop;
	struct listeners listeners;
	struct requests requests;
	struct handlers handlers;
	struct workers workers;
	struct clock clock;
	struct counters count;
	bool passed_on;         /* everything is a successor's, or never was ours */
	bool ending;
	struct part *rooms[ROOMS]; /* what those above keep; end with the supervisor */
};

/* ---- core.c: the frame ---- */

int sc_core_new(const struct settings *set, bool embryo, struct sluice_supervisor **out);
void sc_core_answer_all(struct sluice_supervisor *sv, const struct listener *listener,
	const char *why);
void sc_core_stop(struct sluice_supervisor *sv);
void sc_core_close(struct sluice_supervisor *sv);
void sc_core_unref(struct sluice_supervisor *sv);

/* ---- loop.c ---- */

int sc_core_watch(struct sluice_supervisor *sv, struct source *source, uint32_t events);
void sc_core_unwatch(struct sluice_supervisor *sv, struct source *source);
void sc_core_rearm(struct sluice_supervisor *sv, struct source *source, uint32_t events);
void sc_core_bury(struct sluice_supervisor *sv, struct source *source);
void sc_core_wake(struct sluice_supervisor *sv);

/* ---- listener.c ---- */

int sc_core_add_listener(struct sluice_supervisor *sv, int fd, void *tag, bool deny,
	bool wait_killable);
int sc_core_park_listener(struct sluice_supervisor *sv, int fd, uint32_t holder);
void sc_core_admit_listener(struct listener *listener, bool deny, void *tag);
struct listener *sc_core_same_listener(struct sluice_supervisor *sv, int fd);
unsigned sc_core_share(const struct listener *listener);
void sc_core_listener_ref(struct listener *listener);
void sc_core_listener_unref(struct listener *listener);
void sc_core_drop_listener(struct sluice_supervisor *sv, struct listener *listener);
void sc_core_pause(struct listener *listener);
void sc_core_resume(struct sluice_supervisor *sv);
int sc_core_receive(struct sluice_supervisor *sv, struct listener *listener);

/* ---- request.c: the life of a request ---- */

struct sluice_request *sc_core_request_new(struct sluice_supervisor *sv,
	struct listener *listener, bool share);
void sc_core_request_discard(struct sluice_request *req);
void sc_core_request_received(struct sluice_request *req, bool replayed);
void sc_core_request_unref(struct sluice_request *req);
void sc_core_request_done(struct sluice_request *req);
void sc_core_request_drop_kept(struct sluice_supervisor *sv, const struct listener *listener);

/* How many are received and neither answered nor somebody else's. */
static inline uint64_t sc_core_pending(const struct sluice_supervisor *sv)
{
	uint64_t over = atomic_load_explicit(&sv->count.over, memory_order_acquire);

	return atomic_load_explicit(&sv->count.received, memory_order_relaxed) - over;
}

/* True if the caller is the one to send the verdict. */
static inline bool sc_core_claim(struct sluice_request *req, int state)
{
	int open = R_OPEN;

	return atomic_compare_exchange_strong(&req->state, &open, state);
}

int sc_core_settled(struct sluice_request *req);
bool sc_core_claim_wait(struct sluice_request *req);
void sc_core_disown(struct sluice_request *req);
struct ending;
void sc_core_end(struct sluice_request *req, const struct ending *e);
int sc_core_after(struct sluice_request *req, unsigned custody, bool handled, int rc);
bool sc_core_is_32bit(uint32_t arch);
int sc_core_id_valid(const struct sluice_request *req);

/* Run a handler in this frame. In place: the kernel makes the processor forget where functions return to when it
 * switches to the target and back, so that each return after a verdict costs. */
static inline int sc_core_decide(struct sluice_request *req, sluice_handler handler, void *data)
{
	unsigned custody = atomic_load(&req->custody);
	int rc = handler ? handler(req, data) : 0;

	if (atomic_load(&req->state) == R_ANSWERED && atomic_load(&req->custody) == custody &&
		!req->cancel)
		return rc;
	return sc_core_after(req, custody, handler != NULL, rc);
}

/* ---- replay.c: between two supervisors ---- */

void sc_core_suspend(struct sluice_supervisor *sv);
void sc_core_resolve(struct sluice_supervisor *sv, int state);
void sc_core_disown_all(struct sluice_supervisor *sv);
int sc_core_replay(struct sluice_supervisor *sv, const struct slot *slot, bool same_pids);
void sc_core_begin_replay(struct sluice_supervisor *sv);
int sc_core_replay_one(struct sluice_supervisor *sv);
void sc_core_drop_replay(struct sluice_supervisor *sv);

/* ---- verdict.c ---- */

void sc_core_default(struct sluice_request *req, int state, const char *why);

/* ---- handlers.c ---- */

const struct handler *sc_core_find(const struct handlers *h, uint32_t arch, int nr);
const struct handler *sc_core_find_call(const struct handlers *h,
	const struct seccomp_data *call);
int sc_core_on(struct handlers *h, uint32_t arch, int nr, bool sibling, sluice_handler handler,
	void *data);
int sc_core_on_packed(struct handlers *h, uint32_t arch, int nr, sluice_handler unpack);

/* ---- worker.c, clock.c ---- */

void sc_core_unqueue(struct sluice_request *req);
void sc_core_workers_stop(struct sluice_supervisor *sv);
int sc_core_clock_start(struct sluice_supervisor *sv);
void sc_core_clock_stop(struct sluice_supervisor *sv);
void sc_core_push_cancelled(struct sluice_request *req);
void sc_core_run_cancelled(struct sluice_supervisor *sv);
void sc_core_consume(struct sluice_request *req);

/* ---- log.c ---- */

enum { V_REPLY, V_FAIL, V_CONTINUE, V_FD };
struct ending {
	atomic_ullong *counter; /* of what the verdict was, if it reached the target */
	int verdict, rc;
	int64_t value;
	const char *why;
};
/* By one thread at a time, as struct counters says, which spares the bus lock of an addition; readers
 * take no lock. */
static inline void sc_core_count(atomic_ullong *counter, uint64_t n)
{
	atomic_store_explicit(counter,
		atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

void sc_core_count_latency(struct counters *c, uint64_t ns);
void sc_core_log(struct sluice_request *req, const struct ending *e, uint64_t ns);

/* ---- journal.c ---- */

int sc_core_journal_new(const struct settings *set, int *fd, struct journal **journal);
void sc_core_journal_unmap(struct journal *journal);
/* Whoever has a journal can write to it at any time: only its baton and its slots are read where they
 * are, and what was checked is in @head. */
int sc_core_journal_map(int fd, struct journal *head, struct journal **journal);
void sc_core_journal_leave(struct journal *journal, const struct journal *head);

#endif
