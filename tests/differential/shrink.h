/* A failing random policy, made as small as it still fails.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_DIFFERENTIAL_SHRINK_H
#define TESTS_DIFFERENTIAL_SHRINK_H

#include "cases/run.h"
#include "policy.h"

/* Prints a case file, each line behind "# ". @only_unlisted: a difference of a listed class
 * does not count as failing. */
void shrink_and_print(const struct lib *lib, uint64_t seed, enum policy_kind kind,
	bool only_unlisted, FILE *out);

#endif
