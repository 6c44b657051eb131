/* How often each thread has made a call that an expression names.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_OCCURRENCES_H
#define CLI_OCCURRENCES_H

#include <stdint.h>
#include <sys/types.h>

#include "util/set.h"

struct occurrence {
	uint64_t key[2]; /* the thread; call and expression, a number of the caller's */
	uint64_t count;	 /* the caller's to raise */
	uint32_t thread; /* in the order in which they were first met */
};

/* Start from {0}. */
struct occurrences {
	struct occurrence *items;
	uint32_t n, cap;
	struct sc_set by_key;
	uint64_t *threads; /* the thread numbered i + 1 */
	uint32_t n_threads, cap_threads;
	struct sc_set by_thread;
};

/* What tells a thread apart from all others, even from one that had the same id. */
uint64_t occurrences_thread(pid_t tid);
/* The counter of a thread and a call, valid until the next one is asked for; NULL: no
 * memory. */
struct occurrence *occurrences_of(
	struct occurrences *all, uint64_t thread, uint64_t what);
void occurrences_clear(struct occurrences *all);

#endif
