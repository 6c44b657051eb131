/* A policy without architectures: what is left after lowering.
 *
 * This is the contract between the front half (rules as the caller said them) and the back
 * half (decision graph, emission, proof). Nobody past this point knows what an architecture
 * is: multiplexed calls are expanded, x32 is a range of numbers, 32-bit words say so.
 *
 * The meaning of a lowered policy for one struct seccomp_data d:
 *  - find the ABI with abi.audit == d.arch and abi.first <= d.nr <= abi.last (d.nr as
 *    unsigned); none: the action is @badarch;
 *  - find the call with call.nr == d.nr in that ABI; none: abi.otherwise;
 *  - the action of the first rule of the call all of whose comparisons hold;
 *    none: abi.otherwise.
 * SPDX-License-Identifier: MIT */
#ifndef SC_LOWER_LOWER_H
#define SC_LOWER_LOWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "policy/cmp.h"

/* Values of (argument & mask): both ends are in it, and have no bit outside the mask. */
struct sc_range {
	uint64_t first, last;
};

struct sc_low_rule {
	uint32_t action;    /* the SECCOMP_RET_* value */
	uint32_t first_cmp; /* into sc_lowered.cmps */
	uint32_t n_cmps;    /* 0: the rule always matches */
};

struct sc_low_call {
	uint32_t nr;
	uint32_t first_rule; /* into sc_lowered.rules, in the order of matching; calls may share */
	uint32_t n_rules;
	uint32_t weight; /* 0..255: seccomp_syscall_priority() */
};

struct sc_low_abi {
	uint32_t audit;
	uint32_t first, last; /* the range of numbers, inclusive */
	uint32_t otherwise;   /* action for numbers without a matching rule */
	uint32_t first_call;  /* into sc_lowered.calls, ascending by nr, no number twice; its own */
	uint32_t n_calls;
	bool wide; /* 64-bit arguments; else the high words are not looked at */
};

struct sc_lowered {
	struct sc_low_abi *abis; /* ascending by (audit, first); ranges do not overlap */
	struct sc_low_call *calls;
	struct sc_low_rule *rules;
	struct sc_cmp *cmps; /* of a call: all are IN, or none is and an argument has one in a rule */
	struct sc_range *ranges; /* of an IN: ascending, with gaps between them; NULL: no IN */
	uint32_t n_abis, n_calls, n_rules, n_cmps;
	uint32_t badarch;
	bool big_endian; /* of every ABI: where the low word of an argument lies */
	void *block;	 /* what the arrays lie in, but for cmps */
};

struct sc_policy;

/* What @policy says, lowered. The comparisons stay the policy's, which must not change meanwhile;
 * the other arrays are one block, freed with sc_lowered_clear(). 0 or -ENOMEM (@out is
 * untouched). */
int sc_lower(const struct sc_policy *policy, struct sc_lowered *out);
static inline void sc_lowered_clear(struct sc_lowered *lowered)
{
	free(lowered->block);
	*lowered = (struct sc_lowered){0};
}

#endif
