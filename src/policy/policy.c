/* The policy as a whole: its architectures, merging, transactions.
 * SPDX-License-Identifier: MIT */
#include "policy/table.h"
#include "util/cleanup.h"
#include "util/vec.h"

static void ruleset_clear(struct sc_ruleset *rules)
{
	for (uint32_t i = 0; i < rules->n_tables; i++)
		sc_table_free(rules->tables[i]);
	sc_lists_clear(&rules->lists);
	*rules = (struct sc_ruleset){0};
}

static int ruleset_copy(const struct sc_ruleset *rules, struct sc_ruleset *out)
{
	_cleanup_(ruleset_clear) struct sc_ruleset copy = {.notify = rules->notify};

	for (; copy.n_tables < rules->n_tables; copy.n_tables++) {
		int rc = sc_table_copy(rules->tables[copy.n_tables],
			&copy.tables[copy.n_tables]);

		if (rc < 0)
			return rc;
	}
	if (sc_lists_copy(&rules->lists, &copy.lists) < 0)
		return -ENOMEM;
	*out = copy;
	copy.n_tables = 0;
	copy.lists = (struct sc_lists){0};
	return 0;
}

static void drop_snapshots(struct sc_policy *policy)
{
	while (policy->snapshots) {
		struct sc_snapshot *snapshot = policy->snapshots;

		policy->snapshots = snapshot->outer;
		ruleset_clear(&snapshot->rules);
		free(snapshot);
	}
}

static void set_defaults(struct sc_policy *policy, uint32_t default_action)
{
	policy->default_action = default_action;
	policy->attrs = (struct sc_attrs){
		.badarch = SC_ACT_KILL_THREAD,
		.optimize = 1,
		.nnp = true,
	};
}

int sc_policy_new(uint32_t default_action, struct sc_policy **out)
{
	struct sc_policy *policy = calloc(1, sizeof(*policy));
	int rc;

	if (!policy)
		return -ENOMEM;
	policy->native = sc_arch_native();
	rc = sc_table_new(policy->native, &policy->rules.tables[0]);
	if (rc < 0) {
		free(policy);
		return rc;
	}
	policy->rules.n_tables = 1;
	set_defaults(policy, default_action);
	*out = policy;
	return 0;
}

void sc_policy_free(struct sc_policy *policy)
{
	drop_snapshots(policy);
	ruleset_clear(&policy->rules);
	free(policy);
}

int sc_policy_reset(struct sc_policy *policy, uint32_t default_action)
{
	struct sc_table *table;
	int rc = sc_table_new(policy->native, &table);

	if (rc < 0)
		return rc;
	drop_snapshots(policy);
	ruleset_clear(&policy->rules);
	policy->rules.tables[0] = table;
	policy->rules.n_tables = 1;
	set_defaults(policy, default_action);
	return 0;
}

static uint32_t find_arch(const struct sc_policy *policy, const struct sc_arch *arch)
{
	uint32_t i = 0;

	while (i < policy->rules.n_tables && policy->rules.tables[i]->arch != arch)
		i++;
	return i;
}

bool sc_policy_arch_exist(const struct sc_policy *policy, const struct sc_arch *arch)
{
	return find_arch(policy, arch) < policy->rules.n_tables;
}

int sc_policy_arch_add(struct sc_policy *policy, const struct sc_arch *arch)
{
	struct sc_ruleset *rules = &policy->rules;
	int rc;

	if (sc_policy_arch_exist(policy, arch))
		return -EEXIST;
	if (rules->n_tables && rules->tables[0]->arch->big_endian != arch->big_endian)
		return -EDOM;
	rc = sc_table_new(arch, &rules->tables[rules->n_tables]);
	if (rc < 0)
		return rc;
	rules->n_tables++;
	return 0;
}

/* Moves the lists of @from's calls to @to. 0 or -ENOMEM (both are as before). */
static int move_lists(struct sc_lists *to, struct sc_ruleset *from)
{
	_cleanup_free_ uint32_t *map = calloc((size_t)from->lists.n_lists + 1, sizeof(*map));
	int rc = map ? sc_lists_append(to, &from->lists, map) : -ENOMEM;

	for (uint32_t i = 0; i < from->n_tables && !rc; i++)
		for (uint32_t c = 0; c < from->tables[i]->n_calls; c++) {
			struct sc_call *call = &from->tables[i]->calls[c];

			if (call->list != SC_NO_LIST)
				call->list = map[call->list];
		}
	if (!rc)
		sc_lists_clear(&from->lists);
	return rc;
}

/* Memory that cannot be given back for want of memory is no error. */
static void tidy(struct sc_ruleset *rules)
{
	struct sc_lists kept = {0};

	if (!sc_lists_wasteful(&rules->lists))
		return;
	if (move_lists(&kept, rules) < 0)
		sc_lists_clear(&kept);
	else
		rules->lists = kept;
}

int sc_policy_arch_remove(struct sc_policy *policy, const struct sc_arch *arch)
{
	struct sc_ruleset *rules = &policy->rules;
	uint32_t at = find_arch(policy, arch);
	struct sc_table *table;

	if (at == rules->n_tables)
		return -EEXIST;
	table = rules->tables[at];
	for (uint32_t c = 0; c < table->n_calls; c++)
		sc_list_leave(&rules->lists, table->calls[c].list);
	sc_table_free(table);
	rules->n_tables--;
	memmove(&rules->tables[at], &rules->tables[at + 1],
		(rules->n_tables - at) * sizeof(*rules->tables));
	tidy(rules);
	return 0;
}

int sc_policy_merge(struct sc_policy *dst, struct sc_policy *src)
{
	struct sc_ruleset *to = &dst->rules, *from = &src->rules;
	int rc;

	if (dst->default_action != src->default_action || dst->attrs.nnp != src->attrs.nnp ||
		dst->attrs.tsync != src->attrs.tsync)
		return -EINVAL;
	if (to->tables[0]->arch->big_endian != from->tables[0]->arch->big_endian)
		return -EDOM;
	for (uint32_t i = 0; i < from->n_tables; i++)
		if (sc_policy_arch_exist(dst, from->tables[i]->arch))
			return -EEXIST;
	rc = move_lists(&to->lists, from);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < from->n_tables; i++)
		to->tables[to->n_tables++] = steal_ptr(from->tables[i]);
	from->n_tables = 0;
	to->notify |= from->notify;
	sc_policy_free(src);
	return 0;
}

int sc_policy_begin(struct sc_policy *policy)
{
	struct sc_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	int rc;

	if (!snapshot)
		return -ENOMEM;
	rc = ruleset_copy(&policy->rules, &snapshot->rules);
	if (rc < 0) {
		free(snapshot);
		return rc;
	}
	snapshot->outer = policy->snapshots;
	policy->snapshots = snapshot;
	return 0;
}

void sc_policy_reject(struct sc_policy *policy)
{
	struct sc_snapshot *snapshot = policy->snapshots;

	policy->snapshots = snapshot->outer;
	ruleset_clear(&policy->rules);
	policy->rules = snapshot->rules;
	free(snapshot);
}

void sc_policy_commit(struct sc_policy *policy)
{
	struct sc_snapshot *snapshot = policy->snapshots;

	if (!snapshot)
		return;
	policy->snapshots = snapshot->outer;
	ruleset_clear(&snapshot->rules);
	free(snapshot);
}

bool sc_policy_notifies(const struct sc_policy *policy)
{
	return policy->rules.notify || policy->default_action == SC_ACT_NOTIFY ||
		policy->attrs.badarch == SC_ACT_NOTIFY;
}
