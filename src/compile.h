/* From a policy to a program: the list of passes.
 * SPDX-License-Identifier: MIT */
#ifndef SC_COMPILE_H
#define SC_COMPILE_H

#include "bpf/bpf.h"
#include "policy/policy.h"

/* 0; -ENOMEM; -E2BIG: over 4096 instructions; -EFAULT, -EOVERFLOW: with
 * SECCOMP_SELF_CHECK in the environment, the program does not what the policy says, or there is no
 * proof of it within the bounds (selfcheck.h). The caller frees out->insns with free(3). */
int sc_compile(const struct sc_policy *policy, struct sc_prog *out);

#endif
