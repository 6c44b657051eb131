/* Decisions on a 64-bit argument, in 32-bit words.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <errno.h>

#include "dag/dag.h"

/* Pieces that fit on the stack. */
#define FEW 16

/* What the words of an argument need to be asked. */
struct line {
	struct sc_dag *dag;
	uint8_t low, high; /* words */
	uint64_t mask;
	uint32_t budget;
};

/* If only one high word has low words that are not all alike, and all other high words agree: is
 * there but one other decision than theirs? Then the low word is asked first, which mostly
 * decides alone: what is left to ask of the high word is the same for every such value, and for
 * every call that asks so.
 *
 *	A0 == 3 or A0 == 5:   low == 3 --> high == 0 --> yes
 *	                      low == 5 ---^
 */
static bool is_low_first(const struct sc_wide_piece *pieces, uint32_t n, uint32_t *word,
	uint32_t *other)
{
	const uint32_t last = (uint32_t)(pieces[n - 1].start >> 32);
	uint32_t special = SC_NO_NODE, first = 0;

	/* The pieces of the other high words: those behind the last one, or before the first. */
	*word = last;
	*other = pieces[n - 1].node;
	if ((uint32_t)pieces[n - 1].start == 0 && n > 1) {
		*word = (uint32_t)(pieces[n - 2].start >> 32);
		if (*word != last - 1)
			return false;
		n--;
	} else if (last == UINT32_MAX) {
		*other = pieces[0].node;
	}
	if (pieces[0].start >> 32 != *word) {
		if (pieces[0].node != *other)
			return false;
		first = 1;
	}
	for (uint32_t i = first; i < n; i++) {
		if (pieces[i].start >> 32 != *word)
			return false;
		if (pieces[i].node != *other && special != SC_NO_NODE && pieces[i].node != special)
			return false;
		if (pieces[i].node != *other)
			special = pieces[i].node;
	}
	return special != SC_NO_NODE;
}

static uint32_t low_first(const struct line *l, const struct sc_wide_piece *pieces, uint32_t n,
	uint32_t word, uint32_t other, struct sc_piece *lows)
{
	uint32_t n_lows = 0;

	/* The first piece begins at 0. */
	if (word != 0)
		lows[n_lows++] = (struct sc_piece){.node = other, .weight = 1};
	for (uint32_t i = 0; i < n; i++) {
		uint32_t node = pieces[i].node;

		if (pieces[i].start >> 32 != word)
			continue;
		if (node != other)
			node = sc_dag_test(l->dag, SC_TEST_EQ, l->high, (uint32_t)(l->mask >> 32),
				word, node, other);
		if (n_lows == 1 && (uint32_t)pieces[i].start == 0)
			n_lows = 0;
		lows[n_lows++] = (struct sc_piece){
			.start = (uint32_t)pieces[i].start, .node = node, .weight = 1};
	}
	return sc_dag_dispatch(l->dag, l->low, (uint32_t)l->mask, lows, n_lows, l->budget);
}

/* Cuts the 64-bit line at the multiples of 2^32: a high word whose low words are not all
 * alike gets a decision of its own on them. */
static uint32_t high_first(const struct line *l, const struct sc_wide_piece *pieces, uint32_t n,
	struct sc_piece *high, struct sc_piece *lows)
{
	uint32_t n_high = 0, i = 0;

	while (i < n) {
		uint32_t word = (uint32_t)(pieces[i].start >> 32), n_lows = 0;
		uint32_t before = i ? pieces[i - 1].node : pieces[0].node;

		if ((uint32_t)pieces[i].start != 0)
			lows[n_lows++] = (struct sc_piece){.node = before, .weight = 1};
		for (; i < n && pieces[i].start >> 32 == word; i++)
			lows[n_lows++] = (struct sc_piece){
				.start = (uint32_t)pieces[i].start,
				.node = pieces[i].node,
				.weight = 1,
			};
		high[n_high++] = (struct sc_piece){
			.start = word,
			.node = sc_dag_dispatch(l->dag, l->low, (uint32_t)l->mask, lows, n_lows,
				n_lows < l->budget ? n_lows : l->budget),
			.weight = 1,
		};
		/* Behind this high word its last piece goes on, if there is room. */
		if (word != UINT32_MAX && (i == n || pieces[i].start >> 32 != word + 1))
			high[n_high++] = (struct sc_piece){
				.start = word + 1, .node = pieces[i - 1].node, .weight = 1};
	}
	return sc_dag_dispatch(l->dag, l->high, (uint32_t)(l->mask >> 32), high, n_high, n_high);
}

uint32_t sc_dag_argument(struct sc_dag *dag, const struct sc_lowered *low, bool wide,
	uint8_t arg, uint64_t mask, struct sc_wide_piece *pieces, uint32_t n, uint32_t budget)
{
	const struct line l = {.dag = dag,
		.low = sc_word_low(arg, low->big_endian),
		.high = sc_word_high(arg, low->big_endian),
		.mask = mask,
		.budget = budget};
	struct sc_piece few[3 * FEW + 2], *high = few, *lows;
	uint32_t node, word, other;

	/* Up to two pieces of high words a piece, and one more of low words. */
	if (n > FEW)
		high = malloc(((size_t)n * 3 + 2) * sizeof(*high));
	if (!high) {
		dag->rc = -ENOMEM;
		return 0;
	}
	lows = high + 2 * (size_t)n;
	if (wide && mask >> 32) {
		node = !dag->high_first && is_low_first(pieces, n, &word, &other)
			? low_first(&l, pieces, n, word, other, high)
			: high_first(&l, pieces, n, high, lows);
	} else {
		uint32_t n_lows = 0;

		/* What begins behind the largest low word is never reached. */
		for (; n_lows < n && pieces[n_lows].start <= UINT32_MAX; n_lows++)
			lows[n_lows] = (struct sc_piece){
				.start = (uint32_t)pieces[n_lows].start,
				.node = pieces[n_lows].node,
				.weight = 1,
			};
		node = sc_dag_dispatch(dag, l.low, (uint32_t)mask, lows, n_lows, budget);
	}
	if (high != few)
		free(high);
	return node;
}
