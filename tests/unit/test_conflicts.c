/* Which rule of a call conflicts with which: random rules beside a list that is read whole each
 * time. Few rules, which the library lists, and many, which it indexes by their beginnings.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <seccomp.h>

#define NR    1000
#define ARGS  4
#define RULES 60
#define E(n)  SCMP_ACT_ERRNO(n)

struct rule {
	unsigned int len;
	uint8_t value[ARGS]; /* argument i == value[i], for i < len */
	uint32_t action;
};

/* What the call's rules are, in their order. */
struct list {
	struct rule rules[RULES];
	unsigned int n;
};

static uint64_t seed = 88172645463325252U;

static unsigned int draw(unsigned int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)(seed * 0x2545F4914F6CDD1DU >> 33) % below;
}

static bool begins(const struct rule *a, const struct rule *b)
{
	return a->len <= b->len && !memcmp(a->value, b->value, a->len);
}

/* seccomp_rule_add(3): what an earlier rule says already is accepted, what is said otherwise is
 * -EEXIST, and a rule that begins others takes the place of the first. */
static int add_to_list(struct list *list, const struct rule *rule)
{
	struct list kept = {.n = 0};
	bool placed = false;

	for (unsigned int i = 0; i < list->n; i++) {
		const struct rule *old = &list->rules[i];

		if (begins(old, rule))
			return old->len < rule->len || old->action == rule->action ? 0 : -EEXIST;
	}
	for (unsigned int i = 0; i < list->n; i++) {
		const struct rule *old = &list->rules[i];

		if (!begins(rule, old)) {
			kept.rules[kept.n++] = *old;
			continue;
		}
		if (old->action != rule->action)
			return -EEXIST;
		if (!placed)
			kept.rules[kept.n++] = *rule;
		placed = true;
	}
	if (!placed)
		kept.rules[kept.n++] = *rule;
	*list = kept;
	return 0;
}

static int add(scmp_filter_ctx ctx, const struct rule *rule)
{
	struct scmp_arg_cmp args[ARGS];

	for (unsigned int i = 0; i < rule->len; i++)
		args[i] = SCMP_CMP(i, SCMP_CMP_EQ, rule->value[i]);
	return seccomp_rule_add_array(ctx, rule->action, NR, rule->len, args);
}

static scmp_filter_ctx with_others(unsigned int others)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	assert_non_null(ctx);
	for (uint64_t i = 0; i < others; i++)
		assert_int_equal(
			seccomp_rule_add(ctx, E(40), NR, 1, SCMP_A0(SCMP_CMP_EQ, 100 + i)), 0);
	return ctx;
}

static size_t program(scmp_filter_ctx ctx, void *insns, size_t size)
{
	assert_int_equal(seccomp_export_bpf_mem(ctx, insns, &size), 0);
	return size;
}

/* @others rules of the same call come first; they meet none of ours. */
static void judge(unsigned int others, unsigned int n_rules)
{
	static uint64_t got[4096], wanted[4096];
	scmp_filter_ctx ctx = with_others(others), plain = with_others(others);
	struct list list = {.n = 0};
	size_t size;

	for (unsigned int i = 0; i < n_rules; i++) {
		struct rule rule = {.len = 1 + draw(ARGS), .action = E(1 + draw(2))};

		for (unsigned int a = 0; a < rule.len; a++)
			rule.value[a] = (uint8_t)draw(2 + (a == 0));
		assert_int_equal(add(ctx, &rule), add_to_list(&list, &rule));
	}
	for (unsigned int i = 0; i < list.n; i++)
		assert_int_equal(add(plain, &list.rules[i]), 0);
	size = program(ctx, got, sizeof(got));
	assert_int_equal(program(plain, wanted, sizeof(wanted)), size);
	assert_memory_equal(got, wanted, size);
	seccomp_release(ctx);
	seccomp_release(plain);
}

static void few_rules(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2000; i++)
		judge(0, 2 + draw(12));
}

static void many_rules(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2000; i++)
		judge(40, 2 + draw(RULES - 2));
}

/* The list becomes an index between two rules. */
static void in_between(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2000; i++)
		judge(draw(20), 2 + draw(RULES - 2));
}

/* On x86 a rule on connect is one on socketcall, too. Each pair differs in the last comparison only,
 * which shows all beginnings of both rules, of both calls, at once: room for them was made. */
static void two_numbers(void **state)
{
	(void)state;
	for (unsigned int others = 0; others < 14; others++) {
		scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
		int rc = 0;

		assert_non_null(ctx);
		if (seccomp_arch_native() != SCMP_ARCH_X86)
			rc = seccomp_arch_add(ctx, SCMP_ARCH_X86) ||
			     seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE);
		for (unsigned int i = 0; i < others; i++)
			rc |= seccomp_rule_add(ctx, E(1), SCMP_SYS(connect), 1,
				SCMP_A1(SCMP_CMP_EQ, 10000 + i));
		for (unsigned int i = 0; i < 2000; i++)
			rc |= seccomp_rule_add(ctx, E(1 + i % 2), SCMP_SYS(connect), 5,
				SCMP_A1(SCMP_CMP_EQ, i / 2), SCMP_A2(SCMP_CMP_EQ, 1),
				SCMP_A3(SCMP_CMP_EQ, 1), SCMP_A4(SCMP_CMP_EQ, 1),
				SCMP_A5(SCMP_CMP_EQ, i % 2));
		assert_int_equal(rc, 0);
		assert_int_equal(seccomp_rule_add(ctx, E(1), SCMP_SYS(connect), 5,
					 SCMP_A1(SCMP_CMP_EQ, 7), SCMP_A2(SCMP_CMP_EQ, 1),
					 SCMP_A3(SCMP_CMP_EQ, 1), SCMP_A4(SCMP_CMP_EQ, 1),
					 SCMP_A5(SCMP_CMP_EQ, 1)),
			-EEXIST);
		seccomp_release(ctx);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_rules),
		cmocka_unit_test(many_rules),
		cmocka_unit_test(in_between),
		cmocka_unit_test(two_numbers),
	};

	return cmocka_run_group_tests_name("conflicts", tests, NULL, NULL);
}
