/* Sets of values of (argument & mask).
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "filter/set.h"
#include "util/vec.h"

/* The value behind or before @value under @mask; the ends of the line are neighbours. */
static uint64_t next_value(uint64_t value, uint64_t mask)
{
	return ((value | ~mask) + 1) & mask;
}

static uint64_t previous_value(uint64_t value, uint64_t mask)
{
	return (value - 1) & mask;
}

void sc_set_clear(struct sc_set *set)
{
	free(set->ranges);
	*set = (struct sc_set){0};
}

int sc_set_copy(const struct sc_set *from, struct sc_set *to)
{
	struct sc_set copy = *from;

	if (from->cap) {
		copy.ranges = sc_vec_copy(from->ranges, from->n, sizeof(*from->ranges));
		copy.cap = from->n ? from->n : 1;
		if (!copy.ranges)
			return -ENOMEM;
	}
	*to = copy;
	return 0;
}

int sc_set_add(struct sc_set *set, uint64_t first, uint64_t last)
{
	const bool is_second = set->n && !set->cap;
	int rc = 0;

	if (set->n || set->cap)
		rc = sc_reserve(set->ranges, set->cap, set->n, 1);
	if (rc)
		return rc;
	if (is_second)
		set->ranges[0] = set->one;
	*(set->cap ? &set->ranges[set->n] : &set->one) = (struct sc_range){first, last};
	set->n++;
	return 0;
}

static int by_first(const void *a, const void *b)
{
	const struct sc_range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

void sc_set_normalise(struct sc_set *set)
{
	uint32_t n = 0;

	if (set->n < 2)
		return;
	qsort(set->ranges, set->n, sizeof(*set->ranges), by_first);
	for (uint32_t i = 1; i < set->n; i++) {
		struct sc_range *last = &set->ranges[n];
		const struct sc_range r = set->ranges[i];

		if (last->last == set->mask)
			break;
		if (r.first <= next_value(last->last, set->mask)) {
			if (r.last > last->last)
				last->last = r.last;
		} else {
			set->ranges[++n] = r;
		}
	}
	set->n = n + 1;
}

int sc_set_complement(struct sc_set *set)
{
	struct sc_set out = {.mask = set->mask};
	uint64_t at = 0;
	int rc = 0;

	for (uint32_t i = 0; i < set->n && !rc; i++) {
		const struct sc_range *r = &sc_set_ranges(set)[i];

		if (r->first != at)
			rc = sc_set_add(&out, at, previous_value(r->first, set->mask));
		at = next_value(r->last, set->mask);
	}
	if (!rc && (!set->n || at != 0))
		rc = sc_set_add(&out, at, set->mask);
	if (rc) {
		sc_set_clear(&out);
		return rc;
	}
	free(set->ranges);
	*set = out;
	return 0;
}

int sc_set_intersect(struct sc_set *set, const struct sc_set *other)
{
	struct sc_set out = {.mask = set->mask};
	uint32_t i = 0, j = 0;
	int rc = 0;

	while (i < set->n && j < other->n && !rc) {
		const struct sc_range *a = &sc_set_ranges(set)[i], *b = &sc_set_ranges(other)[j];
		uint64_t first = a->first > b->first ? a->first : b->first;
		uint64_t last = a->last < b->last ? a->last : b->last;

		if (first <= last)
			rc = sc_set_add(&out, first, last);
		if (a->last < b->last)
			i++;
		else
			j++;
	}
	if (rc) {
		sc_set_clear(&out);
		return rc;
	}
	free(set->ranges);
	*set = out;
	return 0;
}
