/* .eh_frame: a list of records. A CIE says how the FDEs that point back to it write addresses; an
 * FDE begins with the address and the length of a function. Source: LSB Core, "Exception Frames";
 * DWARF's pointer encodings.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "calls/frames.h"

enum { ENC_ABSPTR = 0, ENC_UDATA4 = 3, ENC_UDATA8 = 4, ENC_SDATA4 = 11, ENC_SDATA8 = 12 };
#define ENC_PCREL   0x10
#define ENC_OMITTED 0xff

/* A record's bytes. */
struct cursor {
	const uint8_t *p, *end;
	uint64_t address; /* of p */
};

static uint64_t take(struct cursor *c, unsigned int size)
{
	uint64_t v = 0;

	if ((size_t)(c->end - c->p) < size) {
		c->p = c->end;
		return 0;
	}
	memcpy(&v, c->p, size);
	c->p += size;
	c->address += size;
	return v;
}

static uint64_t take_leb(struct cursor *c)
{
	uint64_t v = 0;
	unsigned int shift = 0;
	uint8_t byte;

	do {
		byte = (uint8_t)take(c, 1);
		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && c->p < c->end);
	return v;
}

static uint64_t take_pointer(struct cursor *c, uint8_t encoding, bool relative)
{
	uint64_t base = relative && (encoding & 0x70) == ENC_PCREL ? c->address : 0;

	switch (encoding & 0x0f) {
	case ENC_SDATA4: return base + (uint64_t)(int64_t)(int32_t)take(c, 4);
	case ENC_UDATA4: return base + take(c, 4);
	case ENC_ABSPTR:
	case ENC_UDATA8:
	case ENC_SDATA8: return base + take(c, 8);
	default: c->p = c->end; return 0;
	}
}

/* The encoding of addresses in the FDEs of a CIE; @c is behind its id. */
static uint8_t cie_encoding(struct cursor c)
{
	const char *augmentation;
	uint8_t version = (uint8_t)take(&c, 1);

	augmentation = (const char *)c.p;
	if (!memchr(c.p, 0, (size_t)(c.end - c.p)))
		return ENC_OMITTED;
	c.address += strlen(augmentation) + 1;
	c.p += strlen(augmentation) + 1;
	if (augmentation[0] != 'z')
		return ENC_ABSPTR;
	take_leb(&c); /* code alignment */
	take_leb(&c); /* data alignment */
	if (version == 1)
		take(&c, 1);
	else
		take_leb(&c); /* the return register */
	take_leb(&c);	      /* size of what follows */
	for (const char *a = augmentation + 1; *a; a++) {
		if (*a == 'R')
			return (uint8_t)take(&c, 1);
		if (*a == 'L') {
			take(&c, 1);
		} else if (*a == 'P') {
			uint8_t encoding = (uint8_t)take(&c, 1);

			take_pointer(&c, encoding, false);
		} else if (*a != 'S' && *a != 'B') {
			return ENC_ABSPTR;
		}
	}
	return ENC_ABSPTR;
}

static int frame(const struct calls_elf *elf, struct cursor c, const uint8_t *first,
	calls_frame_add add, struct calls_functions *functions)
{
	const uint8_t *id_at = c.p;
	uint32_t back = (uint32_t)take(&c, 4), length;
	struct cursor cie = {0};
	uint64_t start, size;
	uint8_t encoding;

	if (back == 0 || back > (size_t)(id_at - first))
		return 0;
	cie.p = id_at - back;
	if (c.end - cie.p < 9)
		return 0;
	memcpy(&length, cie.p, 4);
	cie.p += 4;
	if (length < 5 || length > (size_t)(c.end - cie.p))
		return 0;
	cie.end = cie.p + length;
	cie.p += 4;
	encoding = cie_encoding(cie);
	if (encoding == ENC_OMITTED)
		return 0;
	start = take_pointer(&c, encoding, true);
	size = take_pointer(&c, encoding, false);
	if (c.p == c.end && size == 0)
		return 0;
	return start && size ? add(elf, functions, start, start + size) : 0;
}

static int walk(const struct calls_elf *elf, struct cursor all, calls_frame_add add,
	struct calls_functions *functions)
{
	const uint8_t *first = all.p;
	int rc = 0;

	while (!rc && all.end - all.p >= 4) {
		uint64_t length = take(&all, 4);
		struct cursor record;

		if (length == 0)
			break; /* the end */
		if (length == UINT32_MAX)
			length = take(&all, 8);
		if (length > (size_t)(all.end - all.p))
			break;
		record = (struct cursor){all.p, all.p + length, all.address};
		if (length >= 8)
			rc = frame(elf, record, first, add, functions);
		all.p += length;
		all.address += length;
	}
	return rc;
}

int calls_frames(const struct calls_elf *elf, calls_frame_add add, struct calls_functions *functions)
{
	const struct calls_segment *segment;
	struct cursor c = {0};
	Elf64_Shdr section;
	const uint8_t *p;

	if (calls_elf_section(elf, ".eh_frame", &section)) {
		c.p = elf->data + section.sh_offset;
		c.end = c.p + section.sh_size;
		c.address = section.sh_addr;
		return walk(elf, c, add, functions);
	}
	/* Without a section table: version, three encodings, the pointer to .eh_frame. */
	p = calls_elf_at(elf, elf->frame_header, 12);
	if (!elf->frame_header || !p || p[0] != 1)
		return 0;
	c = (struct cursor){p + 4, p + 12, elf->frame_header + 4};
	c.address = take_pointer(&c, p[1], true);
	segment = calls_elf_segment(elf, c.address);
	c.p = calls_elf_at(elf, c.address, 4);
	if (!segment || !c.p)
		return 0;
	c.end = elf->data + segment->offset + segment->file_size;
	return walk(elf, c, add, functions);
}
