/* Arguments whose width is tried on the running kernel.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_MEANING_WIDTHS_H
#define TESTS_MEANING_WIDTHS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "compat.h"

#define DENIED ENOMEDIUM /* of none of these calls */

/* With @value and with @other the call has two results. */
struct trial {
	const char *call, *argument;
	uint64_t value, other;
	uint64_t args[6];
};

/* compat.c: a program at @path, for x86, as a child behind a filter for all ABIs. How many tests there are of @n
 * trials, and all of them as TAP, numbered from @first on; @path NULL: skipped. False: one failed. */
unsigned compat_tests(size_t n);
bool compat_run(const char *path, const struct trial *trials, size_t n, unsigned first);

#endif
