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
#define JOURNAL_VERSION 4u
#define JOURNAL_HEAD    4096u /* bytes before the first slot: slots do not share its page */
#define MAX_KEPT        1024u /* listeners that a keeper can hold: it never allocates */
#define MAX_SPARE       512u  /* and sockets of OCI servers, and what came over them last */

/* The owner of the listeners, in the low byte of the baton. */
enum baton {
	B_EMBRYO,       /* a successor in the making; its predecessor's baton decides */
	B_SUPERVISOR,
	B_OFFERED,      /* offered to a successor; above it which offer it is */
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
	uint64_t pid_namespace; /* where the slots' pids are numbers; 0: not known */
	struct settings set;
};

static inline struct slot *journal_slot_at(const struct journal *journal, uint32_t stride, uint32_t i)
{
	return (struct slot *)(uintptr_t)((const char *)journal + JOURNAL_HEAD +
					   (size_t)i * stride);
}

static inline struct slot *journal_slot(const struct journal *journal, uint32_t i)
{
	return journal_slot_at(journal, journal->stride, i);
}

static inline int journal_pass(struct journal *journal, uint32_t from, uint32_t to)
{
	return atomic_compare_exchange_strong(&journal->baton, &from, to);
}

/* Offers what the baton stands for; the word that takes it. An offer that was taken back has
 * another one: who still holds that knows of fewer listeners and calls than there are. */
static inline uint32_t journal_offer(struct journal *journal)
{
	uint32_t word = B_OFFERED | ++journal->offers << 8;

	atomic_store(&journal->baton, word);
	return word;
}

#endif
