/* How many calls in how much time.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_RATE_H
#define CLI_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* Start from {0}. One thread at a time. */
struct cli_rate {
	uint64_t tokens; /* a call costs as many as the period has nanoseconds */
	uint64_t filled_ns;
};

/* Whether one more call is within @count of them in @period_ns; then it counts. The calls of one period
 * can be saved up. @count times @period_ns is less than 2^64. */
bool cli_rate_take(struct cli_rate *rate, uint64_t count, uint64_t period_ns);

#endif
