/* Many rules: longer ones that shorter ones replace, and sets made to take the square of
 * time (nothing is measured: if they did, the time-out would end this).
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <seccomp.h>

#include "bpf/bpf.h"

#define NR   1000
#define MANY 200000U
#define E(n) SCMP_ACT_ERRNO(n)

/* Its numbers and words are those of this machine: nothing here needs another's. */
static uint32_t verdict(scmp_filter_ctx ctx, int nr, uint64_t a0, uint64_t a1)
{
	struct seccomp_data data = {
		.nr = nr, .arch = seccomp_arch_native(), .args = {a0, a1}};
	static struct sock_filter insns[SC_BPF_MAX];
	size_t size = sizeof(insns);
	uint32_t words[16];
	const bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

	assert_int_equal(seccomp_export_bpf_mem(ctx, insns, &size), 0);
	sc_bpf_words(&data, big, words);
	return sc_bpf_run(insns, (uint32_t)(size / sizeof(*insns)), words, NULL);
}

static int rule1(scmp_filter_ctx ctx, uint32_t action, uint64_t a0)
{
	return seccomp_rule_add(ctx, action, NR, 1, SCMP_A0(SCMP_CMP_EQ, a0));
}

static int rule2(scmp_filter_ctx ctx, uint32_t action, uint64_t a0, uint64_t a1)
{
	return seccomp_rule_add(
		ctx, action, NR, 2, SCMP_A0(SCMP_CMP_EQ, a0), SCMP_A1(SCMP_CMP_EQ, a1));
}

/* Enough other rules that the call is indexed. Their high word is their own: with that of the
 * tests' rules they would be the first to have it, and so come before what ties with it. */
#define OTHER(i) (UINT64_C(1) << 32 | (100 + (i)))

static scmp_filter_ctx indexed(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	assert_non_null(ctx);
	for (uint64_t i = 0; i < 40; i++)
		assert_int_equal(rule1(ctx, E(40), OTHER(i)), 0);
	return ctx;
}

static int masked(scmp_filter_ctx ctx, uint32_t action, unsigned int n)
{
	const struct scmp_arg_cmp args[] = {SCMP_A0(SCMP_CMP_MASKED_EQ, 0xf, 1),
		SCMP_A1(SCMP_CMP_EQ, 1), SCMP_A2(SCMP_CMP_EQ, 0)};

	return seccomp_rule_add_array(ctx, action, NR, n, args);
}

static void replacing_keeps_the_place(void **state)
{
	(void)state;
	for (int first = 0; first < 2; first++) {
		scmp_filter_ctx ctx = indexed();

		/* A0 == 1 and A0 & 0xf == 1 tie: the one that came first is matched. */
		if (!first)
			assert_int_equal(rule1(ctx, E(2), 1), 0);
		assert_int_equal(masked(ctx, E(1), 3), 0);
		if (first)
			assert_int_equal(rule1(ctx, E(2), 1), 0);
		assert_int_equal(masked(ctx, E(1), 2), 0);
		assert_int_equal(masked(ctx, E(1), 1), 0);
		assert_int_equal(masked(ctx, E(1), 1), 0);
		assert_int_equal(masked(ctx, E(3), 1), -EEXIST);
		assert_int_equal(masked(ctx, E(3), 2), 0); /* covered */
		assert_int_equal(verdict(ctx, NR, 1, 0), first ? E(1) : E(2));
		assert_int_equal(verdict(ctx, NR, 17, 1), E(1));
		assert_int_equal(verdict(ctx, NR, OTHER(1), 1), E(40));
		seccomp_release(ctx);
	}
}

static void replacing_is_undone(void **state)
{
	scmp_filter_ctx ctx = indexed();

	(void)state;
	assert_int_equal(rule2(ctx, E(1), 7, 1), 0);
	assert_int_equal(rule2(ctx, E(1), 7, 2), 0);
	assert_int_equal(seccomp_transaction_start(ctx), 0);
	assert_int_equal(rule1(ctx, E(1), 7), 0);
	assert_int_equal(verdict(ctx, NR, 7, 3), E(1));
	seccomp_transaction_reject(ctx);
	assert_int_equal(verdict(ctx, NR, 7, 3), SCMP_ACT_ALLOW);
	assert_int_equal(verdict(ctx, NR, 7, 2), E(1));
	assert_int_equal(rule2(ctx, E(2), 7, 2), -EEXIST);
	assert_int_equal(rule2(ctx, E(2), 7, 3), 0);
	assert_int_equal(rule1(ctx, E(1), 7), -EEXIST);
	seccomp_release(ctx);
}

static void many_replaced(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(rule2(ctx, E(1), i, 1), 0);
	for (uint32_t i = MANY; i-- > 0;)
		assert_int_equal(rule1(ctx, E(1), i), 0);
	assert_int_equal(verdict(ctx, NR, MANY - 1, 2), E(1));
	assert_int_equal(verdict(ctx, NR, MANY, 1), SCMP_ACT_ALLOW);
	seccomp_release(ctx);
}

static void many_far_apart(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	size_t size;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(rule1(ctx, E(1), 3 * (uint64_t)i), 0);
	assert_int_equal(seccomp_export_bpf_mem(ctx, NULL, &size), -ECANCELED);
	assert_int_equal(errno, E2BIG);
	seccomp_release(ctx);
}

/* Hardly more than a comparison each, as libseccomp needs, and still within the kernel's 4096. */
static void many_that_fit(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	size_t size;

	(void)state;
	for (uint32_t i = 0; i < 4000; i++)
		assert_int_equal(rule1(ctx, E(1), 3 * (uint64_t)i), 0);
	assert_int_equal(seccomp_export_bpf_mem(ctx, NULL, &size), 0);
	assert_int_equal(verdict(ctx, NR, 3 * 3999, 0), E(1));
	assert_int_equal(verdict(ctx, NR, 3 * 1234, 0), E(1));
	assert_int_equal(verdict(ctx, NR, 3 * 1234 + 1, 0), SCMP_ACT_ALLOW);
	seccomp_release(ctx);
}

/* Eight flags, each with values of another argument: too many for lists, so rule by rule. Each
 * flag is asked for once. */
static void many_that_begin_alike(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	const uint64_t each = 100;
	size_t size;

	(void)state;
	for (uint64_t flag = 0; flag < 8; flag++)
		for (uint64_t i = 0; i < each; i++)
			assert_int_equal(seccomp_rule_add(ctx, E(1), NR, 2,
						 SCMP_A0(SCMP_CMP_MASKED_EQ, 1U << flag, 1U << flag),
						 SCMP_A1(SCMP_CMP_EQ, 16 * (flag * each + i))),
				0);
	assert_int_equal(seccomp_export_bpf_mem(ctx, NULL, &size), 0);
	assert_true(size > 0 && size / sizeof(struct sock_filter) <= 8 * each * 6 / 5);
	for (uint64_t flag = 0; flag < 8; flag++) {
		const uint64_t value = 16 * (flag * each + 37);

		assert_int_equal(verdict(ctx, NR, 1U << flag, value), E(1));
		assert_int_equal(verdict(ctx, NR, 0xff, value), E(1));
		assert_int_equal(verdict(ctx, NR, 0xff & ~(1U << flag), value), SCMP_ACT_ALLOW);
		assert_int_equal(verdict(ctx, NR, 0xff, value + 1), SCMP_ACT_ALLOW);
	}
	seccomp_release(ctx);
}

/* Each call's rules multiply as far as one call's may. */
static void many_calls_that_multiply(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	size_t size;

	(void)state;
	for (int nr = 0; nr < 5000; nr++)
		for (unsigned int i = 0; i < 24; i++)
			assert_int_equal(seccomp_rule_add(ctx, E(1 + nr * i % 7), nr, 3,
						 SCMP_A0(SCMP_CMP_GT, 5 * i),
						 SCMP_A1(SCMP_CMP_NE, i ^ 5),
						 SCMP_A2(SCMP_CMP_LT, 77 - i)),
				0);
	assert_int_equal(seccomp_export_bpf_mem(ctx, NULL, &size), -ECANCELED);
	assert_int_equal(errno, E2BIG);
	seccomp_release(ctx);
}

/* More tests than a graph may have: refused before memory is. */
static void many_nodes(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	size_t size;

	(void)state;
	for (uint64_t i = 0; i < 250000; i++) {
		const scmp_datum_t from = (i + 1) << 32 | (i + 1);

		assert_int_equal(
			seccomp_rule_add(ctx, E(1), NR, 6, SCMP_A0(SCMP_CMP_GT, from),
				SCMP_A1(SCMP_CMP_GT, from), SCMP_A2(SCMP_CMP_GT, from),
				SCMP_A3(SCMP_CMP_GT, from), SCMP_A4(SCMP_CMP_GT, from),
				SCMP_A5(SCMP_CMP_GT, from)),
			0);
	}
	assert_int_equal(seccomp_export_bpf_mem(ctx, NULL, &size), -ECANCELED);
	assert_int_equal(errno, E2BIG);
	seccomp_release(ctx);
}

/* The least that each call takes is too much for all of them together; what the two widths share is not.
 * As the first of these, so many instructions are refused. */
static void many_that_fit_as_lists(void **state)
{
	static const struct {
		unsigned int arg, value;
	} rules[] = {{1, 0xc000}, {2, 0x6000}, {0, 0x7000}, {0, 0xb000}, {0, 0x6000}, {0, 0x1000}, {0, 0x9000},
		{1, 0x7000}};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	(void)state;
	if (seccomp_arch_native() != SCMP_ARCH_X86_64) {
		seccomp_release(ctx);
		skip(); /* its calls are numbered for this, and x86 has nearly all of them */
	}
	assert_int_equal(seccomp_arch_add(ctx, SCMP_ARCH_X86), 0);
	for (int nr = 1; nr < 156; nr++)
		for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
			assert_int_equal(seccomp_rule_add(ctx, E(1), nr, 1,
						 SCMP_CMP(rules[i].arg, SCMP_CMP_EQ, rules[i].value + (unsigned int)nr)),
				0);
	assert_int_equal(verdict(ctx, 100, 0xb000 + 100, 0), E(1));
	assert_int_equal(verdict(ctx, 100, 0xb000 + 101, 0), SCMP_ACT_ALLOW);
	assert_int_equal(verdict(ctx, 155, 0, 0xc000 + 155), E(1));
	seccomp_release(ctx);
}

/* One call alone is several times too large, whatever is before it. */
static void one_call_is_hopeless(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	size_t size;

	(void)state;
	assert_int_equal(rule2(ctx, E(1), 3, 5), 0);
	for (uint64_t i = 0; i < 1500; i++)
		assert_int_equal(
			seccomp_rule_add(ctx, E(1 + i), NR + 1, 6,
				SCMP_A0(SCMP_CMP_MASKED_EQ, 2 * i + 1, 2 * i + 1),
				SCMP_A1(SCMP_CMP_MASKED_EQ, 4 * i + 3, 4 * i + 3), SCMP_A2(SCMP_CMP_GT, i),
				SCMP_A3(SCMP_CMP_GT, 7 * i), SCMP_A4(SCMP_CMP_GT, 5 * i),
				SCMP_A5(SCMP_CMP_GT, 3 * i)),
			0);
	assert_int_equal(seccomp_export_bpf_mem(ctx, NULL, &size), -ECANCELED);
	assert_int_equal(errno, E2BIG);
	seccomp_release(ctx);
}

/* One more than a block of the sweep over an argument's values. */
static void one_rule_more_than_a_block(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	(void)state;
	for (uint64_t i = 0; i <= 4096; i++)
		assert_int_equal(seccomp_rule_add(ctx, E(1), NR, 1, SCMP_A0(SCMP_CMP_LE, i)), 0);
	assert_int_equal(verdict(ctx, NR, 4095, 0), E(1));
	assert_int_equal(verdict(ctx, NR, 4096, 0), E(1));
	assert_int_equal(verdict(ctx, NR, 4097, 0), SCMP_ACT_ALLOW);
	seccomp_release(ctx);
}

/* Each mask is a level of the graph; more levels than a stack should bear go rule by
 * rule. */
static void many_masks(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	const unsigned int bits = 8 * sizeof(long);

	(void)state;
	for (unsigned int i = 0; i < bits; i++)
		assert_int_equal(seccomp_rule_add(ctx, E(1 + i), NR, 1,
					 SCMP_A0(SCMP_CMP_MASKED_EQ, UINT64_C(1) << i,
						 UINT64_C(1) << i)),
			0);
	for (unsigned int i = 0; i < bits; i++)
		assert_int_equal(verdict(ctx, NR, UINT64_C(1) << i, 0), E(1 + i));
	assert_int_equal(verdict(ctx, NR, 0, 0), SCMP_ACT_ALLOW);
	seccomp_release(ctx);
}

/* The weights of so many priorities add up to more than is scaled: the verdicts stay. That the
 * tree is still the cheapest is not asked here. */
static void many_priorities(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	(void)state;
	assert_int_equal(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2), 0);
	for (int nr = 0; nr < 30000; nr++) {
		assert_int_equal(seccomp_rule_add(ctx, E(1 + nr / 6000), nr, 0), 0);
		assert_int_equal(seccomp_syscall_priority(ctx, nr, 255), 0);
	}
	for (int nr = 0; nr < 30000; nr += 100)
		assert_int_equal(verdict(ctx, nr, 0, 0), E(1 + nr / 6000));
	assert_int_equal(verdict(ctx, 30000, 0, 0), SCMP_ACT_ALLOW);
	seccomp_release(ctx);
}

/* The table of numbers that are found without hashing holds 65535 calls: those that come later
 * are found all the same. */
static void more_calls_than_the_index_tells(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(E(1));
	const int late = seccomp_syscall_resolve_name("read");
	const int later = seccomp_syscall_resolve_name("write");
	const int last = seccomp_syscall_resolve_name("close");

	(void)state;
	assert_non_null(ctx);
	for (int nr = 100000; nr < 100000 + 65535; nr++)
		assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0), 0);
	assert_int_equal(seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, late, 0, NULL), 0);
	assert_int_equal(seccomp_rule_add(ctx, E(2), later, 1, SCMP_A0(SCMP_CMP_EQ, 7)), 0);
	assert_int_equal(seccomp_rule_add(ctx, E(3), later, 1, SCMP_A0(SCMP_CMP_EQ, 7)), -EEXIST);
	assert_int_equal(seccomp_transaction_start(ctx), 0);
	assert_int_equal(seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, last, 0, NULL), 0);
	assert_int_equal(verdict(ctx, last, 0, 0), SCMP_ACT_ALLOW);
	seccomp_transaction_reject(ctx);
	assert_int_equal(verdict(ctx, late, 0, 0), SCMP_ACT_ALLOW);
	assert_int_equal(verdict(ctx, later, 7, 0), E(2));
	assert_int_equal(verdict(ctx, later, 8, 0), E(1));
	assert_int_equal(verdict(ctx, last, 0, 0), E(1));
	assert_int_equal(verdict(ctx, 100000 + 65534, 0, 0), SCMP_ACT_ALLOW);
	assert_int_equal(verdict(ctx, 100000 + 65535, 0, 0), E(1));
	assert_int_equal(seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, later, 0, NULL), 0);
	assert_int_equal(verdict(ctx, later, 7, 0), SCMP_ACT_ALLOW);
	seccomp_release(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replacing_keeps_the_place),
		cmocka_unit_test(replacing_is_undone),
		cmocka_unit_test(many_replaced),
		cmocka_unit_test(many_far_apart),
		cmocka_unit_test(many_that_fit),
		cmocka_unit_test(many_that_begin_alike),
		cmocka_unit_test(many_calls_that_multiply),
		cmocka_unit_test(many_nodes),
		cmocka_unit_test(many_that_fit_as_lists),
		cmocka_unit_test(one_call_is_hopeless),
		cmocka_unit_test(one_rule_more_than_a_block),
		cmocka_unit_test(many_masks),
		cmocka_unit_test(many_priorities),
		cmocka_unit_test(more_calls_than_the_index_tells),
	};

	setenv("SECCOMP_SELF_CHECK", "0", 1); /* too many rules for the prover's bounds */
	return cmocka_run_group_tests_name("many rules", tests, NULL, NULL);
}
