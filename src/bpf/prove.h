/* Proof that a program and a policy, or two programs, agree on all 2^512 inputs.
 *
 * Both sides become decision diagrams over the input's bits (prove_bdd.h); they are the
 * same node when they agree, and else any way down to two different constants is a
 * counter-example. Nothing is sampled and nothing is assumed about the program but that
 * the kernel would take it.
 *
 * Verdicts are compared as the 32 bits that a program returns, data included.
 * SPDX-License-Identifier: MIT */
#ifndef SC_BPF_PROVE_H
#define SC_BPF_PROVE_H

#include "bpf/bpf.h"
#include "lower/lower.h"

struct sc_counterexample {
	struct seccomp_data data; /* in host byte order, whatever the filter's */
	uint32_t a, b;		  /* the two verdicts */
};

enum sc_proof {
	SC_PROOF_EQUAL = 0,
	SC_PROOF_DIFFERS = 1,
};

/* Bounds: 0 means the default, NULL is all defaults. Over them the answer is -E2BIG.
 *
 * By default nothing takes more than SC_PROVE_BYTES: 84 MB of nodes, 17 MB of memo, 32 MB
 * of what a program goes through. A step is a piece of work of a fixed size, 3 to 150 ns:
 * ten seconds at the very most, and no program known takes five. Real profiles need a
 * fiftieth of either. (Not counted: @each of sc_prove_regions(), and passes over the
 * question itself.) */
#define SC_PROVE_NODES (UINT32_C(1) << 22)
#define SC_PROVE_STEPS (UINT64_C(1) << 26)
#define SC_PROVE_BYTES 133000000
struct sc_prove_limits {
	uint32_t max_nodes;
	uint64_t max_steps;
};

/* Do program and policy agree? Returns SC_PROOF_EQUAL, SC_PROOF_DIFFERS with *@cex
 * filled, -EINVAL (the kernel would refuse the program), -EOPNOTSUPP (an instruction
 * outside what can be proved: a shift by or a division by what is no constant, or the
 * other byte order), -E2BIG (over the limits) or -ENOMEM.
 *
 * The program's verdict in *@cex is what sc_bpf_run() returns on it. -ENOTRECOVERABLE:
 * it is not what the proof says; one of the two has a bug, and neither is believed. */
int sc_prove_policy(const struct sc_prog *prog, const struct sc_lowered *policy,
	const struct sc_prove_limits *limits, struct sc_counterexample *cex);

/* Do two programs agree? As above. Both have a's byte order. */
int sc_prove_programs(const struct sc_prog *a, const struct sc_prog *b,
	const struct sc_prove_limits *limits, struct sc_counterexample *cex);

/* What one task has: filters in the order in which the kernel runs them, the one that was
 * loaded last first. @n > 0. All read the words of this machine. */
struct sc_stack {
	const struct sc_prog *progs;
	uint32_t n;
};

/* Do two stacks agree? As above. */
int sc_prove_stacks(const struct sc_stack *a, const struct sc_stack *b,
	const struct sc_prove_limits *limits, struct sc_counterexample *cex);

/* Does the kernel's allow bitmap hold exactly the numbers whose policy is ALLOW
 * whatever the arguments are? Decided for every architecture and every number, more
 * than the kernel keeps. As above; the counter-example has the number and arch, a = 1
 * where the bitmap and b = 1 where the policy says ALLOW, else 0. */
int sc_prove_bitmap(const struct sc_prog *prog, const struct sc_lowered *policy,
	struct sc_counterexample *cex);

/* One constraint of a region: lo <= (word & mask) <= hi, @word as LD W ABS counts them.
 * A range of values has all bits in its mask, a pattern of bits has lo == hi. */
struct sc_region_term {
	uint8_t word;
	uint32_t mask, lo, hi;
};

/* The inputs for which every term holds: there program a says @a and b says @b. A word
 * without a term is anything. Terms come in the order arch, nr, arguments (high word
 * first), instruction pointer, one a word. */
struct sc_region {
	struct sc_region_term terms[16];
	uint32_t n_terms;
	uint32_t a, b;
};

/* Where do two programs differ? Calls @each for regions that do not overlap and together
 * hold every input on which the verdicts differ, ascending; @each ends it by returning
 * other than 0, which is then returned. Returns SC_PROOF_EQUAL (never called),
 * SC_PROOF_DIFFERS or an error as above; after -E2BIG the regions seen were right but not
 * all. (Programs that return A in more than a few thousand ways are -E2BIG here.) */
int sc_prove_regions(const struct sc_prog *a, const struct sc_prog *b,
	const struct sc_prove_limits *limits,
	int (*each)(const struct sc_region *region, void *arg), void *arg);

/* The same for stacks. */
int sc_prove_stack_regions(const struct sc_stack *a, const struct sc_stack *b,
	const struct sc_prove_limits *limits,
	int (*each)(const struct sc_region *region, void *arg), void *arg);

/* A line like "arch=0xc000003e nr=335..337 a0=0x100000000..0x100000002 ALLOW, ERRNO(1)".
 * 0 or -EIO. */
int sc_prove_print_region(const struct sc_region *region, bool big_endian, FILE *out);

#endif
