/* Random filters and random calls for the tests of src/bpf.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_PROVE_RANDPROG_H
#define TESTS_PROVE_RANDPROG_H

#include "bpf/bpf.h"

struct rng {
	uint64_t state; /* any value but 0 */
};

uint32_t rng_next(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n); /* 0 .. n-1 */

/* A constant as filters have them: small, a power of two, near one, a mask, anything. */
uint32_t rng_constant(struct rng *r);

/* @len instructions of which most are right: nearly every one the kernel would take
 * alone. */
void rand_program(struct rng *r, struct sock_filter *insns, uint32_t len);

/* A program that sc_bpf_check() takes; returns its length, at most @max (>= 1). */
uint32_t rand_valid_program(struct rng *r, struct sock_filter *insns, uint32_t max);

/* A call: words near the constants of the program, or anything. */
void rand_data(struct rng *r, const struct sock_filter *insns, uint32_t len,
	struct seccomp_data *data);

#endif
