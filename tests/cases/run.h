/* Runs a scenario: on a library, on the naive evaluator, in the kernel.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_CASES_RUN_H
#define TESTS_CASES_RUN_H

#include "lib.h"
#include "script.h"

struct outcome {
	int rc;
	uint32_t value; /* what expect_value is compared with */
};

/* Fills @out, one for each op. */
void run_library(const struct lib *lib, const struct scenario *s, struct outcome *out);
void run_oracle(const struct scenario *s, struct outcome *out);

/* As run_library, in a child that may crash or hang: what it did not reach is NOT_REACHED.
 * The result is valid until the next call. */
struct outcome *run_forked(const struct lib *lib, const struct scenario *s,
	unsigned int seconds);

bool outcome_differs(const struct op *op, const struct outcome *got);
bool outcome_equal(const struct op *op, const struct outcome *a, const struct outcome *b);
void outcome_print(const struct op *op, const struct outcome *o, FILE *out);

/* Brings a library's context to the state before op @until. */
void run_until(const struct lib *lib, const struct scenario *s, unsigned int until,
	scmp_filter_ctx ctx[N_CONTEXTS + 1]);

/* Makes the call of row @at with the filter loaded. 0 and *@value = the action seen;
 * -EOPNOTSUPP when the row cannot be run here; else what failed. */
int run_live(const struct lib *lib, const struct scenario *s, unsigned int at,
	uint32_t *value);

#endif
