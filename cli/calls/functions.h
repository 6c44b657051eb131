/* Where functions begin and end.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_CALLS_FUNCTIONS_H
#define CLI_CALLS_FUNCTIONS_H

#include "calls/elf.h"

struct calls_function {
	uint64_t start, end; /* the end is one past the last byte */
};

/* Ascending by start, no start twice. */
struct calls_functions {
	struct calls_function *items;
	uint32_t n, cap;
};

/* All functions that the file itself names: in .eh_frame, in symbol tables, in Go's table of
 * functions, as entry points. 0 or -ENOMEM; the caller frees out->items. */
int calls_functions_find(const struct calls_elf *elf, struct calls_functions *out);

/* Add starts that only calls show: a function ends where the next one begins. 0 or -ENOMEM. */
int calls_functions_split(const struct calls_elf *elf, struct calls_functions *functions,
	const uint64_t *starts, uint32_t n);

/* The index of the function that starts at @address, or -1. */
int64_t calls_functions_at(const struct calls_functions *functions, uint64_t address);
/* The index of the last function that starts at or below @address, or -1. */
int64_t calls_functions_around(const struct calls_functions *functions, uint64_t address);

#endif
