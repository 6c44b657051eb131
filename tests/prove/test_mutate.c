/* Single mutations of our programs: each that changes a verdict must be refused with a
 * counter-example that interpreter and policy confirm; each that the prover calls equal
 * must survive probes.
 *
 * test_mutate POLICIES MUTANTS PROBES: mutants a policy, probes a mutant called equal.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/prove.h"
#include "traces.h"
#include "util/cleanup.h"

struct counts {
	uint64_t mutants, refused_by_kernel, over_budget, differ, equal, probes;
	uint64_t by_kind[3], equal_by_kind[3];
};

enum {
	CONSTANT,
	JUMP,
	OPCODE
};

static void mutate_constant(struct rng *r, const struct sc_prog *p, struct sock_filter *f)
{
	switch (rng_below(r, 5)) {
	case 0:
		f->k++;
		break;
	case 1:
		f->k--;
		break;
	case 2:
		f->k = p->insns[rng_below(r, p->len)].k;
		break;
	case 3:
		f->k = rng_constant(r);
		break;
	default:
		f->k ^= 1u << rng_below(r, 32);
	}
}

static void mutate_jump(struct rng *r, struct sock_filter *f, uint32_t room)
{
	uint8_t t = f->jt;

	if (f->code == (BPF_JMP | BPF_JA)) {
		f->k = rng_below(r, room);
		return;
	}
	switch (rng_below(r, 4)) {
	case 0:
		f->jt = f->jf;
		f->jf = t;
		break;
	case 1:
		f->jt = rng_below(r, room < 256 ? room : 256);
		break;
	case 2:
		f->jf = rng_below(r, room < 256 ? room : 256);
		break;
	default:
		f->jt += rng_below(r, 2) ? 1 : -1;
	}
}

static void mutate_opcode(struct rng *r, struct sock_filter *f)
{
	static const uint16_t jumps[] = {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET};
	static const uint16_t alus[] = {BPF_ADD, BPF_SUB, BPF_AND, BPF_OR, BPF_XOR,
		BPF_LSH, BPF_RSH, BPF_MUL, BPF_DIV, BPF_NEG};

	if (BPF_CLASS(f->code) == BPF_JMP && f->code != (BPF_JMP | BPF_JA) &&
		rng_below(r, 8))
		f->code = BPF_JMP | jumps[rng_below(r, 4)] | BPF_SRC(f->code);
	else if (BPF_CLASS(f->code) == BPF_ALU && rng_below(r, 2))
		f->code = BPF_ALU | alus[rng_below(r, 10)];
	else if (rng_below(r, 2))
		f->code ^= 1u << rng_below(r, 8);
	else
		f->code = BPF_ALU | alus[rng_below(r, 10)];
}

/* Products and quotients of a whole word may be too large to be proved: no verdict on the
 * mutant is not a wrong one, but nothing else may be beyond the prover. */
static bool multiplies(const struct sc_prog *original, const struct sc_prog *mutant)
{
	for (uint32_t i = 0; i < mutant->len; i++) {
		uint16_t op = BPF_OP(mutant->insns[i].code);

		if (mutant->insns[i].code != original->insns[i].code &&
			BPF_CLASS(mutant->insns[i].code) == BPF_ALU)
			return op == BPF_MUL || op == BPF_DIV;
	}
	return false;
}

/* *@kind: what was changed. False when nothing was, or the kernel would refuse it. */
static bool mutate(
	struct rng *r, const struct sc_prog *p, struct sock_filter *insns, int *kind)
{
	uint32_t at = rng_below(r, p->len);

	memcpy(insns, p->insns, p->len * sizeof(*insns));
	*kind = (int)rng_below(r, 3);
	if (*kind == JUMP) {
		while (BPF_CLASS(insns[at].code) != BPF_JMP && p->len > 2)
			at = rng_below(r, p->len);
		if (BPF_CLASS(insns[at].code) != BPF_JMP)
			return false;
		mutate_jump(r, &insns[at], p->len - at - 1);
	} else if (*kind == CONSTANT) {
		mutate_constant(r, p, &insns[at]);
	} else {
		mutate_opcode(r, &insns[at]);
	}
	return memcmp(&insns[at], &p->insns[at], sizeof(*insns)) != 0;
}

static bool probe(
	struct rng *r, const struct sc_prog *p, const struct sc_lowered *low, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		struct seccomp_data data;
		uint32_t words[16];

		if (i % 4)
			rand_lowered_data(r, low, &data);
		else
			rand_data(r, p->insns, p->len, &data);
		sc_bpf_words(&data, p->big_endian, words);
		if (sc_bpf_run(p->insns, p->len, words, NULL) != lowered_eval(low, &data))
			return false;
	}
	return true;
}

static bool confirmed(const struct sc_prog *original, const struct sc_prog *mutant,
	const struct sc_lowered *low, const struct sc_counterexample *cex)
{
	uint32_t words[16];

	sc_bpf_words(&cex->data, mutant->big_endian, words);
	return cex->a != cex->b &&
	       sc_bpf_run(mutant->insns, mutant->len, words, NULL) == cex->a &&
	       sc_bpf_run(original->insns, original->len, words, NULL) == cex->b &&
	       lowered_eval(low, &cex->data) == cex->b;
}

static bool judge(struct rng *r, const struct sc_prog *original,
	const struct sc_prog *mutant, const struct sc_lowered *low, uint64_t probes,
	struct counts *c)
{
	const struct sc_prove_limits limits = {.max_steps = 1 << 21};
	struct sc_counterexample cex;
	int rc = sc_prove_policy(mutant, low, &limits, &cex);
	bool ok = false;

	if (rc == SC_PROOF_EQUAL) {
		c->equal++;
		c->probes += probes;
		ok = probe(r, mutant, low, probes);
	} else if (rc == SC_PROOF_DIFFERS) {
		c->differ++;
		ok = confirmed(original, mutant, low, &cex);
	} else if (rc == -E2BIG && multiplies(original, mutant)) {
		c->over_budget++;
		return true;
	}
	if (!ok) {
		fprintf(stderr, "# the prover says %d\n", rc);
		sc_bpf_disasm(
			original->insns, original->len, original->big_endian, stderr);
		fputs("# mutant\n", stderr);
		sc_bpf_disasm(mutant->insns, mutant->len, mutant->big_endian, stderr);
	}
	return ok;
}

static bool mutants_of(struct rng *r, const struct sc_prog *p,
	const struct sc_lowered *low, uint64_t mutants, uint64_t probes, struct counts *c)
{
	_cleanup_free_ struct sock_filter *insns = calloc(p->len, sizeof(*insns));
	const struct sc_prog mutant = {insns, p->len, p->big_endian};
	uint64_t n = 0;

	if (!insns)
		return false;
	while (n < mutants) {
		uint64_t equal = c->equal, over_budget = c->over_budget;
		int kind;

		if (!mutate(r, p, insns, &kind))
			continue;
		if (sc_bpf_check(insns, p->len, NULL, NULL) < 0) {
			c->refused_by_kernel++;
			continue;
		}
		if (!judge(r, p, &mutant, low, probes, c))
			return false;
		if (c->over_budget != over_budget)
			continue;
		n++;
		c->mutants++;
		c->by_kind[kind]++;
		c->equal_by_kind[kind] += c->equal - equal;
	}
	return true;
}

/* The next random policy whose program is worth mutating. */
static bool one_policy(struct rng *r, uint64_t mutants, uint64_t probes, struct counts *c)
{
	_cleanup_(sc_lowered_clear) struct sc_lowered low = {0};
	struct sc_prog p = {0};
	struct trace trace;
	scmp_filter_ctx ctx;
	bool ok;

	do {
		rand_trace(r, TRACE_ANY, &trace);
	} while (trace.n_rules < 4);
	ctx = trace_replay(&trace, &api_ours);
	ok = ctx && trace_lowered(ctx, &low) == 0 &&
	     trace_program(&api_ours, ctx, low.big_endian, &p) == 0 &&
	     sc_prove_policy(&p, &low, NULL, NULL) == SC_PROOF_EQUAL &&
	     mutants_of(r, &p, &low, mutants, probes, c);
	if (ctx)
		seccomp_release(ctx);
	free(p.insns);
	return ok;
}

int main(int argc, char **argv)
{
	struct rng r = {0x3417a7e};
	struct counts c = {0};
	uint64_t n[3] = {200, 100, 20000};
	bool all = true;

	for (int i = 0; i < 3 && i + 1 < argc; i++)
		n[i] = strtoull(argv[i + 1], NULL, 10);
	printf("1..%" PRIu64 "\n", n[0] + 1);
	for (uint64_t i = 1; i <= n[0]; i++) {
		bool ok = one_policy(&r, n[1], n[2], &c);

		all = all && ok;
		printf("%s %" PRIu64 " - policy %" PRIu64 ": %" PRIu64
		       " mutants judged right\n",
			ok ? "ok" : "not ok", i, i, n[1]);
	}
	/* Were there enough of every kind for the test to mean something? */
	for (int kind = 0; kind < 3; kind++)
		all = all && c.over_budget < c.mutants / 100 &&
		      c.by_kind[kind] > c.mutants / 10 && c.equal_by_kind[kind] > 0;
	printf("%s %" PRIu64 " - %" PRIu64 " mutants: %" PRIu64
	       " refused with a confirmed "
	       "counter-example, %" PRIu64 " equal after %" PRIu64 " probes (and %" PRIu64
	       " that the kernel would refuse, %" PRIu64 " products over the budget)\n",
		all ? "ok" : "not ok", n[0] + 1, c.mutants, c.differ, c.equal, c.probes,
		c.refused_by_kernel, c.over_budget);
	return all ? 0 : 1;
}
