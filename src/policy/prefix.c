/* Conflicts among many rules of one call.
 *
 * A rule conflicts only with rules that equal it, begin it or that it begins, so every
 * beginning of every chain is kept in a hash table. Rules that a later, shorter one covers
 * stay in list and table until the policy is lowered, for to look for them each time would
 * take the square of time: whoever walks there meets the complete shorter chain first.
 * SPDX-License-Identifier: MIT */
#include "policy/policy.h"
#include "util/hash.h"
#include "util/vec.h"

static uint64_t hash_cmp(uint64_t seed, const struct sc_cmp *cmp)
{
	seed = sc_hash_mix(seed, cmp->datum);
	if (cmp->op == SC_OP_MASKED_EQ)
		seed = sc_hash_mix(seed, cmp->mask);
	return sc_hash_mix(seed, (uint64_t)cmp->arg << 8 | cmp->op) | 1;
}

static bool same_beginning(const struct sc_table *table, const struct sc_prefix *prefix,
	const struct sc_cmp *cmps)
{
	const struct sc_cmp *mine = table->cmps + prefix->first_cmp;

	for (uint32_t i = 0; i < prefix->len; i++)
		if (!sc_cmp_equal(&mine[i], &cmps[i]))
			return false;
	return true;
}

/* The entry of cmps[0..len), or the free slot where it belongs. */
static struct sc_prefix *find(const struct sc_table *table, uint32_t call, uint64_t hash,
	const struct sc_cmp *cmps, uint32_t len)
{
	for (uint32_t i = (uint32_t)(hash >> 32);; i++) {
		struct sc_prefix *at = &table->prefixes[i & (table->n_prefix_slots - 1)];

		if (!at->hash)
			return at;
		if (at->hash == hash && at->call == call && at->len == len &&
			same_beginning(table, at, cmps))
			return at;
	}
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
		if (!at->hash)
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
	uint64_t want = ((uint64_t)table->n_prefixes + (uint64_t)more_rules * SC_ARGS_MAX) * 2;
	uint32_t n_slots = table->n_prefix_slots ? table->n_prefix_slots : 256;
	struct sc_prefix *old = table->prefixes, *grown;

	if (want <= table->n_prefix_slots)
		return 0;
	while (n_slots < want) {
		if (n_slots > UINT32_MAX / 2)
			return -ENOMEM;
		n_slots *= 2;
	}
	grown = calloc(n_slots, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	for (uint32_t i = 0; i < table->n_prefix_slots; i++) {
		uint32_t to = (uint32_t)(old[i].hash >> 32);

		if (!old[i].hash)
			continue;
		while (grown[to & (n_slots - 1)].hash)
			to++;
		grown[to & (n_slots - 1)] = old[i];
	}
	free(old);
	table->prefixes = grown;
	table->n_prefix_slots = n_slots;
	return 0;
}

void sc_prefix_insert(struct sc_table *table, const struct sc_call *call, uint32_t rule)
{
	const struct sc_rule *r = &table->rules[rule];
	const struct sc_cmp *cmps = table->cmps + r->first_cmp;
	uint64_t hash = table->seed ^ call_index(table, call);

	for (uint32_t len = 1; len <= r->len; len++) {
		struct sc_prefix *at;

		hash = hash_cmp(hash, &cmps[len - 1]);
		at = find(table, call_index(table, call), hash, cmps, len);
		if (!at->hash) {
			*at = (struct sc_prefix){
				.hash = hash,
				.call = call_index(table, call),
				.rule = rule,
				.first_cmp = r->first_cmp,
				.action = r->action,
				.len = (uint16_t)len,
			};
			table->n_prefixes++;
		}
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
	uint64_t hash = table->seed ^ call_index(table, call);

	for (uint32_t i = 0; i < chain->len; i++)
		hash = hash_cmp(hash, &chain->cmp[i]);
	return find(table, call_index(table, call), hash, chain->cmp, chain->len)->rule;
}

bool sc_prefix_covered(const struct sc_table *table, const struct sc_call *call,
	uint32_t rule)
{
	const struct sc_rule *r = &table->rules[rule];
	const struct sc_cmp *cmps = table->cmps + r->first_cmp;
	uint64_t hash = table->seed ^ call_index(table, call);

	for (uint32_t len = 1; len < r->len; len++) {
		hash = hash_cmp(hash, &cmps[len - 1]);
		if (find(table, call_index(table, call), hash, cmps, len)->complete)
			return true;
	}
	return false;
}
