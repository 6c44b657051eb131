/* The order of matching.
 *
 * A comparison is two elements, its high word and its low word. Rules with the same first
 * element belong together, so the order is that of a tree: at each depth the elements are
 * sorted, and a tie between different elements goes to the one that came first. Comparing two
 * whole rules would not be transitive there.
 *
 * Six rules of one call, in the order of adding:
 *
 *	1  A0 EQ 5			4  A1 EQ 7, A0 GE 1
 *	2  A1 EQ 7			5  A0 GE 9
 *	3  A0 LT 3			6  A0 EQ 0x100000002
 *
 * become this tree. A level is a word: first the high word of the first comparison, then its low
 * word, then those of the next. (Rule 4 lies sorted by argument, as A0 GE 1, A1 EQ 7.)
 *
 *	high word, A1:      EQ 0
 *	  low word:           EQ 7		rule 2
 *	high word, A0:      EQ 1		before EQ 0: the larger datum first
 *	  low word:           EQ 2		rule 6
 *	                    EQ 0
 *	  low word:           EQ 5		rule 1
 *	                    LT 0		behind EQ, before GT and GE
 *	  low word:           LT 3		rule 3
 *	                    GE 0
 *	  low word:           GE 9		rule 5
 *	                      GE 1		rule 4, and then its A1 EQ 7
 *
 * So the rules are matched as 2, 6, 1, 3, 5, 4. Why by words, not by comparisons? It is what
 * libseccomp does, which tests words, and it shows where masks differ: "A0 & 0xf0000000f == 1"
 * and "A0 == 0x200000001" ask differently for the high word already, so there is no common group
 * for them, and which leads is told by the high words alone. What two rules ask alike stays one
 * group, whatever their answers are: EQ and NE of one value are such a pair.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "lower/order.h"

struct order {
	const struct sc_cmp *cmps;
	struct sc_order_item *spare; /* for merging */
	uint32_t depth; /* in words */
	bool grouping; /* put equal elements side by side, else order the groups */
};

static int op_class(uint8_t op)
{
	switch (op) {
	case SC_OP_LT:
	case SC_OP_LE:
		return 1;
	case SC_OP_GT:
	case SC_OP_GE:
		return 2;
	default:
		return 0;
	}
}

static uint32_t word_of(uint64_t value, uint32_t depth)
{
	return (uint32_t)(depth % 2 ? value : value >> 32);
}

/* Only a hostile caller's chains end beside others; they still sort. */
#define ENDED UINT64_MAX

/* The higher argument first, then by class, then the larger datum, for LT and LE the smaller. */
static uint64_t canonical(const struct sc_cmp *cmp, uint32_t depth)
{
	const int class = op_class(cmp->op);
	const uint32_t datum = word_of(cmp->datum, depth);

	return (uint64_t)(UINT8_MAX - cmp->arg) << 40 | (uint64_t)class << 32 |
		(class == 1 ? datum : ~datum);
}

/* What tells elements apart that their keys do not. EQ and NE ask the same question; for the
 * order it does not matter which answer they want. As long as only the high words are looked at,
 * neither does it between LT and LE, or GT and GE. */
static int identity(const struct sc_cmp *a, const struct sc_cmp *b, uint32_t depth)
{
	uint32_t mask_a = word_of(a->mask, depth), mask_b = word_of(b->mask, depth);

	if (mask_a != mask_b)
		return mask_a < mask_b ? -1 : 1;
	if (depth % 2 == 0 && !mask_a)
		return 0;
	if (depth % 2 && op_class(a->op))
		return a->op - b->op;
	return (a->op == SC_OP_MASKED_EQ) - (b->op == SC_OP_MASKED_EQ);
}

/* Of the same key. */
static int compare_tied(const struct order *o, const struct sc_order_item *a,
	const struct sc_order_item *b)
{
	const uint32_t at = o->depth / 2;
	const struct sc_cmp *ca, *cb;

	if (a->key == ENDED)
		return 0;
	ca = &o->cmps[a->rule.first_cmp + at];
	cb = &o->cmps[b->rule.first_cmp + at];
	if (o->grouping)
		return identity(ca, cb, o->depth);
	if (a->leader == b->leader) /* EQ beside EQ: they may go on alike */
		return o->depth % 2 ? ca->op - cb->op : 0;
	return a->leader > b->leader ? 1 : -1;
}

static inline int compare(const struct order *o, const struct sc_order_item *a,
	const struct sc_order_item *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return compare_tied(o, a, b);
}

/* Stable: what is equal stays in the order of insertion. */
static void merge_sort(const struct order *o, struct sc_order_item *items, uint32_t n)
{
	uint32_t half = n / 2, left = 0, right = half, out = 0;

	if (n < 2)
		return;
	merge_sort(o, items, half);
	merge_sort(o, items + half, n - half);
	if (compare(o, &items[half - 1], &items[half]) <= 0)
		return;
	while (left < half && right < n) {
		bool take_left = compare(o, &items[left], &items[right]) <= 0;

		o->spare[out++] = items[take_left ? left++ : right++];
	}
	memcpy(o->spare + out, items + left, (half - left) * sizeof(*items));
	memcpy(items, o->spare, (out + half - left) * sizeof(*items));
}

/* Do two that follow each other go on at @o->depth as one? Not EQ and NE. */
static bool is_together(const struct order *o, const struct sc_order_item *a,
	const struct sc_order_item *b)
{
	const uint32_t before = (o->depth - 1) / 2;

	return a->leader == b->leader &&
		(o->depth % 2 || a->rule.n_cmps <= before || b->rule.n_cmps <= before ||
			o->cmps[a->rule.first_cmp + before].op ==
					o->cmps[b->rule.first_cmp + before].op);
}

static void order_from(struct order o, struct sc_order_item *items, uint32_t n)
{
	const uint32_t at = o.depth / 2;
	bool tied = false;

	if (n < 2 || o.depth == 2 * 6)
		return;
	for (uint32_t i = 0; i < n; i++)
		items[i].key = items[i].rule.n_cmps <= at
			? ENDED
			: canonical(&o.cmps[items[i].rule.first_cmp + at], o.depth);
	o.grouping = true;
	merge_sort(&o, items, n);
	for (uint32_t i = 0; i < n; i++) {
		bool same = i > 0 && compare(&o, &items[i - 1], &items[i]) == 0;

		items[i].leader = same ? items[i - 1].leader : items[i].rule.first_cmp;
		tied |= i > 0 && items[i - 1].key == items[i].key;
	}
	o.grouping = false;
	if (tied)
		merge_sort(&o, items, n);
	o.depth++;
	for (uint32_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && is_together(&o, &items[i], &items[end]); end++)
			;
		order_from(o, items + i, end - i);
	}
}

/* Few rules that ask for one value each of one argument: the tree has them by their data, the
 * largest first. Nearly every list of a container's profile is so. */
#define FEW 32

static bool is_points(const struct sc_low_rule *rules, uint32_t n, const struct sc_cmp *cmps)
{
	const struct sc_cmp *first = &cmps[rules[0].first_cmp];

	for (uint32_t i = 0; i < n; i++) {
		const struct sc_cmp *cmp = &cmps[rules[i].first_cmp];

		if (rules[i].n_cmps != 1 || cmp->op != SC_OP_EQ || cmp->arg != first->arg)
			return false;
	}
	return true;
}

static void order_points(struct sc_low_rule *rules, uint32_t n, const struct sc_cmp *cmps)
{
	for (uint32_t i = 1; i < n; i++) {
		const struct sc_low_rule rule = rules[i];
		uint32_t at = i;

		for (; at > 0 && cmps[rules[at - 1].first_cmp].datum < cmps[rule.first_cmp].datum; at--)
			rules[at] = rules[at - 1];
		rules[at] = rule;
	}
}

void sc_order_rules(struct sc_low_rule *rules, uint32_t n, const struct sc_cmp *cmps,
	struct sc_order_item *scratch)
{
	struct order o = {.cmps = cmps, .spare = scratch + n};

	if (n <= FEW && is_points(rules, n, cmps)) {
		order_points(rules, n, cmps);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		scratch[i] = (struct sc_order_item){.rule = rules[i]};
	order_from(o, scratch, n);
	for (uint32_t i = 0; i < n; i++)
		rules[i] = scratch[i].rule;
}
