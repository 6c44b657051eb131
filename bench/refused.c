/* refused LIB.so SET: what it costs to be told that rules do not fit into a program: time
 * from seccomp_init() to the error, and the memory that the process took for it. In a
 * process of its own. "refused LIB.so" lists the sets. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const uint32_t arches[] = {SCMP_ARCH_X86, SCMP_ARCH_X32, SCMP_ARCH_ARM,
	SCMP_ARCH_AARCH64, SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64N32,
	SCMP_ARCH_PPC64LE, SCMP_ARCH_RISCV64, SCMP_ARCH_LOONGARCH64, SCMP_ARCH_SH};

/* Rules of @args random comparisons each, spread over calls. */
static const struct set {
	const char *name;
	unsigned int rules, calls, arches, args;
	enum scmp_compare first, last; /* which comparisons */
	unsigned int values;	       /* data are below */
} sets[] = {
	{"2560 rules of six NE, 128 calls", 2560, 128, 1, 6, SCMP_CMP_NE, SCMP_CMP_NE, 8},
	{"2560 rules of six EQ, 128 calls", 2560, 128, 1, 6, SCMP_CMP_EQ, SCMP_CMP_EQ,
		1u << 30},
	{"2560 rules of six orderings, 128 calls", 2560, 128, 1, 6, SCMP_CMP_GE,
		SCMP_CMP_GT, 1u << 30},
	{"2560 rules of six masks, 128 calls", 2560, 128, 1, 6, SCMP_CMP_MASKED_EQ,
		SCMP_CMP_MASKED_EQ, 1u << 30},
	{"2560 rules of six NE, 1 call", 2560, 1, 1, 6, SCMP_CMP_NE, SCMP_CMP_NE, 8},
	{"100000 rules of one EQ, 300 calls", 100000, 300, 1, 1, SCMP_CMP_EQ, SCMP_CMP_EQ,
		1u << 30},
	{"100000 rules of six of all kinds, 300 calls", 100000, 300, 1, 6, SCMP_CMP_NE,
		SCMP_CMP_MASKED_EQ, 1u << 30},
	{"100000 rules of six of all kinds, 300 calls, 12 architectures", 100000, 300, 12,
		6, SCMP_CMP_NE, SCMP_CMP_MASKED_EQ, 1u << 30},
};

static unsigned int draw(unsigned int below)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned int)(state * 0x2545F4914F6CDD1Du >> 33) % below;
}

static int add(const struct lib *lib, scmp_filter_ctx ctx, const struct set *set)
{
	for (unsigned int i = 0; i < set->rules; i++) {
		struct scmp_arg_cmp args[6];
		int rc;

		for (unsigned int a = 0; a < set->args; a++)
			args[a] = (struct scmp_arg_cmp){a,
				set->first + draw(set->last - set->first + 1),
				draw(set->values), draw(set->values)};
		rc = lib->rule_add(ctx, SCMP_ACT_ERRNO(1 + i % 20), (int)(i % set->calls),
			set->args, args);
		if (rc && rc != -EEXIST)
			return rc;
	}
	return 0;
}

/* The most memory that this process had, in KiB. getrusage(2) also counts what the parent
 * had. */
static long peak(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long kib = 0;

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	if (status)
		fclose(status);
	return kib;
}

static void measure(const struct lib *lib, const struct set *set)
{
	long before = peak();
	scmp_filter_ctx ctx;
	size_t size = 0;
	double begin;
	long kib;
	int rc = 0;

	begin = now_us();
	ctx = lib->init(SCMP_ACT_ALLOW);
	if (!ctx)
		die("seccomp_init(): no context");
	for (unsigned int i = 0; !rc && i + 1 < set->arches; i++)
		rc = lib->arch_add(ctx, arches[i]);
	if (!rc)
		rc = add(lib, ctx, set);
	if (!rc)
		rc = lib->export_bpf_mem(ctx, NULL, &size);
	begin = now_us() - begin;
	kib = peak() - before;
	lib->release(ctx);
	printf("{\"what\": \"refused\", \"set\": \"%s\", \"errno\": %d, "
	       "\"instructions\": %zu, "
	       "\"ms\": %.2f, \"kib\": %ld}\n",
		set->name, -rc, size / sizeof(struct sock_filter), begin / 1000, kib);
}

int main(int argc, char **argv)
{
	struct lib lib;

	if (argc < 2 || argc > 3)
		die("usage: refused LIB.so [SET]");
	if (argc == 2)
		for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
			puts(sets[i].name);
	else
		lib_open(&lib, "lib", argv[1]);
	for (size_t i = 0; argc == 3 && i < sizeof(sets) / sizeof(*sets); i++)
		if (strcmp(sets[i].name, argv[2]) == 0)
			measure(&lib, &sets[i]);
	return 0;
}
