/* What a filter says to one call, found out the slow way.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <seccomp.h>
#include <sluice-calls.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"

/* The architecture of a call, 0 if the filter has none for it. -1, no call at all, is x86_64's. */
static uint32_t arch_of(const struct judged *f, const struct seccomp_data *data)
{
	uint32_t nr = (uint32_t)data->nr;

	for (size_t i = 0; i < f->options.n_archs; i++) {
		uint32_t arch = f->options.archs[i];

		if (arch == SCMP_ARCH_X32 && data->arch == SCMP_ARCH_X86_64 &&
			nr >= 0x40000000 && (nr != UINT32_MAX || f->options.archs[0] == arch))
			return arch;
		if (arch == data->arch &&
			(arch != SCMP_ARCH_X86_64 || nr < 0x40000000 || nr == UINT32_MAX))
			return arch;
	}
	return 0;
}

/* Has the kernel of an ABI 64 bits of a register? */
static bool is_wide(uint32_t arch)
{
	return arch == SCMP_ARCH_X32 || arch & 0x80000000;
}

/* The values that W bits can be told apart by: small ones and sign-extended ones. */
static bool fits(uint64_t number, unsigned w)
{
	if (w == 64)
		return true;
	return number >> w == 0 || (int64_t)number >> (w - 1) == -1;
}

/* What the kernel reads of a register, in bits. */
static unsigned width(const struct sluice_rule *rule, uint32_t arch, unsigned index)
{
	struct sluice_call_info info = {.size = sizeof(info)};
	unsigned most = is_wide(arch) ? 64 : 32;
	int rc = rule->call ? sluice_call_info(arch, rule->call, &info)
			    : sluice_call_info_nr(arch, rule->nr, &info);

	if (rc || !info.has_prototype || index >= info.n_args || info.args[index].bits > most)
		return most;
	return info.args[index].bits;
}

static bool holds(const struct sluice_rule *rule, const struct sluice_filter_condition *c,
	uint32_t arch, uint64_t reg)
{
	unsigned most = is_wide(arch) ? 64 : 32;
	unsigned w = !c->bits ? width(rule, arch, c->index) : c->bits < most ? c->bits : most;
	uint64_t ones = w == 64 ? UINT64_MAX : (UINT64_C(1) << w) - 1, v = reg & ones;
	uint64_t x = c->values[0].number, y = c->n_values > 1 ? c->values[1].number : 0;
	int64_t is = w == 64 ? (int64_t)v
		     : v >> (w - 1) ? (int64_t)(v | ~ones) : (int64_t)v;
	bool yes = false;

	switch (c->op) {
	case SLUICE_OP_EQ:
	case SLUICE_OP_IN:
		for (size_t i = 0; i < c->n_values; i++)
			yes |= fits(c->values[i].number, w) && v == (c->values[i].number & ones);
		break;
	case SLUICE_OP_RANGE:
		yes = fits(x, w) && v >= (x & ones) && v <= (fits(y, w) ? y & ones : ones);
		break;
	case SLUICE_OP_SRANGE:
		yes = is >= (int64_t)x && is <= (int64_t)y;
		break;
	case SLUICE_OP_MASKED:
		yes = fits(y, w) && (v & x) == (y & ones);
		break;
	case SLUICE_OP_ANY_BITS:
		yes = (v & x) != 0;
		break;
	case SLUICE_OP_ALL_BITS:
		yes = fits(x, w) && (v & x) == (x & ones);
		break;
	case SLUICE_OP_ONLY_BITS:
		yes = (v & ~x) == 0;
		break;
	}
	return yes != c->negate;
}

static bool all_hold(const struct sluice_rule *rule, uint32_t arch, const struct seccomp_data *d)
{
	for (size_t i = 0; i < rule->n_conditions; i++)
		if (!holds(rule, &rule->conditions[i], arch, d->args[rule->conditions[i].index]))
			return false;
	return true;
}

/* Does the multiplexer @nr carry the call of pseudo number @pseudo here? */
static bool carries(uint32_t arch, int nr, int pseudo, uint64_t code)
{
	if (pseudo <= -101 && pseudo >= -120 &&
		nr == seccomp_syscall_resolve_name_arch(arch, "socketcall"))
		return (uint32_t)code == (uint32_t)(-100 - pseudo);
	if (pseudo <= -201 && pseudo >= -224 &&
		nr == seccomp_syscall_resolve_name_arch(arch, "ipc"))
		return (uint16_t)code == (uint32_t)(-200 - pseudo); /* a version is above */
	return false;
}

/* The numbers that libseccomp gives out for these calls are pseudo ones; the direct ones are found through
 * their names on another way: by number. */
static bool is_direct(uint32_t arch, int nr, const char *name)
{
	char *found = nr >= 0 ? seccomp_syscall_resolve_num_arch(arch, nr) : NULL;
	bool same = found && strcmp(found, name) == 0;

	free(found);
	return same;
}

uint32_t judge(const struct judged *f, const struct seccomp_data *data)
{
	uint32_t arch = arch_of(f, data);

	if (!arch)
		return f->options.badarch_action;
	for (unsigned r = 0; r < f->n_rules; r++) {
		const struct sluice_rule *rule = &f->rules[r];
		int pseudo;

		if (rule->arch && rule->arch != arch)
			continue;
		if (rule->call && strcmp(rule->call, "*") == 0)
			return rule->action;
		if (!rule->call) {
			if (rule->nr == data->nr && all_hold(rule, arch, data))
				return rule->action;
			continue;
		}
		if (is_direct(arch, data->nr, rule->call) && all_hold(rule, arch, data))
			return rule->action;
		pseudo = seccomp_syscall_resolve_name_arch(arch, rule->call);
		if (pseudo >= 0 || !carries(arch, data->nr, pseudo, data->args[0]))
			continue;
		if (!rule->n_conditions)
			return rule->action;
		if (f->options.multiplexed == SLUICE_MULTIPLEXED_REFUSE)
			return SCMP_ACT_ERRNO(ENOSYS);
		if (rule->action == SCMP_ACT_ALLOW || rule->action == SCMP_ACT_LOG)
			return rule->action;
	}
	return f->options.default_action;
}

/* How much a verdict permits: seccomp(2) lists the actions in this order. */
static int permits(uint32_t verdict)
{
	static const uint32_t order[] = {SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL_THREAD, SCMP_ACT_TRAP,
		SCMP_ACT_ERRNO(0), SCMP_ACT_NOTIFY, SCMP_ACT_TRACE(0), SCMP_ACT_LOG,
		SCMP_ACT_ALLOW};

	for (int i = 0; i < (int)(sizeof(order) / sizeof(*order)); i++)
		if (order[i] == (verdict & 0xffff0000))
			return i;
	return -1;
}

uint32_t judge_together(enum sluice_merge how, uint32_t a, uint32_t b)
{
	bool take_b = how == SLUICE_MERGE_UNION ? permits(b) > permits(a)
						: permits(b) < permits(a);

	return take_b ? b : a;
}
