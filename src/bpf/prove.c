/* Proof that a program and a policy, or two programs, agree on all 2^512 inputs.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "bpf/prove_cut.h"
#include "bpf/prove_exec.h"
#include "bpf/prove_policy.h"
#include "bpf/prove_side.h"
#include "util/cleanup.h"
#include "util/words.h"

/* What several filters of one task say together. */
static int build_stack(struct sc_bdd *b, const struct sc_side *side, uint32_t *root)
{
	uint32_t older;
	int rc = sc_exec_program(b, side->prog, SC_EXEC_MACHINE, NULL, root);

	for (uint32_t i = 1; rc == 0 && i <= side->n_older; i++) {
		rc = sc_exec_program(b, &side->prog[i], SC_EXEC_MACHINE, NULL, &older);
		if (rc == 0) {
			*root = sc_bdd_apply(b, *root, older, sc_bpf_stronger);
			rc = b->err;
		}
	}
	return rc;
}

static int build_side(struct sc_bdd *b, const struct sc_side *side, bool by_bits,
	struct sc_cuts *cuts, uint32_t root[32])
{
	enum sc_exec_how how = by_bits ? SC_EXEC_BITS : SC_EXEC_MACHINE;
	int rc;

	if (side->n_older)
		return build_stack(b, side, root);
	if (side->prog)
		return sc_exec_program(
			b, side->prog, side->bitmap ? SC_EXEC_EMULATOR : how, cuts, root);
	rc = sc_policy_function(b, side->policy, cuts, root);
	if (rc == 0 && side->bitmap)
		rc = sc_policy_always_allows(b, *root, root);
	else if (rc == 0 && by_bits)
		rc = sc_policy_bits(b, *root, root);
	return rc;
}

static bool side_big_endian(const struct sc_side *side)
{
	if (side->prog)
		return side->prog->big_endian;
	return side->policy && side->policy->big_endian;
}

/* Real profiles have a bit more than this. */
static uint32_t expected_nodes(const struct sc_side sides[2])
{
	uint32_t n = 0;

	for (int i = 0; i < 2; i++) {
		if (sides[i].prog)
			n += 16 * sides[i].prog->len;
		else if (sides[i].policy)
			n += 2 * sides[i].policy->n_calls;
	}
	return n;
}

int sc_sides_build(struct sc_bdd *b, const struct sc_side sides[2],
	const struct sc_sides_how *how, uint32_t roots[2][32])
{
	const struct sc_prove_limits *limits = how->limits;
	struct sc_cuts *cuts = NULL;
	int rc;

	for (int i = 0; i < 2; i++) {
		const struct sc_prog *p = sides[i].prog;

		for (uint32_t k = 0; p && k <= sides[i].n_older; k++)
			if (sc_bpf_check(p[k].insns, p[k].len, NULL, NULL) < 0)
				return -EINVAL;
	}
	if (side_big_endian(&sides[0]) != side_big_endian(&sides[1]))
		return -EOPNOTSUPP;
	b->big_endian = side_big_endian(&sides[0]);
	b->interleaved = how->interleaved;
	b->max_nodes = limits && limits->max_nodes ? limits->max_nodes : SC_PROVE_NODES;
	b->max_steps = limits && limits->max_steps ? limits->max_steps : SC_PROVE_STEPS;
	rc = sc_bdd_init(b, expected_nodes(sides));
	if (rc == 0 && how->in_parts)
		rc = sc_cuts_new(b, sides[1].policy, &cuts);
	for (int i = 0; rc == 0 && i < 2; i++)
		rc = build_side(b, &sides[i], how->by_bits, cuts, roots[i]);
	sc_cuts_free(cuts);
	return rc;
}

/* Somewhere below two different nodes is an input that tells them apart: wherever their
 * children differ on one side, go there. Bits that no test looked at stay 0. */
static void find_input(
	const struct sc_bdd *b, uint32_t u0, uint32_t u1, uint32_t words[16])
{
	uint32_t u[2] = {u0, u1};

	memset(words, 0, 16 * sizeof(*words));
	while (!sc_bdd_is_constant(b, u[0]) || !sc_bdd_is_constant(b, u[1])) {
		uint32_t level = sc_bdd_top(b, u[0]);
		unsigned int word, bit;
		bool side;

		if (sc_bdd_top(b, u[1]) < level)
			level = sc_bdd_top(b, u[1]);
		side = sc_bdd_cofactor(b, u[0], level, 0) ==
		       sc_bdd_cofactor(b, u[1], level, 0);
		sc_bdd_bit(b, level, &word, &bit);
		words[word] |= (uint32_t)side << bit;
		u[0] = sc_bdd_cofactor(b, u[0], level, side);
		u[1] = sc_bdd_cofactor(b, u[1], level, side);
	}
}

static uint64_t join(const uint32_t words[2], bool big_endian)
{
	return (uint64_t)words[big_endian ? 0 : 1] << 32 | words[big_endian ? 1 : 0];
}

/* The interpreter and the emulator are the second opinion on every counter-example. */
static bool confirmed(
	const struct sc_side *side, const uint32_t words[16], uint32_t verdict)
{
	const struct sc_prog *p = side->prog;
	uint32_t said;

	if (!p)
		return true;
	if (side->bitmap)
		return sc_bpf_const_allow(p->insns, p->len, words[SC_WORD_ARCH],
			       words[SC_WORD_NR]) == (verdict == 1);
	said = sc_bpf_run(p->insns, p->len, words, NULL);
	for (uint32_t i = 1; i <= side->n_older; i++)
		said = sc_bpf_stronger(said, sc_bpf_run(p[i].insns, p[i].len, words, NULL));
	return said == verdict;
}

static uint32_t verdict_on(const struct sc_bdd *b, const uint32_t *roots, unsigned int n,
	const uint32_t words[16])
{
	uint32_t verdict = 0;

	if (n == 1)
		return sc_bdd_eval(b, roots[0], words);
	for (unsigned int i = 0; i < n; i++)
		verdict |= sc_bdd_eval(b, roots[i], words) << i;
	return verdict;
}

static int counterexample(const struct sc_bdd *b, const struct sc_side sides[2],
	const uint32_t words[16], struct sc_counterexample *out)
{
	if (!confirmed(&sides[0], words, out->a) || !confirmed(&sides[1], words, out->b))
		return -ENOTRECOVERABLE;
	out->data.nr = (int)words[SC_WORD_NR];
	out->data.arch = words[SC_WORD_ARCH];
	out->data.instruction_pointer = join(&words[SC_WORD_IP], b->big_endian);
	for (int i = 0; i < 6; i++)
		out->data.args[i] = join(&words[SC_WORD_ARGS + 2 * i], b->big_endian);
	return SC_PROOF_DIFFERS;
}

static int attempt(const struct sc_side sides[2], const struct sc_sides_how *how,
	struct sc_counterexample *cex)
{
	_cleanup_(sc_bdd_clear) struct sc_bdd b = {0};
	unsigned int n = how->by_bits ? 32 : 1, i = 0;
	struct sc_counterexample found = {0};
	uint32_t roots[2][32] = {{0}}, words[16];
	int rc = sc_sides_build(&b, sides, how, roots);

	if (rc)
		return rc;
	while (i < n && roots[0][i] == roots[1][i])
		i++;
	if (i == n)
		return SC_PROOF_EQUAL;
	if (how->in_parts)
		return -E2BIG; /* names differ: that says nothing */
	find_input(&b, roots[0][i], roots[1][i], words);
	found.a = verdict_on(&b, roots[0], n, words);
	found.b = verdict_on(&b, roots[1], n, words);
	rc = counterexample(&b, sides, words, &found);
	if (rc == SC_PROOF_DIFFERS && cex)
		*cex = found;
	return rc;
}

/* Does the program compare or combine two words of the input? */
static bool uses_x(const struct sc_prog *p)
{
	for (uint32_t i = 0; i < p->len; i++) {
		uint16_t class = BPF_CLASS(p->insns[i].code);

		if ((class == BPF_ALU || class == BPF_JMP) &&
			BPF_SRC(p->insns[i].code) == BPF_X)
			return true;
	}
	return false;
}

static bool returns_a(const struct sc_prog *p)
{
	for (uint32_t i = 0; i < p->len; i++)
		if (p->insns[i].code == (BPF_RET | BPF_A))
			return true;
	return false;
}

static bool any(const struct sc_side *side, bool (*is)(const struct sc_prog *p))
{
	for (uint32_t i = 0; side->prog && i <= side->n_older; i++)
		if (is(&side->prog[i]))
			return true;
	return false;
}

/* RET A may have 2^32 verdicts, but only 32 bits. Equality of two arguments takes 2^32
 * nodes with one argument above the other, and 96 with their bits interleaved; most
 * else is smaller the first way. Where both are tried, each has half of the steps. */
static int prove(const struct sc_side sides[2], const struct sc_prove_limits *limits,
	struct sc_counterexample *cex)
{
	bool again = any(&sides[0], uses_x) || any(&sides[1], uses_x);
	struct sc_prove_limits each = limits ? *limits : (struct sc_prove_limits){0};
	struct sc_sides_how how = {.limits = &each};
	int rc;

	if (each.max_steps == 0)
		each.max_steps = SC_PROVE_STEPS;
	if (again)
		each.max_steps -= each.max_steps / 2;
	/* Which of several filters wins is no question of single bits. */
	if (!sides[0].bitmap && !sides[0].n_older && !sides[1].n_older)
		how.by_bits = any(&sides[0], returns_a) || any(&sides[1], returns_a);
	if (sides[1].policy && !sides[1].bitmap && !how.by_bits &&
		sc_cuts_wanted(sides[1].policy)) {
		how.in_parts = true;
		rc = attempt(sides, &how, cex);
		if (rc != -E2BIG)
			return rc;
		how.in_parts = false;
	}
	rc = attempt(sides, &how, cex);
	how.interleaved = true;
	if (rc == -E2BIG && again)
		rc = attempt(sides, &how, cex);
	return rc;
}

int sc_prove_policy(const struct sc_prog *prog, const struct sc_lowered *policy,
	const struct sc_prove_limits *limits, struct sc_counterexample *cex)
{
	const struct sc_side sides[2] = {{.prog = prog}, {.policy = policy}};

	return prove(sides, limits, cex);
}

int sc_prove_programs(const struct sc_prog *a, const struct sc_prog *b,
	const struct sc_prove_limits *limits, struct sc_counterexample *cex)
{
	const struct sc_prog other = {
		.insns = b->insns, .len = b->len, .big_endian = a->big_endian};
	const struct sc_side sides[2] = {{.prog = a}, {.prog = &other}};

	return prove(sides, limits, cex);
}

int sc_prove_stacks(const struct sc_stack *a, const struct sc_stack *b,
	const struct sc_prove_limits *limits, struct sc_counterexample *cex)
{
	const struct sc_side sides[2] = {{.prog = a->progs, .n_older = a->n - 1},
		{.prog = b->progs, .n_older = b->n - 1}};

	return prove(sides, limits, cex);
}

int sc_prove_bitmap(const struct sc_prog *prog, const struct sc_lowered *policy,
	struct sc_counterexample *cex)
{
	const struct sc_side sides[2] = {
		{.prog = prog, .bitmap = true}, {.policy = policy, .bitmap = true}};

	return prove(sides, NULL, cex);
}
