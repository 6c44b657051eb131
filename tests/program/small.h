/* A small program, made and shown, for tests of programs.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_PROGRAM_SMALL_H
#define TESTS_PROGRAM_SMALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sluice-program.h>

#include "../prove/randprog.h"

#define X86_64 0xc000003eu

static const struct sock_filter small[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, X86_64, 0, 3),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 83, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
#define N_SMALL (sizeof(small) / sizeof(small[0]))

static inline struct sluice_program *make(const struct sock_filter *insns, size_t n)
{
	struct sluice_program *p = NULL;
	struct sluice_error error = {0};
	int rc = sluice_program_new(insns, n, &p, &error);

	if (rc)
		fprintf(stderr, "%s: %s\n", error.where, error.message);
	assert_int_equal(rc, 0);
	return p;
}

#endif
