/* The kernel's own rules for a filter, so that what it would refuse is known beforehand.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "bpf/bpf.h"

struct refusal {
	uint32_t at;
	const char *why;
};

static int refuse(struct refusal *r, uint32_t at, const char *why)
{
	r->at = at;
	r->why = why;
	return -EINVAL;
}

/* kernel/seccomp.c seccomp_check_filter(): the codes it lets through, exactly. A code
 * with stray high bits is another code. */
static bool code_allowed(uint16_t code)
{
	switch (code) {
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
	case BPF_ALU | BPF_NEG:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_JMP | BPF_JA:
		return true;
	}
	switch (code & ~BPF_X) {
	case BPF_ALU | BPF_ADD:
	case BPF_ALU | BPF_SUB:
	case BPF_ALU | BPF_MUL:
	case BPF_ALU | BPF_DIV:
	case BPF_ALU | BPF_AND:
	case BPF_ALU | BPF_OR:
	case BPF_ALU | BPF_XOR:
	case BPF_ALU | BPF_LSH:
	case BPF_ALU | BPF_RSH:
	case BPF_JMP | BPF_JEQ:
	case BPF_JMP | BPF_JGE:
	case BPF_JMP | BPF_JGT:
	case BPF_JMP | BPF_JSET:
		return true;
	}
	return false;
}

/* net/core/filter.c bpf_check_classic(), and the operands seccomp looks at. */
static int check_operands(
	const struct sock_filter *f, uint32_t pc, uint32_t len, struct refusal *r)
{
	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		if (f->k >= sizeof(struct seccomp_data))
			return refuse(r, pc, "load outside struct seccomp_data");
		if (f->k & 3)
			return refuse(r, pc, "load is not aligned to 4 bytes");
		return 0;
	case BPF_ALU | BPF_DIV | BPF_K:
		if (f->k == 0)
			return refuse(r, pc, "division by the constant 0");
		return 0;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		if (f->k >= 32)
			return refuse(r, pc, "shift by 32 or more");
		return 0;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		if (f->k >= BPF_MEMWORDS)
			return refuse(r, pc, "scratch memory has 16 words");
		return 0;
	case BPF_JMP | BPF_JA:
		if (f->k >= len - pc - 1)
			return refuse(r, pc, "jump past the end");
		return 0;
	}
	if (BPF_CLASS(f->code) == BPF_JMP &&
		(pc + f->jt + 1 >= len || pc + f->jf + 1 >= len))
		return refuse(r, pc, "jump past the end");
	return 0;
}

/* net/core/filter.c check_load_and_stores(): one bit a word of scratch memory, the words
 * surely written on every way to an instruction. A RET does not clear the set for the
 * instruction behind it: stricter than needed, but that is what the kernel does. */
static int check_memory(const struct sock_filter *insns, uint32_t len, struct refusal *r)
{
	uint16_t masks[SC_BPF_MAX];
	uint16_t valid = 0;

	memset(masks, 0xff, len * sizeof(*masks));
	for (uint32_t pc = 0; pc < len; pc++) {
		const struct sock_filter *f = &insns[pc];

		valid &= masks[pc];
		switch (BPF_CLASS(f->code)) {
		case BPF_ST:
		case BPF_STX:
			valid |= 1u << f->k;
			break;
		case BPF_LD:
		case BPF_LDX:
			if (BPF_MODE(f->code) == BPF_MEM && !(valid & (1u << f->k)))
				return refuse(r, pc,
					"load of a scratch word that may not be written");
			break;
		case BPF_JMP:
			if (f->code == (BPF_JMP | BPF_JA)) {
				masks[pc + 1 + f->k] &= valid;
			} else {
				masks[pc + 1 + f->jt] &= valid;
				masks[pc + 1 + f->jf] &= valid;
			}
			valid = 0xffff;
			break;
		}
	}
	return 0;
}

static int check_program(const struct sock_filter *insns, uint32_t len, struct refusal *r)
{
	int rc;

	if (len == 0 || !insns)
		return refuse(r, 0, "empty program");
	if (len > SC_BPF_MAX)
		return refuse(r, SC_BPF_MAX, "more than 4096 instructions");
	for (uint32_t pc = 0; pc < len; pc++) {
		if (!code_allowed(insns[pc].code))
			return refuse(r, pc, "not an instruction of seccomp filters");
		rc = check_operands(&insns[pc], pc, len, r);
		if (rc < 0)
			return rc;
	}
	if (BPF_CLASS(insns[len - 1].code) != BPF_RET)
		return refuse(r, len - 1, "the last instruction is not a return");
	return check_memory(insns, len, r);
}

int sc_bpf_check(
	const struct sock_filter *insns, uint32_t len, uint32_t *at, const char **why)
{
	struct refusal r;
	int rc = check_program(insns, len, &r);

	if (rc < 0) {
		if (at)
			*at = r.at;
		if (why)
			*why = r.why;
	}
	return rc;
}
