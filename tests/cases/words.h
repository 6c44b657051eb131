/* The words of case files and their values; used for reading and for writing.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_CASES_WORDS_H
#define TESTS_CASES_WORDS_H

#include <stdint.h>

struct word {
	const char *name;
	uint32_t value;
};

extern const struct word words_ops[], words_cmps[], words_attrs[], words_actions[],
	words_errors[];

/* NULL when there is none. */
const char *word_name(const struct word *table, uint32_t value);
/* -1 when there is none. */
int64_t word_value(const struct word *table, const char *name);

#endif
