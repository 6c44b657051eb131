/* The prover against exhaustive truth on small programs, against the naive reading of
 * lowered policies.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/emit.h"
#include "bpf/prove.h"
#include "dag/dag.h"
#include "traces.h"
#include "util/cleanup.h"

#define N(a)		 (sizeof(a) / sizeof((a)[0]))
#define LD(off)		 BPF_STMT(BPF_LD | BPF_W | BPF_ABS, off)
#define LDA(arg)	 LD(16 + 8 * (arg))
#define RET(k)		 BPF_STMT(BPF_RET | BPF_K, k)
#define TAX		 BPF_STMT(BPF_MISC | BPF_TAX, 0)
#define ALU(op, k)	 BPF_STMT(BPF_ALU | (op), k)
#define JMP(op, k, t, f) BPF_JUMP(BPF_JMP | (op), k, t, f)

/* Programs of which only SMALL_BITS bits of the input matter: every load is followed by a
 * mask. Then 2^SMALL_BITS runs are the truth. */
#define SMALL_BITS 6
static const struct {
	uint32_t offset, mask;
} small_words[] = {{0, 0x80000001}, {16, 0x00000011}, {20, 0x00010002}};

static uint32_t small_program(struct rng *r, struct sock_filter *insns)
{
	uint32_t len;

	do {
		len = 3 + rng_below(r, 14);
		rand_program(r, insns, len);
		for (uint32_t i = 0; i + 2 < len; i++) {
			unsigned int w = rng_below(r, N(small_words));

			if (insns[i].code != (BPF_LD | BPF_W | BPF_ABS))
				continue;
			insns[i].k = small_words[w].offset;
			insns[i + 1] =
				(struct sock_filter)ALU(BPF_AND, small_words[w].mask);
		}
		if (insns[len - 2].code == (BPF_LD | BPF_W | BPF_ABS))
			insns[len - 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	} while (sc_bpf_check(insns, len, NULL, NULL) != 0);
	return len;
}

/* Spread the bits of @i over the bits that matter. */
static void small_input(uint32_t i, uint32_t words[16])
{
	memset(words, 0, 16 * sizeof(*words));
	for (unsigned int w = 0; w < N(small_words); w++) {
		for (uint32_t mask = small_words[w].mask; mask; mask &= mask - 1) {
			if (i & 1)
				words[small_words[w].offset / 4] |= mask & -mask;
			i >>= 1;
		}
	}
}

static bool small_equal(const struct sc_prog *a, const struct sc_prog *b)
{
	for (uint32_t i = 0; i < 1u << SMALL_BITS; i++) {
		uint32_t words[16];

		small_input(i, words);
		if (sc_bpf_run(a->insns, a->len, words, NULL) !=
			sc_bpf_run(b->insns, b->len, words, NULL))
			return false;
	}
	return true;
}

static void assert_confirmed(
	const struct sc_prog *p, const struct sc_counterexample *cex, uint32_t verdict)
{
	uint32_t words[16];

	sc_bpf_words(&cex->data, p->big_endian, words);
	assert_int_equal(sc_bpf_run(p->insns, p->len, words, NULL), verdict);
}

static int check_regions(const struct sc_prog *a, const struct sc_prog *b);

/* Half of the pairs are a program and a slightly damaged copy. */
static void small_pair(struct rng *r, struct sc_prog *a, struct sc_prog *b)
{
	a->len = small_program(r, a->insns);
	if (rng_below(r, 2)) {
		b->len = small_program(r, b->insns);
		return;
	}
	b->len = a->len;
	do {
		struct sock_filter *f = &b->insns[rng_below(r, b->len)];

		memcpy(b->insns, a->insns, a->len * sizeof(*a->insns));
		switch (rng_below(r, 3)) {
		case 0:
			if (f->code == (BPF_ALU | BPF_AND) ||
				BPF_CLASS(f->code) == BPF_LD)
				continue; /* every bit of the input would matter */
			f->k ^= 1u << rng_below(r, 32);
			break;
		case 1:
			f->jt ^= 1;
			break;
		default:
			f->jf ^= 1;
		}
	} while (sc_bpf_check(b->insns, b->len, NULL, NULL) != 0);
}

static void test_small_programs(void **state)
{
	struct rng r = {0x5ab1e};
	struct sock_filter ia[32], ib[32];
	struct sc_prog a = {.insns = ia}, b = {.insns = ib};
	unsigned int seen[2] = {0}, unknown = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct sc_counterexample cex;
		int rc;

		small_pair(&r, &a, &b);
		rc = sc_prove_programs(&a, &b, NULL, &cex);
		if (rc == -EOPNOTSUPP) {
			unknown++;
			continue;
		}
		if (rc != (small_equal(&a, &b) ? SC_PROOF_EQUAL : SC_PROOF_DIFFERS)) {
			sc_bpf_disasm(a.insns, a.len, false, stderr);
			sc_bpf_disasm(b.insns, b.len, false, stderr);
			fail_msg("pair %d: %d", i, rc);
		}
		seen[rc]++;
		if (rc == SC_PROOF_DIFFERS) {
			assert_int_not_equal(cex.a, cex.b);
			assert_confirmed(&a, &cex, cex.a);
			assert_confirmed(&b, &cex, cex.b);
		}
		if (i % 8 == 0)
			assert_int_equal(check_regions(&a, &b), rc);
	}
	assert_true(seen[SC_PROOF_EQUAL] > 2000 && seen[SC_PROOF_DIFFERS] > 2000);
	assert_true(unknown < 8000);
}

struct seen_regions {
	struct sc_region at[4096];
	unsigned int n;
};

static int collect_region(const struct sc_region *region, void *arg)
{
	struct seen_regions *seen = arg;

	assert_true(seen->n < N(seen->at));
	seen->at[seen->n++] = *region;
	return 0;
}

static bool region_holds(const struct sc_region *r, const uint32_t words[16])
{
	for (uint32_t i = 0; i < r->n_terms; i++) {
		uint32_t v = words[r->terms[i].word] & r->terms[i].mask;

		if (v < r->terms[i].lo || v > r->terms[i].hi)
			return false;
	}
	return true;
}

/* Every input lies in one region when the verdicts differ, in none when they do not. */
static int check_regions(const struct sc_prog *a, const struct sc_prog *b)
{
	static struct seen_regions seen;
	int rc;

	seen.n = 0;
	rc = sc_prove_regions(a, b, NULL, collect_region, &seen);
	for (uint32_t i = 0; rc >= 0 && i < 1u << SMALL_BITS; i++) {
		uint32_t words[16], va, vb;
		unsigned int in = 0;

		small_input(i, words);
		va = sc_bpf_run(a->insns, a->len, words, NULL);
		vb = sc_bpf_run(b->insns, b->len, words, NULL);
		for (unsigned int j = 0; j < seen.n; j++) {
			if (!region_holds(&seen.at[j], words))
				continue;
			in++;
			assert_int_equal(seen.at[j].a, va);
			assert_int_equal(seen.at[j].b, vb);
		}
		assert_int_equal(in, va != vb);
	}
	return rc;
}

/* One instruction after the other on symbolic words, against itself written
 * differently. */
static void assert_programs(const struct sock_filter *a, uint32_t na,
	const struct sock_filter *b, uint32_t nb, int want)
{
	const struct sc_prog pa = {(struct sock_filter *)a, na, false};
	const struct sc_prog pb = {(struct sock_filter *)b, nb, false};
	struct sc_counterexample cex;

	assert_int_equal(sc_prove_programs(&pa, &pb, NULL, &cex), want);
	if (want == SC_PROOF_DIFFERS) {
		assert_confirmed(&pa, &cex, cex.a);
		assert_confirmed(&pb, &cex, cex.b);
	}
}
#define assert_proof(a, b, want) assert_programs(a, N(a), b, N(b), want)

static void test_identities(void **state)
{
	/* Each pair tests the same thing of argument 0's low word in two ways. */
	const struct sock_filter pairs[][2][6] = {
		{{LDA(0), ALU(BPF_MUL, 3), JMP(BPF_JEQ, 21, 0, 1), RET(1), RET(2),
			 RET(3)},
			{LDA(0), ALU(BPF_ADD, 0), JMP(BPF_JEQ, 7, 0, 1), RET(1), RET(2),
				RET(3)}},
		{{LDA(0), ALU(BPF_DIV, 10), JMP(BPF_JEQ, 3, 0, 1), RET(1), RET(2),
			 RET(3)},
			{LDA(0), ALU(BPF_SUB, 30), JMP(BPF_JGT, 9, 1, 0), RET(1), RET(2),
				RET(3)}},
		{{LDA(0), ALU(BPF_DIV, 8), JMP(BPF_JGE, 5, 0, 1), RET(1), RET(2), RET(3)},
			{LDA(0), ALU(BPF_RSH, 3), JMP(BPF_JGT, 4, 0, 1), RET(1), RET(2),
				RET(3)}},
		{{LDA(0), ALU(BPF_NEG, 0), JMP(BPF_JEQ, 5, 0, 1), RET(1), RET(2), RET(3)},
			{LDA(0), ALU(BPF_ADD, 5), JMP(BPF_JEQ, 0, 0, 1), RET(1), RET(2),
				RET(3)}},
		{{LDA(0), ALU(BPF_LSH, 4), JMP(BPF_JEQ, 0x50, 0, 1), RET(1), RET(2),
			 RET(3)},
			{LDA(0), ALU(BPF_AND, 0x0fffffff), JMP(BPF_JEQ, 5, 0, 1), RET(1),
				RET(2), RET(3)}},
		{{LDA(0), ALU(BPF_XOR, 0xff), JMP(BPF_JSET, 0xff, 0, 1), RET(1), RET(2),
			 RET(3)},
			{LDA(0), ALU(BPF_AND, 0xff), JMP(BPF_JEQ, 0xff, 1, 0), RET(1),
				RET(2), RET(3)}},
		{{LDA(0), ALU(BPF_OR, 3), JMP(BPF_JEQ, 7, 0, 1), RET(1), RET(2), RET(3)},
			{LDA(0), ALU(BPF_SUB, 4), JMP(BPF_JGT, 3, 1, 0), RET(1), RET(2),
				RET(3)}},
		{{LDA(0), TAX, ALU(BPF_ADD | BPF_X, 0), BPF_STMT(BPF_RET | BPF_A, 0),
			 RET(2), RET(3)},
			{LDA(0), ALU(BPF_LSH, 1), BPF_STMT(BPF_RET | BPF_A, 0), RET(1),
				RET(2), RET(3)}},
	};

	(void)state;
	for (size_t i = 0; i < N(pairs); i++) {
		struct sock_filter other[6];

		assert_proof(pairs[i][0], pairs[i][1], SC_PROOF_EQUAL);
		memcpy(other, pairs[i][1], sizeof(other));
		other[1].k ^= 2;
		assert_proof(pairs[i][0], other, SC_PROOF_DIFFERS);
	}
}

/* sc_compile() with the lowered policy in hand. */
static void compile(const struct sc_lowered *low, uint32_t optimize, struct sc_prog *out)
{
	_cleanup_(sc_dag_clear) struct sc_dag dag = {0};
	uint32_t root;

	assert_int_equal(sc_dag_init(&dag, optimize), 0);
	assert_int_equal(sc_dag_build(&dag, low, &root), 0);
	assert_int_equal(sc_emit(&dag, root, low->big_endian, out), 0);
}

/* One comparison changed: whether that changes the meaning, probes can show only one
 * way. */
static void damaged_policy(struct rng *r, struct sc_lowered *low, const struct sc_prog *p)
{
	struct sc_counterexample cex;
	struct sc_cmp *c;
	int rc;

	if (!low->n_cmps)
		return;
	c = &low->cmps[rng_below(r, low->n_cmps)];
	c->datum ^= (UINT64_C(1) << rng_below(r, 64)) & c->mask;
	rc = sc_prove_policy(p, low, NULL, &cex);
	assert_true(rc >= SC_PROOF_EQUAL && rc <= SC_PROOF_DIFFERS);
	if (rc == SC_PROOF_DIFFERS) {
		assert_confirmed(p, &cex, cex.a);
		assert_int_equal(lowered_eval(low, &cex.data), cex.b);
		assert_int_not_equal(cex.a, cex.b);
		return;
	}
	for (int i = 0; i < 1000; i++) {
		struct sc_counterexample probe;

		rand_lowered_data(r, low, &probe.data);
		assert_confirmed(p, &probe, lowered_eval(low, &probe.data));
	}
}

static void test_policies(void **state)
{
	struct rng r = {0x9011c1e5};
	struct trace trace;

	(void)state;
	for (int i = 0; i < 400; i++) {
		_cleanup_(sc_lowered_clear) struct sc_lowered low = {0};
		struct sc_prog p;
		scmp_filter_ctx ctx;

		rand_trace(&r, TRACE_ANY, &trace);
		ctx = trace_replay(&trace, &api_ours);
		assert_non_null(ctx);
		assert_int_equal(trace_lowered(ctx, &low), 0);
		seccomp_release(ctx);
		compile(&low, trace.optimize, &p);
		assert_int_equal(sc_prove_policy(&p, &low, NULL, NULL), SC_PROOF_EQUAL);
		assert_int_equal(sc_prove_bitmap(&p, &low, NULL), SC_PROOF_EQUAL);
		damaged_policy(&r, &low, &p);
		free(p.insns);
	}
}

static void test_bitmap(void **state)
{
	struct sc_cmp cmp = {.mask = ~UINT64_C(0), .datum = 1, .arg = 0, .op = SC_OP_EQ};
	struct sc_low_rule rules[2] = {{.action = SECCOMP_RET_ALLOW},
		{.action = SECCOMP_RET_ALLOW, .n_cmps = 1}};
	struct sc_low_call calls[2] = {
		{.nr = 5, .n_rules = 1}, {.nr = 7, .first_rule = 1, .n_rules = 1}};
	struct sc_low_abi abi = {.audit = 9,
		.last = UINT32_MAX,
		.otherwise = 1,
		.n_calls = 2,
		.wide = true};
	const struct sc_lowered low = {.abis = &abi,
		.calls = calls,
		.rules = rules,
		.cmps = &cmp,
		.n_abis = 1,
		.n_calls = 2,
		.n_rules = 2,
		.n_cmps = 1};
	/* Right, but looks at a word (insns[3]) on the way to the ALLOW of 5. */
	struct sock_filter slow[] = {LD(4), JMP(BPF_JEQ, 9, 1, 0), RET(0), LDA(0),
		LD(0), JMP(BPF_JEQ, 5, 6, 0), JMP(BPF_JEQ, 7, 1, 0), RET(1), LD(20),
		JMP(BPF_JEQ, 0, 0, 3), LDA(0), JMP(BPF_JEQ, 1, 0, 1),
		RET(SECCOMP_RET_ALLOW), RET(1)};
	const struct sc_prog p = {slow, N(slow), false};
	struct sc_counterexample cex;
	struct sc_prog good;

	(void)state;
	for (slow[3].k = 8; slow[3].k < sizeof(struct seccomp_data); slow[3].k += 4) {
		assert_int_equal(sc_prove_policy(&p, &low, NULL, &cex), SC_PROOF_EQUAL);
		assert_int_equal(sc_prove_bitmap(&p, &low, &cex), SC_PROOF_DIFFERS);
		assert_int_equal(cex.data.arch, 9);
		assert_int_equal(cex.data.nr, 5);
		assert_int_equal(cex.a, 0);
		assert_int_equal(cex.b, 1);
	}
	slow[3].k = 4; /* the kernel follows this, and the number */
	assert_int_equal(sc_prove_bitmap(&p, &low, &cex), SC_PROOF_EQUAL);
	compile(&low, 1, &good);
	assert_int_equal(sc_prove_bitmap(&good, &low, &cex), SC_PROOF_EQUAL);
	assert_true(sc_bpf_const_allow(good.insns, good.len, 9, 5));
	assert_false(sc_bpf_const_allow(good.insns, good.len, 9, 7));
	rules[0].action = SECCOMP_RET_LOG; /* and what it allows too much */
	assert_int_equal(sc_prove_bitmap(&good, &low, &cex), SC_PROOF_DIFFERS);
	assert_int_equal(cex.data.nr, 5);
	assert_int_equal(cex.a, 1);
	assert_int_equal(cex.b, 0);
	free(good.insns);
}

/* The meaning of a lowered policy is read to the letter, not as lowering would write it: a
 * datum outside the mask never holds, a call outside its ABI's range is never met. */
static void test_letter(void **state)
{
	struct sc_cmp cmp = {.mask = 0xf0, .datum = 0x11, .arg = 0, .op = SC_OP_MASKED_EQ};
	struct sc_low_rule rules[2] = {
		{.action = SECCOMP_RET_ALLOW, .n_cmps = 1}, {.action = SECCOMP_RET_ALLOW}};
	struct sc_low_call calls[3] = {{.nr = 4, .first_rule = 1, .n_rules = 1},
		{.nr = 5, .n_rules = 1}, {.nr = 9, .first_rule = 1, .n_rules = 1}};
	struct sc_low_abi abi = {.audit = 9,
		.first = 5,
		.last = 8,
		.otherwise = 1,
		.n_calls = 3,
		.wide = true};
	const struct sc_lowered low = {.abis = &abi,
		.calls = calls,
		.rules = rules,
		.cmps = &cmp,
		.n_abis = 1,
		.n_calls = 3,
		.n_rules = 2,
		.n_cmps = 1};
	const struct sock_filter insns[] = {LD(4), JMP(BPF_JEQ, 9, 0, 4), LD(0),
		JMP(BPF_JGE, 5, 0, 2), JMP(BPF_JGT, 8, 1, 0), RET(1), RET(0)};
	const struct sc_prog p = {(struct sock_filter *)insns, N(insns), false};
	struct sc_counterexample cex;

	(void)state;
	assert_int_equal(sc_prove_policy(&p, &low, NULL, &cex), SC_PROOF_EQUAL);
	cmp.datum = 0x10;
	assert_int_equal(sc_prove_policy(&p, &low, NULL, &cex), SC_PROOF_DIFFERS);
	assert_int_equal(cex.data.args[0] & 0xf0, 0x10);
	assert_int_equal(cex.data.nr, 5);
	cmp.datum = 0x11;
	abi.last = 9;
	assert_int_equal(sc_prove_policy(&p, &low, NULL, &cex), SC_PROOF_DIFFERS);
	assert_int_equal(cex.data.nr, 9);
}

static void test_region_text(void **state)
{
	const struct sock_filter a[] = {LD(4), JMP(BPF_JEQ, 0xc000003e, 0, 8), LD(0),
		JMP(BPF_JGE, 10, 0, 5), JMP(BPF_JGE, 13, 4, 0), LD(20),
		JMP(BPF_JEQ, 1, 0, 2), LD(16), JMP(BPF_JGT, 4, 1, 0), RET(1),
		RET(SECCOMP_RET_ALLOW)};
	const struct sock_filter b[] = {RET(1)};
	const struct sock_filter c[] = {
		LDA(1), JMP(BPF_JSET, 4, 0, 1), RET(SECCOMP_RET_ERRNO | 2), RET(1)};
	const struct sc_prog pa = {(struct sock_filter *)a, N(a), false};
	const struct sc_prog pb = {(struct sock_filter *)b, N(b), false};
	const struct sc_prog pc = {(struct sock_filter *)c, N(c), false};
	static struct seen_regions seen;
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	assert_int_equal(sc_prove_regions(&pb, &pc, NULL, collect_region, &seen),
		SC_PROOF_DIFFERS);
	assert_int_equal(seen.n, 1);
	assert_int_equal(sc_prove_regions(&pa, &pb, NULL, collect_region, &seen),
		SC_PROOF_DIFFERS);
	assert_int_equal(
		sc_prove_regions(&pa, &pa, NULL, collect_region, &seen), SC_PROOF_EQUAL);
	for (unsigned int i = 0; i < seen.n; i++)
		assert_int_equal(sc_prove_print_region(&seen.at[i], false, f), 0);
	assert_int_equal(fclose(f), 0);
	assert_string_equal(text, "a1.lo&0x4=0x4 KILL_THREAD(1), ERRNO(2)\n"
				  "arch=0x0..0xc000003d ALLOW, KILL_THREAD(1)\n"
				  "arch=0xc000003e nr=10..12 a0=0x100000005..0x1ffffffff "
				  "ALLOW, KILL_THREAD(1)\n"
				  "arch=0xc000003f..0xffffffff ALLOW, KILL_THREAD(1)\n");
}

/* Words are shown as one argument where they are its halves and the upper one has one value. */
static void test_region_halves(void **state)
{
	static const struct sc_region regions[] = {
		{.terms = {{5, UINT32_MAX, 1, 1}, {4, UINT32_MAX, 7, 9}}, .n_terms = 2, .b = 1},
		{.terms = {{5, UINT32_MAX, 1, 2}, {4, UINT32_MAX, 7, 7}}, .n_terms = 2, .b = 1},
		{.terms = {{5, UINT32_MAX, 1, 1}, {6, UINT32_MAX, 7, 7}}, .n_terms = 2, .b = 1},
		{.terms = {{1, UINT32_MAX, 5, 5}, {0, UINT32_MAX, 7, 7}}, .n_terms = 2, .b = 1},
		{.terms = {{5, 0xff, 1, 1}, {4, UINT32_MAX, 7, 7}}, .n_terms = 2, .b = 1},
		{.terms = {{5, 0xff, 1, 1}, {4, UINT32_MAX, 7, 9}}, .n_terms = 2, .b = 1},
		{.terms = {{0, 0xff, 10, 10}}, .n_terms = 1, .b = 1},
	};
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	for (size_t i = 0; i < N(regions); i++)
		assert_int_equal(sc_prove_print_region(&regions[i], false, f), 0);
	assert_int_equal(fclose(f), 0);
	assert_string_equal(text, "a0=0x100000007..0x100000009 KILL_THREAD, KILL_THREAD(1)\n"
				  "a0.hi=0x1..0x2 a0.lo=0x7 KILL_THREAD, KILL_THREAD(1)\n"
				  "a0.hi=0x1 a1.lo=0x7 KILL_THREAD, KILL_THREAD(1)\n"
				  "arch=0x5 nr=7 KILL_THREAD, KILL_THREAD(1)\n"
				  "a0&0xffffffffff=0x100000007 KILL_THREAD, KILL_THREAD(1)\n"
				  "a0.hi&0xff=0x1 a0.lo=0x7..0x9 KILL_THREAD, KILL_THREAD(1)\n"
				  "nr&0xff=0xa KILL_THREAD, KILL_THREAD(1)\n");
	f = fopen("/dev/full", "w");
	if (!f)
		skip();
	setvbuf(f, NULL, _IONBF, 0);
	assert_int_equal(sc_prove_print_region(&regions[0], false, f), -EIO);
	fclose(f);
}

/* A program may look at an argument before it looks at the number, and say the same. */
static void test_argument_first(void **state)
{
	struct sock_filter last[] = {
		LDA(0), JMP(BPF_JEQ, 5, 0, 2), LD(0), JMP(BPF_JEQ, 7, 1, 0), RET(0), RET(1)};
	struct sock_filter first[] = {
		LD(0), JMP(BPF_JEQ, 7, 0, 2), LDA(0), JMP(BPF_JEQ, 5, 1, 0), RET(0), RET(1)};
	const struct sc_prog a = {last, N(last), false}, b = {first, N(first), false};

	(void)state;
	assert_int_equal(sc_prove_programs(&a, &b, NULL, NULL), SC_PROOF_EQUAL);
	first[3].k = 6;
	assert_int_equal(sc_prove_programs(&a, &b, NULL, NULL), SC_PROOF_DIFFERS);
}

/* What is followed to an ALLOW of the bitmap: every jump, and AND. */
static void test_bitmap_follows(void **state)
{
	struct sock_filter insns[] = {LD(0), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
		JMP(BPF_JGT, 9, 3, 0), JMP(BPF_JSET, 6, 0, 2), JMP(BPF_JA, 0, 0, 0),
		RET(SECCOMP_RET_ALLOW), RET(SECCOMP_RET_ALLOW)};
	const struct sc_lowered all = {.badarch = SECCOMP_RET_ALLOW};
	const struct sc_prog p = {insns, N(insns), false};
	struct sc_counterexample cex;

	(void)state;
	assert_int_equal(sc_prove_bitmap(&p, &all, &cex), SC_PROOF_EQUAL);
	insns[6].k = 0;
	assert_int_equal(sc_prove_bitmap(&p, &all, &cex), SC_PROOF_DIFFERS);
	assert_true((cex.data.nr & 0xff) > 9 || !(cex.data.nr & 6));
	assert_int_equal(cex.a, 0);
	assert_int_equal(cex.b, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_programs),
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_bitmap),
		cmocka_unit_test(test_letter),
		cmocka_unit_test(test_region_text),
		cmocka_unit_test(test_region_halves),
		cmocka_unit_test(test_argument_first),
		cmocka_unit_test(test_bitmap_follows),
	};

	return cmocka_run_group_tests_name("prove", tests, NULL, NULL);
}
