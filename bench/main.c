/* bench [--only-ours] OURS.so THEIRS.so PART [ARGUMENT...]: prints lines of JSON.
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static void print_versions(const struct lib lib[LIBS])
{
	for (unsigned int i = 0; i < LIBS; i++) {
		const struct scmp_version *v = lib[i].version();

		printf("{\"what\": \"version\", \"lib\": \"%s\", \"version\": "
		       "\"%u.%u.%u\"}\n",
			lib[i].name, v->major, v->minor, v->micro);
	}
}

static unsigned int rounds_of(const char *arg)
{
	return (unsigned int)strtoul(arg, NULL, 10);
}

int main(int argc, char **argv)
{
	const char *part;
	struct lib lib[LIBS];

	if (argc > 1 && strcmp(argv[1], "--only-ours") == 0) {
		only_ours = true;
		argv++;
		argc--;
	}
	part = argc > 3 ? argv[3] : "";
	if (argc < 4)
		die("usage: bench OURS.so THEIRS.so PART [ARGUMENT...]");
	pin();
	lib_open(&lib[0], "ours", argv[1]);
	lib_open(&lib[1], "theirs", argv[2]);
	if (strcmp(part, "version") == 0)
		print_versions(lib);
	else if (strcmp(part, "counts") == 0 && argc == 6)
		bench_counts(lib, argv[4], argv[5]);
	else if (strcmp(part, "compile") == 0 && argc == 7)
		bench_compile(lib, argv[4], strtod(argv[5], NULL) * 1e6,
			strtod(argv[6], NULL) * 1e6);
	else if (strcmp(part, "growth") == 0 && argc == 5)
		bench_growth(lib, strtod(argv[4], NULL) * 1e6);
	else if (strcmp(part, "attach") == 0 && argc == 6)
		bench_attach(lib, argv[4], rounds_of(argv[5]));
	else if (strcmp(part, "attach-once") == 0 && argc == 10)
		bench_attach_once(lib, &argv[4]);
	else if (strcmp(part, "calls") == 0 && argc == 6)
		bench_calls(lib, argv[4], rounds_of(argv[5]));
	else if (strcmp(part, "resolve") == 0 && argc == 5)
		bench_resolve(lib, rounds_of(argv[4]));
	else if (strcmp(part, "roundtrip") == 0 && argc == 5)
		bench_roundtrip(lib, rounds_of(argv[4]));
	else if (strcmp(part, "startup") == 0 && argc == 8)
		bench_startup(argv[4], &argv[5], rounds_of(argv[7]));
	else
		die("no such part, or not its arguments: %s", part);
	return 0;
}
