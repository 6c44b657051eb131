/* Sweeps: a program is run once for each call that an expression would change, and
 * changed there alone.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_SWEEP_H
#define CLI_SWEEP_H

#include "injecting.h"

#define SWEEP_FILES_MAX 65536

/* What one run did. Shared with the process that runs it. */
struct sweep_run {
	struct injecting_probe probe;
	int rc;	    /* as cli_live_run() */
	int status; /* 0 to 255; 128+N: signal N */
	bool done;  /* rc and status are valid */
	bool hung;  /* it did not end in time, and was killed */
	bool cut;   /* more files than fit */
	double seconds;
	/* What was open when processes ended, each with a null byte behind it. */
	char files[SWEEP_FILES_MAX];
	uint32_t files_size;
};

struct sweep_options {
	uint64_t timeout; /* seconds for one run; 0: ten times the undisturbed run, and 5
			   */
	bool no_leaks;	  /* do not look at descriptors */
	bool verbose;	  /* print every run */
};

/* Memory for a run that a child can fill; sweep_run_free() when done. NULL: none. */
struct sweep_run *sweep_run_new(void);
void sweep_run_free(struct sweep_run **run);

/* Run the program once with the call @only changed (0: none), for @limit seconds at most
 * (0: without end), and fill *@out. All its processes have ended then. 0; CLI_TROUBLE,
 * said; 126 or 127 as cli_live_run(); 128+N if signal N ended the tool's wait. */
int sweep_run_once(const struct injecting *in, scmp_filter_ctx filter,
	const struct sweep_options *options, uint64_t only, double limit,
	struct sweep_run *out);

/* Before the first run: signals, and processes that lost their parents. */
void sweep_begin(void);

/* The whole sweep, with its table on stdout. CLI_YES, CLI_NO with findings, or
 * CLI_TROUBLE, said. 128+N after signal N. */
int sweep(const struct injecting *in, scmp_filter_ctx filter,
	const struct sweep_options *options);

#endif
