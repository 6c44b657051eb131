/* The case files on another libseccomp: replay --known FILE CASES... [LIBRARY]
 * A line differs where it is marked and nowhere else, in a scenario that names a class that
 * FILE describes.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cases/run.h"
#include "classes.h"

#define SECONDS 4 /* some of these hang; an honest scenario takes milliseconds */

struct tally {
	unsigned int checks, failed, differences;
	bool is_25, is_260; /* what the library says of itself */
};

static void result(struct tally *t, bool ok, const char *file, const char *name)
{
	const char *base = strrchr(file, '/');

	t->failed += !ok;
	printf("%s %u - %s %s\n", ok ? "ok" : "not ok", ++t->checks, base ? base + 1 : file,
		name);
}

static bool expected_to_differ(const struct tally *t, const struct op *op)
{
	return op->differs == DIFFERS || (op->differs == DIFFERS_25 && t->is_25) ||
		(op->differs == DIFFERS_260 && (t->is_25 || t->is_260));
}

static void replay(struct tally *t, const struct lib *lib, const struct case_file *file,
	const struct scenario *s, const char *known)
{
	struct outcome *got = run_forked(lib, s, SECONDS);
	bool ok = !s->differs[0] || class_is_listed(known, s->differs);

	if (!ok)
		printf("# %s:%u: class %s is not described\n", file->path, s->line, s->differs);
	for (unsigned int i = 0; i < s->n_ops; i++) {
		const struct op *op = &s->ops[i];

		if (got[i].rc == MISSING) {
			printf("ok %u - %s # SKIP the library lacks a call\n", ++t->checks,
				s->name);
			return;
		}
		if (t->is_25 && op->kind == OP_ARCH_ADD && !op->expect && got[i].rc == -EINVAL) {
			printf("ok %u - %s # SKIP the library lacks the architecture\n",
				++t->checks, s->name);
			return;
		}
		if (outcome_differs(op, &got[i]))
			t->differences++;
		if (s->may_differ)
			continue;
		if (outcome_differs(op, &got[i]) == expected_to_differ(t, op))
			continue;
		ok = false;
		printf("# %s:%u: ", file->path, op->line);
		case_write_op(op, stdout);
		printf("#   %s: ", lib->path);
		outcome_print(op, &got[i], stdout);
		putchar('\n');
	}
	result(t, ok, file->path, s->name);
}

static void replay_file(struct tally *t, const struct lib *lib, const char *path,
	const char *known)
{
	struct case_file file;

	if (case_read(path, &file)) {
		result(t, false, path, "can be read");
		return;
	}
	for (unsigned int i = 0; i < file.n; i++)
		if (!file.scenarios[i].ours_only)
			replay(t, lib, &file, &file.scenarios[i], known);
	case_free(&file);
}

static bool is_case(const char *path)
{
	size_t n = strlen(path);

	return n > 5 && strcmp(path + n - 5, ".case") == 0;
}

int main(int argc, char **argv)
{
	const char *library = argc > 3 && !is_case(argv[argc - 1]) ? argv[argc - 1] : NULL;
	const struct scmp_version *version;
	struct tally t = {0};
	struct lib lib;

	if (argc < 4 || strcmp(argv[1], "--known") != 0) {
		fprintf(stderr, "usage: %s --known FILE CASES... [LIBRARY]\n", argv[0]);
		return 2;
	}
	if (!library) {
		printf("ok 1 - replay # SKIP no other libseccomp here\n1..1\n");
		return 0;
	}
	if (!lib_open(&lib, library))
		return 1;
	version = lib.version();
	t.is_25 = version->major == 2 && version->minor < 6;
	t.is_260 = version->major == 2 && version->minor == 6 && version->micro == 0;
	printf("# %s is %u.%u.%u\n", library, version->major, version->minor, version->micro);
	for (int i = 3; i < argc; i++)
		if (is_case(argv[i]))
			replay_file(&t, &lib, argv[i], argv[2]);
	printf("# %u lines differ\n1..%u\n", t.differences, t.checks);
	return t.failed || !t.checks;
}
