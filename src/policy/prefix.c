/* Conflicts among many rules of one call.
 *
 * A rule conflicts only with rules that equal it, begin it or that it begins, so every
 * beginning of every chain is kept in a hash table. Rules that a later, shorter one covers
 * stay in list and table until the policy is lowered, for to look for them each time would
 * take the square of time: whoever walks there meets the complete shorter chain first.
 * SPDX-License-Identifier: MIT */
#include "policy/table.h"
#include "util/hash.h"
#include "util/vec.h"

static uint64_t hash_cmp(uint64_t seed, const struct sc_cmp *cmp)
{
	seed = sc_hash_mix(seed, cmp->datum);
	if (cmp->op == SC_OP_MASKED_EQ)
		seed = sc_hash_mix(seed, cmp->mask);
	return sc_hash_mix(seed, (uint64_t)cmp->arg << 8 | cmp->op);
}

/* A beginning that is looked for. */
struct beginning {
	uint64_t hash;
	uint32_t call, len;
	const struct sc_cmp *cmps;
};

static bool same_beginning(const void *owner, uint32_t index, const void *key)
{
	const struct sc_table *table = owner;
	const struct sc_prefix *prefix = &table->prefixes[index];
	const struct sc_cmp *mine = table->cmps + prefix->first_cmp;
	const struct beginning *wanted = key;

	if (prefix->hash != wanted->hash || prefix->call != wanted->call ||
		prefix->len != wanted->len)
		return false;
	for (uint32_t i = 0; i < prefix->len; i++)
		if (!sc_cmp_equal(&mine[i], &wanted->cmps[i]))
			return false;
	return true;
}

static uint64_t hash_prefix(const void *owner, uint32_t index)
{
	return ((const struct sc_table *)owner)->prefixes[index].hash;
}

static uint32_t *slot_of(const struct sc_table *table, const struct beginning *wanted)
{
	return sc_set_find(&table->beginnings, wanted->hash, same_beginning, table, wanted);
}

/* The entry of cmps[0..len), or NULL. */
static struct sc_prefix *find(const struct sc_table *table, uint32_t call, uint64_t hash,
	const struct sc_cmp *cmps, uint32_t len)
{
	const struct beginning wanted = {hash, call, len, cmps};
	uint32_t index = *slot_of(table, &wanted);

	return index ? &table->prefixes[index - 1] : NULL;
}

static uint32_t call_index(const struct sc_table *table, const struct sc_call *call)
{
	return (uint32_t)(call - table->calls);
}

int sc_prefix_judge(const struct sc_table *table, const struct sc_call *call,
	const struct sc_chain *chain, uint32_t action)
{
	uint64_t hash = table->seed ^ call_index(table, call);

	for (uint32_t len = 1;; len++) {
		const struct sc_prefix *at;

		hash = hash_cmp(hash, &chain->cmp[len - 1]);
		at = find(table, call_index(table, call), hash, chain->cmp, len);
		if (!at)
			return SC_TABLE_ADD;
		if (at->complete && len < chain->len)
			return SC_TABLE_COVERED;
		if (at->complete)
			return at->action == action ? SC_TABLE_COVERED : -EEXIST;
		if (len == chain->len)
			return at->mixed || at->action != action ? -EEXIST : SC_TABLE_REPLACE;
	}
}

int sc_prefix_reserve(struct sc_table *table, uint32_t more_rules)
{
	uint32_t more = more_rules * SC_ARGS_MAX;
	int rc;

	if (more_rules > UINT32_MAX / SC_ARGS_MAX)
		return -ENOMEM;
	rc = sc_reserve(table->prefixes, table->cap_prefixes, table->n_prefixes, more);
	return rc ? rc : sc_set_reserve(&table->beginnings, more, hash_prefix, table);
}

/* The entry of cmps[0..len), a new one where there is none: its room was reserved. */
static struct sc_prefix *find_or_add(struct sc_table *table, const struct beginning *wanted,
	const struct sc_rule *r, uint32_t rule)
{
	uint32_t *slot = slot_of(table, wanted);

	if (*slot)
		return &table->prefixes[*slot - 1];
	table->prefixes[table->n_prefixes] = (struct sc_prefix){
		.hash = wanted->hash,
		.call = wanted->call,
		.rule = rule,
		.first_cmp = r->first_cmp,
		.action = r->action,
		.len = (uint16_t)wanted->len,
	};
	sc_set_insert(&table->beginnings, slot, table->n_prefixes);
	return &table->prefixes[table->n_prefixes++];
}

void sc_prefix_insert(struct sc_table *table, const struct sc_call *call, uint32_t rule)
{
	const struct sc_rule *r = &table->rules[rule];
	const struct sc_cmp *cmps = table->cmps + r->first_cmp;
	uint64_t hash = table->seed ^ call_index(table, call);

	for (uint32_t len = 1; len <= r->len; len++) {
		struct sc_prefix *at;

		hash = hash_cmp(hash, &cmps[len - 1]);
		at = find_or_add(table,
			&(struct beginning){hash, call_index(table, call), len, cmps}, r, rule);
		at->mixed |= at->action != r->action;
		if (len == r->len) {
			at->complete = true;
			at->action = r->action;
		}
	}
}

uint32_t sc_prefix_first(const struct sc_table *table, const struct sc_call *call,
	const struct sc_chain *chain)
{
	uint32_t index = call_index(table, call);
	struct beginning whole = {table->seed ^ index, index, chain->len, chain->cmp};

	for (uint32_t i = 0; i < chain->len; i++)
		whole.hash = hash_cmp(whole.hash, &chain->cmp[i]);
	return table->prefixes[*slot_of(table, &whole) - 1].rule;
}

bool sc_prefix_covered(const struct sc_table *table, const struct sc_call *call,
	uint32_t rule)
{
	const struct sc_rule *r = &table->rules[rule];
	const struct sc_cmp *cmps = table->cmps + r->first_cmp;
	uint64_t hash = table->seed ^ call_index(table, call);

	for (uint32_t len = 1; len < r->len; len++) {
		const struct sc_prefix *at;

		hash = hash_cmp(hash, &cmps[len - 1]);
		at = find(table, call_index(table, call), hash, cmps, len);
		if (at && at->complete)
			return true;
	}
	return false;
}
