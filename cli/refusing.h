/* Running a program while a filter that is not loaded decides its calls, and noting what it refuses.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_REFUSING_H
#define CLI_REFUSING_H

#include <sluice-program.h>

#include "live.h"
#include "refusals.h"

/* Zero-initialised, but for @cli and @live.cli; refusing_clear() frees program, profile and
 * refusals. */
struct refusing {
	struct cli *cli;
	struct cli_live live;
	struct sluice_program *program; /* decides */
	struct sluice_profile *profile; /* what it was made of, or NULL */
	const struct sluice_program *alone; /* of @profile, where @program has more; or NULL */
	struct refusals refusals;
	FILE *report; /* gets the refusals at the end; NULL: stderr */
	char *text;    /* of @report, where it goes to a file */
	size_t size;
	bool answered; /* the report is whole */
	bool killed; /* the program itself, as the filter would have done it */
	int failed;  /* -ENOMEM: something could not be noted */
};

void refusing_clear(struct refusing *w);

/* Before anything runs: a report that cannot be written is known at once. NULL: standard error gets it. 0 or
 * CLI_TROUBLE, said. */
int refusing_open(struct refusing *w, const char *path);
/* After it was written. @status, or CLI_TROUBLE, said. */
int refusing_close(struct refusing *w, const char *path, int status);

/* Run the command line's program. Each call that the program of BPF refuses is noted and
 * refused as the kernel would do it; all of them are printed to @report at the end, as JSON with --json. Returns the
 * exit status of the program, 128+N after signal N; or CLI_TROUBLE, 126 or 127, said. */
int refusing_run(struct refusing *w);

#endif
