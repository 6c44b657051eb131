/* From a lowered policy to a program: the back half of the pipeline, which libsluice has, too.
 * SPDX-License-Identifier: MIT */
#ifndef SC_COMPILE_LOWERED_H
#define SC_COMPILE_LOWERED_H

#include "bpf/bpf.h"
#include "dag/dag.h"
#include "lower/lower.h"

/* A program that does what @low says. What does not fit 4096 instructions with @effort is built
 * once more for size alone. 0; -ENOMEM; -E2BIG: over 4096 instructions; -EFAULT,
 * -EOVERFLOW: with SECCOMP_SELF_CHECK in the environment, it is wrong, or there is no proof within
 * the bounds (selfcheck.h). The caller frees out->insns with free(3). */
int sc_compile_lowered(const struct sc_lowered *low, enum sc_effort effort, struct sc_prog *out);

#endif
