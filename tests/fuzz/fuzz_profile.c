/* Profiles on any bytes: the reader, and everything behind it. What is written is read
 * again and is the same text; what compiles is a program that the kernel takes, and ordered rules
 * decide as it does; a merge of a profile with itself decides as the profile; a finding has a
 * message.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sluice-filter.h>
#include <sluice-profile.h>
#include <sluice-program.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void hear(const struct sluice_finding *f, void *data)
{
	unsigned *errors = data;

	require(f->rule && *f->rule && f->file && f->path && *f->message && f->why && f->fix);
	*errors += f->severity == SLUICE_ERROR;
}

static struct sluice_profile *read_text(const char *text, size_t size, bool strict)
{
	struct sluice_profile_options o = SLUICE_PROFILE_OPTIONS_INIT;
	struct sluice_profile *p = NULL;
	unsigned errors = 0;
	int rc;

	o.report = hear;
	o.data = &errors;
	o.strict = strict;
	rc = sluice_profile_read(text, size, &o, &p);
	require(rc == 0 || rc == -EINVAL || rc == -E2BIG);
	require((rc == 0) == (p != NULL) && (rc != -EINVAL || errors));
	return p;
}

static void check_written(const struct sluice_profile *p, enum sluice_profile_form form)
{
	char *once = NULL, *twice = NULL;
	size_t n = 0, m = 0;
	struct sluice_profile *q;
	int rc = sluice_profile_write(p, form, &once, &n);

	require(rc == 0 || rc == -EINVAL);
	if (rc)
		return;
	q = read_text(once, n, false);
	require(q && sluice_profile_write(q, form, &twice, &m) == 0);
	require(n == m && memcmp(once, twice, n) == 0);
	sluice_profile_free(q);
	free(once);
	free(twice);
}

static struct sluice_program *compiled(
	const struct sluice_profile *p, const struct sluice_target *t)
{
	struct sluice_program *program = NULL;
	struct sock_filter *insns = NULL;
	unsigned n = 0;

	if (sluice_profile_program(p, t, &insns, &n))
		return NULL;
	require(sluice_program_new(insns, n, &program, NULL) == 0);
	free(insns);
	return program;
}

static void check_same(const struct sluice_program *a, const struct sluice_program *b)
{
	int rc = sluice_program_equal(a, b, NULL);

	require(rc == 0 || rc == -E2BIG);
}

static void check_ordered(const struct sluice_profile *p, const struct sluice_target *t,
	const struct sluice_program *program)
{
	struct sluice_program *other = NULL;
	struct sluice_filter *f = NULL;
	struct sock_filter *insns = NULL;
	size_t n = 0;

	if (sluice_profile_filter(p, t, &f))
		return;
	if (sluice_filter_compile(f, &insns, &n, NULL) == 0) {
		require(sluice_program_new(insns, n, &other, NULL) == 0);
		check_same(program, other);
	}
	free(insns);
	sluice_program_free(other);
	sluice_filter_free(f);
}

static void check_merged(const struct sluice_profile *p, const struct sluice_target *t,
	const struct sluice_program *program, enum sluice_profile_merge how)
{
	struct sluice_profile *resolved = NULL, *merged = NULL;
	struct sluice_profile_merger *m = NULL;
	char error[256] = "";

	require(sluice_profile_resolve(p, t, &resolved) == 0);
	require(sluice_profile_merger_new(how, &m) == 0);
	if (sluice_profile_merger_add(m, resolved, error) == 0 &&
		sluice_profile_merger_add(m, resolved, error) == 0 &&
		sluice_profile_merger_finish(m, &merged, error) == 0) {
		struct sluice_program *again = compiled(merged, t);

		if (again)
			check_same(program, again);
		sluice_program_free(again);
	} else {
		require(*error);
	}
	sluice_profile_free(merged);
	sluice_profile_free(resolved);
	sluice_profile_merger_free(m);
}

static void check_repaired(const struct sluice_profile *p, const struct sluice_target *t)
{
	struct sluice_profile *fixed = NULL;
	unsigned errors = 0;

	require(sluice_profile_lint(p, t, hear, &errors) >= 0);
	require(sluice_profile_fix(p, t, hear, &errors, &fixed) >= 0 && fixed);
	check_written(fixed, SLUICE_FORM_DOCKER);
	sluice_profile_free(fixed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const caps[] = {"CAP_SYS_ADMIN"};
	struct sluice_target t = SLUICE_TARGET_INIT;
	char *text = malloc(size ? size : 1); /* exactly: what is read behind it is seen */
	struct sluice_program *program;
	struct sluice_profile *p;
	unsigned errors = 0;

	require(text);
	if (size)
		memcpy(text, data, size);
	t.caps = caps;
	t.n_caps = size & 1;
	t.as = size & 2 ? SLUICE_AS_CRUN : SLUICE_AS_RUNC;
	t.kernel = 5 << 16;
	t.cutoff = SLUICE_CUTOFF_NONE;
	t.report = hear;
	t.data = &errors;
	sluice_profile_free(read_text(text, size, true));
	p = read_text(text, size, false);
	for (enum sluice_profile_form f = SLUICE_FORM_ANY; p && f <= SLUICE_FORM_SPO_JSON; f++)
		check_written(p, f);
	program = p ? compiled(p, &t) : NULL;
	if (program) {
		check_ordered(p, &t, program);
		check_merged(p, &t, program, SLUICE_PROFILE_UNION);
		check_merged(p, &t, program, SLUICE_PROFILE_INTERSECT);
	}
	if (p)
		check_repaired(p, &t);
	sluice_program_free(program);
	sluice_profile_free(p);
	free(text);
	return 0;
}
