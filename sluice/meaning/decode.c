/* A call as text, argument by argument.
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "meaning/decode.h"

uint64_t sc_decode_value(const struct sc_decode *d, unsigned index)
{
	const struct sluice_arg_info *arg = &d->call->args[index];
	uint64_t value = d->args[index];

	if (arg->part == SLUICE_PART_LOW || arg->part == SLUICE_PART_HIGH) {
		uint64_t low = value & UINT32_MAX, high = 0;

		if (index + 1 < d->call->n_args)
			high = d->args[index + 1] & UINT32_MAX;
		return arg->part == SLUICE_PART_LOW ? low | high << 32 : low << 32 | high;
	}
	if (arg->bits >= 64)
		return value;
	value &= (UINT64_C(1) << arg->bits) - 1;
	if (arg->is_signed && value >> (arg->bits - 1))
		value |= ~UINT64_C(0) << arg->bits;
	return value;
}

void sc_decode_address(struct sc_decode *d, uint64_t addr)
{
	if (addr)
		sc_text_printf(d->text, "%#" PRIx64, addr);
	else
		sc_text_add(d->text, "NULL");
}

static void number(struct sc_decode *d, unsigned index, uint64_t value)
{
	const struct sluice_arg_info *arg = &d->call->args[index];

	/* All bits of an id or a descriptor say "none". */
	if (arg->is_signed || (arg->type != SLUICE_ARG_NUMBER && value == UINT32_MAX))
		sc_text_printf(d->text, "%" PRId64,
			value == UINT32_MAX ? INT64_C(-1) : (int64_t)value);
	else
		sc_text_printf(d->text, "%" PRIu64, value);
}

static void mode(struct sc_decode *d, uint64_t value)
{
	static const struct {
		unsigned bits;
		const char *name;
	} types[] = {{0140000, "S_IFSOCK"}, {0120000, "S_IFLNK"}, {0100000, "S_IFREG"},
		{0060000, "S_IFBLK"}, {0040000, "S_IFDIR"}, {0020000, "S_IFCHR"},
		{0010000, "S_IFIFO"}};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if ((value & 0170000) != types[i].bits)
			continue;
		sc_text_printf(d->text, "%s|", types[i].name);
		value &= ~UINT64_C(0170000);
	}
	sc_text_printf(d->text, "%#03" PRIo64, value);
}

static void device(struct sc_decode *d, uint64_t value)
{
	/* new_decode_dev() of include/linux/kdev_t.h: 12 bits of major, 20 of minor */
	sc_text_printf(d->text, "makedev(%#" PRIx64 ", %#" PRIx64 ")", value >> 8 & 0xfff,
		(value & 0xff) | (value >> 12 & 0xfff00));
}

/* Signals are no flags: what has no name is a number. */
void sc_decode_signal(struct sc_decode *d, uint64_t value)
{
	if (value >= 32 && value <= 64)
		sc_text_printf(
			d->text, value == 32 ? "SIGRTMIN" : "SIGRT_%" PRIu64, value - 32);
	else if (!sc_meaning_exact(d->text, d->arch, "signal", value))
		sc_text_printf(d->text, "%" PRId64, (int64_t)value);
}

/* The lowest byte of clone's flags is the signal that tells of the child's end. */
static void clone_flags(struct sc_decode *d, const char *set, uint64_t value)
{
	uint64_t flags = value & ~UINT64_C(0xff), end = value & 0xff;

	if (flags || !end)
		sc_meaning_flags(d->text, d->arch, set, flags);
	if (flags && end)
		sc_text_char(d->text, '|');
	if (end)
		sc_decode_signal(d, end);
}

static void constants(struct sc_decode *d, unsigned index, uint64_t value)
{
	const struct sluice_arg_info *arg = &d->call->args[index];
	bool inet = (d->args[0] & UINT32_MAX) == 2 || (d->args[0] & UINT32_MAX) == 10;

	if (strcmp(arg->set, "clone") == 0) {
		clone_flags(d, arg->set, value);
	} else if (strcmp(arg->set, "protocol") == 0 && !inet) {
		number(d, index, value); /* other families number theirs themselves */
	} else if (arg->type == SLUICE_ARG_VALUE) {
		uint64_t cut =
			arg->is_signed && arg->bits == 32 ? value & UINT32_MAX : value;

		if (!sc_meaning_exact(d->text, d->arch, arg->set, cut))
			sc_text_printf(d->text, "%#" PRIx64, cut);
	} else {
		sc_meaning_flags(d->text, d->arch, arg->set,
			arg->bits == 32 ? value & UINT32_MAX : value);
	}
}

/* How much memory an argument says is there: the number in the next one. */
static uint64_t next_size(const struct sc_decode *d, unsigned index)
{
	return index + 1 < d->call->n_args ? sc_decode_value(d, index + 1) : 0;
}

static void memory_in(struct sc_decode *d, unsigned index, uint64_t value)
{
	const struct sluice_arg_info *arg = &d->call->args[index];
	bool sized = index + 1 < d->call->n_args &&
		     d->call->args[index + 1].type == SLUICE_ARG_SIZE;

	if (arg->structure)
		sc_decode_structure(d, value, arg->structure);
	else if (sized && arg->ctype &&
		 (strstr(arg->ctype, "char") || strstr(arg->ctype, "void")))
		sc_decode_buffer(d, value, next_size(d, index));
	else
		sc_decode_address(d, value);
}

static void pointed(struct sc_decode *d, unsigned index, uint64_t value)
{
	switch (d->call->args[index].type) {
	case SLUICE_ARG_PATH:
		sc_decode_string(d, value, SC_DECODE_PATH);
		break;
	case SLUICE_ARG_STRING:
		sc_decode_string(d, value, SC_DECODE_STRING);
		break;
	case SLUICE_ARG_STRINGS:
		sc_decode_strings(d, value);
		break;
	case SLUICE_ARG_ENVIRONMENT:
		sc_decode_environment(d, value);
		break;
	case SLUICE_ARG_IN:
		memory_in(d, index, value);
		break;
	case SLUICE_ARG_IOVEC:
		sc_decode_iovec(
			d, value, next_size(d, index), strstr(d->call->name, "read"));
		break;
	case SLUICE_ARG_SOCKADDR:
		sc_decode_sockaddr(d, value, next_size(d, index));
		break;
	case SLUICE_ARG_MSGHDR:
		sc_decode_msghdr(d, value);
		break;
	default:
		sc_decode_address(d, value);
		break;
	}
}

static void argument(struct sc_decode *d, unsigned index)
{
	uint64_t value = sc_decode_value(d, index);

	switch (d->call->args[index].type) {
	case SLUICE_ARG_NUMBER:
	case SLUICE_ARG_FD:
	case SLUICE_ARG_PID:
	case SLUICE_ARG_UID:
	case SLUICE_ARG_GID:
		number(d, index, value);
		break;
	case SLUICE_ARG_DIRFD:
		if ((int32_t)value == -100)
			sc_text_add(d->text, "AT_FDCWD");
		else
			sc_text_printf(d->text, "%" PRId32, (int32_t)value);
		break;
	case SLUICE_ARG_OFFSET:
		sc_text_printf(d->text, "%" PRId64, (int64_t)value);
		break;
	case SLUICE_ARG_SIZE:
		sc_text_printf(d->text, "%" PRIu64, value);
		break;
	case SLUICE_ARG_FLAGS:
	case SLUICE_ARG_VALUE:
		constants(d, index, value);
		break;
	case SLUICE_ARG_MODE:
		mode(d, value);
		break;
	case SLUICE_ARG_DEVICE:
		device(d, value);
		break;
	case SLUICE_ARG_SIGNAL:
		sc_decode_signal(d, value);
		break;
	default:
		pointed(d, index, value);
		break;
	}
}

/* The mode of open is an argument only where a file may be made (open(2)). */
static unsigned shown(const struct sc_decode *d)
{
	unsigned last = d->call->n_args - 1;
	uint64_t create, temporary;

	if (d->call->n_args < 3 || d->call->args[last].type != SLUICE_ARG_MODE ||
		!d->call->args[last - 1].set ||
		strcmp(d->call->args[last - 1].set, "open") != 0)
		return d->call->n_args;
	if (sluice_constant_value(d->arch->token, "open", "O_CREAT", &create) ||
		sluice_constant_value(d->arch->token, "open", "O_TMPFILE", &temporary))
		return d->call->n_args;
	if ((d->args[last - 1] & create) || (d->args[last - 1] & temporary) == temporary)
		return d->call->n_args;
	return last;
}

/* A call that nobody knows: its number, and all registers. */
static void unknown(struct sc_decode *d, int nr)
{
	if (d->call->name)
		sc_text_printf(d->text, "%s(", d->call->name);
	else
		sc_text_printf(d->text, "syscall_%#x(", (unsigned)nr);
	for (unsigned i = 0; i < 6; i++)
		sc_text_printf(d->text, i ? ", %#" PRIx64 : "%#" PRIx64, d->args[i]);
	sc_text_char(d->text, ')');
}

static void known(struct sc_decode *d)
{
	unsigned count = shown(d);
	const char *between = "";

	sc_text_printf(d->text, "%s(", d->call->name);
	for (unsigned i = 0; i < count; i++) {
		enum sluice_arg_part part = d->call->args[i].part;

		if (part == SLUICE_PART_PAD)
			continue;
		sc_text_add(d->text, between);
		argument(d, i);
		between = ", ";
		if (part == SLUICE_PART_LOW || part == SLUICE_PART_HIGH)
			i++; /* the other half */
	}
	sc_text_char(d->text, ')');
}

SC_MEANING_PUBLIC ssize_t sluice_decode_call(uint32_t arch, int nr,
	const uint64_t args[6], sluice_memory memory, void *data, char *buffer,
	size_t size)
{
	struct sluice_call_info call = {.size = sizeof(call)};
	struct sc_text text = {.buffer = buffer, .size = size};
	struct sc_decode d = {.arch = sc_meaning_arch(arch),
		.call = &call,
		.args = args,
		.memory = memory,
		.data = data,
		.text = &text};
	int rc;

	if (!d.arch)
		return -EINVAL;
	rc = sluice_call_info_nr(arch, nr, &call);
	if (rc || !call.has_prototype)
		unknown(&d, nr);
	else
		known(&d);
	return (ssize_t)sc_text_end(&text);
}

SC_MEANING_PUBLIC ssize_t sluice_decode_arg(const struct sluice_call_info *call,
	const uint64_t args[6], unsigned index, sluice_memory memory, void *data,
	char *buffer, size_t size)
{
	struct sc_text text = {.buffer = buffer, .size = size};
	struct sc_decode d = {.arch = sc_meaning_arch(call->arch),
		.call = call,
		.args = args,
		.memory = memory,
		.data = data,
		.text = &text};

	if (!d.arch || call->size < sizeof(*call) || call->n_args > 6 ||
		index >= call->n_args)
		return -EINVAL;
	argument(&d, index);
	return (ssize_t)sc_text_end(&text);
}
