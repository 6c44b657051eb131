/* Sets of values of (argument & mask), as ranges that ascend with gaps between them.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_FILTER_SET_H
#define SLUICE_FILTER_SET_H

#include "lower/lower.h"

#pragma GCC visibility push(hidden)

struct sc_set {
	uint64_t mask;
	struct sc_range *ranges; /* room for @cap; with 0, */
	struct sc_range one;	 /* is all that there is: most sets are one range */
	uint32_t n, cap;
};

static inline const struct sc_range *sc_set_ranges(const struct sc_set *set)
{
	return set->cap ? set->ranges : &set->one;
}

void sc_set_clear(struct sc_set *set);

/* 0 or -ENOMEM (@to is untouched). */
int sc_set_copy(const struct sc_set *from, struct sc_set *to);

/* Adds a range, in any order; both ends have no bit outside the mask. 0 or -ENOMEM. */
int sc_set_add(struct sc_set *set, uint64_t first, uint64_t last);

/* Ranges ascending, those that touch as one: done once behind the last sc_set_add(). */
void sc_set_normalise(struct sc_set *set);

/* What is not in it. 0 or -ENOMEM (@set is as before). */
int sc_set_complement(struct sc_set *set);

/* What is in both, which have one mask, in @set. 0 or -ENOMEM (@set is as before). */
int sc_set_intersect(struct sc_set *set, const struct sc_set *other);

static inline bool sc_set_is_full(const struct sc_set *set)
{
	const struct sc_range *r = sc_set_ranges(set);

	return set->n == 1 && r->first == 0 && r->last == set->mask;
}

#pragma GCC visibility pop

#endif
