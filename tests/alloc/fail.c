/* The C library's allocator is called through these names by everybody, itself included
 * (open_memstream(3)), so a program that defines them sees every allocation.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "fail.h"

/* glibc's own, under the names that it keeps for such programs. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *block);

static unsigned int left; /* allocations until the one that fails; 0: none */
static bool failed, forbidden;
static atomic_long alive, bytes, peak;

void fail_at(unsigned int nth)
{
	left = nth;
	failed = false;
}

bool fail_end(void)
{
	left = 0;
	return failed;
}

void fail_forbid(void)
{
	forbidden = true;
}

long fail_alive(void)
{
	return alive;
}

void fail_peak_from_here(void)
{
	peak = 0;
	bytes = 0;
}

long fail_peak(void)
{
	return peak;
}

static bool refuse(void)
{
	if (forbidden) {
		static const char text[] = "# an allocation where there must be none\n";

		if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
			_exit(98);
		_exit(99);
	}
	if (left == 0 || --left > 0)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

static void *count(void *block)
{
	alive += block != NULL;
	bytes += (long)malloc_usable_size(block);
	if (bytes > peak)
		peak = bytes;
	return block;
}

void *malloc(size_t size)
{
	return refuse() ? NULL : count(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return refuse() ? NULL : count(__libc_calloc(n, size));
}

void *realloc(void *old, size_t size)
{
	long before = (long)malloc_usable_size(old);
	void *block;

	if (refuse())
		return NULL;
	block = __libc_realloc(old, size);
	if (!block && size)
		return NULL;
	alive -= old != NULL;
	bytes -= before;
	return count(block);
}

void free(void *block)
{
	alive -= block != NULL;
	bytes -= (long)malloc_usable_size(block);
	__libc_free(block);
}
