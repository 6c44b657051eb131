/* Rules, added. Most rules of a profile name a call and ask nothing of its arguments: there is nothing to copy, and
 * what they say is kept by number.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/rule.h"
#include "util/vec.h"

/* What a rule has to do with a row: 0 if no architecture of the filter has it. */
enum {
	HAS_NUMBERS = 1,
	HAS_MORE = 2, /* than struct sc_decided can say */
};

/* One row. */
static inline unsigned int decide(struct sluice_filter *filter, int row, uint32_t rule)
{
	unsigned int found = 0;

	for (struct sc_decided *d = filter->decided; d < filter->decided_end; d++) {
		const int cell = d->cells[row];

		if (d->has_mux && sc_syscall_is_carried(row)) {
			found |= HAS_MORE;
		} else if ((uint32_t)cell < SC_FILTER_DENSE) {
			found |= HAS_NUMBERS;
			if (!d->rules[cell])
				d->rules[cell] = rule;
		} else if (cell >= 0) {
			found |= HAS_MORE;
		}
	}
	return found;
}

static __attribute__((noinline)) unsigned int decide_other_names(
	struct sluice_filter *filter, const struct sc_filter_rule *r, uint32_t rule)
{
	unsigned int found = 0, n;
	const struct sc_meaning_sibling *names = sc_rule_other_names(r, &n);

	for (unsigned int i = 0; i < n; i++)
		found |= decide(filter, names[i].row, rule);
	return found;
}

/* All names of the call @row; @rule is its rule's number, + 1. */
static inline unsigned int decide_all(struct sluice_filter *filter,
	const struct sc_filter_rule *r, int row, uint32_t rule)
{
	unsigned int found = decide(filter, row, rule);

	return sc_meaning_names_of[row] ? found | decide_other_names(filter, r, rule) : found;
}

/* The last rule says or owns more than its action for numbers. */
static void chain_rule(struct sluice_filter *filter)
{
	if (filter->last_more)
		filter->rules[filter->last_more - 1].next = filter->n_rules;
	else
		filter->first_more = filter->n_rules;
	filter->last_more = filter->n_rules;
}

static __attribute__((noinline)) int add_any(struct sluice_filter *filter,
	const struct sluice_rule *rule, struct sluice_error *error)
{
	struct sc_filter_rule *added = &filter->rules[filter->n_rules];
	int rc = sc_rule_copy(rule, added);

	if (rc)
		return sc_filter_error(error, rc, rule->where, rc == -ENOMEM
				? "no memory" : "a condition has no values, or too many");
	rc = sc_rule_check(filter, filter->n_rules, error);
	if (rc) {
		free(added->said);
		return rc;
	}
	filter->n_rules++;
	if (added->row >= 0 && !rule->n_conditions && !rule->arch)
		added->is_plain =
			decide_all(filter, added, added->row, filter->n_rules) == HAS_NUMBERS;
	chain_rule(filter);
	return 0;
}

/* Most rules have the action of the one before. */
static bool is_action(struct sluice_filter *filter, uint32_t action)
{
	if (action == filter->last_action)
		return true;
	if (!sc_filter_action_valid(action))
		return false;
	filter->last_action = action;
	return true;
}

/* Most rules of a profile have a call's name, and nothing to copy. */
static bool is_named(const struct sluice_rule *rule)
{
	return rule->call && !rule->n_conditions && !rule->where && !(rule->arch | rule->flags);
}

int sluice_filter_add(struct sluice_filter *filter, const struct sluice_rule *rule,
	struct sluice_error *error)
{
	struct sc_filter_rule *added;
	unsigned int found;
	uint32_t n;
	int row;

	if (!filter || !rule || rule->size < sizeof(*rule))
		return sc_filter_error(error, -EINVAL, NULL, "there is no filter or no rule");
	n = filter->n_rules;
	if (n == filter->cap_rules && sc_reserve(filter->rules, filter->cap_rules, n, 1))
		return sc_filter_error(error, -ENOMEM, rule->where, "no memory");
	if (!is_named(rule) || !is_action(filter, rule->action))
		return add_any(filter, rule, error);
	row = sc_syscall_by_name(rule->call);
	if (row < 0)
		return add_any(filter, rule, error);
	added = &filter->rules[n];
	added->action = rule->action;
	added->row = row;
	added->said = NULL;
	added->next = 0;
	added->is_plain = true;
	found = decide_all(filter, added, row, n + 1);
	if (!found)
		return sc_rule_nowhere(filter, n, error);
	filter->n_rules = n + 1;
	if (found & HAS_MORE) {
		added->is_plain = false;
		chain_rule(filter);
	}
	return 0;
}
