/* heap LIB.so POLICY OPTIMIZE: the most memory that init + rules + export holds, in
 * bytes.
 *
 * malloc(3) and its family are the program's own here: libraries opened later use them.
 * Apart from the timing programs, which must not pay for the counting.
 * SPDX-License-Identifier: MIT */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

void *__libc_malloc(size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_calloc(size_t n, size_t size);
void __libc_free(void *p);

static size_t held, peak, allocations;

static void *took(void *p)
{
	allocations++;
	held += p ? malloc_usable_size(p) : 0;
	if (held > peak)
		peak = held;
	return p;
}

static void gives(void *p)
{
	held -= p ? malloc_usable_size(p) : 0;
}

void *malloc(size_t size)
{
	return took(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return took(__libc_calloc(n, size));
}

void *realloc(void *p, size_t size)
{
	gives(p);
	return took(__libc_realloc(p, size));
}

void free(void *p)
{
	gives(p);
	__libc_free(p);
}

int main(int argc, char **argv)
{
	size_t before;
	struct policy policy;
	scmp_filter_ctx ctx;
	struct lib lib;
	uint32_t len;

	if (argc != 4)
		die("usage: heap LIB.so POLICY OPTIMIZE");
	lib_open(&lib, "lib", argv[1]);
	policy_read(&policy, argv[2], &lib, NULL);
	before = peak = held;
	allocations = 0;
	ctx = policy_build(&policy, &lib, (unsigned int)strtoul(argv[3], NULL, 10));
	program_of(&lib, ctx, &len);
	lib.release(ctx);
	printf("{\"peak\": %zu, \"allocations\": %zu}\n", peak - before, allocations);
	free(policy.rules);
	return 0;
}
