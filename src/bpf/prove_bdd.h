/* Decision diagrams over the 512 bits of struct seccomp_data.
 *
 * A diagram is a function from those bits to a 32-bit value. Nodes are hash-consed in
 * one growing array and named by their index, so two functions are equal exactly when
 * their indices are: that is the whole proof. There is no garbage collection;
 * sc_bdd_clear() frees everything.
 *
 * Errors are sticky: once err is set every operation returns SC_BDD_FALSE at once, and
 * the caller looks at err when it has finished.
 * SPDX-License-Identifier: MIT */
#ifndef SC_BPF_PROVE_BDD_H
#define SC_BPF_PROVE_BDD_H

#include <stdbool.h>
#include <stdint.h>

#include "util/set.h"

#define SC_BDD_LEVELS 512
#define SC_BDD_FALSE  0u /* the constant 0 */
#define SC_BDD_TRUE   1u /* the constant 1 */

struct sc_bdd_node {
	uint32_t level; /* SC_BDD_LEVELS: a constant, its value in lo */
	uint32_t lo, hi;
};

struct sc_bdd_memo {
	uint32_t c, t, e, result;
};

struct sc_bdd {
	struct sc_bdd_node *nodes;
	uint32_t n_nodes, cap_nodes, max_nodes;
	struct sc_set unique; /* of nodes */
	struct sc_bdd_memo *memo;
	uint32_t n_memo;
	uint64_t steps, max_steps;
	int err;	  /* 0, -ENOMEM, -E2BIG */
	bool interleaved; /* the bits of all arguments, not argument after argument */
	bool big_endian;
};

/* @b is zeroed but for max_nodes, max_steps, interleaved and big_endian. @expected: how many
 * nodes there may be, a guess. 0 or -ENOMEM. */
int sc_bdd_init(struct sc_bdd *b, uint32_t expected);
void sc_bdd_clear(struct sc_bdd *b);

/* Which bit of which of the 16 words is tested at @level, and back. Order of the words:
 * arch, nr, the arguments with the high word first, the instruction pointer; of the
 * bits: the most significant first. Comparisons with constants are chains of nodes in
 * this order. The interleaved order keeps comparisons of two arguments small instead. */
uint32_t sc_bdd_level(const struct sc_bdd *b, unsigned int word, unsigned int bit);
void sc_bdd_bit(
	const struct sc_bdd *b, uint32_t level, unsigned int *word, unsigned int *bit);

uint32_t sc_bdd_constant(struct sc_bdd *b, uint32_t value);
/* A constant that is no value, and equal to itself alone. */
uint32_t sc_bdd_opaque(struct sc_bdd *b, uint32_t number);
uint32_t sc_bdd_variable(struct sc_bdd *b, unsigned int word, unsigned int bit);

/* if c then t else e; @c has the values 0 and 1 only. */
uint32_t sc_bdd_ite(struct sc_bdd *b, uint32_t c, uint32_t t, uint32_t e);

/* The function that is @op of the constants of @f and @g. One operation a set of diagrams. */
uint32_t sc_bdd_apply(struct sc_bdd *b, uint32_t f, uint32_t g,
	uint32_t (*op)(uint32_t f, uint32_t g));

/* if the word @op k then t else e, without a diagram of the test: @op is BPF_JEQ, BPF_JGT or
 * BPF_JGE. A chain of at most 32 nodes on the way of @k. *@out only where it can be done: the
 * words' bits follow each other, and neither @t nor @e looks at a word before this one. */
bool sc_bdd_choose(struct sc_bdd *b, unsigned int word, uint16_t op, uint32_t k, uint32_t t,
	uint32_t e, uint32_t *out);

/* The node that tests @level; both children are below it. */
uint32_t sc_bdd_node(struct sc_bdd *b, uint32_t level, uint32_t lo, uint32_t hi);

/* The constant that @f is for an input. */
uint32_t sc_bdd_eval(const struct sc_bdd *b, uint32_t f, const uint32_t words[16]);

/* Count one unit of work, or @n. False when the budget is used up or something failed.
 * Every loop whose length is not that of the input counts what it does. */
bool sc_bdd_step(struct sc_bdd *b);
bool sc_bdd_steps(struct sc_bdd *b, unsigned int n);

static inline uint32_t sc_bdd_top(const struct sc_bdd *b, uint32_t f)
{
	return b->nodes[f].level;
}

static inline bool sc_bdd_is_constant(const struct sc_bdd *b, uint32_t f)
{
	return b->nodes[f].level == SC_BDD_LEVELS;
}

static inline uint32_t sc_bdd_value(const struct sc_bdd *b, uint32_t f)
{
	return b->nodes[f].lo;
}

/* The function where the bit of @level is @side; @level is not below f's top. */
static inline uint32_t sc_bdd_cofactor(
	const struct sc_bdd *b, uint32_t f, uint32_t level, bool side)
{
	const struct sc_bdd_node *n = &b->nodes[f];

	if (n->level != level)
		return f;
	return side ? n->hi : n->lo;
}

#endif
