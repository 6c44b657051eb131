/* said LIBRARY POLICY: from names to a program as bench/names.c does it, said in the interface of
 * libsluice. LIBRARY reads the policy's file and makes nothing.
 * SPDX-License-Identifier: MIT */
#include <sluice-filter.h>
#include <stdlib.h>

#include "bench.h"

#define RULE_ARGS 6

/* What a comparison of libseccomp says, in @values and @out. */
static void condition_of(const struct scmp_arg_cmp *arg, struct sluice_value values[2],
	struct sluice_filter_condition *out)
{
	const bool above = arg->op == SCMP_CMP_GE || arg->op == SCMP_CMP_LT;

	*out = (struct sluice_filter_condition){
		.index = arg->arg, .op = SLUICE_OP_RANGE, .values = values, .n_values = 2};
	values[0] = (struct sluice_value){.number = above ? arg->datum_a : 0};
	values[1] = (struct sluice_value){.number = above ? UINT64_MAX : arg->datum_a};
	switch (arg->op) {
	case SCMP_CMP_LT: /* not >= */
	case SCMP_CMP_GT: /* not <= */
		out->negate = true;
		break;
	case SCMP_CMP_NE:
	case SCMP_CMP_EQ:
		out->op = SLUICE_OP_EQ;
		out->negate = arg->op == SCMP_CMP_NE;
		out->n_values = 1;
		values[0].number = arg->datum_a;
		break;
	case SCMP_CMP_MASKED_EQ:
		out->op = SLUICE_OP_MASKED;
		values[0].number = arg->datum_a;
		values[1].number = arg->datum_b;
		break;
	default:
		break;
	}
}

static void add_rule(struct sluice_filter *filter, const struct rule *rule)
{
	struct sluice_filter_condition conditions[RULE_ARGS];
	struct sluice_value values[RULE_ARGS][2];
	struct sluice_rule said = {
		.size = sizeof(said),
		.action = rule->action,
		.call = rule->name,
		.conditions = conditions,
		.n_conditions = rule->n,
	};

	for (unsigned int i = 0; i < rule->n; i++)
		condition_of(&rule->args[i], values[i], &conditions[i]);
	/* Pseudo calls that no architecture has are refused, as by libseccomp. */
	sluice_filter_add(filter, &said, NULL);
}

/* A filter of the policy, its program, and all freed. */
__attribute__((noinline)) static void from_names_said(
	const struct policy *policy, const uint32_t *archs, size_t n, size_t *len)
{
	struct sluice_filter_options options = SLUICE_FILTER_OPTIONS_INIT;
	struct sluice_filter *filter;
	struct sock_filter *insns;
	struct sluice_error error = {0};

	options.default_action = policy->otherwise;
	options.badarch_action = SCMP_ACT_KILL_THREAD;
	options.multiplexed = SLUICE_MULTIPLEXED_ALLOW;
	options.archs = archs;
	options.n_archs = n;
	if (sluice_filter_new(&options, &filter, &error))
		die("%s", error.message);
	for (unsigned int i = 0; i < policy->n_rules; i++)
		add_rule(filter, &policy->rules[i]);
	if (sluice_filter_compile(filter, &insns, len, &error))
		die("%s", error.message);
	free(insns);
	sluice_filter_free(filter);
}

size_t once(const struct policy *policy, const struct lib *lib)
{
	uint32_t archs[1 + sizeof(policy->arches) / sizeof(uint32_t)] = {SCMP_ARCH_NATIVE};
	size_t len;

	(void)lib;
	for (unsigned int i = 0; i < policy->n_arches; i++)
		archs[1 + i] = policy->arches[i];
	from_names_said(policy, archs, 1 + policy->n_arches, &len);
	return len;
}
