/* Integer mixing for open-addressed tables.
 * SPDX-License-Identifier: MIT */
#ifndef SC_UTIL_HASH_H
#define SC_UTIL_HASH_H

#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

/* A number of this process' own, for the first mix of a table: without it a caller could
 * choose values that all share one slot. What is built never depends on it. getauxval(3). */
static inline uint64_t sc_hash_seed(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM); /* 16 bytes */
	uint64_t seed = 1;

	if (random)
		memcpy(&seed, random, sizeof(seed));
	return seed;
}

/* Mixes @value into @seed; good enough in the high half for power-of-two tables. */
static inline uint64_t sc_hash_mix(uint64_t seed, uint64_t value)
{
	uint64_t h = (seed ^ value) * UINT64_C(0x9e3779b97f4a7c15);

	return h ^ (h >> 29);
}

#endif
