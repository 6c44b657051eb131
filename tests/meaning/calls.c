/* What sluice-calls.h says of calls, constants, groups and siblings.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "sluice-calls.h"

static const uint32_t arches[] = {
	SCMP_ARCH_X86,
	SCMP_ARCH_X86_64,
	SCMP_ARCH_X32,
	SCMP_ARCH_ARM,
	SCMP_ARCH_AARCH64,
	SCMP_ARCH_RISCV64,
	SCMP_ARCH_S390X,
	SCMP_ARCH_PPC64LE,
	SCMP_ARCH_MIPS,
	SCMP_ARCH_MIPSEL64N32,
	SCMP_ARCH_PARISC64,
	SCMP_ARCH_S390,
};
#define N_ARCHES (sizeof(arches) / sizeof(arches[0]))

static struct sluice_call_info info_of(uint32_t arch, const char *name)
{
	struct sluice_call_info info = {.size = sizeof(info)};

	assert_int_equal(sluice_call_info(arch, name, &info), 0);
	return info;
}

static void shows_a_call(void **state)
{
	struct sluice_call_info info = info_of(SCMP_ARCH_X86_64, "openat");
	uint64_t file;

	(void)state;
	assert_string_equal(info.name, "openat");
	assert_int_equal(info.nr, 257);
	assert_int_equal(info.n_args, 4);
	assert_true(info.has_prototype);
	assert_string_equal(info.args[0].name, "dfd");
	assert_int_equal(info.args[0].type, SLUICE_ARG_DIRFD);
	assert_int_equal(info.args[0].bits, 32);
	assert_true(info.args[0].is_signed);
	assert_int_equal(info.args[1].type, SLUICE_ARG_PATH);
	assert_int_equal(info.args[1].bits, 64);
	assert_string_equal(info.args[1].ctype, "const char *");
	assert_string_equal(info.args[2].set, "open");
	assert_int_equal(info.args[3].bits, 16);
	assert_int_equal(sluice_group("@file-system", &file), 0);
	assert_true(info.groups & file);
	assert_int_equal(sluice_group("network", &file), 0);
	assert_false(info.groups & file);
}

static void halves_stand_in_the_order_of_bytes(void **state)
{
	static const struct {
		uint32_t arch;
		unsigned n_args, low, high;
	} places[] = {
		{SCMP_ARCH_X86, 5, 3, 4},
		{SCMP_ARCH_ARM, 6, 4, 5},
		{SCMP_ARCH_MIPS, 6, 5, 4},
		{SCMP_ARCH_MIPSEL, 6, 4, 5},
		{SCMP_ARCH_PPC, 6, 5, 4},
		{SCMP_ARCH_S390, 5, 4, 3},
		{SCMP_ARCH_PARISC, 5, 4, 3},
		{SCMP_ARCH_M68K, 5, 4, 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct sluice_call_info info = info_of(places[i].arch, "pread64");

		assert_int_equal(info.n_args, places[i].n_args);
		assert_int_equal(info.args[places[i].low].part, SLUICE_PART_LOW);
		assert_int_equal(info.args[places[i].high].part, SLUICE_PART_HIGH);
		assert_string_equal(info.args[places[i].low].name, "pos");
		assert_string_equal(info.args[places[i].high].name, "pos");
		if (info.n_args == 6)
			assert_int_equal(info.args[3].part, SLUICE_PART_PAD);
	}
	assert_int_equal(info_of(SCMP_ARCH_X86_64, "pread64").args[3].bits, 64);
}

/* Names that have a number and no function: sys_ni_syscall in the kernel's tables. */
static bool is_implemented_nowhere(const char *name)
{
	static const char *const names[] = {"afs_syscall", "break", "epoll_ctl_old",
		"epoll_wait_old", "getpmsg", "gtty", "idle", "lock", "mpx", "multiplexer", "prof",
		"putpmsg", "security", "stty", "timerfd", "tuxcall", "ulimit", "vserver"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static void every_call_has_a_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ARCHES; i++) {
		unsigned iterator = 0, count = 0;
		const char *name;

		while ((name = sluice_call_next(arches[i], &iterator))) {
			struct sluice_call_info info = info_of(arches[i], name);
			struct sluice_call_info again = {.size = sizeof(again)};

			assert_int_equal(
				sluice_call_info_nr(arches[i], info.nr, &again), 0);
			assert_string_equal(again.name, name);
			assert_string_equal(sluice_call_name(arches[i], info.nr), name);
			assert_int_equal(info.has_prototype, !is_implemented_nowhere(name));
			for (unsigned k = 0; k < info.n_args; k++) {
				assert_non_null(info.args[k].name);
				assert_non_null(info.args[k].ctype);
				assert_true(info.args[k].bits >= 8);
				assert_true(info.args[k].bits <= 64);
			}
			count++;
		}
		assert_true(count > 300);
	}
}

static void no_argument_is_wider_than_its_register(void **state)
{
	static const uint32_t narrow[] = {SCMP_ARCH_X86, SCMP_ARCH_ARM, SCMP_ARCH_MIPS,
		SCMP_ARCH_PPC, SCMP_ARCH_S390, SCMP_ARCH_PARISC, SCMP_ARCH_M68K,
		SCMP_ARCH_SH};

	(void)state;
	for (size_t i = 0; i < sizeof(narrow) / sizeof(narrow[0]); i++) {
		unsigned iterator = 0;
		const char *name;

		while ((name = sluice_call_next(narrow[i], &iterator))) {
			struct sluice_call_info info = info_of(narrow[i], name);

			for (unsigned k = 0; k < info.n_args; k++)
				if (info.args[k].bits > 32)
					fail_msg("%s, argument %s", name,
						info.args[k].name);
		}
	}
}

static void arguments_have_the_names_of_manuals_too(void **state)
{
	struct sluice_call_info socket = info_of(SCMP_ARCH_X86_64, "socket");
	struct sluice_call_info pread = info_of(SCMP_ARCH_ARM, "pread64");

	(void)state;
	assert_int_equal(sluice_arg_index(&socket, "family", 0), 0);
	assert_int_equal(sluice_arg_index(&socket, "domain", 0), 0);
	assert_int_equal(sluice_arg_index(&socket, "flags", 0), -ENOENT);
	assert_int_equal(sluice_arg_index(&pread, "offset", 0), 4);
	assert_int_equal(sluice_arg_index(&pread, "offset", 5), 5);
	assert_int_equal(sluice_arg_index(&pread, "offset", 6), -ENOENT);
	assert_int_equal(sluice_arg_index(&pread, "pad", 0), -ENOENT);
}

static void refuses_what_it_does_not_know(void **state)
{
	struct sluice_call_info info = {.size = sizeof(info)};
	int nr = 7;

	(void)state;
	assert_int_equal(sluice_call_info(1, "openat", &info), -EINVAL);
	assert_int_equal(sluice_call_info(0, "no_such_call", &info), -ENOENT);
	assert_int_equal(sluice_call_info(SCMP_ARCH_AARCH64, "open", &info), -ENOENT);
	assert_int_equal(sluice_call_info_nr(SCMP_ARCH_X86_64, 100000, &info), -ENOENT);
	assert_int_equal(sluice_call_info_nr(SCMP_ARCH_X86_64, -1, &info), -ENOENT);
	info.size = 8;
	assert_int_equal(sluice_call_info(SCMP_ARCH_X86_64, "open", &info), -EINVAL);
	assert_null(info.name);
	assert_int_equal(sluice_call_nr(SCMP_ARCH_AARCH64, "open", &nr), -ENOENT);
	assert_int_equal(nr, 7);
	assert_null(sluice_call_name(SCMP_ARCH_X86_64, 400));
}

static void no_architecture_has_nothing(void **state)
{
	struct sluice_call_info info = {.size = sizeof(info)};
	const uint32_t none = 1;
	unsigned iterator = 0;
	char text[16];
	int nr = 7;

	(void)state;
	assert_int_equal(sluice_call_info_nr(none, 0, &info), -EINVAL);
	assert_null(info.name);
	assert_int_equal(sluice_call_nr(none, "read", &nr), -EINVAL);
	assert_int_equal(nr, 7);
	assert_null(sluice_call_name(none, 0));
	assert_null(sluice_call_next(none, &iterator));
	assert_null(sluice_constant_next(none, "open", &iterator, NULL));
	assert_null(sluice_sibling_next(none, "chown", &iterator, NULL));
	assert_null(sluice_closure_next(none, NULL, &iterator, NULL, NULL));
	assert_int_equal(iterator, 0);
	/* A value stays a number. */
	assert_int_equal(sluice_constant_text(none, "family", 16, text, sizeof(text)), 4);
	assert_string_equal(text, "0x10");
	assert_int_equal(sluice_constant_text(SCMP_ARCH_X86_64, NULL, 16, text, sizeof(text)), 4);
	assert_string_equal(text, "0x10");
}

static void constants_differ_by_architecture(void **state)
{
	uint64_t value = 1;

	(void)state;
	assert_int_equal(
		sluice_constant_value(SCMP_ARCH_X86_64, "open", "O_DIRECTORY", &value),
		0);
	assert_int_equal(value, 0x10000);
	assert_int_equal(
		sluice_constant_value(SCMP_ARCH_ARM, "open", "O_DIRECTORY", &value), 0);
	assert_int_equal(value, 0x4000);
	assert_int_equal(sluice_constant_value(
				 SCMP_ARCH_MIPS, "socket_type", "SOCK_STREAM", &value),
		0);
	assert_int_equal(value, 2);
	assert_int_equal(sluice_constant_value(0, NULL, "AF_NETLINK", &value), 0);
	assert_int_equal(value, 16);
	assert_int_equal(
		sluice_constant_value(0, "family", "AF_NOBODY", &value), -ENOENT);
	assert_int_equal(
		sluice_constant_value(0, "nobody", "AF_NETLINK", &value), -ENOENT);
	assert_int_equal(
		sluice_constant_value(1, "family", "AF_NETLINK", &value), -EINVAL);
	assert_int_equal(value, 16);
}

static void constants_are_listed(void **state)
{
	static const char *const sets[] = {"open", "family", "socket_type", "signal", "clone", "mmap"};
	uint64_t value, again;

	(void)state;
	for (size_t a = 0; a < N_ARCHES; a++)
		for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
			unsigned iterator = 0, alone = 0, count = 0;
			const char *name;

			while ((name = sluice_constant_next(arches[a], sets[i], &iterator, &value))) {
				assert_string_equal(
					sluice_constant_next(arches[a], sets[i], &alone, NULL), name);
				assert_int_equal(sluice_constant_value(arches[a], sets[i], name, &again), 0);
				/* A name that stands there twice has the value of the first. */
				assert_int_equal(again, value);
				count++;
			}
			assert_true(count >= 5);
			assert_null(sluice_constant_next(arches[a], sets[i], &iterator, &value));
		}
	assert_null(sluice_constant_next(0, "nobody", &(unsigned){0}, &value));
}

static void check_text(const char *set, uint64_t value, const char *expected)
{
	char text[200], small[5];
	size_t length =
		sluice_constant_text(SCMP_ARCH_X86_64, set, value, text, sizeof(text));

	assert_string_equal(text, expected);
	assert_int_equal(length, strlen(expected));
	assert_int_equal(
		sluice_constant_text(SCMP_ARCH_X86_64, set, value, small, sizeof(small)),
		length);
	assert_memory_equal(small, expected, length < 4 ? length : 4);
	assert_int_equal(small[length < 4 ? length : 4], 0);
	assert_int_equal(
		sluice_constant_text(SCMP_ARCH_X86_64, set, value, NULL, 0), length);
}

static void values_have_names(void **state)
{
	(void)state;
	check_text("family", 16, "AF_NETLINK");
	check_text("family", 99, "0x63");
	check_text("signal", 9, "SIGKILL");
	check_text("signal", 65, "0x41");
	check_text("open", 0, "O_RDONLY");
	check_text("open", 0x80241, "O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC");
	check_text("open", 0x410002, "O_RDWR|O_TMPFILE");
	check_text("prot", 3, "PROT_READ|PROT_WRITE");
	check_text("mmap", 0x22, "MAP_PRIVATE|MAP_ANONYMOUS");
	check_text("socket_type", 0x80005, "SOCK_SEQPACKET|SOCK_CLOEXEC");
	check_text("futex", 0x80, "FUTEX_WAIT|FUTEX_PRIVATE_FLAG");
	check_text("mount", UINT64_C(0x8000000000001000), "MS_BIND|0x8000000000000000");
	check_text("nobody", 0, "0");
}

static bool is_sibling(uint32_t arch, const char *name, const char *wanted,
	enum sluice_sibling_kind kind)
{
	unsigned iterator = 0;
	enum sluice_sibling_kind found;
	const char *sibling;

	while ((sibling = sluice_sibling_next(arch, name, &iterator, &found)))
		if (strcmp(sibling, wanted) == 0 && found == kind)
			return true;
	return false;
}

static void siblings_leave_no_hole(void **state)
{
	(void)state;
	assert_true(is_sibling(SCMP_ARCH_X86, "chown", "chown32", SLUICE_SIBLING_ABI));
	assert_true(is_sibling(SCMP_ARCH_X86, "chown32", "chown", SLUICE_SIBLING_ABI));
	/* The first name of all is one, too. */
	assert_true(is_sibling(SCMP_ARCH_X86, "_llseek", "lseek", SLUICE_SIBLING_ABI));
	assert_false(
		is_sibling(SCMP_ARCH_X86_64, "chown", "chown32", SLUICE_SIBLING_ABI));
	assert_true(
		is_sibling(SCMP_ARCH_X86, "newfstatat", "fstatat64", SLUICE_SIBLING_ABI));
	assert_true(
		is_sibling(SCMP_ARCH_ARM, "futex", "futex_time64", SLUICE_SIBLING_ABI));
	assert_true(
		is_sibling(SCMP_ARCH_X86_64, "openat", "openat2", SLUICE_SIBLING_NEWER));
	assert_false(
		is_sibling(SCMP_ARCH_X86_64, "openat2", "openat", SLUICE_SIBLING_NEWER));
	assert_true(is_sibling(SCMP_ARCH_AARCH64, "stat", "statx", SLUICE_SIBLING_NEWER));
	/* A newer form comes with its own names on other ABIs. */
	assert_true(
		is_sibling(SCMP_ARCH_X86, "poll", "ppoll_time64", SLUICE_SIBLING_NEWER));
	assert_false(is_sibling(SCMP_ARCH_X86, "read", "write", SLUICE_SIBLING_ABI));
	/* The first call of all. */
	assert_true(is_sibling(SCMP_ARCH_X86, "_llseek", "lseek", SLUICE_SIBLING_ABI));
	assert_false(is_sibling(SCMP_ARCH_X86, "no_such_call", "lseek", SLUICE_SIBLING_ABI));
	assert_string_equal(sluice_sibling_next(SCMP_ARCH_X86, "_llseek", &(unsigned){0}, NULL), "lseek");
}

static bool in_closure(
	uint32_t arch, const char *name, const char *wanted, const char *expected)
{
	const char *kind, *reason, *call;
	unsigned iterator = 0;

	while ((call = sluice_closure_next(arch, name, &iterator, &kind, &reason))) {
		assert_true(strlen(reason) > 3);
		if (strcmp(call, wanted) == 0 && strcmp(kind, expected) == 0)
			return true;
	}
	return false;
}

static void a_set_of_calls_is_closed(void **state)
{
	(void)state;
	assert_true(in_closure(SCMP_ARCH_X86_64, NULL, "exit_group", "exit"));
	assert_true(in_closure(SCMP_ARCH_AARCH64, NULL, "tgkill", "abort"));
	assert_true(in_closure(SCMP_ARCH_AARCH64, NULL, "clock_gettime", "vdso"));
	assert_false(in_closure(SCMP_ARCH_AARCH64, NULL, "time", "vdso"));
	assert_true(in_closure(SCMP_ARCH_X86_64, "clone3", "clone", "sibling"));
	assert_false(in_closure(SCMP_ARCH_X86_64, "clone3", "reboot", "sibling"));
	assert_false(in_closure(SCMP_ARCH_X86_64, "no_such_call", "clone", "sibling"));
	assert_non_null(sluice_closure_next(SCMP_ARCH_X86_64, NULL, &(unsigned){0}, NULL, NULL));
}

static void groups_have_names(void **state)
{
	uint64_t bit, all = 0;
	unsigned count = 0;

	(void)state;
	while (sluice_group_at(count)) {
		assert_int_equal(sluice_group(sluice_group_at(count), &bit), 0);
		assert_int_equal(bit, UINT64_C(1) << count);
		all |= bit;
		count++;
	}
	assert_true(count >= 30);
	assert_true(count <= 64);
	assert_int_equal(sluice_group("@nobody", &bit), -ENOENT);
	assert_int_equal(sluice_group("@system-service", &bit), 0);
	assert_true(info_of(SCMP_ARCH_X86, "read").groups & bit);
	assert_false(info_of(SCMP_ARCH_X86, "reboot").groups & bit);
	assert_int_equal(info_of(SCMP_ARCH_X86, "reboot").groups & ~all, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_a_call),
		cmocka_unit_test(halves_stand_in_the_order_of_bytes),
		cmocka_unit_test(every_call_has_a_row),
		cmocka_unit_test(no_argument_is_wider_than_its_register),
		cmocka_unit_test(arguments_have_the_names_of_manuals_too),
		cmocka_unit_test(refuses_what_it_does_not_know),
		cmocka_unit_test(no_architecture_has_nothing),
		cmocka_unit_test(constants_differ_by_architecture),
		cmocka_unit_test(constants_are_listed),
		cmocka_unit_test(values_have_names),
		cmocka_unit_test(siblings_leave_no_hole),
		cmocka_unit_test(a_set_of_calls_is_closed),
		cmocka_unit_test(groups_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
