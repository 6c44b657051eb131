/* Loading a program as the loader would, and the names of what is in it.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "calls/program.h"
#include "cli.h"
#include "input.h"
#include "util/cleanup.h"
#include "util/vec.h"

static void object_free(struct calls_object *o)
{
	if (!o)
		return;
	calls_elf_close(&o->elf);
	calls_summary_clear(&o->summary);
	free(o->path);
	free(o);
}

static void object_freep(struct calls_object **o)
{
	object_free(*o);
}

/* Returns @rc. */
__attribute__((format(printf, 4, 5))) static int trouble(
	struct calls_program *p, const char *path, int rc, const char *format, ...)
{
	va_list args;

	free(p->file);
	p->file = strdup(path);
	va_start(args, format);
	vsnprintf(p->message, sizeof(p->message), format, args);
	va_end(args);
	return rc;
}

/* @why: what is in the file; NULL: @rc says it. */
static int not_read(struct calls_program *p, const char *path, int rc, const char *why)
{
	char reason[CLI_REASON_MAX];

	if (why)
		return trouble(p, path, rc, "%s", why);
	cli_input_reason(-rc, CALLS_EXPECTED, reason);
	return trouble(p, path, rc, "%s", reason);
}

static bool loaded(const struct calls_program *p, const struct calls_elf *by, const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;

	for (uint32_t i = 0; i < p->n_objects; i++)
		if (p->objects[i]->elf.machine == by->machine && p->objects[i]->elf.soname &&
			strcmp(p->objects[i]->elf.soname, base) == 0)
			return true;
	return false;
}

static bool known(const struct calls_program *p, const struct stat *st)
{
	for (uint32_t i = 0; i < p->n_objects; i++)
		if (p->objects[i]->inode == st->st_ino && p->objects[i]->device == st->st_dev)
			return true;
	return false;
}

static int open_object(struct calls_program *p, const char *path)
{
	_cleanup_(object_freep) struct calls_object *o = calloc(1, sizeof(*o));
	const char *why = NULL;
	struct stat st;
	int rc;

	if (stat(path, &st) < 0)
		return not_read(p, path, -errno, NULL);
	if (!S_ISREG(st.st_mode))
		return trouble(p, path, -ENOEXEC, "found %s, expected " CALLS_EXPECTED,
			cli_file_kind(st.st_mode));
	if (known(p, &st))
		return 0;
	if (!o || !(o->path = strdup(path)) ||
		sc_reserve(p->objects, p->cap_objects, p->n_objects, 1))
		return not_read(p, path, -ENOMEM, NULL);
	o->device = st.st_dev;
	o->inode = st.st_ino;
	rc = calls_elf_open(o->path, &o->elf, &why);
	if (rc)
		return not_read(p, path, rc, why);
	if (p->n_objects && o->elf.machine != p->objects[0]->elf.machine)
		return trouble(p, path, -ENOEXEC,
			"found code of another architecture than in %s, expected the same",
			p->objects[0]->path);
	p->objects[p->n_objects++] = steal_ptr(o);
	return 0;
}

static int add_needed(struct calls_program *p, const struct calls_object *o, const char *name)
{
	_cleanup_free_ char *path = NULL;

	if (loaded(p, &o->elf, name))
		return 0;
	path = calls_library_find(&o->elf, p->options.root, name);
	if (!path)
		return trouble(p, o->path, -ENOENT,
			"found no %s, which it needs: install it%s", name,
			*p->options.root ? " below --root"
					 : ", or name the folder of its system with --root=DIR");
	return open_object(p, path);
}

int calls_program_add(struct calls_program *p, const char *path)
{
	uint32_t first = p->n_objects;
	int rc;

	if (!p->options.root)
		p->options.root = "";
	rc = open_object(p, path);
	/* Breadth first, as the loader. */
	for (uint32_t i = first; !rc && i < p->n_objects; i++) {
		const struct calls_object *o = p->objects[i];

		if (o->elf.interpreter) {
			uint32_t before = p->n_objects;

			rc = add_needed(p, o, o->elf.interpreter);
			if (!rc && p->n_objects > before)
				p->objects[before]->loader = true;
		}
		for (uint32_t k = 0; !rc && k < o->elf.n_needed; k++)
			rc = add_needed(p, o, o->elf.needed[k]);
	}
	for (uint32_t i = first; !rc && i < p->n_objects; i++) {
		rc = calls_summary_get(&p->objects[i]->elf, p->options.cache, p->options.progress,
			p->options.progress_data, &p->objects[i]->summary);
		if (rc == -ENOSYS)
			return trouble(p, path, rc,
				"libcapstone cannot be loaded, or lacks this architecture");
		if (rc)
			return not_read(p, path, rc, NULL);
	}
	return rc;
}

void calls_program_clear(struct calls_program *p)
{
	for (uint32_t i = 0; i < p->n_objects; i++)
		object_free(p->objects[i]);
	free(p->objects);
	free(p->nodes);
	free(p->definitions);
	free(p->unresolved);
	free(p->file);
	*p = (struct calls_program){0};
}

struct calls_object *calls_program_object(const struct calls_program *p, uint32_t node,
	uint32_t *function)
{
	uint32_t i = p->n_objects - 1;

	while (p->objects[i]->first_node > node)
		i--;
	*function = node - p->objects[i]->first_node;
	return p->objects[i];
}

static const char *symbol_at(const Elf64_Sym *symbols, uint32_t n, const char *strings, size_t size,
	uint64_t address)
{
	for (uint32_t i = 0; i < n; i++)
		if (symbols[i].st_value == address && symbols[i].st_shndx != SHN_UNDEF &&
			(ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC ||
				ELF64_ST_TYPE(symbols[i].st_info) == STT_GNU_IFUNC))
			return calls_elf_string(strings, size, symbols[i].st_name);
	return NULL;
}

void calls_program_name(const struct calls_program *p, uint32_t node, char *buf, size_t size)
{
	uint32_t function;
	const struct calls_object *o = calls_program_object(p, node, &function);
	uint64_t address = o->summary.functions.items[function].start;
	const char *base = strrchr(o->path, '/'), *name;

	name = symbol_at(o->elf.static_symbols, o->elf.n_static_symbols, o->elf.static_strings,
		o->elf.static_strings_size, address);
	if (!name)
		name = symbol_at(o->elf.symbols, o->elf.n_symbols, o->elf.strings,
			o->elf.strings_size, address);
	base = base ? base + 1 : o->path;
	if (!name && address == o->elf.entry)
		name = "_start";
	if (name && *name)
		snprintf(buf, size, "%s (%s)", name, base);
	else
		snprintf(buf, size, "%#llx (%s)", (unsigned long long)address, base);
	cli_printable_line(buf);
}
