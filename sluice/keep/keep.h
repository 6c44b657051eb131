/* The keeper: a process with a copy of every listener, for the time after a kill. Sees the core.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_KEEP_H
#define SLUICE_KEEP_H

#include "core/core.h"

/* What is said over a hand-over socket and to the keeper: a head with up to 32 listeners (or
 * sockets of OCI servers), whose descriptors travel along; the first of a hand-over carries the
 * journal's too. M_ACCEPT asks the keeper to accept a connection and keep it before anybody
 * else has it; M_ACCEPTED brings a duplicate, or none if there was nothing to accept. M_PASS brings the
 * keeper's end of the pass: who holds the other end sends it the socket of a successor. */
#define MESSAGE_FDS 32
enum {
	M_ADD = 1,
	M_DROP,
	M_MARK,
	M_GUARD,
	M_LEAVE,
	M_JOURNAL,
	M_LISTENERS,
	M_ACCEPT,
	M_ACCEPTED,
	M_END_OCI,
	M_PASS
};
enum { K_LISTENER, K_SERVER, K_CONNECTION };
/* Messages of a connection with descriptors that are no new listeners; runtimes send none. To close them
 * takes processes, forked from all that we have. */
#define MAX_STRANGE 2
struct kept {
	uint32_t id;            /* among those of its kind */
	uint32_t deny : 1;      /* a connection: its document's beginning is lost */
	uint32_t wait_killable : 1;
	uint32_t kind : 2;
	uint32_t nothing : 28;  /* so that all of it is said */
};
struct message {
	uint32_t magic, kind, total, count;
	uint32_t offer; /* of M_JOURNAL: the word that takes the baton */
	struct kept kept[MESSAGE_FDS];
};

/* A socket, for those who go through all of them; begins as {0}. */
struct kept_socket {
	struct kept kept;
	int fd;
	void *server, *connection;
};

/* Who has sockets to keep (oci/). */
struct keep_hooks {
	bool (*next)(struct sluice_supervisor *sv, struct kept_socket *at);
	void (*accepted)(struct sluice_supervisor *sv, int fd);
};

/* ---- keeper.c: the supervisor's side ---- */

int sc_keep_begin(struct sluice_supervisor *sv, struct journal *predecessor,
	const struct keep_hooks *hooks);
bool sc_keep_on(const struct sluice_supervisor *sv);
bool sc_keep_next(struct sluice_supervisor *sv, struct kept_socket *at);
bool sc_keep_reachable(const struct sluice_supervisor *sv);
int sc_keep_hold(struct sluice_supervisor *sv, const struct kept *kept, int fd);
void sc_keep_mark(struct sluice_supervisor *sv, const struct kept *kept);
void sc_keep_drop(struct sluice_supervisor *sv, uint32_t kind, uint32_t id);
int sc_keep_accept(struct sluice_supervisor *sv, uint32_t server, uint32_t connection);
int sc_keep_answer(struct sluice_supervisor *sv);
void sc_keep_leave(struct sluice_supervisor *sv, bool guard);
void sc_keep_succeeded(struct sluice_supervisor *sv);

/* ---- message.c; bare ---- */

int sc_keep_send(int socket, const struct message *m, const int *fds, int count);
int sc_keep_recv(int socket, struct message *m, int *fds, int *count);
int sc_keep_offer(int socket, uint32_t offer, int journal_fd, const struct kept *kept,
	const int *fds, uint32_t count);

/* ---- main.c: in the keeper's process; no libc state may be relied on there ---- */

struct keeper_job {
	struct journal *journal, *predecessor;
	int socket, journal_fd, supervisor_pidfd, door, proc_fd;
	struct place_id made;   /* the door's file, under the name of the start */
	char path[108];         /* where successors find it; the journal's copy is shared memory */
};
void sc_keep_main(const struct keeper_job *job) __attribute__((noreturn));

/* ---- peer.c: in the keeper ---- */

struct ucred;
int sc_keep_peer(int socket, struct ucred *peer);
bool sc_keep_peer_may(int proc, const struct ucred *peer, int pidfd);

#endif
