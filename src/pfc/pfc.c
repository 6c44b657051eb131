/* The filter in words, from the lowered policy: what is printed is what is compiled.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "pfc/pfc.h"
#include "policy/policy.h"

static void print_action(FILE *out, uint32_t action)
{
	uint32_t data = action & 0xffff;

	switch (action & 0xffff0000) {
	case SC_ACT_KILL_PROCESS:
		fputs("KILL_PROCESS", out);
		break;
	case SC_ACT_KILL_THREAD:
		fputs("KILL_THREAD", out);
		break;
	case SC_ACT_TRAP:
		fprintf(out, data ? "TRAP(%" PRIu32 ")" : "TRAP", data);
		break;
	case SC_ACT_ERRNO:
		fprintf(out, "ERRNO(%" PRIu32 ")", data);
		break;
	case SC_ACT_NOTIFY:
		fputs("NOTIFY", out);
		break;
	case SC_ACT_TRACE:
		fprintf(out, "TRACE(%" PRIu32 ")", data);
		break;
	case SC_ACT_LOG:
		fputs("LOG", out);
		break;
	case SC_ACT_ALLOW:
		fputs("ALLOW", out);
		break;
	}
}

static const char *op_text(uint8_t op)
{
	static const char text[][3] = {
		[SC_OP_NE] = "!=",
		[SC_OP_LT] = "<",
		[SC_OP_LE] = "<=",
		[SC_OP_EQ] = "==",
		[SC_OP_GE] = ">=",
		[SC_OP_GT] = ">",
		[SC_OP_MASKED_EQ] = "==",
	};

	return text[op];
}

static void print_cmp(FILE *out, const struct sc_cmp *cmp)
{
	if (cmp->op == SC_OP_MASKED_EQ)
		fprintf(out, "(a%u & 0x%" PRIx64 ")", cmp->arg, cmp->mask);
	else
		fprintf(out, "a%u", cmp->arg);
	fprintf(out, " %s 0x%" PRIx64, op_text(cmp->op), cmp->datum);
}

static void print_rule(FILE *out, const struct sc_lowered *low, const struct sc_low_rule *rule)
{
	fputs("    ", out);
	for (uint32_t i = 0; i < rule->n_cmps; i++) {
		fputs(i ? " and " : "if ", out);
		print_cmp(out, &low->cmps[rule->first_cmp + i]);
	}
	fputs(rule->n_cmps ? ": " : "", out);
	print_action(out, rule->action);
	fputc('\n', out);
}

static const struct sc_arch *arch_of(const struct sc_low_abi *abi)
{
	const struct sc_arch *arch;

	for (unsigned int i = 0; i < sc_arch_count; i++) {
		arch = sc_arch_at(i);
		/* x32 shares x86_64's audit arch, above the bit; -1 alone is x86_64's. */
		if (arch->audit == abi->audit &&
			(arch->token != arch->audit) ==
				(abi->first >= SC_X32_BIT && abi->first != UINT32_MAX))
			return arch;
	}
	return NULL;
}

static void print_call(FILE *out, const struct sc_lowered *low, const struct sc_arch *arch,
	const struct sc_low_call *call)
{
	int row = arch ? sc_syscall_by_nr(arch, (int)call->nr) : -1;

	fprintf(out, "  %s %" PRId32 "%s", row < 0 ? "number" : sc_syscall_name(row),
		(int32_t)call->nr, call->n_rules ? ":" : ": no rule");
	if (call->weight)
		fprintf(out, " # priority %" PRIu32, call->weight);
	fputc('\n', out);
	for (uint32_t r = 0; r < call->n_rules; r++)
		print_rule(out, low, &low->rules[call->first_rule + r]);
}

static void print_abi(FILE *out, const struct sc_lowered *low, const struct sc_low_abi *abi)
{
	const struct sc_arch *arch = arch_of(abi);
	bool x32_alone = arch && !abi->n_calls && abi->otherwise == low->badarch &&
		abi->first == SC_X32_BIT && abi->last != UINT32_MAX;

	if (x32_alone) {
		fprintf(out, "numbers 0x%" PRIx32 " to 0x%" PRIx32 " (x32): ", abi->first,
			abi->last);
		print_action(out, abi->otherwise);
		fputc('\n', out);
		return;
	}
	fprintf(out, "arch %s 0x%08" PRIx32 "%s\n", arch ? arch->name : "?", abi->audit,
		abi->first == abi->last ? ", number -1" : "");
	for (uint32_t c = 0; c < abi->n_calls; c++)
		print_call(out, low, arch, &low->calls[abi->first_call + c]);
	fputs("  otherwise: ", out);
	print_action(out, abi->otherwise);
	fputc('\n', out);
}

int sc_pfc(const struct sc_lowered *low, char **text, size_t *size)
{
	char *buffer = NULL;
	size_t length;
	FILE *out = open_memstream(&buffer, &length);
	bool failed;

	if (!out)
		return -ENOMEM;
	fputs("# pseudo filter code: for each call the first rule that matches decides\n", out);
	for (uint32_t a = 0; a < low->n_abis; a++)
		print_abi(out, low, &low->abis[a]);
	fputs("any other architecture: ", out);
	print_action(out, low->badarch);
	fputc('\n', out);
	failed = ferror(out);
	if (fclose(out) != 0 || failed) {
		free(buffer);
		return -ENOMEM;
	}
	*text = buffer;
	*size = length;
	return 0;
}
