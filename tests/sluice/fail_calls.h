/* Allocations and system calls of libsluice that fail when asked to. A copy of the library has
 * all of them under other names (failing.syms), which are functions here: a test's own calls never fail.
 * SPDX-License-Identifier: MIT
 *
 * What fails is named by its site: the place in the library that calls, and what it calls. So a run
 * with other threads' calls in another order fails the same one. Children of the library have the
 * sites in common with it: whoever comes first fails. */
#ifndef TESTS_SLUICE_FAIL_CALLS_H
#define TESTS_SLUICE_FAIL_CALLS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAIL_SITES 4096

/* Besides the numbers of system calls. */
enum { FAIL_MEMORY = 100000, FAIL_THREAD, FAIL_EXPORT, FAIL_NAME, FAIL_CALLS };

struct fail_site {
	_Atomic uint64_t key; /* 0: none */
	uintptr_t address;    /* where it returns to */
	int call;	      /* its number, or one of the above */
	long detail;	      /* argument 1 of those that do many things; else 0 */
	atomic_uint passed;   /* in this run */
	atomic_uint most;     /* in any run */
	const struct fail_site *after; /* it was first met when that had failed; or NULL */
};

/* The @nth call of @site in a run fails with @error. */
struct failure {
	const struct fail_site *site;
	unsigned nth;
	int error;
	atomic_bool fired;
};

/* In memory that all processes of a test share. */
struct fail_calls {
	struct fail_site sites[FAIL_SITES];
	atomic_bool armed;
	struct failure first, second; /* that one only after this one */
	atomic_bool full; /* more sites than places */
};
extern struct fail_calls *fail_calls;

void fail_calls_begin(void);
/* From now on: the @nth call of @site (or NULL) fails with @error. If @site is one that is met only after
 * another failed, that one fails first. */
void fail_calls_arm(const struct fail_site *site, unsigned nth, int error);
void fail_calls_disarm(void);
/* Whether one has failed; whether all have. */
bool fail_calls_fired(void);
bool fail_calls_done(void);
/* Whether all that failed is one call that a signal has interrupted. */
bool fail_calls_interrupted(void);
/* What @site may say, most usual first, ended by 0. */
const int *fail_calls_errors(const struct fail_site *site);
/* @text is of the test's size. */
void fail_calls_describe(const struct fail_site *site, char *text, size_t size);
/* Blocks and mappings of the library in this process. */
long fail_calls_blocks(void);
long fail_calls_mappings(void);

#endif
