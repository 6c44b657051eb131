/* The prover at its limits: what it gives up, and that however little it is granted it is
 * never wrong.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/prove.h"
#include "bpf/prove_bdd.h"
#include "bpf/prove_side.h"
#include "compile_lowered.h"
#include "randprog.h"
#include "util/cleanup.h"

#define N(a)		 (sizeof(a) / sizeof((a)[0]))
#define LD(off)		 BPF_STMT(BPF_LD | BPF_W | BPF_ABS, off)
#define LDA(arg)	 LD(16 + 8 * (arg))
#define RET(k)		 BPF_STMT(BPF_RET | BPF_K, k)
#define TAX		 BPF_STMT(BPF_MISC | BPF_TAX, 0)
#define ALU(op, k)	 BPF_STMT(BPF_ALU | (op), k)
#define JMP(op, k, t, f) BPF_JUMP(BPF_JMP | (op), k, t, f)
#define PROG(insns)                                                                      \
	((const struct sc_prog){(struct sock_filter *)(insns), N(insns), false})

static void assert_programs(const struct sc_prog *a, const struct sc_prog *b, int want)
{
	assert_int_equal(sc_prove_programs(a, b, NULL, NULL), want);
}
#define assert_proof(a, b, want) assert_programs(&PROG(a), &PROG(b), want)

static void test_limits(void **state)
{
	const struct sock_filter equal_args[] = {
		LDA(0), TAX, LDA(1), JMP(BPF_JEQ | BPF_X, 0, 0, 1), RET(1), RET(2)};
	const struct sock_filter equal_turned[] = {LDA(1), TAX, LDA(0),
		ALU(BPF_XOR | BPF_X, 0), JMP(BPF_JEQ, 0, 0, 1), RET(1), RET(2)};
	const struct sock_filter product[] = {LDA(0), TAX, LDA(1),
		ALU(BPF_MUL | BPF_X, 0), JMP(BPF_JEQ, 0x12345678, 0, 1), RET(1), RET(2)};
	const struct sock_filter shift[] = {LDA(0), TAX, LDA(1), ALU(BPF_LSH | BPF_X, 0),
		BPF_STMT(BPF_RET | BPF_A, 0)};
	const struct sock_filter refused[] = {LD(3), RET(0)};
	const struct sock_filter any[] = {LDA(0), BPF_STMT(BPF_RET | BPF_A, 0)};
	const struct sock_filter by_zero[] = {ALU(BPF_DIV | BPF_X, 0), RET(1)};
	const struct sock_filter kill[] = {RET(0)};

	(void)state;
	assert_proof(equal_args, equal_turned, SC_PROOF_EQUAL);
	assert_proof(equal_args, product, -E2BIG);
	assert_proof(shift, shift, -EOPNOTSUPP);
	assert_proof(refused, any, -EINVAL);
	assert_proof(any, any, SC_PROOF_EQUAL);
	assert_proof(any, kill, SC_PROOF_DIFFERS);
	assert_proof(by_zero, kill, SC_PROOF_EQUAL);
}

static void test_budget(void **state)
{
	const struct sock_filter insns[] = {
		LDA(0), JMP(BPF_JEQ, 1, 0, 1), RET(1), RET(2)};
	const struct sc_prog p = {(struct sock_filter *)insns, N(insns), false};
	const struct sc_prove_limits nodes = {.max_nodes = 20}, steps = {.max_steps = 20};
	const struct sc_prog big = {(struct sock_filter *)insns, N(insns), true};
	const struct sc_lowered policy = {.badarch = 1};

	(void)state;
	assert_int_equal(sc_prove_programs(&p, &p, NULL, NULL), SC_PROOF_EQUAL);
	assert_int_equal(sc_prove_programs(&p, &p, &nodes, NULL), -E2BIG);
	assert_int_equal(sc_prove_programs(&p, &p, &steps, NULL), -E2BIG);
	assert_int_equal(sc_prove_policy(&big, &policy, NULL, NULL), -EOPNOTSUPP);
	assert_int_equal(sc_prove_policy(&p, &policy, NULL, NULL), SC_PROOF_DIFFERS);
}

/* The fewest steps that prove the program equal to itself. */
static uint64_t steps_of(const struct sc_prog *p)
{
	uint64_t few = 1, enough = 100000;

	while (few < enough) {
		const struct sc_prove_limits limits = {.max_steps = (few + enough) / 2};

		if (sc_prove_programs(p, p, &limits, NULL) == -E2BIG)
			few = limits.max_steps + 1;
		else
			enough = limits.max_steps;
	}
	return few;
}

/* A second order of bits is tried for programs that bring two words together, by a jump or by
 * arithmetic; the others have all steps for the first. */
static void test_second_order(void **state)
{
	const struct sock_filter jump[] = {
		LDA(0), TAX, LDA(1), JMP(BPF_JEQ | BPF_X, 0, 0, 1), RET(1), RET(2)};
	const struct sock_filter jump_turned[] = {
		LDA(1), TAX, LDA(0), JMP(BPF_JEQ | BPF_X, 0, 0, 1), RET(1), RET(2)};
	const struct sock_filter xor[] = {LDA(0), TAX, LDA(1), ALU(BPF_XOR | BPF_X, 0),
		JMP(BPF_JEQ, 0, 0, 1), RET(1), RET(2)};
	const struct sock_filter xor_turned[] = {LDA(1), TAX, LDA(0), ALU(BPF_XOR | BPF_X, 0),
		JMP(BPF_JEQ, 0, 0, 1), RET(1), RET(2)};
	const struct sock_filter constant[] = {BPF_STMT(BPF_JMP | BPF_JA, 1), ALU(BPF_OR, 1),
		LDA(0), ALU(BPF_AND, 255), JMP(BPF_JEQ, 1, 0, 1), RET(1), RET(2)};
	const struct sock_filter never_x[] = {BPF_STMT(BPF_JMP | BPF_JA, 1),
		ALU(BPF_OR | BPF_X, 1), LDA(0), ALU(BPF_AND, 255), JMP(BPF_JEQ, 1, 0, 1),
		RET(1), RET(2)};
	const struct sock_filter never_jump[] = {BPF_STMT(BPF_JMP | BPF_JA, 1),
		JMP(BPF_JEQ | BPF_X, 1, 0, 0), LDA(0), ALU(BPF_AND, 255),
		JMP(BPF_JEQ, 1, 0, 1), RET(1), RET(2)};
	uint64_t plain = steps_of(&PROG(constant));

	(void)state;
	assert_proof(jump, jump_turned, SC_PROOF_EQUAL);
	assert_proof(xor, xor_turned, SC_PROOF_EQUAL);
	assert_true(plain > 10);
	assert_true(steps_of(&PROG(never_x)) >= 2 * plain - 1);
	assert_true(steps_of(&PROG(never_jump)) >= 2 * plain - 1);
}

static void test_many_states(void **state)
{
	struct sock_filter insns[100];
	const struct sc_prog p = {insns, N(insns), false};
	const struct sc_prove_limits few = {.max_nodes = 60}, enough = {.max_nodes = 120};

	(void)state;
	for (size_t i = 0; i < N(insns); i++)
		insns[i] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0);
	insns[N(insns) - 1] = (struct sock_filter)RET(0);
	assert_int_equal(sc_prove_programs(&p, &p, &few, NULL), -E2BIG);
	assert_int_equal(sc_prove_programs(&p, &p, &enough, NULL), SC_PROOF_EQUAL);
}

/* 128 ways lead to a long row of additions, where each makes a value of its own. */
static void test_many_values(void **state)
{
	static struct sock_filter insns[SC_BPF_MAX];
	const struct sc_prove_limits limits = {.max_steps = UINT64_MAX};
	struct sc_prog p = {.insns = insns};

	(void)state;
	insns[p.len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 0);
	insns[p.len++] = (struct sock_filter)BPF_STMT(BPF_ST, 0);
	for (unsigned int i = 0; i < 7; i++) {
		const struct sock_filter part[] = {LDA(0), JMP(BPF_JSET, 1u << i, 0, 3),
			BPF_STMT(BPF_LD | BPF_MEM, 0), ALU(BPF_OR, 0x10000u << i),
			BPF_STMT(BPF_ST, 0)};

		memcpy(&insns[p.len], part, sizeof(part));
		p.len += N(part);
	}
	insns[p.len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_MEM, 0);
	while (p.len < SC_BPF_MAX - 1)
		insns[p.len++] = (struct sock_filter)ALU(BPF_ADD, 1);
	insns[p.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	assert_int_equal(sc_bpf_check(insns, p.len, NULL, NULL), 0);
	assert_int_equal(sc_prove_programs(&p, &p, &limits, NULL), -E2BIG);
	p.len = 500;
	insns[p.len - 1] = insns[SC_BPF_MAX - 1];
	assert_int_equal(sc_prove_programs(&p, &p, &limits, NULL), SC_PROOF_EQUAL);
}

/* 2^n states: scratch word i says whether bit i of the first argument is set. All of them
 * live through the row of @filler, and count there. */
static void many_ways(struct sc_prog *p, unsigned int n, struct sock_filter filler)
{
	uint32_t end = SC_BPF_MAX - 3 * n - 1;

	p->len = 0;
	for (unsigned int i = 0; i < n; i++) {
		const struct sock_filter part[] = {BPF_STMT(BPF_LD | BPF_IMM, 0),
			BPF_STMT(BPF_ST, i), LDA(0), JMP(BPF_JSET, 1u << i, 0, 2),
			BPF_STMT(BPF_LD | BPF_IMM, 1), BPF_STMT(BPF_ST, i)};

		memcpy(&p->insns[p->len], part, sizeof(part));
		p->len += N(part);
	}
	while (p->len < end)
		p->insns[p->len++] = filler;
	for (unsigned int i = 0; i < n; i++) {
		const struct sock_filter part[] = {
			BPF_STMT(BPF_LD | BPF_MEM, i), JMP(BPF_JEQ, 1, 0, 1), RET(i)};

		memcpy(&p->insns[p->len], part, sizeof(part));
		p->len += N(part);
	}
	p->insns[p->len++] = (struct sock_filter)RET(99);
	assert_int_equal(sc_bpf_check(p->insns, p->len, NULL, NULL), 0);
}

/* The work between jumps counts too: an instruction is a step, a load one a bit more. */
static void test_straight_line(void **state)
{
	static struct sock_filter insns[SC_BPF_MAX];
	const struct sc_prove_limits million = {.max_steps = 1000000};
	struct sc_prog p = {.insns = insns};

	(void)state;
	many_ways(&p, 12, (struct sock_filter)LDA(1));
	assert_int_equal(sc_prove_programs(&p, &p, NULL, NULL), -E2BIG);
	many_ways(&p, 5, (struct sock_filter)LDA(1));
	assert_int_equal(sc_prove_programs(&p, &p, &million, NULL), -E2BIG);
	assert_int_equal(sc_prove_programs(&p, &p, NULL, NULL), SC_PROOF_EQUAL);
	many_ways(&p, 8, (struct sock_filter)TAX);
	assert_int_equal(sc_prove_programs(&p, &p, &million, NULL), -E2BIG);
	assert_int_equal(sc_prove_programs(&p, &p, NULL, NULL), SC_PROOF_EQUAL);
}

/* 128 ways stay apart over a row of jumps, where each is a state of its own. */
static void test_many_states_kept(void **state)
{
	static struct sock_filter insns[SC_BPF_MAX];
	const struct sc_prove_limits limits = {.max_steps = UINT64_MAX};
	struct sc_prog p = {.insns = insns};

	(void)state;
	many_ways(&p, 7, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
	assert_int_equal(sc_prove_programs(&p, &p, &limits, NULL), -E2BIG);
	many_ways(&p, 4, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
	assert_int_equal(sc_prove_programs(&p, &p, &limits, NULL), SC_PROOF_EQUAL);
}

/* Two orders of the bits are tried: together they take what one may. */
static void test_both_orders(void **state)
{
	const struct sock_filter insns[] = {
		LDA(0), TAX, LDA(1), JMP(BPF_JEQ | BPF_X, 0, 0, 1), RET(1), RET(2)};
	const struct sc_prog p = PROG(insns);
	const struct sc_side sides[2] = {{.prog = &p}, {.prog = &p}};
	_cleanup_(sc_bdd_clear) struct sc_bdd b = {0};
	struct sc_prove_limits limits = {0};
	uint32_t roots[2][32];

	(void)state;
	assert_int_equal(sc_sides_build(&b, sides,
				 &(struct sc_sides_how){.interleaved = true}, roots),
		0);
	limits.max_steps = 2 * b.steps - 2;
	assert_int_equal(sc_prove_programs(&p, &p, &limits, NULL), -E2BIG);
	limits.max_steps = 2 * b.steps;
	assert_int_equal(sc_prove_programs(&p, &p, &limits, NULL), SC_PROOF_EQUAL);
}

/* In the second order, too, a word compared with a constant is what its bits say. */
static void test_words_in_both_orders(void **state)
{
	const struct sock_filter word[] = {LDA(0), JMP(BPF_JGE, 0x80000005, 0, 2), LDA(1),
		JMP(BPF_JEQ, 0x1234, 0, 1), RET(1), RET(2)};
	/* The same, from values that are no words any more. */
	const struct sock_filter bits[] = {LDA(0), ALU(BPF_XOR, 1), ALU(BPF_XOR, 1),
		JMP(BPF_JGE, 0x80000005, 0, 3), LDA(1), ALU(BPF_XOR, 0x1234), JMP(BPF_JEQ, 0, 0, 1),
		RET(1), RET(2)};
	const struct sc_prog p = PROG(word), q = PROG(bits);
	const struct sc_side sides[2] = {{.prog = &p}, {.prog = &q}};

	(void)state;
	for (int interleaved = 0; interleaved < 2; interleaved++) {
		_cleanup_(sc_bdd_clear) struct sc_bdd b = {0};
		uint32_t roots[2][32];

		assert_int_equal(sc_sides_build(&b, sides,
					 &(struct sc_sides_how){.interleaved = interleaved}, roots),
			0);
		assert_int_equal(roots[0][0], roots[1][0]);
	}
}

struct question {
	const struct sc_prog *a, *b;
	const struct sc_lowered *policy; /* instead of b */
	const struct sc_stack *stacks;	 /* two, instead of all */
	bool regions;
};

static int forget(const struct sc_region *region, void *arg)
{
	(void)region;
	(void)arg;
	return 0;
}

/* A verdict looks at its 32 bits, a range of a word at every bit above it. */
static void test_regions_count(void **state)
{
	const struct sock_filter masked[] = {
		LDA(0), ALU(BPF_AND, 0xff), BPF_STMT(BPF_RET | BPF_A, 0)};
	const struct sock_filter lowest[] = {
		LD(0), JMP(BPF_JSET, 1, 0, 1), RET(1), RET(2)};
	const struct sock_filter two[] = {RET(2)};
	const struct sc_prove_limits ten_thousand = {.max_steps = 10000},
				     two_thousand = {.max_steps = 2000};

	(void)state;
	assert_int_equal(
		sc_prove_regions(&PROG(masked), &PROG(two), &ten_thousand, forget, NULL),
		-E2BIG);
	assert_int_equal(
		sc_prove_regions(&PROG(lowest), &PROG(two), &two_thousand, forget, NULL),
		-E2BIG);
	assert_int_equal(sc_prove_regions(&PROG(masked), &PROG(two), NULL, forget, NULL),
		SC_PROOF_DIFFERS);
	assert_int_equal(sc_prove_regions(&PROG(lowest), &PROG(two), NULL, forget, NULL),
		SC_PROOF_DIFFERS);
}

static int answer(const struct question *q, const struct sc_prove_limits *limits)
{
	if (q->stacks)
		return sc_prove_stacks(&q->stacks[0], &q->stacks[1], limits, NULL);
	if (q->regions)
		return sc_prove_regions(q->a, q->b, limits, forget, NULL);
	if (q->policy)
		return sc_prove_policy(q->a, q->policy, limits, NULL);
	return sc_prove_programs(q->a, q->b, limits, NULL);
}

/* With one step, two, ... and so with nodes: too big until it is right. */
static void each_bound(const struct question *q, int want)
{
	struct sc_prove_limits limits = {0};
	int rc = -E2BIG;

	while (rc == -E2BIG) {
		limits.max_steps++;
		rc = answer(q, &limits);
		assert_true(rc == -E2BIG || rc == want);
	}
	limits.max_steps = 0;
	for (rc = -E2BIG; rc == -E2BIG;) {
		limits.max_nodes++;
		rc = answer(q, &limits);
		assert_true(rc == -E2BIG || rc == want);
	}
}

static void test_each_bound(void **state)
{
	const struct sc_prove_limits small = {.max_nodes = 2000, .max_steps = 2000};
	struct rng r = {0xb0d5};
	struct sock_filter ia[24], ib[24];
	struct sc_prog a = {.insns = ia}, b = {.insns = ib};
	unsigned int seen[2] = {0};

	(void)state;
	while (seen[0] < 20 || seen[1] < 20) {
		struct question q = {.a = &a, .b = &b};
		int rc;

		a.len = rand_valid_program(&r, ia, N(ia));
		b.len = a.len;
		memcpy(ib, ia, sizeof(ib));
		if (rng_below(&r, 2))
			b.len = rand_valid_program(&r, ib, N(ib));
		rc = answer(&q, &small);
		if (rc < 0 || seen[rc]++ >= 20)
			continue;
		each_bound(&q, rc);
	}
}

static void test_each_bound_of_regions(void **state)
{
	const struct sock_filter a[] = {LD(0), JMP(BPF_JGE, 10, 0, 4),
		JMP(BPF_JGE, 77, 3, 0), LDA(0), JMP(BPF_JSET, 0x505, 0, 1), RET(1),
		RET(2)};
	const struct sock_filter b[] = {RET(2)};

	(void)state;
	each_bound(&(struct question){.a = &PROG(a), .b = &PROG(b), .regions = true},
		SC_PROOF_DIFFERS);
}

/* RET A: the verdicts are compared bit by bit, those of the policy too. */
static void test_each_bound_of_policies(void **state)
{
	struct sc_cmp cmp = {.mask = UINT64_MAX, .datum = 3, .arg = 0, .op = SC_OP_GT};
	struct sc_low_rule rule = {.action = 0x12345, .n_cmps = 1};
	struct sc_low_call call = {.nr = 5, .n_rules = 1};
	struct sc_low_abi abi = {
		.audit = 9, .last = UINT32_MAX, .n_calls = 1, .wide = false};
	const struct sc_lowered low = {.abis = &abi,
		.calls = &call,
		.rules = &rule,
		.cmps = &cmp,
		.n_abis = 1,
		.n_calls = 1,
		.n_rules = 1,
		.n_cmps = 1,
		.badarch = 1};
	const struct sock_filter insns[] = {LD(4), JMP(BPF_JEQ, 9, 1, 0), RET(1), LD(0),
		JMP(BPF_JEQ, 5, 0, 2), LDA(0), JMP(BPF_JGT, 3, 1, 0), RET(0),
		BPF_STMT(BPF_LD | BPF_IMM, 0x12345), BPF_STMT(BPF_RET | BPF_A, 0)};

	(void)state;
	each_bound(&(struct question){.a = &PROG(insns), .policy = &low}, SC_PROOF_EQUAL);
}

static void test_each_bound_of_stacks(void **state)
{
	const struct sock_filter low[] = {LDA(0), JMP(BPF_JSET, 0x3, 0, 1), RET(0x50001), RET(0x7fff0000)};
	const struct sock_filter high[] = {LDA(0), JMP(BPF_JSET, 0x6, 0, 1), RET(0x50002), RET(0x7fff0000)};
	const struct sock_filter one[] = {LDA(0), JMP(BPF_JSET, 0x3, 1, 0), JMP(BPF_JSET, 0x6, 1, 2),
		RET(0x50001), RET(0x50002), RET(0x7fff0000)};
	const struct sc_prog two[] = {PROG(low), PROG(high)}, alone[] = {PROG(one)}, turned[] = {PROG(high), PROG(low)};
	const struct sc_stack equal[] = {{two, 2}, {alone, 1}}, other[] = {{two, 2}, {turned, 2}};

	(void)state;
	each_bound(&(struct question){.stacks = equal}, SC_PROOF_EQUAL);
	each_bound(&(struct question){.stacks = other}, SC_PROOF_DIFFERS);
}

/* Calls of many rules on three arguments, which the prover cuts where both sides come to the same; two of them share
 * the last rules. A bound ends it anywhere. */
static void test_each_bound_of_cuts(void **state)
{
	enum {
		RULES = 12
	};
	struct sc_cmp cmps[3 * RULES];
	struct sc_low_rule rules[RULES];
	struct sc_low_call calls[2] = {{.nr = 5, .n_rules = RULES}, {.nr = 6, .first_rule = 2, .n_rules = RULES - 2}};
	struct sc_low_abi abi = {.audit = 9, .last = UINT32_MAX, .n_calls = 2};
	const struct sc_lowered low = {.abis = &abi, .calls = calls, .rules = rules, .cmps = cmps, .n_abis = 1,
		.n_calls = 2, .n_rules = RULES, .n_cmps = 3 * RULES, .badarch = 1};
	struct sc_prove_limits limits = {0};
	struct sc_prog prog = {0};
	int rc = -E2BIG;

	(void)state;
	for (uint32_t r = 0; r < RULES; r++) {
		rules[r] = (struct sc_low_rule){.action = 0x50000 | r % 3, .first_cmp = 3 * r, .n_cmps = 3};
		for (uint8_t arg = 0; arg < 3; arg++)
			cmps[3 * r + arg] = (struct sc_cmp){.mask = UINT32_MAX, .datum = r * (3 + 2 * arg) % 7,
				.arg = arg, .op = arg == 1 ? SC_OP_NE : SC_OP_EQ};
	}
	assert_int_equal(sc_compile_lowered(&low, SC_EFFORT_SMALL, &prog), 0);
	while (rc == -E2BIG) {
		limits.max_steps += 1 + limits.max_steps / 500;
		rc = sc_prove_policy(&prog, &low, &limits, NULL);
		assert_true(rc == -E2BIG || rc == SC_PROOF_EQUAL);
	}
	limits.max_steps = 0;
	for (rc = -E2BIG; rc == -E2BIG;) {
		limits.max_nodes += 1 + limits.max_nodes / 500;
		rc = sc_prove_policy(&prog, &low, &limits, NULL);
		assert_true(rc == -E2BIG || rc == SC_PROOF_EQUAL);
	}
	free(prog.insns);
}

/* A level is one bit of one word, in both orders and for both byte orders. */
static void test_levels(void **state)
{
	(void)state;
	for (unsigned int how = 0; how < 4; how++) {
		const struct sc_bdd b = {.interleaved = how & 1, .big_endian = how >> 1};
		bool seen[SC_BDD_LEVELS] = {false};

		for (unsigned int i = 0; i < SC_BDD_LEVELS; i++) {
			unsigned int word = 16, bit = 32;
			uint32_t level = sc_bdd_level(&b, i / 32, i % 32);

			assert_true(level < SC_BDD_LEVELS && !seen[level]);
			seen[level] = true;
			sc_bdd_bit(&b, level, &word, &bit);
			assert_int_equal(word, i / 32);
			assert_int_equal(bit, i % 32);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_second_order),
		cmocka_unit_test(test_many_states),
		cmocka_unit_test(test_many_values),
		cmocka_unit_test(test_straight_line),
		cmocka_unit_test(test_many_states_kept),
		cmocka_unit_test(test_both_orders),
		cmocka_unit_test(test_words_in_both_orders),
		cmocka_unit_test(test_regions_count),
		cmocka_unit_test(test_each_bound),
		cmocka_unit_test(test_each_bound_of_regions),
		cmocka_unit_test(test_each_bound_of_policies),
		cmocka_unit_test(test_each_bound_of_stacks),
		cmocka_unit_test(test_each_bound_of_cuts),
	};

	return cmocka_run_group_tests_name("prove bounds", tests, NULL, NULL);
}
