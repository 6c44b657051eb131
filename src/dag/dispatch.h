/* What dispatch.c, leaves.c, optimum.c and bits.c say to each other.
 * SPDX-License-Identifier: MIT */
#ifndef SC_DAG_DISPATCH_H
#define SC_DAG_DISPATCH_H

#include "dag/dag.h"

/* A longer chain of exceptions is cut in two by one more comparison: of numbers, which every
 * call pays for. */
#define SC_CHAIN_MAX 6

/* Neighbouring pieces that agree, but for single values among them: the exceptions. */
struct sc_leaf {
	uint32_t start;
	uint32_t node; /* of all that is no exception */
	uint32_t first_piece, n_pieces, n_exceptions;
	uint64_t weight;
};

/* One line on its way to a tree. */
struct sc_tree {
	struct sc_dag *dag;
	const struct sc_piece *pieces;
	uint32_t mask;
	uint8_t word;
};

/* leaves.c: cuts @n pieces, no two neighbours alike, into leaves; returns how many. @leaves has
 * room for @n. Not more than @budget tests follow where the effort counts them. */
uint32_t sc_leaves(struct sc_dag *dag, uint8_t word, const struct sc_piece *pieces, uint32_t n,
	uint32_t budget, struct sc_leaf *leaves);
/* The decision inside a leaf: what is asked for most is asked first. */
uint32_t sc_leaf_chain(const struct sc_tree *t, const struct sc_leaf *leaf);
static inline uint32_t sc_leaf_node(const struct sc_tree *t, const struct sc_leaf *leaf)
{
	return leaf->n_pieces == 1 ? leaf->node : sc_leaf_chain(t, leaf);
}
/* Has piece @i one value? */
bool sc_piece_is_point(const struct sc_piece *pieces, uint32_t n, uint32_t i);

/* optimum.c: the tree of up to SC_OPTIMUM_MAX leaves of one piece each, in which exceptions are
 * taken where they pay: for short paths. */
#define SC_OPTIMUM_MAX 32
uint32_t sc_tree_optimum(const struct sc_tree *t, const struct sc_leaf *leaves, uint32_t n);

/* bits.c: a set of values that one test of bits tells from all others. Returns the bits that its
 * values may have, and takes the values off @pieces; 0: there is none. */
uint32_t sc_take_bits(struct sc_piece *pieces, uint32_t n, uint32_t *node);

/* dispatch.c: word >= @start ? @from : @below */
uint32_t sc_tree_branch(const struct sc_tree *t, uint32_t start, uint32_t from, uint32_t below);

#endif
