/* Lists of rules that architectures share: a filter of several beside filters of one each, which
 * share nothing, and are merged at the end. And that they are shared at all.
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

#include "api/context.h"
#include "lower/lower.h"
#include "policy/table.h"

#define E(n) SCMP_ACT_ERRNO(n)
#define N(a) (sizeof(a) / sizeof((a)[0]))

static const uint32_t tokens[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_AARCH64,
	SCMP_ARCH_ARM, SCMP_ARCH_MIPSEL, SCMP_ARCH_SH, SCMP_ARCH_RISCV64};
#define ARCHES ((unsigned int)N(tokens))

static uint64_t seed;

static unsigned int draw(unsigned int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)(seed * 0x2545F4914F6CDD1DU >> 33) % below;
}

/* A filter without an architecture. */
static scmp_filter_ctx empty(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	assert_non_null(ctx);
	assert_int_equal(seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE), 0);
	return ctx;
}

static scmp_filter_ctx of(uint32_t token)
{
	scmp_filter_ctx ctx = empty();

	assert_int_equal(seccomp_arch_add(ctx, token), 0);
	return ctx;
}

/* One filter for all, and one for each architecture that it has. */
struct both {
	scmp_filter_ctx all, each[ARCHES];
	bool has[ARCHES];
	unsigned int n, transactions;
};

static void add_arch(struct both *b, unsigned int a)
{
	assert_int_equal(seccomp_arch_add(b->all, tokens[a]), 0);
	b->each[a] = of(tokens[a]);
	b->has[a] = true;
	b->n++;
}

static void remove_arch(struct both *b, unsigned int a)
{
	assert_int_equal(seccomp_arch_remove(b->all, tokens[a]), 0);
	seccomp_release(b->each[a]);
	b->has[a] = false;
	b->n--;
}

#define EACH(b, a) for (unsigned int a = 0; (a) < ARCHES; (a)++) if ((b)->has[a])

struct rule {
	uint32_t action;
	int nr;
	unsigned int n;
	struct scmp_arg_cmp args[3];
};

/* Of @masks, that many for one other comparison: only those say the same on both widths. */
static struct rule draw_rule(unsigned int actions, unsigned int masks)
{
	static const int names[] = {SCMP_SYS(getpid), SCMP_SYS(socket), SCMP_SYS(connect),
		SCMP_SYS(shmget)};
	/* On 32 bits some of them say the same. */
	static const uint64_t data[] = {0, 1, 2, UINT32_MAX, UINT64_C(0x100000001),
		UINT64_C(0x200000002), UINT64_C(0x100000000)};
	struct rule rule = {.action = E(1 + draw(actions)), .nr = names[draw(N(names))]};

	rule.n = draw(50) ? 1 + draw(3) : 0;
	for (unsigned int i = 0; i < rule.n; i++) {
		enum scmp_compare op =
			draw(masks + 1) ? SCMP_CMP_MASKED_EQ : SCMP_CMP_NE + draw(6);
		uint64_t datum = data[draw(N(data))];

		rule.args[i] = (struct scmp_arg_cmp){i, op,
			op == SCMP_CMP_MASKED_EQ ? 0xff : datum, draw(6)};
	}
	return rule;
}

static int add_rule(scmp_filter_ctx ctx, const struct rule *rule)
{
	return seccomp_rule_add_array(ctx, rule->action, rule->nr, rule->n, rule->args);
}

/* For all or for none. */
static bool add_everywhere(struct both *b, const struct rule *rule)
{
	int rc = 0;

	EACH(b, a)
		assert_int_equal(seccomp_transaction_start(b->each[a]), 0);
	EACH(b, a)
		if (!rc)
			rc = add_rule(b->each[a], rule);
	EACH(b, a) {
		if (rc)
			seccomp_transaction_reject(b->each[a]);
		else
			assert_int_equal(seccomp_transaction_commit(b->each[a]), 0);
	}
	assert_int_equal(add_rule(b->all, rule), rc);
	assert_true(rc == 0 || rc == -EEXIST);
	return rc == 0;
}

static struct sc_lowered lowered(scmp_filter_ctx ctx)
{
	struct sc_lowered low;

	assert_int_equal(sc_lower(((struct sc_context *)ctx)->policy, &low), 0);
	return low;
}

static void assert_same_rule(const struct sc_lowered *la, const struct sc_low_rule *a,
	const struct sc_lowered *lb, const struct sc_low_rule *b)
{
	assert_int_equal(a->action, b->action);
	assert_int_equal(a->n_cmps, b->n_cmps);
	for (uint32_t i = 0; i < a->n_cmps; i++)
		assert_true(sc_cmp_equal(
			&la->cmps[a->first_cmp + i], &lb->cmps[b->first_cmp + i]));
}

static void assert_same_abi(const struct sc_lowered *la, const struct sc_low_abi *a,
	const struct sc_lowered *lb, const struct sc_low_abi *b)
{
	assert_int_equal(a->last, b->last);
	assert_int_equal(a->otherwise, b->otherwise);
	assert_int_equal(a->wide, b->wide);
	assert_int_equal(a->n_calls, b->n_calls);
	for (uint32_t c = 0; c < a->n_calls; c++) {
		const struct sc_low_call *ca = &la->calls[a->first_call + c];
		const struct sc_low_call *cb = &lb->calls[b->first_call + c];

		assert_int_equal(ca->nr, cb->nr);
		assert_int_equal(ca->weight, cb->weight);
		assert_int_equal(ca->n_rules, cb->n_rules);
		for (uint32_t r = 0; r < ca->n_rules; r++)
			assert_same_rule(la, &la->rules[ca->first_rule + r], lb,
				&lb->rules[cb->first_rule + r]);
	}
}

static const struct sc_ruleset *rules_of(scmp_filter_ctx ctx)
{
	return &((struct sc_context *)ctx)->policy->rules;
}

/* Each list knows how many calls have it. */
static void assert_counted(scmp_filter_ctx ctx)
{
	const struct sc_ruleset *rules = rules_of(ctx);
	uint32_t *n = calloc((size_t)rules->lists.n_lists + 1, sizeof(*n));

	assert_non_null(n);
	for (uint32_t i = 0; i < rules->n_tables; i++)
		for (uint32_t c = 0; c < rules->tables[i]->n_calls; c++) {
			const struct sc_call *call = &rules->tables[i]->calls[c];

			if (call->list == SC_NO_LIST)
				continue;
			assert_true(call->list < rules->lists.n_lists);
			n[call->list]++;
		}
	for (uint32_t i = 0; i < rules->lists.n_lists; i++)
		assert_int_equal(rules->lists.lists[i].n_calls, n[i]);
	free(n);
}

/* What @part has, @all has the same. */
static void assert_has(scmp_filter_ctx all, scmp_filter_ctx part)
{
	struct sc_lowered la = lowered(all), lp = lowered(part);

	assert_counted(all);
	assert_counted(part);
	for (uint32_t i = 0; i < lp.n_abis; i++) {
		const struct sc_low_abi *abi = &lp.abis[i];
		uint32_t at = 0;

		while (at < la.n_abis && (la.abis[at].audit != abi->audit ||
						 la.abis[at].first != abi->first))
			at++;
		assert_true(at < la.n_abis);
		assert_same_abi(&la, &la.abis[at], &lp, abi);
	}
	sc_lowered_clear(&la);
	sc_lowered_clear(&lp);
}

static void begin(struct both *b)
{
	assert_int_equal(seccomp_transaction_start(b->all), 0);
	EACH(b, a)
		assert_int_equal(seccomp_transaction_start(b->each[a]), 0);
	b->transactions++;
}

static void end(struct both *b, bool commit)
{
	EACH(b, a) {
		if (commit)
			assert_int_equal(seccomp_transaction_commit(b->each[a]), 0);
		else
			seccomp_transaction_reject(b->each[a]);
	}
	if (commit)
		assert_int_equal(seccomp_transaction_commit(b->all), 0);
	else
		seccomp_transaction_reject(b->all);
	b->transactions--;
}

/* Architectures come and go outside transactions only: those of one do not know others. */
static void step(struct both *b, unsigned int actions, unsigned int masks)
{
	unsigned int what = draw(24), a = draw(ARCHES);
	struct rule rule;

	if (what == 0 && !b->transactions && (!b->has[a] || b->n > 1)) {
		if (b->has[a])
			remove_arch(b, a);
		else
			add_arch(b, a);
	} else if (what == 1 && b->transactions < 3) {
		begin(b);
	} else if (what == 2 && b->transactions) {
		end(b, draw(2));
	} else {
		rule = draw_rule(actions, masks);
		add_everywhere(b, &rule);
	}
}

static void finish(struct both *b, unsigned int actions, unsigned int masks)
{
	scmp_filter_ctx merged = NULL;

	while (b->transactions)
		end(b, draw(2));
	EACH(b, a) {
		assert_has(b->all, b->each[a]);
		if (merged)
			assert_int_equal(seccomp_merge(merged, b->each[a]), 0);
		else
			merged = b->each[a];
	}
	for (int i = 0; i < 40; i++) {
		struct rule rule = draw_rule(actions, masks);

		assert_int_equal(add_rule(b->all, &rule), add_rule(merged, &rule));
	}
	assert_has(b->all, merged);
	seccomp_release(b->all);
	seccomp_release(merged);
}

/* Of one action nothing conflicts, and many rules come together; of more, most do. */
static void several_are_as_each(void **state)
{
	scmp_filter_ctx probe = seccomp_init(SCMP_ACT_ALLOW);
	int rc = seccomp_arch_add(probe, SCMP_ARCH_X86);

	(void)state;
	seccomp_release(probe);
	if (rc == -EDOM) /* the other byte order */
		skip();
	for (unsigned int round = 0; round < 300; round++) {
		const unsigned int actions = 1 + round % 3, masks = round % 2 ? 1 : 60;
		struct both b = {.all = empty()};

		seed = 88172645463325252U + round;
		for (unsigned int a = 0; a < 3; a++)
			add_arch(&b, a);
		for (unsigned int i = 0; i < 150; i++) {
			step(&b, actions, masks);
			if (i % 25 == 0)
				EACH(&b, a)
					assert_has(b.all, b.each[a]);
		}
		finish(&b, actions, masks);
	}
}

static const struct sc_lists *lists_of(scmp_filter_ctx ctx)
{
	return &rules_of(ctx)->lists;
}

static int equal(scmp_filter_ctx ctx, uint32_t action, uint64_t a0)
{
	return seccomp_rule_add(ctx, action, SCMP_SYS(getpid), 1, SCMP_A0(SCMP_CMP_EQ, a0));
}

/* A rule is there once for all architectures of one width. */
static void one_width_one_list(void **state)
{
	scmp_filter_ctx ctx = of(SCMP_ARCH_X86_64);

	(void)state;
	for (unsigned int a = 0; a < ARCHES; a++)
		if (tokens[a] != SCMP_ARCH_X86_64 && seccomp_arch_add(ctx, tokens[a]) == -EDOM)
			skip();
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(equal(ctx, E(1), i), 0);
	assert_int_equal(lists_of(ctx)->n_lists, 2);
	assert_int_equal(lists_of(ctx)->n_rules, 200);
	/* And those for some words alone are at both. */
	assert_int_equal(equal(ctx, E(2), UINT64_C(0x100000001)), -EEXIST);
	assert_int_equal(equal(ctx, E(2), UINT64_C(0x100000100)), 0);
	assert_int_equal(lists_of(ctx)->n_lists, 2);
	assert_int_equal(lists_of(ctx)->n_rules, 202);
	seccomp_release(ctx);
}

/* Two widths part once, and a list that is copied has no rule that a shorter one covers. */
static void parting_copies_once(void **state)
{
	scmp_filter_ctx ctx = of(SCMP_ARCH_X86_64);
	const struct scmp_arg_cmp args[] = {
		SCMP_A0(SCMP_CMP_MASKED_EQ, 0xff, 1), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff, 1)};

	(void)state;
	if (seccomp_arch_add(ctx, SCMP_ARCH_X86) == -EDOM)
		skip();
	for (unsigned int i = 0; i < 30; i++)
		assert_int_equal(seccomp_rule_add(ctx, E(1), SCMP_SYS(getpid), 2, args[0],
					 SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff, i)),
			0);
	assert_int_equal(lists_of(ctx)->n_lists, 1);
	assert_int_equal(lists_of(ctx)->n_rules, 30);
	assert_int_equal(seccomp_rule_add_array(ctx, E(1), SCMP_SYS(getpid), 1, args), 0);
	assert_int_equal(lists_of(ctx)->n_lists, 1);
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(equal(ctx, E(1), 100 + i), 0);
	assert_int_equal(lists_of(ctx)->n_lists, 2);
	assert_int_equal(lists_of(ctx)->n_rules, 30 + 1 + 2 * 10);
	assert_int_equal(lists_of(ctx)->n_cmps, 30 * 2 + 2 * 10);
	assert_counted(ctx);
	seccomp_release(ctx);
}

/* The shorter rule is there instead of those that it begins. */
static void replaced_rules_leave(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	(void)state;
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(seccomp_rule_add(ctx, E(1), 1000, 2, SCMP_A0(SCMP_CMP_EQ, 1),
					 SCMP_A1(SCMP_CMP_EQ, i)),
			0);
	assert_int_equal(lists_of(ctx)->lists[0].n_rules, 5);
	assert_int_equal(seccomp_rule_add(ctx, E(1), 1000, 1, SCMP_A0(SCMP_CMP_EQ, 1)), 0);
	assert_int_equal(lists_of(ctx)->lists[0].n_rules, 1);
	assert_int_equal(seccomp_rule_add(ctx, E(2), 1000, 0), 0);
	assert_counted(ctx);
	seccomp_release(ctx);
}

/* What nobody refers to any more does not stay for ever. */
static void room_comes_back(void **state)
{
	scmp_filter_ctx ctx = of(SCMP_ARCH_X86_64);

	(void)state;
	if (seccomp_arch_add(ctx, SCMP_ARCH_X86) == -EDOM)
		skip();
	assert_int_equal(seccomp_arch_remove(ctx, SCMP_ARCH_X86), 0);
	for (unsigned int i = 0; i < 50; i++)
		assert_int_equal(equal(ctx, E(1), i), 0);
	for (unsigned int round = 0; round < 100; round++) {
		assert_int_equal(seccomp_arch_add(ctx, SCMP_ARCH_X86), 0);
		for (unsigned int i = 50; i < 90; i++)
			assert_int_equal(equal(ctx, E(1), i), 0);
		assert_int_equal(seccomp_arch_remove(ctx, SCMP_ARCH_X86), 0);
		assert_in_range(lists_of(ctx)->n_rules, 90, 2 * 90 + 40);
		assert_in_range(lists_of(ctx)->n_lists, 1, 4);
	}
	assert_int_equal(seccomp_arch_remove(ctx, SCMP_ARCH_X86_64), 0);
	assert_int_equal(lists_of(ctx)->n_lists, 0);
	assert_int_equal(lists_of(ctx)->n_rules, 0);
	seccomp_release(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_are_as_each),
		cmocka_unit_test(one_width_one_list),
		cmocka_unit_test(parting_copies_once),
		cmocka_unit_test(replaced_rules_leave),
		cmocka_unit_test(room_comes_back),
	};

	return cmocka_run_group_tests_name("lists", tests, NULL, NULL);
}
