/* What the files of the supervisor share.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_INTERNAL_H
#define SLUICE_INTERNAL_H

#include "sluice.h"
#include "core/journal.h"
#include "util/uapi.h"
#include "util/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>

/* Something the loop waits for; embedded first in what it belongs to. Freed only between
 * rounds, because one epoll_wait() may have reported it twice. */
struct source {
	int fd;
	void (*ready)(struct sluice_supervisor *sv, struct source *source, uint32_t events);
	void (*destroy)(struct source *source);
	struct source *next_dead;
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
};

/* Who ended a request; the first to leave R_OPEN sends the one verdict. R_HANDING: a
 * hand-over decides between R_OPEN and R_HANDED; verdicts wait for it. */
enum { R_OPEN, R_ANSWERED, R_TIMED_OUT, R_GONE, R_HANDED, R_HANDING };

struct target {
	struct source source;   /* the pidfd: readable at death */
	struct target *next;
	pid_t tid, tgid;
	bool thread;            /* the pidfd is the thread's, not the process' */
	bool dead;
	atomic_int refs;
};

/* What a multiplexed call carries. */
struct unpacked {
	const char *name;
	uint64_t args[6];
};

struct sluice_request {
	struct sluice_supervisor *sv;
	struct listener *listener;
	struct slot *slot;
	struct sluice_request *prev, *next;   /* outstanding, under sv->lock */
	struct sluice_request *next_queued;   /* a worker's queue, or to be replayed */
	struct sluice_request *next_cancelled;
	struct seccomp_notif notif;
	uint64_t serial;                      /* the order of receiving, for a replay */
	uint64_t received_ns, deadline_ns;    /* CLOCK_MONOTONIC; 0: none */
	atomic_int state;
	atomic_int refs;
	atomic_uint custody;    /* counts hand-offs: a frame sees whether it still decides */
	bool kept;              /* the holder has a reference (sluice_defer) */
	bool consumed;          /* under sv->lock: no cancel callback any more */
	bool saw_pointer;
	bool replayed;
	int root_fd, cwd_fd, mem_fd;
	struct target *target;
	sluice_handler work;
	void *work_data;
	void (*cancel)(struct sluice_request *, void *);
	void *cancel_data;
	_Atomic(struct unpacked *) unpacked; /* NULL: the call is as it came */
	char name[48];
};

struct handler {
	uint32_t arch;
	int nr;
	sluice_handler call;    /* NULL: empty */
	void *data;
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
	unsigned count, limit, idle, queued;
	struct sluice_request *first, *last;
	bool stop;
};

struct clock {
	pthread_t thread;
	pthread_cond_t wake;    /* with sv->lock */
	bool running, stop;
};

struct targets {
	pthread_mutex_t lock;
	struct target *buckets[256];
	unsigned count;
};

/* Changed under sv->lock, read without; the first two by anyone. */
struct counters {
	atomic_ullong descriptors, lost_receive;
	atomic_ullong received, replied, failed, continued, defaulted, timed_out, gone, replayed,
		latency_sum, latency_max, latency[40];
};

struct sluice_supervisor {
	struct settings set;
	int epoll_fd;
	int proc_fd;            /* a procfs of our pid namespace, or -errno */
	bool proc_private;      /* a mount of our own, that nobody can mount on */
	atomic_int refs;        /* the owner's and one a living request */
	_Atomic(sluice_log) log;           /* changed under the lock */
	void *log_data;
	pthread_mutex_t lock;
	pthread_cond_t handed_or_not;
	struct journal *journal;
	struct journal *predecessor; /* mapped while taking over */
	int journal_fd;
	uint32_t *free_slots;
	unsigned free_count;
	atomic_uint outstanding_count;     /* changed under the lock */
	struct sluice_request *outstanding;
	struct sluice_request *spare;      /* recycled requests */
	_Atomic(struct sluice_request *) hot; /* the one that ended last, without the lock */
	struct sluice_request *cancelled;
	struct sluice_request *cancelling; /* whose callback runs, in this thread: */
	pthread_t canceller;
	struct sluice_request *replay;     /* from the predecessor, oldest first */
	struct listener *listeners;
	struct listener **listeners_tail;
	_Atomic(struct source *) dead;     /* changed under the lock */
	struct server *oci;
	uint32_t next_oci;      /* ids of servers and connections, from 1 */
	struct server *asking;  /* has the keeper accept */
	unsigned connections;   /* of all servers */
	struct source wake;     /* eventfd: a slot came free, something was cancelled */
	uint32_t next_listener;
	unsigned active, servers;
	atomic_uint watched;    /* sources in the epoll set, wake included */
	atomic_bool cancels;    /* somebody once asked to hear of cancelled requests */
	bool receive_ends;      /* RECV returns when the last target has ended (6.11) */
	bool streak;            /* the last round received a request */
	struct opening *openings; /* under the lock */
	bool openings_stopped;  /* nobody dispatches any more; under the lock */
	bool paused, dispatching, handed, freeing;
	bool twins;             /* one listener may be here twice: look before each RECV */
	struct handlers handlers;
	struct workers workers;
	struct clock clock;
	struct targets targets;
	struct counters count;
	bool keeper;
	struct source keeper_source; /* the socket to it; hangs up if it dies */
	int keeper_door;        /* where successors connect; only until it runs */
};

/* error.c */
int sc_sluice_error(struct sluice_error *error, int rc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
uint64_t sc_sluice_now(void);

/* loop.c */
int sc_sluice_watch(struct sluice_supervisor *sv, struct source *source, uint32_t events);
void sc_sluice_unwatch(struct sluice_supervisor *sv, struct source *source);
void sc_sluice_bury(struct sluice_supervisor *sv, struct source *source);
void sc_sluice_wake(struct sluice_supervisor *sv);

/* listener.c */
int sc_sluice_add_listener(struct sluice_supervisor *sv, int fd, void *tag, bool deny,
	bool wait_killable);
int sc_sluice_hold_listener(struct sluice_supervisor *sv, int fd, uint32_t holder);
void sc_sluice_release_listener(struct listener *listener, bool deny, void *tag);
struct listener *sc_sluice_same_listener(struct sluice_supervisor *sv, int fd);
void sc_sluice_listener_ref(struct listener *listener);
void sc_sluice_listener_unref(struct listener *listener);
void sc_sluice_drop_listener(struct sluice_supervisor *sv, struct listener *listener);
void sc_sluice_pause(struct sluice_supervisor *sv, bool paused);
int sc_sluice_receive(struct sluice_supervisor *sv, struct listener *listener);
int sc_sluice_notif_sizes(struct seccomp_notif_sizes *sizes);

/* request.c: the life of a request */
struct sluice_request *sc_sluice_request_new(struct sluice_supervisor *sv,
	struct listener *listener);
void sc_sluice_request_discard(struct sluice_request *req);
void sc_sluice_request_received(struct sluice_request *req, bool replayed);
void sc_sluice_request_unref(struct sluice_request *req);
bool sc_sluice_claim(struct sluice_request *req, int state);
int sc_sluice_settled(struct sluice_request *req);
bool sc_sluice_claim_wait(struct sluice_request *req);
void sc_sluice_leave(struct sluice_request *req);
struct ending;
void sc_sluice_end(struct sluice_request *req, const struct ending *e);
int sc_sluice_decide(struct sluice_request *req, sluice_handler handler, void *data);
int sc_sluice_sv_unref(struct sluice_supervisor *sv);
bool sc_sluice_is_32bit(uint32_t arch);

/* verdict.c */
int sc_sluice_send(int fd, uint64_t id, int64_t value, int error, uint32_t flags);
void sc_sluice_default(struct sluice_request *req, int state, const char *why);

/* target.c */
void sc_sluice_target_release(struct sluice_request *req);
void sc_sluice_targets_clear(struct sluice_supervisor *sv);
int sc_sluice_proc(struct sluice_request *req, const char *what, int flags);

/* memory.c */
int sc_sluice_id_valid(const struct sluice_request *req);
int sc_sluice_read_exact(struct sluice_request *req, uint64_t addr, void *buf, size_t size);

/* handlers.c */
const struct handler *sc_sluice_find(const struct handlers *h, uint32_t arch, int nr);
const struct handler *sc_sluice_find_call(const struct handlers *h,
	const struct seccomp_data *call);

/* unpack.c */
struct multiplexer {
	const char *name;
	sluice_handler unpack;
};
const struct multiplexer *sc_sluice_multiplexer(const char *name, int *pseudo);

/* worker.c, clock.c */
void sc_sluice_workers_stop(struct sluice_supervisor *sv);
int sc_sluice_clock_start(struct sluice_supervisor *sv);
void sc_sluice_clock_stop(struct sluice_supervisor *sv);
void sc_sluice_push_cancelled(struct sluice_request *req);
void sc_sluice_run_cancelled(struct sluice_supervisor *sv);
void sc_sluice_consume(struct sluice_request *req);
int sc_sluice_thread(pthread_t *thread, void *(*main)(void *), void *data);

/* log.c */
enum { V_REPLY, V_FAIL, V_CONTINUE, V_FD };
struct ending {
	atomic_ullong *counter; /* of what the verdict was, if it reached the target */
	int verdict, rc;
	int64_t value;
	const char *why;
};
void sc_sluice_count(atomic_ullong *counter, uint64_t n);
void sc_sluice_count_latency(struct counters *c, uint64_t ns);
void sc_sluice_log(struct sluice_request *req, const struct ending *e, uint64_t ns);

/* keeper.c, process.c */
int sc_sluice_keeper_start(struct sluice_supervisor *sv);
int sc_sluice_keeper_add(struct sluice_supervisor *sv, const struct listener *listener);
int sc_sluice_keeper_hold(struct sluice_supervisor *sv, const struct kept *kept, int fd);
void sc_sluice_keeper_mark(struct sluice_supervisor *sv, const struct kept *kept);
void sc_sluice_keeper_drop(struct sluice_supervisor *sv, uint32_t kind, uint32_t id);
int sc_sluice_keeper_accept(struct sluice_supervisor *sv, uint32_t server,
	uint32_t connection);
int sc_sluice_keeper_answer(struct sluice_supervisor *sv);
void sc_sluice_keeper_leave(struct sluice_supervisor *sv, bool guard);
void sc_sluice_keeper_publish(struct sluice_supervisor *sv);
pid_t sc_sluice_fork(int exit_signal);
pid_t sc_sluice_fork_pidfd(int *pidfd);
int sc_sluice_same_file(int a, int b);
bool sc_sluice_is_listener(int proc, int fd);

#define MAX_RIGHTS 253 /* descriptors beside one message; SCM_MAX_FD, no header tells */

/* keeper_main.c: in the keeper's process; no libc state may be relied on there */
struct keeper_job {
	struct journal *journal, *predecessor;
	int socket, journal_fd, supervisor_pidfd, door, proc_fd;
};
void sc_sluice_keeper_main(const struct keeper_job *job) __attribute__((noreturn));

/* keeper_peer.c: in the keeper */
struct ucred;
int sc_sluice_peer(int socket, struct ucred *peer);
bool sc_sluice_peer_may(int proc, const struct ucred *peer, int pidfd);

/* offer.c: usable in the keeper too */
int sc_sluice_send_message(int socket, const struct message *m, const int *fds, int count);
int sc_sluice_recv_message(int socket, struct message *m, int *fds, int *count);
int sc_sluice_offer(int socket, uint32_t offer, int journal_fd, const struct kept *kept,
	const int *fds, uint32_t count);

/* journal.c */
int sc_sluice_journal_new(const struct settings *set, int *fd, struct journal **journal);
void sc_sluice_journal_unmap(struct journal *journal);
int sc_sluice_journal_map(int fd, struct journal **journal);

/* oci.c */
struct held { /* a socket, for those who go through all of them; begins as {0} */
	struct kept kept;
	int fd;
	struct server *server;
	struct connection *connection;
};
bool sc_sluice_oci_next(struct sluice_supervisor *sv, struct held *at);
void sc_sluice_oci_stop(struct sluice_supervisor *sv);
void sc_sluice_oci_accepted(struct sluice_supervisor *sv, int fd);
int sc_sluice_oci_settle(struct sluice_supervisor *sv);
int sc_sluice_oci_inherit(struct sluice_supervisor *sv, const struct kept *kept, int fd);

/* supervisor.c */
int sc_sluice_new(const struct settings *set, struct journal *predecessor,
	struct sluice_supervisor **out);
void sc_sluice_abandon(struct sluice_supervisor *sv);

/* walk.c: where a path of the target leads */
struct place {
	int dir;                /* holds @last */
	int item;               /* what is there (O_PATH), or -1 */
	bool must_be_dir;       /* the path ended in a slash */
	char last[256];
};
enum { W_NO_FOLLOW = 1, W_NO_SYMLINKS = 2, W_NO_MAGIC = 4 };
int sc_sluice_walk(struct sluice_request *req, int start, const char *path, unsigned flags,
	struct place *out);
bool sc_sluice_on_proc(int fd);

/* proc.c: our procfs; the target as its own /proc names it */
void sc_sluice_proc_pin(struct sluice_supervisor *sv);
void sc_sluice_proc_unpin(struct sluice_supervisor *sv);
int sc_sluice_proc_open(const struct sluice_supervisor *sv, const char *path, int flags,
	unsigned mode);
struct own_pid {
	unsigned tgid, tid;     /* as that procfs numbers them */
	bool ours;              /* which is as ours does */
};
int sc_sluice_own_pid(struct sluice_request *req, int proc, struct own_pid *out);
bool sc_sluice_at_proc_root(int fd);
int sc_sluice_open_there(int dir, const char *name, uint64_t flags);

/* path.c */
bool sc_sluice_may_wait(int item, uint64_t flags);
int sc_sluice_place(struct sluice_request *req, int dirfd, const char *path,
	const struct open_how *how, struct place *place);
int sc_sluice_open(struct sluice_request *request, int dirfd, const char *path,
	const struct open_how *how, int *waits);
int sc_sluice_reopen(const struct sluice_supervisor *sv, int item, uint64_t flags,
	unsigned mode);

/* opening.c */
void sc_sluice_openings_stop(struct sluice_supervisor *sv);

/* target.c */
int sc_sluice_status(struct sluice_request *req, const char *field, unsigned *out, int n);

#endif
