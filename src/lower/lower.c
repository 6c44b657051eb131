/* From a policy to what the back half understands.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "lower/lower.h"
#include "lower/order.h"
#include "policy/table.h"

/* What one architecture becomes: up to three ranges of numbers. */
#define ABIS_PER_ARCH 3

/* SCMP_ARCH_*: the two ABIs that share an audit arch. */
#define X86_64 0xc000003e
#define X32    0x4000003e

static int by_nr(const void *a, const void *b)
{
	uint32_t na = (uint32_t)(*(struct sc_call *const *)a)->nr;
	uint32_t nb = (uint32_t)(*(struct sc_call *const *)b)->nr;

	return (na > nb) - (na < nb);
}

/* The table's calls by ascending number. Returns how many; 0 where the index of the table has them
 * all in that order. */
static uint32_t sorted_calls(const struct sc_table *table, const struct sc_call **out)
{
	if (!table->sparse.n)
		return 0;
	for (uint32_t i = 0; i < table->n_calls; i++)
		out[i] = &table->calls[i];
	qsort(out, table->n_calls, sizeof(*out), by_nr);
	return table->n_calls;
}

/* Not inline: the usual call has one rule without a condition. */
static __attribute__((noinline)) void lower_rules(struct sc_lowered *low, const struct sc_table *table,
	const struct sc_call *call, struct sc_order_item *scratch)
{
	struct sc_low_rule *first = &low->rules[low->n_rules];
	uint32_t n = 0;

	for (uint32_t r = call->head; r != SC_NO_RULE; r = table->rules[r].next) {
		const struct sc_rule *rule = &table->rules[r];

		if (call->stale && sc_prefix_covered(table, call, r))
			continue;
		first[n++] = (struct sc_low_rule){
			.action = rule->action,
			.first_cmp = low->n_cmps,
			.n_cmps = rule->len,
		};
		for (uint32_t i = 0; i < rule->len; i++)
			low->cmps[low->n_cmps++] = table->cmps[rule->first_cmp + i];
	}
	low->n_rules += n;
	if (n > 1)
		sc_order_rules(first, n, low->cmps, scratch);
}

/* An ABI on its way. Unconditional calls of one action have one rule between them where no other
 * action comes between. */
struct lowering {
	struct sc_lowered *low;
	const struct sc_table *table;
	struct sc_order_item *scratch;
	struct sc_low_call *out;
	uint32_t shared, action; /* the last rule of an unconditional call */
};

static inline void lower_call(struct lowering *l, const struct sc_call *call)
{
	struct sc_lowered *low = l->low;
	uint32_t first = l->shared, n_rules = 1;

	if (!call->always) {
		first = low->n_rules;
		lower_rules(low, l->table, call, l->scratch);
		n_rules = low->n_rules - first;
	} else if (first == SC_NO_RULE || call->action != l->action) {
		first = l->shared = low->n_rules++;
		l->action = call->action;
		low->rules[first] = (struct sc_low_rule){.action = call->action};
	}
	*l->out++ = (struct sc_low_call){
		.nr = (uint32_t)call->nr,
		.first_rule = first,
		.n_rules = n_rules,
		.weight = call->priority,
	};
}

/* All calls of the index: their numbers, from the base of the ABI on, lie in its range. */
static void lower_dense(struct lowering *l)
{
	const uint16_t *dense = l->table->dense;
	const struct sc_call *calls = l->table->calls;
	struct sc_low_call *out = l->out;
	uint32_t shared = SC_NO_RULE, action = 0;

	for (uint32_t left = l->table->n_calls; left; dense++) {
		const struct sc_call *call;

		if (!*dense)
			continue;
		left--;
		call = &calls[*dense - 1];
		if (call->always && call->action == action && shared != SC_NO_RULE) {
			*out++ = (struct sc_low_call){
				.nr = (uint32_t)call->nr,
				.first_rule = shared,
				.n_rules = 1,
				.weight = call->priority,
			};
			continue;
		}
		l->out = out;
		lower_call(l, call);
		out = l->out;
		shared = l->shared;
		action = l->action;
	}
	l->out = out;
}

/* The calls whose numbers lie in the range; -1 belongs to the last range alone. @calls: NULL for all
 * of the table's index. */
static void lower_abi(struct sc_lowered *low, const struct sc_table *table,
	const struct sc_call **calls, uint32_t n_calls, struct sc_low_abi abi,
	struct sc_order_item *scratch)
{
	struct lowering l = {low, table, scratch, &low->calls[low->n_calls], SC_NO_RULE, 0};
	const uint32_t range = abi.last - abi.first;

	abi.audit = table->arch->audit;
	abi.wide = table->arch->bits == 64;
	abi.first_call = low->n_calls;
	for (uint32_t i = 0; i < n_calls; i++)
		if ((uint32_t)calls[i]->nr - abi.first <= range)
			lower_call(&l, calls[i]);
	if (!calls)
		lower_dense(&l);
	low->n_calls = (uint32_t)(l.out - low->calls);
	abi.n_calls = low->n_calls - abi.first_call;
	low->abis[low->n_abis++] = abi;
}

static const struct sc_table *table_of(const struct sc_policy *policy,
	const struct sc_arch *arch)
{
	for (uint32_t i = 0; i < policy->rules.n_tables; i++)
		if (policy->rules.tables[i]->arch == arch)
			return policy->rules.tables[i];
	return NULL;
}

static bool has_skip_rule(const struct sc_table *table)
{
	const struct sc_call *call = table ? sc_table_find(table, -1) : NULL;

	return call && (call->always || call->n_rules);
}

/* -1 is how a tracer skips a call, whatever the ABI. Its bits say x32, but where only
 * x86_64 has a rule for it (x32 came later, or from another filter), that is the one. */
static bool skip_is_x86_64(const struct sc_table *x86_64, const struct sc_table *x32)
{
	return x86_64 && (!x32 || (has_skip_rule(x86_64) && !has_skip_rule(x32)));
}

static void lower_table(struct sc_lowered *low, const struct sc_policy *policy,
	const struct sc_table *table, const struct sc_call **calls,
	struct sc_order_item *scratch)
{
	const struct sc_table *x32 = table_of(policy, sc_arch_by_token(X32));
	const struct sc_table *x86_64 = table_of(policy, sc_arch_by_token(X86_64));
	bool skip = skip_is_x86_64(x86_64, x32);
	uint32_t n = sorted_calls(table, calls);
	struct sc_low_abi abi = {.last = UINT32_MAX, .otherwise = policy->default_action};

	if (table == x32) {
		/* Without x86_64 beside it, a number without the bit is not of this ABI. */
		abi.first = SC_X32_BIT;
		abi.last = skip ? UINT32_MAX - 1 : UINT32_MAX;
	} else if (table == x86_64) {
		abi.last = SC_X32_BIT - 1;
	}
	lower_abi(low, table, n ? calls : NULL, n, abi, scratch);
	if (table != x86_64)
		return;
	if (!x32) {
		/* Calls of the x32 ABI are of another architecture. */
		abi = (struct sc_low_abi){
			.first = SC_X32_BIT,
			.last = UINT32_MAX - 1,
			.otherwise = policy->attrs.badarch,
		};
		lower_abi(low, table, calls, 0, abi, scratch);
	}
	if (skip) {
		abi = (struct sc_low_abi){
			.first = UINT32_MAX,
			.last = UINT32_MAX,
			.otherwise = policy->default_action,
		};
		/* Of ascending numbers it is the last. */
		lower_abi(low, table, n ? calls + n - 1 : calls, n ? 1 : 0, abi, scratch);
	}
}

static int by_audit(const void *a, const void *b)
{
	const struct sc_low_abi *x = a, *y = b;

	if (x->audit != y->audit)
		return x->audit < y->audit ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

struct sizes {
	size_t abis, calls, rules, cmps, biggest_call, biggest_table;
};

static struct sizes measure(const struct sc_ruleset *rules)
{
	struct sizes s = {0};

	s.abis = (size_t)rules->n_tables * ABIS_PER_ARCH;
	for (uint32_t i = 0; i < rules->n_tables; i++) {
		const struct sc_table *table = rules->tables[i];

		s.calls += table->n_calls;
		s.rules += (size_t)table->n_calls + table->n_rules;
		s.cmps += table->n_cmps;
		if (table->n_calls > s.biggest_table)
			s.biggest_table = table->n_calls;
		if (table->biggest_call > s.biggest_call)
			s.biggest_call = table->biggest_call;
	}
	return s;
}

int sc_lower(const struct sc_policy *policy, struct sc_lowered *out)
{
	struct sizes s = measure(&policy->rules);
	struct sc_lowered low = {.badarch = policy->attrs.badarch};
	uint64_t size = (uint64_t)s.cmps * sizeof(struct sc_cmp) +
		(uint64_t)s.biggest_table * sizeof(const struct sc_call *) +
		(uint64_t)s.abis * sizeof(struct sc_low_abi) +
		(uint64_t)s.calls * sizeof(struct sc_low_call) +
		(uint64_t)s.rules * sizeof(struct sc_low_rule) +
		2 * (uint64_t)s.biggest_call * sizeof(struct sc_order_item) + 1;
	const struct sc_call **calls;
	char *at;

	if (size > SIZE_MAX)
		return -ENOMEM;
	/* Widest alignment first. */
	at = low.block = malloc((size_t)size);
	if (!at)
		return -ENOMEM;
	low.cmps = (void *)at;
	at += s.cmps * sizeof(*low.cmps);
	calls = (void *)at;
	at += s.biggest_table * sizeof(*calls);
	low.abis = (void *)at;
	at += s.abis * sizeof(*low.abis);
	low.calls = (void *)at;
	at += s.calls * sizeof(*low.calls);
	low.rules = (void *)at;
	at += s.rules * sizeof(*low.rules);
	for (uint32_t i = 0; i < policy->rules.n_tables; i++) {
		low.big_endian = policy->rules.tables[i]->arch->big_endian;
		lower_table(&low, policy, policy->rules.tables[i], calls, (void *)at);
	}
	qsort(low.abis, low.n_abis, sizeof(*low.abis), by_audit);
	*out = low;
	return 0;
}
