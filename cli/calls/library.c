/* Where the loader finds a library: ld.so(8), and for musl its own file of paths.
 * SPDX-License-Identifier: MIT */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calls/program.h"
#include "util/cleanup.h"

#define INCLUDES 4 /* depth of "include" in ld.so.conf */

struct search {
	const struct calls_elf *elf;
	const char *root, *name;
	char *found;
};

static bool same_machine(const struct search *s, const char *path)
{
	const char *why;
	struct calls_elf elf;
	bool same;

	if (calls_elf_open(path, &elf, &why))
		return false;
	same = elf.machine == s->elf->machine;
	calls_elf_close(&elf);
	return same;
}

/* @dir: @length bytes of a path in the root, or where $ORIGIN is replaced. */
static void try(struct search *s, const char *root, const char *dir, size_t length)
{
	_cleanup_free_ char *path = NULL;

	if (s->found || !length)
		return;
	if (asprintf(&path, "%s%.*s/%s", root, (int)length, dir, s->name) < 0) {
		path = NULL;
		return;
	}
	if (access(path, R_OK) == 0 && same_machine(s, path))
		s->found = steal_ptr(path);
}

static void try_origin(struct search *s, const char *rest, size_t length)
{
	const char *slash = strrchr(s->elf->path, '/');
	_cleanup_free_ char *dir = NULL;

	if (asprintf(&dir, "%.*s%.*s", slash ? (int)(slash - s->elf->path) : 1,
		    slash ? s->elf->path : ".", (int)length, rest) < 0)
		dir = NULL;
	if (dir)
		try(s, "", dir, strlen(dir));
}

/* Directories between colons. */
static void try_list(struct search *s, const char *list)
{
	static const char *const origins[] = {"$ORIGIN", "${ORIGIN}"};

	while (list && *list) {
		size_t length = strcspn(list, ":\n");
		bool origin = false;

		for (size_t i = 0; i < 2; i++) {
			size_t n = strlen(origins[i]);

			if (length < n || strncmp(list, origins[i], n) != 0)
				continue;
			try_origin(s, list + n, length - n);
			origin = true;
		}
		if (!origin)
			try(s, s->root, list, length);
		list += length;
		list += *list != 0;
	}
}

static void try_conf(struct search *s, const char *pattern, unsigned int depth)
{
	_cleanup_free_ char *path = NULL;
	glob_t files;

	if (depth > INCLUDES || asprintf(&path, "%s%s%s", s->root, *pattern == '/' ? "" : "/etc/",
					pattern) < 0)
		return;
	if (glob(path, 0, NULL, &files) != 0)
		return;
	for (size_t i = 0; i < files.gl_pathc && !s->found; i++) {
		FILE *f = fopen(files.gl_pathv[i], "re");
		char line[1024];

		while (f && !s->found && fgets(line, sizeof(line), f)) {
			line[strcspn(line, "#\n")] = 0;
			if (strncmp(line, "include ", 8) == 0)
				try_conf(s, line + 8 + strspn(line + 8, " \t"), depth + 1);
			else
				try_list(s, line);
		}
		if (f)
			fclose(f);
	}
	globfree(&files);
}

char *calls_library_find(const struct calls_elf *elf, const char *root, const char *name)
{
	struct search s = {.elf = elf, .root = root, .name = name};
	const char *slash = strrchr(name, '/');
	bool x86 = elf->machine == EM_X86_64;

	if (slash) {
		s.name = slash + 1;
		try(&s, *name == '/' ? root : "", name, (size_t)(slash - name));
		return s.found;
	}
	try_list(&s, elf->run_path ? elf->run_path : elf->old_run_path);
	if (!s.found)
		try_conf(&s, "/etc/ld.so.conf", 0);
	try_list(&s, x86 ? "/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu"
			 : "/lib/aarch64-linux-gnu:/usr/lib/aarch64-linux-gnu");
	try_list(&s, "/lib64:/usr/lib64:/lib:/usr/lib:/usr/local/lib");
	try_list(&s, x86 ? "/lib/x86_64-linux-musl:/usr/lib/x86_64-linux-musl:/usr/x86_64-linux-gnu/lib"
			 : "/lib/aarch64-linux-musl:/usr/lib/aarch64-linux-musl:"
			   "/usr/aarch64-linux-gnu/lib");
	return s.found;
}
