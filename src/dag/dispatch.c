/* From pieces of a line to a search tree.
 *
 * The line may be that of the numbers, of the architectures, or of a word of an argument. A
 * small filter allows everything but these calls, which some argument decides or which fail:
 *
 *	number		0..8  9   10  11..15  16   17..40  41..42  43..
 *	decision	 ok   no  no   ok    ioctl   ok     no      ok
 *
 * 1. Neighbours that agree are one piece: 9 and 10.
 * 2. bits.c takes values off that one test of bits tells: none here, it only looks at arguments.
 * 3. leaves.c makes a leaf of pieces that agree but for single values:
 *
 *	leaf	0..8	9..10	11..40, but 16	41..42	43..
 *
 * 4. The leaves keep their order, so a tree of boundaries finds them; its depths are those of
 *    the alphabetic tree with the least weighted depth (alphabetic.c). Weights are how often a
 *    number is asked for: seccomp_syscall_priority(3), and listed numbers more than others.
 *
 *	                     nr >= 11
 *	              yes /            \ no
 *	          nr >= 41              nr >= 9
 *	     yes /        \ no      yes /      \ no
 *	   nr >= 43      nr == 16      no        ok
 *	 yes /  \ no    yes /  \ no
 *	   ok    no     ioctl   ok
 *
 * For short paths (optimum.c) exceptions are chosen together with the cuts.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "dag/alphabetic.h"
#include "dag/dispatch.h"

/* What fits on the stack. */
#define FEW_LEAVES 32

static uint32_t merge_equal(struct sc_piece *pieces, uint32_t n)
{
	uint32_t out = 0;

	/* Mostly there are none. */
	while (out + 1 < n && pieces[out].node != pieces[out + 1].node)
		out++;
	for (uint32_t i = out + 1; i < n; i++) {
		if (pieces[i].node == pieces[out].node)
			pieces[out].weight += pieces[i].weight;
		else
			pieces[++out] = pieces[i];
	}
	return out + 1;
}

uint32_t sc_tree_branch(const struct sc_tree *t, uint32_t start, uint32_t from, uint32_t below)
{
	return sc_dag_test(t->dag, SC_TEST_GE, t->word, t->mask, start, from, below);
}

/* The tree of the leaves from @*at whose depths are given, as far as it hangs at @depth. */
static uint32_t node_at(const struct sc_tree *t, const struct sc_leaf *leaves, const uint8_t *depths,
	uint32_t *at, uint32_t depth)
{
	uint32_t below, start;

	if (depths[*at] == depth)
		return sc_leaf_node(t, &leaves[(*at)++]);
	below = node_at(t, leaves, depths, at, depth + 1);
	start = leaves[*at].start;
	return sc_tree_branch(t, start, node_at(t, leaves, depths, at, depth + 1), below);
}

static uint32_t alphabetic_node(const struct sc_tree *t, const struct sc_leaf *leaves, uint32_t n)
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
static uint32_t tree_node(const struct sc_tree *t, const struct sc_leaf *leaves, uint32_t n)
{
	const bool depth_first = t->dag->effort == SC_EFFORT_SHALLOW;
	uint64_t total = 0, sum = 0;
	uint32_t cut = 0, below;

	if (depth_first && n <= SC_OPTIMUM_MAX)
		return sc_tree_optimum(t, leaves, n);
	if (!depth_first && n <= SC_ALPHABETIC_MAX)
		return alphabetic_node(t, leaves, n);
	for (uint32_t i = 0; i < n; i++)
		total += leaves[i].weight;
	while (cut < n - n / 4 && (cut < n / 4 || sum < total / 2))
		sum += leaves[cut++].weight;
	below = tree_node(t, leaves, cut);
	return sc_tree_branch(t, leaves[cut].start, tree_node(t, leaves + cut, n - cut), below);
}

uint32_t sc_dag_dispatch(struct sc_dag *dag, uint8_t word, uint32_t mask,
	struct sc_piece *pieces, uint32_t n, uint32_t budget)
{
	const struct sc_tree t = {.dag = dag, .pieces = pieces, .mask = mask, .word = word};
	struct sc_leaf few[FEW_LEAVES], *leaves = few;
	uint32_t node, bits_node, bits = 0;

	n = merge_equal(pieces, n);
	if (n == 1 || mask == 0)
		return pieces[0].node;
	if (mask == UINT32_MAX && word >= SC_WORD_ARGS) {
		bits = sc_take_bits(pieces, n, &bits_node);
		if (bits)
			n = merge_equal(pieces, n);
	}
	if (n > FEW_LEAVES) {
		leaves = malloc((size_t)n * sizeof(*leaves));
		if (!leaves) {
			dag->rc = -ENOMEM;
			return 0;
		}
	}
	n = sc_leaves(dag, word, pieces, n, budget, leaves);
	node = tree_node(&t, leaves, n);
	if (bits)
		node = sc_dag_test(dag, SC_TEST_SET, word, UINT32_MAX, ~bits, node, bits_node);
	if (leaves != few)
		free(leaves);
	return node;
}
