/* Calls met before: the same rules on another number, or another ABI, are the same node.
 *
 * A call is compared whole, never by its hash alone.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "dag/dag.h"
#include "util/hash.h"

struct sc_same {
	uint64_t hash; /* 0: the slot is free */
	uint32_t first_rule, n_rules, otherwise;
	bool wide;
	uint32_t node; /* SC_NO_NODE while it is built */
};

static uint64_t hash_of(const struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_same *call)
{
	uint64_t h = sc_hash_mix(dag->seed ^ call->n_rules,
		(uint64_t)call->otherwise << 1 | call->wide);

	for (uint32_t r = 0; r < call->n_rules; r++) {
		const struct sc_low_rule *rule = &low->rules[call->first_rule + r];

		h = sc_hash_mix(h, (uint64_t)rule->action << 32 | rule->n_cmps);
		for (uint32_t i = 0; i < rule->n_cmps; i++) {
			const struct sc_cmp *cmp = &low->cmps[rule->first_cmp + i];

			h = sc_hash_mix(h, cmp->datum);
			h = sc_hash_mix(h, cmp->mask ^ (uint64_t)cmp->arg << 8 ^ cmp->op);
		}
	}
	return h | 1;
}

static bool same(const struct sc_lowered *low, const struct sc_same *a, const struct sc_same *b)
{
	if (a->hash != b->hash || a->n_rules != b->n_rules || a->otherwise != b->otherwise ||
		a->wide != b->wide)
		return false;
	for (uint32_t r = 0; r < a->n_rules; r++) {
		const struct sc_low_rule *x = &low->rules[a->first_rule + r];
		const struct sc_low_rule *y = &low->rules[b->first_rule + r];

		if (x->action != y->action || x->n_cmps != y->n_cmps)
			return false;
		for (uint32_t i = 0; i < x->n_cmps; i++)
			if (!sc_cmp_equal(&low->cmps[x->first_cmp + i],
				    &low->cmps[y->first_cmp + i]))
				return false;
	}
	return true;
}

static int grow(struct sc_dag *dag)
{
	uint32_t n_slots = dag->n_same_slots ? dag->n_same_slots * 2 : 16;
	struct sc_same *slots = calloc(n_slots, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < dag->n_same_slots; i++) {
		uint32_t to = (uint32_t)(dag->same[i].hash >> 32);

		if (!dag->same[i].hash)
			continue;
		while (slots[to & (n_slots - 1)].hash)
			to++;
		slots[to & (n_slots - 1)] = dag->same[i];
	}
	free(dag->same);
	dag->same = slots;
	dag->n_same_slots = n_slots;
	return 0;
}

uint32_t sc_same_find(struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_low_abi *abi, const struct sc_low_call *call, uint32_t *slot)
{
	struct sc_same key = {
		.first_rule = call->first_rule,
		.n_rules = call->n_rules,
		.otherwise = abi->otherwise,
		.wide = abi->wide,
		.node = SC_NO_NODE,
	};
	uint32_t at;

	if ((dag->n_same + 1) * 2 > dag->n_same_slots)
		dag->rc = grow(dag);
	if (dag->rc < 0)
		return SC_NO_NODE;
	key.hash = hash_of(dag, low, &key);
	for (at = (uint32_t)(key.hash >> 32);; at++) {
		struct sc_same *met = &dag->same[at & (dag->n_same_slots - 1)];

		if (!met->hash) {
			*met = key;
			dag->n_same++;
			break;
		}
		if (same(low, met, &key))
			return met->node;
	}
	*slot = at & (dag->n_same_slots - 1);
	return SC_NO_NODE;
}

void sc_same_keep(struct sc_dag *dag, uint32_t slot, uint32_t node)
{
	dag->same[slot].node = node;
}
