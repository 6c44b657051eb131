/* names LIBRARY POLICY: from names to a program, for counting the instructions that it takes:
 * run under valgrind --tool=callgrind --toggle-collect=from_names (bench/executed.py).
 * SPDX-License-Identifier: MIT */
#include "bench.h"

/* A context from the policy, each name looked up, its program, and all freed. */
__attribute__((noinline)) void from_names(const struct policy *policy, const struct lib *lib,
	uint32_t *len)
{
	scmp_filter_ctx ctx = lib->init(policy->otherwise);

	for (unsigned int i = 0; i < policy->n_arches; i++)
		lib->arch_add(ctx, policy->arches[i]);
	for (unsigned int i = 0; i < policy->n_rules; i++) {
		const struct rule *rule = &policy->rules[i];

		lib->rule_add(ctx, rule->action,
			lib->resolve_name(SCMP_ARCH_NATIVE, rule->name), rule->n, rule->args);
	}
	program_of(lib, ctx, len);
	lib->release(ctx);
}

size_t once(const struct policy *policy, const struct lib *lib)
{
	uint32_t len;

	from_names(policy, lib, &len);
	return len;
}
