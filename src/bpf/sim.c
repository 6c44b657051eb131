/* The interpreter, and the emulator behind the kernel's allow bitmap.
 * SPDX-License-Identifier: MIT */
#include "bpf/bpf.h"
#include "util/words.h"

static void split(uint64_t value, bool big_endian, uint32_t words[2])
{
	words[big_endian ? 1 : 0] = (uint32_t)value;
	words[big_endian ? 0 : 1] = (uint32_t)(value >> 32);
}

void sc_bpf_words(const struct seccomp_data *data, bool big_endian, uint32_t words[16])
{
	words[SC_WORD_NR] = (uint32_t)data->nr;
	words[SC_WORD_ARCH] = data->arch;
	split(data->instruction_pointer, big_endian, &words[SC_WORD_IP]);
	for (int i = 0; i < 6; i++)
		split(data->args[i], big_endian, &words[SC_WORD_ARGS + 2 * i]);
}

static bool jump_taken(uint16_t code, uint32_t a, uint32_t operand)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == operand;
	case BPF_JGT:
		return a > operand;
	case BPF_JGE:
		return a >= operand;
	default: /* BPF_JSET */
		return (a & operand) != 0;
	}
}

/* The caller has seen to divisors of 0. Shifts count modulo 32, as eBPF's do. */
static uint32_t alu(uint16_t code, uint32_t a, uint32_t operand)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		return a + operand;
	case BPF_SUB:
		return a - operand;
	case BPF_MUL:
		return a * operand;
	case BPF_DIV:
		return a / operand;
	case BPF_AND:
		return a & operand;
	case BPF_OR:
		return a | operand;
	case BPF_XOR:
		return a ^ operand;
	case BPF_LSH:
		return a << (operand & 31);
	case BPF_RSH:
		return a >> (operand & 31);
	default: /* BPF_NEG */
		return -a;
	}
}

struct machine {
	const uint32_t *words;
	uint32_t a, x;
	uint32_t mem[BPF_MEMWORDS];
};

/* LD and LDX: what they load. */
static uint32_t loaded(const struct machine *m, const struct sock_filter *f)
{
	switch (BPF_MODE(f->code)) {
	case BPF_ABS:
		return m->words[f->k / 4];
	case BPF_MEM:
		return m->mem[f->k];
	case BPF_LEN:
		return sizeof(struct seccomp_data);
	default: /* BPF_IMM */
		return f->k;
	}
}

uint32_t sc_bpf_run(const struct sock_filter *insns, uint32_t len,
	const uint32_t words[16], uint32_t *steps)
{
	return sc_bpf_path(insns, len, words, steps, NULL, 0);
}

uint32_t sc_bpf_path(const struct sock_filter *insns, uint32_t len,
	const uint32_t words[16], uint32_t *steps, uint32_t *path, size_t size)
{
	struct machine m = {.words = words};
	uint32_t n = 0, verdict = 0;

	for (uint32_t pc = 0; pc < len; pc++) {
		const struct sock_filter *f = &insns[pc];
		uint32_t operand = BPF_SRC(f->code) == BPF_X ? m.x : f->k;

		if (n < size)
			/* cppcheck-suppress nullPointer // where there is no @path @size is 0 */
			path[n] = pc;
		n++;
		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			m.a = loaded(&m, f);
			continue;
		case BPF_LDX:
			m.x = loaded(&m, f);
			continue;
		case BPF_ST:
			m.mem[f->k] = m.a;
			continue;
		case BPF_STX:
			m.mem[f->k] = m.x;
			continue;
		case BPF_ALU:
			if (BPF_OP(f->code) == BPF_DIV && operand == 0)
				break; /* ends the program with 0: KILL_THREAD */
			m.a = alu(f->code, m.a, operand);
			continue;
		case BPF_JMP:
			if (BPF_OP(f->code) == BPF_JA)
				pc += f->k;
			else
				pc += jump_taken(f->code, m.a, operand) ? f->jt : f->jf;
			continue;
		case BPF_MISC:
			if (BPF_MISCOP(f->code) == BPF_TAX)
				m.x = m.a;
			else
				m.a = m.x;
			continue;
		case BPF_RET:
			verdict = BPF_RVAL(f->code) == BPF_A ? m.a : f->k;
			break;
		}
		break;
	}
	if (steps)
		*steps = n;
	return verdict;
}

uint32_t sc_bpf_stronger(uint32_t newer, uint32_t older)
{
	int32_t n = (int32_t)(newer & SECCOMP_RET_ACTION_FULL);
	int32_t o = (int32_t)(older & SECCOMP_RET_ACTION_FULL);

	return o < n ? older : newer;
}

bool sc_bpf_const_allow(
	const struct sock_filter *insns, uint32_t len, uint32_t arch, uint32_t nr)
{
	uint32_t a = 0;

	for (uint32_t pc = 0; pc < len; pc++) {
		const struct sock_filter *f = &insns[pc];

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (f->k != 4 * SC_WORD_NR && f->k != 4 * SC_WORD_ARCH)
				return false;
			a = f->k == 4 * SC_WORD_NR ? nr : arch;
			break;
		case BPF_RET | BPF_K:
			return f->k == SECCOMP_RET_ALLOW;
		case BPF_JMP | BPF_JA:
			pc += f->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
		case BPF_JMP | BPF_JGT | BPF_K:
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += jump_taken(f->code, a, f->k) ? f->jt : f->jf;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			break;
		default:
			return false;
		}
	}
	return false;
}
