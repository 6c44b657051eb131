/* Nodes, each once.
 * SPDX-License-Identifier: MIT */
#include "dag/dag.h"
#include "util/hash.h"
#include "util/vec.h"

/* More nodes than this means that the builder went astray on a hostile policy. */
#define MAX_NODES (1U << 17)

/* A small filter has a hundred nodes; when there are more, many more follow. */
#define SLOTS_AT_FIRST 256
#define SLOTS_GROW     4

int sc_dag_init(struct sc_dag *dag, enum sc_effort effort)
{
	*dag = (struct sc_dag){.effort = effort,
		.n_slots = SLOTS_AT_FIRST,
		.seed = sc_hash_seed()};
	dag->slots = calloc(dag->n_slots, sizeof(*dag->slots));
	return dag->slots ? 0 : -ENOMEM;
}

void sc_dag_clear(struct sc_dag *dag)
{
	free(dag->nodes);
	free(dag->slots);
	free(dag->same);
	free(dag->accs);
	*dag = (struct sc_dag){0};
}

static uint64_t hash_node(uint64_t seed, const struct sc_node *n)
{
	uint64_t h = sc_hash_mix(seed ^ ((uint64_t)n->test << 8 | n->word),
		(uint64_t)n->mask << 32 | n->k);

	return sc_hash_mix(h, (uint64_t)n->yes << 32 | n->no);
}

static bool same_node(const struct sc_node *a, const struct sc_node *b)
{
	return a->test == b->test && a->word == b->word && a->mask == b->mask &&
		a->k == b->k && a->yes == b->yes && a->no == b->no;
}

static uint32_t *slot_of(const struct sc_dag *dag, const struct sc_node *node)
{
	uint32_t i = (uint32_t)(hash_node(dag->seed, node) >> 32);

	for (;; i++) {
		uint32_t *slot = &dag->slots[i & (dag->n_slots - 1)];

		if (!*slot || same_node(&dag->nodes[*slot - 1], node))
			return slot;
	}
}

/* A quarter of the slots stays free. */
static bool is_crowded(uint32_t n_nodes, uint32_t n_slots)
{
	return n_nodes > n_slots / 4 * 3;
}

static int grow(struct sc_dag *dag, uint32_t n_slots)
{
	uint32_t *slots = calloc(n_slots, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	free(dag->slots);
	dag->slots = slots;
	dag->n_slots = n_slots;
	for (uint32_t i = 0; i < dag->n_nodes; i++)
		*slot_of(dag, &dag->nodes[i]) = i + 1;
	return 0;
}

void sc_dag_expect(struct sc_dag *dag, uint32_t n)
{
	uint32_t n_slots = dag->n_slots;

	while (is_crowded(n, n_slots))
		n_slots *= 2;
	dag->rc = sc_reserve(dag->nodes, dag->cap_nodes, dag->n_nodes, n);
	if (!dag->rc && n_slots != dag->n_slots)
		dag->rc = grow(dag, n_slots);
}

static uint32_t intern(struct sc_dag *dag, const struct sc_node *node)
{
	uint32_t *slot;

	if (dag->rc < 0)
		return 0;
	slot = slot_of(dag, node);
	if (*slot)
		return *slot - 1;
	if (dag->n_nodes == MAX_NODES)
		dag->rc = -E2BIG;
	if (!dag->rc)
		dag->rc = sc_reserve(dag->nodes, dag->cap_nodes, dag->n_nodes, 1);
	if (!dag->rc && is_crowded(dag->n_nodes + 1, dag->n_slots)) {
		dag->rc = grow(dag, dag->n_slots * SLOTS_GROW);
		slot = slot_of(dag, node);
	}
	if (dag->rc < 0)
		return 0;
	dag->nodes[dag->n_nodes] = *node;
	*slot = ++dag->n_nodes;
	return dag->n_nodes - 1;
}

uint32_t sc_dag_leaf(struct sc_dag *dag, uint32_t action)
{
	if (dag->n_nodes && dag->nodes[dag->last_leaf].test == SC_TEST_LEAF &&
		dag->nodes[dag->last_leaf].k == action)
		return dag->last_leaf;
	dag->last_leaf = intern(dag, &(struct sc_node){.test = SC_TEST_LEAF, .k = action});
	return dag->last_leaf;
}

uint32_t sc_dag_test(struct sc_dag *dag, enum sc_test test, uint8_t word, uint32_t mask,
	uint32_t k, uint32_t yes, uint32_t no)
{
	struct sc_node node = {
		.test = (uint8_t)test,
		.word = word,
		.mask = mask,
		.k = k,
		.yes = yes,
		.no = no,
	};

	if (yes == no)
		return yes;
	/* One JSET instead of AND and a comparison. That no bit is set is asked as >= 1. */
	if (mask != UINT32_MAX && ((test == SC_TEST_GE && k == 1) ||
				  (test == SC_TEST_EQ && k == mask && (mask & (mask - 1)) == 0)))
		return sc_dag_test(dag, SC_TEST_SET, word, UINT32_MAX, mask, yes, no);
	return intern(dag, &node);
}

void sc_dag_truncate(struct sc_dag *dag, uint32_t n)
{
	/* The last that came goes first, so no other was looked for past its slot. */
	while (dag->n_nodes > n) {
		*slot_of(dag, &dag->nodes[dag->n_nodes - 1]) = 0;
		dag->n_nodes--;
	}
	if (dag->last_leaf >= n)
		dag->last_leaf = 0;
}

uint32_t sc_dag_put(struct sc_dag *dag, struct sc_trial *trial)
{
	uint32_t node = trial->node;

	/* What it consists of is not there, so each lands where its branches say. */
	for (uint32_t i = 0; i < trial->n; i++)
		intern(dag, &trial->nodes[i]);
	sc_trial_clear(trial);
	return sc_dag_keep(dag, node);
}
