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

/* Where the rules of a list are in sc_lowered.rules. */
struct span {
	uint32_t first, n; /* first == SC_NO_RULE: they are not there yet */
};

/* A policy on its way. */
struct lowering {
	struct sc_lowered low;
	const struct sc_lists *lists;
	struct span *spans; /* of each list */
	const struct sc_call **calls; /* scratch: those of a table, sorted */
	struct sc_order_item *items; /* scratch: the rules of a list */
};

/* Not inline: the usual call has one rule without a condition. */
static __attribute__((noinline)) struct span lower_list(struct lowering *l, uint32_t index)
{
	const struct sc_lists *lists = l->lists;
	const struct sc_list *list = &lists->lists[index];
	struct span *span = &l->spans[index];
	struct sc_low_rule *first = &l->low.rules[l->low.n_rules];

	if (span->first != SC_NO_RULE)
		return *span;
	*span = (struct span){.first = l->low.n_rules};
	for (uint32_t r = list->head; r != SC_NO_RULE; r = lists->rules[r].next) {
		const struct sc_rule *rule = &lists->rules[r];

		if (list->stale && sc_prefix_covered(lists, index, r))
			continue;
		first[span->n++] = (struct sc_low_rule){
			.action = rule->action,
			.first_cmp = rule->first_cmp,
			.n_cmps = rule->len,
		};
	}
	l->low.n_rules += span->n;
	if (span->n > 1)
		sc_order_rules(first, span->n, l->low.cmps, l->items);
	return *span;
}

/* The calls of an ABI on their way. Unconditional calls of one action have one rule between them
 * where no other action comes between. */
struct walk {
	struct lowering *l;
	struct sc_low_call *out;
	uint64_t action; /* of the last unconditional call, NO_ACTION before the first */
	uint32_t shared; /* its rule */
};
#define NO_ACTION UINT64_MAX

static __attribute__((noinline)) void lower_call(struct walk *w, const struct sc_call *call)
{
	struct sc_lowered *low = &w->l->low;
	struct span span = {w->shared, 1};

	if (!call->always && call->list != SC_NO_LIST) {
		span = lower_list(w->l, call->list);
	} else if (!call->always) {
		span = (struct span){0};
	} else if (call->action != w->action) {
		span.first = w->shared = low->n_rules++;
		w->action = call->action;
		low->rules[span.first] = (struct sc_low_rule){.action = call->action};
	}
	*w->out++ = (struct sc_low_call){
		.nr = (uint32_t)call->nr,
		.first_rule = span.first,
		.n_rules = span.n,
		.weight = call->priority,
	};
}

/* All calls of the index: their numbers, from the base of the ABI on, lie in its range. */
static void lower_dense(struct walk *w, const struct sc_table *table)
{
	const uint16_t *dense = table->dense;
	const struct sc_call *calls = table->calls;
	struct sc_low_call *out = w->out;
	uint64_t action = NO_ACTION;
	uint32_t shared = 0;

	for (uint32_t left = table->n_calls; left; dense++) {
		const struct sc_call *call;

		if (!*dense)
			continue;
		left--;
		call = &calls[*dense - 1];
		if (call->always && call->action == action) {
			*out++ = (struct sc_low_call){
				.nr = (uint32_t)call->nr,
				.first_rule = shared,
				.n_rules = 1,
				.weight = call->priority,
			};
			continue;
		}
		w->out = out;
		lower_call(w, call);
		out = w->out;
		shared = w->shared;
		action = w->action;
	}
	w->out = out;
}

/* The calls whose numbers lie in the range; -1 belongs to the last range alone. @calls: NULL for all
 * of the table's index. */
static void lower_abi(struct lowering *l, const struct sc_table *table,
	const struct sc_call **calls, uint32_t n_calls, struct sc_low_abi abi)
{
	struct sc_lowered *low = &l->low;
	struct walk w = {l, &low->calls[low->n_calls], NO_ACTION, 0};
	const uint32_t range = abi.last - abi.first;

	abi.audit = table->arch->audit;
	abi.wide = table->arch->bits == 64;
	abi.first_call = low->n_calls;
	for (uint32_t i = 0; i < n_calls; i++)
		if ((uint32_t)calls[i]->nr - abi.first <= range)
			lower_call(&w, calls[i]);
	if (!calls)
		lower_dense(&w, table);
	low->n_calls = (uint32_t)(w.out - low->calls);
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
	const struct sc_call *call = sc_table_find(table, -1);

	return call && (call->always || call->list != SC_NO_LIST);
}

/* -1 is how a tracer skips a call, whatever the ABI. Its bits say x32, but where only
 * x86_64 has a rule for it (x32 came later, or from another filter), that is the one. */
static bool skip_is_x86_64(const struct sc_table *x86_64, const struct sc_table *x32)
{
	return x86_64 && (!x32 || (has_skip_rule(x86_64) && !has_skip_rule(x32)));
}

static void lower_table(struct lowering *l, const struct sc_policy *policy,
	const struct sc_table *table)
{
	const struct sc_table *x32 = table_of(policy, sc_arch_by_token(X32));
	const struct sc_table *x86_64 = table_of(policy, sc_arch_by_token(X86_64));
	bool skip = skip_is_x86_64(x86_64, x32);
	const struct sc_call **calls = l->calls;
	uint32_t n = sorted_calls(table, calls);
	struct sc_low_abi abi = {.last = UINT32_MAX, .otherwise = policy->default_action};

	if (table == x32) {
		/* Without x86_64 beside it, a number without the bit is not of this ABI. */
		abi.first = SC_X32_BIT;
		abi.last = skip ? UINT32_MAX - 1 : UINT32_MAX;
	} else if (table == x86_64) {
		abi.last = SC_X32_BIT - 1;
	}
	lower_abi(l, table, n ? calls : NULL, n, abi);
	if (table != x86_64)
		return;
	if (!x32) {
		/* Calls of the x32 ABI are of another architecture. */
		abi = (struct sc_low_abi){
			.first = SC_X32_BIT,
			.last = UINT32_MAX - 1,
			.otherwise = policy->attrs.badarch,
		};
		lower_abi(l, table, calls, 0, abi);
	}
	if (skip) {
		abi = (struct sc_low_abi){
			.first = UINT32_MAX,
			.last = UINT32_MAX,
			.otherwise = policy->default_action,
		};
		/* Of ascending numbers it is the last. */
		lower_abi(l, table, n ? calls + n - 1 : calls, n ? 1 : 0, abi);
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
	size_t abis, calls, rules, biggest_table;
};

static struct sizes measure(const struct sc_ruleset *rules)
{
	struct sizes s = {0};

	s.abis = (size_t)rules->n_tables * ABIS_PER_ARCH;
	for (uint32_t i = 0; i < rules->n_tables; i++) {
		const struct sc_table *table = rules->tables[i];

		s.calls += table->n_calls;
		if (table->n_calls > s.biggest_table)
			s.biggest_table = table->n_calls;
	}
	s.rules = s.calls + rules->lists.n_rules;
	return s;
}

int sc_lower(const struct sc_policy *policy, struct sc_lowered *out)
{
	const struct sc_lists *lists = &policy->rules.lists;
	struct sizes s = measure(&policy->rules);
	struct lowering l = {
		.low = {.badarch = policy->attrs.badarch,
			.cmps = lists->cmps,
			.n_cmps = lists->n_cmps},
		.lists = lists,
	};
	struct sc_lowered *low = &l.low;
	uint64_t size = 2 * (uint64_t)lists->biggest * sizeof(*l.items) +
		(uint64_t)s.biggest_table * sizeof(*l.calls) +
		(uint64_t)s.abis * sizeof(*low->abis) + (uint64_t)s.calls * sizeof(*low->calls) +
		(uint64_t)s.rules * sizeof(*low->rules) +
		(uint64_t)lists->n_lists * sizeof(*l.spans) + 1;
	char *at;

	if (size > SIZE_MAX)
		return -ENOMEM;
	/* Widest alignment first. */
	at = low->block = malloc((size_t)size);
	if (!at)
		return -ENOMEM;
	l.items = (void *)at;
	at += 2 * (size_t)lists->biggest * sizeof(*l.items);
	l.calls = (void *)at;
	at += s.biggest_table * sizeof(*l.calls);
	low->abis = (void *)at;
	at += s.abis * sizeof(*low->abis);
	low->calls = (void *)at;
	at += s.calls * sizeof(*low->calls);
	low->rules = (void *)at;
	at += s.rules * sizeof(*low->rules);
	l.spans = (void *)at;
	for (uint32_t i = 0; i < lists->n_lists; i++)
		l.spans[i].first = SC_NO_RULE;
	for (uint32_t i = 0; i < policy->rules.n_tables; i++) {
		low->big_endian = policy->rules.tables[i]->arch->big_endian;
		lower_table(&l, policy, policy->rules.tables[i]);
	}
	qsort(low->abis, low->n_abis, sizeof(*low->abis), by_audit);
	*out = *low;
	return 0;
}
