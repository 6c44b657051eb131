/* Each allocation fails once in everything that libsluice does with filters: the answer is -ENOMEM, an output is
 * written on success alone, a filter is as it was, and nothing leaks.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sluice-filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc/fail.h"

/* Calls of one and of several numbers, carried ones, sets, ranges, halves of registers, groups, numbers. */
static const char text[] = "default ERRNO(1)\n"
			   "arch x86_64 x86 x32\n"
			   "multiplexed refuse\n"
			   "newer 6.1 ERRNO(38)\n"
			   "ALLOW read\n"
			   "ALLOW chown\n"
			   "ALLOW getsockopt\n"
			   "ERRNO(13) socket if domain in { AF_NETLINK, 1, 3, 5, 7, 9 } and a1:32 != 4\n"
			   "ALLOW clone if clone_flags & 0x7e020000 == 0\n"
			   "ERRNO(2) pread64 if pos in 0x100000001..0x7fffffffffffffff and count != 3\n"
			   "ERRNO(3) dup3 if a0:32 in { 1, 3, 5, 7, 9, 11, 13, 15, 17 } and "
			   "a1:32 in { 2, 4, 6, 8, 10, 12, 14, 16, 19 }\n"
			   "KILL_PROCESS @clock\n"
			   "LOG 500/x86_64 if not a0:32 only 0xff\n"
			   "TRAP 5000/x86_64\n"
			   "ALLOW *\n";
static const char other[] = "default ALLOW\narch x86_64\nERRNO(7) socket if domain == 16\n";

struct subject {
	struct sluice_filter *filter; /* of the text */
	struct sock_fprog a, b;	      /* its program, and the other's */
};

static unsigned int n_checks, n_failed;

static bool check(bool good, const char *what, const char *why, unsigned int nth)
{
	if (!good)
		printf("# %s, allocation %u: %s\n", what, nth, why);
	return good;
}

/* ---- what is done: each returns 0 or more, or -errno, and frees what it got ---------- */

static int do_new(struct subject *s)
{
	static const uint32_t archs[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86};
	struct sluice_filter_options options = SLUICE_FILTER_OPTIONS_INIT;
	struct sluice_filter *filter = NULL;
	int rc;

	(void)s;
	options.archs = archs;
	options.n_archs = 2;
	rc = sluice_filter_new(&options, &filter, NULL);
	if ((rc == 0) != (filter != NULL))
		abort();
	sluice_filter_free(filter);
	return rc;
}

static int do_parse(struct subject *s)
{
	struct sluice_error error = {0};
	struct sluice_filter *filter = NULL;
	int rc = sluice_filter_parse(text, strlen(text), "text", &filter, &error);

	(void)s;
	if ((rc == 0) != (filter != NULL) || (rc && error.code != -rc)) {
		printf("# %d, said %d: %s\n", rc, error.code, error.message);
		abort();
	}
	sluice_filter_free(filter);
	return rc;
}

static int do_text(struct subject *s)
{
	char *made = NULL;
	int rc = sluice_filter_text(s->filter, &made);

	if ((rc == 0) != (made != NULL))
		abort();
	free(made);
	return rc;
}

static int do_compile(struct subject *s)
{
	struct sluice_error error = {0};
	struct sock_filter *made = NULL;
	size_t n = 0;
	int rc = sluice_filter_compile(s->filter, &made, &n, &error);

	if ((rc == 0) != (made != NULL) || (rc && error.code != -rc) ||
		(made && (n != s->a.len || memcmp(made, s->a.filter, n * sizeof(*made)) != 0)))
		abort();
	free(made);
	return rc;
}

static int do_prove(struct subject *s)
{
	return sluice_filter_prove(s->filter, s->a.filter, s->a.len, NULL, NULL);
}

static int do_prove_own(struct subject *s)
{
	return sluice_filter_prove(s->filter, NULL, 0, NULL, NULL);
}

static int do_refute(struct subject *s)
{
	struct seccomp_data data;

	return sluice_filter_prove(s->filter, s->b.filter, s->b.len, &data, NULL);
}

static int do_export(struct subject *s)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int rc = sluice_filter_export(s->filter, fd, NULL);

	close(fd);
	return rc;
}

static int merge(struct subject *s, enum sluice_merge how)
{
	struct sock_filter *made = NULL;
	size_t n;
	int rc = sluice_filter_merge(how, &s->a, &s->b, &made, &n, NULL);

	if ((rc == 0) != (made != NULL))
		abort();
	free(made);
	return rc;
}

static int do_union(struct subject *s)
{
	return merge(s, SLUICE_MERGE_UNION);
}

static int do_intersection(struct subject *s)
{
	return merge(s, SLUICE_MERGE_INTERSECTION);
}

static int do_equal(struct subject *s)
{
	struct sluice_view_witness w;

	return sluice_view_equal(&s->a, &s->b, NULL, 0, &w, NULL);
}

static int hear(const struct sluice_region *region, bool least, void *data)
{
	(void)region, (void)least, (void)data;
	return 0;
}

static int do_compare(struct subject *s)
{
	return sluice_view_compare(&s->b, &s->a, NULL, 0, hear, NULL, NULL);
}

static int do_reaches(struct subject *s)
{
	const struct sluice_value value = {.name = "AF_NETLINK"};
	const struct sluice_filter_condition c = {
		.argument = "domain", .op = SLUICE_OP_EQ, .values = &value, .n_values = 1};
	const struct sluice_rule rule = {.size = sizeof(rule), .action = SCMP_ACT_ERRNO(7),
		.call = "socket", .conditions = &c, .n_conditions = 1};

	return sluice_view_reaches(&s->b, &rule, NULL, 0, NULL, NULL);
}

/* ---- a rule more ---------------------------------------------------------------------- */

/* The text of the filter: what a caller sees of it. */
static char *seen(const struct sluice_filter *filter)
{
	char *made = NULL;

	if (sluice_filter_text(filter, &made))
		abort();
	return made;
}

static struct sock_fprog compiled(const struct sluice_filter *filter)
{
	struct sock_fprog prog = {0};
	size_t n = 0;

	if (sluice_filter_compile(filter, &prog.filter, &n, NULL))
		abort();
	prog.len = (unsigned short)n;
	return prog;
}

/* As it was? The program shows what the text does not. */
static bool unchanged(const struct sluice_filter *filter, const char *before, const struct sock_fprog *was)
{
	struct sock_fprog is = compiled(filter);
	char *after = seen(filter);
	bool same = strcmp(before, after) == 0 && is.len == was->len &&
		memcmp(is.filter, was->filter, is.len * sizeof(*is.filter)) == 0;

	free(is.filter);
	free(after);
	return same;
}

static bool add_failing(struct sluice_filter *filter, const struct sluice_rule *rule, const char *what)
{
	bool good = true, failed = true;

	for (unsigned int nth = 1; failed && good; nth++) {
		struct sluice_error error = {0};
		struct sock_fprog was = compiled(filter);
		char *before = seen(filter);
		int rc;

		fail_at(nth);
		rc = sluice_filter_add(filter, rule, &error);
		failed = fail_end();
		good = check(failed ? rc == -ENOMEM && error.code == ENOMEM : rc == 0, what, "its answer", nth);
		good &= check(!failed || unchanged(filter, before, &was), what, "the filter has changed", nth);
		free(was.filter);
		free(before);
	}
	return good;
}

static void test_add(void)
{
	static const struct sluice_value few[] = {{.name = "AF_NETLINK"}, {.number = 3}};
	static const struct sluice_value many[] = {{.number = 1}, {.number = 3}, {.number = 5},
		{.number = 7}, {.number = 9}, {.name = "AF_UNIX"}};
	static const struct sluice_value wide[] = {{.number = 1}, {.number = UINT64_C(0x7fffffff00000000)}};
	static const struct sluice_filter_condition set[] = {
		{.argument = "domain", .op = SLUICE_OP_IN, .values = few, .n_values = 2},
		{.argument = "domain", .op = SLUICE_OP_IN, .values = many, .n_values = 6},
		{.index = 1, .op = SLUICE_OP_EQ, .negate = true, .values = few + 1, .n_values = 1}};
	static const struct sluice_filter_condition range = {
		.argument = "pos", .op = SLUICE_OP_RANGE, .values = wide, .n_values = 2};
	const struct sluice_rule rules[] = {
		{.size = sizeof(rules[0]), .action = SCMP_ACT_ALLOW, .call = "read"},
		{.size = sizeof(rules[0]), .action = SCMP_ACT_ALLOW, .call = "write", .where = "file:1"},
		{.size = sizeof(rules[0]), .action = SCMP_ACT_LOG, .call = "@network-io"},
		{.size = sizeof(rules[0]), .action = SCMP_ACT_LOG, .arch = SCMP_ARCH_X86, .nr = 600},
		{.size = sizeof(rules[0]), .action = SCMP_ACT_TRAP, .call = "socket",
			.conditions = set, .n_conditions = 3, .where = "file:2"},
		{.size = sizeof(rules[0]), .action = SCMP_ACT_TRAP, .call = "pread64",
			.conditions = &range, .n_conditions = 1},
		{.size = sizeof(rules[0]), .action = SCMP_ACT_KILL_PROCESS, .call = "*"},
	};
	static const char start[] = "arch x86_64 x86\nmultiplexed refuse\n";
	const size_t n = sizeof(rules) / sizeof(*rules);
	long alive = fail_alive();
	bool good = true;

	/* The room for rules runs out in one of the rounds at each of the rules: it is for 384 at first. */
	for (size_t first = 0; first < n; first++) {
		struct sluice_filter *filter = NULL;

		if (sluice_filter_parse(start, strlen(start), "start", &filter, NULL))
			abort();
		for (size_t i = 0; i < 384 - 2 * n; i++)
			if (sluice_filter_add(filter, &rules[0], NULL))
				abort();
		for (size_t i = 0; i < 3 * n && good; i++)
			good = add_failing(filter, &rules[(first + i) % n], "add");
		sluice_filter_free(filter);
	}
	good &= check(fail_alive() == alive, "add", "a leak", 0);
	n_failed += !good;
	printf("%s %u - add: each failed allocation is -ENOMEM, the filter is as it was\n",
		good ? "ok" : "not ok", ++n_checks);
}

/* What @f does, with every allocation failing once; @rc is what it says without a failure. */
static void test_failing(const char *what, int (*f)(struct subject *s), struct subject *s, int rc)
{
	char *before = seen(s->filter);
	bool good = true, failed = true;
	unsigned int nth = 1;

	for (; failed && good; nth++) {
		long alive = fail_alive();
		int got;

		fail_at(nth);
		got = f(s);
		failed = fail_end();
		good = check(got == (failed ? -ENOMEM : rc), what, "its answer", nth);
		good &= check(fail_alive() == alive, what, "a leak", nth);
	}
	good &= check(unchanged(s->filter, before, &s->a), what, "the filter has changed", nth);
	free(before);
	n_failed += !good || nth <= 2;
	printf("%s %u - %s: %u allocations, each failed once\n", good && nth > 2 ? "ok" : "not ok",
		++n_checks, what, nth - 2);
	fflush(stdout);
}

int main(void)
{
	static const struct {
		const char *what;
		int (*f)(struct subject *s);
		int rc;
	} all[] = {{"new", do_new, 0}, {"parse", do_parse, 0}, {"text", do_text, 0},
		{"compile", do_compile, 0}, {"prove", do_prove, 0}, {"prove its own", do_prove_own, 0},
		{"refute", do_refute, 1}, {"export", do_export, 0}, {"union", do_union, 0},
		{"intersection", do_intersection, 0}, {"view_equal", do_equal, 1},
		{"view_compare", do_compare, 1}, {"view_reaches", do_reaches, 1}};
	struct sluice_filter *filter = NULL;
	struct subject s = {0};

	/* The proof behind every compilation would be most of the allocations. */
	unsetenv("SECCOMP_SELF_CHECK");
	if (sluice_filter_parse(other, strlen(other), "other", &filter, NULL) ||
		sluice_filter_parse(text, strlen(text), "text", &s.filter, NULL))
		abort();
	s.a = compiled(s.filter);
	s.b = compiled(filter);
	sluice_filter_free(filter);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		test_failing(all[i].what, all[i].f, &s, all[i].rc);
	test_add();
	free(s.a.filter);
	free(s.b.filter);
	sluice_filter_free(s.filter);
	printf("1..%u\n", n_checks);
	return n_failed ? 1 : 0;
}
