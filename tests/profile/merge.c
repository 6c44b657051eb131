/* Merged profiles of random ones, proved: the program is the one that libsluice merges of the two programs.
 * Prints TAP.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sluice-filter.h>
#include <sluice-program.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sluice-profile.h"

static unsigned count, bad;
static uint64_t seed = 1;

static void check(bool ok, const char *name)
{
	bad += !ok;
	printf("%s %u - %s\n", ok ? "ok" : "not ok", ++count, name);
}

static uint64_t dice(uint64_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % n;
}

/* ---- profiles ------------------------------------------------------------------------
 */

static struct scmp_arg_cmp any_comparison(unsigned arg)
{
	static const uint64_t values[] = {0, 1, 2, 3, 38, 0x80000000, 0xffffffff,
		0x100000000, 0x7e020000, UINT64_MAX};
	const unsigned n = sizeof(values) / sizeof(*values);

	return (struct scmp_arg_cmp){
		arg, (enum scmp_compare)(1 + dice(7)), values[dice(n)], values[dice(n)]};
}

static struct sluice_profile *any_profile(bool simple)
{
	static const char *const names[] = {
		"read", "write", "socket", "clone", "kcmp", "ioctl"};
	static const uint32_t actions[] = {SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(1),
		SCMP_ACT_ERRNO(38), SCMP_ACT_KILL_PROCESS, SCMP_ACT_LOG};
	uint32_t other = dice(2) ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(1), action;
	struct sluice_profile *p = NULL;

	if (sluice_profile_new(
		    other == SCMP_ACT_ALLOW ? SCMP_ACT_ERRNO(1) : SCMP_ACT_ALLOW, &p))
		abort();
	for (uint64_t i = 1 + dice(6); i; i--) {
		struct scmp_arg_cmp args[2] = {any_comparison(0), any_comparison(1)};
		const char *name = names[dice(6)];

		action = simple ? other : actions[dice(5)];
		if (sluice_profile_add(p, action, &name, 1, args, (unsigned)dice(3)))
			abort();
	}
	return p;
}

/* NULL: libseccomp refuses it, as two rules contradict. */
static struct sluice_program *program_of(const struct sluice_profile *p)
{
	struct sluice_target t = SLUICE_TARGET_INIT;
	struct sluice_program *program = NULL;
	struct sock_filter *insns = NULL;
	unsigned n = 0;

	t.as = SLUICE_AS_CRUN;
	if (!sluice_profile_program(p, &t, &insns, &n) &&
		sluice_program_new(insns, n, &program, NULL))
		abort();
	free(insns);
	return program;
}

static struct sluice_profile *merged(enum sluice_profile_merge how,
	const struct sluice_profile *a, const struct sluice_profile *b)
{
	struct sluice_profile_merger *m = NULL;
	struct sluice_profile *out = NULL;
	int rc = sluice_profile_merger_new(how, &m);

	if (!rc)
		rc = sluice_profile_merger_add(m, a, NULL);
	if (!rc)
		rc = sluice_profile_merger_add(m, b, NULL);
	if (!rc)
		rc = sluice_profile_merger_finish(m, &out, NULL);
	if (rc && rc != -EOPNOTSUPP)
		abort();
	sluice_profile_merger_free(m);
	return out;
}

/* ---- proofs -------------------------------------------------------------------------- */

/* Two errnos are as strict as each other: which one it is may differ. */
static int same_action(const struct sluice_region *r, void *data)
{
	(void)data;
	return (r->a ^ r->b) & 0xffff0000 ? -EPROTO : 0;
}

/* libsluice merges programs, which needs no rules, and proves what comes out: the merged profile's program must
 * decide the same, on every input. */
static bool is_right(enum sluice_profile_merge how, const struct sluice_program *a,
	const struct sluice_program *b, const struct sluice_program *all)
{
	struct sluice_program *expected = NULL;
	struct sock_filter *insns = NULL;
	struct sock_fprog x = {0}, y = {0};
	size_t n = 0, m = 0, length = 0;
	int rc;

	x.filter = (struct sock_filter *)(uintptr_t)sluice_program_instructions(a, 0, &n);
	y.filter = (struct sock_filter *)(uintptr_t)sluice_program_instructions(b, 0, &m);
	x.len = (unsigned short)n;
	y.len = (unsigned short)m;
	rc = sluice_filter_merge(
		how == SLUICE_PROFILE_UNION ? SLUICE_MERGE_UNION : SLUICE_MERGE_INTERSECTION, &x, &y,
		&insns, &length, NULL);
	if (!rc)
		rc = sluice_program_new(insns, length, &expected, NULL);
	if (!rc)
		rc = sluice_program_compare(expected, all, same_action, NULL);
	if (rc < 0 && rc != -EPROTO)
		printf("# no proof: %s\n", strerror(-rc));
	sluice_program_free(expected);
	free(insns);
	return rc >= 0;
}

/* 1: right; 0: wrong; -1: there is nothing to judge. */
static int judge(enum sluice_profile_merge how, const struct sluice_profile *a,
	const struct sluice_profile *b)
{
	struct sluice_program *x = program_of(a), *y = program_of(b), *z = NULL;
	struct sluice_profile *all = x && y ? merged(how, a, b) : NULL;
	int verdict = -1;

	if (all) {
		z = program_of(all);
		verdict = z && is_right(how, x, y, z);
	}
	sluice_program_free(x);
	sluice_program_free(y);
	sluice_program_free(z);
	sluice_profile_free(all);
	return verdict;
}

static void check_random(bool simple, unsigned rounds, unsigned enough)
{
	unsigned right = 0, wrong = 0, refused = 0;

	for (unsigned i = 0; i < rounds; i++) {
		struct sluice_profile *a = any_profile(simple), *b = any_profile(simple);
		uint64_t before = seed;
		enum sluice_profile_merge how =
			i & 1 ? SLUICE_PROFILE_UNION : SLUICE_PROFILE_INTERSECT;
		int verdict = judge(how, a, b);

		right += verdict == 1;
		wrong += verdict == 0;
		refused += verdict == -1;
		if (!verdict)
			printf("# wrong: pair %u before seed %llu\n", i,
				(unsigned long long)before);
		sluice_profile_free(a);
		sluice_profile_free(b);
	}
	printf("# %u right, %u wrong, %u cannot be said or contradict themselves\n",
		right, wrong, refused);
	check(!wrong && right >= enough,
		simple ? "random lists" : "random profiles of any actions");
}

/* ---- many -----------------------------------------------------------------------------
 */

static double merge_many(unsigned n)
{
	struct sluice_profile_merger *m = NULL;
	struct sluice_profile *out = NULL;
	struct timespec from, to;

	if (sluice_profile_merger_new(SLUICE_PROFILE_UNION, &m))
		abort();
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	for (unsigned i = 0; i < n; i++) {
		struct sluice_profile *p = NULL;
		char name[16];
		const char *names[2] = {name, "read"};

		snprintf(name, sizeof(name), "call%u", i % 400);
		if (sluice_profile_new(SCMP_ACT_ERRNO(1), &p) ||
			sluice_profile_add(p, SCMP_ACT_ALLOW, names, 2, NULL, 0) ||
			sluice_profile_merger_add(m, p, NULL))
			abort();
		sluice_profile_free(p);
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	if (sluice_profile_merger_finish(m, &out, NULL))
		abort();
	sluice_profile_free(out);
	sluice_profile_merger_free(m);
	return (double)(to.tv_sec - from.tv_sec) +
	       (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

int main(void)
{
	check_random(true, 200, 100);
	check_random(false, 200, 60);
	printf("# 1000 profiles: %.3f s; 8000 profiles: %.3f s\n", merge_many(1000),
		merge_many(8000));
	check(true, "8000 profiles are merged");
	printf("1..%u\n", count);
	return bad != 0;
}
