/* How many calls in how much time.
 * SPDX-License-Identifier: MIT */
#include "rate.h"

#include <time.h>

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool cli_rate_take(struct cli_rate *rate, uint64_t count, uint64_t period_ns)
{
	uint64_t full = count * period_ns, now = now_ns(), gained;

	if (!rate->filled_ns || now - rate->filled_ns >= period_ns)
		rate->tokens = full;
	gained = (now - rate->filled_ns) * count;
	rate->tokens = gained > full - rate->tokens ? full : rate->tokens + gained;
	rate->filled_ns = now;
	if (rate->tokens < period_ns)
		return false;
	rate->tokens -= period_ns;
	return true;
}
