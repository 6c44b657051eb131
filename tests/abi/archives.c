/* A client of both libraries, with functions and data named as theirs inside (tests/abi/archives.py links it).
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <seccomp.h>
#include <sluice-filter.h>
#include <stdio.h>
#include <stdlib.h>

int sc_arch_native(void);
int sc_arch_native(void)
{
	return 42;
}

int sc_filter_lower(void);
int sc_filter_lower(void)
{
	return 43;
}

int sc_syscall_count = 44;

/* How long the program of a rule is through libseccomp; 0: it fails. */
static size_t by_seccomp(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	size_t size = 0;

	if (!ctx || seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mkdirat), 0) ||
		seccomp_export_bpf_mem(ctx, NULL, &size))
		size = 0;
	seccomp_release(ctx);
	return size / sizeof(struct sock_filter);
}

/* The same through libsluice. */
static size_t by_sluice(void)
{
	struct sluice_filter_options options = SLUICE_FILTER_OPTIONS_INIT;
	struct sluice_rule rule = {
		.size = sizeof(rule), .action = SCMP_ACT_ERRNO(EPERM), .call = "mkdirat"};
	struct sluice_filter *filter = NULL;
	struct sock_filter *insns = NULL;
	const uint32_t native = SCMP_ARCH_NATIVE;
	size_t count = 0;

	options.default_action = SCMP_ACT_ALLOW;
	options.archs = &native;
	options.n_archs = 1;
	if (sluice_filter_new(&options, &filter, NULL) || sluice_filter_add(filter, &rule, NULL) ||
		sluice_filter_compile(filter, &insns, &count, NULL))
		count = 0;
	free(insns);
	sluice_filter_free(filter);
	return count;
}

int main(void)
{
	size_t seccomp = by_seccomp(), sluice = by_sluice();

	if (seccomp && sluice && sc_arch_native() == 42 && sc_filter_lower() == 43 &&
		sc_syscall_count == 44)
		return 0;
	printf("programs of %zu and %zu instructions\n", seccomp, sluice);
	return 1;
}
