/* A program with an end that a first run does not show: ending reads the clock; "ending
 * abort" also calls abort(3), "ending assert" fails an assertion.
 * SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv)
{
	struct timespec t;
	const char *how = argc > 1 ? argv[1] : "";

	if (clock_gettime(CLOCK_MONOTONIC, &t) || time(NULL) < 1000) {
		puts("no clock");
		return 3;
	}
	if (strcmp(how, "abort") == 0)
		abort();
	assert(strcmp(how, "assert") != 0);
	puts("a clock");
	return 0;
}
