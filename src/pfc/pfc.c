/* The filter in words, from the lowered policy: what is printed is what is compiled.
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "pfc/pfc.h"
#include "policy/policy.h"
#include "util/action.h"
#include "util/vec.h"

/* Longer than anything that is said at once: a line of the heading is the longest. */
#define PIECE_MAX 128

/* Not a stream in memory: glibc's loses what it has no room for, and says nothing. */
struct text {
	char *at;
	uint32_t len, cap;
	int rc;
};

static __attribute__((format(printf, 2, 3))) void say(
	struct text *out, const char *format, ...)
{
	va_list args;

	if (!out->rc)
		out->rc = sc_reserve(out->at, out->cap, out->len, PIECE_MAX);
	if (out->rc < 0)
		return;
	va_start(args, format);
	out->len += (uint32_t)vsnprintf(out->at + out->len, PIECE_MAX, format, args);
	va_end(args);
}

static void print_action(struct text *out, uint32_t action)
{
	char name[SC_ACTION_TEXT_MAX];

	say(out, "%s", sc_action_text(action, name));
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

static void print_cmp(struct text *out, const struct sc_cmp *cmp)
{
	if (cmp->op == SC_OP_MASKED_EQ)
		say(out, "(a%u & 0x%" PRIx64 ")", cmp->arg, cmp->mask);
	else
		say(out, "a%u", cmp->arg);
	say(out, " %s 0x%" PRIx64, op_text(cmp->op), cmp->datum);
}

static void print_rule(
	struct text *out, const struct sc_lowered *low, const struct sc_low_rule *rule)
{
	say(out, "    ");
	for (uint32_t i = 0; i < rule->n_cmps; i++) {
		say(out, "%s", i ? " and " : "if ");
		print_cmp(out, &low->cmps[rule->first_cmp + i]);
	}
	say(out, "%s", rule->n_cmps ? ": " : "");
	print_action(out, rule->action);
	say(out, "\n");
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

static void print_call(struct text *out, const struct sc_lowered *low,
	const struct sc_arch *arch, const struct sc_low_call *call)
{
	int row = arch ? sc_syscall_by_nr(arch, (int)call->nr) : -1;

	say(out, "  %s %" PRId32 "%s", row < 0 ? "number" : sc_syscall_name(row),
		(int32_t)call->nr, call->n_rules ? ":" : ": no rule");
	if (call->weight)
		say(out, " # priority %" PRIu32, call->weight);
	say(out, "\n");
	for (uint32_t r = 0; r < call->n_rules; r++)
		print_rule(out, low, &low->rules[call->first_rule + r]);
}

static void print_abi(
	struct text *out, const struct sc_lowered *low, const struct sc_low_abi *abi)
{
	const struct sc_arch *arch = arch_of(abi);
	bool x32_alone = arch && !abi->n_calls && abi->otherwise == low->badarch &&
		abi->first == SC_X32_BIT && abi->last != UINT32_MAX;

	if (x32_alone) {
		say(out, "numbers 0x%" PRIx32 " to 0x%" PRIx32 " (x32): ", abi->first, abi->last);
		print_action(out, abi->otherwise);
		say(out, "\n");
		return;
	}
	say(out, "arch %s 0x%08" PRIx32 "%s\n", arch ? arch->name : "?", abi->audit,
		abi->first == abi->last ? ", number -1" : "");
	for (uint32_t c = 0; c < abi->n_calls; c++)
		print_call(out, low, arch, &low->calls[abi->first_call + c]);
	say(out, "  otherwise: ");
	print_action(out, abi->otherwise);
	say(out, "\n");
}

int sc_pfc(const struct sc_lowered *low, char **text, size_t *size)
{
	struct text out = {0};

	say(&out, "# pseudo filter code: for each call the first rule that matches decides\n");
	for (uint32_t a = 0; a < low->n_abis; a++)
		print_abi(&out, low, &low->abis[a]);
	say(&out, "any other architecture: ");
	print_action(&out, low->badarch);
	say(&out, "\n");
	if (out.rc < 0) {
		free(out.at);
		return out.rc;
	}
	*text = out.at;
	*size = out.len;
	return 0;
}
