/* The rules of one architecture: what the policy's own files and lowering see of them.
 * SPDX-License-Identifier: MIT */
#ifndef SC_POLICY_TABLE_H
#define SC_POLICY_TABLE_H

#include "policy/policy.h"
#include "util/set.h"

#define SC_NO_RULE UINT32_MAX

struct sc_rule {
	uint32_t action;
	uint32_t first_cmp; /* into sc_table.cmps */
	uint32_t len;
	uint32_t next; /* of the same call, in order of insertion; SC_NO_RULE at the end */
};

struct sc_call {
	int32_t nr;
	uint32_t action; /* of the unconditional rule, where there is one */
	uint32_t head, tail; /* conditional rules; SC_NO_RULE when there are none */
	uint32_t n_rules;
	uint8_t priority;
	bool always;  /* has the unconditional rule: no other counts any more */
	bool indexed; /* its chains are in sc_table.prefixes */
	bool stale;   /* the list has rules that a shorter one covers: sc_prefix_covered() */
};

/* A chain's beginning, for finding conflicts among many rules without reading them all. */
struct sc_prefix {
	uint32_t hash; /* the upper half, which is the one that the set looks at */
	uint32_t call;
	uint32_t rule; /* the first rule that begins so */
	uint32_t first_cmp; /* the beginning itself, into sc_table.cmps */
	uint32_t action;
	uint8_t len;
	bool alone;    /* no other rule begins so: its longer beginnings are not here yet */
	bool complete; /* the rule ends here; @action is its own */
	bool mixed;    /* rules that begin so have more than one action */
};

/* The rules of one architecture. */
struct sc_table {
	const struct sc_arch *arch;
	uint64_t seed;	 /* of all that is hashed here: sc_hash_seed() */
	uint32_t base;	 /* numbers base .. base + SC_DENSE - 1 are found without hashing */
	uint16_t *dense; /* [SC_DENSE]: index into calls + 1 */
	struct sc_set sparse; /* of calls: those with other numbers, or a higher index */
	struct sc_call *calls;
	struct sc_rule *rules;
	struct sc_cmp *cmps;
	struct sc_prefix *prefixes;
	struct sc_set beginnings; /* of prefixes */
	uint32_t cap_dense; /* cap_calls, or SC_DENSE_MAX when that is less */
	uint32_t n_calls, cap_calls, n_rules, cap_rules, n_cmps, cap_cmps;
	uint32_t n_prefixes, cap_prefixes;
	uint32_t biggest_call; /* the most conditional rules that a call ever had */
};
#define SC_DENSE     960
#define SC_DENSE_MAX UINT16_MAX /* calls that the index can tell */

/* Adding is judged first and done later, so that a rule for several architectures is added to
 * all or to none. */
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

int sc_table_make_room(struct sc_table *table);
struct sc_call *sc_table_find_sparse(const struct sc_table *table, int nr);

/* Those below are on the way of every rule, and mostly this short. */
static inline int sc_table_reserve(struct sc_table *table)
{
	if (table->cap_calls - table->n_calls >= 2 && table->cap_rules - table->n_rules >= 2 &&
		table->cap_cmps - table->n_cmps >= 2 * SC_ARGS_MAX &&
		sc_set_has_room(&table->sparse, 2) && !table->n_prefixes)
		return 0;
	return sc_table_make_room(table);
}

static inline struct sc_call *sc_table_find(const struct sc_table *table, int nr)
{
	uint32_t offset = (uint32_t)nr - table->base;

	if (offset < SC_DENSE && table->dense[offset])
		return &table->calls[table->dense[offset] - 1];
	return table->sparse.n ? sc_table_find_sparse(table, nr) : NULL;
}

/* Nearly every rule is the first on its number, which is found without hashing, has no condition,
 * and there is room: */
static inline bool sc_table_is_fresh(const struct sc_table *table, int nr)
{
	uint32_t offset = (uint32_t)nr - table->base;

	return offset < SC_DENSE && !table->dense[offset] && table->n_calls < table->cap_dense;
}

static inline void sc_table_put_always(struct sc_table *table, int nr, uint32_t action)
{
	uint32_t n = table->n_calls++;

	table->calls[n] = (struct sc_call){
		.nr = nr,
		.head = SC_NO_RULE,
		.tail = SC_NO_RULE,
		.action = action,
		.always = true,
	};
	table->dense[(uint32_t)nr - table->base] = (uint16_t)(n + 1);
}

/* Judging, reserving and applying at once for an unconditional rule, which has no conflicts.
 * 0 or -ENOMEM. */
int sc_table_add_always(struct sc_table *table, int nr, uint32_t action);

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

#endif
