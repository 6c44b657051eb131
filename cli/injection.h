/* Expressions of strace(1) that say which calls fail, how and when.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_INJECTION_H
#define CLI_INJECTION_H

#include <sluice-calls.h>
#include <sluice.h>

#include "cli.h"

#define INJECTIONS_MAX 64 /* expressions: one bit each */

enum injection_result {
	INJECTION_NONE, /* the call happens */
	INJECTION_ERROR,
	INJECTION_VALUE,
};

/* One expression. Strings are its own copy's. */
struct injection {
	const char *text; /* of the command line */
	char *copy;
	const char *set;
	enum injection_result result;
	int error;
	int64_t value;
	int signal;		    /* 0: none */
	uint64_t delay_ns;	    /* before the call */
	uint32_t first, last, step; /* occurrences in one thread, from 1 */
	bool always;		    /* every occurrence: nothing is counted */
	uint32_t chance;	    /* of 2^32 - 1; that: always */
	const char *path;	    /* a pattern of fnmatch(3), or NULL */
	unsigned int arguments;	    /* bits: arguments that must have a value */
	uint64_t values[6];
	uint64_t happened;
};

/* Read "inject=SET:..." or "fault=SET:..." 0; -1: it was said on stderr. */
int injection_parse(const struct cli *cli, const char *text, struct injection *out);
void injection_clear(struct injection *injection);

/* Whether @set has the call @info: names, numbers, all, %class, @group, /regex, behind !
 * all others. */
bool injection_has(
	const struct injection *injection, const struct sluice_call_info *info);

/* Does the @count-th occurrence, from 1 on, count? */
bool injection_when(const struct injection *injection, uint64_t count);

#endif
