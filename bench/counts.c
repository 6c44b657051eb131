/* Instructions: of the program, and executed. Nothing here depends on the machine's mood.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bpf/bpf.h"

/* Numbers beyond the last call of any architecture. */
#define NUMBERS 600

struct filter {
	const struct sock_filter *insns;
	uint32_t len;
};

static uint32_t steps(
	const struct filter *f, uint32_t audit, int nr, const uint64_t args[6])
{
	struct seccomp_data data = {.nr = nr, .arch = audit};
	uint32_t words[16], n;

	for (unsigned int i = 0; i < 6; i++)
		data.args[i] = args ? args[i] : 0;
	sc_bpf_words(&data, false, words);
	sc_bpf_run(f->insns, f->len, words, &n);
	return n;
}

static void worse(uint32_t *worst, uint32_t n)
{
	if (n > *worst)
		*worst = n;
}

/* Every number of every ABI without arguments, and every rule with what it asks for. */
static uint32_t worst_of(const struct policy *policy, const struct filter *f)
{
	static const struct {
		uint32_t audit;
		int base;
	} abis[] = {{AUDIT_ARCH_X86_64, 0}, {AUDIT_ARCH_X86_64, 0x40000000},
		{AUDIT_ARCH_I386, 0}, {AUDIT_ARCH_AARCH64, 0}};
	uint32_t worst = 0;

	for (unsigned int a = 0; a < sizeof(abis) / sizeof(*abis); a++)
		for (int nr = 0; nr < NUMBERS; nr++)
			worse(&worst, steps(f, abis[a].audit, abis[a].base + nr, NULL));
	for (unsigned int i = 0; i < policy->n_rules; i++) {
		const struct rule *rule = &policy->rules[i];
		uint64_t args[6] = {0};

		for (unsigned int k = 0; k < rule->n; k++)
			args[rule->args[k].arg] = rule->args[k].op == SCMP_CMP_MASKED_EQ
							  ? rule->args[k].datum_b
							  : rule->args[k].datum_a;
		worse(&worst, steps(f, AUDIT_ARCH_X86_64, rule->nr, args));
	}
	return worst;
}

/* The mix is of calls as programs make them: without what rules ask about. */
static void run_mix(const struct lib *lib, const struct filter *f, const char *mix,
	struct counts *out)
{
	FILE *file = fopen(mix, "re");
	char line[128], name[64];
	unsigned long n;

	if (!file)
		die("%s: %s", mix, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		int nr;

		if (line[0] == '#' || sscanf(line, "%63s %lu", name, &n) != 2)
			continue;
		nr = lib->resolve_name(SCMP_ARCH_X86_64, name);
		out->calls += n;
		out->mixed += n * steps(f, AUDIT_ARCH_X86_64, nr, NULL);
	}
	fclose(file);
}

void counts_of(const struct policy *policy, const struct lib *lib,
	const struct sock_filter *insns, uint32_t len, const char *mix,
	struct counts *out)
{
	struct filter f = {.insns = insns, .len = len};
	bool listed[NUMBERS] = {false};

	*out = (struct counts){.cbpf = len, .ebpf = sc_bpf_ebpf_len(insns, len)};
	for (unsigned int i = 0; i < policy->n_rules; i++)
		if (policy->rules[i].nr >= 0 && policy->rules[i].nr < NUMBERS)
			listed[policy->rules[i].nr] = true;
	for (int nr = 0; nr < NUMBERS; nr++) {
		if (!listed[nr])
			continue;
		out->listed++;
		out->executed += steps(&f, AUDIT_ARCH_X86_64, nr, NULL);
	}
	out->worst = worst_of(policy, &f);
	if (mix)
		run_mix(lib, &f, mix, out);
}

void bench_counts(const struct lib lib[LIBS], const char *path, const char *mix)
{
	struct variant variants[VARIANTS];
	unsigned int n_variants;
	struct policy policy;

	n_variants = variants_of(lib, variants);
	policy_read(&policy, path, &lib[0], &lib[1]);
	for (unsigned int v = 0; v < n_variants; v++) {
		scmp_filter_ctx ctx =
			policy_build(&policy, variants[v].lib, variants[v].optimize);
		struct counts c = {0};
		uint32_t len;
		struct sock_filter *insns = program_of(variants[v].lib, ctx, &len);

		if (len && len <= SC_BPF_MAX)
			counts_of(&policy, &lib[0], insns, len, mix, &c);
		printf("{\"what\": \"counts\", \"policy\": \"%s\", \"lib\": \"%s\", "
		       "\"optimize\": %u, \"cbpf\": %u, \"ebpf\": %u, \"mean\": %.3f, "
		       "\"mix\": %.3f, \"worst\": %u}\n",
			policy.name, variants[v].lib->name, variants[v].optimize, len,
			c.ebpf, c.listed ? (double)c.executed / (double)c.listed : 0,
			c.calls ? (double)c.mixed / (double)c.calls : 0, c.worst);
		variants[v].lib->release(ctx);
	}
	free(policy.rules);
}
