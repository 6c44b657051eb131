/* check, sim, ebpf and disasm on programs small enough to judge by eye.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "randprog.h"
#include "util/cleanup.h"

#define N(a)	     (sizeof(a) / sizeof((a)[0]))
#define LD(off)	     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, off)
#define RET(k)	     BPF_STMT(BPF_RET | BPF_K, k)
#define JEQ(k, t, f) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, t, f)

static void assert_refused(const struct sock_filter *insns, uint32_t len, uint32_t where)
{
	uint32_t at = ~0u;
	const char *why = NULL;

	assert_int_equal(sc_bpf_check(insns, len, &at, &why), -EINVAL);
	assert_int_equal(at, where);
	assert_non_null(why);
}

static void test_check(void **state)
{
	static const struct {
		struct sock_filter insns[4];
		uint32_t len, at;
	} bad[] = {
		{{RET(0)}, 0, 0},
		{{LD(0)}, 1, 0},
		{{LD(64), RET(0)}, 2, 0},
		{{LD(2), RET(0)}, 2, 0},
		{{RET(0), BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RET(0)}, 3, 1},
		{{BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), RET(0)}, 2, 0},
		{{BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), RET(0)}, 2, 0},
		{{BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), RET(0)}, 2, 0},
		{{JEQ(0, 0, 1), RET(0)}, 2, 0},
		{{JEQ(0, 1, 0), RET(0)}, 2, 0},
		{{BPF_STMT(BPF_JMP | BPF_JA, 1), RET(0)}, 2, 0},
		{{BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX), RET(0)}, 2, 0},
		{{BPF_STMT(BPF_ST, 16), RET(0)}, 2, 0},
		{{BPF_STMT(BPF_LD | BPF_MEM, 0), RET(0)}, 2, 0},
		{{JEQ(0, 0, 1), BPF_STMT(BPF_ST, 0), BPF_STMT(BPF_LDX | BPF_MEM, 0),
			 RET(0)},
			4, 2},
		{{BPF_STMT(BPF_RET | BPF_X, 0)}, 1, 0},
	};
	static const struct sock_filter good[] = {
		JEQ(0, 0, 1),
		BPF_STMT(BPF_ST, 3),
		BPF_STMT(BPF_ST, 3),
		BPF_STMT(BPF_LD | BPF_MEM, 3),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	_cleanup_free_ struct sock_filter *many = calloc(SC_BPF_MAX + 1, sizeof(*many));

	(void)state;
	for (size_t i = 0; i < N(bad); i++)
		assert_refused(bad[i].insns, bad[i].len, bad[i].at);
	assert_int_equal(sc_bpf_check(good, N(good), NULL, NULL), 0);
	assert_non_null(many);
	for (uint32_t i = 0; i <= SC_BPF_MAX; i++)
		many[i] = (struct sock_filter)RET(0);
	assert_int_equal(sc_bpf_check(many, SC_BPF_MAX, NULL, NULL), 0);
	assert_refused(many, SC_BPF_MAX + 1, SC_BPF_MAX);
}

static uint32_t run_alu(uint16_t op, uint32_t a, uint32_t operand, bool by_x)
{
	const struct sock_filter insns[] = {
		BPF_STMT(BPF_LDX | BPF_IMM, operand),
		BPF_STMT(BPF_LD | BPF_IMM, a),
		BPF_STMT(BPF_ALU | op | (by_x ? BPF_X : BPF_K), operand),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	const uint32_t words[16] = {0};

	return sc_bpf_run(insns, N(insns), words, NULL);
}

static void test_arithmetic(void **state)
{
	static const struct {
		uint16_t op;
		uint32_t a, operand, want;
	} sums[] = {
		{BPF_ADD, 0xffffffff, 2, 1},
		{BPF_SUB, 1, 2, 0xffffffff},
		{BPF_MUL, 0x10001, 0x10001, 0x20001},
		{BPF_DIV, 0xffffffff, 16, 0x0fffffff},
		{BPF_AND, 0xf0f0, 0xff00, 0xf000},
		{BPF_OR, 0xf0f0, 0xff00, 0xfff0},
		{BPF_XOR, 0xf0f0, 0xff00, 0x0ff0},
		{BPF_LSH, 0x80000001, 31, 0x80000000},
		{BPF_RSH, 0x80000001, 31, 1},
	};

	(void)state;
	for (size_t i = 0; i < N(sums); i++) {
		assert_int_equal(run_alu(sums[i].op, sums[i].a, sums[i].operand, false),
			sums[i].want);
		assert_int_equal(run_alu(sums[i].op, sums[i].a, sums[i].operand, true),
			sums[i].want);
	}
	assert_int_equal(run_alu(BPF_NEG, 1, 0, false), 0xffffffff);
	assert_int_equal(run_alu(BPF_DIV, 7, 0, true), 0);
	assert_int_equal(run_alu(BPF_LSH, 1, 33, true), 2);
}

static void test_words(void **state)
{
	const struct seccomp_data d = {.nr = -1,
		.arch = 2,
		.instruction_pointer = 0x1111111122222222,
		.args = {0x3333333344444444, 0, 0, 0, 0, 0x5555555566666666}};
	uint32_t w[16];

	(void)state;
	sc_bpf_words(&d, false, w);
	assert_int_equal(w[0], 0xffffffff);
	assert_int_equal(w[1], 2);
	assert_int_equal(w[2], 0x22222222);
	assert_int_equal(w[4], 0x44444444);
	assert_int_equal(w[15], 0x55555555);
	sc_bpf_words(&d, true, w);
	assert_int_equal(w[1], 2);
	assert_int_equal(w[2], 0x11111111);
	assert_int_equal(w[4], 0x33333333);
	assert_int_equal(w[15], 0x66666666);
}

static void test_steps_and_scratch(void **state)
{
	static const struct sock_filter insns[] = {
		LD(0),
		BPF_STMT(BPF_ST, 5),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_STX, 6),
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_STMT(BPF_JMP | BPF_JA, 1),
		RET(1),
		BPF_STMT(BPF_LDX | BPF_MEM, 5),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_MEM, 6),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	const uint32_t words[16] = {100};
	uint32_t steps;

	(void)state;
	assert_int_equal(sc_bpf_check(insns, N(insns), NULL, NULL), 0);
	assert_int_equal(sc_bpf_run(insns, N(insns), words, &steps), 264);
	assert_int_equal(steps, N(insns) - 1);
}

static void test_const_allow(void **state)
{
	static const struct sock_filter insns[] = {
		LD(4),
		JEQ(7, 1, 0),
		RET(0),
		LD(0),
		JEQ(1, 5, 0),
		JEQ(2, 5, 0),
		JEQ(3, 5, 0),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf),
		JEQ(5, 1, 0),
		RET(SECCOMP_RET_LOG),
		RET(SECCOMP_RET_ALLOW),
		RET(SECCOMP_RET_ALLOW | 1),
		LD(16),
		RET(SECCOMP_RET_ALLOW),
	};

	(void)state;
	assert_int_equal(sc_bpf_check(insns, N(insns), NULL, NULL), 0);
	assert_true(sc_bpf_const_allow(insns, N(insns), 7, 1));
	assert_false(sc_bpf_const_allow(insns, N(insns), 6, 1));
	assert_false(sc_bpf_const_allow(insns, N(insns), 7, 2)); /* data bits */
	assert_false(
		sc_bpf_const_allow(insns, N(insns), 7, 3)); /* looks at an argument */
	assert_true(sc_bpf_const_allow(insns, N(insns), 7, 0x35));
	assert_false(sc_bpf_const_allow(insns, N(insns), 7, 0x36));
	/* A program that no kernel takes allows nothing: this one ends without a RET. */
	assert_false(sc_bpf_const_allow(insns, 9, 7, 0x35));
}

static void test_const_allow_jumps(void **state)
{
	static const struct sock_filter insns[] = {
		LD(0),
		BPF_STMT(BPF_JMP | BPF_JA, 1),
		RET(0),
		JEQ(4, 0, 1),
		RET(SECCOMP_RET_ALLOW),
		RET(0),
	};

	(void)state;
	assert_int_equal(sc_bpf_check(insns, N(insns), NULL, NULL), 0);
	assert_true(sc_bpf_const_allow(insns, N(insns), 7, 4));
	assert_false(sc_bpf_const_allow(insns, N(insns), 7, 5));
}

static void test_const_allow_comparisons(void **state)
{
	static const struct sock_filter insns[] = {
		LD(0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 9, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 6, 0, 1),
		RET(SECCOMP_RET_ALLOW),
		RET(0),
	};

	(void)state;
	assert_int_equal(sc_bpf_check(insns, N(insns), NULL, NULL), 0);
	for (uint32_t nr = 0; nr < 20; nr++)
		assert_int_equal(sc_bpf_const_allow(insns, N(insns), 7, nr), nr <= 9 && nr & 6);
}

static void test_ebpf(void **state)
{
	static const struct sock_filter insns[] = {
		LD(0),
		JEQ(1, 0, 0),
		JEQ(1, 1, 0),
		JEQ(1, 0, 1),
		JEQ(1, 1, 2),
		JEQ(0x80000000, 1, 0),
		JEQ(0x80000000, 1, 2),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0x80000000, 1, 0),
		BPF_STMT(BPF_JMP | BPF_JA, 0),
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 2),
		RET(0),
		RET(1),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};

	(void)state;
	assert_int_equal(sc_bpf_ebpf_len(insns, N(insns)),
		3 + 1 + 1 + 1 + 1 + 2 + 2 + 3 + 2 + 1 + 1 + 1 + 5 + 1 + 2 + 2 + 1);
}

static char *text_of(const struct sock_filter *insns, uint32_t len, bool big_endian)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	assert_int_equal(sc_bpf_disasm(insns, len, big_endian, f), 0);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void test_disasm(void **state)
{
	static const struct sock_filter insns[] = {
		LD(4),
		JEQ(0xc000003e, 1, 2),
		LD(0),
		LD(20),
		LD(62),
		BPF_STMT(BPF_LDX | BPF_MEM, 3),
		BPF_STMT(BPF_LD | BPF_IMM, 9),
		BPF_STMT(BPF_STX, 2),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 255),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_NEG, 0),
		BPF_STMT(BPF_JMP | BPF_JA, 1),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_X, 0, 0, 1),
		BPF_STMT(BPF_MISC | BPF_TXA, 0),
		RET(SECCOMP_RET_ALLOW),
		RET(SECCOMP_RET_ERRNO | 1),
		RET(SECCOMP_RET_KILL_PROCESS),
		RET(SECCOMP_RET_ALLOW | 5),
		RET(0x12345678),
		{0xffff, 1, 2, 3},
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	_cleanup_free_ char *le = text_of(insns, N(insns), false);
	_cleanup_free_ char *be = text_of(insns, N(insns), true);

	(void)state;
	assert_string_equal(le,
		"   0: ld arch\n   1: jeq #0xc000003e, l3, l4\n   2: ld nr\n   3: ld "
		"a0.hi\n"
		"   4: ld [62]\n   5: ldx M[3]\n   6: ld #0x9\n   7: stx M[2]\n   8: and "
		"#0xff\n"
		"   9: xor x\n  10: neg\n  11: ja l13\n  12: jset x, l13, l14\n  13: "
		"txa\n"
		"  14: ret ALLOW\n  15: ret ERRNO(1)\n  16: ret KILL_PROCESS\n  17: ret "
		"ALLOW(5)\n"
		"  18: ret 0x12345678\n  19: code 0xffff, 1, 2, 0x3\n  20: ret a\n");
	assert_non_null(strstr(be, "   3: ld a0.lo\n"));
	assert_string_equal(sc_bpf_word_name(15, false), "a5.hi");
	assert_string_equal(sc_bpf_word_name(15, true), "a5.lo");
	assert_string_equal(sc_bpf_word_name(16, false), "?");
}

/* Each word has its name, and what names no word its offset. */
static void test_disasm_words(void **state)
{
	(void)state;
	for (uint32_t k = 0; k < 72; k++) {
		const struct sock_filter load = LD(k);
		_cleanup_free_ char *text = text_of(&load, 1, false);
		char wanted[40];

		if (k % 4 == 0 && k < sizeof(struct seccomp_data))
			snprintf(wanted, sizeof(wanted), "   0: ld %s\n", sc_bpf_word_name(k / 4, false));
		else
			snprintf(wanted, sizeof(wanted), "   0: ld [%u]\n", k);
		assert_string_equal(text, wanted);
	}
}

/* What has no place in the words is shown as numbers. */
static void test_disasm_stray(void **state)
{
	static const struct sock_filter insns[] = {
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 7, 0, 0),
		BPF_JUMP(BPF_JMP | BPF_JA | BPF_X, 0, 0, 0),
		BPF_JUMP(BPF_JMP | BPF_JA, 1, 2, 0),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 7),
		BPF_STMT(BPF_ALU | BPF_NEG | BPF_X, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 7),
		BPF_STMT(BPF_RET | BPF_A, 7),
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 7),
	};

	(void)state;
	for (size_t i = 0; i < N(insns); i++) {
		_cleanup_free_ char *text = text_of(&insns[i], 1, false);

		assert_non_null(strstr(text, "code 0x"));
	}
}

static void test_disasm_any_bytes(void **state)
{
	struct rng r = {0xd15a};
	struct sock_filter insns[64];

	(void)state;
	for (int i = 0; i < 300; i++) {
		unsigned int lines = 0;
		_cleanup_free_ char *text = NULL;

		for (size_t j = 0; j < sizeof(insns) / 4; j++)
			((uint32_t *)insns)[j] = rng_next(&r) >> rng_below(&r, 32);
		text = text_of(insns, N(insns), i & 1);
		for (const char *p = text; *p; p++)
			lines += *p == '\n';
		assert_int_equal(lines, N(insns));
	}
}

static void test_disasm_full(void **state)
{
	static const struct sock_filter insn = RET(0);
	FILE *f = fopen("/dev/full", "w");

	(void)state;
	if (!f)
		skip();
	setvbuf(f, NULL, _IONBF, 0);
	assert_int_equal(sc_bpf_disasm(&insn, 1, false, f), -EIO);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_arithmetic),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_steps_and_scratch),
		cmocka_unit_test(test_const_allow),
		cmocka_unit_test(test_const_allow_jumps),
		cmocka_unit_test(test_const_allow_comparisons),
		cmocka_unit_test(test_ebpf),
		cmocka_unit_test(test_disasm),
		cmocka_unit_test(test_disasm_words),
		cmocka_unit_test(test_disasm_stray),
		cmocka_unit_test(test_disasm_any_bytes),
		cmocka_unit_test(test_disasm_full),
	};

	return cmocka_run_group_tests_name("bpf", tests, NULL, NULL);
}
