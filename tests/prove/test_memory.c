/* Every allocation of the prover fails once: -ENOMEM, nothing leaks, and what was not
 * asked for is not touched. The allocator is the linker's (--wrap).
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/prove.h"
#include "traces.h"
#include "util/cleanup.h"

static long countdown = -1; /* allocations until one fails; -1: none */
static long balance;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

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
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	if (fails())
		return NULL;
	balance++;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	if (fails())
		return NULL;
	balance += p == NULL;
	return __real_realloc(p, size);
}

void __wrap_free(void *p)
{
	balance -= p != NULL;
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
		which == POLICY || which == BITMAP ? SC_PROOF_EQUAL : SC_PROOF_DIFFERS;
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
	for (int i = 0; i < 20; i++) {
		struct question q = {0};

		prepare(&r, &q);
		for (int which = 0; which < N_QUESTIONS; which++)
			fail_each(&q, which);
		free(q.prog.insns);
		sc_lowered_clear(&q.low);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests_name("prove without memory", tests, NULL, NULL);
}
