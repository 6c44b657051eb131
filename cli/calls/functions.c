/* The starts and ends of functions, from whatever a file says about them.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "calls/frames.h"
#include "calls/functions.h"
#include "util/vec.h"

static int add(const struct calls_elf *elf, struct calls_functions *f, uint64_t start, uint64_t end)
{
	const struct calls_segment *s = calls_elf_segment(elf, start);
	int rc;

	if (!s || !calls_elf_executable(elf, start) || start - s->address >= s->file_size)
		return 0;
	if (end > s->address + s->file_size || end < start)
		end = start; /* told by the next one */
	rc = sc_reserve(f->items, f->cap, f->n, 1);
	if (!rc)
		f->items[f->n++] = (struct calls_function){start, end};
	return rc;
}

static int add_symbols(const struct calls_elf *elf, struct calls_functions *f,
	const Elf64_Sym *symbols, uint32_t n)
{
	int rc = 0;

	for (uint32_t i = 0; i < n && !rc; i++) {
		unsigned int type = ELF64_ST_TYPE(symbols[i].st_info);

		if (symbols[i].st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_GNU_IFUNC))
			rc = add(elf, f, symbols[i].st_value,
				symbols[i].st_value + symbols[i].st_size);
	}
	return rc;
}

static uint64_t get(const uint8_t *p, unsigned int size)
{
	uint64_t v = 0;

	memcpy(&v, p, size);
	return v;
}

/* Go's table survives stripping. Its header: magic, two zeros, the size of an instruction and of a
 * pointer, then words: number of functions, of files, the text's address, five offsets, the last of
 * them that of the table of functions: pairs of 32-bit offsets. Source: the Go project's
 * description of the run-time symbol table, debug/gosym. */
static int add_go(const struct calls_elf *elf, struct calls_functions *f)
{
	const uint8_t *table, *pair;
	uint64_t n, text, offset;
	Elf64_Shdr section;
	int rc = 0;

	if (!calls_elf_section(elf, ".gopclntab", &section) || section.sh_size < 72)
		return 0;
	table = elf->data + section.sh_offset;
	if ((get(table, 4) != 0xfffffff1 && get(table, 4) != 0xfffffff0) || table[7] != 8)
		return 0;
	n = get(table + 8, 8);
	text = get(table + 24, 8);
	offset = get(table + 64, 8);
	/* Since Go 1.26 the linker leaves the address out. */
	if (!text && calls_elf_section(elf, ".text", &section))
		text = section.sh_addr;
	if (offset > section.sh_size || n > (section.sh_size - offset) / 8)
		return 0;
	pair = table + offset;
	for (uint64_t i = 0; i < n && !rc; i++)
		rc = add(elf, f, text + get(pair + 8 * i, 4),
			i + 1 < n ? text + get(pair + 8 * (i + 1), 4) : 0);
	return rc;
}

static int by_start(const void *a, const void *b)
{
	const struct calls_function *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->end < y->end) - (x->end > y->end); /* the longest first */
}

/* No start twice; a function ends where the next one begins, at the latest. What runs on, or jumps,
 * into the next one is seen as a call of it. */
static void settle(const struct calls_elf *elf, struct calls_functions *f)
{
	uint32_t n = 0;

	if (f->n)
		qsort(f->items, f->n, sizeof(*f->items), by_start);
	for (uint32_t i = 0; i < f->n; i++)
		if (!n || f->items[n - 1].start != f->items[i].start)
			f->items[n++] = f->items[i];
	f->n = n;
	for (uint32_t i = 0; i < n; i++) {
		const struct calls_segment *s = calls_elf_segment(elf, f->items[i].start);

		if (f->items[i].end <= f->items[i].start)
			f->items[i].end = s->address + s->file_size;
		if (i + 1 < n && f->items[i + 1].start < f->items[i].end)
			f->items[i].end = f->items[i + 1].start;
	}
}

int calls_functions_find(const struct calls_elf *elf, struct calls_functions *out)
{
	struct calls_functions f = {0};
	int rc = add_symbols(elf, &f, elf->symbols, elf->n_symbols);

	if (!rc)
		rc = add_symbols(elf, &f, elf->static_symbols, elf->n_static_symbols);
	if (!rc)
		rc = add_go(elf, &f);
	if (!rc)
		rc = calls_frames(elf, add, &f);
	if (!rc && elf->entry)
		rc = add(elf, &f, elf->entry, 0);
	if (!rc && elf->init)
		rc = add(elf, &f, elf->init, 0);
	if (!rc && elf->fini)
		rc = add(elf, &f, elf->fini, 0);
	if (rc) {
		free(f.items);
		return rc;
	}
	settle(elf, &f);
	*out = f;
	return 0;
}

int calls_functions_split(const struct calls_elf *elf, struct calls_functions *f,
	const uint64_t *starts, uint32_t n)
{
	int rc = sc_reserve(f->items, f->cap, f->n, n);

	if (rc)
		return rc;
	for (uint32_t i = 0; i < n; i++)
		rc = rc ? rc : add(elf, f, starts[i], 0);
	if (!rc)
		settle(elf, f);
	return rc;
}

int64_t calls_functions_around(const struct calls_functions *f, uint64_t address)
{
	uint32_t low = 0, high = f->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (f->items[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return (int64_t)low - 1;
}

int64_t calls_functions_at(const struct calls_functions *f, uint64_t address)
{
	int64_t i = calls_functions_around(f, address);

	return i >= 0 && f->items[i].start == address ? i : -1;
}
