/* What arguments and constants mean.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sluice-calls.h>
#include <string.h>

#include "filter/rule.h"

/* "a0" to "a5" are numbers, too: -1 for other names. */
static int numbered(const struct sluice_filter_condition *cond)
{
	const char *name = cond->argument;

	if (!name)
		return (int)cond->index;
	if (name[0] == 'a' && name[1] >= '0' && name[1] <= '5' && !name[2])
		return name[1] - '0';
	return -1;
}

static bool call_of(const struct sc_arch *arch, int row, struct sluice_call_info *info)
{
	*info = (struct sluice_call_info){.size = sizeof(*info)};
	return row >= 0 && sc_meaning_call(arch, row, info) == 0 &&
		info->has_prototype;
}

/* One argument, or both halves of it. */
static int named(const struct sc_arch *arch, const struct sluice_call_info *info, const char *name,
	struct sc_meaning *out)
{
	const unsigned int most = sc_meaning_register(arch);
	int low = sluice_arg_index(info, name, 0), high;
	const struct sluice_arg_info *arg;

	if (low < 0)
		return -ENOENT;
	arg = &info->args[low];
	*out = (struct sc_meaning){
		.reg = (uint8_t)low,
		.high_reg = (uint8_t)low,
		.bits = (uint8_t)(arg->bits < most ? arg->bits : most),
		.set = arg->set,
	};
	if (arg->part != SLUICE_PART_LOW && arg->part != SLUICE_PART_HIGH)
		return 0;
	high = sluice_arg_index(info, name, (unsigned int)low + 1);
	if (high < 0)
		return -ENOENT;
	out->bits = 64;
	out->reg = (uint8_t)(arg->part == SLUICE_PART_LOW ? low : high);
	out->high_reg = (uint8_t)(arg->part == SLUICE_PART_LOW ? high : low);
	return 0;
}

/* The name that the call which the rule names gives to its argument @index. */
static const char *name_of(const struct sc_arch *arch, int row, unsigned int index)
{
	struct sluice_call_info info;

	if (!call_of(arch, row, &info) && !call_of(sc_arch_native(), row, &info))
		return NULL;
	return index < info.n_args ? info.args[index].name : NULL;
}

int sc_meaning_of(const struct sc_arch *arch, const struct sc_target *target,
	const struct sluice_filter_condition *cond, struct sc_meaning *out)
{
	struct sluice_call_info info;
	unsigned int bits;
	int index = numbered(cond);
	const char *name = cond->argument;

	if (index >= 0 && target->said_row >= 0 && target->row != target->said_row) {
		/* The same call under another name: there the argument may lie elsewhere. */
		name = name_of(arch, target->said_row, (unsigned int)index);
		index = -1;
	}
	if (index < 0)
		return name && call_of(arch, target->row, &info) ? named(arch, &info, name, out)
								 : -ENOENT;
	*out = (struct sc_meaning){
		.reg = (uint8_t)index,
		.high_reg = (uint8_t)index,
		.bits = (uint8_t)sc_meaning_register(arch)};
	if (target->row >= 0 &&
		sc_meaning_arg(arch, target->row, (unsigned int)index, &bits, &out->set) &&
		bits < out->bits)
		out->bits = (uint8_t)bits;
	return 0;
}

#define NAME_MAX_BYTES 64

int sc_meaning_value(const struct sc_arch *arch, const char *set, const char *names, uint64_t *out)
{
	const char *at = names;
	uint64_t all = 0, one;

	for (;;) {
		size_t length = strcspn(at, "|");
		char name[NAME_MAX_BYTES];

		if (length == 0 || length >= sizeof(name))
			return -ENOENT;
		memcpy(name, at, length);
		name[length] = '\0';
		if ((!set || sluice_constant_value(arch->token, set, name, &one)) &&
			sluice_constant_value(arch->token, NULL, name, &one))
			return -ENOENT;
		all |= one;
		at += length;
		if (!*at)
			break;
		at++;
	}
	*out = all;
	return 0;
}
