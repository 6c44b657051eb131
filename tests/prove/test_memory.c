/* Every allocation of the prover fails once: -ENOMEM, nothing leaks, and what was not
 * asked for is not touched. And no program takes more than is documented. The allocator
 * is the linker's (--wrap). SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/prove.h"
#include "bpf/prove_cut.h"
#include "selfcheck.h"
#include "traces.h"
#include "util/cleanup.h"

static long countdown = -1; /* allocations until one fails; -1: none */
static long balance;
static size_t held, most; /* bytes */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static void *hold(void *p)
{
	held += malloc_usable_size(p);
	if (held > most)
		most = held;
	return p;
}

static bool fails(void)
{
	if (countdown < 0)
		return false;
	return countdown-- == 0;
}

void *__wrap_malloc(size_t size)
{
	if (fails())
		return NULL;
	balance++;
	return hold(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	if (fails())
		return NULL;
	balance++;
	return hold(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
	if (fails())
		return NULL;
	balance += p == NULL;
	held -= malloc_usable_size(p);
	return hold(__real_realloc(p, size));
}

void __wrap_free(void *p)
{
	balance -= p != NULL;
	held -= malloc_usable_size(p);
	__real_free(p);
}

struct question {
	struct sc_prog prog;
	struct sc_lowered low;
};

static int ignore_region(const struct sc_region *region, void *arg)
{
	(void)region;
	(void)arg;
	return 0;
}

enum {
	POLICY,
	SELF_CHECK,
	PROGRAMS,
	BITMAP,
	REGIONS,
	N_QUESTIONS
};

static int ask(const struct question *q, int which, struct sc_counterexample *cex)
{
	const struct sock_filter insn = BPF_STMT(BPF_RET | BPF_K, 0x7fff1234);
	const struct sc_prog other = {(struct sock_filter *)&insn, 1, q->prog.big_endian};

	switch (which) {
	case POLICY:
		return sc_prove_policy(&q->prog, &q->low, NULL, cex);
	case SELF_CHECK:
		return sc_self_check(&q->prog, &q->low);
	case PROGRAMS:
		return sc_prove_programs(&q->prog, &other, NULL, cex);
	case BITMAP:
		return sc_prove_bitmap(&q->prog, &q->low, cex);
	default:
		return sc_prove_regions(&q->prog, &other, NULL, ignore_region, NULL);
	}
}

static void prepare(struct rng *r, struct question *q)
{
	struct trace trace;
	scmp_filter_ctx ctx;

	do {
		rand_trace(r, TRACE_ANY, &trace);
	} while (trace.n_rules < 30);
	ctx = trace_replay(&trace, &api_ours);
	assert_non_null(ctx);
	assert_int_equal(trace_lowered(ctx, &q->low), 0);
	assert_int_equal(trace_program(&api_ours, ctx, q->low.big_endian, &q->prog), 0);
	seccomp_release(ctx);
}

static void fail_each(const struct question *q, int which)
{
	const int want =
		which == PROGRAMS || which == REGIONS ? SC_PROOF_DIFFERS : SC_PROOF_EQUAL;
	struct sc_counterexample cex, untouched;
	long before = balance, n = 0;
	int rc;

	memset(&untouched, 0x5a, sizeof(untouched));
	do {
		cex = untouched;
		countdown = n++;
		rc = ask(q, which, &cex);
		if (countdown < 0) {
			assert_int_equal(rc, -ENOMEM);
			assert_memory_equal(&cex, &untouched, sizeof(cex));
		}
		assert_int_equal(balance, before);
	} while (countdown < 0);
	countdown = -1;
	assert_int_equal(rc, want);
	assert_true(n > 5);
}

static void test_no_memory(void **state)
{
	struct rng r = {0x3e3};

	(void)state;
	setenv("SECCOMP_SELF_CHECK", "1", 1);
	for (int i = 0; i < 20; i++) {
		struct question q = {0};

		prepare(&r, &q);
		for (int which = 0; which < N_QUESTIONS; which++)
			fail_each(&q, which);
		free(q.prog.insns);
		sc_lowered_clear(&q.low);
	}
}

/* Rules whose diagram is built in parts. */
static void test_no_memory_in_parts(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	struct question q = {0};

	(void)state;
	for (unsigned int i = 1; i < 13; i++)
		assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(i), 1000, 4,
					 SCMP_A0(SCMP_CMP_GE, i * 7 % 13),
					 SCMP_A1(SCMP_CMP_LT, i * 5 % 13 + 1),
					 SCMP_A2(SCMP_CMP_GT, i * 3 % 13),
					 SCMP_A3(SCMP_CMP_LE, i * 11 % 13)),
			0);
	assert_int_equal(trace_lowered(ctx, &q.low), 0);
	assert_int_equal(trace_program(&api_ours, ctx, q.low.big_endian, &q.prog), 0);
	assert_true(sc_cuts_wanted(&q.low));
	fail_each(&q, POLICY);
	seccomp_release(ctx);
	free(q.prog.insns);
	sc_lowered_clear(&q.low);
}

/* A transaction copies the index of a long list, too. */
static void test_no_memory_for_a_transaction(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	long n = 0;
	int rc;

	(void)state;
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(
			seccomp_rule_add(ctx, SCMP_ACT_ERRNO(1), 1000, 1, SCMP_A0(SCMP_CMP_EQ, i)), 0);
	do {
		countdown = n++;
		rc = seccomp_transaction_start(ctx);
		assert_int_equal(rc, countdown < 0 ? -ENOMEM : 0);
	} while (rc);
	countdown = -1;
	assert_true(n > 5);
	seccomp_release(ctx);
}

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void append(struct sc_prog *p, const struct sock_filter *part, uint32_t n)
{
	memcpy(&p->insns[p->len], part, n * sizeof(*part));
	p->len += n;
}

/* A product of two arguments, too large for many nodes to be left; then 128 ways, that
 * are 128 states and values more in each line of a long row. */
static void everything(struct sc_prog *p, uint32_t mask)
{
	const struct sock_filter product[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
		BPF_STMT(BPF_ALU | BPF_AND, mask), BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 24), BPF_STMT(BPF_ALU | BPF_AND, mask),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_X, 0), BPF_STMT(BPF_ST, 15)};
	const struct sock_filter row[] = {
		BPF_STMT(BPF_ALU | BPF_ADD, 1), BPF_STMT(BPF_JMP | BPF_JA, 0)};
	const struct sock_filter end[] = {BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_MEM, 15), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_JUMP(BPF_JMP | BPF_JSET, 1, 0, 1), BPF_STMT(BPF_RET | BPF_K, 7),
		BPF_STMT(BPF_RET | BPF_K, 9)};
	const struct sock_filter zero[] = {
		BPF_STMT(BPF_LD | BPF_IMM, 0), BPF_STMT(BPF_ST, 0)};
	const struct sock_filter load = BPF_STMT(BPF_LD | BPF_MEM, 0);

	append(p, product, N(product));
	append(p, zero, N(zero));
	for (unsigned int i = 0; i < 7; i++) {
		const struct sock_filter way[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 32),
			BPF_JUMP(BPF_JMP | BPF_JSET, 1u << i, 0, 3),
			BPF_STMT(BPF_LD | BPF_MEM, 0),
			BPF_STMT(BPF_ALU | BPF_OR, 0x10000u << i), BPF_STMT(BPF_ST, 0)};

		append(p, way, N(way));
	}
	append(p, &load, 1);
	while (p->len + N(row) + N(end) <= SC_BPF_MAX)
		append(p, row, N(row));
	append(p, end, N(end));
}

static void test_most_memory(void **state)
{
	static struct sock_filter insns[SC_BPF_MAX];
	size_t before = held;

	(void)state;
	for (uint32_t mask = 0x3ff; mask <= 0xfff; mask = 2 * mask + 1) {
		struct sc_prog p = {.insns = insns};

		everything(&p, mask);
		assert_int_equal(sc_bpf_check(insns, p.len, NULL, NULL), 0);
		most = held;
		assert_int_equal(sc_prove_programs(&p, &p, NULL, NULL), -E2BIG);
		assert_true(most - before <= SC_PROVE_BYTES);
	}
	/* Or nothing above would have met the bound. */
	assert_true(most - before >= SC_PROVE_BYTES - 1000000 && most - before <= SC_PROVE_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_no_memory_in_parts),
		cmocka_unit_test(test_no_memory_for_a_transaction),
		cmocka_unit_test(test_most_memory),
	};

	return cmocka_run_group_tests_name("prove without memory", tests, NULL, NULL);
}
