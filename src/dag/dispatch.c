/* From pieces of the number line to a search tree.
 *
 * A single value between two pieces that agree is an exception of theirs: one JEQ removes
 * two boundaries. What is left gets the alphabetic tree with the least weighted depth.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "dag/dag.h"
#include "util/vec.h"

/* A longer chain of exceptions is cut in two by one more comparison. */
#define CHAIN_SMALL   6
#define CHAIN_SHALLOW 2

/* Optimal trees are found up to this many leaves (in n^2), halves by weight above it. */
#define OPTIMAL_MAX 64

/* Pieces that agree, but for single values among them. */
struct leaf {
	uint32_t start;
	uint32_t node;
	uint32_t first_piece, n_exceptions; /* every other piece behind the first */
	uint64_t weight;
};

struct tree {
	struct sc_dag *dag;
	const struct sc_piece *pieces;
	const struct leaf *leaves;
	uint32_t mask;
	uint8_t word;
};

static uint32_t merge_equal(struct sc_piece *pieces, uint32_t n)
{
	uint32_t out = 0;

	for (uint32_t i = 1; i < n; i++) {
		if (pieces[i].node == pieces[out].node)
			pieces[out].weight += pieces[i].weight;
		else
			pieces[++out] = pieces[i];
	}
	return out + 1;
}

static uint32_t make_leaves(const struct sc_piece *pieces, uint32_t n, uint32_t chain,
	struct leaf *leaves)
{
	uint32_t n_leaves = 0;

	for (uint32_t i = 0; i < n;) {
		struct leaf *leaf = &leaves[n_leaves++];

		*leaf = (struct leaf){
			.start = pieces[i].start,
			.node = pieces[i].node,
			.first_piece = i,
			.weight = pieces[i].weight,
		};
		i++;
		while (i + 1 < n && leaf->n_exceptions < chain &&
			pieces[i + 1].start - pieces[i].start == 1 &&
			pieces[i + 1].node == leaf->node) {
			leaf->weight += (uint64_t)pieces[i].weight + pieces[i + 1].weight;
			leaf->n_exceptions++;
			i += 2;
		}
		/* The chain is full: go on behind the boundary with the same decision. */
		if (i + 1 < n && leaf->n_exceptions == chain &&
			pieces[i + 1].start - pieces[i].start == 1 &&
			pieces[i + 1].node == leaf->node)
			i--;
	}
	return n_leaves;
}

/* The leaf's decision; what is asked for most is asked first. */
static uint32_t leaf_node(const struct tree *t, const struct leaf *leaf)
{
	uint32_t node = leaf->node;
	bool done[CHAIN_SMALL] = {false};

	for (uint32_t n = leaf->n_exceptions; n > 0; n--) {
		const struct sc_piece *rarest = NULL;
		uint32_t at = 0;

		for (uint32_t e = 0; e < leaf->n_exceptions; e++) {
			const struct sc_piece *p = &t->pieces[leaf->first_piece + 1 + 2 * e];

			if (!done[e] && (!rarest || p->weight < rarest->weight)) {
				rarest = p;
				at = e;
			}
		}
		done[at] = true;
		node = sc_dag_test(t->dag, SC_TEST_EQ, t->word, t->mask, rarest->start,
			rarest->node, node);
	}
	return node;
}

static uint32_t branch(const struct tree *t, uint32_t start, uint32_t from, uint32_t below)
{
	return sc_dag_test(t->dag, SC_TEST_GE, t->word, t->mask, start, from, below);
}

/* Optimal alphabetic tree by dynamic programming; the best cut of a range lies between the
 * best cuts of the two ranges that are one shorter (Knuth 1971). */
struct optimum {
	uint64_t cost[OPTIMAL_MAX][OPTIMAL_MAX];
	uint64_t weight[OPTIMAL_MAX + 1]; /* of the leaves before */
	uint8_t cut[OPTIMAL_MAX][OPTIMAL_MAX]; /* last leaf of the lower half */
};

static void find_optimum(struct optimum *o, const struct leaf *leaves, uint32_t n)
{
	o->weight[0] = 0;
	for (uint32_t i = 0; i < n; i++) {
		o->weight[i + 1] = o->weight[i] + leaves[i].weight;
		o->cost[i][i] = 0;
		o->cut[i][i] = (uint8_t)i;
	}
	for (uint32_t span = 1; span < n; span++)
		for (uint32_t i = 0, j = span; j < n; i++, j++) {
			uint32_t first = o->cut[i][j - 1], last = o->cut[i + 1][j];
			uint64_t best = UINT64_MAX;

			if (last >= j)
				last = j - 1;
			for (uint32_t k = first; k <= last; k++) {
				uint64_t cost = o->cost[i][k] + o->cost[k + 1][j];

				if (cost < best) {
					best = cost;
					o->cut[i][j] = (uint8_t)k;
				}
			}
			o->cost[i][j] = best + o->weight[j + 1] - o->weight[i];
		}
}

static uint32_t optimal_node(const struct tree *t, const struct optimum *o,
	const struct leaf *leaves, uint32_t i, uint32_t j)
{
	uint32_t k = o->cut[i][j], below;

	if (i == j)
		return leaf_node(t, &leaves[i]);
	below = optimal_node(t, o, leaves, i, k);
	return branch(t, leaves[k + 1].start, optimal_node(t, o, leaves, k + 1, j), below);
}

/* Apart from tree_node(), so that its table is on the stack once. */
static __attribute__((noinline)) uint32_t few_leaves(const struct tree *t,
	const struct leaf *leaves, uint32_t n)
{
	struct optimum o;

	find_optimum(&o, leaves, n);
	return optimal_node(t, &o, leaves, 0, n - 1);
}

/* Halves by weight (and by count, so that no weight makes the recursion deep) until an
 * optimum can be found. */
static uint32_t tree_node(const struct tree *t, const struct leaf *leaves, uint32_t n)
{
	uint64_t total = 0, sum = 0;
	uint32_t cut = 0, below;

	if (n == 1)
		return leaf_node(t, leaves);
	if (n <= OPTIMAL_MAX)
		return few_leaves(t, leaves, n);
	for (uint32_t i = 0; i < n; i++)
		total += leaves[i].weight;
	while (cut < n - n / 4 && (cut < n / 4 || sum < total / 2))
		sum += leaves[cut++].weight;
	below = tree_node(t, leaves, cut);
	return branch(t, leaves[cut].start, tree_node(t, leaves + cut, n - cut), below);
}

static bool is_point(const struct sc_piece *pieces, uint32_t n, uint32_t i)
{
	return i + 1 < n ? pieces[i + 1].start - pieces[i].start == 1
			 : pieces[i].start == UINT32_MAX;
}

/* A set of values, all with one decision, among them 0, every sum of its single bits and
 * nothing else: one JSET. Returns the bits, or 0. Takes the values off @pieces. */
static uint32_t take_cube(struct sc_piece *pieces, uint32_t n, uint32_t *node)
{
	uint32_t yes = pieces[0].node, rest = yes, bits = 0, members = 0;

	if (n < 4 || n > 64 || !is_point(pieces, n, 0))
		return 0;
	for (uint32_t i = 1; i < n; i++) {
		if (!is_point(pieces, n, i))
			rest = pieces[i].node;
		else if (pieces[i].node == yes &&
			(pieces[i].start & (pieces[i].start - 1)) == 0)
			bits |= pieces[i].start;
	}
	for (uint32_t i = 0; i < n; i++) {
		bool point = is_point(pieces, n, i);

		if (!point && pieces[i].node != rest)
			return 0;
		members += point && pieces[i].node == yes && (pieces[i].start & ~bits) == 0;
	}
	if (yes == rest || members < 4 || members != 1U << __builtin_popcount(bits))
		return 0;
	*node = yes;
	for (uint32_t i = 0; i < n; i++)
		if (pieces[i].node == yes && (pieces[i].start & ~bits) == 0)
			pieces[i].node = rest;
	return bits;
}

uint32_t sc_dag_dispatch(struct sc_dag *dag, uint8_t word, uint32_t mask,
	struct sc_piece *pieces, uint32_t n, bool depth_first)
{
	struct tree t = {.dag = dag, .pieces = pieces, .mask = mask, .word = word};
	struct leaf few[OPTIMAL_MAX], *leaves = few;
	uint32_t node, cube_node, cube = 0;

	n = merge_equal(pieces, n);
	if (n == 1 || mask == 0)
		return pieces[0].node;
	if (mask == UINT32_MAX && word > SC_WORD_ARCH) {
		cube = take_cube(pieces, n, &cube_node);
		if (cube)
			n = merge_equal(pieces, n);
	}
	if (n > OPTIMAL_MAX) {
		leaves = malloc((size_t)n * sizeof(*leaves));
		if (!leaves) {
			dag->rc = -ENOMEM;
			return 0;
		}
	}
	n = make_leaves(pieces, n, depth_first ? CHAIN_SHALLOW : CHAIN_SMALL, leaves);
	t.leaves = leaves;
	node = tree_node(&t, leaves, n);
	if (cube)
		node = sc_dag_test(dag, SC_TEST_SET, word, UINT32_MAX, ~cube, node, cube_node);
	if (leaves != few)
		free(leaves);
	return node;
}
