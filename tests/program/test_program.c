/* Programs as objects: made, shown, assembled, run, proved and compared.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "small.h"

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

/* The instructions of a file are no more than the kernel takes, and come in as many pieces as they like. */
static void test_bounds_of_files(void **state)
{
	static struct sock_filter many[SLUICE_PROGRAM_MAX + 4096];
	const size_t whole = SLUICE_PROGRAM_MAX * sizeof(*many);
	struct sluice_program *p;
	struct sluice_error error;
	int fds[2];

	(void)state;
	for (size_t i = 0; i < sizeof(many) / sizeof(*many); i++)
		many[i] = small[5];
	for (size_t more = 0; more <= 8; more++) {
		FILE *f = tmpfile();

		assert_non_null(f);
		assert_int_equal(write(fileno(f), many, whole + more), whole + more);
		assert_int_equal(lseek(fileno(f), 0, SEEK_SET), 0);
		assert_int_equal(sluice_program_read(fileno(f), &p, &error), more ? -EINVAL : 0);
		if (more)
			assert_string_equal(error.message, "more than 4096 instructions");
		else
			sluice_program_free(p);
		fclose(f);
	}
	/* Each read of these gives one piece; the last is more than there is room for. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(write(fds[1], many, whole - 8), whole - 8);
	assert_int_equal(write(fds[1], many, 2 * whole), 2 * whole);
	assert_int_equal(write(fds[1], small, sizeof(small)), sizeof(small));
	assert_int_equal(sluice_program_read(fds[0], &p, &error), -EINVAL);
	assert_string_equal(error.message, "more than 4096 instructions");
	close(fds[1]);
	assert_int_equal(sluice_program_read(fds[0], &p, &error), 0); /* and read no further */
	sluice_program_free(p);
	close(fds[0]);
}

/* Pieces that end within an instruction, in their order. */
static void test_pieces(void **state)
{
	const char *bytes = (const char *)small;
	struct sluice_program *p;
	size_t n;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(write(fds[1], bytes, 12), 12);
	assert_int_equal(write(fds[1], bytes + 12, sizeof(small) - 12), sizeof(small) - 12);
	close(fds[1]);
	assert_int_equal(sluice_program_read(fds[0], &p, NULL), 0);
	assert_memory_equal(sluice_program_instructions(p, 0, &n), small, sizeof(small));
	assert_int_equal(n, N_SMALL);
	sluice_program_free(p);
	close(fds[0]);
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
	assert_string_equal(text, "");
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

struct shown {
	char text[400];
};

static int show(const struct sluice_region *r, void *arg)
{
	struct shown *s = arg;
	char *to = s->text + strlen(s->text);

	to += sprintf(to, "%#x:", r->a);
	for (unsigned int i = 0; i < r->n; i++)
		to += sprintf(to, " %u&%llx %llx-%llx", r->conditions[i].field,
			(unsigned long long)r->conditions[i].mask, (unsigned long long)r->conditions[i].first,
			(unsigned long long)r->conditions[i].last);
	strcpy(to, "\n");
	return 0;
}

/* Halves of an argument are one condition where they are one range or one pattern, else two. */
static void test_halves(void **state)
{
	static const char range[] = "ld a0.hi\njeq #1, l2, no\nld a0.lo\njge #5, yes, no\n"
				    "yes: ret LOG\nno: ret ALLOW";
	static const char mask[] = "ld a0.hi\nand #0xf0\njeq #0x10, l3, no\nld a0.lo\nand #0xf\n"
				   "jeq #1, yes, no\nyes: ret LOG\nno: ret ALLOW";
	static const char both[] = "ld a0.hi\nand #0xf0\njeq #0x10, l3, no\nld a0.lo\njge #5, yes, no\n"
				   "yes: ret LOG\nno: ret ALLOW";
	static const struct {
		const char *text, *shown;
	} cases[] = {{range, "0x7ffc0000: 3&ffffffffffffffff 100000005-1ffffffff\n"},
		{mask, "0x7ffc0000: 3&f00000000f 1000000001-1000000001\n"},
		{both, "0x7ffc0000: 3&f000000000 1000000000-1000000000 3&ffffffff 5-ffffffff\n"}};
	struct sluice_program *p, *allow = make(&small[5], 1);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct shown s = {""};

		assert_int_equal(sluice_program_assemble(cases[i].text, strlen(cases[i].text), &p, NULL), 0);
		assert_int_equal(sluice_program_compare(p, allow, show, &s), 1);
		assert_string_equal(s.text, cases[i].shown);
		sluice_program_free(p);
	}
	sluice_program_free(allow);
}

/* The verdict that no program returns is searched for: a program that returns the first ones is no trap. */
static void test_unused_verdict(void **state)
{
	static const char text[] = "ld a0.lo\njeq #1, l2, l3\nret 0x7ff10001\nret 0x7ff10000";
	struct shown s = {""};
	struct sluice_program *p;

	(void)state;
	assert_int_equal(sluice_program_assemble(text, strlen(text), &p, NULL), 0);
	assert_int_equal(sluice_program_ranges(p, X86_64, 1, show, &s), 0);
	assert_string_equal(s.text,
		"0x7ff10000: 3&ffffffff 0-0\n0x7ff10001: 3&ffffffff 1-1\n0x7ff10000: 3&ffffffff 2-ffffffff\n");
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
		cmocka_unit_test(test_bounds_of_files),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_regions),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_halves),
		cmocka_unit_test(test_unused_verdict),
		cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests_name("program", tests, NULL, NULL);
}
