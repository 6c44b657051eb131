/* Calls: numbers, names, prototypes.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "meaning/meaning.h"

const struct sc_arch *sc_meaning_arch(uint32_t token)
{
	return token ? sc_arch_by_token(token) : sc_arch_native();
}

const char *sc_meaning_string(uint16_t offset)
{
	return offset ? &sc_meaning_text[offset] : NULL;
}

bool sc_meaning_number(const struct sc_arch *arch, int row, int *nr)
{
	struct sc_mux mux;
	int number = sc_syscall_nr(arch, row);

	if (sc_mux_lookup(arch, row, &mux)) {
		*nr = mux.direct >= 0 ? mux.direct : number;
		return true;
	}
	if (number < 0)
		return false;
	*nr = number;
	return true;
}

/* Halves stand in the order of bytes: tables have it as little-endian machines do. */
static enum sluice_arg_part part_of(const struct sc_arch *arch, unsigned part)
{
	if (arch->big_endian && part == SLUICE_PART_LOW)
		return SLUICE_PART_HIGH;
	if (arch->big_endian && part == SLUICE_PART_HIGH)
		return SLUICE_PART_LOW;
	return part;
}

static bool has_set(const struct sc_meaning_arg *arg)
{
	return arg->type == SLUICE_ARG_FLAGS || arg->type == SLUICE_ARG_VALUE;
}

static unsigned bits_of(const struct sc_arch *arch, const struct sc_meaning_arg *arg)
{
	return arg->bits ? arg->bits : sc_meaning_register(arch);
}

static void fill_arg(const struct sc_arch *arch, const struct sc_meaning_arg *arg,
	struct sluice_arg_info *out)
{

	*out = (struct sluice_arg_info){
		.name = sc_meaning_string(arg->name),
		.ctype = sc_meaning_string(arg->ctype),
		.set = has_set(arg) ? sc_meaning_string(arg->detail) : NULL,
		.structure = has_set(arg) ? NULL : sc_meaning_string(arg->detail),
		.type = arg->type,
		.part = part_of(arch, arg->part),
		.bits = bits_of(arch, arg),
		.is_signed = arg->is_signed,
	};
}

/* NULL: its arguments are not known. */
static const struct sc_meaning_proto *proto_of(const struct sc_arch *arch, int row)
{
	unsigned index =
		sc_meaning_proto_of[arch->column * sc_syscall_count + (unsigned)row];

	return index == SC_MEANING_UNKNOWN ? NULL : &sc_meaning_protos[index];
}

static const struct sc_meaning_arg *arg_at(const struct sc_meaning_proto *proto, unsigned index)
{
	return &sc_meaning_args[sc_meaning_lists[proto->first + index]];
}

bool sc_meaning_arg(const struct sc_arch *arch, int row, unsigned index, unsigned *bits,
	const char **set)
{
	const struct sc_meaning_proto *proto = proto_of(arch, row);
	const struct sc_meaning_arg *arg;

	if (!proto || index >= proto->count)
		return false;
	arg = arg_at(proto, index);
	*bits = bits_of(arch, arg);
	*set = has_set(arg) ? sc_meaning_string(arg->detail) : NULL;
	return true;
}

int sc_meaning_call(const struct sc_arch *arch, int row, struct sluice_call_info *out)
{
	const struct sc_meaning_proto *proto = proto_of(arch, row);
	struct sluice_call_info info = {.size = out->size};

	if (out->size < sizeof(info))
		return -EINVAL;
	if (!sc_meaning_number(arch, row, &info.nr))
		return -ENOENT;
	info.name = sc_syscall_name(row);
	info.arch = arch->token;
	info.since = sc_syscall_since(arch, row);
	info.since = (info.since >> 8) << 16 | (info.since & 0xff);
	info.groups = sc_meaning_groups_of[row];
	if (proto) {
		info.has_prototype = true;
		info.n_args = proto->count;
		for (unsigned i = 0; i < proto->count; i++)
			fill_arg(arch, arg_at(proto, i), &info.args[i]);
	}
	memcpy(out, &info, sizeof(info));
	return 0;
}

SC_MEANING_PUBLIC int sluice_call_info(
	uint32_t arch, const char *name, struct sluice_call_info *out)
{
	const struct sc_arch *a = sc_meaning_arch(arch);
	int row;

	if (!a)
		return -EINVAL;
	row = sc_syscall_by_name(name);
	return row < 0 ? -ENOENT : sc_meaning_call(a, row, out);
}

SC_MEANING_PUBLIC int sluice_call_info_nr(
	uint32_t arch, int nr, struct sluice_call_info *out)
{
	const struct sc_arch *a = sc_meaning_arch(arch);
	int row;

	if (!a)
		return -EINVAL;
	row = sc_syscall_by_nr(a, nr);
	return row < 0 ? -ENOENT : sc_meaning_call(a, row, out);
}

SC_MEANING_PUBLIC const char *sluice_call_next(uint32_t arch, unsigned *iterator)
{
	const struct sc_arch *a = sc_meaning_arch(arch);

	while (a && *iterator < sc_syscall_count) {
		int nr, row = (int)(*iterator)++;

		if (sc_meaning_number(a, row, &nr))
			return sc_syscall_name(row);
	}
	return NULL;
}

SC_MEANING_PUBLIC int sluice_call_nr(uint32_t arch, const char *name, int *nr)
{
	const struct sc_arch *a = sc_meaning_arch(arch);
	int row;

	if (!a)
		return -EINVAL;
	row = sc_syscall_by_name(name);
	return row >= 0 && sc_meaning_number(a, row, nr) ? 0 : -ENOENT;
}

SC_MEANING_PUBLIC const char *sluice_call_name(uint32_t arch, int nr)
{
	const struct sc_arch *a = sc_meaning_arch(arch);
	int row = a ? sc_syscall_by_nr(a, nr) : -1;

	return row < 0 ? NULL : sc_syscall_name(row);
}
