/* Lists of rules that are still undecided, while one call is built.
 * SPDX-License-Identifier: MIT */
#ifndef SC_DAG_STATE_H
#define SC_DAG_STATE_H

#include "dag/dag.h"

#define SC_DAG_ARGS 6

/* A rule of which nothing has failed so far. */
struct sc_alive {
	uint32_t rule;	  /* of the call */
	uint32_t pending; /* bit n: its comparison on argument n is open; not 0 */
};

/* Rules in the order of matching, then @tail where none of them matches. */
struct sc_state {
	uint32_t at, len; /* in sc_states.pool */
	uint32_t tail;	  /* node */
};

struct sc_memo {
	uint64_t hash; /* 0: the slot is free */
	struct sc_state state; /* in sc_states.kept */
	uint32_t node;
};

struct sc_states {
	struct sc_dag *dag;
	const struct sc_lowered *low;
	const struct sc_low_call *call;
	bool wide;
	struct sc_alive *pool; /* a stack */
	uint32_t n_pool, cap_pool;
	struct sc_alive *kept; /* what the memos compare with */
	uint32_t n_kept, cap_kept;
	struct sc_memo *memos;
	uint32_t n_memos, n_slots;
	enum sc_lists_first first;
	uint32_t max_nodes;	 /* of the graph */
	uint64_t work, work_max; /* rules put in lists */
	bool over;		 /* a bound was hit: the result means nothing */
};

/* The comparison of a rule of the call on @arg, NULL when it has none. */
const struct sc_cmp *sc_state_cmp(const struct sc_states *s, uint32_t rule, uint8_t arg);

/* Building a list: push the survivors in order, until one returns false (the list is
 * decided, or there is no memory), then end. */
struct sc_state sc_state_begin(const struct sc_states *s, uint32_t tail);
bool sc_state_push(struct sc_states *s, struct sc_state *state, uint32_t rule,
	uint32_t pending);
void sc_state_end(struct sc_states *s, struct sc_state *state);
/* Takes it, and all that was made after it, off the stack. */
void sc_state_drop(struct sc_states *s, const struct sc_state *state);

/* What is left of @state when (argument & mask) == @value. */
struct sc_state sc_state_at_point(struct sc_states *s, const struct sc_state *state,
	uint8_t arg, uint64_t mask, uint64_t value);
/* What is left when it is none of @points (ascending). */
struct sc_state sc_state_off_points(struct sc_states *s, const struct sc_state *state,
	uint8_t arg, uint64_t mask, const uint64_t *points, uint32_t n);

/* For qsort(3) and bsearch(3) of uint64_t. */
int sc_dag_by_value(const void *a, const void *b);

/* Nodes of lists met before; SC_NO_NODE when new. */
uint32_t sc_memo_find(const struct sc_states *s, const struct sc_state *state);
void sc_memo_keep(struct sc_states *s, const struct sc_state *state, uint32_t node);

void sc_states_clear(struct sc_states *s);

#endif
