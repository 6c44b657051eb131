/* What a filter refuses of callers: options, rules, outputs without a place, and programs of others. Each refusal says
 * why, and leaves outputs and filters as they were.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdlib.h>
#include <unistd.h>

#include "refusing.h"

static void refuse_options(struct sluice_filter_options options, int rc, const char *says)
{
	struct sluice_filter *filter = (void *)&n_checks;
	struct sluice_error error = {0};
	int got = sluice_filter_new(&options, &filter, &error);

	check(said(&error, got, rc, says) && filter == (void *)&n_checks, says);
}

static void test_options(void)
{
	static const uint32_t unknown[] = {SCMP_ARCH_X86_64, 0x12345}, twice[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86_64},
		orders[] = {SCMP_ARCH_X86_64, SCMP_ARCH_S390X}, native[] = {0};
	const struct sluice_filter_options good = SLUICE_FILTER_OPTIONS_INIT;
	struct sluice_filter_options o = good;
	struct sluice_filter *filter = NULL;
	char *text = NULL, *same = NULL;

	check(sluice_filter_new(&good, NULL, NULL) == -EINVAL, "no place for a filter");
	o.size--;
	refuse_options(o, -EINVAL, "the options make no sense");
	o = good;
	o.multiplexed = 3;
	refuse_options(o, -EINVAL, "the options make no sense");
	o.multiplexed = -1;
	refuse_options(o, -EINVAL, "the options make no sense");
	o = good;
	o.optimize = 0;
	refuse_options(o, -EINVAL, "the options make no sense");
	o.optimize = 3;
	refuse_options(o, -EINVAL, "the options make no sense");
	o = good;
	o.default_action = 0x12340000;
	refuse_options(o, -EINVAL, "there is no such action");
	o = good;
	o.badarch_action = SCMP_ACT_ALLOW | 1;
	refuse_options(o, -EINVAL, "there is no such action");
	o = good;
	o.archs = native;
	refuse_options(o, -EINVAL, "a filter has at least one architecture");
	o.n_archs = SIZE_MAX;
	refuse_options(o, -EINVAL, "there are too many architectures");
	o.n_archs = 2;
	o.archs = unknown;
	refuse_options(o, -EINVAL, "no architecture has the token 0x12345");
	o.archs = twice;
	refuse_options(o, -EINVAL, "architecture x86_64 stands there twice");
	o.archs = orders;
	refuse_options(o, -EDOM, "x86_64 and s390x have different byte orders");
	/* 0 is this machine's, as for libseccomp. */
	o.archs = native;
	o.n_archs = 1;
	check(sluice_filter_new(&o, &filter, NULL) == 0 && sluice_filter_text(filter, &text) == 0 &&
			strstr(text, "\narch "),
		"the architecture 0");
	free(text);
	sluice_filter_free(filter);
	check(sluice_filter_new(NULL, &filter, NULL) == 0 && sluice_filter_text(filter, &text) == 0,
		"options may be NULL");
	sluice_filter_free(filter);
	check(sluice_filter_new(&good, &filter, NULL) == 0 && sluice_filter_text(filter, &same) == 0 &&
			strcmp(text, same) == 0,
		"and are the defaults then");
	sluice_filter_free(filter);
	free(text);
	free(same);
}

static void test_newer(void)
{
	static const char text[] = "arch x86_64\nnewer 5.10 ERRNO(38)\n";
	struct sluice_filter *filter = NULL;
	char *made = NULL;

	if (sluice_filter_parse(text, strlen(text), "test", &filter, NULL))
		abort();
	check(sluice_filter_newer(NULL, 6 << 16, SCMP_ACT_LOG) == -EINVAL &&
			sluice_filter_newer(filter, 6 << 16, SCMP_ACT_ERRNO(4096)) == -EINVAL &&
			sluice_filter_newer(filter, 256 << 16, SCMP_ACT_LOG) == -EINVAL &&
			sluice_filter_newer(filter, 6 << 16 | 256, SCMP_ACT_LOG) == -EINVAL,
		"no filter, no action, no kernel");
	check(sluice_filter_text(filter, &made) == 0 && strstr(made, "newer 5.10 ERRNO(38)\n"),
		"and the filter has what it had");
	free(made);
	check(sluice_filter_newer(filter, 255 << 16 | 255, SCMP_ACT_LOG) == 0 &&
			sluice_filter_text(filter, &made) == 0 && strstr(made, "newer 255.255 LOG\n"),
		"the last kernel");
	free(made);
	check(sluice_filter_newer(filter, 0, 0x12340000) == 0 && sluice_filter_text(filter, &made) == 0 &&
			!strstr(made, "newer"),
		"0 removes it, whatever the action");
	free(made);
	sluice_filter_free(filter);
}

static struct sluice_filter *start(void)
{
	static const char text[] = "arch x86_64 x86\nmultiplexed refuse\nALLOW read\n";
	struct sluice_filter *filter = NULL;

	if (sluice_filter_parse(text, strlen(text), "test", &filter, NULL))
		abort();
	return filter;
}

/* And whether the next rule that is right is added behind it as if nothing had been. */
static void refuse_rule(struct sluice_rule rule, int rc, const char *says)
{
	static const struct sluice_rule right = {
		.size = sizeof(right), .action = SCMP_ACT_LOG, .call = "write"};
	struct sluice_filter *filter = start();
	struct sluice_error error = {0};
	char *text = NULL;
	int got = sluice_filter_add(filter, &rule, &error);
	bool good = said(&error, got, rc, says) && sluice_filter_add(filter, &rule, NULL) == rc &&
		sluice_filter_add(filter, &right, NULL) == 0 && sluice_filter_text(filter, &text) == 0 &&
		strstr(text, "\nALLOW read\nLOG write\n");

	check(good, says);
	free(text);
	sluice_filter_free(filter);
}

static void refuse_condition(struct sluice_filter_condition c, const char *says)
{
	refuse_rule((struct sluice_rule){.size = sizeof(struct sluice_rule),
			    .action = SCMP_ACT_ALLOW,
			    .call = "dup",
			    .conditions = &c,
			    .n_conditions = 1},
		-EINVAL, says);
}

static bool takes(unsigned int index, unsigned int bits)
{
	const struct sluice_value one = {.number = 1};
	const struct sluice_filter_condition c = {
		.index = index, .op = SLUICE_OP_EQ, .bits = bits, .values = &one, .n_values = 1};
	const struct sluice_rule rule = {.size = sizeof(rule), .action = SCMP_ACT_ALLOW, .call = "dup",
		.conditions = &c, .n_conditions = 1};
	struct sluice_filter *filter = start();
	bool taken = sluice_filter_add(filter, &rule, NULL) == 0;

	sluice_filter_free(filter);
	return taken;
}

static void test_rules(void)
{
	const struct sluice_rule good = {.size = sizeof(good), .action = SCMP_ACT_ALLOW, .call = "dup"};
	struct sluice_filter *filter = start();
	struct sluice_rule r = good;

	check(sluice_filter_add(NULL, &good, NULL) == -EINVAL && sluice_filter_add(filter, NULL, NULL) == -EINVAL,
		"no filter, no rule");
	sluice_filter_free(filter);
	r.size--;
	refuse_rule(r, -EINVAL, "there is no filter or no rule");
	r = good;
	r.action = SCMP_ACT_ERRNO(4096);
	refuse_rule(r, -EINVAL, "there is no such action");
	r.action = 0x7ffd0000;
	refuse_rule(r, -EINVAL, "there is no such action");
	r = good;
	r.flags = 2;
	refuse_rule(r, -EINVAL, "there is no such flag");
	r = good;
	r.arch = SCMP_ARCH_X32;
	refuse_rule(r, -EINVAL, "the filter does not have its architecture");
	r.call = NULL;
	r.arch = 0;
	refuse_rule(r, -EINVAL, "rule 2 (ALLOW 0): a number is 0 or more, and of one architecture");
	r.arch = SCMP_ARCH_X86;
	r.nr = -1;
	refuse_rule(r, -EINVAL, "rule 2 (ALLOW -1): a number is 0 or more, and of one architecture");
	r = good;
	r.call = "s390_pci_mmio_read";
	refuse_rule(r, -ENOENT, "no architecture of the filter has it");
	r.where = "file:9";
	refuse_rule(r, -ENOENT, "file:9");
	r.arch = SCMP_ARCH_X86;
	refuse_rule(r, -ENOENT, "no architecture of the filter has it");
	r.call = "nothing";
	refuse_rule(r, -ENOENT, "there is no such call or group");
	r = good;
	r.n_conditions = 1;
	refuse_rule(r, -EINVAL, "a condition has no values, or too many");
	r.n_conditions = 15;
	r.conditions = (const struct sluice_filter_condition[15]){{0}};
	refuse_rule(r, -EINVAL, "a condition has no values, or too many");
}

static void test_conditions(void)
{
	static struct sluice_value many[65537];
	const struct sluice_filter_condition good = {.op = SLUICE_OP_EQ, .values = many, .n_values = 1};
	struct sluice_filter_condition c = good;

	c.n_values = 0;
	refuse_condition(c, "a condition has no values, or too many");
	c.values = NULL;
	c.n_values = 1;
	refuse_condition(c, "a condition has no values, or too many");
	c = good;
	c.op = SLUICE_OP_IN;
	c.n_values = 65537;
	refuse_condition(c, "a condition has no values, or too many");
	c = good;
	c.op = 0;
	refuse_condition(c, "there is no such operator");
	c.op = SLUICE_OP_ONLY_BITS + 1;
	refuse_condition(c, "there is no such operator");
	c.op = SLUICE_OP_ONLY_BITS;
	c.n_values = 2;
	refuse_condition(c, "it takes one value");
	for (int op = SLUICE_OP_RANGE; op <= SLUICE_OP_MASKED; op++) {
		c.op = op;
		c.n_values = 1;
		refuse_condition(c, "it takes two values");
		c.n_values = 3;
		refuse_condition(c, "it takes two values");
	}
	c = good;
	c.index = 6;
	refuse_condition(c, "arguments are numbered 0 to 5");
	check(takes(5, 0), "argument 5 is the last");
	c = good;
	c.bits = 24;
	refuse_condition(c, "a width is 8, 16, 32 or 64 bits");
	check(takes(0, 0) && takes(0, 8) && takes(0, 16) && takes(0, 32) && takes(0, 64),
		"these widths are taken, and that of the argument");
}

/* A rule whose place is not said is kept by its number, also of a call that a multiplexer carries. */
static void test_carried(void)
{
	struct sluice_rule rule = {.size = sizeof(rule), .action = SCMP_ACT_ERRNO(7), .call = "socket"};
	struct sock_filter *insns[2] = {NULL, NULL};
	size_t count[2] = {0, 0};

	for (int i = 0; i < 2; i++) {
		struct sluice_filter *filter = start();

		rule.where = i ? "file:1" : NULL;
		if (sluice_filter_add(filter, &rule, NULL) ||
			sluice_filter_compile(filter, &insns[i], &count[i], NULL) ||
			sluice_filter_prove(filter, insns[i], count[i], NULL, NULL))
			n_failed++;
		sluice_filter_free(filter);
	}
	check(count[0] && count[0] == count[1] && memcmp(insns[0], insns[1], count[0] * sizeof(*insns[0])) == 0,
		"a rule of a carried call does the same with a place and without");
	free(insns[0]);
	free(insns[1]);
}

static void test_nothing(void)
{
	struct sluice_filter *filter = start();
	struct sluice_error error = {0};
	struct sock_filter *insns = NULL;
	size_t count;
	char *text;
	int fd;

	check(said(&error, sluice_filter_parse(NULL, 1, "name", &filter, &error), -EINVAL, "name") &&
			sluice_filter_parse("ALLOW read", 10, "name", NULL, NULL) == -EINVAL,
		"no text, and no place for its filter");
	check(sluice_filter_text(NULL, &text) == -EINVAL && sluice_filter_text(filter, NULL) == -EINVAL,
		"no filter to show, and no place for its text");
	check(said(&error, sluice_filter_compile(NULL, &insns, &count, &error), -EINVAL, "there is no filter") &&
			sluice_filter_compile(filter, NULL, &count, NULL) == -EINVAL &&
			sluice_filter_compile(filter, &insns, NULL, NULL) == -EINVAL,
		"no filter to compile, and no place for its program");
	check(said(&error, sluice_filter_prove(NULL, NULL, 0, NULL, &error), -EINVAL, "no filter or no program") &&
			sluice_filter_prove(filter, &(struct sock_filter){0}, 4097, NULL, NULL) == -EINVAL,
		"no filter to prove, and a program that is too long");
	check(sluice_filter_export(NULL, 1, NULL) == -EINVAL && sluice_filter_load(NULL, 0, NULL, NULL) == -EINVAL,
		"no filter to export or to load");
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	check(said(&error, sluice_filter_export(filter, fd, &error), -ENOSPC, "the program could not be written"),
		"a full file");
	close(fd);
	check(sluice_filter_export(filter, -1, NULL) == -EBADF, "a closed file");
	sluice_filter_free(filter);
	sluice_filter_free(NULL);
}

/* A filter of the other byte order is compiled and proved, and goes nowhere from here. */
static void test_byte_order(void)
{
	static const char *const texts_of[] = {"arch x86_64\nALLOW read\n", "arch s390x\nALLOW read\n"};
	const char *text = texts_of[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__];
	struct sluice_filter *filter = NULL;
	struct sluice_error error = {0};
	struct sock_filter *insns = NULL;
	size_t count = 0;
	int pipes[2];
	char byte;

	if (sluice_filter_parse(text, strlen(text), "test", &filter, NULL) || pipe2(pipes, O_CLOEXEC | O_NONBLOCK))
		abort();
	check(sluice_filter_compile(filter, &insns, &count, NULL) == 0 &&
			sluice_filter_prove(filter, insns, count, NULL, NULL) == 0,
		"a filter of the other byte order is proved");
	free(insns);
	check(said(&error, sluice_filter_export(filter, pipes[1], &error), -EDOM, "the filter is for the other byte order") &&
			read(pipes[0], &byte, 1) == -1 && errno == EAGAIN,
		"and not exported");
	check(said(&error, sluice_filter_load(filter, 0, NULL, &error), -EDOM, "the filter is for the other byte order"),
		"nor loaded");
	close(pipes[0]);
	close(pipes[1]);
	sluice_filter_free(filter);
}

/* ---- programs of files ------------------------------------------------------------------ */

static int hear(const struct sluice_region *region, bool least, void *data)
{
	(void)region, (void)least, (void)data;
	return 0;
}

static struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

/* In every place of two programs. */
static void refuse_program(const struct sock_fprog *bad, int rc, const char *merged, const char *viewed)
{
	const struct sock_fprog good = {1, &allow};
	const struct sluice_rule rule = {.size = sizeof(rule), .action = SCMP_ACT_ALLOW, .call = "dup"};
	struct sock_filter *insns = &allow;
	struct sluice_error error = {0};
	size_t count = 7;

	for (int how = SLUICE_MERGE_UNION; how <= SLUICE_MERGE_INTERSECTION; how++) {
		check(said(&error, sluice_filter_merge(how, bad, &good, &insns, &count, &error), rc, merged) &&
				said(&error, sluice_filter_merge(how, &good, bad, &insns, &count, &error), rc, merged) &&
				insns == &allow && count == 7,
			merged);
	}
	check(said(&error, sluice_view_equal(bad, &good, NULL, 0, NULL, &error), rc, viewed) &&
			said(&error, sluice_view_equal(&good, bad, NULL, 0, NULL, &error), rc, viewed),
		viewed);
	check(said(&error, sluice_view_compare(bad, &good, NULL, 0, hear, NULL, &error), rc, viewed) &&
			said(&error, sluice_view_compare(&good, bad, NULL, 0, hear, NULL, &error), rc, viewed),
		viewed);
	check(said(&error, sluice_view_reaches(bad, &rule, NULL, 0, NULL, &error), rc, viewed), viewed);
}

static void test_programs(void)
{
	static const char refused[] = "the kernel would refuse one of the programs";
	static const char unclear[] = "it cannot be told what one of the programs does";
	/* Divides by what the caller says. */
	static struct sock_filter divides[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
		BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_IMM, 77),
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), BPF_STMT(BPF_RET | BPF_A, 0)};
	static struct sock_filter bad = {0x99, 0, 0, 0};

	refuse_program(&(struct sock_fprog){1, &bad}, -EINVAL, refused, refused);
	refuse_program(&(struct sock_fprog){0, &allow}, -EINVAL, refused, refused);
	refuse_program(&(struct sock_fprog){1, NULL}, -EINVAL, refused, refused);
	refuse_program(&(struct sock_fprog){5, divides}, -EOPNOTSUPP,
		"one of the programs has an instruction that cannot be followed", unclear);
}

/* The longest program that the kernel takes is proved as others are. */
static void test_longest(void)
{
	static const char text[] = "default ALLOW\nbadarch ALLOW\n";
	static struct sock_filter insns[4096];
	struct sluice_filter *filter = NULL;
	struct seccomp_data data = {0};

	if (sluice_filter_parse(text, strlen(text), "test", &filter, NULL))
		abort();
	for (size_t i = 0; i < 4096; i++)
		insns[i] = allow;
	check(sluice_filter_prove(filter, insns, 4096, NULL, NULL) == 0, "4096 instructions");
	insns[0].k = SCMP_ACT_ERRNO(1);
	check(sluice_filter_prove(filter, insns, 4096, NULL, NULL) == 1 &&
			sluice_filter_prove(filter, insns, 4096, &data, NULL) == 1,
		"and refuted, with and without a place for the input");
	sluice_filter_free(filter);
}

/* Bits of two arguments in pairs: a short program whose function is large, whatever its parts are. */
static void test_too_hard(void)
{
	static char text[4000] = "arch x86_64\ndefault ALLOW\n";
	struct sluice_filter *filter = NULL;
	struct sluice_error error = {0};
	struct sock_filter *insns = NULL, *none = NULL;
	struct seccomp_data data = {.nr = 7};
	struct sock_fprog hard;
	size_t count = 0, n = 7;
	char *to = text + strlen(text);

	for (unsigned int i = 0; i < 32; i++)
		to += sprintf(to, "ERRNO(%u) 1000/x86_64 if a0:64 & 0x%x == 0x%x and a1:64 & 0x%x == 0x%x\n",
			1 + i % 2, 1u << i, 1u << i, 1u << i * 5 % 32, 1u << i * 5 % 32);
	unsetenv("SECCOMP_SELF_CHECK");
	if (sluice_filter_parse(text, strlen(text), "test", &filter, NULL) ||
		sluice_filter_compile(filter, &insns, &count, NULL))
		abort();
	check(said(&error, sluice_filter_prove(filter, insns, count, &data, &error), -E2BIG,
		      "the proof could not be made") && data.nr == 7,
		"a program that is too hard to prove is not called proved");
	setenv("SECCOMP_SELF_CHECK", "1", 1);
	check(said(&error, sluice_filter_compile(filter, &none, &n, &error), -EOVERFLOW, "no proof within the bounds") &&
			!none && n == 7,
		"nor handed out where who asks wants a proof");
	unsetenv("SECCOMP_SELF_CHECK");
	hard = (struct sock_fprog){(unsigned short)count, insns};
	check(said(&error, sluice_filter_merge(SLUICE_MERGE_UNION, &hard, &hard, &none, &n, &error), -E2BIG,
		      "too large to be followed") && !none && n == 7,
		"nor merged");
	free(insns);
	sluice_filter_free(filter);
}

static void test_no_programs(void)
{
	const struct sock_fprog good = {1, &allow};
	const uint32_t other[] = {__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? SCMP_ARCH_S390X : SCMP_ARCH_X86_64},
		unknown[] = {0x12345};
	struct sluice_rule rule = {.size = sizeof(rule), .action = SCMP_ACT_ALLOW, .call = "dup"};
	struct sock_filter *insns = NULL;
	struct sluice_error error = {0};
	size_t count;

	check(said(&error, sluice_filter_merge(SLUICE_MERGE_UNION, NULL, &good, &insns, &count, &error), -EINVAL,
		      "there are no two programs") &&
			sluice_filter_merge(SLUICE_MERGE_UNION, &good, NULL, &insns, &count, NULL) == -EINVAL &&
			sluice_filter_merge(SLUICE_MERGE_UNION, &good, &good, NULL, &count, NULL) == -EINVAL &&
			sluice_filter_merge(SLUICE_MERGE_UNION, &good, &good, &insns, NULL, NULL) == -EINVAL &&
			sluice_filter_merge(2, &good, &good, &insns, &count, NULL) == -EINVAL,
		"nothing to merge, no place for it, no such merge");
	check(sluice_view_equal(NULL, &good, NULL, 0, NULL, NULL) == -EINVAL &&
			sluice_view_equal(&good, NULL, NULL, 0, NULL, NULL) == -EINVAL &&
			said(&error, sluice_view_equal(&good, &good, unknown, 1, NULL, &error), -EINVAL,
				"no architecture has the token 0x12345"),
		"no programs to compare, no such architecture");
	check(sluice_view_compare(&good, NULL, NULL, 0, hear, NULL, NULL) == -EINVAL &&
			sluice_view_compare(&good, &good, NULL, 0, NULL, NULL, NULL) == -EINVAL &&
			said(&error, sluice_view_compare(&good, &good, unknown, 1, hear, NULL, &error), -EINVAL,
				"no architecture has the token 0x12345"),
		"and nobody who hears of the regions");
	check(sluice_view_reaches(NULL, &rule, NULL, 0, NULL, NULL) == -EINVAL &&
			sluice_view_reaches(&good, NULL, NULL, 0, NULL, NULL) == -EINVAL,
		"no program, no question");
	check(said(&error, sluice_view_reaches(&good, &rule, unknown, 1, NULL, &error), -EINVAL,
		      "no architecture has the token 0x12345") &&
			said(&error, sluice_view_reaches(&good, &rule, other, 1, NULL, &error), -EDOM,
				"the program is for the other byte order"),
		"no such architecture, and one of the other byte order");
	rule.call = "nothing";
	check(said(&error, sluice_view_reaches(&good, &rule, NULL, 0, NULL, &error), -ENOENT, "no such call"),
		"a question of no call");
	rule.call = "dup";
	rule.action = SCMP_ACT_ERRNO(4096);
	check(sluice_view_reaches(&good, &rule, NULL, 0, NULL, NULL) == -EINVAL, "a question of no action");
	rule.size--;
	rule.action = SCMP_ACT_ALLOW;
	check(sluice_view_reaches(&good, &rule, NULL, 0, NULL, NULL) == -EINVAL, "a question that is too small");
}

int main(void)
{
	test_options();
	test_newer();
	test_rules();
	test_conditions();
	test_carried();
	test_nothing();
	test_byte_order();
	test_programs();
	test_longest();
	test_too_hard();
	test_no_programs();
	printf("1..%u\n", n_checks);
	return n_failed ? 1 : 0;
}
