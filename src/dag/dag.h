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

enum sc_test {
	SC_TEST_LEAF, /* @k is the action */
	SC_TEST_EQ,   /* (word & mask) == k */
	SC_TEST_GE,   /* (word & mask) >= k */
	SC_TEST_SET,  /* (word & k) != 0; mask is all ones */
};

struct sc_node {
	uint8_t test;
	uint8_t word; /* LD W ABS 4 * word */
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

struct sc_dag {
	enum sc_effort effort;
	struct sc_node *nodes;
	uint32_t n_nodes, cap_nodes;
	uint32_t *slots; /* open addressing: node + 1 */
	uint32_t n_slots;
	uint64_t seed; /* of all that is hashed: sc_hash_seed() */
	uint32_t last_leaf; /* most leaves are asked for many times in a row */
	uint64_t work;	    /* rules put in lists, for all calls: call.c */
	int rc; /* sticky: 0, -ENOMEM or -E2BIG; nodes made after a failure mean nothing */
};

#define SC_WORD_NR   0
#define SC_WORD_ARCH 1

int sc_dag_init(struct sc_dag *dag, enum sc_effort effort);
void sc_dag_clear(struct sc_dag *dag);

uint32_t sc_dag_leaf(struct sc_dag *dag, uint32_t action);
uint32_t sc_dag_test(struct sc_dag *dag, enum sc_test test, uint8_t word, uint32_t mask,
	uint32_t k, uint32_t yes, uint32_t no);

/* How many nodes from index @before on @node needs. */
uint32_t sc_dag_added(struct sc_dag *dag, uint32_t node, uint32_t before);

/* dispatch.c: a piece of the number line: from @start to the next piece's start. */
struct sc_piece {
	uint32_t start;
	uint32_t node;
	uint32_t weight; /* how often it is asked for, against the others */
};

/* A search tree over @pieces, ascending, the first at 0; @n > 0. Clobbers @pieces. The
 * values of (word & mask) decide. */
uint32_t sc_dag_dispatch(struct sc_dag *dag, uint8_t word, uint32_t mask,
	struct sc_piece *pieces, uint32_t n);

/* call.c: the decision of one call's rules. */
uint32_t sc_dag_call(struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_low_abi *abi, const struct sc_low_call *call);

/* ranges.c: the same where a rule has IN, or several comparisons of an argument. */
bool sc_dag_has_ranges(const struct sc_lowered *low, const struct sc_low_call *call);
uint32_t sc_dag_ranges(struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_low_abi *abi, const struct sc_low_call *call);

/* linear.c: rule by rule, in the order of matching; what is always possible. */
uint32_t sc_dag_linear(struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_low_abi *abi, const struct sc_low_call *call);

/* argument.c: a piece of a 64-bit line, as above. */
struct sc_wide_piece {
	uint64_t start;
	uint32_t node;
};

/* A decision on (argument & mask). Clobbers @pieces. */
uint32_t sc_dag_argument(struct sc_dag *dag, const struct sc_lowered *low, bool wide,
	uint8_t arg, uint64_t mask, struct sc_wide_piece *pieces, uint32_t n);

/* build.c: the whole filter. 0, -ENOMEM or -E2BIG. */
int sc_dag_build(struct sc_dag *dag, const struct sc_lowered *low, uint32_t *root);

#endif
