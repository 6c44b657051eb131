/* What the caller said: rules and attributes, per architecture, in flat arrays.
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
#include "policy/cmp.h"

#define SC_ARGS_MAX 6
#define SC_ARCH_MAX 32 /* more than sc_arch_count */
#define SC_NO_RULE  UINT32_MAX

#define SC_ACT_KILL_PROCESS 0x80000000U
#define SC_ACT_KILL_THREAD  0x00000000U
#define SC_ACT_TRAP	    0x00030000U
#define SC_ACT_ERRNO	    0x00050000U
#define SC_ACT_NOTIFY	    0x7fc00000U
#define SC_ACT_TRACE	    0x7ff00000U
#define SC_ACT_LOG	    0x7ffc0000U
#define SC_ACT_ALLOW	    0x7fff0000U

/* A conjunction of comparisons, arguments ascending, none of them always true. */
struct sc_chain {
	struct sc_cmp cmp[SC_ARGS_MAX];
	uint32_t len;
};

struct sc_rule {
	uint32_t action;
	uint32_t first_cmp; /* into sc_table.cmps */
	uint32_t len;
	uint32_t next; /* of the same call, in order of insertion; SC_NO_RULE at the end */
};

struct sc_call {
	int32_t nr;
	uint32_t head, tail; /* conditional rules; SC_NO_RULE when there are none */
	uint32_t n_rules;
	uint32_t action; /* of the unconditional rule, where there is one */
	uint8_t priority;
	bool always;  /* has the unconditional rule: no other counts any more */
	bool indexed; /* its chains are in sc_table.prefixes */
	bool stale;   /* the list has rules that a shorter one covers: sc_prefix_covered() */
};

/* A chain's beginning, for finding conflicts among many rules without reading them all. */
struct sc_prefix {
	uint64_t hash; /* 0: the slot is free */
	uint32_t call;
	uint32_t rule; /* the first rule that begins so */
	uint32_t first_cmp; /* the beginning itself, into sc_table.cmps */
	uint32_t action;
	uint16_t len;
	bool complete; /* the rule ends here; @action is its own */
	bool mixed;    /* rules that begin so have more than one action */
};

/* The rules of one architecture. */
struct sc_table {
	const struct sc_arch *arch;
	uint64_t seed;	 /* of all that is hashed here: sc_hash_seed() */
	uint32_t base;	 /* numbers base .. base + SC_DENSE - 1 are found without hashing */
	uint32_t *dense; /* [SC_DENSE]: index into calls + 1 */
	uint32_t *slots; /* other numbers: open addressing, index into calls + 1 */
	uint32_t n_slots, n_sparse;
	struct sc_call *calls;
	struct sc_rule *rules;
	struct sc_cmp *cmps;
	struct sc_prefix *prefixes;
	uint32_t n_prefix_slots, n_prefixes;
	uint32_t n_calls, cap_calls, n_rules, cap_rules, n_cmps, cap_cmps;
	uint32_t biggest_call; /* the most conditional rules that a call ever had */
};
#define SC_DENSE 1024

struct sc_ruleset {
	struct sc_table *tables[SC_ARCH_MAX]; /* in the order of arch_add */
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
 * with itself. */
int sc_policy_merge(struct sc_policy *dst, struct sc_policy *src);

/* Adds a rule on @nr, a number of the native architecture, to every architecture. @exact, for
 * policies of one architecture: refuse (-EDOM, -EINVAL) instead of adapting it. Other errors:
 * -EEXIST (conflict), -EFAULT (the number has no name and a foreign architecture is there). */
int sc_policy_rule_add(struct sc_policy *policy, uint32_t action, int nr,
	const struct sc_chain *chain, bool exact);
int sc_policy_priority(struct sc_policy *policy, int nr, uint8_t priority);

/* A transaction is a copy of the rules: begin pushes one, reject swaps it back, commit
 * drops it. They nest. Attributes are not part of it. Without one commit does nothing, and
 * reject must not be called. */
int sc_policy_begin(struct sc_policy *policy);
void sc_policy_reject(struct sc_policy *policy);
void sc_policy_commit(struct sc_policy *policy);

/* Does any action ask a supervisor, so that loading must make a listener? */
bool sc_policy_notifies(const struct sc_policy *policy);

/* table.c: one architecture's rules. Adding is judged first and done later, so that a rule
 * for several architectures is added to all or to none. */
enum sc_judgement {
	SC_TABLE_COVERED, /* an earlier rule says it already */
	SC_TABLE_ADD,
	SC_TABLE_REPLACE, /* and drops the longer chains that it covers */
};
int sc_table_new(const struct sc_arch *arch, struct sc_table **out);
void sc_table_free(struct sc_table *table);
int sc_table_copy(const struct sc_table *table, struct sc_table **out);
/* enum sc_judgement, or -EEXIST */
int sc_table_judge(const struct sc_table *table, int nr, const struct sc_chain *chain,
	uint32_t action);
/* sc_table_reserve(): room for two more rules; after it, sc_table_apply() or
 * sc_table_touch() twice cannot fail. 0 or -ENOMEM. */
void sc_table_apply(struct sc_table *table, int nr, const struct sc_chain *chain,
	uint32_t action, int judgement);
struct sc_call *sc_table_touch(struct sc_table *table, int nr);

/* All three at once for an unconditional rule, which has no conflicts. 0 or -ENOMEM. */
int sc_table_add_always(struct sc_table *table, int nr, uint32_t action);
int sc_table_make_room(struct sc_table *table);
struct sc_call *sc_table_find_sparse(const struct sc_table *table, int nr);

/* The two below are on the way of every rule, and mostly this short. */
static inline int sc_table_reserve(struct sc_table *table)
{
	if (table->cap_calls - table->n_calls >= 2 && table->cap_rules - table->n_rules >= 2 &&
		table->cap_cmps - table->n_cmps >= 2 * SC_ARGS_MAX &&
		(table->n_sparse + 2) * 2 <= table->n_slots && !table->n_prefix_slots)
		return 0;
	return sc_table_make_room(table);
}

static inline struct sc_call *sc_table_find(const struct sc_table *table, int nr)
{
	uint32_t offset = (uint32_t)nr - table->base;

	if (offset >= SC_DENSE)
		return sc_table_find_sparse(table, nr);
	return table->dense[offset] ? &table->calls[table->dense[offset] - 1] : NULL;
}

/* prefix.c: the index of a call with many rules. */
#define SC_INDEX_FROM 16 /* rules of one call, from which on it is indexed */
/* @chain is not empty. */
int sc_prefix_judge(const struct sc_table *table, const struct sc_call *call,
	const struct sc_chain *chain, uint32_t action);
int sc_prefix_reserve(struct sc_table *table, uint32_t more_rules);
void sc_prefix_insert(struct sc_table *table, const struct sc_call *call, uint32_t rule);
/* The first rule that begins with @chain. */
uint32_t sc_prefix_first(const struct sc_table *table, const struct sc_call *call,
	const struct sc_chain *chain);
/* Does a shorter rule of the call begin @rule? */
bool sc_prefix_covered(const struct sc_table *table, const struct sc_call *call,
	uint32_t rule);

/* chain.c */
/* Cuts datum and mask to the ABI's width, drops what always holds, sorts by argument. */
void sc_chain_normalise(const struct sc_chain *in, unsigned int bits,
	struct sc_chain *out);

#endif
