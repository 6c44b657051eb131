/* A program, executed for all inputs at once.
 * SPDX-License-Identifier: MIT */
#ifndef SC_BPF_PROVE_EXEC_H
#define SC_BPF_PROVE_EXEC_H

#include "bpf/bpf.h"
#include "bpf/prove_bdd.h"

/* Whose eyes follow the program. */
enum sc_exec_how {
	SC_EXEC_MACHINE, /* the function is the verdict */
	SC_EXEC_BITS, /* 32 functions, one a bit of the verdict: RET A has many values */
	SC_EXEC_EMULATOR, /* 1 where the allow bitmap's emulator says ALLOW, else 0 */
};

struct sc_cuts;

/* The function that a checked program computes, or with SC_EXEC_BITS the 32 of them in
 * out[]; with names for parts of it where @cuts is not NULL. 0, -EOPNOTSUPP (an instruction outside what can be proved), -E2BIG (the budget
 * of @b) or -ENOMEM. */
int sc_exec_program(struct sc_bdd *b, const struct sc_prog *prog, enum sc_exec_how how,
	struct sc_cuts *cuts, uint32_t *out);

#endif
