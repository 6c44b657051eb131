/* What is known before an instruction runs. Jumps go forward only: one pass finds it.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include <sluice-calls.h>

#include "arch/arch.h"
#include "program/facts.h"
#include "util/words.h"

/* What holds on every way to @into. */
static void meet(struct sc_fact *into, const struct sc_fact *from)
{
	if (!into->reached) {
		*into = *from;
		into->reached = true;
		return;
	}
	if (into->word != from->word)
		into->word = SC_NO_WORD;
	into->has_arch = into->has_arch && from->has_arch && into->arch == from->arch;
	into->has_nr = into->has_nr && from->has_nr && into->nr == from->nr;
}

/* The ways out of a jump; the true side of an equality tells the word. */
static void branch(struct sc_fact *facts, const struct sock_filter *f, uint32_t pc)
{
	struct sc_fact yes = facts[pc];

	if (BPF_OP(f->code) == BPF_JA) {
		meet(&facts[pc + 1 + f->k], &facts[pc]);
		return;
	}
	if (f->code == (BPF_JMP | BPF_JEQ | BPF_K) && yes.word == SC_WORD_ARCH) {
		yes.has_arch = true;
		yes.arch = f->k;
	} else if (f->code == (BPF_JMP | BPF_JEQ | BPF_K) && yes.word == SC_WORD_NR) {
		yes.has_nr = true;
		yes.nr = f->k;
	}
	meet(&facts[pc + 1 + f->jt], &yes);
	meet(&facts[pc + 1 + f->jf], &facts[pc]);
}

int sc_facts(const struct sc_prog *prog, struct sc_fact **out)
{
	struct sc_fact *facts = calloc(prog->len, sizeof(*facts));

	if (!facts)
		return -ENOMEM;
	facts[0] = (struct sc_fact){.reached = true, .word = SC_NO_WORD};
	for (uint32_t pc = 0; pc < prog->len; pc++) {
		const struct sock_filter *f = &prog->insns[pc];
		struct sc_fact next = facts[pc];

		if (!facts[pc].reached || BPF_CLASS(f->code) == BPF_RET)
			continue;
		if (BPF_CLASS(f->code) == BPF_JMP) {
			branch(facts, f, pc);
			continue;
		}
		if (f->code == (BPF_LD | BPF_W | BPF_ABS))
			next.word = (uint8_t)(f->k / 4);
		else if (BPF_CLASS(f->code) == BPF_LD ||
			 f->code == (BPF_MISC | BPF_TXA) ||
			 (BPF_CLASS(f->code) == BPF_ALU &&
				 f->code != (BPF_ALU | BPF_AND | BPF_K)))
			next.word = SC_NO_WORD;
		meet(&facts[pc + 1], &next);
	}
	*out = facts;
	return 0;
}

/* x32 shares the audit value of x86_64 and is told by the number. */
static const struct sc_arch *arch_of(uint32_t audit, bool x32)
{
	for (unsigned int i = 0; i < sc_arch_count; i++) {
		const struct sc_arch *a = sc_arch_at(i);

		if (a->audit == audit && (a->token != a->audit) == x32)
			return a;
	}
	return NULL;
}

static const char *call_name(uint32_t audit, uint32_t nr)
{
	const struct sc_arch *a = arch_of(audit, nr >= SC_X32_BIT);
	int row = a && nr <= INT32_MAX ? sc_syscall_by_nr(a, (int)nr) : -1;

	return row < 0 ? NULL : sc_syscall_name(row);
}

static void jump_comment(
	const struct sc_fact *fact, const struct sock_filter *f, FILE *out)
{
	const struct sc_arch *a;
	const char *name;
	uint32_t k = f->k;

	if (fact->word == SC_WORD_ARCH) {
		a = arch_of(k, false);
		if (a)
			fputs(a->name, out);
	} else if (fact->word == SC_WORD_NR && fact->has_arch) {
		/* Numbers from there on are x32's, whose first call is read. */
		if (k == SC_X32_BIT && BPF_OP(f->code) != BPF_JEQ &&
			arch_of(fact->arch, true))
			name = "x32";
		else
			name = call_name(fact->arch, k);
		if (name)
			fputs(name, out);
	}
}

/* The argument of which A holds a half, where the call is known. */
static const struct sluice_arg_info *argument(const struct sc_fact *fact,
	unsigned int word, struct sluice_call_info *call, uint32_t *token)
{
	const struct sc_arch *a;

	if (word < 4 || word >= 16 || !fact->has_arch || !fact->has_nr)
		return NULL;
	a = arch_of(fact->arch, fact->nr >= SC_X32_BIT);
	if (!a || sluice_call_info_nr(a->token, (int)fact->nr, call) < 0 ||
		(word - 4) / 2 >= call->n_args)
		return NULL;
	*token = a->token;
	return &call->args[(word - 4) / 2];
}

static void argument_comment(const struct sc_fact *fact, const struct sock_filter *f,
	bool big_endian, FILE *out)
{
	struct sluice_call_info call = {.size = sizeof(call)};
	bool load = f->code == (BPF_LD | BPF_W | BPF_ABS);
	unsigned int word = load ? f->k / 4 : fact->word;
	const struct sluice_arg_info *a;
	char text[256];
	uint32_t token;

	a = argument(fact, word, &call, &token);
	if (!a)
		return;
	if (load) {
		fprintf(out, "%s", a->name);
		return;
	}
	/* Constants are in the lower half. */
	if (!a->set || !f->k || (word & 1) != big_endian)
		return;
	sluice_constant_text(token, a->set, f->k, text, sizeof(text));
	fputs(text, out);
}

void sc_fact_comment(const struct sc_fact *fact, const struct sock_filter *insn,
	bool big_endian, FILE *out)
{
	bool test = BPF_CLASS(insn->code) == BPF_JMP && BPF_OP(insn->code) != BPF_JA &&
		    BPF_SRC(insn->code) == BPF_K;

	if (!fact->reached)
		fputs("never reached", out);
	else if (test && fact->word <= SC_WORD_ARCH)
		jump_comment(fact, insn, out);
	else if (test || insn->code == (BPF_LD | BPF_W | BPF_ABS) ||
		 insn->code == (BPF_ALU | BPF_AND | BPF_K))
		argument_comment(fact, insn, big_endian, out);
}
