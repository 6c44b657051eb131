/* From ordered rules to what the passes behind understand: for each number of each ABI the
 * rules about it, in their order.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/lower.h"
#include "util/cleanup.h"
#include "util/vec.h"

#define X86_64 0xc000003e
#define X32    0x4000003e

/* A rule on a number, before it is one of a list. Rules behind one without terms are not reached. */
static int add_rule(struct sc_builder *b, struct sc_built_call *call, const struct sc_target *target,
	uint32_t action, const struct sc_conjunction *terms)
{
	int rc;

	if (call->done)
		return 0;
	rc = sc_reserve(b->rules, b->cap_rules, b->n_rules, 1);
	if (!rc)
		rc = sc_built_terms(b, target, terms);
	if (rc)
		return rc;
	if (b->added == 0) {
		call->action = action;
		call->done = true;
		return 0;
	}
	b->rules[b->n_rules] = (struct sc_built_rule){
		.action = action,
		.first_term = b->n_terms - b->added,
		.n_terms = b->added,
		.next = SC_NONE_BUILT,
	};
	if (call->last == SC_NONE_BUILT)
		call->first = b->n_rules;
	else
		b->rules[call->last].next = b->n_rules;
	call->last = b->n_rules++;
	return 0;
}

/* Does a verdict let the call happen? */
static bool allows(uint32_t action)
{
	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

/* A rule with conditions, on a call whose arguments are in memory. */
static int add_carried(struct sc_builder *b, uint32_t rule, struct sc_built_call *call,
	const struct sc_target *target, struct sluice_error *error)
{
	const uint32_t action = b->filter->rules[rule].action;

	switch (b->filter->multiplexed) {
	case SLUICE_MULTIPLEXED_REFUSE:
		return add_rule(b, call, target, SECCOMP_RET_ERRNO | ENOSYS, NULL);
	case SLUICE_MULTIPLEXED_ALLOW:
		return allows(action) ? add_rule(b, call, target, action, NULL) : 0;
	default:
		return sc_filter_rule_error(error, -EOPNOTSUPP, b->filter, rule,
			"on %s the call comes through %s, too, with arguments in memory: say "
			"whether that is refused or allowed",
			b->arch->name, sc_syscall_name(sc_syscall_by_nr(b->arch, target->nr)));
	}
}

/* Is the number that of a rule before @rule? */
static bool is_decided(const struct sc_builder *b, uint32_t rule, uint32_t nr)
{
	uint32_t by = sc_built_decided(b, nr - (uint32_t)b->arch->base);

	return by && by <= rule;
}

/* A rule whose conditions hold in some ways. */
static int add_asked(struct sc_builder *b, struct sc_built_call *call,
	const struct sc_target *target, const struct sluice_rule *said)
{
	struct sc_ask_error why = {0};
	int rc = sc_ask(said, b->arch, target, &b->asked, &why);

	for (uint32_t i = 0; i < b->asked.n && !rc; i++)
		rc = add_rule(b, call, target, said->action, &b->asked.any[i]);
	sc_asked_reset(&b->asked);
	return rc;
}

static int add_target(struct sc_builder *b, uint32_t rule, const struct sc_target *target,
	struct sluice_error *error)
{
	const struct sc_filter_rule *r = &b->filter->rules[rule];
	const bool asks = r->said && r->said->rule.n_conditions;
	struct sc_built_call *call;
	int rc;

	if (is_decided(b, rule, (uint32_t)target->nr) ||
		(!target->named && sc_built_is_newer(b, target)))
		return 0;
	if (!asks && !target->carried)
		return sc_built_always(b, (uint32_t)target->nr, r->action);
	rc = sc_built_open(b, (uint32_t)target->nr, &call);
	if (rc || !call)
		return rc;
	if (!asks)
		return add_rule(b, call, target, r->action, NULL);
	if (target->carried)
		return add_carried(b, rule, call, target, error);
	return add_asked(b, call, target, &r->said->rule);
}

static int add_targets(struct sc_builder *b, uint32_t rule, struct sluice_error *error)
{
	int rc = 0;

	for (uint32_t i = 0; i < b->targets.n && !rc; i++)
		rc = add_target(b, rule, &b->targets.at[i], error);
	b->targets.n = 0;
	return rc;
}

/* The rules of one architecture; *@rest is what numbers without a rule get. */
static int add_rules(struct sc_builder *b, uint32_t *rest, struct sluice_error *error)
{
	const struct sluice_filter *f = b->filter;
	int rc = 0;

	*rest = f->default_action;
	b->decided_end = f->n_rules;
	for (uint32_t next = f->first_more; next && !rc; next = f->rules[next - 1].next) {
		const struct sc_filter_rule *rule = &f->rules[next - 1];

		if (rule->is_plain || !sc_rule_has_arch(rule, b->arch))
			continue;
		if (sc_rule_is_rest(rule)) {
			*rest = rule->action; /* and no rule behind it is reached */
			b->decided_end = next;
			break;
		}
		rc = sc_targets_of(rule, b->arch, &b->targets);
		if (!rc)
			rc = add_targets(b, next - 1, error);
	}
	return rc;
}

/* What is newer than the cut-off, behind the rules that name it. *@highest: the largest number
 * that is known, but for arm's private ones, which are older than it and above. */
static int add_newer(struct sc_builder *b, uint32_t rest, uint32_t *highest)
{
	*highest = 0;
	for (int row = 0; row < (int)sc_syscall_count; row++) {
		struct sc_target target = {.row = row};
		struct sc_mux mux;
		bool is_private;
		int rc;

		target.nr = sc_mux_lookup(b->arch, row, &mux) ? mux.direct
							       : sc_syscall_nr(b->arch, row);
		if (target.nr < 0)
			continue;
		is_private = target.nr - b->arch->base >= 0xf0000;
		if (!is_private && (uint32_t)target.nr > *highest)
			*highest = (uint32_t)target.nr;
		if ((!is_private && !sc_built_is_newer(b, &target)) ||
			is_decided(b, b->filter->n_rules, (uint32_t)target.nr))
			continue;
		rc = sc_built_always(b, (uint32_t)target.nr,
			sc_built_is_newer(b, &target) ? b->filter->newer_action : rest);
		if (rc)
			return rc;
	}
	return 0;
}

/* The numbers from @first to @last; calls among them are of this range. */
static int add_range(struct sc_builder *b, uint32_t first, uint32_t last, uint32_t otherwise,
	bool with_calls)
{
	struct sc_low_abi abi = {
		.audit = b->arch->audit,
		.first = first,
		.last = last,
		.otherwise = otherwise,
		.wide = sc_meaning_register(b->arch) == 64,
	};

	return first <= last ? sc_built_abi(b, &abi, with_calls) : 0;
}

static bool has(const struct sluice_filter *f, uint32_t token)
{
	for (uint32_t i = 0; i < f->n_archs; i++)
		if (f->archs[i]->token == token)
			return true;
	return false;
}

/* An architecture's line of numbers. -1 is how a tracer skips a call: no number of a call. */
static int add_ranges(struct sc_builder *b, uint32_t rest, uint32_t highest)
{
	const bool x86_64 = b->arch->token == X86_64, x32 = b->arch->token == X32;
	uint32_t first = x32 ? SC_X32_BIT : 0;
	uint32_t last = x86_64 ? SC_X32_BIT - 1 : UINT32_MAX - 1;
	uint32_t cut = b->filter->newer ? highest : last;
	int rc = add_range(b, first, cut, rest, true);

	if (!rc && cut < last)
		rc = add_range(b, cut + 1, last, b->filter->newer_action, true);
	if (!rc && x86_64 && !has(b->filter, X32))
		rc = add_range(b, SC_X32_BIT, UINT32_MAX - 1, b->filter->badarch_action, false);
	if (!rc && !(x32 && has(b->filter, X86_64)))
		rc = add_range(b, UINT32_MAX, UINT32_MAX, rest, false);
	return rc;
}

static int lower_arch(struct sc_builder *b, struct sluice_error *error)
{
	uint32_t rest = 0, highest = 0;
	int rc;

	sc_built_begin(b);
	rc = add_rules(b, &rest, error);
	if (!rc && b->filter->newer)
		rc = add_newer(b, rest, &highest);
	if (!rc)
		rc = sc_built_finish(b);
	return rc ? rc : add_ranges(b, rest, highest);
}

int sc_filter_lower(
	const struct sluice_filter *filter, struct sc_lowered *out, struct sluice_error *error)
{
	_cleanup_(sc_builder_clear) struct sc_builder b;
	int rc = 0;

	sc_builder_init(&b, filter);
	for (uint32_t a = 0; a < filter->n_archs && !rc; a++) {
		b.arch = filter->archs[a];
		b.decided = &filter->decided[a];
		rc = lower_arch(&b, error);
	}
	if (!rc)
		sc_builder_done(&b, out);
	if (rc == -ENOMEM)
		sc_filter_error(error, rc, NULL, "no memory");
	return rc;
}
