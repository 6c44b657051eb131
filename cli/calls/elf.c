/* Mapping an ELF file and looking things up in it.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "calls/elf.h"
#include "util/cleanup.h"
#include "util/vec.h"

static bool inside(const struct calls_elf *elf, uint64_t offset, uint64_t length)
{
	return offset <= elf->size && length <= elf->size - offset;
}

const struct calls_segment *calls_elf_segment(const struct calls_elf *elf, uint64_t address)
{
	for (uint32_t i = 0; i < elf->n_segments; i++) {
		const struct calls_segment *s = &elf->segments[i];

		if (address >= s->address && address - s->address < s->memory_size)
			return s;
	}
	return NULL;
}

const uint8_t *calls_elf_at(const struct calls_elf *elf, uint64_t address, uint64_t length)
{
	const struct calls_segment *s = calls_elf_segment(elf, address);
	uint64_t off;

	if (!s)
		return NULL;
	off = address - s->address;
	if (off > s->file_size || length > s->file_size - off)
		return NULL;
	return elf->data + s->offset + off;
}

bool calls_elf_executable(const struct calls_elf *elf, uint64_t address)
{
	const struct calls_segment *s = calls_elf_segment(elf, address);

	if (!s || !s->executable || !elf->n_code)
		return s && s->executable;
	for (uint32_t i = 0; i < elf->n_code; i++)
		if (address >= elf->code[i].address &&
			address - elf->code[i].address < elf->code[i].memory_size)
			return true;
	return false;
}

const char *calls_elf_string(const char *strings, size_t size, uint64_t offset)
{
	if (!strings || offset >= size || !memchr(strings + offset, 0, size - offset))
		return "";
	return strings + offset;
}

bool calls_elf_section(const struct calls_elf *elf, const char *name, Elf64_Shdr *out)
{
	const Elf64_Ehdr *header = (const void *)elf->data;
	Elf64_Shdr names, section;
	const char *strings;

	if (header->e_shentsize != sizeof(section) || header->e_shstrndx >= header->e_shnum ||
		!inside(elf, header->e_shoff, (uint64_t)header->e_shnum * sizeof(section)))
		return false;
	memcpy(&names, elf->data + header->e_shoff + header->e_shstrndx * sizeof(names),
		sizeof(names));
	if (!inside(elf, names.sh_offset, names.sh_size))
		return false;
	strings = (const char *)elf->data + names.sh_offset;
	for (unsigned int i = 0; i < header->e_shnum; i++) {
		memcpy(&section, elf->data + header->e_shoff + i * sizeof(section), sizeof(section));
		if (section.sh_type == SHT_NOBITS ||
			!inside(elf, section.sh_offset, section.sh_size) ||
			strcmp(calls_elf_string(strings, names.sh_size, section.sh_name), name) != 0)
			continue;
		*out = section;
		return true;
	}
	return false;
}

const struct calls_reloc *calls_elf_reloc(const struct calls_elf *elf, uint64_t address)
{
	uint32_t low = 0, high = elf->n_relocs;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (elf->relocs[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < elf->n_relocs && elf->relocs[low].address == address)
		return &elf->relocs[low];
	return NULL;
}

static void read_note(struct calls_elf *elf, const Elf64_Phdr *p)
{
	uint64_t at = p->p_offset, end;

	if (!inside(elf, p->p_offset, p->p_filesz))
		return;
	end = p->p_offset + p->p_filesz;
	while (end - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		uint64_t name, desc, next;

		memcpy(&note, elf->data + at, sizeof(note));
		name = at + sizeof(note);
		desc = name + ((uint64_t)note.n_namesz + 3) / 4 * 4;
		next = desc + ((uint64_t)note.n_descsz + 3) / 4 * 4;
		if (desc + note.n_descsz > end)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
			memcmp(elf->data + name, "GNU", 4) == 0 && note.n_descsz <= 32) {
			for (uint32_t i = 0; i < note.n_descsz; i++)
				snprintf(elf->build_id + 2 * (size_t)i, 3, "%02x",
					elf->data[desc + i]);
			return;
		}
		if (next > end)
			return;
		at = next;
	}
}

/* False: the header lies. */
static bool read_segment(struct calls_elf *elf, const Elf64_Phdr *p)
{
	const char *interpreter;

	switch (p->p_type) {
	case PT_LOAD:
		if (!inside(elf, p->p_offset, p->p_filesz) || p->p_filesz > p->p_memsz ||
			p->p_memsz > UINT64_MAX - p->p_vaddr)
			return false;
		elf->segments[elf->n_segments++] = (struct calls_segment){.address = p->p_vaddr,
			.memory_size = p->p_memsz,
			.offset = p->p_offset,
			.file_size = p->p_filesz,
			.executable = p->p_flags & PF_X};
		return true;
	case PT_DYNAMIC:
		elf->dynamic = p->p_vaddr;
		elf->dynamic_size = p->p_filesz;
		return true;
	case PT_GNU_EH_FRAME:
		elf->frame_header = p->p_vaddr;
		return true;
	case PT_NOTE:
		read_note(elf, p);
		return true;
	case PT_INTERP:
		if (!inside(elf, p->p_offset, p->p_filesz))
			return false;
		interpreter = (const char *)elf->data + p->p_offset;
		elf->interpreter = calls_elf_string(interpreter, p->p_filesz, 0);
		return true;
	default:
		return true;
	}
}

/* What is there instead of a program; NULL: nothing is wrong. */
static const char *not_for_us(const struct calls_elf *elf)
{
	const Elf64_Ehdr *header = (const void *)elf->data;

	if (elf->size > 2 && memcmp(elf->data, "#!", 2) == 0)
		return "found a script, expected " CALLS_EXPECTED
		       ": name the interpreter in its first line";
	if (elf->size < SELFMAG || memcmp(elf->data, ELFMAG, SELFMAG) != 0)
		return "found no ELF file, expected " CALLS_EXPECTED;
	if (elf->size < sizeof(*header))
		return "found an ELF file that ends in its header: it is cut short";
	if (header->e_ident[EI_CLASS] != ELFCLASS64)
		return "found a 32-bit program, expected " CALLS_EXPECTED;
	if (header->e_ident[EI_DATA] != ELFDATA2LSB ||
		(header->e_machine != EM_X86_64 && header->e_machine != EM_AARCH64))
		return "found a program of another machine, expected " CALLS_EXPECTED;
	if (header->e_type == ET_REL)
		return "found an object file that is not linked, expected " CALLS_EXPECTED;
	if (header->e_type == ET_CORE)
		return "found a core dump, expected " CALLS_EXPECTED;
	if ((header->e_type != ET_EXEC && header->e_type != ET_DYN) ||
		header->e_phentsize != sizeof(Elf64_Phdr) ||
		!inside(elf, header->e_phoff, (uint64_t)header->e_phnum * sizeof(Elf64_Phdr)))
		return "found program headers outside of the file: it is cut short, or damaged";
	return NULL;
}

static int read_headers(struct calls_elf *elf, const char **why)
{
	const Elf64_Ehdr *header = (const void *)elf->data;
	Elf64_Phdr p;

	*why = not_for_us(elf);
	if (*why)
		return -ENOEXEC;
	elf->machine = header->e_machine;
	elf->fixed = header->e_type == ET_EXEC;
	elf->entry = header->e_entry;
	elf->segments = calloc(header->e_phnum ? header->e_phnum : 1, sizeof(*elf->segments));
	if (!elf->segments)
		return -ENOMEM;
	for (unsigned int i = 0; i < header->e_phnum; i++) {
		memcpy(&p, elf->data + header->e_phoff + i * sizeof(p), sizeof(p));
		if (!read_segment(elf, &p)) {
			*why = "found a segment outside of the file: it is cut short, or damaged";
			return -ENOEXEC;
		}
	}
	return 0;
}

static int read_code(struct calls_elf *elf)
{
	const Elf64_Ehdr *header = (const void *)elf->data;
	Elf64_Shdr section;

	if (header->e_shentsize != sizeof(section) ||
		!inside(elf, header->e_shoff, (uint64_t)header->e_shnum * sizeof(section)))
		return 0;
	elf->code = calloc(header->e_shnum + 1u, sizeof(*elf->code));
	if (!elf->code)
		return -ENOMEM;
	for (unsigned int i = 0; i < header->e_shnum; i++) {
		memcpy(&section, elf->data + header->e_shoff + i * sizeof(section), sizeof(section));
		if (section.sh_type == SHT_PROGBITS && section.sh_flags & SHF_EXECINSTR)
			elf->code[elf->n_code++] = (struct calls_segment){
				.address = section.sh_addr, .memory_size = section.sh_size};
	}
	return 0;
}

static void read_static_symbols(struct calls_elf *elf)
{
	Elf64_Shdr table, strings;

	if (!calls_elf_section(elf, ".symtab", &table) ||
		!calls_elf_section(elf, ".strtab", &strings) ||
		table.sh_offset % _Alignof(Elf64_Sym) || table.sh_size / sizeof(Elf64_Sym) > UINT32_MAX)
		return;
	elf->static_symbols = (const void *)(elf->data + table.sh_offset);
	elf->n_static_symbols = (uint32_t)(table.sh_size / sizeof(Elf64_Sym));
	elf->static_strings = (const char *)elf->data + strings.sh_offset;
	elf->static_strings_size = strings.sh_size;
}

/* A copy: a file that is mapped may change under the checks, or shrink, which is SIGBUS. @size is what
 * it had; it may have less by now. */
static int copy_file(int fd, size_t size, struct calls_elf *elf)
{
	char *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t n = 1;

	if (copy == MAP_FAILED)
		return -errno;
	elf->data = (const void *)copy;
	elf->size = size;
	for (size_t at = 0; at < size && n; at += (size_t)n) {
		n = read(fd, copy + at, size - at);
		if (n < 0)
			return -errno;
	}
	return 0;
}

int calls_elf_open(const char *path, struct calls_elf *out, const char **why)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_(calls_elf_close) struct calls_elf elf = {.path = path};
	struct stat st;
	int rc;

	*why = NULL;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size == 0) {
		*why = "found an empty file, expected " CALLS_EXPECTED;
		return -ENOEXEC;
	}
	if (st.st_size > CALLS_FILE_MAX) {
		*why = "found a file of more than 1 GiB, expected " CALLS_EXPECTED;
		return -ENOEXEC;
	}
	rc = copy_file(fd, (size_t)st.st_size, &elf);
	if (!rc)
		rc = read_headers(&elf, why);
	if (!rc)
		rc = read_code(&elf);
	if (!rc)
		rc = calls_elf_dynamic(&elf, why);
	if (rc)
		return rc;
	read_static_symbols(&elf);
	*out = elf;
	elf = (struct calls_elf){0};
	return 0;
}

void calls_elf_close(struct calls_elf *elf)
{
	if (elf->data)
		munmap((void *)(uintptr_t)elf->data, elf->size);
	free(elf->segments);
	free(elf->code);
	free(elf->needed);
	free(elf->relocs);
	*elf = (struct calls_elf){0};
}
