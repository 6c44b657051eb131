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
static int add_row(struct sc_targets *t, const struct sc_arch *arch, int row,
	const struct sc_filter_rule *rule)
{
	struct sc_target target = {.row = row, .said_row = rule->row, .named = rule->row >= 0};
	struct sc_mux mux;
	int rc = 0;

	if (!sc_mux_lookup(arch, row, &mux)) {
		target.nr = sc_syscall_nr(arch, row);
		return target.nr < 0 ? 0 : add(t, target);
	}
	target.nr = mux.direct;
	if (mux.direct >= 0)
		rc = add(t, target);
	if (rc)
		return rc;
	target.nr = mux.nr;
	target.carried = true;
	target.code = mux.code;
	return add(t, target);
}

/* The call under its other names. */
static int add_siblings(struct sc_targets *t, const struct sc_arch *arch,
	const struct sc_filter_rule *rule)
{
	enum sluice_sibling_kind kind;
	unsigned int at = 0;
	const char *name;
	int rc = 0;

	while (!rc && (name = sluice_sibling_next(arch->token, rule->said.call, &at, &kind))) {
		int row = kind == SLUICE_SIBLING_ABI ? sc_syscall_by_name(name) : -1;

		if (row >= 0)
			rc = add_row(t, arch, row, rule);
	}
	return rc;
}

static int add_group(struct sc_targets *t, const struct sc_arch *arch,
	const struct sc_filter_rule *rule, uint64_t group)
{
	struct sluice_call_info info = {.size = sizeof(info)};
	int rc = 0;

	for (int row = 0; row < (int)sc_syscall_count && !rc; row++)
		if (sluice_call_info(arch->token, sc_syscall_name(row), &info) == 0 &&
			info.groups & group)
			rc = add_row(t, arch, row, rule);
	return rc;
}

bool sc_targets_known(const struct sc_filter_rule *rule)
{
	uint64_t group;

	return rule->row >= 0 || strcmp(rule->said.call, "*") == 0 ||
		sluice_group(rule->said.call, &group) == 0;
}

int sc_targets_of(const struct sc_filter_rule *rule, const struct sc_arch *arch,
	struct sc_targets *out)
{
	uint64_t group;
	int row, rc;

	if (rule->said.arch && rule->said.arch != arch->token)
		return 0;
	if (!rule->said.call) {
		row = sc_syscall_by_nr(arch, rule->said.nr);
		return add(out,
			(struct sc_target){.nr = rule->said.nr,
				.row = row, .said_row = row, .named = true});
	}
	if (rule->row < 0)
		return sluice_group(rule->said.call, &group) ? 0
							     : add_group(out, arch, rule, group);
	rc = add_row(out, arch, rule->row, rule);
	if (!rc && !(rule->said.flags & SLUICE_RULE_EXACT))
		rc = add_siblings(out, arch, rule);
	return rc;
}
