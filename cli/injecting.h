/* Carrying out injections: which calls notify, whose turn it is, what the call gets.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_INJECTING_H
#define CLI_INJECTING_H

#include "injection.h"
#include "live.h"

/* A call of one ABI that some expression names. */
struct injecting_call {
	const char *name;
	uint32_t arch; /* SCMP_ARCH_* */
	int nr;
	unsigned int n_args, paths; /* bits: arguments that are paths */
	uint64_t injections;	    /* bits */
};

/* How often an expression has met one call in one thread. */
struct injecting_count {
	uint64_t key[2]; /* start of the thread and its id; call and expression */
	uint64_t count;
	uint32_t thread; /* in the order in which they were first met */
};

struct injecting {
	struct cli *cli;
	struct cli_live *live;
	struct injection *injections;
	unsigned int n_injections;
	struct injecting_call *calls; /* in the order of architectures and numbers */
	uint32_t n, cap;
	struct injecting_count *counts; /* in the order of keys */
	uint32_t n_counts, cap_counts;
	uint64_t seed;
	bool verbose, launched;
	int failed; /* -ENOMEM: an occurrence could not be counted */
};

/* Find the calls, and make the filter that notifies them; the caller releases it. 0 or
 * -errno. */
int injecting_prepare(struct injecting *in, scmp_filter_ctx *filter);
/* A sluice_handler; @data is the struct injecting. */
int injecting_handle(struct sluice_request *request, void *data);
void injecting_clear(struct injecting *in);

#endif
