/* Runs case files on one library: cases LIBRARY [--oracle|--sim|--live]... FILES...
 * One TAP check a scenario and mode. With --fill: prints the files as the oracle has them.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

#define SECONDS 120 /* ends a hang; deciding nothing else */

struct tally {
	unsigned int checks, failed, live_rows, live_left_out;
};

static void verdict(struct tally *t, bool ok, const struct case_file *file,
	const struct scenario *s, const char *mode)
{
	const char *base = strrchr(file->path, '/');

	t->failed += !ok;
	printf("%s %u - %s %s (%s)\n", ok ? "ok" : "not ok", ++t->checks,
		base ? base + 1 : file->path, s->name, mode);
}

static void skip(struct tally *t, const struct case_file *file, const struct scenario *s,
	const char *mode, const char *why)
{
	const char *base = strrchr(file->path, '/');

	printf("ok %u - %s %s (%s) # SKIP %s\n", ++t->checks, base ? base + 1 : file->path,
		s->name, mode, why);
}

static void explain(const struct case_file *file, const struct op *op,
	const struct outcome *got)
{
	printf("# %s:%u: ", file->path, op->line);
	case_write_op(op, stdout);
	printf("#   got ");
	outcome_print(op, got, stdout);
	putchar('\n');
}

static void check_oracle(struct tally *t, const struct case_file *file,
	const struct scenario *s)
{
	struct outcome *got = calloc(s->n_ops + 1, sizeof(*got));
	bool ok = true;

	if (!got)
		abort();
	run_oracle(s, got);
	for (unsigned int i = 0; i < s->n_ops; i++)
		if (got[i].rc != MISSING && outcome_differs(&s->ops[i], &got[i])) {
			explain(file, &s->ops[i], &got[i]);
			ok = false;
		}
	free(got);
	verdict(t, ok, file, s, "oracle");
}

/* Prints the scenarios with what the oracle says they must give. */
static void fill(const struct scenario *s)
{
	struct outcome *got = calloc(s->n_ops + 1, sizeof(*got));

	if (!got)
		abort();
	run_oracle(s, got);
	for (unsigned int i = 0; i < s->n_ops; i++)
		if (got[i].rc != MISSING) {
			s->ops[i].expect = got[i].rc;
			s->ops[i].expect_value = got[i].value;
		}
	free(got);
	case_write(s, stdout);
}

static void check_sim(struct tally *t, const struct lib *lib, const struct case_file *file,
	const struct scenario *s)
{
	struct outcome *got = run_forked(lib, s, SECONDS);
	bool ok = true;

	for (unsigned int i = 0; i < s->n_ops; i++) {
		if (got[i].rc == MISSING) {
			skip(t, file, s, "simulated", "the library lacks a call");
			return;
		}
		if (outcome_differs(&s->ops[i], &got[i])) {
			explain(file, &s->ops[i], &got[i]);
			ok = false;
		}
	}
	verdict(t, ok, file, s, "simulated");
}

/* Scenarios without a row that can be made for real are no live tests: they are counted. */
static void check_live(struct tally *t, const struct lib *lib, const struct case_file *file,
	const struct scenario *s)
{
	unsigned int n = 0;
	bool ok = true;

	for (unsigned int i = 0; i < s->n_ops; i++) {
		struct outcome got = {0};

		if (s->ops[i].kind != OP_ROW)
			continue;
		got.rc = run_live(lib, s, i, &got.value);
		if (got.rc == -EOPNOTSUPP) {
			t->live_left_out++;
			continue;
		}
		n++;
		if (outcome_differs(&s->ops[i], &got)) {
			explain(file, &s->ops[i], &got);
			ok = false;
		}
	}
	t->live_rows += n;
	if (n)
		verdict(t, ok, file, s, "live");
}

static void check_file(struct tally *t, const struct lib *lib, const char *mode,
	const struct case_file *file)
{
	for (unsigned int i = 0; i < file->n; i++) {
		const struct scenario *s = &file->scenarios[i];

		if (strcmp(mode, "--fill") == 0)
			fill(s);
		else if (strcmp(mode, "--oracle") == 0 && !s->no_oracle)
			check_oracle(t, file, s);
		else if (strcmp(mode, "--sim") == 0)
			check_sim(t, lib, file, s);
		else if (strcmp(mode, "--live") == 0)
			check_live(t, lib, file, s);
	}
}

int main(int argc, char **argv)
{
	struct tally t = {0};
	struct lib lib;
	int files = 2;

	while (files < argc && strncmp(argv[files], "--", 2) == 0)
		files++;
	if (files == 2 || files == argc) {
		fprintf(stderr, "usage: %s LIBRARY --oracle|--sim|--live... FILES...\n", argv[0]);
		return 2;
	}
	if (!lib_open(&lib, argv[1]))
		return 1;
	for (int m = 2; m < files; m++)
		for (int i = files; i < argc; i++) {
			struct case_file file;

			if (case_read(argv[i], &file))
				return 1;
			check_file(&t, &lib, argv[m], &file);
			case_free(&file);
		}
	if (t.live_rows + t.live_left_out)
		printf("# live: %u rows run; %u not: other architectures, harmful calls, NOTIFY\n",
			t.live_rows, t.live_left_out);
	if (strcmp(argv[2], "--fill") == 0)
		return 0;
	printf("1..%u\n", t.checks);
	return t.failed || !t.checks;
}
