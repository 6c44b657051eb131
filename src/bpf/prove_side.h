/* What both kinds of proof share: two sides, one set of diagrams.
 * SPDX-License-Identifier: MIT */
#ifndef SC_BPF_PROVE_SIDE_H
#define SC_BPF_PROVE_SIDE_H

#include "bpf/prove.h"
#include "bpf/prove_bdd.h"

/* Programs or, where @prog is NULL, a policy. */
struct sc_side {
	const struct sc_prog *prog; /* an array: the newest filter first */
	uint32_t n_older; /* behind the first */
	const struct sc_lowered *policy;
	bool bitmap; /* what the allow bitmap would hold of it, instead of verdicts */
};

/* How the sides are to become diagrams. */
struct sc_sides_how {
	const struct sc_prove_limits *limits;
	bool interleaved; /* order of the bits */
	bool in_parts; /* the program first: parts of the policy, the second, get names */
	bool by_bits; /* 32 diagrams a side, one a bit of the verdict, instead of one */
};

/* Diagrams of both sides in @b, which is zeroed and which the caller clears. 0 or
 * -errno. */
int sc_sides_build(struct sc_bdd *b, const struct sc_side sides[2],
	const struct sc_sides_how *how, uint32_t roots[2][32]);

/* Where do two functions of one set of diagrams differ? As sc_prove_regions(). */
int sc_bdd_regions(struct sc_bdd *b, uint32_t u, uint32_t v,
	int (*each)(const struct sc_region *region, void *arg), void *arg);

#endif
