/* What holds a program that this tool starts: filters, and a ruleset of Landlock.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_CONFINE_H
#define CLI_CONFINE_H

#include <linux/filter.h>
#include <sluice-program.h>

#include "cli.h"

struct cli_target;
struct sluice_profile;

/* Zero-initialised, but for @ruleset. */
struct confine {
	struct cli *cli;
	struct sluice_program *profile; /* or NULL; may be several filters */
	struct sluice_profile *source;	/* of it, or NULL: it is no profile */
	struct sock_fprog policy;	/* no instructions: none */
	int ruleset;			/* of Landlock, or -1 */
	const char *hint;		/* why Landlock may refuse the program, or NULL */
};

void confine_clear(struct confine *c);

/* Read the profile (for @target), a BPF file, or the filters of a process. A profile under which no
 * program can start, end or return from a signal is refused. 0 or CLI_TROUBLE, said. */
int confine_profile(struct confine *c, const struct cli_target *target, const char *text);

/* Profile and policy as one program, whose instructions the caller frees. 0 or
 * CLI_TROUBLE, said. */
int confine_merge(const struct confine *c, struct sock_fprog *merged);

/* Become the program of the command line, under all of it. Returns only what went wrong,
 * said: CLI_TROUBLE, 126 or 127. */
int confine_exec(const struct confine *c);

#endif
