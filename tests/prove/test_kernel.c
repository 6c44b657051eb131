/* The running kernel judges check, sim and ebpf: the same programs taken and refused, the
 * same verdicts, the same eBPF length.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../skipping.h"
#include "randprog.h"

#define PATH_MAX_INSNS 32768 /* kernel/seccomp.c MAX_INSNS_PER_PATH */
#define FILTER_PENALTY 4
#define SMALLEST_EBPF  4 /* RET A */

static int attach(const struct sock_filter *insns, uint32_t len)
{
	struct sock_fprog prog = {
		.len = (unsigned short)len, .filter = (struct sock_filter *)insns};

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0 ? -errno : 0;
}

/* An all-ALLOW filter of exactly @ebpf eBPF instructions, most of them never reached: a
 * chain of them costs the child nothing, nor the kernel's walk for the allow bitmap. */
static int attach_filler(uint32_t ebpf)
{
	struct sock_filter insns[SC_BPF_MAX];
	uint32_t n = 0;

	insns[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	while (n + 5 < ebpf)
		insns[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
	insns[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	return attach(insns, n);
}

/* Fill the chain until a filter of @room eBPF instructions is the longest that fits. */
static int fill_chain(uint32_t room)
{
	uint32_t left = PATH_MAX_INSNS - room;

	while (left > 0) {
		uint32_t take = left > 4000 ? 3000 : left;
		int rc = attach_filler(take - FILTER_PENALTY);

		if (rc < 0)
			return rc;
		left -= take;
	}
	return 0;
}

static void child_setup(void)
{
	struct rlimit no_core = {0, 0};

	setrlimit(RLIMIT_CORE, &no_core);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(99);
}

static bool already_filtered(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0;
}

static int wait_child(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return status;
}

/* Half of the programs lose their innocence: a flipped bit, a wild operand. */
static void damage(struct rng *r, struct sock_filter *insns, uint32_t len)
{
	struct sock_filter *f = &insns[rng_below(r, len)];

	switch (rng_below(r, 6)) {
	case 0:
		f->code ^= 1u << rng_below(r, 16);
		break;
	case 1:
		f->code = rng_below(r, 256);
		break;
	case 2:
		f->k = rng_constant(r);
		break;
	case 3:
		f->jt = rng_next(r);
		break;
	case 4:
		f->jf = rng_next(r);
		break;
	}
}

/* In a chain that is full the kernel refuses every program, but a bad one with EINVAL,
 * before it looks at the length. So one child can show it thousands. */
static void accept_child(uint32_t count)
{
	struct rng r = {0x5ecc0};
	struct sock_filter insns[64];
	uint32_t taken = 0;

	child_setup();
	if (fill_chain(SMALLEST_EBPF - 1) < 0)
		_exit(98);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t len = 1 + rng_below(&r, 40);
		int rc, ours;

		if (rng_below(&r, 2)) {
			rand_program(&r, insns, len);
			damage(&r, insns, len);
		} else {
			len = rand_valid_program(&r, insns, 40);
		}
		ours = sc_bpf_check(insns, len, NULL, NULL);
		rc = attach(insns, len);
		if (rc != (ours == 0 ? -ENOMEM : -EINVAL)) {
			fprintf(stderr, "# program %u: kernel %d, check %d\n", i, rc,
				ours);
			sc_bpf_disasm(insns, len, false, stderr);
			_exit(1);
		}
		taken += ours == 0;
	}
	_exit(taken > count / 4 && taken < count * 9 / 10 ? 0 : 2);
}

static void test_acceptance(void **state)
{
	(void)state;
	if (already_filtered())
		SKIP_TEST("this process has a filter already");

	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		accept_child(60000);
	assert_int_equal(wait_child(pid), 0);
}

static bool fits(const struct sock_filter *insns, uint32_t len, uint32_t room)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		child_setup();
		if (fill_chain(room) < 0)
			_exit(98);
		if (attach(insns, len) == -ENOMEM)
			_exit(10);
		_exit(0); /* or whatever the program makes of it */
	}
	status = wait_child(pid);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) >= 98);
	return !(WIFEXITED(status) && WEXITSTATUS(status) == 10);
}

static void test_ebpf_length(void **state)
{
	struct rng r = {0xebbf};
	struct sock_filter insns[64];

	(void)state;
	if (already_filtered())
		SKIP_TEST("this process has a filter already");
	for (int i = 0; i < 60; i++) {
		uint32_t len = rand_valid_program(&r, insns, i % 2 ? 60 : 8);
		uint32_t ebpf = sc_bpf_ebpf_len(insns, len);

		assert_true(fits(insns, len, ebpf));
		assert_false(fits(insns, len, ebpf - 1));
	}
}

/* One call number is given to the random body, the rest of the child lives on. */
#define PROBE	   SYS_getuid
#ifdef __i386__
#define AUDIT	   0x40000003u
#else
#define AUDIT	   0xc000003eu
#endif
#define CALLS	   16
#define BODY_START 2

static uint32_t verdict_program(struct rng *r, struct sock_filter *insns)
{
	uint32_t len;

	do {
		len = BODY_START + rand_valid_program(r, insns + BODY_START, 40);
		insns[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
		insns[1] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, PROBE, 0, len - BODY_START);
		/* Only ERRNO can be seen from inside: every other return becomes one,
		 * RET A with 11 bits of what it returns. */
		for (uint32_t i = BODY_START; i < len; i++) {
			if (insns[i].code == (BPF_RET | BPF_K))
				insns[i].k = SECCOMP_RET_ERRNO | (1 + rng_below(r, 4000));
			else if (insns[i].code == (BPF_RET | BPF_A))
				insns[i] = (struct sock_filter)BPF_STMT(
					BPF_JMP | BPF_JA, len - i);
			else if (BPF_CLASS(insns[i].code) == BPF_LD &&
				 insns[i].k / 4 - 2 < 2)
				insns[i].k = 16; /* the instruction pointer is not ours */
		}
		insns[len++] =
			(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
		insns[len++] =
			(struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x7ff);
		insns[len++] = (struct sock_filter)BPF_STMT(
			BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO | 0x800);
		insns[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	} while (sc_bpf_check(insns, len, NULL, NULL) != 0);
	return len;
}

static void verdict_child(
	const struct sock_filter *insns, uint32_t len, const struct seccomp_data *calls)
{
	child_setup();
	if (attach(insns, len) < 0)
		_exit(97);
	for (int i = 0; i < CALLS; i++) {
		uint32_t words[16], want;
		long got, a[6];

		sc_bpf_words(&calls[i], false, words);
		want = sc_bpf_run(insns, len, words, NULL);
		if (want == 0)
			continue; /* division by zero: would kill us */
		for (int k = 0; k < 6; k++)
			a[k] = (long)calls[i].args[k];
		errno = 0;
		got = syscall(PROBE, a[0], a[1], a[2], a[3], a[4], a[5]);
		if (got != -1 || (want & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO ||
			(uint32_t)errno != (want & SECCOMP_RET_DATA))
			_exit(1);
	}
	_exit(0);
}

static void test_verdicts(void **state)
{
	struct rng r = {0x7e4d1c7};
	struct sock_filter insns[64];
	struct seccomp_data calls[CALLS];

	(void)state;
#if !defined(__x86_64__) && !defined(__i386__)
	SKIP_TEST("the calls carry x86's arch");
#endif
	for (int i = 0; i < 400; i++) {
		uint32_t len = verdict_program(&r, insns);
		pid_t pid;

		for (int j = 0; j < CALLS; j++) {
			rand_data(&r, insns, len, &calls[j]);
			calls[j].nr = PROBE;
			calls[j].arch = AUDIT;
			for (int k = 0; k < 6; k++)
				calls[j].args[k] = (unsigned long)calls[j].args[k];
		}
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			verdict_child(insns, len, calls);
		if (wait_child(pid) != 0) {
			sc_bpf_disasm(insns, len, false, stderr);
			fail_msg("program %d: the kernel's verdict is another", i);
		}
	}
}

static void test_division_kills(void **state)
{
	/* A / X with X = 0 ends with 0 = KILL_THREAD, whatever comes after. */
	static const struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROBE, 0, 1),
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct seccomp_data data = {.nr = PROBE};
	uint32_t words[16];
	pid_t pid;
	int status;

	(void)state;
	sc_bpf_words(&data, false, words);
	assert_int_equal(sc_bpf_run(insns, 4, words, NULL), SECCOMP_RET_KILL_THREAD);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		child_setup();
		if (attach(insns, 4) < 0)
			_exit(97);
		syscall(PROBE);
		_exit(0);
	}
	status = wait_child(pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_acceptance),
		cmocka_unit_test(test_ebpf_length),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_division_kills),
	};

	return cmocka_run_group_tests_name("bpf against the kernel", tests, NULL, NULL);
}
