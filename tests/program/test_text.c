/* Programs as text: listings, comments, and what the assembler takes and refuses.
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include "small.h"

/* What print writes, as a string that the caller frees. */
static char *listing(const struct sluice_program *p)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	assert_int_equal(sluice_program_print(p, 0, out), 0);
	assert_int_equal(sluice_program_print(p, 1, out), -ENOENT);
	fclose(out);
	return text;
}

/* The same bytes come back. */
static void round_trip(const struct sock_filter *insns, size_t n)
{
	struct sluice_program *p = make(insns, n), *q = NULL;
	struct sluice_error error = {0};
	char *text = listing(p);
	const struct sock_filter *back;
	size_t m = 0;

	if (sluice_program_assemble(text, strlen(text), &q, &error))
		fail_msg("%s: %s\n%s", error.where, error.message, text);
	back = sluice_program_instructions(q, 0, &m);
	if (m != n || memcmp(back, insns, n * sizeof(*insns)))
		fail_msg("other bytes:\n%s", text);
	free(text);
	sluice_program_free(p);
	sluice_program_free(q);
}

static void test_assembled_back(void **state)
{
	static struct sock_filter insns[SLUICE_PROGRAM_MAX];
	struct sock_filter far[302];
	struct rng r = {.state = 4711};

	(void)state;
	round_trip(small, N_SMALL);
	for (int i = 0; i < 3000; i++) {
		uint32_t n = rand_valid_program(&r, insns, 60);

		round_trip(insns, n);
		/* What no instruction looks at comes back as well. */
		for (uint32_t k = 0; k < n; k++) {
			struct sock_filter *f = &insns[k];

			if (BPF_CLASS(f->code) != BPF_JMP) {
				f->jt = (uint8_t)rng_next(&r);
				f->jf = (uint8_t)rng_next(&r);
			}
			if (f->code == (BPF_RET | BPF_A) ||
				BPF_CLASS(f->code) == BPF_MISC)
				f->k = rng_next(&r);
		}
		round_trip(insns, n);
	}
	/* A jump further than 255. */
	for (int i = 0; i < 302; i++)
		far[i] = small[5];
	far[0] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 300);
	round_trip(far, 302);
}

static void test_own_text(void **state)
{
	static const char text[] = "start:\n  ld arch ; a comment\n"
				   "  jeq #3221225534, native, l5 # x86_64\n"
				   "native: ld nr\njeq #0x53,no,yes\n"
				   "no: ret #0x50001\nyes:\n\n ret ALLOW";
	struct sluice_program *p, *q = make(small, N_SMALL);
	struct sluice_error error = {0};

	(void)state;
	if (sluice_program_assemble(text, strlen(text), &p, &error))
		fail_msg("%s: %s", error.where, error.message);
	assert_int_equal(sluice_program_equal(p, q, NULL), 0);
	sluice_program_free(p);
	sluice_program_free(q);
}

static void refuse(const char *text, const char *where)
{
	struct sluice_program *p;
	struct sluice_error error = {0};

	assert_int_equal(
		sluice_program_assemble(text, strlen(text), &p, &error), -EINVAL);
	if (strcmp(error.where, where))
		fail_msg("\"%s\": %s (%s), expected %s", text, error.where, error.message,
			where);
}

static void test_mistakes(void **state)
{
	struct sluice_program *p;

	(void)state;
	refuse("", "");
	refuse("ret ALLOW\nret NOTHING", "2:5");
	refuse("ret ERRNO(70000)", "1:5");
	refuse("ret ERRNO(1", "1:5");
	refuse("ret 0x100000000", "1:5");
	refuse("  frob #1", "1:3");
	refuse("ld", "1:3");
	refuse("ld a6.lo", "1:4");
	refuse("ldx nr", "1:5");
	refuse("ld M[x]", "1:4");
	refuse("ld M[", "1:4");
	refuse("add 3", "1:5");
	refuse("tax tax", "1:5");
	refuse("jeq #1, l1", "1:11");
	refuse("jeq #1, l1, l9\nret ALLOW", "1:13");
	refuse("jeq #1, there, l1\nret ALLOW", "1:9");
	refuse("a: ret ALLOW\nja a", "2:4");
	refuse("ja l0", "1:4");
	refuse("a: a: ret ALLOW", "1:4");
	refuse("1: ret ALLOW\n1: ret ALLOW", "2:1");
	refuse("99999: ret ALLOW", "1:1");
	refuse("code 1, 2, 3", "1:13");
	refuse("code 0x10000, 0, 0, 0", "1:6");
	refuse("ld nr", "instruction 0");
	refuse("ld [x]", "1:4");
	refuse("ld len2", "1:4");
	refuse("st M[3", "1:4");
	refuse("st 3", "1:4");
	refuse("stx", "1:4");
	refuse("ldx [0]", "1:5");
	refuse("ret", "1:4");
	refuse("ret 5x", "1:5");
	refuse("ret 0x10000000000000000", "1:5");
	refuse("ret ERRNO()", "1:5");
	refuse("ret ERRNO(x)", "1:5");
	refuse("jeq", "1:4");
	refuse("jeq #4294967296, l1, l1\nret ALLOW", "1:5");
	refuse("jeq #1 l1, l1\nret ALLOW", "1:8");
	refuse("jeq #1, l1 l1\nret ALLOW", "1:12");
	refuse("jeq #1, , l1\nret ALLOW", "1:9");
	refuse("ja", "1:3");
	refuse("ja 1\nret ALLOW", "1:4");
	refuse("ja l4096\nret ALLOW", "1:4");
	refuse("ja l4294967296\nret ALLOW", "1:4");
	refuse(": ret ALLOW", "1:1");
	refuse("0: ret ALLOW\n00: ret ALLOW", "2:1");
	refuse("4096: ret ALLOW", "1:1");
	refuse("1x: ret ALLOW", "1:1");
	refuse("code 1, 256, 0, 0", "1:9");
	refuse("code 1, 0, 256, 0", "1:12");
	refuse("code 1, 0, 0, 4294967296", "1:15");
	refuse("code 6, 0, 0, 0, 0", "1:16");
	refuse("ret ALLOW ALLOW", "1:11");
	assert_int_equal(sluice_program_assemble("ret ALLOW\0", 10, &p, NULL), -EINVAL);
}

/* @head, @n times @line (with its number and a colon where it ends with @), and @tail. */
static int assemble_many(const char *head, const char *line, unsigned int n, const char *tail, struct sluice_error *error)
{
	struct sluice_program *p = NULL;
	size_t length;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);
	int rc;

	assert_non_null(out);
	fputs(head, out);
	for (unsigned int i = 0; i < n; i++) {
		fputs(line, out);
		if (line[strlen(line) - 1] == '@')
			fprintf(out, "%u:\n", i);
	}
	fputs(tail, out);
	fclose(out);
	rc = sluice_program_assemble(text, length, &p, error);
	sluice_program_free(p);
	free(text);
	return rc;
}

static void refuse_many(const char *head, const char *line, unsigned int n, const char *tail, const char *where,
	const char *message)
{
	struct sluice_error error = {0};

	assert_int_equal(assemble_many(head, line, n, tail, &error), -EINVAL);
	assert_string_equal(error.where, where);
	assert_string_equal(error.message, message);
	/* And one less is none too many. */
	assert_int_equal(assemble_many(head, line, n - 1, tail, NULL), 0);
}

static void test_bounds_of_text(void **state)
{
	(void)state;
	refuse_many("", "ret ALLOW\n", 4097, "", "4097:1", "more than 4096 instructions");
	refuse_many("", "label@", 4097, "ret ALLOW", "4097:1", "more than 4096 labels");
	refuse_many("jeq #1, far, l1\n", "ret LOG\n", 256, "far: ret ALLOW", "1:9",
		"\"far\" is more than 255 instructions away");
	refuse_many("jeq #1, l1, far\n", "ret LOG\n", 256, "far: ret ALLOW", "1:13",
		"\"far\" is more than 255 instructions away");
	refuse_many("a", "x", 63, ": ret ALLOW", "1:1", "found a word of more than 63 characters");
	refuse_many("ld #0x", "0", 60, "1\nret ALLOW", "1:4", "found an operand that \"ld\" does not take");
}

/* Lines of instructions, cut, doubled and with other bytes: no crash, no program that the
 * kernel would not take. */
static void test_hostile_text(void **state)
{
	static struct sock_filter insns[64];
	struct rng r = {.state = 17};

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct sluice_program *p = make(insns, rand_valid_program(&r, insns, 20)),
				      *q = NULL;
		char *text = listing(p);
		size_t length = strlen(text);

		for (uint32_t k = rng_below(&r, 8); k > 0 && length; k--) {
			uint32_t at = rng_below(&r, (uint32_t)length);

			switch (rng_below(&r, 3)) {
			case 0:
				text[at] = (char)rng_next(&r);
				break;
			case 1:
				length = at;
				break;
			default:
				memmove(text + at / 2, text + at, length - at);
			}
		}
		if (sluice_program_assemble(text, length, &q, NULL) == 0) {
			size_t n;
			const struct sock_filter *f =
				sluice_program_instructions(q, 0, &n);

			assert_int_equal(sc_bpf_check(f, (uint32_t)n, NULL, NULL), 0);
		}
		sluice_program_free(p);
		sluice_program_free(q);
		free(text);
	}
}

/* What stands behind an instruction, and what print writes there. */
static void check_comment(const struct sluice_program *p, size_t index, const char *expected)
{
	char text[64], small_text[4] = "xxx", *all = listing(p), line[80];

	assert_int_equal(sluice_program_comment(p, 0, index, text, sizeof(text)), strlen(expected));
	assert_string_equal(text, expected);
	assert_int_equal(sluice_program_comment(p, 0, index, small_text, sizeof(small_text)), strlen(expected));
	assert_memory_equal(small_text, expected, strnlen(expected, 3));
	assert_int_equal(small_text[3 < strlen(expected) ? 3 : strlen(expected)], 0);
	assert_int_equal(sluice_program_comment(p, 0, index, NULL, 0), strlen(expected));
	snprintf(line, sizeof(line), " # %s\n", expected);
	if (*expected)
		assert_non_null(strstr(all, line));
	free(all);
}

static void test_comments(void **state)
{
	static const char text[] = "ld arch\njeq #0xc000003e, l2, end\n" /* 0 */
				   "ld nr\njge #0x40000000, x32, l4\n" /* 2 */
				   "jeq #257, openat, l5\njeq #999, end, end\n" /* 4 */
				   "openat: ld a2.lo\njset #0x40, l8, end\n" /* 6 */
				   "ld a2.hi\njeq #0x40, end, l10\n" /* 8 */
				   "ld a0.lo\njeq #0x40, end, l12\n" /* 10 */
				   "ld a5.lo\njeq #3, end, end\n" /* 12 */
				   "x32: jeq #0x40000101, x32openat, end\n" /* 14 */
				   "x32openat: ld a2.lo\nand #0x80000\njeq #0x80000, l18, end\n" /* 15 */
				   "tax\ntxa\njeq #0x80000, end, end\n" /* 18 */
				   "ld a2.lo\n" /* 21 */
				   "end: ret ALLOW\n";
	static const char *const comments[] = {"", "x86_64", "", "x32", "openat", "", "flags", "O_RDONLY|O_CREAT", "flags",
		"", "dfd", "", "", "", "openat", "flags", "O_RDONLY|O_CLOEXEC", "O_RDONLY|O_CLOEXEC", "", "", "", "never reached", ""};
	struct sluice_program *p;
	struct sluice_error error = {0};
	char none[8] = "x";
	FILE *full = fopen("/dev/full", "we");

	(void)state;
	if (sluice_program_assemble(text, strlen(text), &p, &error))
		fail_msg("%s: %s", error.where, error.message);
	for (size_t i = 0; i < sizeof(comments) / sizeof(*comments); i++)
		check_comment(p, i, comments[i]);
	/* No such instruction, no such filter. */
	assert_int_equal(sluice_program_comment(p, 0, 23, none, sizeof(none)), 0);
	assert_string_equal(none, "");
	none[0] = 'x';
	assert_int_equal(sluice_program_comment(p, 1, 1, none, sizeof(none)), 0);
	assert_string_equal(none, "");
	assert_int_equal(sluice_program_text(p, 1, 1, none, sizeof(none)), 0);
	assert_int_equal(sluice_program_text(p, 0, 4, NULL, 0), strlen("jeq #0x101, l6, l5"));
	assert_non_null(full);
	setbuf(full, NULL);
	assert_int_equal(sluice_program_print(p, 0, full), -EIO);
	fclose(full);
	sluice_program_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_assembled_back),
		cmocka_unit_test(test_own_text),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_bounds_of_text),
		cmocka_unit_test(test_comments),
		cmocka_unit_test(test_hostile_text),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
