/* An allocator that fails when asked to, and counts what is alive.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_ALLOC_FAIL_H
#define TESTS_ALLOC_FAIL_H

#include <stdbool.h>

/* The @nth allocation from now on fails, once; 0: none does. */
void fail_at(unsigned int nth);
/* Ends it. Did one fail? */
bool fail_end(void);

/* From now on an allocation ends the process. */
void fail_forbid(void);

/* The most bytes that were in use at once since fail_peak_from_here(), beyond what was then. */
void fail_peak_from_here(void);
long fail_peak(void);

/* Blocks that were allocated and not freed. */
long fail_alive(void);

#endif
