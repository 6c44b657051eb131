/* The dynamic section: names, symbols, and the words that the loader fills in.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "calls/elf.h"
#include "util/cleanup.h"
#include "util/vec.h"

#ifndef DT_RELR /* glibc 2.36, musl 1.2.4 */
#define DT_RELRSZ 35
#define DT_RELR	  36
#endif
#ifndef R_AARCH64_IRELATIVE
#define R_AARCH64_IRELATIVE 1032
#endif

struct tables {
	uint64_t strings, strings_size, symbols, hash, gnu_hash;
	uint64_t rela, rela_size, plt, plt_size, relr, relr_size;
	uint64_t soname, run_path, old_run_path; /* offsets + 1; 0: none */
};

static void note(struct calls_elf *elf, struct tables *t, const Elf64_Dyn *d)
{
	uint64_t v = d->d_un.d_val;

	switch (d->d_tag) {
	case DT_STRTAB: t->strings = v; break;
	case DT_STRSZ: t->strings_size = v; break;
	case DT_SYMTAB: t->symbols = v; break;
	case DT_HASH: t->hash = v; break;
	case DT_GNU_HASH: t->gnu_hash = v; break;
	case DT_RELA: t->rela = v; break;
	case DT_RELASZ: t->rela_size = v; break;
	case DT_JMPREL: t->plt = v; break;
	case DT_PLTRELSZ: t->plt_size = v; break;
	case DT_RELR: t->relr = v; break;
	case DT_RELRSZ: t->relr_size = v; break;
	case DT_SONAME: t->soname = v + 1; break;
	case DT_RUNPATH: t->run_path = v + 1; break;
	case DT_RPATH: t->old_run_path = v + 1; break;
	case DT_INIT: elf->init = v; break;
	case DT_FINI: elf->fini = v; break;
	default: break;
	}
}

static uint32_t word(const struct calls_elf *elf, uint64_t address)
{
	const uint8_t *p = calls_elf_at(elf, address, 4);
	uint32_t v = 0;

	if (p)
		memcpy(&v, p, 4);
	return v;
}

/* How many symbols there are only the hash tables say. */
static uint32_t count_symbols(const struct calls_elf *elf, const struct tables *t)
{
	uint32_t buckets, offset, bloom, last = 0;
	uint64_t chains;

	if (t->hash)
		return word(elf, t->hash + 4);
	if (!t->gnu_hash)
		return 0;
	buckets = word(elf, t->gnu_hash);
	offset = word(elf, t->gnu_hash + 4);
	bloom = word(elf, t->gnu_hash + 8);
	chains = t->gnu_hash + 16 + 8 * (uint64_t)bloom;
	if (!calls_elf_at(elf, chains, 4 * (uint64_t)buckets))
		return 0;
	for (uint32_t i = 0; i < buckets; i++) {
		uint32_t first = word(elf, chains + 4 * (uint64_t)i);

		if (first > last)
			last = first;
	}
	chains += 4 * (uint64_t)buckets;
	if (last < offset)
		return offset;
	while (calls_elf_at(elf, chains + 4 * (uint64_t)(last - offset), 4) &&
		!(word(elf, chains + 4 * (uint64_t)(last - offset)) & 1))
		last++;
	return last + 1;
}

static int add(struct calls_elf *elf, uint32_t *cap, struct calls_reloc reloc)
{
	int rc = sc_reserve(elf->relocs, *cap, elf->n_relocs, 1);

	if (!rc)
		elf->relocs[elf->n_relocs++] = reloc;
	return rc;
}

static int read_rela(struct calls_elf *elf, uint32_t *cap, uint64_t at, uint64_t size)
{
	const uint8_t *p = calls_elf_at(elf, at, size);
	bool x86 = elf->machine == EM_X86_64;
	int rc = 0;

	for (uint64_t i = 0; p && !rc && i + sizeof(Elf64_Rela) <= size; i += sizeof(Elf64_Rela)) {
		struct calls_reloc reloc = {0};
		uint32_t type;
		Elf64_Rela r;

		memcpy(&r, p + i, sizeof(r));
		type = (uint32_t)ELF64_R_TYPE(r.r_info);
		reloc.address = r.r_offset;
		reloc.target = (uint64_t)r.r_addend;
		if (type == (x86 ? R_X86_64_IRELATIVE : R_AARCH64_IRELATIVE))
			reloc.resolver = true;
		else if (type != (x86 ? R_X86_64_RELATIVE : R_AARCH64_RELATIVE))
			reloc.symbol = (uint32_t)ELF64_R_SYM(r.r_info);
		reloc.slot = type == (x86 ? R_X86_64_JUMP_SLOT : R_AARCH64_JUMP_SLOT) ||
			     type == (x86 ? R_X86_64_GLOB_DAT : R_AARCH64_GLOB_DAT);
		if (reloc.symbol >= elf->n_symbols && reloc.symbol)
			continue;
		/* Thread offsets and copies have no function behind them. */
		if (reloc.symbol && elf->n_symbols &&
			ELF64_ST_TYPE(elf->symbols[reloc.symbol].st_info) == STT_TLS)
			continue;
		rc = add(elf, cap, reloc);
	}
	return rc;
}

static int relr_word(struct calls_elf *elf, uint32_t *cap, uint64_t address)
{
	const uint8_t *p = calls_elf_at(elf, address, 8);
	struct calls_reloc reloc = {.address = address};

	if (!p)
		return 0;
	memcpy(&reloc.target, p, 8);
	return add(elf, cap, reloc);
}

/* An even entry is an address; an odd one has a bit for each of the 63 words that follow. */
static int read_relr(struct calls_elf *elf, uint32_t *cap, uint64_t at, uint64_t size)
{
	const uint8_t *p = calls_elf_at(elf, at, size);
	uint64_t where = 0;
	int rc = 0;

	for (uint64_t i = 0; p && !rc && i + 8 <= size; i += 8) {
		uint64_t entry;

		memcpy(&entry, p + i, 8);
		if (!(entry & 1)) {
			rc = relr_word(elf, cap, entry);
			where = entry + 8;
			continue;
		}
		for (unsigned int bit = 0; bit < 63 && !rc; bit++)
			if (entry >> (bit + 1) & 1)
				rc = relr_word(elf, cap, where + 8 * (uint64_t)bit);
		where += 63 * 8;
	}
	return rc;
}

static int by_address(const void *a, const void *b)
{
	const struct calls_reloc *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

static int read_needed(struct calls_elf *elf, const Elf64_Dyn *d, uint64_t n)
{
	uint32_t cap = 0;

	for (uint64_t i = 0; i < n && d[i].d_tag != DT_NULL; i++) {
		if (d[i].d_tag != DT_NEEDED)
			continue;
		if (sc_reserve(elf->needed, cap, elf->n_needed, 1))
			return -ENOMEM;
		elf->needed[elf->n_needed++] =
			calls_elf_string(elf->strings, elf->strings_size, d[i].d_un.d_val);
	}
	return 0;
}

static const char *named(const struct calls_elf *elf, uint64_t offset_1)
{
	return offset_1 ? calls_elf_string(elf->strings, elf->strings_size, offset_1 - 1) : NULL;
}

/* One more than the largest index of a symbol that relocations use. */
static uint32_t used_symbols(const struct calls_elf *elf, uint64_t at, uint64_t size)
{
	const uint8_t *p = calls_elf_at(elf, at, size);
	uint32_t most = 0;

	for (uint64_t i = 0; p && i + sizeof(Elf64_Rela) <= size; i += sizeof(Elf64_Rela)) {
		Elf64_Rela r;

		memcpy(&r, p + i, sizeof(r));
		if (ELF64_R_SYM(r.r_info) >= most)
			most = (uint32_t)ELF64_R_SYM(r.r_info) + 1;
	}
	return most;
}

/* A hash table lists what is defined; a program that only imports has an empty one. */
static void find_symbols(struct calls_elf *elf, const struct tables *t)
{
	uint32_t n = count_symbols(elf, t), used = used_symbols(elf, t->rela, t->rela_size);
	const uint8_t *p;

	if (used > n)
		n = used;
	used = used_symbols(elf, t->plt, t->plt_size);
	if (used > n)
		n = used;
	p = calls_elf_at(elf, t->symbols, (uint64_t)n * sizeof(Elf64_Sym));
	if (!p || (uintptr_t)p % _Alignof(Elf64_Sym))
		return;
	elf->symbols = (const void *)p;
	elf->n_symbols = n;
}

int calls_elf_dynamic(struct calls_elf *elf, const char **why)
{
	const uint8_t *p = calls_elf_at(elf, elf->dynamic, elf->dynamic_size);
	uint64_t n = elf->dynamic_size / sizeof(Elf64_Dyn);
	const Elf64_Dyn *d = (const void *)p;
	struct tables t = {0};
	uint32_t cap = 0;
	int rc;

	if (!elf->dynamic)
		return 0;
	if (!p || (uintptr_t)p % _Alignof(Elf64_Dyn)) {
		*why = "found a dynamic section outside of the file: it is cut short, or damaged";
		return -ENOEXEC;
	}
	for (uint64_t i = 0; i < n && d[i].d_tag != DT_NULL; i++)
		note(elf, &t, &d[i]);
	elf->strings = (const char *)calls_elf_at(elf, t.strings, t.strings_size);
	elf->strings_size = elf->strings ? t.strings_size : 0;
	find_symbols(elf, &t);
	elf->soname = named(elf, t.soname);
	elf->run_path = named(elf, t.run_path);
	elf->old_run_path = named(elf, t.old_run_path);
	rc = read_needed(elf, d, n);
	if (!rc)
		rc = read_rela(elf, &cap, t.rela, t.rela_size);
	if (!rc)
		rc = read_rela(elf, &cap, t.plt, t.plt_size);
	if (!rc)
		rc = read_relr(elf, &cap, t.relr, t.relr_size);
	if (elf->n_relocs)
		qsort(elf->relocs, elf->n_relocs, sizeof(*elf->relocs), by_address);
	return rc;
}
