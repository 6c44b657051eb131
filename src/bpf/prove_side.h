/* What both kinds of proof share: two sides, one set of diagrams.
 * SPDX-License-Identifier: MIT */
#ifndef SC_BPF_PROVE_SIDE_H
#define SC_BPF_PROVE_SIDE_H

#include "bpf/prove.h"
#include "bpf/prove_bdd.h"

/* A program or, where @prog is NULL, a policy. */
struct sc_side {
	const struct sc_prog *prog;
	const struct sc_lowered *policy;
	bool bitmap; /* what the allow bitmap would hold of it, instead of verdicts */
};

/* Diagrams of both sides in @b, which is zeroed and which the caller clears. 0 or -errno. */
int sc_sides_build(struct sc_bdd *b, const struct sc_side sides[2],
	const struct sc_prove_limits *limits, bool interleaved, uint32_t roots[2]);

#endif
