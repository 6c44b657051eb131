/* What no case can say: calls with more arguments than there are, contexts that are none, a native
 * architecture that this machine has not, filters that the self-check does not let out.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <seccomp.h>

#include "policy/table.h"

#define E(n) SCMP_ACT_ERRNO(n)

static void no_context(void **state)
{
	(void)state;
	assert_int_equal(seccomp_load(NULL), -EINVAL);
	assert_int_equal(seccomp_notify_fd(NULL), -EINVAL);
}

/* What holds no context, what is counted and not there, and outputs that nobody asks for. */
static void what_is_left_out(void **state)
{
	static uint64_t other[64];
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	struct seccomp_notif *req = NULL;
	struct seccomp_notif_resp *resp = NULL;
	int rc;

	(void)state;
	assert_int_equal(seccomp_reset(other, E(1)), -EINVAL);
	assert_int_equal(seccomp_rule_add_array(ctx, E(1), 5, 1, NULL), -EINVAL);
	assert_int_equal(seccomp_export_bpf_mem(ctx, NULL, NULL), -EINVAL);
	rc = seccomp_notify_alloc(&req, NULL);
	assert_int_equal(seccomp_notify_alloc(NULL, &resp), rc);
	assert_int_equal(seccomp_notify_alloc(NULL, NULL), rc);
	assert_int_equal(req != NULL, rc == 0);
	assert_int_equal(resp != NULL, rc == 0);
	seccomp_notify_free(req, resp);
	seccomp_release(ctx);
}

/* The level that was set says whether there are notifications, whatever the kernel says. */
static void notifications_of_a_level(void **state)
{
	(void)state;
	assert_int_equal(seccomp_api_set(4), 0);
	assert_int_equal(seccomp_notify_receive(-1, NULL), -EOPNOTSUPP);
	assert_int_equal(seccomp_notify_id_valid(-1, 1), -EOPNOTSUPP);
	assert_int_equal(seccomp_api_set(5), 0);
	errno = 0;
	assert_int_equal(seccomp_notify_receive(-1, NULL), -ECANCELED);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(seccomp_notify_id_valid(-1, 1), -ENOENT);
	seccomp_reset(NULL, SCMP_ACT_ALLOW);
}

/* A listener is asked for wherever the program may return NOTIFY. */
static void whoever_notifies_gets_a_listener(void **state)
{
	struct sc_policy *policy;

	(void)state;
	assert_int_equal(sc_policy_new(SCMP_ACT_ALLOW, &policy), 0);
	assert_false(sc_policy_notifies(policy));
	policy->attrs.badarch = SCMP_ACT_NOTIFY;
	assert_true(sc_policy_notifies(policy));
	assert_int_equal(sc_policy_reset(policy, SCMP_ACT_NOTIFY), 0);
	assert_true(sc_policy_notifies(policy));
	sc_policy_free(policy);
}

/* To allow one has a short way, which says the same as the others. */
static void pseudo_number_without_a_name(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(E(1));
	int rc = seccomp_rule_add(ctx, SCMP_ACT_LOG, -99999, 0);

	(void)state;
	assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, -99998, 0), rc);
	seccomp_release(ctx);
}

/* The count says how much is read off the stack. */
static void too_many_arguments(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	(void)state;
	for (unsigned int n = 7; n > 0; n *= 2) {
		assert_int_equal(
			seccomp_rule_add(ctx, E(1), 5, n, SCMP_A0(SCMP_CMP_EQ, 1)),
			-EINVAL);
		assert_int_equal(
			seccomp_rule_add_exact(ctx, E(1), 5, n, SCMP_A0(SCMP_CMP_EQ, 1)),
			-EINVAL);
	}
	seccomp_release(ctx);
}

/* What was compiled beforehand is not the filter any more once an architecture came or went. */
static void precompute_forgets(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(E(1));
	const uint32_t other = seccomp_arch_native() == SCMP_ARCH_X86_64 ? SCMP_ARCH_AARCH64
									 : SCMP_ARCH_X86_64;
	size_t alone = 0, both = 0, again = 0;
	int rc;

	(void)state;
	assert_int_equal(seccomp_export_bpf_mem(ctx, NULL, &alone), 0);
	assert_int_equal(seccomp_precompute(ctx), 0);
	rc = seccomp_arch_add(ctx, other);
	if (rc == -EDOM) /* the other byte order */
		skip();
	assert_int_equal(rc, 0);
	assert_int_equal(seccomp_export_bpf_mem(ctx, NULL, &both), 0);
	assert_true(both > alone);
	assert_int_equal(seccomp_precompute(ctx), 0);
	assert_int_equal(seccomp_arch_remove(ctx, other), 0);
	assert_int_equal(seccomp_export_bpf_mem(ctx, NULL, &again), 0);
	assert_int_equal(again, alone);
	seccomp_release(ctx);
}

/* Bit i of one argument and bit 31 - i of the other: a diagram of that has 2^32 nodes, in
 * whichever order the prover asks for the bits. The program has a hundred instructions.
 */
static scmp_filter_ctx beyond_proof(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	assert_non_null(ctx);
	for (unsigned int i = 0; i < 32; i++) {
		const scmp_datum_t one = UINT64_C(1) << i;
		const scmp_datum_t other = UINT64_C(1) << (31 - i);

		assert_int_equal(seccomp_rule_add(ctx, E(1), 1000, 2,
					 SCMP_A0(SCMP_CMP_MASKED_EQ, one, one),
					 SCMP_A1(SCMP_CMP_MASKED_EQ, other, other)),
			0);
	}
	return ctx;
}

static void self_check_refuses(void **state)
{
	scmp_filter_ctx ctx = beyond_proof();
	size_t size = 0;

	(void)state;
	setenv("SECCOMP_SELF_CHECK", "1", 1);
	assert_int_equal(seccomp_precompute(ctx), -EOVERFLOW);
	assert_int_equal(seccomp_load(ctx), -EOVERFLOW);
	assert_int_equal(seccomp_export_bpf_mem(ctx, NULL, &size), -EOVERFLOW);
	assert_int_equal(size, 0);
	setenv("SECCOMP_SELF_CHECK", "0", 1);
	assert_int_equal(seccomp_export_bpf_mem(ctx, NULL, &size), 0);
	assert_true(size >= 8 && size <= 8 * 4096);
	seccomp_release(ctx);
}

/* As on a machine where some calls come through socketcall(2): a number that has no name is no
 * such call, and stays what it is; a pseudo number without one is nothing. */
static void nameless_number_of_a_multiplexing_machine(void **state)
{
	static const struct sc_chain always = {.len = 0};
	const struct sc_arch *x86 = sc_arch_by_token(SCMP_ARCH_X86);
	struct sc_policy *policy;
	struct sc_table *table;

	(void)state;
	assert_int_equal(sc_policy_new(SCMP_ACT_ALLOW, &policy), 0);
	assert_int_equal(sc_policy_arch_remove(policy, policy->native), 0);
	assert_int_equal(sc_policy_arch_add(policy, x86), 0);
	policy->native = x86;
	assert_int_equal(sc_policy_rule_add(policy, E(1), 100000, &always, false), 0);
	assert_int_equal(sc_policy_rule_add(policy, E(2), -99999, &always, false), 0);
	table = policy->rules.tables[0];
	assert_int_equal(table->n_calls, 1);
	assert_non_null(sc_table_find(table, 100000));
	assert_int_equal(sc_table_find(table, 100000)->action, E(1));
	assert_int_equal(sc_policy_rule_always(policy, E(3), 100001), 0);
	assert_int_equal(sc_policy_rule_always(policy, E(2), -99999), 0);
	assert_int_equal(table->n_calls, 2);
	assert_int_equal(sc_table_find(table, 100001)->action, E(3));
	sc_policy_free(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_context),
		cmocka_unit_test(what_is_left_out),
		cmocka_unit_test(notifications_of_a_level),
		cmocka_unit_test(whoever_notifies_gets_a_listener),
		cmocka_unit_test(pseudo_number_without_a_name),
		cmocka_unit_test(too_many_arguments),
		cmocka_unit_test(precompute_forgets),
		cmocka_unit_test(nameless_number_of_a_multiplexing_machine),
		cmocka_unit_test(self_check_refuses),
	};

	return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
