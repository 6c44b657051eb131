/* Masked comparisons of the low word alone: at the end of its line, where the piece behind the
 * largest low word begins at 2^32, and must not come back as 0; and with no bit set.
 * SPDX-License-Identifier: MIT */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <seccomp.h>

#include "bpf/bpf.h"

/* A 64-bit ABI in the byte order of this machine. */
#define BIG  (__BYTE_ORDER == __BIG_ENDIAN)
#define ARCH (BIG ? SCMP_ARCH_S390X : SCMP_ARCH_X86_64)
#define LOW  0xffffffffULL

static uint32_t verdict(scmp_filter_ctx ctx, uint64_t arg)
{
	struct seccomp_data data = {
		.nr = seccomp_syscall_resolve_name_arch(ARCH, "dup"),
		.arch = ARCH,
		.args = {arg},
	};
	struct sock_filter insns[64];
	size_t size = sizeof(insns);
	uint32_t words[16];

	assert_int_equal(seccomp_export_bpf_mem(ctx, insns, &size), 0);
	sc_bpf_words(&data, BIG, words);
	return sc_bpf_run(insns, (uint32_t)(size / sizeof(*insns)), words, NULL);
}

static void neighbours_at_the_end(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	(void)state;
	assert_int_equal(seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE), 0);
	assert_int_equal(seccomp_arch_add(ctx, ARCH), 0);
	assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(1), SCMP_SYS(dup), 1,
				 SCMP_A0(SCMP_CMP_MASKED_EQ, LOW, LOW)),
		0);
	assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(2), SCMP_SYS(dup), 1,
				 SCMP_A0(SCMP_CMP_MASKED_EQ, LOW, LOW - 1)),
		0);
	assert_int_equal(verdict(ctx, LOW), SCMP_ACT_ERRNO(1));
	assert_int_equal(verdict(ctx, UINT64_MAX), SCMP_ACT_ERRNO(1));
	assert_int_equal(verdict(ctx, LOW - 1), SCMP_ACT_ERRNO(2));
	assert_int_equal(verdict(ctx, UINT64_MAX - 1), SCMP_ACT_ERRNO(2));
	assert_int_equal(verdict(ctx, LOW - 2), SCMP_ACT_ALLOW);
	assert_int_equal(verdict(ctx, LOW + 1), SCMP_ACT_ALLOW);
	assert_int_equal(verdict(ctx, 0), SCMP_ACT_ALLOW);
	seccomp_release(ctx);
}

/* One JSET says it, without AND. */
static void no_bit_of_a_mask(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	struct sock_filter insns[64];
	size_t size = sizeof(insns);
	unsigned int jsets = 0;

	(void)state;
	assert_int_equal(seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE), 0);
	assert_int_equal(seccomp_arch_add(ctx, ARCH), 0);
	assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(1), SCMP_SYS(dup), 1,
				 SCMP_A0(SCMP_CMP_MASKED_EQ, 6, 0)),
		0);
	assert_int_equal(seccomp_export_bpf_mem(ctx, insns, &size), 0);
	for (size_t i = 0; i < size / sizeof(*insns); i++) {
		assert_int_not_equal(BPF_CLASS(insns[i].code), BPF_ALU);
		jsets += insns[i].code == (BPF_JMP | BPF_JSET | BPF_K) && insns[i].k == 6;
	}
	assert_int_equal(jsets, 1);
	assert_int_equal(verdict(ctx, 0), SCMP_ACT_ERRNO(1));
	assert_int_equal(verdict(ctx, 9 | ~LOW), SCMP_ACT_ERRNO(1));
	for (uint64_t bits = 2; bits <= 6; bits += 2)
		assert_int_equal(verdict(ctx, bits), SCMP_ACT_ALLOW);
	seccomp_release(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_at_the_end),
		cmocka_unit_test(no_bit_of_a_mask),
	};

	return cmocka_run_group_tests_name("low word", tests, NULL, NULL);
}
