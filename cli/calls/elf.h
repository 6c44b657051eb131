/* An ELF file, mapped and checked: every offset in it may lie.
 *
 * 64-bit little-endian files of x86_64 and aarch64. Addresses are those of the file, before it is
 * loaded anywhere. Sources: elf(5), the gABI, the LSB's text on .eh_frame.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_CALLS_ELF_H
#define CLI_CALLS_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALLS_EXPECTED "a program or a shared library (ELF) of x86_64 or aarch64"
#define CALLS_FILE_MAX (INT64_C(1) << 30)

struct calls_segment {
	uint64_t address, memory_size; /* memory_size may exceed what the file holds */
	uint64_t offset, file_size;
	bool executable;
};

/* A word that the loader fills in. */
struct calls_reloc {
	uint64_t address;
	uint32_t symbol; /* index into symbols, or 0: @target is an address in this file */
	bool resolver;	 /* the loader calls @target and stores what it returns */
	bool slot;	 /* for calls and addresses in code: no use without the code */
	uint64_t target;
};

struct calls_elf {
	const char *path;
	const uint8_t *data;
	size_t size;
	uint16_t machine;	    /* EM_X86_64 or EM_AARCH64 */
	bool fixed;		    /* ET_EXEC: pointers in data need no relocation */
	uint64_t entry;		    /* 0: none */
	struct calls_segment *segments;
	uint32_t n_segments;
	/* Where code lies: older linkers put constants in the same segment. None without a table of
	 * sections; then whole segments count. */
	struct calls_segment *code;
	uint32_t n_code;
	uint64_t dynamic, dynamic_size; /* 0: a static program */
	uint64_t frame_header;		/* .eh_frame_hdr, or 0 */
	const char *interpreter;	/* of PT_INTERP, or NULL */
	char build_id[65];		/* lower-case hexadecimal; "" if there is none */

	const char *soname, *run_path, *old_run_path; /* or NULL */
	const char **needed;
	uint32_t n_needed;
	const Elf64_Sym *symbols; /* of the dynamic table */
	uint32_t n_symbols;
	const char *strings;
	size_t strings_size;
	uint64_t init, fini;
	struct calls_reloc *relocs; /* ascending by address */
	uint32_t n_relocs;
	const Elf64_Sym *static_symbols; /* of .symtab, or NULL */
	uint32_t n_static_symbols;
	const char *static_strings;
	size_t static_strings_size;
};

/* Copy @path. 0; -ENOEXEC with *@why if it is no ELF file of this kind; -ENOMEM; else -errno of
 * open(2), mmap(2) and read(2). On success the caller frees with calls_elf_close(). */
int calls_elf_open(const char *path, struct calls_elf *elf, const char **why);
void calls_elf_close(struct calls_elf *elf);

/* elf_dynamic.c: what the dynamic section says. 0, -ENOMEM, or -ENOEXEC with *@why. */
int calls_elf_dynamic(struct calls_elf *elf, const char **why);

/* The bytes at @address, of which @length lie in the file; NULL: they do not. */
const uint8_t *calls_elf_at(const struct calls_elf *elf, uint64_t address, uint64_t length);
/* The segment around @address, or NULL. */
const struct calls_segment *calls_elf_segment(const struct calls_elf *elf, uint64_t address);
bool calls_elf_executable(const struct calls_elf *elf, uint64_t address);
/* The section of this name; its bytes are in the file. False: none. */
bool calls_elf_section(const struct calls_elf *elf, const char *name, Elf64_Shdr *out);
/* The string at @offset of @strings, or "". */
const char *calls_elf_string(const char *strings, size_t size, uint64_t offset);
/* The relocation of the word at @address, or NULL. */
const struct calls_reloc *calls_elf_reloc(const struct calls_elf *elf, uint64_t address);

#endif
