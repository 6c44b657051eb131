/* Copies of rules, and whether they make sense.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/rule.h"
#include "util/cleanup.h"

#define VALUES_MAX 65536
#define RULE_FLAGS SLUICE_RULE_EXACT

/* Adds the size of a copy of @text to *@size. */
static bool add_text(size_t *size, const char *text)
{
	return !text || !__builtin_add_overflow(*size, strlen(text) + 1, size);
}

/* What a copy of the conditions takes: values, and bytes of texts. 0, -EINVAL or -ENOMEM. */
static int measure(const struct sluice_rule *rule, size_t *n_values, size_t *texts)
{
	bool fits = true;

	if (rule->n_conditions > SC_CONDITIONS_MAX || (rule->n_conditions && !rule->conditions))
		return -EINVAL;
	for (size_t i = 0; i < rule->n_conditions && fits; i++) {
		const struct sluice_filter_condition *c = &rule->conditions[i];

		if (c->n_values == 0 || c->n_values > VALUES_MAX || !c->values)
			return -EINVAL;
		*n_values += c->n_values;
		fits = add_text(texts, c->argument);
		for (size_t v = 0; v < c->n_values && fits; v++)
			fits = add_text(texts, c->values[v].name);
	}
	return fits ? 0 : -ENOMEM;
}

/* A copy of @text at *@to, which moves behind it. */
static const char *copy_text(const char *text, char **to)
{
	char *copy = *to;

	if (!text)
		return NULL;
	*to = stpcpy(copy, text) + 1;
	return copy;
}

static void copy_conditions(const struct sluice_rule *rule, struct sluice_value *values,
	struct sluice_filter_condition *conditions, char **texts)
{
	for (size_t i = 0; i < rule->n_conditions; i++) {
		const struct sluice_filter_condition *c = &rule->conditions[i];

		conditions[i] = *c;
		conditions[i].argument = copy_text(c->argument, texts);
		conditions[i].values = values;
		for (size_t v = 0; v < c->n_values; v++)
			*values++ = (struct sluice_value){
				.name = copy_text(c->values[v].name, texts),
				.number = c->values[v].name ? 0 : c->values[v].number,
			};
	}
}

int sc_rule_copy(const struct sluice_rule *rule, struct sc_filter_rule *out)
{
	const int row = rule->call ? sc_syscall_by_name(rule->call) : -1;
	const char *call = row < 0 ? rule->call : NULL; /* else the tables have it */
	struct sluice_filter_condition *conditions;
	size_t n_values = 0, size = sizeof(*out->said);
	struct sc_said *said;
	char *texts;
	int rc = measure(rule, &n_values, &size);

	if (rc)
		return rc;
	if (!add_text(&size, call) || !add_text(&size, rule->where) ||
		__builtin_add_overflow(size, n_values * sizeof(*said->values), &size) ||
		__builtin_add_overflow(size, rule->n_conditions * sizeof(*conditions), &size))
		return -ENOMEM;
	said = malloc(size);
	if (!said)
		return -ENOMEM;
	conditions = (struct sluice_filter_condition *)(said->values + n_values);
	texts = (char *)(conditions + rule->n_conditions);
	said->rule = *rule;
	said->rule.conditions = rule->n_conditions ? conditions : NULL;
	copy_conditions(rule, said->values, conditions, &texts);
	said->rule.call = row < 0 ? copy_text(call, &texts) : sc_syscall_name(row);
	said->rule.where = copy_text(rule->where, &texts);
	*out = (struct sc_filter_rule){.action = rule->action, .row = row, .said = said};
	return 0;
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
	const struct sluice_rule *said = &filter->rules[rule].said->rule;

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
	const struct sluice_rule *said = &filter->rules[rule].said->rule;

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

int sc_rule_nowhere(
	const struct sluice_filter *filter, uint32_t rule, struct sluice_error *error)
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
		return sc_rule_nowhere(filter, rule, error);
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
	if (r->said->rule.n_conditions)
		return check_conditions(filter, rule, error);
	for (uint32_t a = 0; a < filter->n_archs && !found; a++)
		found = sc_targets_exist(r, filter->archs[a]);
	return found ? 0 : sc_rule_nowhere(filter, rule, error);
}
