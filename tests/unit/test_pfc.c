/* The pseudo filter code, letter by letter: clients keep it, and compare it.
 * SPDX-License-Identifier: MIT */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <seccomp.h>

#include "arch/arch.h"
#include "pfc/pfc.h"

static const char x86_64_alone[] =
	"# pseudo filter code: for each call the first rule that matches decides\n"
	"arch x86_64 0xc000003e\n"
	"  read 0: # priority 9\n"
	"    ALLOW\n"
	"  dup 32:\n"
	"    if (a0 & 0xf0) == 0x10 and a1 >= 0x3: TRAP\n"
	"    if a0 == 0x2: ALLOW\n"
	"  otherwise: ERRNO(1)\n"
	"numbers 0x40000000 to 0xfffffffe (x32): KILL_THREAD\n"
	"arch x86_64 0xc000003e, number -1\n"
	"  otherwise: ERRNO(1)\n"
	"any other architecture: KILL_THREAD\n";

static void one_architecture(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(1));
	char text[1024] = "";
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	/* In this order: a filter has one byte order. */
	assert_int_equal(seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE), 0);
	assert_int_equal(seccomp_arch_add(ctx, SCMP_ARCH_X86_64), 0);
	assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_TRAP, SCMP_SYS(dup), 2,
				 SCMP_A1(SCMP_CMP_GE, 3),
				 SCMP_A0(SCMP_CMP_MASKED_EQ, 0xf0, 0x1f)),
		0);
	assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(dup), 1,
				 SCMP_A0(SCMP_CMP_EQ, 2)),
		0);
	assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(read), 0), 0);
	assert_int_equal(seccomp_syscall_priority(ctx, SCMP_SYS(read), 9), 0);
	assert_int_equal(seccomp_export_pfc(ctx, fileno(file)), 0);
	rewind(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	assert_string_equal(text, x86_64_alone);
	fclose(file);
	seccomp_release(ctx);
}

/* Each has its name, and its calls have theirs. */
static void every_architecture(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sc_arch_count; i++) {
		const struct sc_arch *arch = sc_arch_at(i);
		scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(1));
		char text[1024] = "", head[64];
		FILE *file = tmpfile();

		assert_non_null(file);
		snprintf(head, sizeof(head), "arch %s 0x%08x\n", arch->name, arch->audit);
		assert_int_equal(seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE), 0);
		assert_int_equal(seccomp_arch_add(ctx, arch->token), 0);
		assert_int_equal(
			seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(close), 0, NULL), 0);
		assert_int_equal(seccomp_export_pfc(ctx, fileno(file)), 0);
		rewind(file);
		assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
		if (arch->token != SCMP_ARCH_X32) /* a range of x86_64's numbers */
			assert_non_null(strstr(text, head));
		assert_non_null(strstr(text, "\n  close "));
		fclose(file);
		seccomp_release(ctx);
	}
}

/* An architecture that no table knows is its number. */
static void unknown(void **state)
{
	struct sc_low_abi abi = {
		.audit = 0x40000099, .last = UINT32_MAX, .otherwise = SCMP_ACT_ALLOW};
	const struct sc_lowered low = {.abis = &abi, .n_abis = 1, .badarch = SCMP_ACT_LOG};
	char *text = NULL;
	size_t size = 0;

	(void)state;
	assert_int_equal(sc_pfc(&low, &text, &size), 0);
	assert_int_equal(size, strlen(text));
	assert_string_equal(text,
		"# pseudo filter code: for each call the first rule that matches decides\n"
		"arch ? 0x40000099\n"
		"  otherwise: ALLOW\n"
		"any other architecture: LOG\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_architecture),
		cmocka_unit_test(every_architecture),
		cmocka_unit_test(unknown),
	};

	return cmocka_run_group_tests_name("pfc", tests, NULL, NULL);
}
