/* Merged profiles, proved: of random profiles and of hand-made pairs. The merged program
 * permits at least (at most) what each of the two does on every input, and differs from
 * both on none. Prints TAP. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sluice-program.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sluice-profile.h"

#define MOST 4096

struct regions {
	struct sluice_region *items;
	unsigned n;
};

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

/* ---- proofs --------------------------------------------------------------------------
 */

static unsigned rank(uint32_t action)
{
	static const uint32_t order[] = {SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL_THREAD,
		SCMP_ACT_TRAP, SCMP_ACT_ERRNO(0), SCMP_ACT_NOTIFY, SCMP_ACT_TRACE(0),
		SCMP_ACT_LOG, SCMP_ACT_ALLOW};
	unsigned i = 0;

	while (i < 8 && order[i] != (action & 0xffff0000))
		i++;
	return i;
}

static int keep(const struct sluice_region *region, void *data)
{
	struct regions *r = data;

	if (r->n == MOST)
		return -E2BIG;
	r->items[r->n++] = *region;
	return 0;
}

/* Where @merged and @one differ; false when the merged one is on the wrong side anywhere.
 */
static bool compare(enum sluice_profile_merge how, const struct sluice_program *one,
	const struct sluice_program *all, struct regions *r)
{
	r->items = calloc(MOST, sizeof(*r->items));
	if (!r->items || sluice_program_compare(one, all, keep, r) < 0)
		abort();
	for (unsigned i = 0; i < r->n; i++) {
		unsigned a = rank(r->items[i].a), b = rank(r->items[i].b);

		if (how == SLUICE_PROFILE_UNION ? a > b : a < b)
			return false;
	}
	return true;
}

struct range {
	uint64_t first, last;
};

/* The values of a condition as ranges; 0: they are too many. */
static unsigned ranges_of(const struct sluice_condition *c, struct range ranges[64])
{
	uint64_t all = c->field < 2 ? UINT32_MAX : UINT64_MAX, free = all & ~c->mask,
		 v = 0;
	unsigned n = 0;

	if (!(free & (free + 1))) { /* the lowest bits alone are free */
		ranges[0] = (struct range){c->first, c->last | free};
		return 1;
	}
	if (c->first != c->last || __builtin_popcountll(free) > 6)
		return 0;
	do {
		ranges[n++] = (struct range){c->first | v, c->first | v};
		v = (v - free) & free;
	} while (v);
	return n;
}

static bool fields_meet(
	const struct sluice_condition *x, const struct sluice_condition *y)
{
	struct range a[64], b[64];
	unsigned n = ranges_of(x, a), m = ranges_of(y, b);

	if (x->mask == y->mask)
		return x->first <= y->last && y->first <= x->last;
	if (!n && m == 1 && x->mask == UINT32_MAX && b[0].first >> 32 == b[0].last >> 32)
		return x->first <= (uint32_t)b[0].last && (uint32_t)b[0].first <= x->last;
	if (!m && n == 1)
		return fields_meet(y, x);
	if (!n && m == 1 && b[0].last - b[0].first < 1024) {
		for (uint64_t v = b[0].first; v <= b[0].last && v >= b[0].first; v++)
			if ((v & x->mask) >= x->first && (v & x->mask) <= x->last)
				return true;
		return false;
	}
	if (!n || !m) /* values against bits */
		return x->first != x->last || y->first != y->last ||
		       !((x->first ^ y->first) & x->mask & y->mask);
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < m; k++)
			if (a[i].first <= b[k].last && b[k].first <= a[i].last)
				return true;
	return false;
}

/* Whether some input may be in both; what cannot be told counts as "may", so that nothing
 * wrong passes. */
static bool may_meet(const struct sluice_region *a, const struct sluice_region *b)
{
	for (unsigned i = 0; i < a->n; i++)
		for (unsigned k = 0; k < b->n; k++)
			if (a->conditions[i].field == b->conditions[k].field &&
				!fields_meet(&a->conditions[i], &b->conditions[k]))
				return false;
	return true;
}

static bool is_right(enum sluice_profile_merge how, const struct sluice_program *a,
	const struct sluice_program *b, const struct sluice_program *all)
{
	struct regions x = {NULL, 0}, y = {NULL, 0};
	bool ok = compare(how, a, all, &x) && compare(how, b, all, &y);

	for (unsigned i = 0; ok && i < x.n; i++)
		for (unsigned k = 0; ok && k < y.n; k++)
			ok = !may_meet(&x.items[i], &y.items[k]);
	free(x.items);
	free(y.items);
	return ok;
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
