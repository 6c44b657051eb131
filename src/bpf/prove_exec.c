/* A program, executed for all inputs at once.
 *
 * What the machine holds at an instruction is symbolic: each register and scratch word
 * is a 32-bit function of the input. Jumps go forward only. So one pass from the front
 * finds the states in which an instruction can be reached (what is never read again is
 * forgotten, and equal states are one), and one pass from the back joins the verdicts
 * of a branch's two ways. Between two jumps or jump targets a state is carried along
 * without being kept.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/prove_cut.h"
#include "bpf/prove_exec.h"
#include "bpf/prove_vec.h"
#include "util/cleanup.h"
#include "util/hash.h"

enum {
	REG_A = BPF_MEMWORDS,
	REG_X,
	N_CELLS
};

#define NONE	   UINT32_MAX
#define WORD	   (UINT32_MAX - 1) /* compares a word of the input with a constant */
/* Together 32 MB, however many nodes are granted. Real profiles have a few thousand states
 * and a dozen values. */
#define MAX_VALUES (1u << 17) /* of 132 bytes, and 8 to find it */
#define MAX_STATES (1u << 17) /* of 104 bytes */

struct state {
	uint32_t cells[N_CELLS]; /* scratch memory, A, X: indices of values */
	uint32_t pc;
	uint32_t next; /* state of the same pc */
	uint32_t cond; /* taken: yes, else no; NONE: it ends here; WORD: as @test says */
	uint32_t yes, no;
	uint32_t verdict; /* where it ends: index of a value; WORD: of the value that is tested */
	uint32_t test;	  /* WORD: where the jump is */
	uint32_t result;  /* diagram */
};

struct value {
	struct sc_vec vec;
	bool is_word; /* it is this word of the input */
	uint8_t word;
};

struct exec {
	struct sc_bdd *b;
	const struct sock_filter *insns;
	uint32_t len;
	enum sc_exec_how how;
	struct sc_cuts *cuts;
	uint32_t *
		live; /* [len]: bit c: cell c is read before it is written */
	bool *target;	     /* [len] */
	uint32_t *states_of; /* [len]: first state */
	struct state *states;
	uint32_t n_states, cap_states;
	struct value *values; /* 0 is the constant 0 */
	uint32_t n_values, cap_values;
	struct sc_set distinct; /* of values */
	uint64_t seed;
};

static void exec_clear(struct exec *x)
{
	free(x->live);
	free(x->target);
	free(x->states_of);
	free(x->states);
	free(x->values);
	sc_set_clear(&x->distinct);
}

/* Room for one more of @size bytes in an array that doubles. */
static int reserve(void **array, uint32_t n, uint32_t *cap, size_t size)
{
	uint32_t bigger = *cap ? 2 * *cap : 64;
	void *grown;

	if (n < *cap)
		return 0;
	grown = realloc(*array, bigger * size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*cap = bigger;
	return 0;
}

static uint64_t hash_vec(uint64_t seed, const struct sc_vec *v)
{
	for (int i = 0; i < 32; i += 2)
		seed = sc_hash_mix(seed, (uint64_t)v->bit[i] << 32 | v->bit[i + 1]);
	return seed;
}

static uint64_t hash_value(const void *owner, uint32_t index)
{
	const struct exec *x = owner;

	return hash_vec(x->seed, &x->values[index].vec);
}

static bool same_value(const void *owner, uint32_t index, const void *vec)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): indices of values are held */
	return memcmp(&((const struct exec *)owner)->values[index].vec, vec,
		       sizeof(struct sc_vec)) == 0;
}

static int intern(struct exec *x, const struct sc_vec *vec, uint32_t *out)
{
	uint32_t *slot;
	int rc;

	if (!sc_bdd_step(x->b))
		return x->b->err;
	rc = sc_set_reserve(&x->distinct, 1, hash_value, x);
	if (rc < 0)
		return rc;
	slot = sc_set_find(&x->distinct, hash_vec(x->seed, vec), same_value, x, vec);
	if (*slot) {
		*out = *slot - 1;
		return 0;
	}
	if (x->n_values == MAX_VALUES)
		return -E2BIG;
	rc = reserve(
		(void **)&x->values, x->n_values, &x->cap_values, sizeof(*x->values));
	if (rc < 0)
		return rc;
	x->values[x->n_values].vec = *vec;
	x->values[x->n_values].is_word = false;
	sc_set_insert(&x->distinct, slot, x->n_values);
	*out = x->n_values++;
	return 0;
}

static int intern_constant(struct exec *x, uint32_t value, uint32_t *out)
{
	struct sc_vec v = sc_vec_constant(value);

	return intern(x, &v, out);
}

/* The cells that @f reads, and in *@writes those that it overwrites. */
static uint32_t effects(const struct sock_filter *f, uint32_t *writes)
{
	uint32_t by_x = BPF_SRC(f->code) == BPF_X ? 1u << REG_X : 0;

	*writes = 0;
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
	case BPF_LDX:
		*writes = 1u << (BPF_CLASS(f->code) == BPF_LD ? REG_A : REG_X);
		return BPF_MODE(f->code) == BPF_MEM ? 1u << f->k : 0;
	case BPF_ST:
	case BPF_STX:
		*writes = 1u << f->k;
		return 1u << (BPF_CLASS(f->code) == BPF_ST ? REG_A : REG_X);
	case BPF_ALU:
		*writes = 1u << REG_A;
		return 1u << REG_A | by_x;
	case BPF_JMP:
		return BPF_OP(f->code) == BPF_JA ? 0 : 1u << REG_A | by_x;
	case BPF_MISC:
		*writes = 1u << (BPF_MISCOP(f->code) == BPF_TAX ? REG_X : REG_A);
		return 1u << (BPF_MISCOP(f->code) == BPF_TAX ? REG_A : REG_X);
	default:
		return BPF_RVAL(f->code) == BPF_A ? 1u << REG_A : 0;
	}
}

/* Which cells matter where, and who is jumped to: one pass from the back. */
static void find_live(struct exec *x)
{
	for (uint32_t pc = x->len; pc-- > 0;) {
		const struct sock_filter *f = &x->insns[pc];
		uint32_t writes, reads = effects(f, &writes), after = 0;

		if (f->code == (BPF_JMP | BPF_JA)) {
			after = x->live[pc + 1 + f->k];
			x->target[pc + 1 + f->k] = true;
		} else if (BPF_CLASS(f->code) == BPF_JMP) {
			after = x->live[pc + 1 + f->jt] | x->live[pc + 1 + f->jf];
			x->target[pc + 1 + f->jt] = x->target[pc + 1 + f->jf] = true;
		} else if (BPF_CLASS(f->code) != BPF_RET) {
			after = x->live[pc + 1];
		}
		x->live[pc] = reads | (after & ~writes);
	}
}

/* The state at @pc with these cells, new or known. */
static int reach(
	struct exec *x, uint32_t pc, const uint32_t cells[N_CELLS], uint32_t *out)
{
	struct state s = {.pc = pc, .cond = NONE};
	int rc;

	for (int i = 0; i < N_CELLS; i++)
		s.cells[i] = x->live[pc] & 1u << i ? cells[i] : 0;
	for (uint32_t i = x->states_of[pc]; i != NONE; i = x->states[i].next) {
		if (memcmp(x->states[i].cells, s.cells, sizeof(s.cells)) == 0) {
			*out = i;
			return 0;
		}
		if (!sc_bdd_step(x->b))
			return x->b->err;
	}
	if (x->n_states >= x->b->max_nodes || x->n_states == MAX_STATES)
		return -E2BIG;
	rc = reserve(
		(void **)&x->states, x->n_states, &x->cap_states, sizeof(*x->states));
	if (rc < 0)
		return rc;
	s.next = x->states_of[pc];
	x->states[x->n_states] = s;
	*out = x->states_of[pc] = x->n_states++;
	return 0;
}

/* kernel/seccomp.c seccomp_is_const_allow(). */
static bool emulator_follows(const struct sock_filter *f)
{
	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return f->k < 8;
	case BPF_RET | BPF_K:
	case BPF_JMP | BPF_JA:
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_K:
	case BPF_ALU | BPF_AND | BPF_K:
		return true;
	}
	return false;
}

static int load_word(struct exec *x, unsigned int word, uint32_t *out)
{
	struct sc_vec v;
	int rc;

	if (!sc_bdd_steps(x->b, 32)) /* a node a bit */
		return x->b->err;
	v = sc_vec_word(x->b, word);
	rc = intern(x, &v, out);
	if (rc < 0)
		return rc;
	x->values[*out].is_word = true;
	x->values[*out].word = (uint8_t)word;
	return 0;
}

static int load(
	struct exec *x, const struct sock_filter *f, const uint32_t *cells, uint32_t *out)
{

	switch (BPF_MODE(f->code)) {
	case BPF_ABS:
		return load_word(x, f->k / 4, out);
	case BPF_MEM:
		*out = cells[f->k];
		return 0;
	case BPF_LEN:
		return intern_constant(x, sizeof(struct seccomp_data), out);
	default:
		return intern_constant(x, f->k, out);
	}
}

/* The second operand of an ALU or jump instruction. */
static struct sc_vec operand(
	struct exec *x, const struct sock_filter *f, const uint32_t *cells)
{
	if (BPF_SRC(f->code) == BPF_X)
		return x->values[cells[REG_X]].vec;
	return sc_vec_constant(f->k);
}

/* *@ends: the division by X = 0 that ends a program. */
static int alu(struct exec *x, const struct sock_filter *f, uint32_t *cells, bool *ends)
{
	struct sc_vec a = x->values[cells[REG_A]].vec;
	struct sc_vec y = operand(x, f, cells);
	uint32_t k;
	int rc;

	if (BPF_OP(f->code) == BPF_DIV && sc_vec_is_constant(&y, &k) && k == 0) {
		*ends = true;
		return 0;
	}
	rc = sc_vec_alu(x->b, BPF_OP(f->code), &a, &y, &a);
	return rc < 0 ? rc : intern(x, &a, &cells[REG_A]);
}

/* An instruction that neither jumps nor returns. Arithmetic that nobody reads is passed
 * over: products and quotients are large. (A division by X = 0 has its effect all the
 * same.) */
static int step(struct exec *x, const struct sock_filter *f, uint32_t *cells, bool *ends)
{
	bool read = x->live[f - x->insns + 1] & 1u << REG_A;

	if (BPF_CLASS(f->code) == BPF_ALU && !read &&
		f->code != (BPF_ALU | BPF_DIV | BPF_X))
		return 0;
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		return load(x, f, cells, &cells[REG_A]);
	case BPF_LDX:
		return load(x, f, cells, &cells[REG_X]);
	case BPF_ST:
		cells[f->k] = cells[REG_A];
		return 0;
	case BPF_STX:
		cells[f->k] = cells[REG_X];
		return 0;
	case BPF_ALU:
		return alu(x, f, cells, ends);
	default: /* BPF_MISC */
		if (BPF_MISCOP(f->code) == BPF_TAX)
			cells[REG_X] = cells[REG_A];
		else
			cells[REG_A] = cells[REG_X];
		return 0;
	}
}

static int go_to(struct exec *x, struct state *s, uint32_t pc)
{
	s->cond = SC_BDD_TRUE;
	return reach(x, pc, s->cells, &s->yes);
}

/* The usual test needs no diagram of its own: sc_bdd_choose(). */
static bool compares_word(const struct exec *x, const struct sock_filter *f, uint32_t value)
{
	return x->values[value].is_word && BPF_SRC(f->code) == BPF_K && !x->b->interleaved &&
	       (BPF_OP(f->code) == BPF_JEQ || (BPF_OP(f->code) == BPF_JGE && f->k != 0) ||
		       (BPF_OP(f->code) == BPF_JGT && f->k != UINT32_MAX));
}

static uint32_t condition(struct exec *x, const struct sock_filter *f, const uint32_t *cells)
{
	struct sc_vec a = x->values[cells[REG_A]].vec;
	struct sc_vec y = operand(x, f, cells);

	return sc_vec_test(x->b, BPF_OP(f->code), &a, &y);
}

static int branch(
	struct exec *x, const struct sock_filter *f, uint32_t pc, struct state *s)
{
	bool word = compares_word(x, f, s->cells[REG_A]);
	uint32_t cond = word ? WORD : condition(x, f, s->cells);
	int rc;

	s->test = pc;
	s->verdict = s->cells[REG_A];
	if (f->jt == f->jf || cond == SC_BDD_TRUE)
		return go_to(x, s, pc + 1 + f->jt);
	if (cond == SC_BDD_FALSE)
		return go_to(x, s, pc + 1 + f->jf);
	s->cond = cond;
	rc = reach(x, pc + 1 + f->jt, s->cells, &s->yes);
	return rc < 0 ? rc : reach(x, pc + 1 + f->jf, s->cells, &s->no);
}

/* Carry @s on to the next jump, return or jump target. */
static int carry(struct exec *x, struct state *s)
{
	for (uint32_t pc = s->pc;; pc++) {
		const struct sock_filter *f = &x->insns[pc];
		bool ends = false;
		int rc;

		if (!sc_bdd_step(x->b))
			return x->b->err;
		if (pc != s->pc && x->target[pc])
			return go_to(x, s, pc);
		if (x->how == SC_EXEC_EMULATOR && !emulator_follows(f))
			ends = true;
		else if (f->code == (BPF_JMP | BPF_JA))
			return go_to(x, s, pc + 1 + f->k);
		else if (BPF_CLASS(f->code) == BPF_JMP)
			return branch(x, f, pc, s);
		else if (f->code == (BPF_RET | BPF_K))
			return intern_constant(x, f->k, &s->verdict);
		else if (BPF_CLASS(f->code) == BPF_RET) {
			s->verdict = s->cells[REG_A];
			return 0;
		}
		rc = ends ? 0 : step(x, f, s->cells, &ends);
		if (rc < 0)
			return rc;
		if (ends)
			return 0; /* with value 0: KILL_THREAD, or no ALLOW */
	}
}

static int forward(struct exec *x)
{
	const uint32_t zero[N_CELLS] = {0};
	uint32_t first;
	int rc = reach(x, 0, zero, &first);

	for (uint32_t pc = 0; rc == 0 && pc < x->len; pc++) {
		for (uint32_t i = x->states_of[pc]; rc == 0 && i != NONE;
			i = x->states[i].next) {
			/* The array moves when it grows; the cells change on the way. */
			struct state s = x->states[i];

			rc = carry(x, &s);
			memcpy(s.cells, x->states[i].cells, sizeof(s.cells));
			x->states[i] = s;
		}
	}
	return rc;
}

/* The function "the verdict is this vector": one constant for each value it takes. */
static uint32_t verdict_of(struct sc_bdd *b, const struct sc_vec *v)
{
	uint32_t value, level = SC_BDD_LEVELS, lo, hi;
	struct sc_vec half;

	if (!sc_bdd_steps(b, 32)) /* looks at all bits */
		return SC_BDD_FALSE;
	if (sc_vec_is_constant(v, &value))
		return sc_bdd_constant(b, value);
	for (int i = 0; i < 32; i++)
		if (sc_bdd_top(b, v->bit[i]) < level)
			level = sc_bdd_top(b, v->bit[i]);
	for (int i = 0; i < 32; i++)
		half.bit[i] = sc_bdd_cofactor(b, v->bit[i], level, 0);
	lo = verdict_of(b, &half);
	for (int i = 0; i < 32; i++)
		half.bit[i] = sc_bdd_cofactor(b, v->bit[i], level, 1);
	hi = verdict_of(b, &half);
	return sc_bdd_node(b, level, lo, hi);
}

/* What a state that ends is worth: its verdict, a bit of it, or whether it is ALLOW. */
static uint32_t ending(struct exec *x, const struct state *s, unsigned int bit)
{
	const struct sc_vec *v = &x->values[s->verdict].vec;
	uint32_t k;

	switch (x->how) {
	case SC_EXEC_MACHINE:
		return verdict_of(x->b, v);
	case SC_EXEC_BITS:
		return v->bit[bit];
	default:
		return sc_vec_is_constant(v, &k) && k == SECCOMP_RET_ALLOW;
	}
}

/* Both ways of a branch, joined. */
static uint32_t join(struct exec *x, const struct state *s)
{
	uint32_t yes = x->states[s->yes].result, no = x->states[s->no].result, result;
	const struct sock_filter *f = &x->insns[s->test];
	uint32_t cond = s->cond;
	struct sc_vec a, k;

	if (cond != WORD)
		return sc_bdd_ite(x->b, cond, yes, no);
	if (sc_bdd_choose(x->b, x->values[s->verdict].word, BPF_OP(f->code), f->k, yes, no,
		    &result))
		return result;
	a = x->values[s->verdict].vec;
	k = sc_vec_constant(f->k);
	cond = sc_vec_test(x->b, BPF_OP(f->code), &a, &k);
	return sc_bdd_ite(x->b, cond, yes, no);
}

static uint32_t backward(struct exec *x, unsigned int bit)
{
	for (uint32_t pc = x->len; pc-- > 0;) {
		for (uint32_t i = x->states_of[pc]; i != NONE; i = x->states[i].next) {
			struct state *s = &x->states[i];

			if (!sc_bdd_step(x->b))
				return SC_BDD_FALSE;
			/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): states_of holds states */
			if (s->cond == NONE)
				s->result = ending(x, s, bit);
			else if (s->cond == SC_BDD_TRUE)
				s->result = x->states[s->yes].result;
			else
				s->result = join(x, s);
			if (x->cuts)
				s->result = sc_cuts_seen(x->cuts, s->result);
		}
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the program's start is a state */
	return x->states[0].result;
}

int sc_exec_program(struct sc_bdd *b, const struct sc_prog *prog, enum sc_exec_how how,
	struct sc_cuts *cuts, uint32_t *out)
{
	_cleanup_(exec_clear) struct exec x = {
		.b = b, .insns = prog->insns, .len = prog->len, .how = how, .cuts = cuts};
	unsigned int n = how == SC_EXEC_BITS ? 32 : 1;
	uint32_t zero;
	int rc;

	x.live = calloc(x.len, sizeof(*x.live));
	x.target = calloc(x.len, sizeof(*x.target));
	x.states_of = malloc(x.len * sizeof(*x.states_of));
	if (!x.live || !x.target || !x.states_of)
		return -ENOMEM;
	memset(x.states_of, 0xff, x.len * sizeof(*x.states_of));
	x.seed = sc_hash_seed();
	find_live(&x);
	rc = intern_constant(&x, 0, &zero);
	if (rc == 0)
		rc = forward(&x);
	if (rc < 0)
		return rc;
	for (unsigned int i = 0; i < n; i++)
		out[i] = backward(&x, i);
	return b->err;
}
