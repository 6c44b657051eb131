/* One call's rules as a decision graph: which of several ways to build it is the smallest.
 *
 * Each alternative is built on top of what is kept, measured in instructions, and taken back;
 * then the best is put there to stay. So nothing that was tried and dropped makes anything
 * look cheap, and a call whose rules were met before costs its dispatch alone (same.c).
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include "dag/dag.h"
#include "util/cleanup.h"

/* Alternatives that grow beyond so many times the best one's size are not finished. */
#define NODES_PER_INSN 3
#define NODES_FEW      64

#define SAVED_MAX 2

/* A call whose best alternative has so many instructions is hostile, and refused soon: the other
 * order of words and the other efforts, which hardly make it four times smaller, are not tried. */
#define HOPELESS (4 * SC_DAG_MAX)

/* One argument under one mask: it is one line, whose pieces cannot multiply. */
static bool is_one_line(const struct sc_lowered *low, const struct sc_low_call *call)
{
	const struct sc_low_rule *rules = &low->rules[call->first_rule];
	const struct sc_cmp *first = &low->cmps[rules[0].first_cmp];

	for (uint32_t r = 0; r < call->n_rules; r++)
		for (uint32_t i = 0; i < rules[r].n_cmps; i++) {
			const struct sc_cmp *cmp = &low->cmps[rules[r].first_cmp + i];

			if (cmp->arg != first->arg || cmp->mask != first->mask)
				return false;
		}
	return true;
}

static void live_clear(struct sc_live *live)
{
	free(live->rules);
}

/* The better of the two stays in *@best, the other in *@trial. Argument by argument finds a rule
 * among many in a few steps: for short paths it may be half as large again as rule by rule,
 * which looks at each. */
static void choose(struct sc_dag *dag, struct sc_trial *best, struct sc_trial *trial, bool lists)
{
	uint64_t cost = trial->cost, most = best->cost;

	if (dag->effort == SC_EFFORT_SHALLOW && lists && !best->lists)
		most += most / 2;
	trial->lists = lists;
	if (cost < most || (cost == most && lists && !best->lists)) {
		struct sc_trial was = *best;

		*best = *trial;
		*trial = was;
	}
}

static uint32_t max_nodes(const struct sc_dag *dag, const struct sc_trial *best)
{
	uint64_t cost = best->cost < SC_DAG_MAX ? best->cost : SC_DAG_MAX;

	return dag->n_kept + NODES_FEW + NODES_PER_INSN * (uint32_t)cost;
}

/* Are there ABIs that only look at low words? What they ask can be shared with those that look at
 * both only where the high word comes first. */
static bool has_narrow(const struct sc_lowered *low)
{
	for (uint32_t i = 0; i < low->n_abis; i++)
		if (!low->abis[i].wide)
			return true;
	return false;
}

/* Of equals the first one stays: arguments ascending, which is easiest to prove. */
enum way { ONE_LINE, LINEAR, LOWEST, HIGHEST, MOST_ASKED, ALTERNATIVES };

/* Builds one alternative. SC_NO_NODE: it is larger than what there is. */
static uint32_t build(struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_low_abi *abi, const struct sc_low_call *call, enum way way,
	struct sc_live *live, uint32_t max)
{
	switch (way) {
	case LINEAR:
		return sc_dag_linear(dag, low, abi, call, live);
	case HIGHEST:
		return sc_dag_lists(dag, low, abi, call, SC_FIRST_HIGHEST, max);
	case LOWEST:
		return sc_dag_lists(dag, low, abi, call, SC_FIRST_LOWEST, max);
	default:
		return sc_dag_lists(dag, low, abi, call, SC_FIRST_MOST_ASKED, max);
	}
}

/* Builds it, with the low words or the high words first, and leaves the better in *@best. */
static void try(struct sc_dag *dag, const struct sc_lowered *low, const struct sc_low_abi *abi,
	const struct sc_low_call *call, enum way way, struct sc_live *live,
	struct sc_trial *best)
{
	struct sc_trial trial = {.cost = UINT32_MAX};
	uint32_t node;

	if (dag->rc < 0)
		return;
	node = build(dag, low, abi, call, way, live, max_nodes(dag, best));
	if (node == SC_NO_NODE)
		sc_dag_truncate(dag, dag->n_kept);
	else
		sc_dag_take(dag, node, &trial);
	if (!dag->rc)
		choose(dag, best, &trial, way != LINEAR);
	sc_trial_clear(&trial);
}

/* What a plain list of one comparison a rule would take more than what was added: up to two
 * instructions are for shorter paths to the numbers (dispatch.c). */
static void save(struct sc_dag *dag, const struct sc_low_abi *abi, const struct sc_low_call *call,
	uint32_t added)
{
	const int64_t list = (int64_t)call->n_rules + (abi->wide ? 3 : 1);

	if (dag->rc < 0)
		return;
	dag->slack += list - added < SAVED_MAX ? list - added : SAVED_MAX;
}

static uint32_t new_call(struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_low_abi *abi, const struct sc_low_call *call)
{
	const bool one_line = is_one_line(low, call);
	const uint32_t before = dag->cost;
	struct sc_trial best = {.cost = UINT32_MAX};
	_cleanup_(live_clear) struct sc_live live = {0};
	uint32_t node;

	dag->high_first = false;
	if (one_line && (!abi->wide || !has_narrow(low))) {
		node = build(dag, low, abi, call, ONE_LINE, NULL, UINT32_MAX);
		if (node != SC_NO_NODE) {
			node = dag->rc ? 0 : sc_dag_keep(dag, node);
			save(dag, abi, call, dag->cost - before);
			return node;
		}
		sc_dag_truncate(dag, dag->n_kept);
	}
	dag->n_chosen += !one_line;
	for (int high = dag->plain; high <= (abi->wide || dag->plain); high++) {
		dag->high_first = high;
		if (one_line)
			try(dag, low, abi, call, ONE_LINE, &live, &best);
		for (int way = LINEAR; way < ALTERNATIVES && !one_line && !dag->plain; way++)
			try(dag, low, abi, call, (enum way)way, &live, &best);
		if (best.cost > HOPELESS && best.cost != UINT32_MAX)
			break;
	}
	if (best.cost == UINT32_MAX)
		try(dag, low, abi, call, LINEAR, &live, &best);
	dag->hopeless |= best.cost > HOPELESS;
	if (!dag->rc)
		return sc_dag_put(dag, &best);
	sc_trial_clear(&best);
	return 0;
}

uint32_t sc_dag_call(struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_low_abi *abi, const struct sc_low_call *call)
{
	const struct sc_low_rule *first = &low->rules[call->first_rule];
	uint32_t node, slot;

	if (call->n_rules == 0)
		return sc_dag_keep(dag, sc_dag_leaf(dag, abi->otherwise));
	if (first->n_cmps == 0)
		return sc_dag_keep(dag, sc_dag_leaf(dag, first->action));
	/* What a set of ranges holds is not compared: equal nodes are one all the same. */
	if (low->ranges && sc_dag_has_ranges(low, call))
		return sc_dag_ranges(dag, low, abi, call);
	node = sc_same_find(dag, low, abi, call, &slot);
	if (dag->rc < 0)
		return 0;
	if (node != SC_NO_NODE)
		return node;
	node = new_call(dag, low, abi, call);
	if (!dag->rc)
		sc_same_keep(dag, slot, node);
	return node;
}
