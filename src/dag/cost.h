/* What a node costs: the one place that knows which instructions a test takes.
 *
 * A test needs its word, under its mask, in the accumulator. How much of that is done already
 * depends on where one comes from, so a node has up to three ways in, one above the other:
 *
 *	SC_WAY_LOAD	ld [word]
 *	SC_WAY_MASK	and #mask
 *	SC_WAY_TEST	jeq #k, yes, no
 *
 * Only ways that somebody comes take an instruction. bpf/emit.c writes exactly these.
 * SPDX-License-Identifier: MIT */
#ifndef SC_DAG_COST_H
#define SC_DAG_COST_H

#include "dag/dag.h"

enum sc_way { SC_WAY_TEST, SC_WAY_MASK, SC_WAY_LOAD, SC_WAYS };

/* What is in the accumulator behind a test of @word: (word & A), where A has at least the bits
 * @least, and no others if @exact. */
struct sc_acc {
	uint32_t least;
	uint8_t ways; /* how one comes to the node, as bits; 0: not at all */
	bool exact;
};

/* From @from, behind which the accumulator is *@acc (NULL: nothing is known), to @to. */
static inline enum sc_way sc_way(const struct sc_node *from, const struct sc_acc *acc,
	const struct sc_node *to)
{
	if (to->test == SC_TEST_LEAF)
		return SC_WAY_TEST;
	if (!from || from->word != to->word)
		return SC_WAY_LOAD;
	/* JSET masks by itself: the bits have to be there, others do not matter. */
	if (to->test == SC_TEST_SET)
		return (to->k & ~acc->least) == 0 ? SC_WAY_TEST : SC_WAY_LOAD;
	if (acc->exact && acc->least == to->mask)
		return SC_WAY_TEST;
	return (to->mask & ~acc->least) == 0 ? SC_WAY_MASK : SC_WAY_LOAD;
}

/* Somebody comes to @to on @way; updates what is known behind it. */
static inline void sc_come(const struct sc_acc *acc, const struct sc_node *to, enum sc_way way,
	struct sc_acc *behind)
{
	const bool keeps = to->test == SC_TEST_SET && way == SC_WAY_TEST;
	const uint32_t least = keeps ? acc->least : to->mask;
	const bool exact = keeps ? acc->exact : true;

	if (!behind->ways) {
		behind->least = least;
		behind->exact = exact;
	} else {
		behind->exact = exact && behind->exact && behind->least == least;
		behind->least &= least;
	}
	behind->ways |= (uint8_t)(1U << way);
}

/* Instructions of @node when it is come to in @ways. */
static inline uint32_t sc_node_cost(const struct sc_node *node, uint32_t ways)
{
	const uint32_t unmasked = 1U << SC_WAY_MASK | 1U << SC_WAY_LOAD;
	uint32_t cost = 1;

	if (node->test == SC_TEST_LEAF)
		return 1;
	if (node->mask != UINT32_MAX && ways & unmasked)
		cost++;
	if (ways & 1U << SC_WAY_LOAD)
		cost++;
	return cost;
}

#endif
