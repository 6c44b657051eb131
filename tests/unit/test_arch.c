/* The tables agree with themselves, and with facts taken from kernel headers by hand.
 * SPDX-License-Identifier: MIT */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>
#include <seccomp.h>

#include "arch/arch.h"
#include "policy/policy.h"

static const struct sc_arch *arch(const char *name)
{
	const struct sc_arch *found = sc_arch_by_name(name);

	assert_non_null(found);
	return found;
}

static int row(const char *name)
{
	int found = sc_syscall_by_name(name);

	assert_true(found >= 0);
	return found;
}

static void test_architectures(void **state)
{
	(void)state;
	assert_int_equal(sc_arch_count, 23);
	/* A policy has room for each once, and is not asked again. */
	assert_true(sc_arch_count <= SC_ARCH_MAX);
	for (unsigned int i = 0; i < sc_arch_count; i++) {
		const struct sc_arch *a = sc_arch_at(i);

		assert_ptr_equal(sc_arch_by_name(a->name), a);
		assert_ptr_equal(sc_arch_by_token(a->token), a);
		assert_true(a->bits == 32 || a->bits == 64);
		/* linux/audit.h: bit 31 is 64 bit, bit 30 little endian. mips n32 sets
		 * bit 31 as well, x32 shares x86_64's. */
		assert_int_equal(a->big_endian, !(a->token & 0x40000000));
		assert_int_equal(a->bits == 64 || strstr(a->name, "n32") != NULL,
				 !!(a->token & 0x80000000));
		if (strcmp(a->name, "x32") != 0)
			assert_int_equal(a->token, a->audit);
	}
	assert_int_equal(arch("x32")->token, 0x4000003e);
	assert_int_equal(arch("x32")->audit, arch("x86_64")->token);
}

static void test_unknown_architectures(void **state)
{
	static const char *const names[] = {"", "X86", "x86_6", "x86_644", "native", "amd64"};
	static const uint32_t tokens[] = {0, 1, 62, 0xc000003f, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_null(sc_arch_by_name(names[i]));
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
		assert_null(sc_arch_by_token(tokens[i]));
}

static void test_native(void **state)
{
	const struct sc_arch *native = sc_arch_native();

	(void)state;
	assert_non_null(native);
	/* The compiler's own headers are of the same ABI. */
	assert_int_equal(sc_syscall_nr(native, row("read")), SYS_read);
	assert_int_equal(sc_syscall_nr(native, row("execve")), SYS_execve);
	assert_int_equal(sc_syscall_nr(native, row("exit_group")), SYS_exit_group);
	assert_int_equal(sc_syscall_nr(native, row("seccomp")), SYS_seccomp);
	assert_int_equal(native->bits == 64, sizeof(long) == 8);
}

static void test_names(void **state)
{
	char name[SC_SYSCALL_NAME_SIZE + 1];

	(void)state;
	assert_true(sc_syscall_count > 500);
	for (unsigned int i = 0; i < sc_syscall_count; i++) {
		size_t len = strlen(sc_syscall_name((int)i));

		assert_true(len > 0 && len < SC_SYSCALL_NAME_SIZE);
		assert_int_equal(sc_syscall_by_name(sc_syscall_name((int)i)), i);
		/* Nothing but the very name finds the row. */
		for (size_t at = 0; at < len; at++) {
			int found;

			memcpy(name, sc_syscall_name((int)i), len + 1);
			name[at] = '?';
			assert_int_equal(sc_syscall_by_name(name), -1);
			name[at] = '\0';
			found = sc_syscall_by_name(name);
			assert_true(found < 0 || strcmp(sc_syscall_name(found), name) == 0);
		}
	}
}

static void test_unknown_names(void **state)
{
	char name[4096];

	(void)state;
	assert_int_equal(sc_syscall_by_name(""), -1);
	assert_int_equal(sc_syscall_by_name("Read"), -1);
	assert_int_equal(sc_syscall_by_name("oldwait4"), -1);
	for (size_t len = 1; len < sizeof(name); len++) {
		memset(name, 'r', len);
		name[len] = '\0';
		assert_int_equal(sc_syscall_by_name(name), -1);
	}
}

static bool multiplexed(const struct sc_arch *a, int r)
{
	struct sc_mux mux;

	return sc_mux_lookup(a, r, &mux);
}

static void test_numbers(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sc_arch_count; i++) {
		const struct sc_arch *a = sc_arch_at(i);

		for (int r = 0; r < (int)sc_syscall_count; r++) {
			int nr = sc_syscall_nr(a, r), back = sc_syscall_by_nr(a, nr);

			assert_true(nr >= a->base || (nr < -99 && nr > -20000));
			assert_true(back >= 0);
			/* Two names share -10191. */
			assert_true(back == r || nr == -10191);
		}
	}
}

static void test_all_numbers_back(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sc_arch_count; i++) {
		const struct sc_arch *a = sc_arch_at(i);
		int found = 0;

		for (int64_t nr = (int64_t)a->base - 20000; nr < a->base + INT64_C(1000000);
		     nr++) {
			int r = sc_syscall_by_nr(a, (int)nr);

			if (r < 0)
				continue;
			found++;
			assert_true(sc_syscall_nr(a, r) == nr || multiplexed(a, r));
		}
		assert_true(found > 300);
	}
}

static void test_no_numbers(void **state)
{
	static const int none[] = {-1,   -2,     -3,     -99,     -100,    -121,
				   -200, -10000, -10255, INT_MIN, INT_MAX, 0x50000000};

	(void)state;
	for (unsigned int i = 0; i < sc_arch_count; i++) {
		for (size_t k = 0; k < sizeof(none) / sizeof(none[0]); k++)
			assert_int_equal(sc_syscall_by_nr(sc_arch_at(i), none[k]), -1);
	}
	assert_int_equal(sc_syscall_by_nr(arch("x32"), 0), -1);
	assert_int_equal(sc_syscall_by_nr(arch("x86_64"), (int)SC_X32_BIT), -1);
	assert_int_equal(sc_syscall_by_nr(arch("mips"), 1), -1);
	assert_int_equal(sc_syscall_by_nr(arch("x86"), 0x0f0001), -1);
	/* A pseudo number of a call that the architecture has. */
	assert_int_equal(sc_syscall_by_nr(arch("x86_64"), -101), -1);
}

/* seccomp_syscall_resolve_num_arch(3) also takes numbers without the base. */
static void test_numbers_without_base(void **state)
{
	static const struct {
		uint32_t token;
		int nr;
		const char *name;
	} known[] = {
		{SCMP_ARCH_X32, 0, "read"}, {SCMP_ARCH_X32, 1, "write"},
		{SCMP_ARCH_MIPS, 0, "syscall"}, {SCMP_ARCH_MIPS64N32, 0, "read"},
		{SCMP_ARCH_X86_64, 0, "read"}, {SCMP_ARCH_X32, -1, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		char *name = seccomp_syscall_resolve_num_arch(known[i].token, known[i].nr);

		if (known[i].name)
			assert_string_equal(name, known[i].name);
		else
			assert_null(name);
		free(name);
	}
}

static void test_known_numbers(void **state)
{
	static const struct {
		const char *arch, *name;
		int nr;
	} known[] = {
		{"x86_64", "mseal", 462},       {"x86_64", "uretprobe", 335},
		{"x86_64", "uprobe", 336},      {"riscv64", "riscv_hwprobe", 258},
		{"x32", "read", 0x40000000},    {"x32", "execve", 0x40000208},
		{"mips", "mseal", 4462},        {"mipsel64", "mseal", 5462},
		{"mipsel64n32", "mseal", 6462}, {"arm", "set_tls", 0x0f0005},
		{"arm", "get_tls", 0x0f0006},   {"aarch64", "openat", 56},
		{"x86_64", "chown32", -10004},  {"x86", "socket", -101},
		{"arm", "uprobe", -10254},      {"m68k", "getpagesize", 166},
		{"s390", "listns", -10252},     {"loongarch64", "memfd_secret", 447},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct sc_arch *a = arch(known[i].arch);

		assert_int_equal(sc_syscall_nr(a, row(known[i].name)), known[i].nr);
		assert_int_equal(sc_syscall_by_nr(a, known[i].nr), row(known[i].name));
	}
}

static void test_mux(void **state)
{
	static const struct {
		const char *arch, *name;
		struct sc_mux mux;
	} known[] = {
		/* linux/net.h and linux/ipc.h; the numbers are asm/unistd.h's. */
		{"x86", "socket", {102, 1, 0, 359}},       {"x86", "accept", {102, 5, 0, -105}},
		{"x86", "accept4", {102, 18, 0, 364}},     {"x86", "sendmmsg", {102, 20, 0, 345}},
		{"x86", "semop", {117, 1, 0, -201}},       {"x86", "semtimedop", {117, 4, 0, -204}},
		{"x86", "msgsnd", {117, 11, 0, 400}},      {"x86", "shmat", {117, 21, 0, 397}},
		{"x86", "shmctl", {117, 24, 0, 396}},      {"mips", "socket", {4102, 1, 0, 4183}},
		{"mipsel", "shmdt", {4117, 22, 0, 4398}},  {"s390x", "semtimedop", {117, 4, 0, 392}},
		{"ppc64le", "connect", {102, 3, 0, 328}},  {"m68k", "recv", {102, 10, 0, -110}},
		{"s390", "semtimedop", {117, 4, 0, -204}}, {"sheb", "bind", {102, 2, 0, 341}},
	};
	struct sc_mux mux;

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_true(sc_mux_lookup(arch(known[i].arch), row(known[i].name), &mux));
		assert_int_equal(mux.nr, known[i].mux.nr);
		assert_int_equal(mux.code, known[i].mux.code);
		assert_int_equal(mux.mask, known[i].mux.nr % 1000 == 117 ? 0xffff : UINT32_MAX);
		assert_int_equal(mux.direct, known[i].mux.direct);
	}
	for (unsigned int i = 0; i < sc_arch_count; i++) {
		const struct sc_arch *a = sc_arch_at(i);

		assert_int_equal(sc_mux_lookup(a, row("socket"), &mux), a->has_mux);
		assert_int_equal(sc_mux_lookup(a, row("shmctl"), &mux), a->has_mux);
		assert_false(sc_mux_lookup(a, row("read"), &mux));
		assert_false(sc_mux_lookup(a, row("socketcall"), &mux));
		assert_false(sc_mux_lookup(a, row("arch_prctl"), &mux));
	}
}

static void test_since(void **state)
{
	(void)state;
	assert_int_equal(sc_syscall_since(arch("x86"), row("read")), 1 << 8);
	assert_int_equal(sc_syscall_since(arch("x32"), row("read")), 3 << 8 | 4);
	assert_int_equal(sc_syscall_since(arch("aarch64"), row("read")), 3 << 8 | 7);
	assert_int_equal(sc_syscall_since(arch("x86_64"), row("getrandom")), 3 << 8 | 17);
	assert_int_equal(sc_syscall_since(arch("mips64"), row("mseal")), 6 << 8 | 10);
	assert_int_equal(sc_syscall_since(arch("loongarch64"), row("openat2")), 5 << 8 | 19);
	assert_int_equal(sc_syscall_since(arch("sh"), row("read")), 0);
	assert_int_equal(sc_syscall_since(arch("x86"), row("uprobe")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_architectures),    cmocka_unit_test(test_native),
		cmocka_unit_test(test_unknown_architectures),
		cmocka_unit_test(test_names),            cmocka_unit_test(test_unknown_names),
		cmocka_unit_test(test_numbers),          cmocka_unit_test(test_no_numbers),
		cmocka_unit_test(test_all_numbers_back), cmocka_unit_test(test_known_numbers),
		cmocka_unit_test(test_numbers_without_base),
		cmocka_unit_test(test_mux),              cmocka_unit_test(test_since),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
