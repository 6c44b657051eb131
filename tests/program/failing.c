/* Each allocation fails once in everything that libsluice does with programs: the answer is -ENOMEM, an output is
 * written on success alone, and nothing leaks.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/audit.h>
#include <sluice-program.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc/fail.h"

static const struct sock_filter insns[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 5),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 83, 0, 3),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 24),
	BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 7, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
static const char text[] = "ld nr\njeq #83, a, b\na: ret ERRNO(1)\nb: ret ALLOW\n";

static struct sluice_program *a, *b; /* of both */
static unsigned int n_checks, n_failed;

/* ---- what is done: each returns 0 or more, or -errno, and frees what it got ---------- */

/* Frees what @rc says is there. */
static int made(int rc, struct sluice_program *p)
{
	if ((rc == 0) != (p != NULL))
		abort();
	sluice_program_free(p);
	return rc;
}

static int do_new(void)
{
	struct sluice_program *p = NULL;
	int rc = sluice_program_new(insns, sizeof(insns) / sizeof(*insns), &p, NULL);

	return made(rc, p);
}

static int do_read(void)
{
	struct sluice_program *p = NULL;
	int pipes[2], rc;

	if (pipe(pipes) || write(pipes[1], insns, sizeof(insns)) != sizeof(insns))
		abort();
	close(pipes[1]);
	rc = sluice_program_read(pipes[0], &p, NULL);
	close(pipes[0]);
	return made(rc, p);
}

static int do_assemble(void)
{
	struct sluice_program *p = NULL;
	int rc = sluice_program_assemble(text, strlen(text), &p, NULL);

	return made(rc, p);
}

static int do_print(void)
{
	static char first[4096];
	char listing[4096] = "", buffer[4096];
	FILE *out = fmemopen(listing, sizeof(listing), "w"); /* allocates, too */
	int rc;

	if (!out)
		return -ENOMEM;
	setvbuf(out, buffer, _IOFBF, sizeof(buffer));
	rc = sluice_program_print(a, 0, out);
	if (fclose(out))
		abort();
	/* The first time nothing has failed. */
	if (!first[0])
		strcpy(first, listing);
	if (rc == 0 && strcmp(first, listing) != 0)
		abort();
	return rc;
}

/* Both say 0 where nothing can be said. */
static int do_text(void)
{
	char said[64];
	size_t n = sluice_program_text(a, 0, 3, said, sizeof(said));

	if (strcmp(said, n ? "jeq #0x53, l4, l7" : "") != 0)
		abort();
	return n ? 0 : -ENOMEM;
}

static int do_comment(void)
{
	char said[64];
	size_t n = sluice_program_comment(a, 0, 3, said, sizeof(said));

	if (strcmp(said, n ? "mkdir" : "") != 0)
		abort();
	return n ? 0 : -ENOMEM;
}

static int do_equal(void)
{
	struct sluice_witness w;

	return sluice_program_equal(a, b, &w);
}

static int hear(const struct sluice_region *region, void *data)
{
	(void)region, (void)data;
	return 0;
}

static int do_compare(void)
{
	return sluice_program_compare(a, b, hear, NULL);
}

static int count(const struct sluice_region *region, void *data)
{
	(void)region;
	++*(int *)data;
	return 0;
}

/* An argument of up to 7, or of more: two regions or three. */
static int do_ranges(void)
{
	int n = 0, rc = sluice_program_ranges(a, AUDIT_ARCH_X86_64, 83, count, &n);

	if (rc == 0 && n < 2)
		abort();
	return rc;
}

/* ---- how they fail -------------------------------------------------------------------- */

static void test_failing(const char *what, int (*f)(void), int rc)
{
	bool good = f() == rc, failed = true;
	unsigned int nth = 1;

	for (; failed && good; nth++) {
		long alive = fail_alive();
		int got;

		fail_at(nth);
		got = f();
		failed = fail_end();
		good = got == (failed ? -ENOMEM : rc) && fail_alive() == alive;
		if (!good)
			printf("# %s, allocation %u: %d, and %ld blocks more\n", what, nth, got,
				fail_alive() - alive);
	}
	n_failed += !good || nth <= 2;
	printf("%s %u - %s: %u allocations, each failed once\n", good && nth > 2 ? "ok" : "not ok",
		++n_checks, what, nth - 2);
	fflush(stdout);
}

int main(void)
{
	if (sluice_program_new(insns, sizeof(insns) / sizeof(*insns), &a, NULL) ||
		sluice_program_assemble(text, strlen(text), &b, NULL))
		abort();
	test_failing("new", do_new, 0);
	test_failing("read", do_read, 0);
	test_failing("assemble", do_assemble, 0);
	test_failing("print", do_print, 0);
	test_failing("text", do_text, 0);
	test_failing("comment", do_comment, 0);
	test_failing("equal", do_equal, 1);
	test_failing("compare", do_compare, 1);
	test_failing("ranges", do_ranges, 0);
	sluice_program_free(a);
	sluice_program_free(b);
	printf("1..%u\n", n_checks);
	return n_failed ? 1 : 0;
}
