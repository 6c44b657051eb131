/* With SECCOMP_SELF_CHECK in the environment no program leaves unproved.
 * SPDX-License-Identifier: MIT */
#ifndef SC_SELFCHECK_H
#define SC_SELFCHECK_H

#include "bpf/bpf.h"
#include "lower/lower.h"

/* 0: the program does what the policy says, or nobody asked. -EFAULT: it does not, which is a mistake
 * of the library. -EOVERFLOW: no proof within the bounds below. -ENOMEM. Where the variable is a
 * number from 2 on, one line on that descriptor says why. */
int sc_self_check(const struct sc_prog *prog, const struct sc_lowered *policy);

/* A proof ends well below a second: half of one at the worst, 1.5 ms for a thousand rules. */
#define SC_SELF_CHECK_NODES (UINT32_C(1) << 20)
#define SC_SELF_CHECK_STEPS (UINT64_C(1) << 21)

#endif
