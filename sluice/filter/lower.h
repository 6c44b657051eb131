/* A lowered policy while it is made.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_FILTER_LOWER_H
#define SLUICE_FILTER_LOWER_H

#include "filter/rule.h"

#pragma GCC visibility push(hidden)

#define SC_NONE_BUILT UINT32_MAX

/* (reg & mask) in ranges [first, first + n) of the builder's. */
struct sc_built_term {
	uint64_t mask;
	uint32_t first_range, n_ranges;
	uint8_t reg;
};

struct sc_built_rule {
	uint32_t action;
	uint32_t first_term, n_terms; /* one or more */
	uint32_t next; /* of the same call; SC_NONE_BUILT */
};

struct sc_built_call {
	uint32_t nr;
	uint32_t first, last; /* rules with conditions; SC_NONE_BUILT */
	uint32_t action;      /* of the rule without any behind them */
	bool done;	      /* there is one, and no rule behind it is reached */
};

#define SC_BUILT_DENSE 1024 /* numbers from the architecture's base on are found by index */

struct sc_builder {
	const struct sluice_filter *filter;
	const struct sc_arch *arch;
	struct sc_targets targets;
	/* of the architecture */
	uint32_t dense[SC_BUILT_DENSE]; /* call + 1 */
	uint32_t dense_end;		/* from here on there are none */
	bool has_sparse;		/* numbers that are not found by index */
	struct sc_built_call *calls;
	uint32_t n_calls, cap_calls;
	struct sc_built_rule *rules;
	uint32_t n_rules, cap_rules;
	struct sc_built_term *terms;
	uint32_t n_terms, cap_terms, added; /* by the last sc_built_terms() */
	/* of all */
	struct sc_range *ranges;
	uint32_t n_ranges, cap_ranges;
	struct sc_lowered low; /* arrays of their own, not one block */
	uint32_t cap_abis, cap_low_calls, cap_low_rules, cap_cmps;
	uint32_t first_call; /* of the architecture, in low */
};

void sc_builder_clear(struct sc_builder *b);

/* A new architecture. */
void sc_built_begin(struct sc_builder *b);
/* All: 0 or -ENOMEM. The call; made where it is new. It stays in its place until the next is made. */
int sc_built_make(struct sc_builder *b, uint32_t nr, struct sc_built_call **out);
static inline int sc_built_find(struct sc_builder *b, uint32_t nr, struct sc_built_call **out)
{
	uint32_t dense = nr - (uint32_t)b->arch->base;

	if (dense >= SC_BUILT_DENSE || !b->dense[dense])
		return sc_built_make(b, nr, out);
	*out = &b->calls[b->dense[dense] - 1];
	return 0;
}
bool sc_built_is_newer(const struct sc_builder *b, const struct sc_target *target);
/* The terms of a rule, b->added of them: those of @terms (may be NULL), and the code of a carried call. */
int sc_built_terms(struct sc_builder *b, const struct sc_target *target,
	const struct sc_conjunction *terms);
/* No more rules for the architecture: its calls are lowered. */
int sc_built_finish(struct sc_builder *b);
/* A range of its numbers, and the lowered calls in it. */
int sc_built_abi(struct sc_builder *b, const struct sc_low_abi *abi, bool with_calls);
/* The whole, as one block. */
int sc_builder_done(struct sc_builder *b, struct sc_lowered *out);

#pragma GCC visibility pop

#endif
