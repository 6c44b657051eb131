/* Random rule sets, a function of their seed.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_DIFFERENTIAL_POLICY_H
#define TESTS_DIFFERENTIAL_POLICY_H

#include "cases/script.h"

enum policy_kind {
	POLICY_FULL,   /* transactions, precompute: what came with 2.6 */
	POLICY_BEFORE_26,
	POLICY_OURS,   /* and rules on -1, where x86_64 and x32 meet */
};

/* Appends calls and rows to the empty @s. */
void policy_random(uint64_t seed, enum policy_kind kind, struct scenario *s);

#endif
