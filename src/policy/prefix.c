/* Conflicts among many rules of one list.
 *
 * A rule conflicts only with rules that equal it, begin it or that it begins, so the beginnings
 * of the chains are kept in a hash table. A beginning that only one rule has stands for the
 * longer ones of that rule, too; they are added when a second rule begins so. Most rules
 * differ early, so most have one entry.
 *
 * Rules that a later, shorter one covers stay in the list until the policy is lowered.
 * To look for them each time would take the square of time. They do no harm: a walk meets the
 * complete shorter chain first.
 * SPDX-License-Identifier: MIT */
#include "policy/list.h"
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
	uint32_t list, len;
	const struct sc_cmp *cmps;
};

static bool same_beginning(const void *owner, uint32_t index, const void *key)
{
	const struct sc_lists *lists = owner;
	const struct sc_prefix *prefix = &lists->prefixes[index];
	const struct beginning *wanted = key;
	const struct sc_cmp *mine;

	if (prefix->hash != wanted->hash >> 32 || prefix->list != wanted->list ||
		prefix->len != wanted->len)
		return false;
	/* Of a rule that has become shorter, the others are still there. */
	mine = lists->cmps + lists->rules[prefix->rule].first_cmp;
	for (uint32_t i = 0; i < prefix->len; i++)
		if (!sc_cmp_equal(&mine[i], &wanted->cmps[i]))
			return false;
	return true;
}

static uint64_t hash_prefix(const void *owner, uint32_t index)
{
	return (uint64_t)((const struct sc_lists *)owner)->prefixes[index].hash << 32;
}

static uint32_t *slot_of(const struct sc_lists *lists, const struct beginning *wanted)
{
	return sc_set_find(&lists->beginnings, wanted->hash, same_beginning, lists, wanted);
}

/* The entry of cmps[0..len), or NULL. */
static struct sc_prefix *find(const struct sc_lists *lists, uint32_t list, uint64_t hash,
	const struct sc_cmp *cmps, uint32_t len)
{
	const struct beginning wanted = {hash, list, len, cmps};
	uint32_t index = *slot_of(lists, &wanted);

	return index ? &lists->prefixes[index - 1] : NULL;
}

/* Of the rule that ends there, or of the first that goes on. */
static uint32_t action_of(const struct sc_lists *lists, const struct sc_prefix *at)
{
	return lists->rules[at->rule].action;
}

/* As sc_prefix_judge(), where @rule is the only one that begins as @chain's first @len. */
static int judge_beside(const struct sc_lists *lists, const struct sc_rule *rule,
	const struct sc_chain *chain, uint32_t len, uint32_t action)
{
	const struct sc_cmp *cmps = lists->cmps + rule->first_cmp;

	while (len < rule->len && len < chain->len && sc_cmp_equal(&cmps[len], &chain->cmp[len]))
		len++;
	if (len == rule->len && len < chain->len)
		return SC_COVERED;
	if (len == rule->len)
		return rule->action == action ? SC_COVERED : -EEXIST;
	if (len == chain->len)
		return rule->action == action ? SC_REPLACE : -EEXIST;
	return SC_ADD;
}

int sc_prefix_judge(const struct sc_lists *lists, uint32_t list, const struct sc_chain *chain,
	uint32_t action)
{
	uint64_t hash = lists->seed ^ list;

	for (uint32_t len = 1;; len++) {
		const struct sc_prefix *at;

		hash = hash_cmp(hash, &chain->cmp[len - 1]);
		at = find(lists, list, hash, chain->cmp, len);
		if (!at)
			return SC_ADD;
		if (at->complete && len < chain->len)
			return SC_COVERED;
		if (at->complete)
			return action_of(lists, at) == action ? SC_COVERED : -EEXIST;
		if (len == chain->len)
			return at->mixed || action_of(lists, at) != action ? -EEXIST : SC_REPLACE;
		if (at->alone)
			return judge_beside(lists, &lists->rules[at->rule], chain, len, action);
	}
}

int sc_prefix_reserve(struct sc_lists *lists, uint32_t more_rules)
{
	/* A rule has up to six beginnings, and may show one more of the rule that it meets. */
	const uint32_t each = SC_ARGS_MAX + 1;
	uint32_t more = more_rules * each;
	int rc;

	if (more_rules > UINT32_MAX / each)
		return -ENOMEM;
	rc = sc_reserve(lists->prefixes, lists->cap_prefixes, lists->n_prefixes, more);
	return rc ? rc : sc_set_reserve(&lists->beginnings, more, hash_prefix, lists);
}

/* The room was reserved. */
static void add_entry(struct sc_lists *lists, uint32_t *slot, const struct beginning *what,
	uint32_t rule)
{
	const struct sc_rule *r = &lists->rules[rule];

	lists->prefixes[lists->n_prefixes] = (struct sc_prefix){
		.hash = (uint32_t)(what->hash >> 32),
		.list = what->list,
		.rule = rule,
		.len = (uint8_t)what->len,
		.alone = true,
		.complete = what->len == r->len,
	};
	sc_set_insert(&lists->beginnings, slot, lists->n_prefixes++);
}

/* Another rule begins as @at does: the one that was alone there gets its next beginning. @hash
 * is that of @at. */
static void show_next(struct sc_lists *lists, struct sc_prefix *at, uint64_t hash)
{
	const struct sc_cmp *cmps = lists->cmps + lists->rules[at->rule].first_cmp;
	const struct beginning next = {hash_cmp(hash, &cmps[at->len]), at->list, at->len + 1U,
		cmps};

	at->alone = false;
	add_entry(lists, slot_of(lists, &next), &next, at->rule);
}

void sc_prefix_insert(struct sc_lists *lists, uint32_t list, uint32_t rule)
{
	const struct sc_rule *r = &lists->rules[rule];
	struct beginning here = {.hash = lists->seed ^ list,
		.list = list,
		.cmps = lists->cmps + r->first_cmp};

	while (here.len < r->len) {
		struct sc_prefix *at;
		uint32_t *slot;

		here.hash = hash_cmp(here.hash, &here.cmps[here.len++]);
		slot = slot_of(lists, &here);
		if (!*slot) {
			add_entry(lists, slot, &here, rule);
			return;
		}
		at = &lists->prefixes[*slot - 1];
		at->mixed |= action_of(lists, at) != r->action;
		if (here.len == r->len)
			at->complete = true;
		else if (at->alone && at->rule == rule)
			return; /* it has become shorter, but not as short as this */
		else if (at->alone)
			show_next(lists, at, here.hash);
	}
}

uint32_t sc_prefix_first(const struct sc_lists *lists, uint32_t list,
	const struct sc_chain *chain)
{
	uint64_t hash = lists->seed ^ list;

	for (uint32_t len = 1;; len++) {
		const struct sc_prefix *at;

		hash = hash_cmp(hash, &chain->cmp[len - 1]);
		at = find(lists, list, hash, chain->cmp, len);
		if (at->alone || len == chain->len)
			return at->rule;
	}
}

bool sc_prefix_covered(const struct sc_lists *lists, uint32_t list, uint32_t rule)
{
	const struct sc_rule *r = &lists->rules[rule];
	const struct sc_cmp *cmps = lists->cmps + r->first_cmp;
	uint64_t hash = lists->seed ^ list;

	for (uint32_t len = 1; len < r->len; len++) {
		const struct sc_prefix *at;

		hash = hash_cmp(hash, &cmps[len - 1]);
		at = find(lists, list, hash, cmps, len);
		if (at->complete || at->alone)
			return at->complete;
	}
	return false;
}
