/* One rule: a copy of what was said, where it applies, and what it asks there.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_FILTER_RULE_H
#define SLUICE_FILTER_RULE_H

#include <string.h>

#include "filter/filter.h"
#include "filter/set.h"
#include "meaning/meaning.h"

#pragma GCC visibility push(hidden)

#define SC_CONDITIONS_MAX 14 /* of a rule: two sets each, for pairs of registers, fit 32 */

/* rule.c. A copy; the caller frees out->said. 0, -EINVAL or -ENOMEM (@out is untouched). */
int sc_rule_copy(const struct sluice_rule *rule, struct sc_filter_rule *out);
/* What was said. */
static inline struct sluice_rule sc_rule_said(const struct sc_filter_rule *rule)
{
	if (rule->said)
		return rule->said->rule;
	return (struct sluice_rule){.size = sizeof(struct sluice_rule),
		.action = rule->action,
		.call = sc_syscall_name(rule->row)};
}
/* Can it be about @arch? */
static inline bool sc_rule_has_arch(const struct sc_filter_rule *rule, const struct sc_arch *arch)
{
	return !rule->said || !rule->said->rule.arch || rule->said->rule.arch == arch->token;
}
/* Is it for every number that no rule before it is about? */
static inline bool sc_rule_is_rest(const struct sc_filter_rule *rule)
{
	const char *call = rule->row < 0 ? rule->said->rule.call : NULL;

	return call && strcmp(call, "*") == 0;
}
/* Does the filter's rule @rule (its last, not counted yet) make sense? */
int sc_rule_check(struct sluice_filter *filter, uint32_t rule, struct sluice_error *error);

/* -ENOENT, of a rule whose call no architecture has. */
int sc_rule_nowhere(
	const struct sluice_filter *filter, uint32_t rule, struct sluice_error *error);

/* targets.c: has @arch the call, by its own number or a multiplexer's? */
static inline bool sc_row_exists(const struct sc_arch *arch, int row)
{
	return (arch->has_mux && sc_syscall_is_carried(row)) || sc_syscall_own_nr(arch, row) >= 0;
}
/* The other names of the call that @rule names, as far as it is about them: *@n of them. */
static inline const struct sc_meaning_sibling *sc_rule_other_names(
	const struct sc_filter_rule *rule, unsigned int *n)
{
	const struct sc_meaning_sibling *names = sc_meaning_names(rule->row, n);

	if (rule->said && rule->said->rule.flags & SLUICE_RULE_EXACT)
		*n = 0;
	return names;
}
/* Adds those of one row for @rule. 0 or -ENOMEM. */
int sc_targets_of_row(const struct sc_filter_rule *rule, const struct sc_arch *arch, int row,
	struct sc_targets *out);
void sc_targets_clear(struct sc_targets *t);
/* Adds those of @rule; none for "*". 0 or -ENOMEM. */
int sc_targets_of(const struct sc_filter_rule *rule, const struct sc_arch *arch,
	struct sc_targets *out);
/* Are there any? */
bool sc_targets_exist(const struct sc_filter_rule *rule, const struct sc_arch *arch);
/* Is there such a name? */
bool sc_targets_known(const struct sc_filter_rule *rule);

/* meaning.c: an argument as registers hold it. */
struct sc_meaning {
	uint8_t reg;	  /* that holds it, or its low half */
	uint8_t high_reg; /* of a pair; else the same as @reg */
	uint8_t bits;
	const char *set; /* of constants, or NULL */
};
/* -ENOENT: the call has no such argument. */
int sc_meaning_of(const struct sc_arch *arch, const struct sc_target *target,
	const struct sluice_filter_condition *cond, struct sc_meaning *out);
/* The value of constants of @set on @arch, joined with |. -ENOENT: there is no such constant. */
int sc_meaning_value(const struct sc_arch *arch, const char *set, const char *names, uint64_t *out);

/* ask.c: what must hold at once. */
struct sc_term {
	uint8_t reg;
	struct sc_set set;
};
struct sc_conjunction {
	struct sc_term terms[2 * SC_CONDITIONS_MAX];
	uint32_t n;
};
/* What a rule asks of a call: one of these. None: it never matches. */
struct sc_asked {
	struct sc_conjunction *any;
	uint32_t n, cap;
};
void sc_asked_clear(struct sc_asked *asked);
/* None; the memory stays for the next sc_ask(). */
void sc_asked_reset(struct sc_asked *asked);
/* Why a condition makes no sense for a target. */
struct sc_ask_error {
	uint32_t condition;
	const char *what; /* the name that is unknown, or NULL */
	bool unfit; /* (no error) a number does not fit the argument's width here */
};
/* @out has none. 0; -ENOENT; -E2BIG: too many alternatives; -ENOMEM (@out has none). */
int sc_ask(const struct sluice_rule *rule, const struct sc_arch *arch,
	const struct sc_target *target, struct sc_asked *out, struct sc_ask_error *error);
/* Can it be asked? As sc_ask(). */
int sc_ask_check(const struct sluice_rule *rule, const struct sc_arch *arch,
	const struct sc_target *target, struct sc_ask_error *error);

#pragma GCC visibility pop

#endif
