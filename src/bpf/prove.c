/* Proof that a program and a policy, or two programs, agree on all 2^512 inputs.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "bpf/prove_exec.h"
#include "bpf/prove_policy.h"
#include "bpf/prove_side.h"
#include "util/cleanup.h"

enum { WORD_NR = 0, WORD_ARCH = 1, WORD_IP = 2, WORD_ARGS = 4 };

static int build_side(struct sc_bdd *b, const struct sc_side *side, uint32_t *root)
{
	int rc;

	if (side->prog)
		return sc_exec_program(b, side->prog,
			side->bitmap ? SC_EXEC_EMULATOR : SC_EXEC_MACHINE, root);
	rc = sc_policy_function(b, side->policy, root);
	if (rc == 0 && side->bitmap)
		rc = sc_policy_always_allows(b, *root, root);
	return rc;
}

static bool side_big_endian(const struct sc_side *side)
{
	return side->prog ? side->prog->big_endian : side->policy->big_endian;
}

int sc_sides_build(struct sc_bdd *b, const struct sc_side sides[2],
	const struct sc_prove_limits *limits, bool interleaved, uint32_t roots[2])
{
	int rc;

	for (int i = 0; i < 2; i++) {
		const struct sc_prog *p = sides[i].prog;

		if (p && sc_bpf_check(p->insns, p->len, NULL, NULL) < 0)
			return -EINVAL;
	}
	if (side_big_endian(&sides[0]) != side_big_endian(&sides[1]))
		return -EOPNOTSUPP;
	b->big_endian = side_big_endian(&sides[0]);
	b->interleaved = interleaved;
	b->max_nodes = limits && limits->max_nodes ? limits->max_nodes : SC_PROVE_NODES;
	b->max_steps = limits && limits->max_steps ? limits->max_steps : SC_PROVE_STEPS;
	rc = sc_bdd_init(b);
	for (int i = 0; rc == 0 && i < 2; i++)
		rc = build_side(b, &sides[i], &roots[i]);
	return rc;
}

/* Somewhere below two different nodes is an input that tells them apart: wherever their
 * children differ on one side, go there. Bits that no test looked at stay 0. */
static void find_input(const struct sc_bdd *b, uint32_t u[2], uint32_t words[16])
{
	memset(words, 0, 16 * sizeof(*words));
	while (!sc_bdd_is_constant(b, u[0]) || !sc_bdd_is_constant(b, u[1])) {
		uint32_t level = sc_bdd_top(b, u[0]);
		unsigned int word, bit;
		bool side;

		if (sc_bdd_top(b, u[1]) < level)
			level = sc_bdd_top(b, u[1]);
		side = sc_bdd_cofactor(b, u[0], level, 0) == sc_bdd_cofactor(b, u[1], level, 0);
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
static bool confirmed(const struct sc_side *side, const uint32_t words[16], uint32_t verdict)
{
	const struct sc_prog *p = side->prog;

	if (!p)
		return true;
	if (side->bitmap)
		return sc_bpf_const_allow(p->insns, p->len, words[WORD_ARCH], words[WORD_NR]) ==
			(verdict == 1);
	return sc_bpf_run(p->insns, p->len, words, NULL) == verdict;
}

static int counterexample(const struct sc_bdd *b, const struct sc_side sides[2],
	const uint32_t roots[2], struct sc_counterexample *cex)
{
	struct sc_counterexample out = { 0 };
	uint32_t u[2] = { roots[0], roots[1] };
	uint32_t words[16];

	find_input(b, u, words);
	out.a = sc_bdd_value(b, u[0]);
	out.b = sc_bdd_value(b, u[1]);
	if (!confirmed(&sides[0], words, out.a) || !confirmed(&sides[1], words, out.b))
		return -ENOTRECOVERABLE;
	out.data.nr = (int)words[WORD_NR];
	out.data.arch = words[WORD_ARCH];
	out.data.instruction_pointer = join(&words[WORD_IP], b->big_endian);
	for (int i = 0; i < 6; i++)
		out.data.args[i] = join(&words[WORD_ARGS + 2 * i], b->big_endian);
	if (cex)
		*cex = out;
	return SC_PROOF_DIFFERS;
}

static int attempt(const struct sc_side sides[2], const struct sc_prove_limits *limits,
	bool interleaved, struct sc_counterexample *cex)
{
	_cleanup_(sc_bdd_clear) struct sc_bdd b = { 0 };
	uint32_t roots[2];
	int rc = sc_sides_build(&b, sides, limits, interleaved, roots);

	if (rc < 0)
		return rc;
	return roots[0] == roots[1] ? SC_PROOF_EQUAL : counterexample(&b, sides, roots, cex);
}

/* Does the program compare or combine two words of the input? */
static bool uses_x(const struct sc_prog *p)
{
	for (uint32_t i = 0; p && i < p->len; i++) {
		uint16_t class = BPF_CLASS(p->insns[i].code);

		if ((class == BPF_ALU || class == BPF_JMP) &&
			BPF_SRC(p->insns[i].code) == BPF_X)
			return true;
	}
	return false;
}

/* Equality of two arguments takes 2^32 nodes with one argument above the other, and 96 with
 * their bits interleaved; most else is smaller the first way. */
static int prove(const struct sc_side sides[2], const struct sc_prove_limits *limits,
	struct sc_counterexample *cex)
{
	int rc = attempt(sides, limits, false, cex);

	if (rc == -E2BIG && (uses_x(sides[0].prog) || uses_x(sides[1].prog)))
		rc = attempt(sides, limits, true, cex);
	return rc;
}

int sc_prove_policy(const struct sc_prog *prog, const struct sc_lowered *policy,
	const struct sc_prove_limits *limits, struct sc_counterexample *cex)
{
	const struct sc_side sides[2] = { { .prog = prog }, { .policy = policy } };

	return prove(sides, limits, cex);
}

int sc_prove_programs(const struct sc_prog *a, const struct sc_prog *b,
	const struct sc_prove_limits *limits, struct sc_counterexample *cex)
{
	const struct sc_prog other = { .insns = b->insns, .len = b->len,
		.big_endian = a->big_endian };
	const struct sc_side sides[2] = { { .prog = a }, { .prog = &other } };

	return prove(sides, limits, cex);
}

int sc_prove_bitmap(const struct sc_prog *prog, const struct sc_lowered *policy,
	struct sc_counterexample *cex)
{
	const struct sc_side sides[2] = { { .prog = prog, .bitmap = true },
		{ .policy = policy, .bitmap = true } };

	return prove(sides, NULL, cex);
}
