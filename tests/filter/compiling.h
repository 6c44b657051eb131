/* Filters of text, and their programs, for tests that look at them.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_FILTER_COMPILING_H
#define TESTS_FILTER_COMPILING_H

#include "refusing.h"

static inline struct sluice_filter *parse(const char *text)
{
	struct sluice_filter *filter = NULL;
	struct sluice_error error = {0};

	if (sluice_filter_parse(text, strlen(text), "test", &filter, &error))
		printf("# %s: %s\n", error.where, error.message);
	return filter;
}

static inline struct sock_fprog compile(const char *text)
{
	struct sluice_filter *filter = parse(text);
	struct sluice_error error = {0};
	struct sock_fprog prog = {0};
	size_t count = 0;

	if (filter && sluice_filter_compile(filter, &prog.filter, &count, &error))
		printf("# %s: %s\n", error.where, error.message);
	if (filter && prog.filter && sluice_filter_prove(filter, prog.filter, count, NULL, &error)) {
		printf("# not proved: %s\n", text);
		n_failed++;
	}
	prog.len = (unsigned short)count;
	sluice_filter_free(filter);
	return prog;
}

#endif
