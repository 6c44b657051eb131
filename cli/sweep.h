/* Sweeps: a program is run once for each call that the expressions would change, and
 * changed there alone.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_SWEEP_H
#define CLI_SWEEP_H

#include "injecting.h"

#define SWEEP_NAMES_MAX	  1024
#define SWEEP_LETTERS_MAX 131072

/* What was open when processes ended: names, and how often. */
struct sweep_files {
	struct {
		uint32_t name; /* where it begins in @letters */
		uint32_t times;
	} names[SWEEP_NAMES_MAX];
	uint32_t n, size;
	char letters[SWEEP_LETTERS_MAX];
	bool cut;    /* there were more names than fit */
	bool unseen; /* a process does not let its descriptors be seen */
};

/* What one run did. Shared with the process that runs it. */
struct sweep_run {
	struct injecting_probe probe;
	struct sweep_files files;
	int rc;	    /* as cli_live_run() */
	int status; /* 0 to 255; 128+N: signal N */
	int signal; /* what ended the program, or 0 */
	bool done;  /* rc, status and signal are valid */
	bool hung;  /* it did not end in time, and was killed */
	bool lost;  /* something else ended its supervisor */
	double seconds;
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

/* Before the first run: signals that end the tool end the run first. */
void sweep_begin(void);
/* Run the program once with the call @only changed (0: none), for @limit seconds at most
 * (0: without end), and fill *@out. All its processes have ended then. 0; CLI_TROUBLE,
 * said; 126 or 127 as cli_live_run(); 128+N if signal N came to the tool. */
int sweep_run_once(const struct injecting *in, scmp_filter_ctx filter,
	const struct sweep_options *options, uint64_t only, double limit,
	struct sweep_run *out);

/* sweep_files.c: note what the process of @request has open; a sweep_files's at_end(). */
void sweep_files_note(struct sluice_request *request, void *data);
/* What is open more often than in @base, although no other file of its folder is open
 * less often: call with 0, then with the last result + 1; UINT32_MAX: nothing more. */
uint32_t sweep_files_more(
	const struct sweep_files *files, const struct sweep_files *base, uint32_t from);
const char *sweep_files_name(const struct sweep_files *files, uint32_t i);

/* The whole sweep, with its table on stdout. CLI_YES, CLI_NO with findings, or
 * CLI_TROUBLE, said. 128+N after signal N. */
int sweep(const struct injecting *in, scmp_filter_ctx filter,
	const struct sweep_options *options);

#endif
