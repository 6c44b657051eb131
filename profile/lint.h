/* What the checks of profiles share.
 * SPDX-License-Identifier: MIT */
#ifndef SC_PROFILE_LINT_H
#define SC_PROFILE_LINT_H

#include "compile.h"

#pragma GCC visibility push(hidden)

/* One use of a name by an entry that counts for the target. */
struct sc_use {
	const char *name;
	const struct sc_entry *entry;
	uint32_t index; /* of the name in the entry */
};

struct sc_kept; /* a finding with text of its own */

struct sc_lint {
	const struct sluice_profile *p;
	struct sluice_target t;
	uint32_t arches[SC_PROFILE_ARCHES];
	unsigned n_arches;
	uint32_t action;     /* the default, with its errno */
	bool permissive;     /* it lets calls through */
	struct sc_use *uses; /* sorted by name, then by place */
	uint32_t n_uses, cap_uses;
	struct sc_kept *kept;
	uint32_t n_kept, cap_kept;
	unsigned looks; /* as sc_reading's */
	int error; /* sticky */
};

/* Everything that the passes look at. @l is zeroed, and freed by sc_lint_free() whatever
 * is returned. */
int sc_lint_begin(struct sc_lint *l, const struct sluice_profile *p,
	const struct sluice_target *target);
void sc_lint_free(struct sc_lint *l);
/* What was found, in the order of lines. Its number, or -errno. */
int sc_lint_report(struct sc_lint *l, sluice_report report, void *data);

/* What the words of a finding are made of. */
struct sc_words_of {
	const char *why, *fix;
};

/* Keep a finding at @at; @e may be NULL, @rest is behind its path. */
__attribute__((format(printf, 8, 9))) void sc_lint_say(struct sc_lint *l,
	enum sluice_severity severity, const char *rule, const struct sc_entry *e,
	struct sc_place at, const char *rest, struct sc_words_of words,
	const char *format, ...);

/* Uses of a name: the first; *@n of them. */
const struct sc_use *sc_lint_uses(const struct sc_lint *l, const char *name, uint32_t *n);

/* What the profile does with a call. */
enum sc_verdict {
	SC_REFUSED,   /* always */
	SC_PARTLY,    /* arguments decide */
	SC_PERMITTED, /* always */
};
enum sc_verdict sc_lint_verdict(const struct sc_lint *l, const char *name);

bool sc_is_permissive(uint32_t action);

/* lint_args.c, lint_calls.c, lint_names.c: one pass each. */
void sc_lint_args(struct sc_lint *l);
void sc_lint_calls(struct sc_lint *l);
void sc_lint_names(struct sc_lint *l);

/* How many bits the kernel reads of an argument, on the narrowest architecture of the
 * target; 64 where nobody knows. */
unsigned sc_lint_width(const struct sc_lint *l, const char *name, uint32_t index);

/* Whether one comparison reads more than the kernel does. */
enum sc_width {
	SC_WIDTH_GOOD,
	SC_WIDTH_CLOSES, /* garbage above makes the profile refuse what it means to permit
			  */
	SC_WIDTH_OPENS,	 /* garbage above gets past it */
	SC_WIDTH_NEVER,	 /* the value is beyond what the kernel reads */
};
enum sc_width sc_lint_judge(const struct sc_arg *arg, unsigned bits, bool permits);

#pragma GCC visibility pop

#endif
