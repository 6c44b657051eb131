/* One comparison of a system call argument.
 * SPDX-License-Identifier: MIT */
#ifndef SC_POLICY_CMP_H
#define SC_POLICY_CMP_H

#include <stdbool.h>
#include <stdint.h>

enum sc_op { /* the values of enum scmp_compare */
	SC_OP_NE = 1,
	SC_OP_LT,
	SC_OP_LE,
	SC_OP_EQ,
	SC_OP_GE,
	SC_OP_GT,
	SC_OP_MASKED_EQ,
	SC_OP_IN, /* no enum scmp_compare: only other makers of lowered policies use it */
};

/* (argument & mask) OP datum, unsigned, on 64 bits. @mask is all ones but for MASKED_EQ and IN,
 * and @datum has no bit outside it. On a 32-bit ABI only the low word is compared (mask and
 * datum fit it). IN: (argument & mask) is in one of the @n_ranges of sc_lowered.ranges from
 * @datum on. */
struct sc_cmp {
	uint64_t mask;
	uint64_t datum;
	uint8_t arg; /* 0..5 */
	uint8_t op;  /* enum sc_op */
	uint32_t n_ranges; /* of IN; else 0 */
};

static inline bool sc_cmp_equal(const struct sc_cmp *a, const struct sc_cmp *b)
{
	return a->datum == b->datum && a->mask == b->mask && a->arg == b->arg &&
		a->op == b->op && a->n_ranges == b->n_ranges;
}

#endif
