/* The whole filter: by architecture, by number, by arguments.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "dag/dag.h"

/* A number with a rule against one without, in the weights of the search. */
#define WEIGHT_LISTED 16

/* Of three calls that have a rule, two are beside others of the same decision; and what is for
 * arguments and architectures. */
#define NODES_MORE 24

/* Pieces of a line, from 0 up, without gaps. */
struct line {
	struct sc_piece *pieces;
	uint32_t n;
	uint64_t end; /* the first value that no piece holds yet */
};

/* Goes on with @node up to @last, if that is not behind us. */
static inline void go_on(struct line *line, uint64_t last, uint32_t node, uint32_t weight)
{
	struct sc_piece *piece = line->n ? &line->pieces[line->n - 1] : NULL;

	if (last < line->end)
		return;
	if (piece && piece->node == node)
		piece->weight += weight;
	else
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): whoever begins made room */
		line->pieces[line->n++] = (struct sc_piece){
			.start = (uint32_t)line->end, .node = node, .weight = weight};
	line->end = last + 1;
}

static inline void go_on_before(struct line *line, uint64_t value, uint32_t node)
{
	if (value > line->end)
		go_on(line, value - 1, node, 1);
}

/* Most calls have one rule, without a condition, the action of the call before and the number
 * behind it: they make the last piece longer. Returns the first call that does not. Calls that
 * share a rule need no look at it. */
static inline uint32_t go_on_alike(struct line *line, const struct sc_dag *dag,
	const struct sc_lowered *low, const struct sc_low_abi *abi, uint32_t c)
{
	const struct sc_low_call *call = &low->calls[abi->first_call + c];
	const struct sc_low_call *last = &low->calls[abi->first_call + abi->n_calls];
	struct sc_piece *piece = &line->pieces[line->n - 1];
	const uint32_t begin = (uint32_t)line->end;
	uint32_t weight = 0, end = begin, same = UINT32_MAX;

	if (dag->rc < 0 || dag->nodes[piece->node].test != SC_TEST_LEAF)
		return c;
	for (; call < last && call->nr == end && call->n_rules == 1; call++, end++) {
		if (call->first_rule != same) {
			const struct sc_low_rule *rule = &low->rules[call->first_rule];

			if (rule->n_cmps || rule->action != dag->nodes[piece->node].k)
				break;
			same = call->first_rule;
		}
		weight += 1 + call->weight;
	}
	line->end += end - begin;
	piece->weight += weight * WEIGHT_LISTED;
	return (uint32_t)(call - &low->calls[abi->first_call]);
}

/* The action that was asked for last, and its leaf, which is kept: most decisions are one of two. */
struct last_leaf {
	uint32_t action, node;
};

static inline uint32_t call_node(struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_low_abi *abi, const struct sc_low_call *call, struct last_leaf *last)
{
	const struct sc_low_rule *rule = &low->rules[call->first_rule];

	if (call->n_rules != 1 || rule->n_cmps)
		return sc_dag_call(dag, low, abi, call);
	if (rule->action != last->action || last->node == SC_NO_NODE)
		*last = (struct last_leaf){rule->action, sc_dag_call(dag, low, abi, call)};
	return last->node;
}

/* The ABIs [from, to) of one audit arch: their number lines side by side. */
static uint32_t numbers(struct sc_dag *dag, const struct sc_lowered *low, uint32_t from,
	uint32_t to, struct sc_piece *pieces)
{
	uint32_t bad = sc_dag_keep(dag, sc_dag_leaf(dag, low->badarch)), budget = 0, node;
	struct line line = {.pieces = pieces};
	struct last_leaf last = {.node = SC_NO_NODE};

	for (uint32_t a = from; a < to; a++) {
		const struct sc_low_abi *abi = &low->abis[a];
		uint32_t otherwise = sc_dag_keep(dag, sc_dag_leaf(dag, abi->otherwise));

		budget += abi->n_calls;
		/* What begins or ends here, other than what is beside it. */
		if (a > from && (abi->otherwise != abi[-1].otherwise || abi->first != abi[-1].last + 1))
			budget++;
		go_on_before(&line, abi->first, bad);
		for (uint32_t c = 0; c < abi->n_calls && !dag->rc;
			c = go_on_alike(&line, dag, low, abi, c + 1)) {
			const struct sc_low_call *call = &low->calls[abi->first_call + c];

			go_on_before(&line, call->nr, otherwise);
			go_on(&line, call->nr, call_node(dag, low, abi, call, &last),
				WEIGHT_LISTED * (1 + call->weight));
		}
		go_on(&line, abi->last, otherwise, 1);
	}
	go_on(&line, UINT32_MAX, bad, 1);
	if (dag->slack > 0)
		budget += (uint32_t)dag->slack;
	node = sc_dag_dispatch(dag, SC_WORD_NR, UINT32_MAX, line.pieces, line.n, budget);
	/* Behind the last nothing is measured any more: sc_emit() counts what the program takes. */
	return to == low->n_abis ? node : sc_dag_keep(dag, node);
}

/* Each audit arch is one value of the arch word; all between is bad. */
static uint32_t architectures(struct sc_dag *dag, const struct sc_lowered *low,
	struct sc_piece *pieces, struct sc_piece *arches)
{
	uint32_t bad = sc_dag_keep(dag, sc_dag_leaf(dag, low->badarch));
	struct line line = {.pieces = arches};

	for (uint32_t from = 0, to; from < low->n_abis; from = to) {
		uint32_t audit = low->abis[from].audit;

		for (to = from; to < low->n_abis && low->abis[to].audit == audit; to++)
			;
		go_on_before(&line, audit, bad);
		go_on(&line, audit, numbers(dag, low, from, to, pieces),
			WEIGHT_LISTED);
	}
	go_on(&line, UINT32_MAX, bad, 1);
	return sc_dag_dispatch(dag, SC_WORD_ARCH, UINT32_MAX, line.pieces, line.n, line.n);
}

int sc_dag_build(struct sc_dag *dag, const struct sc_lowered *low, uint32_t *root)
{
	size_t n_pieces = 2 * (size_t)low->n_calls + 3 * (size_t)low->n_abis + 1;
	size_t n_arches = 2 * (size_t)low->n_abis + 1;
	struct sc_piece *pieces = malloc((n_pieces + n_arches) * sizeof(*pieces));
	uint32_t node;

	if (!pieces)
		return -ENOMEM;
	sc_dag_expect(dag, low->n_calls < SC_DAG_MAX ? low->n_calls / 3 + NODES_MORE : SC_DAG_MAX);
	node = architectures(dag, low, pieces, pieces + n_pieces);
	free(pieces);
	if (!dag->rc)
		*root = node;
	return dag->rc;
}
