/* From a policy to a program: the list of passes.
 * SPDX-License-Identifier: MIT */
#ifndef SC_COMPILE_H
#define SC_COMPILE_H

#include "bpf/bpf.h"
#include "policy/policy.h"

/* 0; -ENOMEM; -E2BIG: over 4096 instructions; -EFAULT: with SECCOMP_SELF_CHECK=1 in the
 * environment, the program could not be proved to do what the policy says. The caller frees
 * out->insns with free(3). */
int sc_compile(const struct sc_policy *policy, struct sc_prog *out);

#endif
