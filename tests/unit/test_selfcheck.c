/* SECCOMP_SELF_CHECK: what is proved, what is refused, and what it says.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/context.h"
#include "bpf/prove.h"
#include "bpf/prove_cut.h"
#include "compile.h"
#include "selfcheck.h"

static uint32_t state;

static uint32_t below(uint32_t n)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % n;
}

/* @n rules of call @nr that compare @args arguments by orderings. */
static void add_orderings(scmp_filter_ctx ctx, int nr, unsigned int n, unsigned int args)
{
	static const enum scmp_compare ops[] = {
		SCMP_CMP_LT, SCMP_CMP_LE, SCMP_CMP_GE, SCMP_CMP_GT};

	for (unsigned int i = 0; i < n; i++) {
		struct scmp_arg_cmp cmps[6];

		for (unsigned int k = 0; k < args; k++)
			cmps[k] = (struct scmp_arg_cmp){k, ops[below(4)], below(1000) + 1, 0};
		assert_int_equal(
			seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(1 + i % 40), nr, args, cmps),
			0);
	}
}

static scmp_filter_ctx orderings(unsigned int n, unsigned int args, uint32_t seed)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	state = seed;
	add_orderings(ctx, 1000, n, args);
	return ctx;
}

/* The line that @ctx's check says, or "". Returns what the export returns. */
static int checked(scmp_filter_ctx ctx, char line[1024])
{
	char value[16];
	size_t size = 0;
	int fds[2], rc;
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	snprintf(value, sizeof(value), "%d", fds[1]);
	setenv("SECCOMP_SELF_CHECK", value, 1);
	rc = seccomp_export_bpf_mem(ctx, NULL, &size);
	setenv("SECCOMP_SELF_CHECK", "1", 1);
	close(fds[1]);
	n = read(fds[0], line, 1023);
	assert_true(n >= 0);
	line[n] = '\0';
	close(fds[0]);
	seccomp_release(ctx);
	return rc;
}

static void many_orderings_are_proved(void **unused)
{
	static const struct {
		unsigned int n, args;
	} sets[] = {{8, 3}, {12, 6}, {50, 6}, {50, 3}, {90, 4}};
	char line[1024];

	(void)unused;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		for (uint32_t seed = 1; seed < 4; seed++) {
			assert_int_equal(
				checked(orderings(sets[i].n, sets[i].args, seed), line), 0);
			assert_string_equal(line, "");
		}
}

/* Each is cut into parts of its own. */
static void several_hard_calls_are_proved(void **unused)
{
	scmp_filter_ctx ctx = orderings(20, 6, 1);
	char line[1024];

	(void)unused;
	add_orderings(ctx, 1001, 20, 6);
	add_orderings(ctx, 1002, 20, 3);
	assert_int_equal(checked(ctx, line), 0);
	assert_string_equal(line, "");
}

static struct sc_prog compiled(scmp_filter_ctx ctx, struct sc_lowered *low)
{
	struct sc_context *context = ctx;
	struct sc_prog prog = {0};

	assert_int_equal(sc_compile(context->policy, &prog), 0);
	assert_int_equal(sc_lower(context->policy, low), 0);
	return prog;
}

/* Each comparison of the program turned into its neighbour by one: never proved. What the
 * interpreter is shown to do otherwise is a difference, the rest may mean the same. */
static void changed_programs_are_not_proved(void **unused)
{
	const struct sc_prove_limits limits = {SC_SELF_CHECK_NODES, SC_SELF_CHECK_STEPS};
	scmp_filter_ctx ctx = orderings(12, 4, 7);
	struct sc_lowered low = {0};
	struct sc_prog prog = compiled(ctx, &low);
	unsigned int refused = 0;

	(void)unused;
	assert_true(sc_cuts_wanted(&low));
	assert_int_equal(sc_prove_policy(&prog, &low, &limits, NULL), SC_PROOF_EQUAL);
	for (uint32_t i = 0; i < prog.len; i++) {
		struct sock_filter *f = &prog.insns[i];
		struct sc_counterexample cex = {0};
		int rc;

		if (BPF_CLASS(f->code) != BPF_JMP || BPF_OP(f->code) == BPF_JA || f->jt == f->jf)
			continue;
		f->k ^= 1;
		rc = sc_prove_policy(&prog, &low, &limits, &cex);
		f->k ^= 1;
		if (rc == SC_PROOF_DIFFERS)
			assert_int_not_equal(cex.a, cex.b);
		refused += rc == SC_PROOF_DIFFERS || rc == -E2BIG;
	}
	assert_true(refused > 20);
	free(prog.insns);
	sc_lowered_clear(&low);
	seccomp_release(ctx);
}

/* Wherever the nodes run out, the answer is that they did: also just at a name. */
static void nodes_that_run_out(void **unused)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	struct sc_lowered low = {0};
	struct sc_prog prog;
	struct sc_prove_limits limits = {1, SC_SELF_CHECK_STEPS};
	int rc;

	(void)unused;
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(1 + i), 1000 + (int)i % 2, 3,
					 SCMP_A0(SCMP_CMP_MASKED_EQ, 7, i / 2), SCMP_A1(SCMP_CMP_MASKED_EQ, 7, i / 2),
					 SCMP_A2(SCMP_CMP_MASKED_EQ, 7, i / 2)),
			0);
	prog = compiled(ctx, &low);
	assert_true(sc_cuts_wanted(&low));
	while ((rc = sc_prove_policy(&prog, &low, &limits, NULL)) == -E2BIG)
		limits.max_nodes++;
	assert_int_equal(rc, SC_PROOF_EQUAL);
	assert_true(limits.max_nodes > 100);
	free(prog.insns);
	sc_lowered_clear(&low);
	seccomp_release(ctx);
}

/* A program may have the same code twice. */
static void code_that_is_there_twice(void **unused)
{
	static struct sock_filter insns[SC_BPF_MAX];
	const bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	scmp_filter_ctx ctx = orderings(12, 4, 7);
	struct sc_lowered low = {0};
	struct sc_prog once = compiled(ctx, &low), twice = {.insns = insns, .big_endian = big};

	(void)unused;
	assert_true(3 + 2 * once.len <= SC_BPF_MAX);
	insns[twice.len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
	insns[twice.len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 1, 0);
	insns[twice.len++] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, once.len);
	for (int copy = 0; copy < 2; copy++)
		for (uint32_t i = 0; i < once.len; i++)
			insns[twice.len++] = once.insns[i];
	assert_int_equal(sc_prove_policy(&twice, &low, NULL, NULL), SC_PROOF_EQUAL);
	free(once.insns);
	sc_lowered_clear(&low);
	seccomp_release(ctx);
}

static void a_difference_is_shown(void **unused)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	struct sc_lowered low = {0};
	struct sc_prog prog;
	char line[1024], value[16];
	int fds[2];
	ssize_t n;

	(void)unused;
	assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(7), 1000, 1,
				 SCMP_A2(SCMP_CMP_EQ, 0x123456789)),
		0);
	prog = compiled(ctx, &low);
	for (uint32_t i = 0; i < prog.len; i++)
		if (prog.insns[i].k == 0x23456789)
			prog.insns[i].k++;
	assert_int_equal(pipe(fds), 0);
	snprintf(value, sizeof(value), "%d", fds[1]);
	setenv("SECCOMP_SELF_CHECK", value, 1);
	errno = 123;
	assert_int_equal(sc_self_check(&prog, &low), -EFAULT);
	assert_int_equal(errno, 123);
	setenv("SECCOMP_SELF_CHECK", "1", 1);
	assert_int_equal(sc_self_check(&prog, &low), -EFAULT);
	setenv("SECCOMP_SELF_CHECK", "0", 1);
	assert_int_equal(sc_self_check(&prog, &low), 0);
	setenv("SECCOMP_SELF_CHECK", "1", 1);
	close(fds[1]);
	n = read(fds[0], line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	close(fds[0]);
	assert_non_null(strstr(line, "Call 1000,"));
	assert_non_null(strstr(line, "0x12345678"));
	assert_non_null(strstr(line, "ERRNO(7)"));
	assert_ptr_equal(strchr(line, '\n'), line + n - 1); /* one line */
	free(prog.insns);
	sc_lowered_clear(&low);
	seccomp_release(ctx);
}

/* Any value but nothing and 0 asks. What is no descriptor from 2 on, or a closed one, gets no line, and the answer is
 * the same. */
static void who_asks_gets_an_answer(void **unused)
{
	static const struct {
		const char *value;
		int rc;
	} asked[] = {{"", 0}, {"0", 0}, {"00", -EFAULT}, {"1", -EFAULT}, {"yes", -EFAULT}, {"-3", -EFAULT},
		{"%dx", -EFAULT}, {"2147483648", -EFAULT}, {"99999999999999999999", -EFAULT}, {"2147483647", -EFAULT}};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	struct sc_lowered low = {0};
	struct sc_prog prog = compiled(ctx, &low);
	int fds[2];
	char byte;

	(void)unused;
	for (uint32_t i = 0; i < prog.len; i++)
		if (prog.insns[i].k == SCMP_ACT_ALLOW)
			prog.insns[i].k = SCMP_ACT_LOG;
	assert_int_equal(pipe(fds), 0);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		char value[32];

		if (strstr(asked[i].value, "%d"))
			snprintf(value, sizeof(value), "%dx", fds[1]);
		else
			snprintf(value, sizeof(value), "%s", asked[i].value);
		setenv("SECCOMP_SELF_CHECK", value, 1);
		errno = 123;
		assert_int_equal(sc_self_check(&prog, &low), asked[i].rc);
		assert_int_equal(errno, 123);
	}
	unsetenv("SECCOMP_SELF_CHECK");
	assert_int_equal(sc_self_check(&prog, &low), 0);
	setenv("SECCOMP_SELF_CHECK", "1", 1);
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 0);
	close(fds[0]);
	free(prog.insns);
	sc_lowered_clear(&low);
	seccomp_release(ctx);
}

/* A program that the kernel would refuse is not handed out either. */
static void what_cannot_be_read_is_refused(void **unused)
{
	struct sock_filter outside[] = {BPF_STMT(BPF_JMP | BPF_JA, 5)};
	const struct sc_prog prog = {outside, 1, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	struct sc_lowered low = {0};

	(void)unused;
	free(compiled(ctx, &low).insns);
	assert_int_equal(sc_self_check(&prog, &low), -EFAULT);
	sc_lowered_clear(&low);
	seccomp_release(ctx);
}

/* Bits of two arguments in pairs: the function itself is large, whatever its parts are. */
static void what_is_too_hard_says_so(void **unused)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	char line[1024];

	(void)unused;
	assert_int_equal(
		seccomp_rule_add(ctx, SCMP_ACT_ERRNO(1), 1001, 1, SCMP_A0(SCMP_CMP_EQ, 1)), 0);
	for (unsigned int i = 0; i < 32; i++) {
		const uint64_t one = UINT64_C(1) << i, other = UINT64_C(1) << (i * 5 % 32);

		assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(1 + i % 2), 1000, 2,
					 SCMP_A0(SCMP_CMP_MASKED_EQ, one, one),
					 SCMP_A1(SCMP_CMP_MASKED_EQ, other, other)),
			0);
	}
	assert_int_equal(checked(ctx, line), -EOVERFLOW);
	assert_non_null(strstr(line, "no proof within"));
	assert_non_null(strstr(line, "64 in 32 rules of call 1000"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_orderings_are_proved),
		cmocka_unit_test(several_hard_calls_are_proved),
		cmocka_unit_test(changed_programs_are_not_proved),
		cmocka_unit_test(nodes_that_run_out),
		cmocka_unit_test(code_that_is_there_twice),
		cmocka_unit_test(a_difference_is_shown),
		cmocka_unit_test(who_asks_gets_an_answer),
		cmocka_unit_test(what_cannot_be_read_is_refused),
		cmocka_unit_test(what_is_too_hard_says_so),
	};

	return cmocka_run_group_tests_name("selfcheck", tests, NULL, NULL);
}
