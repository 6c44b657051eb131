/* Decision graphs: hash-consed tests on the 32-bit words of struct seccomp_data.
 *
 * A node is an index. Equal nodes are one node, a test whose branches agree is no test, so
 * what two numbers, arguments or ABIs have in common exists once.
 * SPDX-License-Identifier: MIT */
#ifndef SC_DAG_DAG_H
#define SC_DAG_DAG_H

#include <stdbool.h>
#include <stdint.h>

#include "lower/lower.h"
#include "util/words.h"

enum sc_test {
	SC_TEST_LEAF, /* @k is the action */
	SC_TEST_EQ,   /* (word & mask) == k */
	SC_TEST_GE,   /* (word & mask) >= k */
	SC_TEST_SET,  /* (word & k) != 0; mask is all ones */
};

struct sc_node {
	uint8_t test;
	uint8_t word; /* LD W ABS 4 * word */
	uint8_t ways; /* of a kept node: how others come to it (cost.h) */
	uint32_t mask;
	uint32_t k;
	uint32_t yes, no;
};

/* What to spend instructions on. */
enum sc_effort {
	SC_EFFORT_SMALLEST, /* nothing: the policy hardly fits */
	SC_EFFORT_SMALL,    /* SCMP_FLTATR_CTL_OPTIMIZE 1 */
	SC_EFFORT_SHALLOW,  /* 2: short paths */
};

/* A call's decision, to be found again: same.c. */
struct sc_same;

/* Nodes are a stack: the first @n_kept are the filter, those above are tried and can be taken
 * back. A child has a lower index than its parents. */
struct sc_dag {
	enum sc_effort effort;
	struct sc_node *nodes;
	uint32_t n_nodes, cap_nodes;
	uint32_t n_kept;
	uint32_t cost;	/* of what is kept, in instructions: never more than the program has */
	int64_t slack;	/* instructions that calls took less than as plain lists: dispatch.c */
	bool plain;	/* no alternatives: every call rule by rule, which calls share most of */
	uint32_t n_chosen; /* calls that had alternatives */
	bool hopeless; /* one call needs several times what a program holds: call.c */
	bool high_first; /* of 64-bit arguments: argument.c */
	uint32_t *slots; /* open addressing: node + 1 */
	uint32_t n_slots;
	uint64_t seed; /* of all that is hashed: sc_hash_seed() */
	uint32_t last_leaf; /* most leaves are asked for many times in a row */
	struct sc_same *same;
	uint32_t n_same, n_same_slots;
	struct sc_acc *accs; /* scratch of cost.c */
	uint32_t cap_accs;
	int rc; /* sticky: 0, -ENOMEM or -E2BIG; nodes made after a failure mean nothing */
};

/* What a filter may have: BPF_MAXINSNS. */
#define SC_DAG_MAX 4096
#define SC_NO_NODE UINT32_MAX

int sc_dag_init(struct sc_dag *dag, enum sc_effort effort);
/* Room for @n nodes at once, before there are any: a failure is remembered. */
void sc_dag_expect(struct sc_dag *dag, uint32_t n);
void sc_dag_clear(struct sc_dag *dag);

uint32_t sc_dag_leaf(struct sc_dag *dag, uint32_t action);
uint32_t sc_dag_test(struct sc_dag *dag, enum sc_test test, uint8_t word, uint32_t mask,
	uint32_t k, uint32_t yes, uint32_t no);

/* Forgets the nodes from index @n on. */
void sc_dag_truncate(struct sc_dag *dag, uint32_t n);

/* An alternative, taken off the graph: the nodes that it needs beside the kept ones. */
struct sc_trial {
	uint32_t node;
	uint32_t cost; /* instructions that it adds to what is kept; UINT32_MAX: there is none */
	struct sc_node *nodes; /* as they would lie from n_kept on; NULL when there are none */
	uint32_t n;
	bool lists; /* argument by argument */
};

/* Takes what was made since the last sc_dag_keep() off the graph. */
void sc_dag_take(struct sc_dag *dag, uint32_t node, struct sc_trial *out);
/* @trial on top of what is kept, and kept. Returns its node; @trial is empty. */
uint32_t sc_dag_put(struct sc_dag *dag, struct sc_trial *trial);
void sc_trial_clear(struct sc_trial *trial);
/* What @node needs is kept, all else since the last time is forgotten. Returns where @node is
 * now. More than a program can hold: -E2BIG. */
uint32_t sc_dag_keep(struct sc_dag *dag, uint32_t node);

/* dispatch.c: a piece of the number line: from @start to the next piece's start. */
struct sc_piece {
	uint32_t start;
	uint32_t node;
	uint32_t weight; /* how often it is asked for, against the others */
};

/* A search tree over @pieces, ascending, the first at 0; @n > 0. Clobbers @pieces. The
 * values of (word & mask) decide. Only for short paths it has more than @budget tests. */
uint32_t sc_dag_dispatch(struct sc_dag *dag, uint8_t word, uint32_t mask,
	struct sc_piece *pieces, uint32_t n, uint32_t budget);

/* call.c: the decision of one call's rules, kept. */
uint32_t sc_dag_call(struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_low_abi *abi, const struct sc_low_call *call);

/* ranges.c: the same, kept, where a rule has IN, or several comparisons of an argument. The first
 * rule has comparisons, and either all are IN or none. */
bool sc_dag_has_ranges(const struct sc_lowered *low, const struct sc_low_call *call);
uint32_t sc_dag_ranges(struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_low_abi *abi, const struct sc_low_call *call);

/* same.c: the node of a call whose rules, width and default were met before; SC_NO_NODE when
 * new, and then *@slot is where sc_same_keep() puts it. */
uint32_t sc_same_find(struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_low_abi *abi, const struct sc_low_call *call, uint32_t *slot);
void sc_same_keep(struct sc_dag *dag, uint32_t slot, uint32_t node);

/* lists.c: argument by argument. SC_NO_NODE: it would be too much work. */
enum sc_lists_first { SC_FIRST_MOST_ASKED, SC_FIRST_HIGHEST, SC_FIRST_LOWEST };
uint32_t sc_dag_lists(struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_low_abi *abi, const struct sc_low_call *call, enum sc_lists_first first,
	uint32_t max_nodes);

/* The rules of a call that no earlier one covers, in the order of matching. The caller frees
 * @rules, which is NULL until they are asked for. */
struct sc_live {
	struct sc_low_rule *rules;
	uint32_t n;
};

/* linear.c: rule by rule, in the order of matching; what is always possible. Fills @live of the
 * call if that is not done. */
uint32_t sc_dag_linear(struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_low_abi *abi, const struct sc_low_call *call, struct sc_live *live);

/* argument.c: a piece of a 64-bit line, as above. */
struct sc_wide_piece {
	uint64_t start;
	uint32_t node;
};

/* A decision on (argument & mask). Clobbers @pieces; @budget as above. */
uint32_t sc_dag_argument(struct sc_dag *dag, const struct sc_lowered *low, bool wide,
	uint8_t arg, uint64_t mask, struct sc_wide_piece *pieces, uint32_t n, uint32_t budget);

/* build.c: the whole filter. 0, -ENOMEM or -E2BIG. */
int sc_dag_build(struct sc_dag *dag, const struct sc_lowered *low, uint32_t *root);

#endif
