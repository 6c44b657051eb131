/* How the tests of refusals count and compare.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_FILTER_REFUSING_H
#define TESTS_FILTER_REFUSING_H

#include <sluice-filter.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned int n_checks, n_failed;

static void check(bool holds, const char *name)
{
	n_checks++;
	n_failed += !holds;
	printf("%s %u - %s\n", holds ? "ok" : "not ok", n_checks, name);
}

/* Does the error have the code, and say this in its message or its place? */
static inline bool said(const struct sluice_error *error, int rc, int wanted, const char *says)
{
	bool good = rc == wanted && error->code == -wanted &&
		(strstr(error->message, says) || strcmp(error->where, says) == 0);

	if (!good)
		printf("# %d, not %d; at \"%s\": %s\n", rc, wanted, error->where, error->message);
	return good;
}

#endif
