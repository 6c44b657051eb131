/* Programs as text.
 * SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/bpf.h"
#include "util/action.h"

const char *sc_bpf_word_name(unsigned int word, bool big_endian)
{
	static const char names[16][6] = {
		"nr",
		"arch",
		"ip.lo",
		"ip.hi",
		"a0.lo",
		"a0.hi",
		"a1.lo",
		"a1.hi",
		"a2.lo",
		"a2.hi",
		"a3.lo",
		"a3.hi",
		"a4.lo",
		"a4.hi",
		"a5.lo",
		"a5.hi",
	};

	if (word >= 16)
		return "?";
	return names[big_endian && word >= 2 ? word ^ 1 : word];
}

char *sc_bpf_action(uint32_t verdict, char buf[SC_BPF_ACTION_MAX])
{
	_Static_assert(SC_BPF_ACTION_MAX == SC_ACTION_TEXT_MAX, "one size");
	return sc_action_text(verdict, buf);
}

bool sc_bpf_action_parse(const char *text, uint32_t *verdict)
{
	size_t n = strcspn(text, "(");
	char *end;
	unsigned long data;

	for (size_t i = 0; i < SC_ACTIONS; i++) {
		if (strncmp(sc_actions[i].name, text, n) != 0 || sc_actions[i].name[n])
			continue;
		*verdict = sc_actions[i].action;
		if (!text[n])
			return true;
		data = strtoul(text + n + 1, &end, 0);
		*verdict |= (uint32_t)data;
		return isdigit((unsigned char)text[n + 1]) && strcmp(end, ")") == 0 &&
		       data <= SECCOMP_RET_DATA;
	}
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	data = strtoul(text, &end, 0);
	*verdict = (uint32_t)data;
	return !*end && !errno && data <= UINT32_MAX;
}

static void show_jump(const struct sock_filter *f, uint32_t pc, FILE *out)
{
	static const char *const names[] = {"ja", "jeq", "jgt", "jge", "jset"};

	if (BPF_OP(f->code) == BPF_JA) {
		fprintf(out, "ja l%" PRIu64, (uint64_t)pc + 1 + f->k);
		return;
	}
	fputs(names[BPF_OP(f->code) >> 4], out);
	if (BPF_SRC(f->code) == BPF_X)
		fputs(" x", out);
	else
		fprintf(out, " #0x%" PRIx32, f->k);
	fprintf(out, ", l%" PRIu32 ", l%" PRIu32, pc + 1 + f->jt, pc + 1 + f->jf);
}

static void show_alu(const struct sock_filter *f, FILE *out)
{
	static const char *const names[] = {
		"add",
		"sub",
		"mul",
		"div",
		"or",
		"and",
		"lsh",
		"rsh",
		"neg",
		"mod",
		"xor",
	};

	fputs(names[BPF_OP(f->code) >> 4], out);
	if (BPF_OP(f->code) == BPF_NEG)
		return;
	if (BPF_SRC(f->code) == BPF_X)
		fputs(" x", out);
	else
		fprintf(out, " #0x%" PRIx32, f->k);
}

static void show_load(const struct sock_filter *f, bool big_endian, FILE *out)
{
	fputs(BPF_CLASS(f->code) == BPF_LD ? "ld " : "ldx ", out);
	switch (BPF_MODE(f->code)) {
	case BPF_ABS:
		if (f->k % 4 == 0 && f->k / 4 < 16)
			fputs(sc_bpf_word_name(f->k / 4, big_endian), out);
		else
			fprintf(out, "[%" PRIu32 "]", f->k);
		break;
	case BPF_MEM:
		fprintf(out, "M[%" PRIu32 "]", f->k);
		break;
	case BPF_LEN:
		fputs("len", out);
		break;
	default:
		fprintf(out, "#0x%" PRIx32, f->k);
	}
}

/* Fields that the machine does not look at have no place in the text. */
static bool has_stray_fields(const struct sock_filter *f)
{
	bool k_used = true;

	switch (BPF_CLASS(f->code)) {
	case BPF_JMP:
		if (f->code == (BPF_JMP | BPF_JA))
			break;
		return BPF_OP(f->code) == BPF_JA || (BPF_SRC(f->code) == BPF_X && f->k);
	case BPF_LD:
	case BPF_LDX:
		k_used = BPF_MODE(f->code) != BPF_LEN;
		break;
	case BPF_ALU:
		k_used = BPF_SRC(f->code) == BPF_K && BPF_OP(f->code) != BPF_NEG;
		if (f->code == (BPF_ALU | BPF_NEG | BPF_X))
			return true;
		break;
	case BPF_MISC:
		k_used = false;
		break;
	case BPF_RET:
		k_used = BPF_RVAL(f->code) != BPF_A;
		break;
	}
	return f->jt || f->jf || (f->k && !k_used);
}

/* False when it cannot be said in words, or is none of a seccomp filter. */
static bool show_insn(
	const struct sock_filter *f, uint32_t pc, bool big_endian, FILE *out)
{
	char action[SC_BPF_ACTION_MAX];

	if (has_stray_fields(f))
		return false;
	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
		show_load(f, big_endian, out);
		return true;
	case BPF_ST:
	case BPF_STX:
		fprintf(out, "%s M[%" PRIu32 "]", f->code == BPF_ST ? "st" : "stx", f->k);
		return true;
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
		fputs(BPF_MISCOP(f->code) == BPF_TAX ? "tax" : "txa", out);
		return true;
	case BPF_RET | BPF_K:
		fprintf(out, "ret %s", sc_bpf_action(f->k, action));
		return true;
	case BPF_RET | BPF_A:
		fputs("ret a", out);
		return true;
	}
	if (f->code & ~0xff)
		return false;
	if (BPF_CLASS(f->code) == BPF_ALU && BPF_OP(f->code) <= BPF_XOR) {
		show_alu(f, out);
		return true;
	}
	if (BPF_CLASS(f->code) == BPF_JMP && BPF_OP(f->code) <= BPF_JSET) {
		show_jump(f, pc, out);
		return true;
	}
	return false;
}

void sc_bpf_disasm_insn(
	const struct sock_filter *f, uint32_t pc, bool big_endian, FILE *out)
{
	if (!show_insn(f, pc, big_endian, out))
		fprintf(out, "code 0x%x, %u, %u, 0x%" PRIx32, (unsigned int)f->code, f->jt,
			f->jf, f->k);
}

int sc_bpf_disasm(
	const struct sock_filter *insns, uint32_t len, bool big_endian, FILE *out)
{
	for (uint32_t pc = 0; pc < len; pc++) {
		fprintf(out, "%4" PRIu32 ": ", pc);
		sc_bpf_disasm_insn(&insns[pc], pc, big_endian, out);
		putc('\n', out);
	}
	return ferror(out) ? -EIO : 0;
}
