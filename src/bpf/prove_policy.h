/* A lowered policy as a function of the input.
 * SPDX-License-Identifier: MIT */
#ifndef SC_BPF_PROVE_POLICY_H
#define SC_BPF_PROVE_POLICY_H

#include "bpf/prove_bdd.h"
#include "lower/lower.h"

struct sc_cuts;

/* What lower.h says it means: the action for every input, with names for parts of it where
 * @cuts is not NULL. 0, -E2BIG or -ENOMEM. */
int sc_policy_function(struct sc_bdd *b, const struct sc_lowered *policy,
	struct sc_cuts *cuts, uint32_t *out);

/* Where @rule holds its action, elsewhere @f. */
uint32_t sc_policy_rule(struct sc_bdd *b, const struct sc_lowered *policy,
	const struct sc_low_abi *abi, const struct sc_low_rule *rule, uint32_t f);

/* Bit i of the action for every input, in out[i]. 0, -E2BIG or -ENOMEM. */
int sc_policy_bits(struct sc_bdd *b, uint32_t f, uint32_t out[32]);

/* 1 where @f says ALLOW whatever the arguments are, else 0: a function of arch and
 * number. 0, -E2BIG or -ENOMEM. */
int sc_policy_always_allows(struct sc_bdd *b, uint32_t f, uint32_t *out);

#endif
