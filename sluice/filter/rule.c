/* Copies of rules, and whether they make sense.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/rule.h"
#include "util/cleanup.h"

#define VALUES_MAX 65536
#define RULE_FLAGS SLUICE_RULE_EXACT

static int copy_text(const char *text, const char **out)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return -ENOMEM;
	*out = copy;
	return 0;
}

static void condition_clear(struct sluice_filter_condition *c)
{
	for (size_t i = 0; c->values && i < c->n_values; i++)
		free((char *)c->values[i].name);
	free((struct sluice_value *)c->values);
	free((char *)c->argument);
}

static void conditions_clear(const struct sluice_rule *rule)
{
	for (size_t i = 0; i < rule->n_conditions; i++)
		condition_clear((struct sluice_filter_condition *)&rule->conditions[i]);
	free((struct sluice_filter_condition *)rule->conditions);
}

void sc_rule_clear(struct sc_filter_rule *rule)
{
	if (rule->said.conditions)
		conditions_clear(&rule->said);
	if (rule->row < 0)
		free((char *)rule->said.call);
	free((char *)rule->said.where);
}

/* @out is zeroed. What was copied before a failure is the caller's to clear. */
static int copy_condition(const struct sluice_filter_condition *said,
	struct sluice_filter_condition *out)
{
	struct sluice_value *values;
	int rc;

	if (said->n_values == 0 || said->n_values > VALUES_MAX || !said->values)
		return -EINVAL;
	*out = *said;
	out->argument = NULL;
	out->values = values = calloc(said->n_values, sizeof(*values));
	if (!values)
		return -ENOMEM;
	rc = copy_text(said->argument, &out->argument);
	for (size_t i = 0; i < said->n_values && !rc; i++) {
		values[i].number = said->values[i].name ? 0 : said->values[i].number;
		rc = copy_text(said->values[i].name, &values[i].name);
	}
	return rc;
}

static int copy_conditions(const struct sluice_rule *said, struct sluice_rule *out)
{
	struct sluice_filter_condition *conditions;
	int rc = 0;

	if (said->n_conditions > SC_CONDITIONS_MAX || !said->conditions)
		return -EINVAL;
	out->conditions = conditions = calloc(said->n_conditions, sizeof(*conditions));
	if (!conditions)
		return -ENOMEM;
	for (size_t i = 0; i < said->n_conditions && !rc; i++)
		rc = copy_condition(&said->conditions[i], &conditions[i]);
	return rc;
}

int sc_rule_copy(const struct sluice_rule *said, struct sc_filter_rule *out)
{
	int rc = 0;

	out->said = *said;
	out->said.call = out->said.where = NULL;
	out->said.conditions = NULL;
	out->row = said->call ? sc_syscall_by_name(said->call) : -1;
	out->is_plain = false;
	out->owns = true;
	out->next = 0;
	if (out->row >= 0)
		out->said.call = sc_syscall_name(out->row);
	else
		rc = copy_text(said->call, &out->said.call);
	if (!rc && said->where)
		rc = copy_text(said->where, &out->said.where);
	if (!rc && said->n_conditions)
		rc = copy_conditions(said, &out->said);
	if (rc)
		sc_rule_clear(out);
	return rc;
}

/* NULL, or what is wrong with a condition on any call. */
static const char *wrong_with(const struct sluice_filter_condition *c)
{
	bool pair = c->op == SLUICE_OP_RANGE || c->op == SLUICE_OP_SRANGE ||
		c->op == SLUICE_OP_MASKED;
	const struct sluice_value *v = c->values;

	if (c->op < SLUICE_OP_EQ || c->op > SLUICE_OP_ONLY_BITS)
		return "there is no such operator";
	if (c->op != SLUICE_OP_IN && c->n_values != (pair ? 2 : 1))
		return pair ? "it takes two values" : "it takes one value";
	if (c->bits != 0 && c->bits != 8 && c->bits != 16 && c->bits != 32 && c->bits != 64)
		return "a width is 8, 16, 32 or 64 bits";
	if (!c->argument && c->index > 5)
		return "arguments are numbered 0 to 5";
	if (pair && (v[0].name || v[1].name))
		return NULL; /* judged on each architecture */
	if (c->op == SLUICE_OP_RANGE && v[0].number > v[1].number)
		return "a range begins before it ends";
	if (c->op == SLUICE_OP_SRANGE && (int64_t)v[0].number > (int64_t)v[1].number)
		return "a range begins before it ends";
	if (c->op == SLUICE_OP_MASKED && v[1].number & ~v[0].number)
		return "the value has bits outside of the mask";
	return NULL;
}

static bool has_arch(const struct sluice_filter *filter, uint32_t token)
{
	for (uint32_t i = 0; i < filter->n_archs; i++)
		if (filter->archs[i]->token == token)
			return true;
	return false;
}

static int check_form(const struct sluice_filter *filter, uint32_t rule, struct sluice_error *error)
{
	const struct sluice_rule *said = &filter->rules[rule].said;

	if (!sc_filter_action_valid(said->action))
		return sc_filter_rule_error(error, -EINVAL, filter, rule, "there is no such action");
	if (said->flags & ~RULE_FLAGS)
		return sc_filter_rule_error(error, -EINVAL, filter, rule, "there is no such flag");
	if (said->arch && !has_arch(filter, said->arch))
		return sc_filter_rule_error(error, -EINVAL, filter, rule,
			"the filter does not have its architecture");
	if (!said->call && (!said->arch || said->nr < 0))
		return sc_filter_rule_error(error, -EINVAL, filter, rule,
			"a number is 0 or more, and of one architecture");
	if (filter->rules[rule].row < 0 && said->call && !sc_targets_known(&filter->rules[rule]))
		return sc_filter_rule_error(error, -ENOENT, filter, rule,
			"there is no such call or group");
	if (said->n_conditions && sc_rule_is_rest(&filter->rules[rule]))
		return sc_filter_rule_error(error, -EINVAL, filter, rule,
			"a rule for every number has no conditions");
	for (size_t i = 0; i < said->n_conditions; i++) {
		const char *wrong = wrong_with(&said->conditions[i]);

		if (wrong)
			return sc_filter_rule_error(error, -EINVAL, filter, rule,
				"condition %zu: %s", i + 1, wrong);
	}
	return 0;
}

/* Asks each target as lowering will. @unfit: a condition whose number fits nowhere so far. */
static int check_targets(const struct sluice_filter *filter, uint32_t rule,
	const struct sc_arch *arch, const struct sc_targets *targets, uint32_t *unfit, bool *fits,
	struct sluice_error *error)
{
	const struct sluice_rule *said = &filter->rules[rule].said;

	for (uint32_t i = 0; i < targets->n; i++) {
		struct sc_ask_error why = {0};
		int rc = sc_ask_check(said, arch, &targets->at[i], &why);

		if (rc == -ENOENT)
			return sc_filter_rule_error(error, rc, filter, rule,
				"condition %u: %s has no %.64s on %s", why.condition + 1,
				targets->at[i].row < 0 ? "the call"
						       : sc_syscall_name(targets->at[i].row),
				why.what ? why.what : "such argument", arch->name);
		if (rc)
			return sc_filter_rule_error(error, rc, filter, rule,
				rc == -E2BIG ? "its conditions have too many alternatives"
				: rc == -EINVAL ? "condition %u: its values make no sense"
						: "no memory", why.condition + 1);
		if (why.unfit)
			*unfit = why.condition;
		else
			*fits = true;
	}
	return 0;
}

static int nowhere(const struct sluice_filter *filter, uint32_t rule, struct sluice_error *error)
{
	return sc_filter_rule_error(
		error, -ENOENT, filter, rule, "no architecture of the filter has it");
}

/* Asks all targets of a rule with conditions. */
static int check_conditions(struct sluice_filter *filter, uint32_t rule, struct sluice_error *error)
{
	struct sc_targets *targets = &filter->scratch;
	uint32_t unfit = 0;
	bool fits = false, found = false;
	int rc = 0;

	for (uint32_t a = 0; a < filter->n_archs && !rc; a++) {
		targets->n = 0;
		rc = sc_targets_of(&filter->rules[rule], filter->archs[a], targets);
		if (rc)
			return sc_filter_rule_error(error, rc, filter, rule, "no memory");
		rc = check_targets(filter, rule, filter->archs[a], targets, &unfit, &fits, error);
		found |= targets->n > 0;
	}
	if (!rc && !found)
		return nowhere(filter, rule, error);
	if (!rc && !fits)
		return sc_filter_rule_error(error, -ERANGE, filter, rule,
			"condition %u: the number does not fit the argument's width", unfit + 1);
	return rc;
}

int sc_rule_check(struct sluice_filter *filter, uint32_t rule, struct sluice_error *error)
{
	const struct sc_filter_rule *r = &filter->rules[rule];
	bool found = false;
	int rc = check_form(filter, rule, error);

	if (rc || sc_rule_is_rest(r))
		return rc;
	if (r->said.n_conditions)
		return check_conditions(filter, rule, error);
	for (uint32_t a = 0; a < filter->n_archs && !found; a++)
		found = sc_targets_exist(r, filter->archs[a]);
	return found ? 0 : nowhere(filter, rule, error);
}

/* One number of an architecture: the first rule decides it. */
static inline void decide(struct sc_decided *d, uint32_t cell, uint32_t rule)
{
	while (d->end <= cell)
		d->rules[d->end++] = 0;
	if (!d->rules[cell])
		d->rules[cell] = rule + 1;
}

bool sc_rule_decide(struct sluice_filter *filter, uint32_t rule)
{
	struct sc_decided *const first = filter->decided, *const end = first + filter->n_archs;
	struct sc_filter_rule *r = &filter->rules[rule];
	bool exists = false, is_plain = true;
	unsigned int next = 0;

	for (int row = r->row; row >= 0; row = sc_rule_next_row(r, &next)) {
		const bool carried = sc_syscall_is_carried(row);

		for (struct sc_decided *d = first; d < end; d++) {
			int cell = d->cells[row];
			bool more = (carried && d->has_mux) || cell >= SC_FILTER_DENSE;

			if (cell >= 0 && !more)
				decide(d, (uint32_t)cell, rule);
			exists |= cell >= 0 || more;
			is_plain &= !more;
		}
	}
	r->is_plain = is_plain;
	return exists;
}
