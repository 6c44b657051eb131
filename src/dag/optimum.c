/* The cheapest tree where the path of every number counts (SCMP_FLTATR_CTL_OPTIMIZE 2).
 *
 * A range of the line is a cut with a tree on both sides, or, where every other piece agrees,
 * one leaf with exceptions. The cost of a range is the sum of weight times depth, and LAMBDA
 * for each instruction; the cheapest way is kept for each range, the short ones first.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "dag/dispatch.h"

/* What one more instruction may cost in executed ones: in the weight of a number with a rule
 * (build.c). */
#define LAMBDA 48

/* What fits on the stack: leaves of a range with choices. */
#define FEW_CHOICES 16

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
static bool is_chain(const struct optimum *o, const struct sc_leaf *leaves, uint32_t i, uint32_t j)
{
	return j - i >= 2 && j - i <= 2 * SC_CHAIN_MAX && leaves[i].node == leaves[j].node &&
		leaves[j].start - leaves[j - 1].start == 1 && o->chain[i * o->n + j - 2];
}

static uint32_t chain_cost(const struct optimum *o, uint32_t i, uint32_t j)
{
	uint32_t n = (j - i) / 2, main = o->every_other[j + 2] - o->every_other[i];
	uint32_t exceptions = o->before[j + 1] - o->before[i] - main;

	return n * (main + LAMBDA) + exceptions * (n + 1) / 2;
}

static void find_cut(struct optimum *o, const struct sc_leaf *leaves, uint32_t i, uint32_t j)
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

static uint32_t optimum_node(const struct sc_tree *t, const struct optimum *o,
	const struct sc_leaf *leaves, uint32_t i, uint32_t j)
{
	uint32_t cut = o->cut[i * o->n + j], below;

	if (i == j || o->best[i * o->n + j])
		return sc_leaf_node(t, &(struct sc_leaf){.node = leaves[i].node,
					       .first_piece = leaves[i].first_piece,
					       .n_pieces = j - i + 1});
	below = optimum_node(t, o, leaves, i, cut);
	return sc_tree_branch(
		t, leaves[cut + 1].start, optimum_node(t, o, leaves, cut + 1, j), below);
}

/* Weights are scaled so that no cost, at most a weight times a depth, overflows. */
static void begin(struct optimum *o, const struct sc_leaf *leaves, uint32_t n)
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
	}
}

uint32_t sc_tree_optimum(const struct sc_tree *t, const struct sc_leaf *leaves, uint32_t n)
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
