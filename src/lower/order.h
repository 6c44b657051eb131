/* The order in which the rules of one call are matched.
 * SPDX-License-Identifier: MIT */
#ifndef SC_LOWER_ORDER_H
#define SC_LOWER_ORDER_H

#include "lower/lower.h"

struct sc_order_item {
	uint64_t key; /* the smaller one is matched first; equal: only other things tell */
	struct sc_low_rule rule;
	uint32_t leader; /* first_cmp of the first rule that begins like this one */
};

/* Sorts @n rules (one or more), given in order of insertion, into the canonical order: element by
 * element, the higher argument first; then EQ, NE and MASKED_EQ before LT and LE before GT
 * and GE; then the larger datum (for LT and LE the smaller) first; then the element that
 * was inserted first. The high and the low word of a comparison are an element each.
 * @scratch has room for 2 * @n items. */
void sc_order_rules(struct sc_low_rule *rules, uint32_t n, const struct sc_cmp *cmps,
	struct sc_order_item *scratch);

#endif
