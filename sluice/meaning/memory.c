/* What a target's memory says, as text. Nothing in it is believed: each read has a bound,
 * and what cannot be read is shown as its address. SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "meaning/decode.h"

enum {
	PAGE = 4096
};

/* Copies up to @size bytes; returns how many. A reader that says more than it was asked
 * for has written nothing that counts. */
static size_t copy_some(struct sc_decode *d, uint64_t addr, void *buffer, size_t size)
{
	ssize_t n;

	if (!d->memory || !addr || size == 0 || addr + size < addr)
		return 0;
	n = d->memory(addr, buffer, size, d->data);
	return n < 0 || (size_t)n > size ? 0 : (size_t)n;
}

bool sc_decode_copy(struct sc_decode *d, uint64_t addr, void *buffer, size_t size)
{
	return size > 0 && copy_some(d, addr, buffer, size) == size;
}

uint64_t sc_decode_number(
	const struct sc_decode *d, const unsigned char *bytes, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[d->arch->big_endian ? i : size - 1 - i];
	return value;
}

/* x32 and n32 have registers of 64 bits and pointers of 32. */
size_t sc_decode_word(const struct sc_decode *d)
{
	return d->arch->bits / 8;
}

/* Page by page, so that a string at the end of memory is read whole. */
void sc_decode_string(struct sc_decode *d, uint64_t addr, size_t shown)
{
	unsigned char bytes[SC_DECODE_PATH + 1];
	size_t length = 0, limit = shown + 1;
	const unsigned char *end = NULL;

	while (!end && length < limit) {
		size_t part = PAGE - (size_t)((addr + length) % PAGE), got;

		if (part > limit - length)
			part = limit - length;
		got = copy_some(d, addr + length, bytes + length, part);
		end = memchr(bytes + length, 0, got);
		length += got;
		if (got < part)
			break;
	}
	if (!end && length < limit) {
		sc_decode_address(d, addr);
		return;
	}
	sc_text_quote(d->text, bytes, end ? (size_t)(end - bytes) : shown);
	if (!end)
		sc_text_add(d->text, "...");
}

void sc_decode_buffer(struct sc_decode *d, uint64_t addr, uint64_t length)
{
	unsigned char bytes[SC_DECODE_STRING];
	size_t part = length < sizeof(bytes) ? (size_t)length : sizeof(bytes);

	if (addr && length == 0) {
		sc_text_add(d->text, "\"\"");
	} else if (!sc_decode_copy(d, addr, bytes, part)) {
		sc_decode_address(d, addr);
	} else {
		sc_text_quote(d->text, bytes, part);
		if (length > part)
			sc_text_add(d->text, "...");
	}
}

void sc_decode_strings(struct sc_decode *d, uint64_t addr)
{
	size_t word = sc_decode_word(d);
	unsigned char bytes[8];

	if (!sc_decode_copy(d, addr, bytes, word)) {
		sc_decode_address(d, addr);
		return;
	}
	sc_text_char(d->text, '[');
	for (unsigned i = 0; sc_decode_number(d, bytes, word); i++) {
		if (i)
			sc_text_add(d->text, ", ");
		if (i == SC_DECODE_ARRAY) {
			sc_text_add(d->text, "...");
			break;
		}
		sc_decode_string(d, sc_decode_number(d, bytes, word), SC_DECODE_STRING);
		if (!sc_decode_copy(d, addr + (i + 1) * word, bytes, word)) {
			sc_text_add(d->text, ", ");
			sc_decode_address(d, addr + (i + 1) * word);
			break;
		}
	}
	sc_text_char(d->text, ']');
}

/* How many, as strace(1) has it: what they hold may be secret. */
void sc_decode_environment(struct sc_decode *d, uint64_t addr)
{
	size_t word = sc_decode_word(d), got = 0, n = 0;
	unsigned char bytes[512];
	bool ended = false;

	sc_decode_address(d, addr);
	while (!ended && n < SC_DECODE_VARIABLES) {
		/* Up to the end of a page, so that one at the end of memory is read whole. */
		uint64_t at = addr + n * word;
		size_t part = PAGE - at % PAGE < sizeof(bytes) ? PAGE - at % PAGE : sizeof(bytes);

		got = copy_some(d, at, bytes, part < word ? word : part) / word;
		for (size_t i = 0; i < got && !ended; i++) {
			ended = !sc_decode_number(d, bytes + i * word, word);
			n += !ended;
		}
		if (got == 0)
			break;
	}
	if (ended || n == SC_DECODE_VARIABLES)
		sc_text_printf(d->text, " /* %zu%s vars */", n, ended ? "" : " or more");
}

/* @written: the kernel fills what they point at, so it says nothing yet. */
void sc_decode_iovec(struct sc_decode *d, uint64_t addr, uint64_t count, bool written)
{
	size_t word = sc_decode_word(d);
	unsigned char bytes[16];

	if (count > 0 && !sc_decode_copy(d, addr, bytes, 2 * word)) {
		sc_decode_address(d, addr);
		return;
	}
	sc_text_char(d->text, '[');
	for (uint64_t i = 0; i < count; i++) {
		uint64_t base, length;

		if (i)
			sc_text_add(d->text, ", ");
		if (i == SC_DECODE_ARRAY) {
			sc_text_add(d->text, "...");
			break;
		}
		if (!sc_decode_copy(d, addr + i * 2 * word, bytes, 2 * word)) {
			sc_decode_address(d, addr + i * 2 * word);
			break;
		}
		base = sc_decode_number(d, bytes, word);
		length = sc_decode_number(d, bytes + word, word);
		sc_text_add(d->text, "{iov_base=");
		if (written)
			sc_decode_address(d, base);
		else
			sc_decode_buffer(d, base, length);
		sc_text_printf(d->text, ", iov_len=%" PRIu64 "}", length);
	}
	sc_text_char(d->text, ']');
}

/* Structures as rows: fields of words ('w'), 4 ('i') or 8 bytes ('q'), signed in decimal;
 * 'x' 8 bytes in hexadecimal, 's' 8 bytes that are flags of @set. */
struct field {
	const char *name;
	char form;
	const char *set;
};

static const struct {
	const char *name;
	struct field fields[5];
} structures[] = {
	{"__kernel_timespec", {{"tv_sec", 'q', NULL}, {"tv_nsec", 'q', NULL}}},
	{"old_timespec32", {{"tv_sec", 'i', NULL}, {"tv_nsec", 'i', NULL}}},
	{"__kernel_old_timeval", {{"tv_sec", 'w', NULL}, {"tv_usec", 'w', NULL}}},
	{"old_timeval32", {{"tv_sec", 'i', NULL}, {"tv_usec", 'i', NULL}}},
	{"rlimit64", {{"rlim_cur", 'q', NULL}, {"rlim_max", 'q', NULL}}},
	{"rlimit", {{"rlim_cur", 'w', NULL}, {"rlim_max", 'w', NULL}}},
	{"open_how", {{"flags", 's', "open"}, {"mode", 'o', NULL},
			     {"resolve", 's', "resolve"}}},
	{"landlock_ruleset_attr", {{"handled_access_fs", 'x', NULL}}},
	{"sched_param", {{"sched_priority", 'i', NULL}}},
	{"clone_args",
		{{"flags", 's', "clone3"}, {"pidfd", 'x', NULL}, {"child_tid", 'x', NULL},
			{"parent_tid", 'x', NULL}, {"exit_signal", 'g', NULL}}},
};

static size_t size_of(const struct sc_decode *d, char form)
{
	return form == 'i' ? 4 : form == 'w' ? sc_decode_word(d) : 8;
}

static void field(struct sc_decode *d, const struct field *f, const unsigned char *bytes)
{
	size_t size = size_of(d, f->form);
	uint64_t value = sc_decode_number(d, bytes, size);

	sc_text_printf(d->text, "%s=", f->name);
	if (f->form == 's')
		sc_meaning_flags(d->text, d->arch, f->set, value);
	else if (f->form == 'x')
		sc_text_printf(d->text, value ? "%#" PRIx64 : "%" PRIu64, value);
	else if (f->form == 'o')
		sc_text_printf(d->text, value ? "0%" PRIo64 : "%" PRIo64, value);
	else if (f->form == 'g')
		sc_decode_signal(d, value);
	else if (size == 4)
		sc_text_printf(d->text, "%" PRId32, (int32_t)value);
	else
		sc_text_printf(d->text, "%" PRId64, (int64_t)value);
}

void sc_decode_structure(struct sc_decode *d, uint64_t addr, const char *name)
{
	for (size_t i = 0; i < sizeof(structures) / sizeof(structures[0]); i++) {
		const struct field *f = structures[i].fields;
		unsigned char bytes[5 * 8];
		size_t size = 0, count = 0;

		if (strcmp(structures[i].name, name) != 0)
			continue;
		for (; count < 5 && f[count].name; count++)
			size += size_of(d, f[count].form);
		if (!sc_decode_copy(d, addr, bytes, size))
			break;
		sc_text_char(d->text, '{');
		size = 0;
		for (size_t k = 0; k < count; k++) {
			if (k)
				sc_text_add(d->text, ", ");
			field(d, &f[k], bytes + size);
			size += size_of(d, f[k].form);
		}
		sc_text_char(d->text, '}');
		return;
	}
	sc_decode_address(d, addr);
}
