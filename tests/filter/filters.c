/* Filters by example: widths, errors, the cut-off, sizes.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <sluice-calls.h>
#include <stdlib.h>

#include "bpf/bpf.h"
#include "compiling.h"

static uint32_t run(const struct sock_fprog *p, uint32_t arch, int nr, uint64_t a0, uint64_t a1)
{
	struct seccomp_data d = {.arch = arch, .nr = nr, .args = {a0, a1}};
	uint32_t words[16];

	sc_bpf_words(&d, false, words);
	return sc_bpf_run(p->filter, p->len, words, NULL);
}

/* Each is refused with this error, and the message or the place says this. */
static const struct {
	int rc;
	const char *text, *says;
} errors[] = {
	{-EINVAL, "default ALLOWED\n", "ALLOWED"},
	{-EINVAL, "ERRNO(1) read\nsocket\n", "test:2"},
	{-EINVAL, "ALLOW read\ndefault LOG\n", "before the rules"},
	{-EINVAL, "default LOG\ndefault LOG\n", "twice"},
	{-ENOENT, "ALLOW raed\n", "rule 1 (ALLOW raed)"},
	{-ENOENT, "ALLOW read\nERRNO(1) socket if domian == 1\n", "rule 2 (ERRNO(1) socket)"},
	{-ENOENT, "ERRNO(1) socket if domain == AF_NETLING\n", "AF_NETLING"},
	{-ERANGE, "ERRNO(1) socket if domain == 0x100000010\n", "does not fit"},
	{-EINVAL, "ERRNO(1) socket if domain & 1 == 2\n", "outside of the mask"},
	{-EINVAL, "ERRNO(1) socket if domain in 5..1\n", "range"},
	{-EINVAL, "ERRNO(1) * if a0 == 1\n", "every number"},
	{-EINVAL, "arch x86_64\nALLOW 5/arm\n", "architecture"},
	{-EINVAL, "ALLOW read if\n", "condition is missing"},
	{-EINVAL, "ALLOW read foo\n", "foo"},
	{-EDOM, "arch x86_64 s390x\n", "byte orders"},
	{-EINVAL, "ERRNO(5000) read\n", "ERRNO(5000)"},
	{-EINVAL, "newer 6.+12 ERRNO(38)\n", "like 6.12"},
	{-EINVAL, "newer +6.12 ERRNO(38)\n", "like 6.12"},
	{-EINVAL, "newer 65542.12 ERRNO(38)\n", "like 6.12"},
	{-EINVAL, "newer 0.12 ERRNO(38)\n", "no such kernel"},
};

static void test_errors(void)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		struct sluice_filter *filter = NULL;
		struct sluice_error error = {0};
		int rc = sluice_filter_parse(
			errors[i].text, strlen(errors[i].text), "test", &filter, &error);

		if (rc != errors[i].rc || filter ||
			(!strstr(error.message, errors[i].says) &&
				!strstr(error.where, errors[i].says)))
			printf("# %d %s: %s\n", rc, error.where, error.message);
		check(rc == errors[i].rc && !filter &&
				(strstr(error.message, errors[i].says) ||
					strstr(error.where, errors[i].says)),
			errors[i].says);
		sluice_filter_free(filter);
	}
}

static void test_widths(void)
{
	struct sock_fprog p = compile("default ALLOW\narch x86_64 x86 x32\nmultiplexed refuse\n"
				      "ERRNO(1) socket if domain == AF_NETLINK\n");
	struct sock_fprog x32 = compile("default ERRNO(1)\narch x86_64 x86 x32\n"
					"ALLOW munmap if len in 0..4096\n");
	const struct sluice_value size = {.number = 0x100000005};
	const struct sluice_filter_condition is_large = {
		.argument = "len", .op = SLUICE_OP_EQ, .values = &size, .n_values = 1};
	const struct sluice_rule large = {.size = sizeof(large), .action = SCMP_ACT_ALLOW,
		.call = "munmap", .conditions = &is_large, .n_conditions = 1};
	const uint32_t token = SCMP_ARCH_X32;

	check(run(&p, AUDIT_ARCH_X86_64, 41, 16, 0) == SCMP_ACT_ERRNO(1) &&
			run(&p, AUDIT_ARCH_X86_64, 41, 0xdead000000000010, 0) == SCMP_ACT_ERRNO(1) &&
			run(&p, AUDIT_ARCH_X86_64, 0x40000000 + 41, 0xff00000010, 0) ==
				SCMP_ACT_ERRNO(1) &&
			run(&p, AUDIT_ARCH_I386, 359, 0x100000010, 0) == SCMP_ACT_ERRNO(1) &&
			run(&p, AUDIT_ARCH_X86_64, 41, 17, 0) == SCMP_ACT_ALLOW,
		"no high word walks around an int");
	check(run(&x32, AUDIT_ARCH_X86_64, 0x40000000 + 11, 0, 5) == SCMP_ACT_ALLOW &&
			run(&x32, AUDIT_ARCH_X86_64, 0x40000000 + 11, 0, 0x100000005) ==
				SCMP_ACT_ERRNO(1) &&
			run(&x32, AUDIT_ARCH_I386, 91, 0, 0x100000005) == SCMP_ACT_ALLOW,
		"a high word walks around no size of x32, whose calls are those of 64 bits");
	check(sluice_view_reaches(&x32, &large, &token, 1, NULL, NULL) == 0, "nor in the kernel's view");
	free(x32.filter);
	check(run(&p, AUDIT_ARCH_I386, 102, 1, 0) == SCMP_ACT_ERRNO(ENOSYS) &&
			run(&p, AUDIT_ARCH_I386, 102, 0x100000001, 0) == SCMP_ACT_ERRNO(ENOSYS) &&
			run(&p, AUDIT_ARCH_I386, 102, 3, 0) == SCMP_ACT_ALLOW,
		"socketcall's socket is refused");
	free(p.filter);
}

/* Arguments by number: of the same call under another name, where they lie elsewhere; of a call that has fewer; and of
 * one whose arguments nobody knows. */
static void test_numbered(void)
{
	struct sock_fprog p = compile("default ALLOW\narch x86 x86_64\nERRNO(1) lseek if a2 == 2\n"
				      "ERRNO(2) close/x86_64 if a1 == 0x100000003\n"
				      "ERRNO(3) close/x86 if a1 == 3\n"
				      "ERRNO(4) tuxcall/x86_64 if a0 == 0x100000003\n");
	struct sock_fprog row_0 = compile("default ALLOW\narch x86\nERRNO(1) _llseek if a4 == 2\n");
	const struct seccomp_data there = {.arch = AUDIT_ARCH_I386, .nr = 140, .args = {0, 0, 0, 0, 2}},
				  elsewhere = {.arch = AUDIT_ARCH_I386, .nr = 140, .args = {0, 0, 2}},
				  seek = {.arch = AUDIT_ARCH_I386, .nr = 19, .args = {0, 0, 2}};
	uint32_t words[3][16];

	sc_bpf_words(&there, false, words[0]);
	sc_bpf_words(&elsewhere, false, words[1]);
	sc_bpf_words(&seek, false, words[2]);
	check(sc_bpf_run(p.filter, p.len, words[0], NULL) == SCMP_ACT_ERRNO(1) &&
			sc_bpf_run(p.filter, p.len, words[1], NULL) == SCMP_ACT_ALLOW &&
			sc_bpf_run(p.filter, p.len, words[2], NULL) == SCMP_ACT_ERRNO(1),
		"lseek's whence is the fifth argument of _llseek");
	/* The first call of the tables. */
	check(sc_bpf_run(row_0.filter, row_0.len, words[0], NULL) == SCMP_ACT_ERRNO(1) &&
			sc_bpf_run(row_0.filter, row_0.len, words[1], NULL) == SCMP_ACT_ALLOW &&
			sc_bpf_run(row_0.filter, row_0.len, words[2], NULL) == SCMP_ACT_ERRNO(1),
		"and _llseek's is the third of lseek");
	free(row_0.filter);
	row_0 = compile("default ALLOW\narch ppc64le\nERRNO(1) _llseek if a0 == 3\n");
	check(run(&row_0, AUDIT_ARCH_PPC64LE, 140, 0x100000003, 0) == SCMP_ACT_ERRNO(1) &&
			run(&row_0, AUDIT_ARCH_PPC64LE, 140, 4, 0) == SCMP_ACT_ALLOW,
		"its descriptor is an int, by number, too");
	free(row_0.filter);
	check(run(&p, AUDIT_ARCH_X86_64, 3, 0, 0x100000003) == SCMP_ACT_ERRNO(2) &&
			run(&p, AUDIT_ARCH_X86_64, 3, 0, 3) == SCMP_ACT_ALLOW &&
			run(&p, AUDIT_ARCH_I386, 6, 0, 0x100000003) == SCMP_ACT_ERRNO(3),
		"an argument that the call does not have is as wide as a register");
	check(run(&p, AUDIT_ARCH_X86_64, 184, 0x100000003, 0) == SCMP_ACT_ERRNO(4) &&
			run(&p, AUDIT_ARCH_X86_64, 184, 3, 0) == SCMP_ACT_ALLOW,
		"and so is one of a call that has no prototype");
	free(p.filter);
}

/* arm lacks mmap(2), and has it as mmap2(2): which argument a number means is asked of this machine's. */
static void test_numbered_elsewhere(void)
{
	const struct seccomp_data map = {.arch = AUDIT_ARCH_ARM, .nr = 192, .args = {1, 2, 3, 4, 5, 6}};
	struct sock_fprog p;
	uint32_t words[16];

	if (seccomp_arch_native() != SCMP_ARCH_X86_64 && seccomp_arch_native() != SCMP_ARCH_AARCH64)
		return; /* there mmap(2) has other arguments */
	p = compile("default ALLOW\narch arm\nERRNO(1) mmap if a2 == 3\nERRNO(2) mmap if a3 == 4\n");
	sc_bpf_words(&map, false, words);
	check(p.len && sc_bpf_run(p.filter, p.len, words, NULL) == SCMP_ACT_ERRNO(1),
		"an argument by the number that it has on this machine");
	free(p.filter);
}

static void test_negated(void)
{
	struct sock_fprog p = compile("default ERRNO(1)\narch x86_64\nALLOW dup if fildes != 3\n"
				      "ALLOW close if not fd != 3\n");

	check(run(&p, AUDIT_ARCH_X86_64, 32, 3, 0) == SCMP_ACT_ERRNO(1) &&
			run(&p, AUDIT_ARCH_X86_64, 32, 4, 0) == SCMP_ACT_ALLOW,
		"!= is what == is not");
	check(run(&p, AUDIT_ARCH_X86_64, 3, 3, 0) == SCMP_ACT_ALLOW &&
			run(&p, AUDIT_ARCH_X86_64, 3, 4, 0) == SCMP_ACT_ERRNO(1),
		"and not != is ==");
	free(p.filter);
}

/* A range over both halves of an argument is three ways to hold: each asks what stands behind it. */
static void test_ways(void)
{
	static const uint64_t halves[][2] = {{1, 1}, {0, 2}, {0xfffffffe, 3}}; /* the low one first */
	struct sock_fprog p = compile("default ERRNO(1)\narch x86\n"
				      "ALLOW pread64 if pos in 0x100000001..0x3fffffffe and fd == 7\n");

	for (size_t i = 0; i < sizeof(halves) / sizeof(*halves); i++)
		for (uint64_t fd = 6; fd <= 7; fd++) {
			const struct seccomp_data d = {.arch = AUDIT_ARCH_I386,
				.nr = 180,
				.args = {fd, 0, 0, halves[i][0], halves[i][1]}};
			uint32_t words[16];

			sc_bpf_words(&d, false, words);
			check(sc_bpf_run(p.filter, p.len, words, NULL) ==
					(fd == 7 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(1)),
				fd == 7 ? "a way to be in the range holds" : "not for another descriptor");
		}
	free(p.filter);
}

static size_t length_of(const char *text)
{
	struct sock_fprog p = compile(text);

	free(p.filter);
	return p.len;
}

/* A filter that names no architecture is for all of this machine. */
static void test_machine(void)
{
	static const char text[] = "default ALLOW\nERRNO(7) dup\n";
	struct sluice_error error = {0};
	struct sluice_filter *filter;
	struct sock_fprog p = {0};
	size_t count;

	if (sluice_filter_parse(text, strlen(text), "test", &filter, &error) ||
		sluice_filter_compile(filter, &p.filter, &count, &error))
		abort();
	p.len = (unsigned short)count;
	check(sluice_filter_prove(filter, p.filter, count, NULL, &error) == 0 && !error.message[0],
		"the proof of a filter says nothing where it holds");
	if (seccomp_arch_native() == SCMP_ARCH_X86_64)
		check(run(&p, SCMP_ARCH_X86_64, 32, 0, 0) == SCMP_ACT_ERRNO(7) &&
				run(&p, SCMP_ARCH_X86, 41, 0, 0) == SCMP_ACT_ERRNO(7) &&
				run(&p, SCMP_ARCH_X86_64, 0x40000020, 0, 0) == SCMP_ACT_ERRNO(7) &&
				run(&p, SCMP_ARCH_X86, 32, 0, 0) == SCMP_ACT_ALLOW,
			"no architecture named: all that this machine runs");
	free(p.filter);
	sluice_filter_free(filter);
}

/* Single values, which are built without lists if they ascend or descend. */
static void test_points(void)
{
	static const char *const orders[][4] = {
		{"0", "8", "0x20000", "0xffffffff"}, {"0xffffffff", "0x20000", "8", "0"},
		{"8", "0", "0xffffffff", "0x20000"}, {"7", "8", "9", "8"}};
	bool good = true;

	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		struct sluice_filter *filter = NULL;
		char text[300];

		snprintf(text, sizeof(text),
			"default ERRNO(1)\narch x86_64\nALLOW dup if a0:64 == %s\nLOG dup if a0:64 == %s\n"
			"ALLOW dup if a0:64 == %s\nALLOW dup if a0:64 == %s\n",
			orders[i][0], orders[i][1], orders[i][2], orders[i][3]);
		good &= !sluice_filter_parse(text, strlen(text), "test", &filter, NULL) &&
			sluice_filter_prove(filter, NULL, 0, NULL, NULL) == 0;
		sluice_filter_free(filter);
	}
	check(good, "single values in every order do what the rules say");
}

/* Rule by rule is shorter where calls share a test, or where rules with two actions alternate. */
static void test_rule_by_rule(void)
{
	struct sock_fprog shared = compile("default ERRNO(1)\narch x86_64\noptimize 2\n"
					   "ALLOW dup if fildes == 0x80000000\n"
					   "ALLOW close if fd sin -3..64\n"
					   "ALLOW close if fd == 0x80000000\n");
	struct sock_fprog sets = compile("default ALLOW\narch x86_64\n"
					 "ERRNO(38) personality if persona in { 1, 5, 9, 40, 77 }\n"
					 "KILL_PROCESS personality if persona in { 2, 6, 10, 41, 1000 }\n");

	check(shared.len && shared.len <= 16, "what another call asks is shared");
	check(sets.len && sets.len <= 20, "sets with two actions are asked one after the other");
	free(shared.filter);
	free(sets.filter);
}

/* Argument by argument is shorter where rules ask the same of one argument: it is asked once. */
static void test_by_argument(void)
{
	struct sock_fprog p = compile("default ALLOW\narch x86_64\n"
				      "ERRNO(1) dup3 if oldfd in 0..5 and newfd in 30..33\n"
				      "ERRNO(1) dup3 if oldfd in 30..35 and newfd in 30..33\n"
				      "ERRNO(4) dup3 if oldfd in 30..33 and newfd in 30..33 and "
				      "flags in 30..35\n");

	check(p.len && p.len <= 16, "what rules ask of one argument is asked once");
	free(p.filter);
}

/* Ranges and sets over an int take no more than the same over 64 bits. */
static void test_sizes(void)
{
	static const char *const conditions[] = {"in 3..9", "in { 1, 2, 3, 10, 16, 17 }",
		"not in 3..9", "sin -5..5", "& 0xf00 == 0x300", "any 0x7e020000", "only 0xff",
		"in { 0, 8, 0x20000, 0x20008, 0xffffffff }", "!= 16"};
	char text[2][200], name[200];

	for (size_t i = 0; i < sizeof(conditions) / sizeof(*conditions); i++) {
		bool negated = strncmp(conditions[i], "not ", 4) == 0;
		size_t n[2];

		for (int w = 0; w < 2; w++) {
			snprintf(text[w], sizeof(text[w]),
				"default ALLOW\narch x86_64\nERRNO(1) socket if %sa0:%d %s\n",
				negated ? "not " : "", w ? 64 : 32,
				conditions[i] + (negated ? 4 : 0));
			n[w] = length_of(text[w]);
		}
		snprintf(name, sizeof(name), "%s: %zu instructions, %zu over 64 bits",
			conditions[i], n[0], n[1]);
		check(n[0] > 0 && n[0] <= n[1], name);
	}
}

static const char *const cut_archs[] = {
	"x86_64", "x86", "arm", "aarch64", "riscv64", "ppc64le", "loongarch64"};

/* Every call of an architecture against the cut-off; @wrong counts. */
static void test_cut(const char *arch, unsigned major, unsigned minor)
{
	uint32_t token = seccomp_arch_resolve_name(arch), enosys = SCMP_ACT_ERRNO(ENOSYS);
	unsigned at = 0, newer = 0, older = 0, wrong = 0;
	struct sock_fprog with, without;
	char text[200], name[200];
	const char *call;

	snprintf(text, sizeof(text),
		"default ERRNO(1)\narch %s\nmultiplexed allow\nALLOW @file-system\nALLOW @basic-io\n", arch);
	without = compile(text);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "newer %u.%u ERRNO(38)\n", major,
		minor);
	with = compile(text);
	while ((call = sluice_call_next(token, &at))) {
		struct sluice_call_info info = {.size = sizeof(info)};
		uint32_t got, was;

		if (sluice_call_info(token, call, &info) || info.nr < 0)
			continue;
		got = run(&with, token, info.nr, 0, 0);
		was = run(&without, token, info.nr, 0, 0);
		if (info.since > (major << 16 | minor)) {
			newer++;
			wrong += got != enosys;
		} else {
			older++;
			wrong += got != was;
		}
	}
	wrong += run(&with, token, 0x7fff, 0, 0) != enosys;
	wrong += run(&with, token, -1, 0, 0) != run(&without, token, -1, 0, 0);
	snprintf(name, sizeof(name), "%s after %u.%u: %u newer, %u older, %d instructions more",
		arch, major, minor, newer, older, with.len - without.len);
	check(!wrong && newer && older && with.len <= without.len + 6, name);
	free(with.filter);
	free(without.filter);
}

static void test_cuts(void)
{
	static const unsigned kernels[][2] = {{5, 10}, {6, 1}, {6, 12}};

	for (size_t a = 0; a < sizeof(cut_archs) / sizeof(*cut_archs); a++)
		for (size_t k = 0; k < 3; k++)
			test_cut(cut_archs[a], kernels[k][0], kernels[k][1]);
}

/* A rule that names a newer call says more than the cut-off, but where no rule is reached any more. */
static void test_named_newer(void)
{
	struct sock_fprog named = compile("default ERRNO(1)\narch x86_64\nnewer 5.10 ERRNO(38)\n"
					  "ALLOW mount_setattr\n"),
			  behind = compile("default ERRNO(1)\narch x86_64\nnewer 5.10 ERRNO(38)\n"
					   "LOG *\nALLOW mount_setattr\n");

	check(run(&named, AUDIT_ARCH_X86_64, 442, 0, 0) == SCMP_ACT_ALLOW &&
			run(&named, AUDIT_ARCH_X86_64, 444, 0, 0) == SCMP_ACT_ERRNO(38),
		"a newer call that is named is not cut off, and another is");
	check(run(&behind, AUDIT_ARCH_X86_64, 442, 0, 0) == SCMP_ACT_ERRNO(38) &&
			run(&behind, AUDIT_ARCH_X86_64, 32, 0, 0) == SCMP_ACT_LOG,
		"one that is named behind a rule for all numbers is");
	free(named.filter);
	free(behind.filter);
}

/* The program of those lines that are rules of the filter: not every call is on every architecture. */
static struct sock_fprog compile_those(char *text)
{
	char *line = strstr(text, "\narch ") + 1, *end;
	struct sluice_filter *filter;

	while ((end = strchr(line, '\n'))) {
		size_t length = (size_t)(end + 1 - text);

		if (sluice_filter_parse(text, length, "test", &filter, NULL)) {
			memmove(line, end + 1, strlen(end + 1) + 1);
			continue;
		}
		sluice_filter_free(filter);
		line = end + 1;
	}
	return compile(text);
}

/* Rules that ask nothing of arguments are kept apart when they are added. Said with a condition that always holds, they
 * are not: the same list must be the same program, in every order. */
static void append_rule(char *text, size_t size, uint32_t *state, bool always)
{
	static const char *const actions[] = {"ALLOW", "ERRNO(1)", "LOG"};
	/* And an argument, by which others find theirs. A group and a number are kept apart in no case. */
	static const char *const calls[][2] = {{"read", "fd"}, {"chown", "filename"}, {"chown32", "filename"},
		{"fcntl", "fd"}, {"fcntl64", "fd"}, {"lseek", "fd"}, {"_llseek", "fd"}, {"openat", "dfd"},
		{"cacheflush", "start"}, {"@network-io", NULL}, {"500/x86_64", NULL}, {"read/x32", "fd"}};
	size_t length = strlen(text);
	uint32_t r, which;

	*state = *state * 1664525 + 1013904223;
	r = *state >> 8;
	which = r / 4 % 13;
	length += (size_t)snprintf(text + length, size - length, "%s ", actions[r / 96 % 3]);
	if (which == 12) {
		snprintf(text + length, size - length, "*\n");
		return;
	}
	length += (size_t)snprintf(text + length, size - length, "%s%s", calls[which][0],
		r / 288 % 4 ? "" : " exact");
	if (r % 4 == 3 && calls[which][1])
		length += (size_t)snprintf(
			text + length, size - length, " if %s in 5..9", calls[which][1]);
	else if (always && calls[which][1])
		length += (size_t)snprintf(text + length, size - length,
			" if %s:64 in 0..0xffffffffffffffff", calls[which][1]);
	snprintf(text + length, size - length, "\n");
}

static void test_apart(void)
{
	static const char *const heads[] = {"default KILL_PROCESS\narch x86_64 x32\n",
		"default ERRNO(5)\narch aarch64 arm\n",
		"default KILL_PROCESS\narch x86_64 x32\nnewer 5.10 ERRNO(38)\n"};
	bool good = true;

	for (uint32_t seed = 0; seed < 300 && good; seed++) {
		struct sock_fprog made[2];

		for (int always = 0; always < 2; always++) {
			char text[4096];
			uint32_t state = seed;

			snprintf(text, sizeof(text), "%s", heads[seed % 3]);
			for (uint32_t i = 0; i < 2 + seed % 12; i++)
				append_rule(text, sizeof(text), &state, always);
			made[always] = compile_those(text);
		}
		good = made[0].len && made[0].len == made[1].len &&
			memcmp(made[0].filter, made[1].filter,
				made[0].len * sizeof(*made[0].filter)) == 0;
		if (!good)
			printf("# seed %u: %u and %u instructions\n", seed, made[0].len, made[1].len);
		free(made[0].filter);
		free(made[1].filter);
	}
	check(good, "a rule without conditions is one whose condition always holds, in every order");
}

/* A rule for a number, whether or not a call is known to have it. */
static void test_numbers(void)
{
	bool good = true;

	for (int nr = 0; nr < 1030 && good; nr++) {
		char text[100];
		struct sock_fprog p;

		snprintf(text, sizeof(text), "default ALLOW\narch x86_64\nERRNO(3) %d/x86_64\n", nr);
		p = compile(text);
		good = p.len && run(&p, AUDIT_ARCH_X86_64, nr, 0, 0) == SCMP_ACT_ERRNO(3) &&
			run(&p, AUDIT_ARCH_X86_64, nr + 1, 0, 0) == SCMP_ACT_ALLOW;
		if (!good)
			printf("# %s", text);
		free(p.filter);
	}
	check(good, "a rule for each number");
}

/* Less than to end a thread is to end its process. */
static void test_killed(void)
{
	static const uint32_t ends[] = {SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL_THREAD};

	for (int how = 0; how < 2; how++)
		for (int first = 0; first < 2; first++) {
			struct sock_filter a = BPF_STMT(BPF_RET | BPF_K, ends[first]),
					   b = BPF_STMT(BPF_RET | BPF_K, ends[!first]);
			struct sock_fprog p = {0};
			size_t n = 0;

			if (sluice_filter_merge(how ? SLUICE_MERGE_UNION : SLUICE_MERGE_INTERSECTION,
				    &(struct sock_fprog){1, &a}, &(struct sock_fprog){1, &b}, &p.filter, &n, NULL))
				abort();
			p.len = (unsigned short)n;
			check(run(&p, AUDIT_ARCH_X86_64, 32, 0, 0) == ends[how],
				how ? "an end of the thread permits more" : "an end of the process permits less");
			free(p.filter);
		}
}

/* Where rule @i of the next test asks from; up to 60 more. */
static unsigned from(unsigned arg, unsigned i)
{
	return arg ? 10 + i * 17 % 41 : 10 + i;
}

/* The action of the first of the rules that holds. */
static uint32_t first_of(unsigned n, unsigned a0, unsigned a1)
{
	for (unsigned i = 0; i < n; i++)
		if (a0 - from(0, i) <= 60 && a1 - from(1, i) <= 60)
			return SCMP_ACT_ERRNO(1 + i);
	return SCMP_ACT_ALLOW;
}

/* Each piece of one argument leaves other rules for the next one: too much for lists. */
static void test_ranges_that_multiply(void)
{
	char text[8192] = "default ALLOW\narch x86_64\n";
	size_t n = strlen(text);
	struct sock_fprog p;
	bool good = true;

	for (unsigned i = 0; i < 41; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
			"ERRNO(%u) dup3 if a0:32 in %u..%u and a1:32 in %u..%u and a2:32 in 0..%u\n", 1 + i,
			from(0, i), from(0, i) + 60, from(1, i), from(1, i) + 60, i * 23 % 41);
	p = compile(text);
	check(p.len && p.len <= 9 * 41 + 20, "ranges that multiply are asked rule by rule");
	for (unsigned a0 = 0; a0 < 120 && good; a0 += 3)
		for (unsigned a1 = 0; a1 < 120 && good; a1 += 3)
			good = run(&p, AUDIT_ARCH_X86_64, 292, a0, a1) == first_of(41, a0, a1);
	check(good, "and say what the first of them says");
	free(p.filter);
}

/* Lists go down a level for each mask, and so does the stack: up to a bound. */
static void test_many_masks(void)
{
	char text[8192] = "default ALLOW\narch x86_64\nERRNO(200) dup2 if a0:32 in 7001..7003\n";
	size_t n = strlen(text);
	struct sock_fprog p;

	for (int i = 1; i < 80; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
			"ERRNO(%d) dup2 if a0:32 & %#x == %#x\n", i, 0x100 | i, 0x100 | i);
	p = compile(text);
	check(p.len && p.len <= 5 * 80 && run(&p, AUDIT_ARCH_X86_64, 33, 0x100, 0) == SCMP_ACT_ALLOW &&
			run(&p, AUDIT_ARCH_X86_64, 33, 0x108, 0) == SCMP_ACT_ERRNO(8) &&
			run(&p, AUDIT_ARCH_X86_64, 33, 7002, 0) == SCMP_ACT_ERRNO(200),
		"rules with many masks are asked one after the other");
	free(p.filter);
}

int main(void)
{
	test_errors();
	test_apart();
	test_widths();
	test_numbered();
	test_numbered_elsewhere();
	test_negated();
	test_ways();
	test_sizes();
	test_machine();
	test_points();
	test_rule_by_rule();
	test_by_argument();
	test_cuts();
	test_named_newer();
	test_killed();
	test_numbers();
	test_ranges_that_multiply();
	test_many_masks();
	printf("1..%u\n", n_checks);
	return n_failed ? 1 : 0;
}
