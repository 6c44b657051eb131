/* Rules that name a call and ask nothing of its arguments, as most rules of a profile: what they say is kept
 * by number.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "filter/rule.h"

#define STEP 16 /* numbers that become known at once */

/* What a rule has to do with a row: 0 if no architecture of the filter has it. */
enum {
	HAS_NUMBERS = 1,
	HAS_MORE = 2 /* than struct sc_decided can say */
};

/* One row. Not inline: a function that calls nothing saves no registers. */
static __attribute__((noinline)) unsigned int decide(
	const struct sluice_filter *filter, int row, uint32_t rule)
{
	unsigned int found = 0;

	for (struct sc_decided *d = filter->decided; d < filter->decided_end; d++) {
		const int cell = d->cells[row];

		if (cell >= SC_FILTER_DENSE ||
			(d->has_mux && sc_syscall_is_carried(row))) {
			found |= HAS_MORE;
			continue;
		}
		if (cell < 0)
			continue;
		for (; d->end <= (uint32_t)cell; d->end += STEP)
			memset(&d->rules[d->end], 0, STEP * sizeof(*d->rules));
		if (!d->rules[cell])
			d->rules[cell] = rule;
		found |= HAS_NUMBERS;
	}
	return found;
}

static __attribute__((noinline)) unsigned int decide_other_names(
	const struct sluice_filter *filter, const struct sc_filter_rule *r, uint32_t rule)
{
	unsigned int next = 0, found = 0;
	int row;

	while ((row = sc_rule_next_row(r, &next)) >= 0)
		found |= decide(filter, row, rule);
	return found;
}

static inline unsigned int decide_all(const struct sluice_filter *filter,
	const struct sc_filter_rule *r, int row, uint32_t rule)
{
	unsigned int found = decide(filter, row, rule);

	return sc_meaning_names_of[row] ? found | decide_other_names(filter, r, rule)
					: found;
}

bool sc_rule_decide(struct sluice_filter *filter, uint32_t rule)
{
	struct sc_filter_rule *r = &filter->rules[rule];
	unsigned int found = decide_all(filter, r, r->row, rule + 1);

	r->is_plain = found == HAS_NUMBERS;
	return found;
}

int sc_rule_add_named(struct sluice_filter *filter, uint32_t action, int row,
	struct sluice_error *error)
{
	const uint32_t rule = filter->n_rules;
	struct sc_filter_rule *added = &filter->rules[rule];
	unsigned int found;

	*added = (struct sc_filter_rule){.action = action, .row = row};
	found = decide_all(filter, added, row, rule + 1);
	if (!found)
		return sc_rule_nowhere(filter, rule, error);
	filter->n_rules = rule + 1;
	if (found == HAS_NUMBERS)
		added->is_plain = true;
	else
		sc_rule_chain(filter);
	return 0;
}
