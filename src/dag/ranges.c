/* One call's rules where all comparisons are sets of ranges, several of them on one argument.
 *
 * As in lists.c: what is asked of an argument under one mask cuts a line into pieces, each
 * piece leaves a shorter list of rules, and equal lists become one node. A list's "pending" has
 * a bit for each comparison of the rule here, not for each argument.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "dag/state.h"

#define WORK_BASE     (1U << 14)
#define WORK_PER_RULE 64
#define DEPTH_MAX     64
#define CMPS_MAX      32 /* of a rule: bits of sc_alive.pending */
#define FEW	      16 /* places that fit on the stack */

/* What is decided in one step: an argument under a mask. */
struct line {
	uint64_t mask;
	uint8_t arg;
};

static const struct sc_low_rule *rule_of(const struct sc_states *s, uint32_t rule)
{
	return &s->low->rules[s->call->first_rule + rule];
}

static const struct sc_cmp *cmp_of(const struct sc_states *s, uint32_t rule, uint32_t i)
{
	return &s->low->cmps[rule_of(s, rule)->first_cmp + i];
}

/* Does @cmp hold where (argument & its mask) == @value? */
static bool holds(const struct sc_lowered *low, const struct sc_cmp *cmp, uint64_t value)
{
	const struct sc_range *r = &low->ranges[cmp->datum];
	uint32_t from = 0, n = cmp->n_ranges;

	while (from < n) {
		uint32_t middle = from + (n - from) / 2;

		if (value < r[middle].first)
			n = middle;
		else if (value > r[middle].last)
			from = middle + 1;
		else
			return true;
	}
	return false;
}

/* The next value under @mask; 0 behind the last. */
static uint64_t next_value(uint64_t value, uint64_t mask)
{
	return ((value | ~mask) + 1) & mask;
}

/* The places where @cmp may begin or cease to hold; 0 is none. Returns how many. */
static uint32_t places_of(const struct sc_lowered *low, const struct sc_cmp *cmp, uint64_t *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < cmp->n_ranges; i++) {
		out[n++] = low->ranges[cmp->datum + i].first;
		out[n++] = next_value(low->ranges[cmp->datum + i].last, cmp->mask);
	}
	return n;
}

static uint32_t n_places(const struct sc_cmp *cmp)
{
	return 2 * cmp->n_ranges;
}

static bool on_line(const struct sc_cmp *cmp, const struct line *line)
{
	return cmp->arg == line->arg && cmp->mask == line->mask;
}

/* How many places the list's open comparisons on @line have; with @out, which. */
static uint32_t collect(const struct sc_states *s, const struct sc_state *state,
	const struct line *line, uint64_t *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < state->len; i++) {
		const struct sc_alive *alive = &s->pool[state->at + i];

		for (uint32_t bits = alive->pending; bits; bits &= bits - 1) {
			const struct sc_cmp *cmp =
				cmp_of(s, alive->rule, (uint32_t)__builtin_ctz(bits));

			if (on_line(cmp, line))
				n += out ? places_of(s->low, cmp, out + n) : n_places(cmp);
		}
	}
	return n;
}

static void sort_few(uint64_t *at, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		const uint64_t value = at[i];
		uint32_t to = i;

		for (; to && at[to - 1] > value; to--)
			at[to] = at[to - 1];
		at[to] = value;
	}
}

/* Places on a line, and the pieces between them. */
struct cut {
	uint64_t *at, few_at[FEW];
	struct sc_wide_piece *pieces, few[FEW];
};

/* Room for @n places, and one more. */
static int cut_begin(struct cut *cut, uint32_t n)
{
	cut->at = cut->few_at;
	cut->pieces = cut->few;
	if (n < FEW)
		return 0;
	cut->at = malloc(((size_t)n + 1) * sizeof(*cut->at));
	cut->pieces = malloc(((size_t)n + 1) * sizeof(*cut->pieces));
	return cut->at && cut->pieces ? 0 : -ENOMEM;
}

static void cut_end(struct cut *cut)
{
	if (cut->at != cut->few_at)
		free(cut->at);
	if (cut->pieces != cut->few)
		free(cut->pieces);
}

/* Places ascending, each once, the first of them 0. @at has room for one more. */
static uint32_t sort_places(uint64_t *at, uint32_t n)
{
	uint32_t out = 1;

	at[n++] = 0;
	if (n <= FEW)
		sort_few(at, n);
	else
		qsort(at, n, sizeof(*at), sc_dag_by_value);
	for (uint32_t i = 1; i < n; i++)
		if (at[i] != at[out - 1])
			at[out++] = at[i];
	return out;
}

/* What is left of @state where the line's value is @value, and behind it up to the next place. */
static struct sc_state left_at(struct sc_states *s, const struct sc_state *state,
	const struct line *line, uint64_t value)
{
	struct sc_state left = sc_state_begin(s, state->tail);

	for (uint32_t i = 0; i < state->len; i++) {
		struct sc_alive alive = s->pool[state->at + i];
		bool fails = false;

		for (uint32_t bits = alive.pending; bits && !fails; bits &= bits - 1) {
			uint32_t c = (uint32_t)__builtin_ctz(bits);
			const struct sc_cmp *cmp = cmp_of(s, alive.rule, c);

			if (!on_line(cmp, line))
				continue;
			fails = !holds(s->low, cmp, value);
			alive.pending &= ~(1U << c);
		}
		if (!fails && !sc_state_push(s, &left, alive.rule, alive.pending))
			break;
	}
	sc_state_end(s, &left);
	return left;
}

/* Of the first rule's lines the one that most rules ask about. */
static struct line choose(const struct sc_states *s, const struct sc_state *state)
{
	const struct sc_alive *first = &s->pool[state->at];
	struct line best = {0};
	uint32_t most = 0;

	for (uint32_t bits = first->pending; bits; bits &= bits - 1) {
		const struct sc_cmp *cmp =
			cmp_of(s, first->rule, (uint32_t)__builtin_ctz(bits));
		struct line line = {.mask = cmp->mask, .arg = cmp->arg};
		uint32_t n = 0;

		for (uint32_t i = 0; i < state->len; i++) {
			const struct sc_alive *a = &s->pool[state->at + i];

			for (uint32_t b = a->pending; b; b &= b - 1)
				n += on_line(cmp_of(s, a->rule, (uint32_t)__builtin_ctz(b)),
					&line);
		}
		if (n > most) {
			most = n;
			best = line;
		}
	}
	return best;
}

/* Goes on with @node from @start. Returns how many pieces there are then. */
static uint32_t add_piece(struct sc_wide_piece *pieces, uint32_t n, uint64_t start, uint32_t node)
{
	if (n && pieces[n - 1].node == node)
		return n;
	pieces[n] = (struct sc_wide_piece){.start = start, .node = node};
	return n + 1;
}

static uint32_t build(struct sc_states *s, const struct sc_state *state, unsigned int depth);

static uint32_t build_line(struct sc_states *s, const struct sc_state *state,
	const struct line *line, unsigned int depth)
{
	uint32_t n = collect(s, state, line, NULL), n_pieces = 0, node = 0;
	struct cut cut;

	s->dag->rc = cut_begin(&cut, n);
	if (!s->dag->rc)
		n = sort_places(cut.at, collect(s, state, line, cut.at));
	for (uint32_t i = 0; i < n && !s->over && !s->dag->rc; i++) {
		struct sc_state left = left_at(s, state, line, cut.at[i]);

		node = build(s, &left, depth + 1);
		sc_state_drop(s, &left);
		n_pieces = add_piece(cut.pieces, n_pieces, cut.at[i], node);
	}
	if (!s->over && !s->dag->rc)
		node = sc_dag_argument(s->dag, s->low, s->wide, line->arg, line->mask, cut.pieces,
			n_pieces, n_pieces);
	cut_end(&cut);
	return node;
}

static uint32_t build(struct sc_states *s, const struct sc_state *state, unsigned int depth)
{
	struct line line;
	uint32_t node;

	if (s->over || s->dag->rc < 0)
		return 0;
	if (state->len == 0)
		return state->tail;
	node = sc_memo_find(s, state);
	if (node != SC_NO_NODE)
		return node;
	if (depth == DEPTH_MAX) {
		s->over = true;
		return 0;
	}
	line = choose(s, state);
	node = build_line(s, state, &line, depth);
	sc_memo_keep(s, state, node);
	return node;
}

static uint32_t build_lists(struct sc_states *s, uint32_t otherwise)
{
	struct sc_state all = sc_state_begin(s, sc_dag_leaf(s->dag, otherwise));

	for (uint32_t r = 0; r < s->call->n_rules; r++) {
		uint32_t n = rule_of(s, r)->n_cmps;

		if (n > CMPS_MAX) {
			s->over = true;
			break;
		}
		if (!sc_state_push(s, &all, r, (uint32_t)((UINT64_C(1) << n) - 1)))
			break;
	}
	sc_state_end(s, &all);
	return build(s, &all, 0);
}

/* @cmp ? @yes : @no. */
static uint32_t compare(struct sc_states *s, const struct sc_cmp *cmp, uint32_t yes, uint32_t no)
{
	uint32_t n = n_places(cmp), n_pieces = 0, node = 0;
	struct cut cut;

	s->dag->rc = cut_begin(&cut, n);
	if (!s->dag->rc) {
		n = sort_places(cut.at, places_of(s->low, cmp, cut.at));
		for (uint32_t i = 0; i < n; i++)
			n_pieces = add_piece(cut.pieces, n_pieces, cut.at[i],
				holds(s->low, cmp, cut.at[i]) ? yes : no);
		node = sc_dag_argument(s->dag, s->low, s->wide, cmp->arg, cmp->mask, cut.pieces,
			n_pieces, n_pieces);
	}
	cut_end(&cut);
	return node;
}

/* Is @node a test that nothing kept has? Then so is all that leads to it. */
static bool is_new_test(const struct sc_dag *dag, uint32_t node)
{
	return node >= dag->n_kept && dag->nodes[node].test != SC_TEST_LEAF;
}

/* Rule by rule, from the last: what is always possible. SC_NO_NODE: it takes @most instructions, or more. */
static uint32_t linear(struct sc_states *s, uint32_t otherwise, uint32_t most)
{
	uint32_t next = sc_dag_leaf(s->dag, otherwise);

	for (uint32_t r = s->call->n_rules; r-- > 0 && !s->dag->rc;) {
		uint32_t node = sc_dag_leaf(s->dag, rule_of(s, r)->action);

		for (uint32_t i = rule_of(s, r)->n_cmps; i-- > 0 && !s->dag->rc;)
			node = compare(s, cmp_of(s, r, i), node, next);
		next = node;
		/* A load, a test here, and one for each rule before. */
		if (!s->dag->rc && r + 2 >= most && is_new_test(s->dag, node))
			return SC_NO_NODE;
	}
	return next;
}

bool sc_dag_has_ranges(const struct sc_lowered *low, const struct sc_low_call *call)
{
	return low->cmps[low->rules[call->first_rule].first_cmp].op == SC_OP_IN;
}

uint32_t sc_dag_ranges(struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_low_abi *abi, const struct sc_low_call *call)
{
	struct sc_states s = {
		.dag = dag,
		.low = low,
		.call = call,
		.wide = abi->wide,
		.work_max = WORK_BASE + (uint64_t)WORK_PER_RULE * call->n_rules,
	};
	struct sc_trial lists = {.cost = UINT32_MAX}, rules = {.cost = UINT32_MAX};
	uint32_t node;

	dag->high_first = false;
	node = build_lists(&s, abi->otherwise);
	if (s.over)
		sc_dag_truncate(dag, dag->n_kept);
	else
		sc_dag_take(dag, node, &lists);
	node = linear(&s, abi->otherwise, lists.cost);
	if (node == SC_NO_NODE)
		sc_dag_truncate(dag, dag->n_kept);
	else if (!dag->rc)
		sc_dag_take(dag, node, &rules);
	sc_states_clear(&s);
	node = dag->rc ? 0 : sc_dag_put(dag, rules.cost < lists.cost ? &rules : &lists);
	sc_trial_clear(&lists);
	sc_trial_clear(&rules);
	return node;
}
