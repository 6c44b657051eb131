/* What the files that compile profiles share.
 * SPDX-License-Identifier: MIT */
#ifndef SC_PROFILE_COMPILE_H
#define SC_PROFILE_COMPILE_H

#include "model.h"

#define SC_PROFILE_ARCHES 24 /* as many as libseccomp knows */

#pragma GCC visibility push(hidden)

/* The caller's target with nothing left open; its machine and kernel are known. */
int sc_target_fill(const struct sluice_target *target, struct sluice_target *filled);

/* Whether an entry counts there: its includes and excludes. */
bool sc_target_applies(const struct sluice_target *t, const struct sc_entry *e);

/* Architectures of the filter: those that the profile says, this machine's where it says
 * none. -EINVAL: too many. */
int sc_target_arches(const struct sluice_profile *resolved, const struct sluice_target *t,
	uint32_t arches[SC_PROFILE_ARCHES], unsigned *n);

__attribute__((format(printf, 6, 7))) int sc_target_say(const struct sluice_target *t,
	enum sluice_severity severity, const char *rule, struct sc_place at,
	const char *path, const char *format, ...);

/* One rule, as libseccomp is given it: @args of the entry, @n_args of them. */
struct sc_rule {
	const struct sc_entry *entry;
	const struct sc_arg *args;
	uint32_t n_args;
	uint32_t name; /* index into the entry's names */
	uint32_t action;
};

/* The rules that the runtime adds, in its order, each known name of them. @add returns 0,
 * or an error that ends it. -EINVAL: the runtime refuses the profile, and the target's
 * report has heard why. */
int sc_target_rules(const struct sluice_profile *resolved, const struct sluice_target *t,
	int (*add)(const struct sc_rule *rule, void *data), void *data);

/* cutoff.c: at most SC_CUTOFF_MAX instructions that go in front of the filter; 0: none.
 */
#define SC_CUTOFF_MAX (6 * SC_PROFILE_ARCHES + 4)
int sc_cutoff_program(const struct sluice_profile *resolved,
	const struct sluice_target *t, struct sock_filter insns[SC_CUTOFF_MAX],
	unsigned *n);

#pragma GCC visibility pop

#endif
