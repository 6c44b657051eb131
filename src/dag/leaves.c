/* Pieces of a line put together to leaves.
 *
 * A single value between two pieces that agree is an exception of theirs: one "jeq" in place of
 * two boundaries. Values side by side can be exceptions, too: a "jeq" for each, where as pieces
 * they would have one boundary more than there are values.
 *
 *	numbers		0..56  56  57..59  59  60  61..
 *	decision	  A     B    A      C   B    A
 *	one leaf	  A, but 56 -> B, 59 -> C, 60 -> B
 *
 * A long chain of exceptions is a slow list, so it is cut in two, which costs a comparison.
 * SPDX-License-Identifier: MIT */
#include "dag/dispatch.h"

#define CHAIN_ARGUMENT 12 /* only some calls pay for arguments */
#define CHAIN_SORTED   32 /* longer chains are asked as they come */

/* A run of more values is not looked through for its end: that would be quadratic, and a run of
 * exceptions saves one instruction, however long it is. */
#define RUN_MAX 256

/* How leaves are cut. */
struct cutting {
	uint32_t chain; /* up to so many exceptions */
	bool runs;	/* values side by side may be exceptions */
};

bool sc_piece_is_point(const struct sc_piece *pieces, uint32_t n, uint32_t i)
{
	return i + 1 < n ? pieces[i + 1].start - pieces[i].start == 1
			 : pieces[i].start == UINT32_MAX;
}

/* Where the pieces from @i on, single values, come back to @node: the piece that has it; 0 when
 * they do not. */
static uint32_t comes_back(const struct sc_piece *pieces, uint32_t n, uint32_t i, uint32_t node,
	bool runs)
{
	const uint32_t end = n - i > RUN_MAX ? i + RUN_MAX : n;

	for (; i + 1 < end && sc_piece_is_point(pieces, n, i); i++) {
		if (pieces[i + 1].node == node)
			return i + 1;
		if (!runs)
			break;
	}
	return 0;
}

static uint32_t make_leaves(const struct sc_piece *pieces, uint32_t n, struct cutting how,
	struct sc_leaf *leaves)
{
	uint32_t n_leaves = 0;

	for (uint32_t i = 0; i < n;) {
		struct sc_leaf *leaf = &leaves[n_leaves++];
		uint32_t back = 0;

		*leaf = (struct sc_leaf){
			.start = pieces[i].start,
			.node = pieces[i].node,
			.first_piece = i,
			.n_pieces = 1,
			.weight = pieces[i].weight,
		};
		for (i++; how.chain; i = back + 1) {
			back = comes_back(pieces, n, i, leaf->node, how.runs);
			if (!back || leaf->n_exceptions >= how.chain)
				break;
			for (uint32_t k = i; k <= back; k++)
				leaf->weight += pieces[k].weight;
			leaf->n_exceptions += back - i;
			leaf->n_pieces += back - i + 1;
		}
		/* The chain is full: go on behind the boundary with the same decision. */
		if (how.chain && back)
			i--;
	}
	return n_leaves;
}

static uint32_t tests_of(const struct sc_leaf *leaves, uint32_t n)
{
	uint32_t tests = n - 1;

	for (uint32_t i = 0; i < n; i++)
		tests += leaves[i].n_exceptions;
	return tests;
}

uint32_t sc_leaves(struct sc_dag *dag, uint8_t word, const struct sc_piece *pieces, uint32_t n,
	uint32_t budget, struct sc_leaf *leaves)
{
	struct cutting how = {.chain = word < SC_WORD_ARGS ? SC_CHAIN_MAX : CHAIN_ARGUMENT};
	uint32_t n_leaves;

	if (dag->effort == SC_EFFORT_SHALLOW) /* exceptions are choices of the tree */
		how.chain = 0;
	if (dag->effort == SC_EFFORT_SMALLEST)
		how = (struct cutting){.chain = UINT32_MAX, .runs = true};
	n_leaves = make_leaves(pieces, n, how, leaves);
	if (dag->effort != SC_EFFORT_SMALL)
		return n_leaves;
	while (tests_of(leaves, n_leaves) > budget && !(how.runs && how.chain >= n)) {
		if (how.runs)
			how.chain *= 2;
		how.runs = true;
		n_leaves = make_leaves(pieces, n, how, leaves);
	}
	return n_leaves;
}

uint32_t sc_leaf_chain(const struct sc_tree *t, const struct sc_leaf *leaf)
{
	const struct sc_piece *pieces = &t->pieces[leaf->first_piece];
	uint32_t few[CHAIN_SORTED], n = 0, node = leaf->node;

	for (uint32_t i = leaf->n_pieces; i-- > 0 && n <= CHAIN_SORTED;) {
		if (pieces[i].node == leaf->node)
			continue;
		if (n < CHAIN_SORTED)
			few[n] = i;
		n++;
	}
	if (n > CHAIN_SORTED) {
		for (uint32_t i = leaf->n_pieces; i-- > 0;)
			if (pieces[i].node != leaf->node)
				node = sc_dag_test(t->dag, SC_TEST_EQ, t->word, t->mask,
					pieces[i].start, pieces[i].node, node);
		return node;
	}
	/* The rarest is the last to be asked. */
	for (; n > 0; n--) {
		uint32_t at = n - 1;

		for (uint32_t e = n - 1; e-- > 0;)
			if (pieces[few[e]].weight < pieces[few[at]].weight)
				at = e;
		node = sc_dag_test(t->dag, SC_TEST_EQ, t->word, t->mask, pieces[few[at]].start,
			pieces[few[at]].node, node);
		for (; at + 1 < n; at++)
			few[at] = few[at + 1];
	}
	return node;
}
