/* Random filters and random calls for the tests of src/bpf.
 * SPDX-License-Identifier: MIT */
#include "randprog.h"

uint32_t rng_next(struct rng *r)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return (uint32_t)((r->state * UINT64_C(0x2545f4914f6cdd1d)) >> 32);
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)(((uint64_t)rng_next(r) * n) >> 32);
}

uint32_t rng_constant(struct rng *r)
{
	switch (rng_below(r, 6)) {
	case 0:
		return rng_below(r, 8);
	case 1:
		return rng_below(r, 500);
	case 2:
		return 1u << rng_below(r, 32);
	case 3:
		return (1u << rng_below(r, 32)) - 1 + rng_below(r, 3);
	case 4:
		return ~rng_below(r, 8);
	default:
		return rng_next(r);
	}
}

static const uint16_t codes[] = {
	BPF_LD | BPF_W | BPF_ABS,
	BPF_LD | BPF_W | BPF_ABS,
	BPF_LD | BPF_W | BPF_ABS,
	BPF_LD | BPF_W | BPF_LEN,
	BPF_LDX | BPF_W | BPF_LEN,
	BPF_LD | BPF_IMM,
	BPF_LDX | BPF_IMM,
	BPF_LD | BPF_MEM,
	BPF_LDX | BPF_MEM,
	BPF_ST,
	BPF_ST,
	BPF_STX,
	BPF_MISC | BPF_TAX,
	BPF_MISC | BPF_TXA,
	BPF_ALU | BPF_NEG,
	BPF_ALU | BPF_ADD,
	BPF_ALU | BPF_SUB,
	BPF_ALU | BPF_MUL,
	BPF_ALU | BPF_DIV,
	BPF_ALU | BPF_AND,
	BPF_ALU | BPF_OR,
	BPF_ALU | BPF_XOR,
	BPF_ALU | BPF_LSH,
	BPF_ALU | BPF_RSH,
	BPF_ALU | BPF_ADD | BPF_X,
	BPF_ALU | BPF_SUB | BPF_X,
	BPF_ALU | BPF_MUL | BPF_X,
	BPF_ALU | BPF_DIV | BPF_X,
	BPF_ALU | BPF_AND | BPF_X,
	BPF_ALU | BPF_OR | BPF_X,
	BPF_ALU | BPF_XOR | BPF_X,
	BPF_ALU | BPF_LSH | BPF_X,
	BPF_ALU | BPF_RSH | BPF_X,
	BPF_JMP | BPF_JA,
	BPF_JMP | BPF_JEQ,
	BPF_JMP | BPF_JEQ,
	BPF_JMP | BPF_JGT,
	BPF_JMP | BPF_JGE,
	BPF_JMP | BPF_JSET,
	BPF_JMP | BPF_JEQ | BPF_X,
	BPF_JMP | BPF_JGT | BPF_X,
	BPF_JMP | BPF_JGE | BPF_X,
	BPF_JMP | BPF_JSET | BPF_X,
	BPF_RET | BPF_K,
	BPF_RET | BPF_A,
};

static uint32_t rand_verdict(struct rng *r)
{
	static const uint32_t actions[] = {
		SECCOMP_RET_ALLOW,
		SECCOMP_RET_ALLOW,
		SECCOMP_RET_ERRNO | 1,
		SECCOMP_RET_ERRNO | 2,
		SECCOMP_RET_KILL_PROCESS,
		SECCOMP_RET_KILL_THREAD,
		SECCOMP_RET_TRAP,
		SECCOMP_RET_TRACE | 3,
		SECCOMP_RET_LOG,
	};

	return actions[rng_below(r, sizeof(actions) / sizeof(actions[0]))];
}

static void rand_insn(struct rng *r, struct sock_filter *f, uint32_t room)
{
	f->code = codes[rng_below(r, sizeof(codes) / sizeof(codes[0]))];
	f->jt = f->jf = 0;
	f->k = rng_constant(r);
	switch (BPF_CLASS(f->code)) {
	case BPF_JMP:
		f->jt = rng_below(r, 3) ? rng_below(r, room < 256 ? room : 256) : 0;
		f->jf = rng_below(r, 3) ? rng_below(r, room < 256 ? room : 256) : 0;
		if (f->code == (BPF_JMP | BPF_JA))
			f->k = rng_below(r, room);
		break;
	case BPF_LD:
	case BPF_LDX:
		if (BPF_MODE(f->code) == BPF_ABS)
			f->k = 4 * rng_below(r, 16);
		else if (BPF_MODE(f->code) == BPF_MEM)
			f->k = rng_below(r, 2);
		break;
	case BPF_ST:
	case BPF_STX:
		f->k = rng_below(r, 2);
		break;
	case BPF_ALU:
		if (BPF_OP(f->code) == BPF_LSH || BPF_OP(f->code) == BPF_RSH)
			f->k &= 31;
		break;
	case BPF_RET:
		f->k = rand_verdict(r);
		break;
	}
}

void rand_program(struct rng *r, struct sock_filter *insns, uint32_t len)
{
	for (uint32_t i = 0; i + 1 < len; i++)
		rand_insn(r, &insns[i], len - i - 1);
	insns[len - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, rand_verdict(r));
}

uint32_t rand_valid_program(struct rng *r, struct sock_filter *insns, uint32_t max)
{
	for (;;) {
		uint32_t len = 1 + rng_below(r, max);

		rand_program(r, insns, len);
		if (sc_bpf_check(insns, len, NULL, NULL) == 0)
			return len;
	}
}

static uint32_t rand_word(struct rng *r, const struct sock_filter *insns, uint32_t len)
{
	uint32_t k = insns[rng_below(r, len)].k;

	switch (rng_below(r, 5)) {
	case 0:
		return rng_constant(r);
	case 1:
		return k ^ (1u << rng_below(r, 32));
	case 2:
		return k - 1;
	case 3:
		return k + 1;
	default:
		return k;
	}
}

void rand_data(struct rng *r, const struct sock_filter *insns, uint32_t len,
	struct seccomp_data *data)
{
	data->nr = (int)rand_word(r, insns, len);
	data->arch = rand_word(r, insns, len);
	data->instruction_pointer = (uint64_t)rng_constant(r) << 32 | rng_next(r);
	for (int i = 0; i < 6; i++)
		data->args[i] = (uint64_t)rand_word(r, insns, len) << 32 |
				rand_word(r, insns, len);
}
