/* The numbers that a rule is about.
 * SPDX-License-Identifier: MIT */
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
static int add_row(struct sc_targets *t, const struct sc_arch *arch, int row, bool named)
{
	struct sc_target target = {.row = row, .named = named};
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

bool sc_targets_known(const struct sc_filter_rule *rule)
{
	return rule->row >= 0 || strcmp(rule->said.call, "*") == 0;
}

int sc_targets_of(const struct sc_filter_rule *rule, const struct sc_arch *arch,
	struct sc_targets *out)
{
	if (rule->said.arch && rule->said.arch != arch->token)
		return 0;
	if (!rule->said.call)
		return add(out,
			(struct sc_target){.nr = rule->said.nr,
				.row = sc_syscall_by_nr(arch, rule->said.nr),
				.named = true});
	if (rule->row >= 0)
		return add_row(out, arch, rule->row, true);
	return 0;
}
