/* What a filter says to one call, found out the slow way. Written from sluice_filter_new(3) alone; it shares
 * no code with the library.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_FILTER_JUDGE_H
#define TESTS_FILTER_JUDGE_H

#include <sluice-filter.h>

struct judged {
	struct sluice_filter_options options;
	struct sluice_rule rules[32];
	unsigned n_rules;
};

/* What two programs that return @a and @b decide together. */
uint32_t judge_together(enum sluice_merge how, uint32_t a, uint32_t b);

uint32_t judge(const struct judged *f, const struct seccomp_data *data);

#endif
