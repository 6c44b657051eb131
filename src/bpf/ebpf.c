/* The length of a filter in eBPF, which is what the kernel runs and counts.
 * Source: net/core/filter.c bpf_convert_filter().
 * SPDX-License-Identifier: MIT */
#include "bpf/bpf.h"

/* A = 0, X = 0, and the context moves to a register that calls preserve. */
#define PROLOGUE 3

static uint32_t jump_len(const struct sock_filter *f)
{
	uint32_t n = 1;

	/* eBPF immediates are signed: a "negative" one goes through a register. */
	if (BPF_SRC(f->code) == BPF_K && (int32_t)f->k < 0)
		n++;
	/* eBPF falls through when a test fails. JEQ, JGT and JGE can be turned around,
	 * JSET has no opposite. */
	if (f->jf != 0 && (f->jt != 0 || BPF_OP(f->code) == BPF_JSET))
		n++;
	return n;
}

static uint32_t insn_len(const struct sock_filter *f)
{
	switch (f->code) {
	case BPF_RET | BPF_K:
		return 2; /* move, exit */
	case BPF_ALU | BPF_DIV | BPF_X:
		return 5; /* move, test, A = 0, exit, divide */
	case BPF_JMP | BPF_JA:
		return 1;
	}
	return BPF_CLASS(f->code) == BPF_JMP ? jump_len(f) : 1;
}

uint32_t sc_bpf_ebpf_len(const struct sock_filter *insns, uint32_t len)
{
	uint32_t n = PROLOGUE;

	for (uint32_t pc = 0; pc < len; pc++)
		n += insn_len(&insns[pc]);
	return n;
}
