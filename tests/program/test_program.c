/* Programs as objects: made, shown, assembled, run, proved and compared.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sluice-program.h>

#include "../prove/randprog.h"

#define X86_64 0xc000003eu

static const struct sock_filter small[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, X86_64, 0, 3),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 83, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
#define N_SMALL (sizeof(small) / sizeof(small[0]))

static struct sluice_program *make(const struct sock_filter *insns, size_t n)
{
	struct sluice_program *p = NULL;
	struct sluice_error error = {0};
	int rc = sluice_program_new(insns, n, &p, &error);

	if (rc)
		fprintf(stderr, "%s: %s\n", error.where, error.message);
	assert_int_equal(rc, 0);
	return p;
}

static void test_refused(void **state)
{
	struct sock_filter bad[] = {small[0], {0x99, 0, 0, 0}, small[4]};
	struct sluice_program *p = (void *)1;
	struct sock_filter *many = calloc(4097, sizeof(*many));
	struct sluice_error error;

	(void)state;
	assert_int_equal(sluice_program_new(bad, 3, &p, &error), -EINVAL);
	assert_int_equal(error.code, EINVAL);
	assert_string_equal(error.where, "instruction 1");
	assert_int_equal(sluice_program_new(bad, 3, &p, NULL), -EINVAL);
	assert_int_equal(sluice_program_new(bad, 0, &p, &error), -EINVAL);
	assert_non_null(many);
	for (int i = 0; i < 4097; i++)
		many[i] = small[5];
	assert_int_equal(sluice_program_new(many, 4097, &p, &error), -EINVAL);
	/* An output is written on success only. */
	assert_ptr_equal(p, (void *)1);
	assert_int_equal(sluice_program_new(many, 4096, &p, &error), 0);
	sluice_program_free(p);
	sluice_program_free(NULL);
	free(many);
}

static void test_files(void **state)
{
	char path[] = "/tmp/sluice-program-XXXXXX";
	struct sluice_program *p;
	struct sluice_error error;
	size_t n;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(sluice_program_open(path, &p, &error), -EINVAL); /* empty */
	assert_int_equal(write(fd, small, sizeof(small)), sizeof(small));
	assert_int_equal(sluice_program_open(path, &p, &error), 0);
	assert_int_equal(sluice_program_filters(p), 1);
	assert_memory_equal(sluice_program_instructions(p, 0, &n), small, sizeof(small));
	assert_int_equal(n, N_SMALL);
	assert_null(sluice_program_instructions(p, 1, &n));
	sluice_program_free(p);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(sluice_program_read(fd, &p, &error), 0);
	sluice_program_free(p);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(sluice_program_open(path, &p, &error), -EINVAL);
	assert_int_equal(ftruncate(fd, 1 << 30), 0);
	assert_int_equal(sluice_program_open(path, &p, &error), -EINVAL);
	close(fd);
	assert_int_equal(sluice_program_read(fd, &p, &error), -EBADF);
	unlink(path);
	assert_int_equal(sluice_program_open(path, &p, &error), -ENOENT);
	assert_int_equal(sluice_program_open("/dev/zero", &p, &error), -EINVAL);
}

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
	assert_int_equal(sluice_program_assemble("ret ALLOW\0", 10, &p, NULL), -EINVAL);
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

static void test_run(void **state)
{
	struct sluice_program *p = make(small, N_SMALL);
	struct seccomp_data d = {.nr = 83, .arch = X86_64};
	uint32_t path[8], verdict;
	char text[64];

	(void)state;
	assert_int_equal(sluice_program_run(p, &d), SECCOMP_RET_ERRNO | 1);
	assert_int_equal(sluice_program_trace(p, 0, &d, path, 8, &verdict), 5);
	assert_int_equal(verdict, SECCOMP_RET_ERRNO | 1);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(path[i], i);
	path[2] = 99;
	assert_int_equal(sluice_program_trace(p, 0, &d, path, 2, NULL), 5);
	assert_int_equal(path[2], 99);
	assert_int_equal(sluice_program_trace(p, 1, &d, path, 8, NULL), 0);
	d.arch = 3;
	assert_int_equal(sluice_program_run(p, &d), SECCOMP_RET_ALLOW);
	assert_int_equal(
		sluice_verdict_text(SECCOMP_RET_ERRNO | 1, text, sizeof(text)), 8);
	assert_string_equal(text, "ERRNO(1)");
	assert_int_equal(sluice_verdict_text(SECCOMP_RET_ERRNO | 1, text, 4), 8);
	assert_string_equal(text, "ERR");
	assert_int_equal(sluice_program_text(p, 0, 3, text, sizeof(text)), 17);
	assert_string_equal(text, "jeq #0x53, l4, l5");
	sluice_program_comment(p, 0, 3, text, sizeof(text));
	assert_string_equal(text, "mkdir");
	assert_int_equal(sluice_program_text(p, 0, N_SMALL, text, sizeof(text)), 0);
	sluice_program_free(p);
}

static uint64_t field_of(const struct seccomp_data *d, unsigned int field)
{
	switch (field) {
	case SLUICE_FIELD_ARCH:
		return d->arch;
	case SLUICE_FIELD_NR:
		return (uint32_t)d->nr;
	case SLUICE_FIELD_IP:
		return d->instruction_pointer;
	default:
		return d->args[field - SLUICE_FIELD_ARG0];
	}
}

static bool holds(const struct sluice_region *r, const struct seccomp_data *d)
{
	for (unsigned int i = 0; i < r->n; i++) {
		const struct sluice_condition *c = &r->conditions[i];
		uint64_t v = field_of(d, c->field) & c->mask;

		if (v < c->first || v > c->last)
			return false;
	}
	return true;
}

struct check {
	const struct sluice_program *a, *b;
	struct seccomp_data data;
	unsigned int regions, hit;
	uint32_t va, vb;
	bool wrong;
};

static int look(const struct sluice_region *r, void *arg)
{
	struct check *c = arg;

	c->regions++;
	/* The witness is one, and lies in the region. */
	if (!holds(r, &r->data) || sluice_program_run(c->a, &r->data) != r->a ||
		sluice_program_run(c->b, &r->data) != r->b)
		c->wrong = true;
	if (holds(r, &c->data)) {
		c->hit++;
		c->va = r->a;
		c->vb = r->b;
	}
	return 0;
}

/* A program that is cheap to prove: loads, masks, tests of constants, and returns at the
 * end. */
static uint32_t simple_program(struct rng *r, struct sock_filter *insns, uint32_t n)
{
	static const uint16_t tests[] = {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET};
	static const uint32_t verdicts[] = {SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | 1,
		SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_TRACE | 7};

	for (uint32_t i = 0; i < n; i++) {
		struct sock_filter *f = &insns[i];
		uint32_t left = n - 1 - i;

		if (left < 4) {
			*f = (struct sock_filter)BPF_STMT(
				BPF_RET | BPF_K, verdicts[left]);
		} else if (i == 0 || rng_below(r, 3) == 0) {
			*f = (struct sock_filter)BPF_STMT(
				BPF_LD | BPF_W | BPF_ABS, 4 * rng_below(r, 10));
		} else if (rng_below(r, 4) == 0) {
			*f = (struct sock_filter)BPF_STMT(
				BPF_ALU | BPF_AND | BPF_K, rng_constant(r));
		} else {
			*f = (struct sock_filter)BPF_JUMP(
				BPF_JMP | tests[rng_below(r, 4)] | BPF_K, rng_constant(r),
				(uint8_t)rng_below(r, left), (uint8_t)rng_below(r, left));
		}
	}
	return n;
}

/* An input is in one region if the verdicts differ, and in none if not. */
static void test_regions(void **state)
{
	static struct sock_filter one[16], two[16];
	struct rng r = {.state = 99};
	unsigned int differ = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		uint32_t n = simple_program(&r, one, 6 + rng_below(&r, 10));
		uint32_t m = simple_program(&r, two, 6 + rng_below(&r, 10));
		struct sluice_program *a = make(one, n), *b = make(two, m);
		struct sluice_witness w;

		for (int k = 0; k < 4; k++) {
			struct check c = {.a = a, .b = b};
			uint32_t va, vb;
			int rc;

			rand_data(&r, k & 1 ? one : two, k & 1 ? n : m, &c.data);
			va = sluice_program_run(a, &c.data);
			vb = sluice_program_run(b, &c.data);
			rc = sluice_program_compare(a, b, look, &c);
			assert_false(c.wrong);
			assert_int_equal(rc, c.regions > 0);
			assert_int_equal(c.hit, va != vb);
			assert_true(va == vb || (c.va == va && c.vb == vb));
			rc = sluice_program_equal(a, b, &w);
			assert_int_equal(rc, c.regions > 0);
			if (rc > 0) {
				differ++;
				assert_int_equal(sluice_program_run(a, &w.data), w.a);
				assert_int_equal(sluice_program_run(b, &w.data), w.b);
				assert_int_not_equal(w.a, w.b);
			}
		}
		sluice_program_free(a);
		sluice_program_free(b);
	}
	assert_true(differ > 100);
}

static void test_ranges(void **state)
{
	static struct sock_filter insns[64];
	struct rng r = {.state = 5};
	struct sluice_program *p;

	(void)state;
	for (int i = 0; i < 500; i++) {
		uint32_t n = simple_program(&r, insns, 6 + rng_below(&r, 12));
		struct check c = {0};
		int rc;

		p = make(insns, n);
		c.a = c.b = p;
		rand_data(&r, insns, n, &c.data);
		rc = sluice_program_ranges(p, c.data.arch, c.data.nr, look, &c);
		assert_int_equal(rc, 0);
		assert_false(c.wrong);
		assert_int_equal(c.hit, 1);
		assert_int_equal(c.va, sluice_program_run(p, &c.data));
		sluice_program_free(p);
	}
	/* A verdict that is computed has no ranges. */
	insns[0] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	p = make(insns, 1);
	assert_int_equal(sluice_program_ranges(p, X86_64, 1, look, NULL), -EOPNOTSUPP);
	sluice_program_free(p);
}

static int stop_at_once(const struct sluice_region *r, void *arg)
{
	(void)r;
	return *(int *)arg;
}

static void test_stopped(void **state)
{
	struct sock_filter allow = small[5];
	struct sluice_program *p = make(small, N_SMALL), *q = make(&allow, 1);

	(void)state;
	for (int result = -1; result <= 2; result += 1 + (result == -1)) { /* 0 goes on */
		int found = sluice_program_compare(p, q, stop_at_once, &result);

		assert_int_equal(found, result);
		found = sluice_program_ranges(p, X86_64, 83, stop_at_once, &result);
		assert_int_equal(found, result);
	}
	sluice_program_free(p);
	sluice_program_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_assembled_back),
		cmocka_unit_test(test_own_text),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_regions),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests_name("program", tests, NULL, NULL);
}
