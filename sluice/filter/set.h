/* Sets of values of (argument & mask), as ranges that ascend with gaps between them.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_FILTER_SET_H
#define SLUICE_FILTER_SET_H

#include "lower/lower.h"

#pragma GCC visibility push(hidden)

struct sc_set {
	uint64_t mask;
	struct sc_range *ranges;
	uint32_t n, cap;
};

void sc_set_clear(struct sc_set *set);

/* Adds a range, in any order; both ends have no bit outside the mask. 0 or -ENOMEM. */
int sc_set_add(struct sc_set *set, uint64_t first, uint64_t last);

/* Ranges ascending, those that touch as one: done once behind the last sc_set_add(). */
void sc_set_normalise(struct sc_set *set);

/* What is not in it. 0 or -ENOMEM (@set is as before). */
int sc_set_complement(struct sc_set *set);

/* What is in both, which have one mask, in @set. 0 or -ENOMEM (@set is as before). */
int sc_set_intersect(struct sc_set *set, const struct sc_set *other);

bool sc_set_is_full(const struct sc_set *set);

#pragma GCC visibility pop

#endif
