/* Costs of nodes, and alternatives that can be taken back.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dag/cost.h"
#include "util/cleanup.h"
#include "util/vec.h"

/* Comes from @at to @child: returns what that adds. A new node is paid when it is met itself. */
static uint32_t go(struct sc_dag *dag, uint32_t at, uint32_t child)
{
	const struct sc_node *to = &dag->nodes[child];
	const struct sc_node *from = at == SC_NO_NODE ? NULL : &dag->nodes[at];
	const struct sc_acc *acc = at == SC_NO_NODE ? NULL : &dag->accs[at];
	struct sc_acc *behind = &dag->accs[child];
	uint32_t before = behind->ways | to->ways;
	enum sc_way way = sc_way(from, acc, to);

	sc_come(acc, to, way, behind);
	if (child >= dag->n_kept || to->test == SC_TEST_LEAF)
		return 0;
	return sc_node_cost(to, before | 1U << way) - sc_node_cost(to, before);
}

/* The instructions that @root adds to what is kept. Marks what it needs in dag->accs, which
 * settle() takes off again; sets *@n_needed to how many new nodes that are. */
static uint32_t measure(struct sc_dag *dag, uint32_t root, uint32_t *n_needed)
{
	uint32_t cost;

	*n_needed = 0;
	if (!dag->rc)
		dag->rc = sc_reserve(dag->accs, dag->cap_accs, 0, dag->n_nodes);
	if (dag->rc < 0)
		return 0;
	/* Of kept nodes nothing is marked. */
	memset(dag->accs + dag->n_kept, 0, (dag->n_nodes - dag->n_kept) * sizeof(*dag->accs));
	cost = go(dag, SC_NO_NODE, root);
	/* A node is made after its branches: going down, all that lead to it come before. */
	for (uint32_t i = root + 1; i-- > dag->n_kept;) {
		const struct sc_node *node = &dag->nodes[i];

		if (!dag->accs[i].ways)
			continue;
		++*n_needed;
		cost += sc_node_cost(node, dag->accs[i].ways);
		if (node->test != SC_TEST_LEAF)
			cost += go(dag, i, node->yes) + go(dag, i, node->no);
	}
	return cost;
}

/* Takes the marks off kept nodes; with @keep the ways in stay known. */
static void settle_kept(struct sc_dag *dag, uint32_t node, bool keep)
{
	if (node >= dag->n_kept)
		return;
	if (keep)
		dag->nodes[node].ways |= dag->accs[node].ways;
	dag->accs[node].ways = 0;
}

static void settle(struct sc_dag *dag, uint32_t root, bool keep)
{
	settle_kept(dag, root, keep);
	for (uint32_t i = dag->n_kept; i <= root; i++) {
		struct sc_node *node = &dag->nodes[i];

		if (!dag->accs[i].ways)
			continue;
		if (node->test != SC_TEST_LEAF) {
			settle_kept(dag, node->yes, keep);
			settle_kept(dag, node->no, keep);
		}
		if (keep) {
			node->ways = dag->accs[i].ways;
			dag->accs[i].ways = 0;
		}
	}
}

void sc_dag_take(struct sc_dag *dag, uint32_t node, struct sc_trial *out)
{
	struct sc_trial trial = {.node = node};
	const uint32_t kept = dag->n_kept, end = dag->n_nodes;
	_cleanup_free_ uint32_t *moved = NULL;

	trial.cost = measure(dag, node, &trial.n);
	if (dag->rc < 0)
		return;
	if (trial.n) {
		trial.nodes = malloc(trial.n * sizeof(*trial.nodes));
		moved = malloc((end - kept) * sizeof(*moved));
		if (!trial.nodes || !moved) {
			settle(dag, node, false);
			free(trial.nodes);
			dag->rc = -ENOMEM;
			return;
		}
	}
	for (uint32_t i = kept, n = 0; i <= node; i++) {
		struct sc_node *to;

		if (!dag->accs[i].ways)
			continue;
		to = &trial.nodes[n];
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): measure() counted it */
		*to = dag->nodes[i];
		if (to->yes >= kept)
			to->yes = moved[to->yes - kept];
		if (to->no >= kept)
			to->no = moved[to->no - kept];
		moved[i - kept] = kept + n++;
	}
	if (node >= kept)
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): measure() counted it */
		trial.node = moved[node - kept];
	settle(dag, node, false);
	sc_dag_truncate(dag, kept);
	*out = trial;
}

void sc_trial_clear(struct sc_trial *trial)
{
	free(trial->nodes);
	*trial = (struct sc_trial){.cost = UINT32_MAX};
}

uint32_t sc_dag_keep(struct sc_dag *dag, uint32_t node)
{
	uint32_t n_needed, cost;

	if (node < dag->n_kept && dag->n_nodes == dag->n_kept)
		return node;
	cost = measure(dag, node, &n_needed);
	if (dag->rc < 0)
		return node;
	if (n_needed != dag->n_nodes - dag->n_kept) {
		struct sc_trial trial = {.cost = UINT32_MAX};

		settle(dag, node, false);
		sc_dag_take(dag, node, &trial);
		return sc_dag_put(dag, &trial);
	}
	settle(dag, node, true);
	dag->n_kept = dag->n_nodes;
	dag->cost += cost;
	if (dag->cost > SC_DAG_MAX)
		dag->rc = -E2BIG;
	return node;
}
