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

/* What the rules say about a number: 0, nothing; a call of the builder's, + 1; or that its only rule has no condition:
 * this bit, and a rule of low, which calls share. */
#define SC_SLOT_ALWAYS (UINT32_C(1) << 31)

struct sc_builder {
	const struct sluice_filter *filter;
	const struct sc_arch *arch;
	struct sc_targets targets; /* scratch */
	struct sc_asked asked;	   /* scratch */
	/* of the architecture */
	const struct sc_decided *decided; /* the filter's, */
	uint32_t decided_end;		  /* of rules before this one */
	uint32_t slots_end; /* of slots: nothing is said about the numbers from here on */
	struct sc_built_call *calls;
	uint32_t n_calls, cap_calls;
	struct sc_built_rule *rules;
	uint32_t n_rules, cap_rules;
	struct sc_built_term *terms;
	uint32_t n_terms, cap_terms, added; /* by the last sc_built_terms() */
	/* of all */
	struct sc_range *ranges;
	uint32_t n_ranges, cap_ranges;
	uint32_t always_action, always_rule; /* of low: the last rule without a condition */
	struct sc_lowered low;
	uint32_t cap_abis, cap_low_calls, cap_low_rules, cap_cmps;
	uint32_t first_call; /* of the architecture, in low */
	uint32_t slots[SC_FILTER_DENSE]; /* of the architecture: what else is said, which comes first */
};

void sc_builder_init(struct sc_builder *b, const struct sluice_filter *filter);
void sc_builder_clear(struct sc_builder *b);

/* A new architecture. */
void sc_built_begin(struct sc_builder *b);
/* The rule, + 1, that decides the number of slot @at; 0: none. */
static inline uint32_t sc_built_decided(const struct sc_builder *b, uint32_t at)
{
	uint32_t rule = at < b->decided->end ? b->decided->rules[at] : 0;

	return rule <= b->decided_end ? rule : 0;
}
/* All: 0 or -ENOMEM. The call of a number, made where it is new; NULL: no more rules are reached. It stays in its place
 * until the next is made. */
int sc_built_open(struct sc_builder *b, uint32_t nr, struct sc_built_call **out);
/* A rule without a condition. */
int sc_built_always(struct sc_builder *b, uint32_t nr, uint32_t action);
bool sc_built_is_newer(const struct sc_builder *b, const struct sc_target *target);
/* The terms of a rule, b->added of them: those of @terms (may be NULL), and the code of a carried call. */
int sc_built_terms(struct sc_builder *b, const struct sc_target *target,
	const struct sc_conjunction *terms);
/* No more rules for the architecture: its calls are lowered. */
int sc_built_finish(struct sc_builder *b);
/* A range of its numbers, and the lowered calls in it. */
int sc_built_abi(struct sc_builder *b, const struct sc_low_abi *abi, bool with_calls);
/* No more architectures: @out is all that was lowered, the caller's. */
void sc_builder_done(struct sc_builder *b, struct sc_lowered *out);

#pragma GCC visibility pop

#endif
