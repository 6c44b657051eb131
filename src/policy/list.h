/* Conditional rules: lists that calls of several architectures share.
 *
 * A rule for several architectures mostly says the same on each: only words are 32 or 64 bits
 * wide. So calls that got the same rules so far have one list. A rule for all of them is judged
 * and added once; a rule for some of them is added to a copy, which they have from then on.
 * SPDX-License-Identifier: MIT */
#ifndef SC_POLICY_LIST_H
#define SC_POLICY_LIST_H

#include "policy/cmp.h"
#include "util/set.h"

#define SC_ARGS_MAX 6

/* A conjunction of comparisons, arguments ascending, none of them always true. */
struct sc_chain {
	struct sc_cmp cmp[SC_ARGS_MAX];
	uint32_t len;
};

#define SC_NO_RULE UINT32_MAX
#define SC_NO_LIST UINT32_MAX

struct sc_rule {
	uint32_t action;
	uint32_t first_cmp; /* into sc_lists.cmps; ascending along the list */
	uint32_t len;
	uint32_t next; /* of the same list, in order of insertion; SC_NO_RULE at the end */
};

struct sc_list {
	uint32_t head, tail; /* SC_NO_RULE when there are none */
	uint32_t n_rules;
	uint32_t n_calls; /* whose list it is; 0: it is waste */
	bool indexed;	  /* its chains are in sc_lists.prefixes */
	bool stale;	  /* it has rules that a shorter one covers: sc_prefix_covered() */
};

/* A chain's beginning, for finding conflicts among many rules without reading them all. Its
 * comparisons and its action are those of @rule. */
struct sc_prefix {
	uint32_t hash; /* the upper half, which is the one that the set looks at */
	uint32_t list;
	uint32_t rule; /* the first rule that begins so */
	uint8_t len;
	bool alone;    /* no other rule begins so: its longer beginnings are not here yet */
	bool complete; /* the rule ends here */
	bool mixed;    /* rules that begin so have more than one action */
};

/* All lists of a policy. Comparisons never change once they are here: copies of a list share
 * them, and a lowered policy refers to them. */
struct sc_lists {
	struct sc_list *lists;
	struct sc_rule *rules;
	struct sc_cmp *cmps;
	struct sc_prefix *prefixes;
	struct sc_set beginnings; /* of prefixes */
	uint64_t seed; /* of what is hashed in it: sc_hash_seed() */
	uint32_t n_lists, cap_lists, n_rules, cap_rules, n_cmps, cap_cmps;
	uint32_t n_prefixes, cap_prefixes;
	uint32_t biggest; /* the most rules that a list ever had */
};

void sc_lists_clear(struct sc_lists *lists);
/* 0 or -ENOMEM (@out is untouched). */
int sc_lists_copy(const struct sc_lists *lists, struct sc_lists *out);

/* Appends the lists that calls have to @to. @map[i] becomes the number of list i there. 0 or -ENOMEM
 * (@to is as before). */
int sc_lists_append(struct sc_lists *to, const struct sc_lists *from, uint32_t *map);
/* Are most rules of lists that no call has any more? */
bool sc_lists_wasteful(const struct sc_lists *lists);

/* Adding is judged first and done later, so that a rule for several architectures is added to
 * all or to none. */
enum sc_judgement {
	SC_COVERED, /* an earlier rule says it already */
	SC_ADD,
	SC_REPLACE, /* and drops the longer chains that it covers */
};

/* What @chain is to list @list, or to a new one if that is SC_NO_LIST. @chain is not empty. enum
 * sc_judgement, or -EEXIST. Only the index changes. */
int sc_list_judge(struct sc_lists *lists, uint32_t list, const struct sc_chain *chain,
	uint32_t action);
/* How many rules sc_list_apply() for @n_calls of the list's calls copies. */
static inline uint32_t sc_list_copied(const struct sc_lists *lists, uint32_t list,
	uint32_t n_calls)
{
	if (list == SC_NO_LIST || lists->lists[list].n_calls == n_calls)
		return 0;
	return lists->lists[list].n_rules;
}

/* Room for @n times sc_list_apply(), which copy @copied rules. 0 or -ENOMEM. */
int sc_lists_reserve(struct sc_lists *lists, uint32_t n, uint64_t copied);
/* Adds a rule to @list, as judged, for @n_calls of the calls that have it. Returns the list that
 * they have from now on: @list if these are all, else a new one. */
uint32_t sc_list_apply(struct sc_lists *lists, uint32_t list, uint32_t n_calls,
	const struct sc_chain *chain, uint32_t action, int judgement);
/* A call has @list no more. */
static inline void sc_list_leave(struct sc_lists *lists, uint32_t list)
{
	if (list != SC_NO_LIST)
		lists->lists[list].n_calls--;
}

/* prefix.c: the index of a list with many rules. */
#define SC_INDEX_FROM 16 /* rules, from which on it is indexed */
/* @chain is not empty. */
int sc_prefix_judge(const struct sc_lists *lists, uint32_t list, const struct sc_chain *chain,
	uint32_t action);
int sc_prefix_reserve(struct sc_lists *lists, uint32_t more_rules);
void sc_prefix_insert(struct sc_lists *lists, uint32_t list, uint32_t rule);
/* The first rule that begins with @chain. */
uint32_t sc_prefix_first(const struct sc_lists *lists, uint32_t list,
	const struct sc_chain *chain);
/* Does a shorter rule of the list begin @rule? */
bool sc_prefix_covered(const struct sc_lists *lists, uint32_t list, uint32_t rule);

#endif
