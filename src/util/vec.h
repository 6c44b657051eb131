/* Growing arrays: make room first, then nothing can fail.
 * SPDX-License-Identifier: MIT */
#ifndef SC_UTIL_VEC_H
#define SC_UTIL_VEC_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Room for @more elements of @size behind the @n that *@array holds. 0 or -ENOMEM (the
 * array is as before). */
static inline int sc_vec_reserve(void *array, uint32_t *cap, uint32_t n, uint32_t more,
	size_t size)
{
	void *old, *grown;
	uint64_t want = (uint64_t)n + more;

	if (want <= *cap)
		return 0;
	if (want < 2 * (uint64_t)*cap)
		want = 2 * (uint64_t)*cap;
	if (want < 16)
		want = 16;
	if (want > UINT32_MAX || want > SIZE_MAX / size)
		return -ENOMEM;
	memcpy(&old, array, sizeof(old));
	grown = realloc(old, (size_t)want * size);
	if (!grown)
		return -ENOMEM;
	memcpy(array, &grown, sizeof(grown));
	*cap = (uint32_t)want;
	return 0;
}

#define sc_reserve(array, cap, n, more)                                                  \
	sc_vec_reserve(&(array), &(cap), (n), (more), sizeof(*(array)))

/* A copy of @n elements; NULL with @n > 0 means no memory. */
static inline void *sc_vec_copy(const void *array, uint32_t n, size_t size)
{
	void *copy = malloc(n ? n * size : 1);

	if (copy && n)
		memcpy(copy, array, n * size);
	return copy;
}

#endif
