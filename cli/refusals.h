/* Calls that a filter refused: each once, with why, and what would allow it.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_REFUSALS_H
#define CLI_REFUSALS_H

#include <sluice-profile.h>

#include "cli.h"
#include "filter.h"

struct refusal {
	uint32_t audit; /* AUDIT_ARCH_* */
	int nr;
	uint32_t verdict; /* SECCOMP_RET_*, with its data */
	uint64_t count;
	char *text; /* the first of them, with its arguments */
	char *by;   /* the program, or NULL */
	bool elsewhere; /* the profile allows it: other rules do not */
};

struct refusals {
	const char *file;		      /* what decided, or NULL: not known */
	const struct sluice_profile *profile; /* NULL: it is no profile */
	struct refusal *items;
	uint32_t n, cap;
	uint64_t more; /* calls that there was no place for */
};

/* A program can make calls of 2^32 numbers. */
#define REFUSALS_MAX 4096

/* The refusal of this kind; NULL: there was none yet. */
struct refusal *refusals_find(
	const struct refusals *all, uint32_t audit, int nr, uint32_t verdict);
/* A new one with a count of 1; @text and @by are copied. 0; 1: there are too many, it is counted only; -ENOMEM. */
int refusals_add(struct refusals *all, uint32_t audit, int nr, uint32_t verdict,
	const char *text, const char *by);
/* For people, or as JSON, to @out. */
void refusals_print(const struct refusals *all, bool json, FILE *out);
void refusals_clear(struct refusals *all);

/* Read lines of the kernel's audit log (type 1326). 0 or CLI_TROUBLE, said. */
int refusals_of_audit(struct cli *cli, const char *path, struct refusals *all);

#endif
