/* 32-bit values as functions of the input: one diagram a bit.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/filter.h>

#include "bpf/prove_vec.h"

static uint32_t bit_not(struct sc_bdd *b, uint32_t x)
{
	return sc_bdd_ite(b, x, SC_BDD_FALSE, SC_BDD_TRUE);
}

static uint32_t bit_and(struct sc_bdd *b, uint32_t x, uint32_t y)
{
	return sc_bdd_ite(b, x, y, SC_BDD_FALSE);
}

static uint32_t bit_or(struct sc_bdd *b, uint32_t x, uint32_t y)
{
	return sc_bdd_ite(b, x, SC_BDD_TRUE, y);
}

static uint32_t bit_xor(struct sc_bdd *b, uint32_t x, uint32_t y)
{
	return sc_bdd_ite(b, x, bit_not(b, y), y);
}

struct sc_vec sc_vec_constant(uint32_t value)
{
	struct sc_vec v;

	for (int i = 0; i < 32; i++)
		v.bit[i] = value >> i & 1 ? SC_BDD_TRUE : SC_BDD_FALSE;
	return v;
}

struct sc_vec sc_vec_word(struct sc_bdd *b, unsigned int word)
{
	struct sc_vec v;

	for (int i = 0; i < 32; i++)
		v.bit[i] = sc_bdd_variable(b, word, i);
	return v;
}

bool sc_vec_is_constant(const struct sc_vec *v, uint32_t *value)
{
	*value = 0;
	for (int i = 0; i < 32; i++) {
		if (v->bit[i] > SC_BDD_TRUE)
			return false;
		*value |= v->bit[i] << i;
	}
	return true;
}

/* x + y + carry; the result may be either operand. Returns the carry out. */
static uint32_t add(struct sc_bdd *b, const struct sc_vec *x, const struct sc_vec *y,
	uint32_t carry, struct sc_vec *out)
{
	for (int i = 0; i < 32; i++) {
		uint32_t p = x->bit[i], q = y->bit[i];
		uint32_t either = bit_xor(b, p, q);

		out->bit[i] = bit_xor(b, either, carry);
		carry = sc_bdd_ite(b, either, carry, p);
	}
	return carry;
}

/* x - y; returns 1 where x >= y. */
static uint32_t subtract(struct sc_bdd *b, const struct sc_vec *x, const struct sc_vec *y,
	struct sc_vec *out)
{
	struct sc_vec inverse;

	for (int i = 0; i < 32; i++)
		inverse.bit[i] = bit_not(b, y->bit[i]);
	return add(b, x, &inverse, SC_BDD_TRUE, out);
}

static struct sc_vec shift_left(const struct sc_vec *x, unsigned int by)
{
	struct sc_vec v = sc_vec_constant(0);

	for (unsigned int i = by; i < 32; i++)
		v.bit[i] = x->bit[i - by];
	return v;
}

static struct sc_vec shift_right(const struct sc_vec *x, unsigned int by)
{
	struct sc_vec v = sc_vec_constant(0);

	for (unsigned int i = by; i < 32; i++)
		v.bit[i - by] = x->bit[i];
	return v;
}

static void multiply(struct sc_bdd *b, const struct sc_vec *x, const struct sc_vec *y,
	struct sc_vec *out)
{
	struct sc_vec sum = sc_vec_constant(0);

	for (int i = 0; i < 32; i++) {
		struct sc_vec part = shift_left(x, i);

		if (y->bit[i] == SC_BDD_FALSE)
			continue;
		for (int j = i; j < 32; j++)
			part.bit[j] = bit_and(b, part.bit[j], y->bit[i]);
		add(b, &sum, &part, SC_BDD_FALSE, &sum);
	}
	*out = sum;
}

/* School division; the rest before the subtraction has up to 33 bits. */
static void divide(
	struct sc_bdd *b, const struct sc_vec *x, uint32_t divisor, struct sc_vec *out)
{
	struct sc_vec y = sc_vec_constant(divisor);
	struct sc_vec rest = sc_vec_constant(0);
	struct sc_vec quotient;

	for (int i = 31; i >= 0; i--) {
		uint32_t overflow = rest.bit[31];
		struct sc_vec less;

		rest = shift_left(&rest, 1);
		rest.bit[0] = x->bit[i];
		quotient.bit[i] = bit_or(b, overflow, subtract(b, &rest, &y, &less));
		for (int j = 0; j < 32; j++)
			rest.bit[j] =
				sc_bdd_ite(b, quotient.bit[i], less.bit[j], rest.bit[j]);
	}
	*out = quotient;
}

static void bitwise(struct sc_bdd *b, uint16_t op, const struct sc_vec *x,
	const struct sc_vec *y, struct sc_vec *out)
{
	for (int i = 0; i < 32; i++) {
		uint32_t p = x->bit[i], q = y->bit[i];

		if (op == BPF_AND)
			out->bit[i] = bit_and(b, p, q);
		else if (op == BPF_OR)
			out->bit[i] = bit_or(b, p, q);
		else
			out->bit[i] = bit_xor(b, p, q);
	}
}

int sc_vec_alu(struct sc_bdd *b, uint16_t op, const struct sc_vec *x,
	const struct sc_vec *y, struct sc_vec *out)
{
	const struct sc_vec zero = sc_vec_constant(0);
	struct sc_vec result;
	uint32_t k = 0;

	switch (op) {
	case BPF_ADD:
		add(b, x, y, SC_BDD_FALSE, &result);
		break;
	case BPF_SUB:
		subtract(b, x, y, &result);
		break;
	case BPF_NEG:
		subtract(b, &zero, x, &result);
		break;
	case BPF_MUL:
		multiply(b, x, y, &result);
		break;
	case BPF_AND:
	case BPF_OR:
	case BPF_XOR:
		bitwise(b, op, x, y, &result);
		break;
	case BPF_LSH:
	case BPF_RSH:
	case BPF_DIV:
		if (!sc_vec_is_constant(y, &k))
			return -EOPNOTSUPP;
		if (op == BPF_DIV)
			divide(b, x, k, &result);
		else
			result = op == BPF_LSH ? shift_left(x, k & 31)
					       : shift_right(x, k & 31);
		break;
	default:
		return -EOPNOTSUPP;
	}
	*out = result;
	return 0;
}

/* From the least significant bit up, so that each step adds its node on top. */
uint32_t sc_vec_test(
	struct sc_bdd *b, uint16_t op, const struct sc_vec *x, const struct sc_vec *y)
{
	uint32_t f = op == BPF_JEQ || op == BPF_JGE ? SC_BDD_TRUE : SC_BDD_FALSE;

	for (int i = 0; i < 32; i++) {
		uint32_t p = x->bit[i], q = y->bit[i];

		switch (op) {
		case BPF_JEQ:
			f = sc_bdd_ite(b, p, sc_bdd_ite(b, q, f, SC_BDD_FALSE),
				sc_bdd_ite(b, q, SC_BDD_FALSE, f));
			break;
		case BPF_JSET:
			f = sc_bdd_ite(b, p, bit_or(b, q, f), f);
			break;
		default:
			f = sc_bdd_ite(b, p, sc_bdd_ite(b, q, f, SC_BDD_TRUE),
				sc_bdd_ite(b, q, SC_BDD_FALSE, f));
		}
	}
	return f;
}
