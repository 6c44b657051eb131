/* Proof that a program and a policy, or two programs, agree on all 2^512 inputs.
 * SPDX-License-Identifier: MIT */
#ifndef SC_BPF_PROVE_H
#define SC_BPF_PROVE_H

#include "bpf/bpf.h"
#include "lower/lower.h"

struct sc_counterexample {
	struct seccomp_data data; /* in host byte order, whatever the filter's */
	uint32_t a, b;            /* the two verdicts */
};

enum sc_proof {
	SC_PROOF_EQUAL = 0,
	SC_PROOF_DIFFERS = 1,
};

/* Bounds: 0 means the default. Over them the answer is -E2BIG. */
struct sc_prove_limits {
	uint32_t max_nodes;
	uint64_t max_steps;
};

/* Do program and policy agree? Returns SC_PROOF_EQUAL, SC_PROOF_DIFFERS with *@cex filled,
 * -EINVAL (the kernel would refuse the program), -EOPNOTSUPP (an instruction outside what
 * can be proved), -E2BIG (over the limits) or -ENOMEM. */
int sc_prove_policy(const struct sc_prog *prog, const struct sc_lowered *policy,
	const struct sc_prove_limits *limits, struct sc_counterexample *cex);

/* Do two programs agree? As above. Both have a's byte order. */
int sc_prove_programs(const struct sc_prog *a, const struct sc_prog *b,
	const struct sc_prove_limits *limits, struct sc_counterexample *cex);

/* Does the kernel's allow bitmap hold exactly the numbers whose policy is ALLOW whatever
 * the arguments are? As above; a counter-example has the number and arch. */
int sc_prove_bitmap(const struct sc_prog *prog, const struct sc_lowered *policy,
	struct sc_counterexample *cex);

#endif
