/* The library as tests/cases sees it, with every call failing on its way.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_ALLOC_FAILING_H
#define TESTS_ALLOC_FAILING_H

#include "lib.h"

struct failures {
	unsigned long injected;  /* allocations that failed */
	unsigned long refused;   /* calls that said -ENOMEM (or NULL) then */
	unsigned long tolerated; /* calls that did without */
	unsigned long wrong;     /* checks that did not hold; said on stdout */
};
extern struct failures failures;

/* Checks less often, for scenarios with very many rules. */
extern bool fail_sparsely;

/* A library each of whose calls first fails at its first allocation, then at its second,
 * ... and each time must say so and change nothing, until it gets through. */
void failing_library(struct lib *lib);

#endif
