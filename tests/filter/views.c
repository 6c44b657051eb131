/* The kernel's view of programs: what it ignores, and what that hides.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdlib.h>

#include "bpf/bpf.h"
#include "compiling.h"

static int reaches(const struct sock_fprog *p, const char *call, const char *argument,
	const char *value, struct sluice_view_witness *w)
{
	struct sluice_value v = {.name = value};
	struct sluice_filter_condition c = {
		.argument = argument, .op = SLUICE_OP_EQ, .values = &v, .n_values = 1};
	struct sluice_rule rule = {.size = sizeof(rule), .action = SCMP_ACT_ALLOW, .call = call,
		.conditions = &c, .n_conditions = 1};

	return sluice_view_reaches(p, &rule, NULL, 0, w, NULL);
}

struct seen {
	unsigned most, least, wrong;
	const struct sock_fprog *a, *b;
};

/* Each region is of socket, of the lower half of its domain, and has an input that shows it. */
static int see(const struct sluice_region *r, bool least, void *data)
{
	const struct sock_fprog *side;
	struct seen *s = data;
	bool found = false;
	uint32_t w[16];

	memcpy(w, &r->data, sizeof(w));
	for (unsigned i = 0; i < r->n; i++)
		found |= r->conditions[i].field == SLUICE_FIELD_ARG0 &&
			r->conditions[i].mask == UINT32_MAX &&
			r->conditions[i].first == 16 && r->conditions[i].last == 16;
	s->most += !least;
	s->least += least;
	/* Of ERRNO(1) and ALLOW the one that the choice prefers. */
	side = (r->a == SCMP_ACT_ALLOW) != least ? s->a : s->b;
	s->wrong += !found || r->a == r->b ||
		sc_bpf_run(side->filter, side->len, w, NULL) != (side == s->a ? r->a : r->b);
	return 0;
}

static int stop(const struct sluice_region *r, bool least, void *data)
{
	(void)r, (void)least, (void)data;
	return 7;
}

static void test_view_regions(const struct sock_fprog *narrow, const struct sock_fprog *wide,
	const struct sock_fprog *high)
{
	struct seen s = {.a = narrow, .b = wide}, t = {.a = wide, .b = narrow}, none = {0};

	check(sluice_view_compare(narrow, wide, NULL, 0, see, &s, NULL) == 1 && s.most &&
			!s.least && !s.wrong,
		"a wide comparison lets through what a narrow one refuses: a region each ABI");
	check(sluice_view_compare(wide, narrow, NULL, 0, see, &t, NULL) == 1 &&
			t.most == s.most && !t.least && !t.wrong,
		"the other way round the regions are the same");
	check(sluice_view_compare(narrow, high, NULL, 0, see, &none, NULL) == 0 && !none.most &&
			!none.least,
		"no region is about what the kernel ignores");
	check(sluice_view_compare(narrow, wide, NULL, 0, stop, NULL, NULL) == 7,
		"the caller ends the walk");
	check(sluice_view_compare(NULL, wide, NULL, 0, stop, NULL, NULL) == -EINVAL,
		"no program is no program");
}

/* Refused only with a high word: what is least permissive differs, and nothing else. */
static void test_view_least(void)
{
	struct sock_fprog a = compile("default ALLOW\nmultiplexed refuse\n"
				      "ERRNO(2) socket if domain == 17\n");
	struct sock_fprog b = compile("default ALLOW\nmultiplexed refuse\n"
				      "ERRNO(2) socket if domain == 17\n"
				      "ERRNO(1) socket if domain:64 == 0x100000010\n");
	struct seen s = {.a = &a, .b = &b};

	check(sluice_view_compare(&a, &b, NULL, 0, see, &s, NULL) == 1 && s.least && !s.most &&
			!s.wrong,
		"a refusal of a high word is a region of the least permissive verdicts");
	free(a.filter);
	free(b.filter);
}

/* Bits that the kernel ignores decide, in opposite ways: both programs can be made to say both, and neither can be told
 * from the other. read(2) is number 0 of x86_64. */
static void test_view_same(void)
{
	static const uint32_t x86_64[] = {SCMP_ARCH_X86_64};
	/* The high half of an int; arguments that the call does not have. */
	static const char *const what[][2] = {
		{"read if a0:64", "0x100000000"}, {"close if a1:64", "1"}, {"read if a5:64", "0x8000000000000000"}};

	for (size_t i = 0; i < sizeof(what) / sizeof(*what); i++) {
		struct sock_fprog progs[3];

		for (int k = 0; k < 3; k++) {
			char text[200];

			snprintf(text, sizeof(text), "default ALLOW\narch x86_64\nERRNO(1) %s & %s == %s\n", what[i][0],
				k < 2 ? what[i][1] : "0", k == 1 ? what[i][1] : "0");
			progs[k] = compile(text);
		}
		check(sluice_view_equal(&progs[0], &progs[1], x86_64, 1, NULL, NULL) == 0,
			"what ignored bits decide is the same either way");
		check(sluice_view_equal(&progs[0], &progs[2], x86_64, 1, NULL, NULL) == 1,
			"and is not what is decided for all of them");
		for (int k = 0; k < 3; k++)
			free(progs[k].filter);
	}
}

/* A witness has all six arguments. */
static void test_view_witness(void)
{
	static const uint32_t x86_64[] = {SCMP_ARCH_X86_64};
	struct sluice_view_witness w = {0};
	struct sock_fprog p = compile("default ERRNO(1)\narch x86_64\n"
				      "ALLOW futex if a0 == 0x100000001 and a1 == 2 and a2 == 3 and a3 == 0x400000004 "
				      "and a4 == 0x500000005 and a5 == 6\n");
	const struct sluice_rule rule = {.size = sizeof(rule), .action = SCMP_ACT_ALLOW, .call = "futex"};

	check(sluice_view_reaches(&p, &rule, x86_64, 1, &w, NULL) == 1 && w.data.nr == 202 &&
			w.data.arch == AUDIT_ARCH_X86_64 && w.data.args[0] == 0x100000001 &&
			(uint32_t)w.data.args[1] == 2 && (uint32_t)w.data.args[2] == 3 &&
			w.data.args[3] == 0x400000004 && w.data.args[4] == 0x500000005 &&
			(uint32_t)w.data.args[5] == 6 && w.a == SCMP_ACT_ALLOW && w.b == 0,
		"a witness has all six arguments");
	free(p.filter);
}

/* Where high words are 0 every number counts still, those of no call and odd ones as well. */
static void test_view_numbers(uint32_t token, uint32_t audit)
{
	static const uint32_t numbers[] = {0, 41, 0x40000029, 0x80000029, 0xffffffff};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct sock_filter insns[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, audit, 0, 3), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, numbers[i], 0, 1),
			BPF_STMT(BPF_RET | BPF_K, SCMP_ACT_ERRNO(1)), BPF_STMT(BPF_RET | BPF_K, SCMP_ACT_ALLOW)};
		const struct sock_fprog refuses = {6, insns}, allows = {1, &insns[5]};
		struct sluice_view_witness w = {0};
		char name[64];

		snprintf(name, sizeof(name), "number %#x differs", numbers[i]);
		check(sluice_view_equal(&refuses, &allows, &token, 1, &w, NULL) == 1 && w.a == SCMP_ACT_ERRNO(1) &&
				w.b == SCMP_ACT_ALLOW && w.data.arch == audit && (uint32_t)w.data.nr == numbers[i],
			name);
	}
}

/* Where the program counter decides, the witness has it. */
static void test_view_place(void)
{
	struct sock_filter insns[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 8),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 3), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SCMP_ACT_ERRNO(1)), BPF_STMT(BPF_RET | BPF_K, SCMP_ACT_ALLOW)};
	const struct sock_fprog refuses = {6, insns}, allows = {1, &insns[5]};
	const uint32_t words[] = {5, 7};
	struct sluice_view_witness w = {0};

	check(sluice_view_equal(&refuses, &allows, NULL, 0, &w, NULL) == 1 &&
			memcmp(&w.data.instruction_pointer, words, sizeof(words)) == 0,
		"a witness has the place that a call comes from");
}

/* Nothing is ignored of an architecture that nobody knows: the witness has the number that differs, 41, and not one
 * beside it. */
static void test_view_unknown(void)
{
	static const uint32_t x86_64[] = {SCMP_ARCH_X86_64};
	const unsigned low = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 16 : 20;
	struct sock_filter insns[2][9];
	struct sluice_view_witness w = {0};

	for (int i = 0; i < 2; i++) {
		const struct sock_filter all[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x1234, 0, 5),
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 41, i ? 4 : 3, 0),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 40, 0, 2),
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 7, 1, 0),
			BPF_STMT(BPF_RET | BPF_K, SCMP_ACT_ALLOW),
			BPF_STMT(BPF_RET | BPF_K, SCMP_ACT_ERRNO(1))};

		memcpy(insns[i], all, sizeof(all));
	}
	check(sluice_view_equal(&(struct sock_fprog){9, insns[0]}, &(struct sock_fprog){9, insns[1]}, x86_64, 1, &w,
		      NULL) == 1 &&
			w.a == SCMP_ACT_ALLOW && w.b == SCMP_ACT_ERRNO(1) && w.data.arch == 0x1234 &&
			w.data.nr == 41,
		"a difference on an architecture that nobody knows");
}

/* Refuses dup(2) of one ABI where the high word of its argument is not 0. */
static void test_view_cut(uint32_t token, uint32_t audit, bool there)
{
	const unsigned high = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 20 : 16;
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, audit, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 41, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, high), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SCMP_ACT_ERRNO(1)), BPF_STMT(BPF_RET | BPF_K, SCMP_ACT_ALLOW)};
	const struct sock_fprog refuses = {8, insns}, allows = {1, &insns[7]};
	const struct sluice_rule dup = {
		.size = sizeof(dup), .action = SCMP_ACT_ERRNO(1), .call = "dup"};
	struct sluice_view_witness w = {0}, r = {0};

	check(sluice_view_equal(&refuses, &allows, &token, 1, &w, NULL) == there &&
			(w.data.args[0] >> 32 != 0) == there,
		there ? "a high word that 64-bit code can set differs" : "one that is always 0 does not");
	check(sluice_view_reaches(&refuses, &dup, &token, 1, &r, NULL) == there &&
			(r.data.args[0] >> 32 != 0) == there,
		there ? "and is reached" : "and is not reached");
}

static void test_view(void)
{
	struct sock_fprog narrow = compile("default ALLOW\nmultiplexed refuse\n"
					   "ERRNO(1) socket if domain == AF_NETLINK\n");
	struct sock_fprog wide = compile("default ALLOW\nmultiplexed refuse\n"
					 "ERRNO(1) socket if domain:64 == AF_NETLINK\n");
	struct sock_fprog carried = compile("default ALLOW\nmultiplexed allow\n"
					    "ERRNO(1) socket if domain == AF_NETLINK\n");
	struct sock_fprog high = compile("default ALLOW\nmultiplexed refuse\n"
					 "ERRNO(1) socket if domain == AF_NETLINK\n"
					 "ALLOW dup if a0:64 == 0x100000003\n");
	struct sluice_view_witness w = {0};

	check(reaches(&narrow, "socket", "domain", "AF_NETLINK", &w) == 0,
		"no AF_NETLINK reaches ALLOW");
	check(reaches(&wide, "socket", "domain", "AF_NETLINK", &w) == 1 &&
			(uint32_t)w.data.args[0] == 16 && w.data.args[0] != 16 &&
			w.a == SCMP_ACT_ALLOW,
		"a high word is found");
	check(reaches(&carried, "socket", "domain", "AF_NETLINK", &w) == 1 &&
			w.data.arch == AUDIT_ARCH_I386 && w.data.nr == 102,
		"socketcall is found");
	check(sluice_view_equal(&narrow, &high, NULL, 0, NULL, NULL) == 0,
		"a rule about what the kernel ignores changes nothing");
	check(sluice_view_equal(&narrow, &wide, NULL, 0, &w, NULL) == 1 && w.a != w.b &&
			(uint32_t)w.data.args[0] == 16,
		"a wide comparison differs, with a witness");
	test_view_regions(&narrow, &wide, &high);
	test_view_least();
	test_view_same();
	test_view_witness();
	test_view_unknown();
	test_view_place();
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	test_view_cut(SCMP_ARCH_X86, AUDIT_ARCH_I386, true);
	test_view_cut(SCMP_ARCH_SH, AUDIT_ARCH_SHEL, false);
	test_view_numbers(SCMP_ARCH_SH, AUDIT_ARCH_SHEL);
#else
	test_view_cut(SCMP_ARCH_PARISC, AUDIT_ARCH_PARISC, true);
	test_view_cut(SCMP_ARCH_S390, AUDIT_ARCH_S390, false);
	test_view_numbers(SCMP_ARCH_S390, AUDIT_ARCH_S390);
#endif
	free(narrow.filter);
	free(wide.filter);
	free(carried.filter);
	free(high.filter);
}

int main(void)
{
	test_view();
	printf("1..%u\n", n_checks);
	return n_failed ? 1 : 0;
}
