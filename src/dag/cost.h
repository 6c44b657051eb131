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
enum sc_way sc_way(const struct sc_node *from, const struct sc_acc *acc,
	const struct sc_node *to);
/* Somebody comes to @to on @way; updates what is known behind it. */
void sc_come(const struct sc_acc *acc, const struct sc_node *to, enum sc_way way,
	struct sc_acc *behind);

/* Instructions of @node when it is come to in @ways. */
uint32_t sc_node_cost(const struct sc_node *node, uint32_t ways);

#endif
