/* 32-bit values as functions of the input: one diagram a bit.
 * SPDX-License-Identifier: MIT */
#ifndef SC_BPF_PROVE_VEC_H
#define SC_BPF_PROVE_VEC_H

#include "bpf/prove_bdd.h"

struct sc_vec {
	uint32_t
		bit[32]; /* least significant first; each a diagram with values 0 and 1 */
};

struct sc_vec sc_vec_constant(uint32_t value);
struct sc_vec sc_vec_word(struct sc_bdd *b, unsigned int word);

/* True, and *@value, when @v is the same whatever the input. */
bool sc_vec_is_constant(const struct sc_vec *v, uint32_t *value);

/* x @op y for a BPF_ALU operation. -EOPNOTSUPP: shifts by and division by what is no
 * constant; a constant divisor is not 0. Errors of the diagrams stay in b->err. */
int sc_vec_alu(struct sc_bdd *b, uint16_t op, const struct sc_vec *x,
	const struct sc_vec *y, struct sc_vec *out);

/* Does the jump @op (BPF_JEQ, JGT, JGE, JSET) take its true branch? */
uint32_t sc_vec_test(
	struct sc_bdd *b, uint16_t op, const struct sc_vec *x, const struct sc_vec *y);

#endif
