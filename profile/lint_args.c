/* Comparisons: wider than what the kernel reads, sign-extended, of calls that come
 * through a multiplexer.
 * SPDX-License-Identifier: MIT */
#include "lint.h"

#include <sluice-calls.h>
#include <stdio.h>
#include <string.h>

/* The ABIs whose registers are wider than what most arguments are. */
static bool has_upper_half(uint32_t arch)
{
	return arch & 0x80000000 || arch == SCMP_ARCH_X32;
}

unsigned sc_lint_width(const struct sc_lint *l, const char *name, uint32_t index)
{
	unsigned bits = 64;

	for (unsigned i = 0; i < l->n_arches; i++) {
		struct sluice_call_info info = {.size = sizeof(info)};

		if (!has_upper_half(l->arches[i]) ||
			sluice_call_info(l->arches[i], name, &info) ||
			!info.has_prototype || index >= info.n_args ||
			info.args[index].type == SLUICE_ARG_UNUSED)
			continue;
		if (info.args[index].bits && info.args[index].bits < bits)
			bits = info.args[index].bits;
	}
	return bits;
}

/* On a register of 64 bits of which the kernel reads @bits. A 32-bit ABI has no bits
 * above: this is about the others. */
enum sc_width sc_lint_judge(const struct sc_arg *a, unsigned bits, bool permits)
{
	uint64_t most = bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
	bool wider; /* garbage above makes it hold */

	if (bits >= 64)
		return SC_WIDTH_GOOD;
	if (a->op == SCMP_CMP_MASKED_EQ) {
		if (!(a->value & ~most))
			return SC_WIDTH_GOOD;
		if (a->value & a->value_two & ~most)
			return SC_WIDTH_NEVER;
		return permits ? SC_WIDTH_CLOSES : SC_WIDTH_OPENS;
	}
	if (a->value > most)
		return SC_WIDTH_NEVER;
	/* At the ends of what the kernel reads a comparison says nothing, or all. */
	wider = a->op == SCMP_CMP_NE || a->op == SCMP_CMP_GE || a->op == SCMP_CMP_GT;
	if (a->op == SCMP_CMP_GE && !a->value)
		return SC_WIDTH_GOOD;
	return wider == permits ? SC_WIDTH_OPENS : SC_WIDTH_CLOSES;
}

static void say_never(struct sc_lint *l, const struct sc_entry *e, const struct sc_arg *a,
	const char *name, const char *rest, unsigned bits)
{
	uint64_t high = a->value >> (bits - 1);
	bool sign = high == UINT64_MAX >> (bits - 1);

	sc_lint_say(l, SLUICE_ERROR, sign ? "sign-extended" : "value-too-wide", e,
		a->value_at.line ? a->value_at : a->at, rest,
		(struct sc_words_of){
			sign ? "programs may pass the negative number with other bits "
			       "above, and the "
			       "kernel takes it as the same"
			     : "the kernel reads less of it: no such value arrives there",
			"compare what the kernel reads: SCMP_CMP_MASKED_EQ"},
		"found %llu for argument %u of %s, of which the kernel reads %u bits",
		(unsigned long long)a->value, a->index, name, bits);
}

static void check_arg(
	struct sc_lint *l, const struct sc_entry *e, uint32_t i, const char *name)
{
	const struct sc_arg *a = &e->args[i];
	unsigned bits = sc_lint_width(l, name, a->index);
	struct sc_place at = a->value_at.line ? a->value_at : a->at;
	char rest[32];

	snprintf(rest, sizeof(rest), ".args[%u].value", i);
	switch (sc_lint_judge(a, bits, sc_is_permissive(sc_action_value(&e->action)))) {
	case SC_WIDTH_NEVER:
		say_never(l, e, a, name, rest, bits);
		break;
	case SC_WIDTH_OPENS:
		sc_lint_say(l, SLUICE_ERROR, "width-opens", e, at, rest,
			(struct sc_words_of){"a program sets the upper bits, which the "
					     "kernel does not read, and "
					     "gets past the comparison",
				"compare what the kernel reads: SCMP_CMP_MASKED_EQ"},
			"found a comparison of 64 bits for argument %u of %s, of which "
			"the kernel "
			"reads %u",
			a->index, name, bits);
		break;
	case SC_WIDTH_CLOSES:
		sc_lint_say(l, SLUICE_NOTE, "width-closes", e, at, rest,
			(struct sc_words_of){"a program that leaves the upper bits as "
					     "they are is refused, though "
					     "the kernel sees the same",
				"compare what the kernel reads: SCMP_CMP_MASKED_EQ"},
			"found a comparison of 64 bits for argument %u of %s, of which "
			"the kernel "
			"reads %u",
			a->index, name, bits);
		break;
	case SC_WIDTH_GOOD:
		break;
	}
}

/* One finding a comparison: for the first name that has it. */
static void check_widths(struct sc_lint *l, const struct sc_entry *e)
{
	for (uint32_t i = 0; i < e->n_args; i++)
		for (uint32_t k = 0; k < e->names.n; k++) {
			uint32_t before = l->n_kept;

			check_arg(l, e, i, e->names.texts[k]);
			if (l->n_kept != before)
				break;
		}
}

static void check_twice(struct sc_lint *l, const struct sc_entry *e)
{
	unsigned seen = 0;

	for (uint32_t i = 0; i < e->n_args; i++) {
		unsigned bit = 1u << e->args[i].index;
		char rest[32];

		snprintf(rest, sizeof(rest), ".args[%u]", i);
		if (seen & bit) {
			sc_lint_say(l, SLUICE_WARNING, "same-argument", e, e->args[i].at,
				rest,
				(struct sc_words_of){"runtimes then make each comparison "
						     "of the entry a rule of its own: "
						     "any one of them is enough",
					"write an entry for each"},
				"found argument %u a second time in one entry",
				e->args[i].index);
			break;
		}
		seen |= bit;
	}
	if (e->n_args > SC_PROFILE_ARGS)
		sc_lint_say(l, SLUICE_ERROR, "too-many-args", e,
			e->args[SC_PROFILE_ARGS].at, ".args[6]",
			(struct sc_words_of){"crun reads the first six, runc all of them",
				"write several entries"},
			"found %u comparisons in one entry, expected at most six",
			e->n_args);
}

/* socketcall(2) and ipc(2) have their calls' arguments in memory; libseccomp gives such
 * calls pseudo numbers from -100 and -200 on where an architecture has them. */
static bool is_multiplexed(uint32_t arch, const char *name)
{
	int nr = seccomp_syscall_resolve_name_arch(arch, name);

	return nr <= -101 && nr > -300;
}

static void check_multiplexed(struct sc_lint *l, const struct sc_entry *e)
{
	for (uint32_t k = 0; e->n_args && k < e->names.n; k++)
		for (unsigned i = 0; i < l->n_arches; i++) {
			char rest[32];

			if (!is_multiplexed(l->arches[i], e->names.texts[k]))
				continue;
			snprintf(rest, sizeof(rest), ".names[%u]", k);
			sc_lint_say(l, SLUICE_WARNING, "multiplexed", e,
				e->names.places[k], rest,
				(struct sc_words_of){"there its arguments are in memory, "
						     "where no filter sees them",
					"leave the architecture out, or decide the call "
					"as a whole"},
				"found comparisons for %s, which %s has in socketcall or "
				"ipc, too",
				e->names.texts[k], sc_arch_profile_name(l->arches[i]));
			return;
		}
}

void sc_lint_args(struct sc_lint *l)
{
	for (uint32_t i = 0; i < l->p->n; i++) {
		const struct sc_entry *e = &l->p->entries[i];

		if (sc_action_value(&e->action) == l->action)
			continue;
		check_widths(l, e);
		check_twice(l, e);
		check_multiplexed(l, e);
	}
}
