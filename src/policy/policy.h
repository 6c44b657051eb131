/* What the caller said: rules and attributes, in flat arrays.
 *
 * Conflicts are judged as rules arrive, nothing is compiled. Every operation returns 0 or
 * -errno, and a failed one leaves the policy as it was.
 * SPDX-License-Identifier: MIT */
#ifndef SC_POLICY_POLICY_H
#define SC_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "policy/list.h"

#define SC_ARCH_MAX 32 /* more than sc_arch_count */

#define SC_ACT_KILL_PROCESS 0x80000000U
#define SC_ACT_KILL_THREAD  0x00000000U
#define SC_ACT_TRAP	    0x00030000U
#define SC_ACT_ERRNO	    0x00050000U
#define SC_ACT_NOTIFY	    0x7fc00000U
#define SC_ACT_TRACE	    0x7ff00000U
#define SC_ACT_LOG	    0x7ffc0000U
#define SC_ACT_ALLOW	    0x7fff0000U

/* Cuts datum and mask to the ABI's width, drops what always holds, sorts by argument. */
void sc_chain_normalise(const struct sc_chain *in, unsigned int bits,
	struct sc_chain *out);

struct sc_table; /* the calls of one architecture: table.h */

struct sc_ruleset {
	struct sc_table *tables[SC_ARCH_MAX]; /* in the order of arch_add */
	struct sc_lists lists;		      /* what their calls refer to */
	uint32_t n_tables;
	bool notify; /* a rule said NOTIFY: loading asks for a listener */
};

struct sc_attrs {
	uint32_t badarch;
	uint32_t optimize; /* 1 or 2 */
	bool nnp, tsync, tskip, log, ssb, rawrc, waitkill;
};

struct sc_snapshot {
	struct sc_snapshot *outer;
	struct sc_ruleset rules;
};

struct sc_policy {
	const struct sc_arch *native; /* whose numbers the caller uses */
	uint32_t default_action;
	struct sc_attrs attrs;
	struct sc_ruleset rules;
	struct sc_snapshot *snapshots; /* innermost first */
};

/* A new policy for the native architecture. 0 or -ENOMEM. */
int sc_policy_new(uint32_t default_action, struct sc_policy **out);
void sc_policy_free(struct sc_policy *policy);

/* Back to what sc_policy_new() makes; open transactions are over. */
int sc_policy_reset(struct sc_policy *policy, uint32_t default_action);

/* -EEXIST: there already; -EDOM: the other byte order. */
int sc_policy_arch_add(struct sc_policy *policy, const struct sc_arch *arch);
/* -EEXIST: it is not there. */
int sc_policy_arch_remove(struct sc_policy *policy, const struct sc_arch *arch);
bool sc_policy_arch_exist(const struct sc_policy *policy, const struct sc_arch *arch);

/* Moves @src's architectures into @dst and frees @src; both have some. -EINVAL: other default
 * action, NNP or TSYNC; -EDOM: byte order; -EEXIST: a shared architecture, as of one policy
 * with itself. -ENOMEM: both are as before. */
int sc_policy_merge(struct sc_policy *dst, struct sc_policy *src);

/* Adds a rule on @nr, a number of the native architecture, to every architecture. @exact, for
 * policies of one architecture: refuse (-EDOM, -EINVAL) instead of adapting it. Other errors:
 * -EEXIST (conflict), -EFAULT (the number has no name and a foreign architecture is there). */
int sc_policy_rule_add(struct sc_policy *policy, uint32_t action, int nr,
	const struct sc_chain *chain, bool exact);
/* The same for a rule without comparisons, not exact, whose action is not NOTIFY. @nr is not -1. */
int sc_policy_rule_always(struct sc_policy *policy, uint32_t action, int nr);
int sc_policy_priority(struct sc_policy *policy, int nr, uint8_t priority);

/* A transaction is a copy of the rules: begin pushes one, reject swaps it back, commit
 * drops it. They nest. Attributes are not part of it. Without one commit does nothing, and
 * reject must not be called. */
int sc_policy_begin(struct sc_policy *policy);
void sc_policy_reject(struct sc_policy *policy);
void sc_policy_commit(struct sc_policy *policy);

/* Does any action ask a supervisor, so that loading must make a listener? */
bool sc_policy_notifies(const struct sc_policy *policy);

#endif
