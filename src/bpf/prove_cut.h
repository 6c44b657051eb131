/* Proof by parts, for calls with many rules over many arguments.
 * SPDX-License-Identifier: MIT */
#ifndef SC_BPF_PROVE_CUT_H
#define SC_BPF_PROVE_CUT_H

#include "bpf/prove_bdd.h"
#include "lower/lower.h"

struct sc_cuts;

/* Is there a call for which parts are worth while? */
bool sc_cuts_wanted(const struct sc_lowered *policy);

/* 0, -E2BIG or -ENOMEM. *@out is the caller's to free; @b and @policy outlive it. */
int sc_cuts_new(struct sc_bdd *b, const struct sc_lowered *policy, struct sc_cuts **out);
void sc_cuts_free(struct sc_cuts *cuts);

/* What a part of the program does, @f, or the name of the rules that do the same. */
uint32_t sc_cuts_seen(struct sc_cuts *cuts, uint32_t f);

/* The function of a call, with the names that were given. */
uint32_t sc_cuts_call(struct sc_cuts *cuts, const struct sc_low_abi *abi,
	const struct sc_low_call *call);

#endif
