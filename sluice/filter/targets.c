/* The numbers that a rule is about.
 * SPDX-License-Identifier: MIT */
#include <sluice-calls.h>
#include <stdlib.h>
#include <string.h>

#include "filter/rule.h"
#include "util/vec.h"

void sc_targets_clear(struct sc_targets *t)
{
	free(t->at);
	*t = (struct sc_targets){0};
}

static int add(struct sc_targets *t, struct sc_target target)
{
	int rc = sc_reserve(t->at, t->cap, t->n, 1);

	if (!rc)
		t->at[t->n++] = target;
	return rc;
}

/* The call's own number, and the multiplexer's where that carries it. */
int sc_targets_of_row(const struct sc_filter_rule *rule, const struct sc_arch *arch, int row,
	struct sc_targets *out)
{
	struct sc_target target = {.row = row, .said_row = rule->row, .named = rule->row >= 0};
	struct sc_mux mux;
	int rc = 0;

	if (!arch->has_mux || !sc_mux_lookup(arch, row, &mux)) {
		target.nr = sc_syscall_own_nr(arch, row);
		return target.nr < 0 ? 0 : add(out, target);
	}
	target.nr = mux.direct;
	if (mux.direct >= 0)
		rc = add(out, target);
	if (rc)
		return rc;
	target.nr = mux.nr;
	target.carried = true;
	target.code = mux.code;
	target.mask = mux.mask;
	return add(out, target);
}

static bool in_group(const struct sc_arch *arch, int row, uint64_t group)
{
	struct sluice_call_info info = {.size = sizeof(info)};

	return sc_meaning_call(arch, row, &info) == 0 && info.groups & group;
}

static int add_group(struct sc_targets *t, const struct sc_arch *arch,
	const struct sc_filter_rule *rule, uint64_t group)
{
	int rc = 0;

	for (int row = 0; row < (int)sc_syscall_count && !rc; row++)
		if (in_group(arch, row, group))
			rc = sc_targets_of_row(rule, arch, row, t);
	return rc;
}

bool sc_targets_known(const struct sc_filter_rule *rule)
{
	uint64_t group;

	return rule->row >= 0 || sc_rule_is_rest(rule) ||
		sluice_group(rule->said->rule.call, &group) == 0;
}

bool sc_targets_exist(const struct sc_filter_rule *rule, const struct sc_arch *arch)
{
	uint64_t group;
	bool found = false;
	unsigned int n;
	int row = rule->row;

	if (!sc_rule_has_arch(rule, arch))
		return false;
	if (row >= 0) {
		const struct sc_meaning_sibling *names = sc_rule_other_names(rule, &n);

		found = sc_row_exists(arch, row);
		for (unsigned int i = 0; i < n && !found; i++)
			found = sc_row_exists(arch, names[i].row);
		return found;
	}
	if (!rule->said->rule.call)
		return true;
	if (sluice_group(rule->said->rule.call, &group))
		return false;
	for (row = 0; row < (int)sc_syscall_count && !found; row++)
		found = in_group(arch, row, group);
	return found;
}

/* Of a rule that names no call. */
static int targets_of_others(const struct sc_filter_rule *rule, const struct sc_arch *arch,
	struct sc_targets *out)
{
	const struct sluice_rule *said = &rule->said->rule;
	struct sc_target target = {.nr = said->nr, .named = true};
	uint64_t group;

	if (said->call)
		return sluice_group(said->call, &group) ? 0 : add_group(out, arch, rule, group);
	target.row = target.said_row = sc_syscall_by_nr(arch, said->nr);
	return add(out, target);
}

int sc_targets_of(const struct sc_filter_rule *rule, const struct sc_arch *arch,
	struct sc_targets *out)
{
	const struct sc_meaning_sibling *names;
	unsigned int n;
	int rc;

	if (!sc_rule_has_arch(rule, arch))
		return 0;
	if (rule->row < 0)
		return targets_of_others(rule, arch, out);
	rc = sc_targets_of_row(rule, arch, rule->row, out);
	names = sc_rule_other_names(rule, &n);
	for (unsigned int i = 0; i < n && !rc; i++)
		rc = sc_targets_of_row(rule, arch, names[i].row, out);
	return rc;
}
