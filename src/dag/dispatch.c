/* From pieces of the number line to a search tree.
 *
 * A single value between two pieces that agree is an exception of theirs: one JEQ removes
 * two boundaries. What is left gets the alphabetic tree with the least weighted depth.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "dag/alphabetic.h"
#include "dag/dag.h"
#include "util/vec.h"

/* A longer chain of exceptions is cut in two by one more comparison. Every call pays for
 * numbers, only some for arguments; and where the program hardly fits, that comparison is what
 * there is to save. */
#define CHAIN_MAX      6
#define CHAIN_ARGUMENT 12
#define CHAIN_SMALLEST UINT32_MAX
#define CHAIN_SORTED   32 /* longer ones are asked as they come */

/* What one more instruction may cost in executed ones, where short paths are asked for: in
 * the weight of a number with a rule (build.c). */
#define LAMBDA 48

/* Where exceptions are choices an optimum takes n^2: up to this many leaves, halves by weight
 * above it. */
#define CHOOSING_MAX 32
/* What fits on the stack: leaves of a range with choices, of a line. */
#define FEW_CHOICES  16
#define FEW_LEAVES   32

/* Pieces that agree, but for single values among them: every other piece from the first. */
struct leaf {
	uint32_t start;
	uint32_t node;
	uint32_t first_piece, n_exceptions;
	uint64_t weight;
};

struct tree {
	struct sc_dag *dag;
	const struct sc_piece *pieces;
	const struct leaf *leaves;
	uint32_t mask;
	uint8_t word;
	bool depth_first;
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
		if (chain && i + 1 < n && leaf->n_exceptions == chain &&
			pieces[i + 1].start - pieces[i].start == 1 &&
			pieces[i + 1].node == leaf->node)
			i--;
	}
	return n_leaves;
}

/* The decision of @n exceptions behind piece @first; what is asked for most is asked
 * first. */
static uint32_t chain_node(const struct tree *t, uint32_t first, uint32_t n)
{
	uint32_t node = t->pieces[first].node;
	const struct sc_piece *exceptions = &t->pieces[first + 1]; /* every other one */
	bool done[CHAIN_SORTED] = {false};

	for (uint32_t left = n; left > 0; left--) {
		const struct sc_piece *rarest;
		uint32_t at = 0;

		while (n <= CHAIN_SORTED && done[at])
			at++;
		for (uint32_t e = at + 1; n <= CHAIN_SORTED && e < n; e++)
			if (!done[e] && exceptions[2 * e].weight < exceptions[2 * at].weight)
				at = e;
		if (n > CHAIN_SORTED)
			at = left - 1;
		else
			done[at] = true;
		rarest = &exceptions[2 * at];
		node = sc_dag_test(t->dag, SC_TEST_EQ, t->word, t->mask, rarest->start,
			rarest->node, node);
	}
	return node;
}

static uint32_t branch(const struct tree *t, uint32_t start, uint32_t from, uint32_t below)
{
	return sc_dag_test(t->dag, SC_TEST_GE, t->word, t->mask, start, from, below);
}

/* Where exceptions are choices: an optimum by dynamic programming. The best cut of a range lies
 * between the best cuts of the two ranges that are one shorter (Knuth 1971); with chains among
 * the choices that is no longer a theorem, but still nearly always true. */
struct optimum {
	uint32_t *cost;	   /* [i * n + j] of the leaves i .. j */
	uint32_t *cost_to; /* [j * n + i]: the same, for walking i */
	uint32_t *before;  /* weight of the leaves before */
	uint32_t *every_other; /* weight of the leaves i - 2, i - 4, ... */
	uint8_t *cut;	   /* last leaf of the lower half */
	uint8_t *chain;	   /* the range could be a leaf with exceptions */
	uint8_t *best;	   /* and is, for it costs least */
	uint32_t n;
};

/* All that in 32-bit words; the bytes come last. */
#define ROOM(n) (2 * (size_t)(n) * (n) + 2 * (n) + 3 + 3 * (size_t)(n) * (n) / 4 + 1)

/* The range i .. j is a leaf with exceptions when the range without the last two is, and they
 * go on like it. */
static bool is_chain(const struct optimum *o, const struct leaf *leaves, uint32_t i, uint32_t j)
{
	return j - i >= 2 && j - i <= 2 * CHAIN_MAX && leaves[i].node == leaves[j].node &&
		leaves[j].start - leaves[j - 1].start == 1 && o->chain[i * o->n + j - 2];
}

static uint32_t chain_cost(const struct optimum *o, uint32_t i, uint32_t j)
{
	uint32_t n = (j - i) / 2, main = o->every_other[j + 2] - o->every_other[i];
	uint32_t exceptions = o->before[j + 1] - o->before[i] - main;

	return n * (main + LAMBDA) + exceptions * (n + 1) / 2;
}

static void find_cut(struct optimum *o, const struct leaf *leaves, uint32_t i, uint32_t j)
{
	uint32_t n = o->n, at = i * n + j;
	uint32_t first = o->cut[at - 1], last = o->cut[at + n], best = UINT32_MAX, cut;
	const uint32_t *below = o->cost + i * n, *from = o->cost_to + j * n + 1;

	if (last > j - 1)
		last = j - 1;
	if (first > last)
		first = last;
	cut = first;
	for (uint32_t k = first; k <= last; k++) {
		uint32_t cost = below[k] + from[k];

		cut = cost < best ? k : cut;
		best = cost < best ? cost : best;
	}
	best += o->before[j + 1] - o->before[i] + LAMBDA;
	o->cut[at] = (uint8_t)cut;
	o->chain[at] = is_chain(o, leaves, i, j);
	o->best[at] = o->chain[at] && chain_cost(o, i, j) <= best;
	if (o->best[at]) {
		best = chain_cost(o, i, j);
		o->cut[at] = (uint8_t)((i + j) / 2);
	}
	o->cost[at] = o->cost_to[j * n + i] = best;
}

static uint32_t optimum_node(const struct tree *t, const struct optimum *o,
	const struct leaf *leaves, uint32_t i, uint32_t j)
{
	uint32_t cut = o->cut[i * o->n + j], below;

	if (i == j)
		return chain_node(t, leaves[i].first_piece, leaves[i].n_exceptions);
	if (o->best[i * o->n + j])
		return chain_node(t, leaves[i].first_piece, (j - i) / 2);
	below = optimum_node(t, o, leaves, i, cut);
	return branch(t, leaves[cut + 1].start, optimum_node(t, o, leaves, cut + 1, j), below);
}

/* Weights are scaled so that no cost, at most a weight times a depth, overflows. */
static void begin(struct optimum *o, const struct leaf *leaves, uint32_t n)
{
	unsigned int shift = 0;
	uint64_t total = 0;

	for (uint32_t i = 0; i < n; i++)
		total += leaves[i].weight;
	while (total >> shift >= 1U << 24)
		shift++;
	o->n = n;
	o->before[0] = o->every_other[0] = o->every_other[1] = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t weight = (uint32_t)(leaves[i].weight >> shift);

		o->before[i + 1] = o->before[i] + weight;
		o->every_other[i + 2] = o->every_other[i] + weight;
		o->cost[i * n + i] = o->cost_to[i * n + i] = 0;
		o->cut[i * n + i] = (uint8_t)i;
		o->chain[i * n + i] = true;
		if (i > 0)
			o->chain[i * n + i - 1] = false;
	}
}

static uint32_t chosen_node(const struct tree *t, const struct leaf *leaves, uint32_t n)
{
	uint32_t few[ROOM(FEW_CHOICES)], *room = few;
	size_t size = (size_t)n * n;
	struct optimum o;
	uint32_t node;

	if (n > FEW_CHOICES)
		room = malloc(ROOM(n) * sizeof(*room));
	if (!room) {
		t->dag->rc = -ENOMEM;
		return 0;
	}
	o.cost = room;
	o.cost_to = o.cost + size;
	o.before = o.cost_to + size;
	o.every_other = o.before + n + 1;
	o.cut = (uint8_t *)(o.every_other + n + 2);
	o.chain = o.cut + size;
	o.best = o.chain + size;
	begin(&o, leaves, n);
	for (uint32_t span = 1; span < n; span++)
		for (uint32_t i = 0; i + span < n; i++)
			find_cut(&o, leaves, i, i + span);
	node = optimum_node(t, &o, leaves, 0, n - 1);
	if (room != few)
		free(room);
	return node;
}

/* The tree of the leaves from @*at whose depths are given, as far as it hangs at @depth. */
static uint32_t node_at(const struct tree *t, const struct leaf *leaves, const uint8_t *depths,
	uint32_t *at, uint32_t depth)
{
	uint32_t below, start;

	if (depths[*at] == depth) {
		const struct leaf *leaf = &leaves[(*at)++];

		return chain_node(t, leaf->first_piece, leaf->n_exceptions);
	}
	below = node_at(t, leaves, depths, at, depth + 1);
	start = leaves[*at].start;
	return branch(t, start, node_at(t, leaves, depths, at, depth + 1), below);
}

static uint32_t alphabetic_node(const struct tree *t, const struct leaf *leaves, uint32_t n)
{
	uint64_t weights[SC_ALPHABETIC_MAX];
	uint8_t depths[SC_ALPHABETIC_MAX];
	uint32_t at = 0;

	for (uint32_t i = 0; i < n; i++)
		weights[i] = leaves[i].weight;
	sc_alphabetic_depths(weights, n, depths);
	return node_at(t, leaves, depths, &at, 0);
}

/* Halves by weight (and by count, so that no weight makes the recursion deep) until an
 * optimum can be found. */
static uint32_t tree_node(const struct tree *t, const struct leaf *leaves, uint32_t n)
{
	uint64_t total = 0, sum = 0;
	uint32_t cut = 0, below;

	if (t->depth_first && n <= CHOOSING_MAX)
		return chosen_node(t, leaves, n);
	if (!t->depth_first && n <= SC_ALPHABETIC_MAX)
		return alphabetic_node(t, leaves, n);
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

/* Up to how many exceptions are part of a leaf; with short paths they are choices. */
static uint32_t chain_max(const struct sc_dag *dag, uint8_t word)
{
	switch (dag->effort) {
	case SC_EFFORT_SHALLOW:
		return 0;
	case SC_EFFORT_SMALL:
		return word > SC_WORD_ARCH ? CHAIN_ARGUMENT : CHAIN_MAX;
	default:
		return CHAIN_SMALLEST;
	}
}

uint32_t sc_dag_dispatch(struct sc_dag *dag, uint8_t word, uint32_t mask,
	struct sc_piece *pieces, uint32_t n)
{
	struct tree t = {
		.dag = dag,
		.pieces = pieces,
		.mask = mask,
		.word = word,
		.depth_first = dag->effort == SC_EFFORT_SHALLOW,
	};
	struct leaf few[FEW_LEAVES], *leaves = few;
	uint32_t node, cube_node, cube = 0;

	n = merge_equal(pieces, n);
	if (n == 1 || mask == 0)
		return pieces[0].node;
	if (mask == UINT32_MAX && word > SC_WORD_ARCH) {
		cube = take_cube(pieces, n, &cube_node);
		if (cube)
			n = merge_equal(pieces, n);
	}
	if (n > FEW_LEAVES) {
		leaves = malloc((size_t)n * sizeof(*leaves));
		if (!leaves) {
			dag->rc = -ENOMEM;
			return 0;
		}
	}
	n = make_leaves(pieces, n, chain_max(dag, word), leaves);
	t.leaves = leaves;
	node = tree_node(&t, leaves, n);
	if (cube)
		node = sc_dag_test(dag, SC_TEST_SET, word, UINT32_MAX, ~cube, node, cube_node);
	if (leaves != few)
		free(leaves);
	return node;
}
