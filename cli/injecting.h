/* Carrying out injections: which calls notify, whose turn it is, what the call gets.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_INJECTING_H
#define CLI_INJECTING_H

#include "injection.h"
#include "live.h"
#include "occurrences.h"
#include "replay.h"

/* A call of one ABI that some expression names. */
struct injecting_call {
	const char *name;
	uint32_t arch; /* SCMP_ARCH_* */
	int nr;
	unsigned int n_args, paths; /* bits: arguments that are paths */
	uint64_t injections;	    /* bits */
	bool ends;		    /* the process, with all threads */
};

#define INJECTING_TEXT_MAX (CLI_LIVE_CALL_MAX + 128)

/* One run of a sweep: no call is changed but one, and what happens is noted. */
struct injecting_probe {
	uint64_t
		only; /* which of the calls that expressions change, from 1 on; 0: none */
	uint64_t met; /* out: those so far */
	char text[INJECTING_TEXT_MAX]; /* out: that call, and what it got */
	/* A process is about to end by exit(3); NULL: it does not matter. */
	void (*at_end)(struct sluice_request *request, void *data);
	void *data;
};

struct injecting {
	struct cli *cli;
	struct cli_live *live;
	struct injection *injections;
	unsigned int n_injections;
	struct injecting_call *calls; /* in the order of architectures and numbers */
	uint32_t n, cap;
	struct occurrences counts;
	uint64_t seed;
	struct replay replay;  /* what to write, or to do again in place of injections */
	bool verbose, launched;
	bool ends; /* before injecting_prepare(): notify the ends of processes, too */
	struct injecting_probe *probe; /* or NULL */
	int failed;		       /* -ENOMEM: an occurrence could not be counted */
};

/* Find the calls, and make the filter that notifies them; the caller releases it. 0 or
 * -errno. */
int injecting_prepare(struct injecting *in, scmp_filter_ctx *filter);
/* Run the command line's program under @filter with these injections; as cli_live_run().
 */
int injecting_run(
	struct injecting *in, scmp_filter_ctx filter, struct cli_live *live, int *status);
void injecting_clear(struct injecting *in);

#endif
