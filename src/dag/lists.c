/* One call's rules as a decision graph, argument by argument.
 *
 * The rules cut an argument's line into pieces, each piece leaves a shorter list of rules, and
 * equal lists become one node. Where that would grow too large (many rules over several
 * arguments) there is none.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "dag/state.h"
#include "util/vec.h"

/* Rules that fit on the stack. */
#define FEW 32

/* Rules put in lists, and places sorted, for one call; over it the builder gives up. Of more
 * rules than a program has instructions there is a small graph where most of them fold at once. */
#define WORK_BASE	   (1U << 13)
#define WORK_PER_RULE	   32
#define WORK_PER_MORE_RULE 8
#define DEPTH_MAX	   48

static uint32_t build(struct sc_states *s, const struct sc_state *state, unsigned int depth);

/* A list is built, used and dropped. */
static uint32_t build_and_drop(struct sc_states *s, struct sc_state state, unsigned int depth)
{
	uint32_t node = build(s, &state, depth + 1);

	sc_state_drop(s, &state);
	return node;
}

/* The values that the list's comparisons ask for under @mask, ascending, each once. */
static uint32_t collect_points(const struct sc_states *s, const struct sc_state *state,
	uint8_t arg, uint64_t mask, uint64_t *points)
{
	uint32_t n = 0, out = 0;

	for (uint32_t i = 0; i < state->len; i++) {
		const struct sc_alive *alive = &s->pool[state->at + i];
		const struct sc_cmp *cmp = sc_state_cmp(s, alive->rule, arg);

		if (alive->pending & 1U << arg && cmp->op == SC_OP_MASKED_EQ &&
			cmp->mask == mask)
			points[n++] = cmp->datum;
	}
	qsort(points, n, sizeof(*points), sc_dag_by_value);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || points[i] != points[i - 1])
			points[out++] = points[i];
	return out;
}

/* Decides all comparisons under one mask at once. */
static uint32_t build_masked(struct sc_states *s, const struct sc_state *state, uint8_t arg,
	uint64_t mask, unsigned int depth)
{
	struct sc_wide_piece *pieces = malloc((2 * (size_t)state->len + 1) * sizeof(*pieces));
	uint64_t *points = malloc(state->len * sizeof(*points));
	uint32_t n_points, n = 0, off, node = 0;

	if (!pieces || !points) {
		s->dag->rc = -ENOMEM;
		goto out;
	}
	n_points = collect_points(s, state, arg, mask, points);
	off = build_and_drop(s,
		sc_state_off_points(s, state, arg, mask, points, n_points), depth);
	if (points[0] != 0)
		pieces[n++] = (struct sc_wide_piece){.start = 0, .node = off};
	for (uint32_t i = 0; i < n_points && !s->over && !s->dag->rc; i++) {
		uint32_t on = build_and_drop(s,
			sc_state_at_point(s, state, arg, mask, points[i]), depth);

		pieces[n++] = (struct sc_wide_piece){.start = points[i], .node = on};
		if (points[i] < (s->wide ? UINT64_MAX : UINT32_MAX) &&
			(i + 1 == n_points || points[i + 1] != points[i] + 1))
			pieces[n++] =
				(struct sc_wide_piece){.start = points[i] + 1, .node = off};
	}
	if (!s->over && !s->dag->rc)
		node = sc_dag_argument(s->dag, s->low, s->wide, arg, mask, pieces, n, n_points);
out:
	free(pieces);
	free(points);
	return node;
}

/* Where a comparison begins or ceases to hold. */
struct toggle {
	uint64_t at;
	uint32_t i; /* of the list */
};

static int by_place(const void *a, const void *b)
{
	const struct toggle *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

/* Whether @cmp holds at 0 before any toggle; its toggles go to @out. */
static bool toggles_of(const struct sc_cmp *cmp, uint64_t max, uint32_t i, struct toggle *out,
	uint32_t *n)
{
	bool behind = cmp->op == SC_OP_LE || cmp->op == SC_OP_GT;
	bool point = !behind && cmp->op != SC_OP_LT && cmp->op != SC_OP_GE;

	if (!behind)
		out[(*n)++] = (struct toggle){.at = cmp->datum, .i = i};
	if ((behind || point) && cmp->datum != max)
		out[(*n)++] = (struct toggle){.at = cmp->datum + 1, .i = i};
	return cmp->op == SC_OP_NE || cmp->op == SC_OP_LT || cmp->op == SC_OP_LE;
}

/* The argument's line while it is swept from 0 up. */
struct sweep {
	uint64_t *holds; /* a bit for each rule of the list */
	uint64_t *some;	 /* a bit for each word of @holds that is not 0 */
	struct toggle *toggles;
	struct sc_wide_piece *pieces;
	uint32_t n_toggles, n_pieces;
};

static void sweep_flip(struct sweep *w, uint32_t i)
{
	uint32_t word = i / 64;
	uint64_t bit = UINT64_C(1) << word % 64;

	w->holds[word] ^= UINT64_C(1) << i % 64;
	w->some[word / 64] = w->holds[word] ? w->some[word / 64] | bit
					    : w->some[word / 64] & ~bit;
}

static bool sweep_begin(struct sweep *w, struct sc_states *s,
	const struct sc_state *state, uint8_t arg)
{
	const uint64_t max = s->wide ? UINT64_MAX : UINT32_MAX;

	const uint32_t words = (state->len + 63) / 64;

	w->holds = calloc((size_t)words + (words + 63) / 64, sizeof(*w->holds));
	w->toggles = malloc(2 * (size_t)state->len * sizeof(*w->toggles));
	w->pieces = malloc((2 * (size_t)state->len + 1) * sizeof(*w->pieces));
	if (!w->holds || !w->toggles || !w->pieces)
		return false;
	w->some = w->holds + words;
	for (uint32_t i = 0; i < state->len; i++) {
		const struct sc_alive *alive = &s->pool[state->at + i];
		bool holds = true;

		if (alive->pending & 1U << arg)
			holds = toggles_of(sc_state_cmp(s, alive->rule, arg), max, i,
				w->toggles, &w->n_toggles);
		if (holds)
			sweep_flip(w, i);
	}
	qsort(w->toggles, w->n_toggles, sizeof(*w->toggles), by_place);
	s->work += w->n_toggles;
	return true;
}

static void sweep_end(struct sweep *w)
{
	free(w->holds);
	free(w->toggles);
	free(w->pieces);
}

/* Those of one word of w->holds. Returns false when the list is decided. */
static bool push_word(struct sc_states *s, struct sc_state *left,
	const struct sc_state *state, const struct sweep *w, uint32_t word, uint8_t arg)
{
	for (uint64_t bits = w->holds[word]; bits; bits &= bits - 1) {
		uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(bits);
		struct sc_alive alive = s->pool[state->at + i];

		if (!sc_state_push(s, left, alive.rule, alive.pending & ~(1U << arg)))
			return false;
	}
	return true;
}

/* The rules whose comparison on @arg holds here. */
static struct sc_state holding(struct sc_states *s, const struct sc_state *state,
	const struct sweep *w, uint8_t arg)
{
	struct sc_state left = sc_state_begin(s, state->tail);

	for (uint32_t block = 0; block * 4096 < state->len; block++)
		for (uint64_t some = w->some[block]; some; some &= some - 1)
			if (!push_word(s, &left, state, w,
				    block * 64 + (uint32_t)__builtin_ctzll(some), arg))
				goto decided;
decided:
	sc_state_end(s, &left);
	return left;
}

/* Decides all comparisons on @arg, which all have the same mask. */
static uint32_t build_line(struct sc_states *s, const struct sc_state *state, uint8_t arg,
	uint64_t mask, unsigned int depth)
{
	struct sweep w = {0};
	uint32_t node = 0, next = 0;
	uint64_t at = 0;

	if (!sweep_begin(&w, s, state, arg)) {
		s->dag->rc = -ENOMEM;
		sweep_end(&w);
		return 0;
	}
	while (!s->over && !s->dag->rc) {
		for (; next < w.n_toggles && w.toggles[next].at == at; next++)
			sweep_flip(&w, w.toggles[next].i);
		node = build_and_drop(s, holding(s, state, &w, arg), depth);
		if (!w.n_pieces || w.pieces[w.n_pieces - 1].node != node)
			w.pieces[w.n_pieces++] =
				(struct sc_wide_piece){.start = at, .node = node};
		if (next == w.n_toggles)
			break;
		at = w.toggles[next].at;
	}
	if (!s->over && !s->dag->rc)
		node = sc_dag_argument(s->dag, s->low, s->wide, arg, mask, w.pieces,
			w.n_pieces, state->len);
	sweep_end(&w);
	return node;
}

/* The argument that most of the list's rules ask about, the lowest of equals; or the highest,
 * the lowest that any asks about. */
static uint8_t choose_argument(const struct sc_states *s, const struct sc_state *state)
{
	uint32_t asked[SC_DAG_ARGS] = {0}, any = 0;
	uint8_t best = 0;

	for (uint32_t i = 0; i < state->len; i++)
		for (uint8_t arg = 0; arg < SC_DAG_ARGS; arg++)
			asked[arg] += s->pool[state->at + i].pending >> arg & 1;
	for (uint8_t arg = 0; arg < SC_DAG_ARGS; arg++)
		any |= asked[arg] ? 1U << arg : 0;
	if (s->first == SC_FIRST_HIGHEST)
		return (uint8_t)(31 - __builtin_clz(any));
	if (s->first == SC_FIRST_LOWEST)
		return (uint8_t)__builtin_ctz(any);
	for (uint8_t arg = 1; arg < SC_DAG_ARGS; arg++)
		if (asked[arg] > asked[best])
			best = arg;
	return best;
}

/* The mask of the first masked comparison on @arg, else all ones; and whether the others
 * on it have the same. */
static uint64_t first_mask(const struct sc_states *s, const struct sc_state *state,
	uint8_t arg, bool *same)
{
	uint64_t mask = 0, masked = 0;

	*same = true;
	for (uint32_t i = 0; i < state->len; i++) {
		const struct sc_alive *alive = &s->pool[state->at + i];
		const struct sc_cmp *cmp;

		if (!(alive->pending & 1U << arg))
			continue;
		cmp = sc_state_cmp(s, alive->rule, arg);
		if (!masked && cmp->op == SC_OP_MASKED_EQ)
			masked = cmp->mask;
		*same &= !mask || cmp->mask == mask;
		mask = cmp->mask;
	}
	return masked ? masked : mask;
}

static uint32_t build(struct sc_states *s, const struct sc_state *state, unsigned int depth)
{
	uint32_t node;
	uint64_t mask;
	uint8_t arg;
	bool same;

	if (s->over || s->dag->rc < 0)
		return 0;
	if (state->len == 0)
		return state->tail;
	node = sc_memo_find(s, state);
	if (node != SC_NO_NODE)
		return node;
	if (depth == DEPTH_MAX || s->dag->n_nodes > s->max_nodes) {
		s->over = true;
		return 0;
	}
	arg = choose_argument(s, state);
	mask = first_mask(s, state, arg, &same);
	node = same ? build_line(s, state, arg, mask, depth)
		    : build_masked(s, state, arg, mask, depth);
	sc_memo_keep(s, state, node);
	return node;
}

static uint32_t build_lists(struct sc_states *s, uint32_t otherwise)
{
	struct sc_state all = sc_state_begin(s, sc_dag_leaf(s->dag, otherwise));

	for (uint32_t r = 0; r < s->call->n_rules; r++) {
		const struct sc_low_rule *rule = &s->low->rules[s->call->first_rule + r];
		uint32_t pending = 0;

		for (uint32_t i = 0; i < rule->n_cmps; i++)
			pending |= 1U << s->low->cmps[rule->first_cmp + i].arg;
		if (!sc_state_push(s, &all, r, pending))
			break;
	}
	sc_state_end(s, &all);
	return build(s, &all, 0);
}

/* Are these few rules of one comparison each, which ask for one value each of one argument, the
 * larger values first, as lowering has them, or the smaller ones (@ascending)? Or one that asks for
 * all but one? */
static bool is_points(const struct sc_states *s, bool *ascending)
{
	const struct sc_low_rule *rules = &s->low->rules[s->call->first_rule];
	const struct sc_cmp *first = &s->low->cmps[rules[0].first_cmp], *last = NULL;

	if (s->call->n_rules > FEW)
		return false;
	for (uint32_t i = 0; i < s->call->n_rules; i++) {
		const struct sc_cmp *cmp = &s->low->cmps[rules[i].first_cmp];
		bool point = cmp->op == SC_OP_EQ || cmp->op == SC_OP_MASKED_EQ ||
			(cmp->op == SC_OP_NE && s->call->n_rules == 1);

		if (rules[i].n_cmps != 1 || !point || cmp->arg != first->arg ||
			cmp->mask != first->mask || (last && cmp->datum == last->datum))
			return false;
		if (i == 1)
			*ascending = cmp->datum > last->datum;
		else if (last && *ascending != (cmp->datum > last->datum))
			return false;
		last = cmp;
	}
	return true;
}

/* Goes on with @node from @start. Returns how many pieces there are then. */
static uint32_t add_piece(struct sc_wide_piece *pieces, uint32_t n, uint64_t start, uint32_t node)
{
	if (n && pieces[n - 1].node == node)
		return n;
	pieces[n] = (struct sc_wide_piece){.start = start, .node = node};
	return n + 1;
}

/* The usual list, as build_line() has it, but without lists. */
static uint32_t build_points(const struct sc_states *s, uint32_t otherwise, bool ascending)
{
	const struct sc_low_rule *rules = &s->low->rules[s->call->first_rule];
	const uint32_t largest = ascending ? s->call->n_rules - 1 : 0;
	const struct sc_cmp *cmp = &s->low->cmps[rules[largest].first_cmp];
	const uint64_t max = s->wide ? UINT64_MAX : UINT32_MAX;
	struct sc_wide_piece pieces[2 * FEW + 1];
	uint32_t n = 0, off = sc_dag_leaf(s->dag, otherwise);
	uint64_t at = 0; /* behind the last value */

	if (cmp->op == SC_OP_NE)
		off = sc_dag_leaf(s->dag, rules[0].action);
	for (uint32_t i = 0; i < s->call->n_rules; i++) {
		const struct sc_low_rule *rule = &rules[ascending ? i : s->call->n_rules - 1 - i];
		const uint64_t value = s->low->cmps[rule->first_cmp].datum;
		uint32_t on = cmp->op == SC_OP_NE ? otherwise : rule->action;

		if (value != at)
			n = add_piece(pieces, n, at, off);
		n = add_piece(pieces, n, value, sc_dag_leaf(s->dag, on));
		at = value + 1;
	}
	if (cmp->datum != max)
		n = add_piece(pieces, n, at, off);
	return sc_dag_argument(s->dag, s->low, s->wide, cmp->arg, cmp->mask, pieces, n,
		s->call->n_rules);
}

static uint64_t work_max(uint32_t n_rules)
{
	const uint32_t more = n_rules > SC_DAG_MAX ? n_rules - SC_DAG_MAX : 0;

	return WORK_BASE + (uint64_t)WORK_PER_RULE * (n_rules - more) +
		(uint64_t)WORK_PER_MORE_RULE * more;
}

uint32_t sc_dag_lists(struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_low_abi *abi, const struct sc_low_call *call, enum sc_lists_first first,
	uint32_t max_nodes)
{
	struct sc_states s = {
		.dag = dag,
		.low = low,
		.call = call,
		.wide = abi->wide,
		.first = first,
		.max_nodes = max_nodes,
		.work_max = work_max(call->n_rules),
	};
	bool ascending = false;
	uint32_t node;

	if (is_points(&s, &ascending))
		return build_points(&s, abi->otherwise, ascending);
	node = build_lists(&s, abi->otherwise);
	sc_states_clear(&s);
	return s.over ? SC_NO_NODE : node;
}
