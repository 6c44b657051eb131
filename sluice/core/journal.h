/* The journal: what a supervisor has received and not yet answered, in shared memory that
 * outlives it.
 * SPDX-License-Identifier: MIT
 *
 * The kernel lists no received ids, and a supervisor can be killed at any instruction. So
 * SECCOMP_IOCTL_NOTIF_RECV writes straight into a slot here: the call is received exactly when
 * its slot is filled (a failed copy gives the call back). One word, the baton, says
 * who answers; it changes hands by compare-and-exchange only. */
#ifndef SLUICE_JOURNAL_H
#define SLUICE_JOURNAL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/seccomp.h>

#define JOURNAL_MAGIC   0x534c5543u
#define JOURNAL_VERSION 3u
#define JOURNAL_HEAD    4096u /* bytes before the first slot: slots do not share its page */
#define MAX_KEPT        1024u /* listeners that a keeper can hold: it never allocates */
#define MAX_SPARE       512u  /* and sockets of OCI servers, and what came over them last */

/* The owner of the listeners, in the low byte of the baton. */
enum baton {
	B_EMBRYO,       /* a successor in the making; its predecessor's baton decides */
	B_SUPERVISOR,
	B_HANDING,      /* offered to a successor; above it which offer it is */
	B_KEEPER,
	B_TAKEN,        /* a successor has everything: whoever reads this leaves */
};

enum { S_FREE, S_USED };

struct slot {
	_Atomic uint32_t state;
	uint32_t listener;      /* its id */
	uint64_t serial;        /* the order of receiving */
	struct seccomp_notif notif; /* the kernel's may be longer: see stride */
};

struct settings {
	int32_t default_errno;
	uint32_t timeout_ms, workers, max_pending, grace_ms;
	uint32_t keeper, forbid_continue;
	char keeper_path[108];
};

struct journal {
	uint32_t magic, version;
	uint32_t stride, count; /* bytes a slot; slots */
	_Atomic uint32_t baton;
	uint32_t listeners;     /* the next listener's id */
	uint32_t offers;        /* made so far, by whoever has the baton */
	uint64_t serial;
	struct settings set;
};

static inline struct slot *journal_slot(const struct journal *journal, uint32_t i)
{
	return (struct slot *)(uintptr_t)((const char *)journal + JOURNAL_HEAD +
					   (size_t)i * journal->stride);
}

static inline int journal_pass(struct journal *journal, uint32_t from, uint32_t to)
{
	return atomic_compare_exchange_strong(&journal->baton, &from, to);
}

/* Offers what the baton stands for; the word that takes it. An offer that was taken back has
 * another one: who still holds that knows of fewer listeners and calls than there are. */
static inline uint32_t journal_offer(struct journal *journal)
{
	uint32_t word = B_HANDING | ++journal->offers << 8;

	atomic_store(&journal->baton, word);
	return word;
}

/* What is said over a hand-over socket and to the keeper: a head with up to 32 listeners (or
 * sockets of OCI servers), whose descriptors travel along; the first of a hand-over carries the
 * journal's too. M_ACCEPT asks the keeper to accept a connection and keep it before anybody
 * else has it; M_ACCEPTED brings a duplicate, or none if there was nothing to accept. */
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
	M_END_OCI
};
enum { K_LISTENER, K_SERVER, K_CONNECTION };
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

#endif
