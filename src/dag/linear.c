/* Rules one after the other, but for what they have in common at their beginning.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "dag/dag.h"

/* (argument & mask) OP datum ? yes : no, as pieces of the argument's line. EQ and MASKED_EQ have
 * points_node(). */
static uint32_t compare(struct sc_dag *dag, const struct sc_lowered *low, bool wide,
	const struct sc_cmp *cmp, uint32_t yes, uint32_t no)
{
	const uint64_t max = wide ? UINT64_MAX : UINT32_MAX;
	bool after = cmp->op == SC_OP_GT || cmp->op == SC_OP_LE;
	bool point = cmp->op == SC_OP_NE;
	struct sc_wide_piece pieces[3];
	uint32_t n = 0;

	if (cmp->op == SC_OP_NE || cmp->op == SC_OP_LT || cmp->op == SC_OP_LE) {
		uint32_t swap = yes;

		yes = no;
		no = swap;
	}
	/* Now: yes from the datum on (behind it: GT, LE; at it alone: points). */
	if (after && cmp->datum == max)
		return no;
	if (cmp->datum != 0 || after)
		pieces[n++] = (struct sc_wide_piece){.start = 0, .node = no};
	pieces[n++] = (struct sc_wide_piece){
		.start = cmp->datum + (after ? 1 : 0), .node = yes};
	if (point && cmp->datum != max)
		pieces[n++] = (struct sc_wide_piece){.start = cmp->datum + 1, .node = no};
	return sc_dag_argument(dag, low, wide, cmp->arg, cmp->mask, pieces, n, 1);
}

struct linear {
	struct sc_dag *dag;
	const struct sc_lowered *low;
	const struct sc_low_rule *rules;
	bool wide;
};

/* Of a rule that has more than @depth. */
static const struct sc_cmp *cmp_at(const struct linear *l, uint32_t rule, uint32_t depth)
{
	return &l->low->cmps[l->rules[rule].first_cmp + depth];
}

/* NULL: the rule has no more. */
static const struct sc_cmp *cmp_of(const struct linear *l, uint32_t rule, uint32_t depth)
{
	return depth < l->rules[rule].n_cmps ? cmp_at(l, rule, depth) : NULL;
}

/* Where the rules before @end begin whose comparison at @depth is that of the last. */
static uint32_t group_begin(const struct linear *l, uint32_t first, uint32_t end, uint32_t depth)
{
	const struct sc_cmp *last = cmp_at(l, end - 1, depth);

	for (end--; end > first; end--) {
		const struct sc_cmp *cmp = cmp_of(l, end - 1, depth);

		if (!cmp || !sc_cmp_equal(cmp, last))
			break;
	}
	return end;
}

/* A larger value of the same: no argument has both. */
static bool is_next_point(const struct sc_cmp *cmp, const struct sc_cmp *last)
{
	return cmp && (cmp->op == SC_OP_EQ || cmp->op == SC_OP_MASKED_EQ) && cmp->arg == last->arg &&
		cmp->mask == last->mask && cmp->datum > last->datum;
}

static uint32_t count_points(const struct linear *l, uint32_t first, uint32_t end, uint32_t depth)
{
	const struct sc_cmp *last = NULL;
	uint32_t n = 0;

	while (end > first) {
		const struct sc_cmp *cmp = cmp_of(l, end - 1, depth);

		if (last && !is_next_point(cmp, last))
			break;
		last = cmp;
		end = group_begin(l, first, end, depth);
		n++;
	}
	return n;
}

static uint32_t rules_node(const struct linear *l, uint32_t first, uint32_t end, uint32_t depth,
	uint32_t next);

/* Groups that ask for one value each of one argument: a search among the values. Sets @*end to
 * where the first of them begins. */
static uint32_t points_node(const struct linear *l, uint32_t first, uint32_t *end, uint32_t depth,
	uint32_t next)
{
	const struct sc_cmp *cmp = cmp_at(l, *end - 1, depth);
	uint32_t n_points = count_points(l, first, *end, depth), n = 0, node;
	struct sc_wide_piece *pieces = malloc((2 * (size_t)n_points + 1) * sizeof(*pieces));
	uint64_t at = 0; /* behind the last value */

	if (!pieces) {
		l->dag->rc = -ENOMEM;
		return 0;
	}
	for (uint32_t i = 0; i < n_points; i++) {
		uint32_t begin = group_begin(l, first, *end, depth);

		cmp = cmp_at(l, begin, depth);
		if (cmp->datum != at)
			pieces[n++] = (struct sc_wide_piece){.start = at, .node = next};
		node = rules_node(l, begin, *end, depth + 1, next);
		pieces[n++] = (struct sc_wide_piece){.start = cmp->datum, .node = node};
		at = cmp->datum + 1;
		*end = begin;
	}
	if (cmp->datum != (l->wide ? UINT64_MAX : UINT32_MAX))
		pieces[n++] = (struct sc_wide_piece){.start = at, .node = next};
	node = sc_dag_argument(
		l->dag, l->low, l->wide, cmp->arg, cmp->mask, pieces, n, n_points);
	free(pieces);
	return node;
}

/* The rules from @first to @end, whose comparisons before @depth hold; @next if none does. The
 * order of matching puts side by side what begins alike, so that is asked once. */
static uint32_t rules_node(const struct linear *l, uint32_t first, uint32_t end, uint32_t depth,
	uint32_t next)
{
	while (end > first && !l->dag->rc) {
		const struct sc_cmp *cmp = cmp_of(l, end - 1, depth);

		if (!cmp) {
			next = sc_dag_leaf(l->dag, l->rules[--end].action);
		} else if (cmp->op == SC_OP_EQ || cmp->op == SC_OP_MASKED_EQ) {
			next = points_node(l, first, &end, depth, next);
		} else {
			uint32_t begin = group_begin(l, first, end, depth);
			uint32_t yes = rules_node(l, begin, end, depth + 1, next);

			next = compare(l->dag, l->low, l->wide, cmp, yes, next);
			end = begin;
		}
	}
	return next;
}

/* Of the rules before, so many are looked at; behind as many as a program has instructions, only
 * so few, for a program that holds them all is hardly one that a covered rule makes too large. */
#define LOOK_BACK     256
#define LOOK_BACK_FEW 16

static bool holds(const struct sc_cmp *cmp, uint64_t value)
{
	value &= cmp->mask;
	switch (cmp->op) {
	case SC_OP_NE:
		return value != cmp->datum;
	case SC_OP_LT:
		return value < cmp->datum;
	case SC_OP_LE:
		return value <= cmp->datum;
	case SC_OP_GE:
		return value >= cmp->datum;
	case SC_OP_GT:
		return value > cmp->datum;
	default:
		return value == cmp->datum;
	}
}

static bool implies(const struct sc_cmp *a, const struct sc_cmp *b)
{
	return sc_cmp_equal(a, b) || (a->arg == b->arg && a->op == SC_OP_EQ && holds(b, a->datum));
}

/* Does @before match whatever @rule does? */
static bool covers(const struct sc_lowered *low, const struct sc_low_rule *before,
	const struct sc_low_rule *rule)
{
	const struct sc_cmp *cmps = &low->cmps[rule->first_cmp];

	if (before->n_cmps > rule->n_cmps)
		return false;
	for (uint32_t b = 0; b < before->n_cmps; b++) {
		uint32_t i = 0;

		while (i < rule->n_cmps && !implies(&cmps[i], &low->cmps[before->first_cmp + b]))
			i++;
		if (i == rule->n_cmps)
			return false;
	}
	return true;
}

/* Fills @live, of which only the size is missing. */
static void find_live(const struct sc_lowered *low, const struct sc_low_call *call,
	struct sc_live *live)
{
	const struct sc_low_rule *rules = &low->rules[call->first_rule];
	struct sc_low_rule *out = live->rules;
	uint32_t n = 0;

	for (uint32_t r = 0; r < call->n_rules; r++) {
		uint32_t most = n < SC_DAG_MAX ? LOOK_BACK : LOOK_BACK_FEW;
		uint32_t i = n > most ? n - most : 0;

		while (i < n && !covers(low, &out[i], &rules[r]))
			i++;
		if (i == n)
			out[n++] = rules[r];
	}
	live->n = n;
}

uint32_t sc_dag_linear(struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_low_abi *abi, const struct sc_low_call *call, struct sc_live *live)
{
	struct linear l = {.dag = dag, .low = low, .wide = abi->wide};

	if (!live->rules) {
		live->rules = malloc(call->n_rules * sizeof(*live->rules));
		if (!live->rules) {
			dag->rc = -ENOMEM;
			return 0;
		}
		find_live(low, call, live);
	}
	l.rules = live->rules;
	return rules_node(&l, 0, live->n, 0, sc_dag_leaf(dag, abi->otherwise));
}
