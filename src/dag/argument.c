/* Decisions on a 64-bit argument, in 32-bit words.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <errno.h>

#include "dag/dag.h"

static uint8_t low_word(const struct sc_lowered *low, uint8_t arg)
{
	return (uint8_t)(4 + 2 * arg + (low->big_endian ? 1 : 0));
}

static uint8_t high_word(const struct sc_lowered *low, uint8_t arg)
{
	return (uint8_t)(4 + 2 * arg + (low->big_endian ? 0 : 1));
}

/* Cuts the 64-bit line at the multiples of 2^32: a high word whose low words are not all
 * alike gets a decision of its own on them. */
static uint32_t split(struct sc_dag *dag, const struct sc_lowered *low, uint8_t arg,
	uint64_t mask, const struct sc_wide_piece *pieces, uint32_t n, struct sc_piece *high,
	struct sc_piece *lows)
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
			.node = sc_dag_dispatch(dag, low_word(low, arg), (uint32_t)mask, lows,
				n_lows),
			.weight = 1,
		};
		/* Behind this high word its last piece goes on, if there is room. */
		if (word != UINT32_MAX && (i == n || pieces[i].start >> 32 != word + 1))
			high[n_high++] = (struct sc_piece){
				.start = word + 1, .node = pieces[i - 1].node, .weight = 1};
	}
	return sc_dag_dispatch(dag, high_word(low, arg), (uint32_t)(mask >> 32), high, n_high);
}

uint32_t sc_dag_argument(struct sc_dag *dag, const struct sc_lowered *low, bool wide,
	uint8_t arg, uint64_t mask, struct sc_wide_piece *pieces, uint32_t n)
{
	struct sc_piece *high, *lows;
	uint32_t node;

	/* Up to two pieces of high words a piece, and one more of low words. */
	high = malloc(((size_t)n * 3 + 2) * sizeof(*high));
	if (!high) {
		dag->rc = -ENOMEM;
		return 0;
	}
	lows = high + 2 * (size_t)n;
	if (wide && mask >> 32) {
		node = split(dag, low, arg, mask, pieces, n, high, lows);
	} else {
		uint32_t n_lows = 0;

		/* What begins behind the largest low word is never reached. */
		for (; n_lows < n && pieces[n_lows].start <= UINT32_MAX; n_lows++)
			lows[n_lows] = (struct sc_piece){
				.start = (uint32_t)pieces[n_lows].start,
				.node = pieces[n_lows].node,
				.weight = 1,
			};
		node = sc_dag_dispatch(dag, low_word(low, arg), (uint32_t)mask, lows, n_lows);
	}
	free(high);
	return node;
}
