/* Sets of arguments that one rule can name: at most one comparison an argument.
 * SPDX-License-Identifier: MIT */
#ifndef SC_PROFILE_REGION_H
#define SC_PROFILE_REGION_H

#include "model.h"

#pragma GCC visibility push(hidden)

/* What is asked of one argument, in one form for each set of values. */
enum sc_piece_kind {
	SC_PIECE_ANY,
	SC_PIECE_EQ,	 /* == a */
	SC_PIECE_NE,	 /* != a */
	SC_PIECE_MOST,	 /* <= a */
	SC_PIECE_LEAST,	 /* >= a */
	SC_PIECE_MASKED, /* (value & a) == b */
};

struct sc_piece {
	enum sc_piece_kind kind;
	uint64_t a, b;
};

struct sc_region {
	struct sc_piece pieces[SC_PROFILE_ARGS];
	uint32_t action;
};

/* False: nothing can match. Two comparisons of one argument cannot be here. */
bool sc_region_of(const struct sc_arg *args, uint32_t n, struct sc_region *region);
bool sc_region_same(const struct sc_region *a, const struct sc_region *b);
bool sc_region_is_all(const struct sc_region *r);

/* What is in both. 1; 0: nothing; -EOPNOTSUPP: something, but no rule can name it. */
int sc_region_meet(
	const struct sc_region *a, const struct sc_region *b, struct sc_region *both);

/* All outside of @r, where one comparison says so. */
bool sc_region_complement(const struct sc_region *r, struct sc_region *out);

/* Comparisons of a rule; their number. */
unsigned sc_region_args(const struct sc_region *r, struct sc_arg args[SC_PROFILE_ARGS]);

/* An order of regions without their actions. */
int sc_region_compare(const struct sc_region *a, const struct sc_region *b);

#pragma GCC visibility pop

#endif
