/* The rules of one architecture.
 * SPDX-License-Identifier: MIT */
#include "policy/table.h"
#include "util/cleanup.h"
#include "util/hash.h"
#include "util/vec.h"

/* Pages that are never touched cost nothing, copies to a larger place do. */
#define CALLS_AT_FIRST 512

int sc_table_new(const struct sc_arch *arch, struct sc_table **out)
{
	struct sc_table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	table->dense = calloc(SC_DENSE, sizeof(*table->dense));
	if (!table->dense) {
		free(table);
		return -ENOMEM;
	}
	table->arch = arch;
	table->base = (uint32_t)arch->base;
	table->seed = sc_hash_seed();
	*out = table;
	return 0;
}

void sc_table_free(struct sc_table *table)
{
	if (!table)
		return;
	free(table->dense);
	sc_set_clear(&table->sparse);
	free(table->calls);
	free(table->rules);
	free(table->cmps);
	free(table->prefixes);
	sc_set_clear(&table->beginnings);
	free(table);
}

static void table_freep(struct sc_table **table)
{
	sc_table_free(*table);
}

int sc_table_copy(const struct sc_table *table, struct sc_table **out)
{
	_cleanup_(table_freep) struct sc_table *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	copy->arch = table->arch;
	copy->base = table->base;
	copy->seed = table->seed;
	copy->biggest_call = table->biggest_call;
	copy->dense = sc_vec_copy(table->dense, SC_DENSE, sizeof(*copy->dense));
	copy->calls = sc_vec_copy(table->calls, table->n_calls, sizeof(*copy->calls));
	copy->rules = sc_vec_copy(table->rules, table->n_rules, sizeof(*copy->rules));
	copy->cmps = sc_vec_copy(table->cmps, table->n_cmps, sizeof(*copy->cmps));
	copy->prefixes = sc_vec_copy(table->prefixes, table->n_prefixes,
		sizeof(*copy->prefixes));
	if (!copy->dense || !copy->calls || !copy->rules || !copy->cmps || !copy->prefixes ||
		sc_set_copy(&table->sparse, &copy->sparse) < 0 ||
		sc_set_copy(&table->beginnings, &copy->beginnings) < 0)
		return -ENOMEM;
	copy->n_prefixes = copy->cap_prefixes = table->n_prefixes;
	copy->n_calls = copy->cap_calls = table->n_calls;
	copy->cap_dense = copy->cap_calls < SC_DENSE_MAX ? copy->cap_calls : SC_DENSE_MAX;
	copy->n_rules = copy->cap_rules = table->n_rules;
	copy->n_cmps = copy->cap_cmps = table->n_cmps;
	*out = steal_ptr(copy);
	return 0;
}

static uint64_t hash_nr(uint64_t seed, int nr)
{
	return sc_hash_mix(seed, (uint32_t)nr);
}

static uint64_t hash_call(const void *owner, uint32_t index)
{
	const struct sc_table *table = owner;

	return hash_nr(table->seed, table->calls[index].nr);
}

static bool has_nr(const void *owner, uint32_t index, const void *nr)
{
	const struct sc_table *table = owner;

	return table->calls[index].nr == *(const int *)nr;
}

static uint32_t *slot_of(const struct sc_table *table, int nr)
{
	return sc_set_find(&table->sparse, hash_nr(table->seed, nr), has_nr, table, &nr);
}

struct sc_call *sc_table_find_sparse(const struct sc_table *table, int nr)
{
	uint32_t index = table->sparse.n_slots ? *slot_of(table, nr) : 0;

	return index ? &table->calls[index - 1] : NULL;
}

/* A call that is not there yet. The room was reserved. */
static struct sc_call *new_call(struct sc_table *table, int nr)
{
	struct sc_call *call = &table->calls[table->n_calls++];
	uint32_t offset = (uint32_t)nr - table->base;

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): sc_table_reserve() made room */
	*call = (struct sc_call){.nr = nr, .head = SC_NO_RULE, .tail = SC_NO_RULE};
	if (offset < SC_DENSE && table->n_calls <= SC_DENSE_MAX)
		table->dense[offset] = (uint16_t)table->n_calls;
	else
		sc_set_insert(&table->sparse, slot_of(table, nr), table->n_calls - 1);
	return call;
}

struct sc_call *sc_table_touch(struct sc_table *table, int nr)
{
	struct sc_call *call = sc_table_find(table, nr);

	return call ? call : new_call(table, nr);
}

static void decide_always(struct sc_call *call, uint32_t action)
{
	call->always = true;
	call->action = action;
	call->head = call->tail = SC_NO_RULE;
	call->n_rules = 0;
}

int sc_table_add_always(struct sc_table *table, int nr, uint32_t action)
{
	struct sc_call *call = sc_table_find(table, nr);
	int rc;

	if (!call) {
		rc = sc_table_reserve(table);
		if (rc < 0)
			return rc;
		call = new_call(table, nr);
	} else if (call->always) {
		return 0;
	}
	decide_always(call, action);
	return 0;
}

int sc_table_make_room(struct sc_table *table)
{
	/* A filter that names some calls mostly names hundreds. */
	uint32_t calls = table->cap_calls ? 2 : CALLS_AT_FIRST;
	int rc;

	rc = sc_reserve(table->calls, table->cap_calls, table->n_calls, calls);
	table->cap_dense = table->cap_calls < SC_DENSE_MAX ? table->cap_calls : SC_DENSE_MAX;
	if (!rc)
		rc = sc_reserve(table->rules, table->cap_rules, table->n_rules, 2);
	if (!rc)
		rc = sc_reserve(table->cmps, table->cap_cmps, table->n_cmps,
			2 * SC_ARGS_MAX);
	if (!rc)
		rc = sc_set_reserve(&table->sparse, 2, hash_call, table);
	if (!rc && table->n_prefixes)
		rc = sc_prefix_reserve(table, 2);
	return rc;
}

static const struct sc_cmp *cmps_of(const struct sc_table *table, const struct sc_rule *rule)
{
	return table->cmps + rule->first_cmp;
}

/* How many elements the two have in common from the start. */
static uint32_t common(const struct sc_cmp *a, uint32_t na, const struct sc_cmp *b, uint32_t nb)
{
	uint32_t n = 0;

	while (n < na && n < nb && sc_cmp_equal(&a[n], &b[n]))
		n++;
	return n;
}

int sc_table_judge(const struct sc_table *table, int nr, const struct sc_chain *chain,
	uint32_t action)
{
	const struct sc_call *call = sc_table_find(table, nr);
	int judgement = SC_TABLE_ADD;

	if (!call)
		return SC_TABLE_ADD;
	if (call->always)
		return SC_TABLE_COVERED;
	if (chain->len == 0)
		return SC_TABLE_REPLACE;
	if (call->indexed)
		return sc_prefix_judge(table, call, chain, action);
	for (uint32_t r = call->head; r != SC_NO_RULE; r = table->rules[r].next) {
		const struct sc_rule *rule = &table->rules[r];
		uint32_t n = common(cmps_of(table, rule), rule->len, chain->cmp, chain->len);

		if (n == rule->len && n < chain->len)
			return SC_TABLE_COVERED;
		if (n == rule->len)
			return rule->action == action ? SC_TABLE_COVERED : -EEXIST;
		if (n < chain->len)
			continue;
		if (rule->action != action)
			return -EEXIST;
		judgement = SC_TABLE_REPLACE;
	}
	return judgement;
}

/* Takes the rules that @chain begins off the call's list. Returns the link where the first of
 * them was: their successor takes its place among the ties. */
static uint32_t *drop_longer(struct sc_table *table, struct sc_call *call,
	const struct sc_chain *chain)
{
	uint32_t *link = &call->head, *place = NULL;

	call->tail = SC_NO_RULE;
	while (*link != SC_NO_RULE) {
		struct sc_rule *rule = &table->rules[*link];

		if (common(cmps_of(table, rule), rule->len, chain->cmp, chain->len) ==
			chain->len) {
			*link = rule->next;
			call->n_rules--;
			if (!place)
				place = link;
		} else {
			call->tail = *link;
			link = &rule->next;
		}
	}
	return place;
}

/* An indexed call's longer rules: the first of them gives the new one its place, the others
 * are covered by it. */
static void replace_indexed(struct sc_table *table, struct sc_call *call,
	const struct sc_chain *chain)
{
	uint32_t at = sc_prefix_first(table, call, chain);

	table->rules[at].first_cmp = table->n_cmps;
	table->rules[at].len = chain->len;
	memcpy(&table->cmps[table->n_cmps], chain->cmp, chain->len * sizeof(*chain->cmp));
	table->n_cmps += chain->len;
	call->stale = true;
	sc_prefix_insert(table, call, at);
}

/* From now on the call's rules are found by their beginnings. No memory for the index is no
 * error: reading the list finds the same. */
static void index_call(struct sc_table *table, struct sc_call *call)
{
	if (sc_prefix_reserve(table, call->n_rules + 2) < 0)
		return;
	for (uint32_t r = call->head; r != SC_NO_RULE; r = table->rules[r].next)
		sc_prefix_insert(table, call, r);
	call->indexed = true;
}

void sc_table_apply(struct sc_table *table, int nr, const struct sc_chain *chain,
	uint32_t action, int judgement)
{
	uint32_t *place = NULL, index = table->n_rules;
	struct sc_call *call;

	if (judgement == SC_TABLE_COVERED)
		return;
	call = sc_table_touch(table, nr);
	if (chain->len == 0) {
		decide_always(call, action);
		return;
	}
	if (judgement == SC_TABLE_REPLACE && call->indexed) {
		replace_indexed(table, call, chain);
		return;
	}
	if (judgement == SC_TABLE_REPLACE)
		place = drop_longer(table, call, chain);
	if (!place)
		place = call->tail == SC_NO_RULE ? &call->head : &table->rules[call->tail].next;
	table->rules[index] = (struct sc_rule){
		.action = action,
		.first_cmp = table->n_cmps,
		.len = chain->len,
		.next = *place,
	};
	memcpy(&table->cmps[table->n_cmps], chain->cmp, chain->len * sizeof(*chain->cmp));
	table->n_cmps += chain->len;
	if (*place == SC_NO_RULE)
		call->tail = index;
	*place = index;
	table->n_rules++;
	call->n_rules++;
	if (call->n_rules > table->biggest_call)
		table->biggest_call = call->n_rules;
	if (call->indexed)
		sc_prefix_insert(table, call, index);
	else if (call->n_rules >= SC_INDEX_FROM)
		index_call(table, call);
}
