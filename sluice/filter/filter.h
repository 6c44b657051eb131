/* Filters of ordered rules: what the files of this room share.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_FILTER_FILTER_H
#define SLUICE_FILTER_FILTER_H

#include <sluice-filter.h>
#include <stdarg.h>

#include "arch/arch.h"
#include "bpf/bpf.h"
#include "lower/lower.h"

#pragma GCC visibility push(hidden)

/* A copy of a rule: behind it lies all that it points to. */
struct sc_said {
	struct sluice_rule rule;
	struct sluice_value values[]; /* of all conditions; then these, then texts */
};

struct sc_filter_rule {
	uint32_t action;
	int row;	      /* of the named call; -1 */
	struct sc_said *said; /* NULL: the action, the call's name, and nothing else */
	uint32_t next; /* rule, + 1, that says or owns more than its action for numbers; 0: no more */
	bool is_plain; /* struct sc_decided has all that it says */
};

/* A number that a rule is about on one architecture. */
struct sc_target {
	int nr;
	int row;       /* of the call; -1 */
	int said_row;  /* of the call that the rule names: @row, or a sibling of it; -1 */
	bool carried;  /* the call in @nr, a multiplexer, with argument 0 == @code */
	uint32_t code, mask; /* of argument 0; the kernel reads no more of it than @mask */
	bool named;    /* by its name or number, not by a group */
};

struct sc_targets {
	struct sc_target *at;
	uint32_t n, cap;
};

#define SC_FILTER_DENSE 1024 /* numbers from an architecture's base on that are found by index */

/* What rules that name a call, and ask nothing of its arguments, say about the numbers of an architecture. */
struct sc_decided {
	const int16_t *cells; /* [row]: the call's number, from the base on; < 0: none */
	bool has_mux;	      /* as the architecture's */
	uint32_t end;	      /* no number from here on is known */
	uint32_t rules[SC_FILTER_DENSE]; /* up to @end: the first, + 1, behind which none is reached; 0: none */
};

struct sluice_filter {
	struct sc_targets scratch; /* while a rule is judged */
	uint32_t default_action, badarch_action;
	enum sluice_multiplexed multiplexed;
	int optimize;
	const struct sc_arch **archs; /* as they were given */
	uint32_t n_archs;
	bool all_archs; /* nobody chose them */
	struct sc_filter_rule *rules;
	uint32_t n_rules, cap_rules;
	uint32_t last_action; /* which is valid */
	uint32_t first_more, last_more; /* of those that are not plain, or own something; + 1 */
	struct sc_decided *decided_end; /* behind the last of decided */
	unsigned newer; /* major << 16 | minor; 0: no cut-off */
	uint32_t newer_action;
	struct sc_decided decided[]; /* of each architecture */
};

/* filter.c */
bool sc_filter_action_valid(uint32_t action);
/* The architectures that programs for @archs, or for this machine, have. */
int sc_filter_archs(const uint32_t *archs, size_t n, const struct sc_arch ***out, uint32_t *n_out,
	struct sluice_error *error);

/* error.c: fills @error, if there is one, and returns @rc. */
int sc_filter_error(struct sluice_error *error, int rc, const char *where, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The same with the rule's number, action and call before the sentence. */
int sc_filter_rule_error(struct sluice_error *error, int rc, const struct sluice_filter *filter,
	uint32_t rule, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* lower.c: what the filter says, for the passes of src/; an array each, not one block. */
int sc_filter_lower(
	const struct sluice_filter *filter, struct sc_lowered *out, struct sluice_error *error);
void sc_filter_lowered_clear(struct sc_lowered *lowered);

/* compile.c: the program; the caller frees out->insns. */
int sc_filter_program(
	const struct sluice_filter *filter, struct sc_prog *out, struct sluice_error *error);

#pragma GCC visibility pop

#endif
