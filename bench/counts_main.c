/* counts MIX POLICY...: what the library of this tree makes of each policy, as CSV.
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

static const struct lib linked = {
	.name = "ours",
	.init = seccomp_init,
	.release = seccomp_release,
	.arch_add = seccomp_arch_add,
	.attr_set = seccomp_attr_set,
	.rule_add = seccomp_rule_add_array,
	.export_bpf = seccomp_export_bpf,
	.export_bpf_mem = seccomp_export_bpf_mem,
	.resolve_name = seccomp_syscall_resolve_name_arch,
};

static void print(const struct policy *policy, unsigned int optimize, const char *mix)
{
	scmp_filter_ctx ctx = policy_build(policy, &linked, optimize);
	struct counts c;
	uint32_t len;
	struct sock_filter *insns = program_of(&linked, ctx, &len);

	if (len == 0)
		die("%s: no program", policy->name);
	counts_of(policy, &linked, insns, len, mix, &c);
	printf("%s,%u,%u,%u,%llu,%llu,%llu,%u\n", policy->name, optimize, c.cbpf, c.ebpf,
		(unsigned long long)c.listed, (unsigned long long)c.executed,
		(unsigned long long)c.mixed, c.worst);
	linked.release(ctx);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		die("usage: counts MIX POLICY...");
	/* What the running kernel knows must not matter. */
	seccomp_api_set(7);
	for (int i = 2; i < argc; i++) {
		struct policy policy;

		policy_read(&policy, argv[i], &linked, NULL);
		print(&policy, 1, argv[1]);
		print(&policy, 2, argv[1]);
		free(policy.rules);
	}
	return 0;
}
