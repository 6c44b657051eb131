/* Lists of rules: judging, adding, copying.
 * SPDX-License-Identifier: MIT */
#include "policy/list.h"
#include "util/hash.h"
#include "util/vec.h"

void sc_lists_clear(struct sc_lists *lists)
{
	free(lists->lists);
	free(lists->rules);
	free(lists->cmps);
	free(lists->prefixes);
	sc_set_clear(&lists->beginnings);
	*lists = (struct sc_lists){0};
}

int sc_lists_copy(const struct sc_lists *lists, struct sc_lists *out)
{
	struct sc_lists copy = {
		.seed = lists->seed,
		.n_lists = lists->n_lists,
		.cap_lists = lists->n_lists,
		.n_rules = lists->n_rules,
		.cap_rules = lists->n_rules,
		.n_cmps = lists->n_cmps,
		.cap_cmps = lists->n_cmps,
		.n_prefixes = lists->n_prefixes,
		.cap_prefixes = lists->n_prefixes,
		.biggest = lists->biggest,
	};

	copy.lists = sc_vec_copy(lists->lists, lists->n_lists, sizeof(*copy.lists));
	copy.rules = sc_vec_copy(lists->rules, lists->n_rules, sizeof(*copy.rules));
	copy.cmps = sc_vec_copy(lists->cmps, lists->n_cmps, sizeof(*copy.cmps));
	copy.prefixes = sc_vec_copy(lists->prefixes, lists->n_prefixes, sizeof(*copy.prefixes));
	if (!copy.lists || !copy.rules || !copy.cmps || !copy.prefixes ||
		sc_set_copy(&lists->beginnings, &copy.beginnings) < 0) {
		sc_lists_clear(&copy);
		return -ENOMEM;
	}
	*out = copy;
	return 0;
}

int sc_lists_reserve(struct sc_lists *lists, uint32_t n, uint64_t copied)
{
	int rc;

	if (n + copied > UINT32_MAX)
		return -ENOMEM;
	rc = sc_reserve(lists->lists, lists->cap_lists, lists->n_lists, n);
	if (!rc)
		rc = sc_reserve(lists->rules, lists->cap_rules, lists->n_rules, (uint32_t)(n + copied));
	if (!rc)
		rc = sc_reserve(lists->cmps, lists->cap_cmps, lists->n_cmps, n * SC_ARGS_MAX);
	if (!rc && lists->n_prefixes)
		rc = sc_prefix_reserve(lists, n);
	return rc;
}

static const struct sc_cmp *cmps_of(const struct sc_lists *lists, const struct sc_rule *rule)
{
	return lists->cmps + rule->first_cmp;
}

/* How many elements the two have in common from the start. */
static uint32_t common(const struct sc_cmp *a, uint32_t na, const struct sc_cmp *b, uint32_t nb)
{
	uint32_t n = 0;

	while (n < na && n < nb && sc_cmp_equal(&a[n], &b[n]))
		n++;
	return n;
}

/* From now on the list's rules are found by their beginnings. No memory for the index is no error:
 * reading the list finds the same. Not when a rule is added: the room is for those to come. */
static void index_list(struct sc_lists *lists, uint32_t list)
{
	if (!lists->n_prefixes)
		lists->seed = sc_hash_seed();
	if (sc_prefix_reserve(lists, lists->lists[list].n_rules) < 0)
		return;
	for (uint32_t r = lists->lists[list].head; r != SC_NO_RULE; r = lists->rules[r].next)
		sc_prefix_insert(lists, list, r);
	lists->lists[list].indexed = true;
}

int sc_list_judge(struct sc_lists *lists, uint32_t list, const struct sc_chain *chain,
	uint32_t action)
{
	int judgement = SC_ADD;

	if (list == SC_NO_LIST)
		return SC_ADD;
	if (!lists->lists[list].indexed && lists->lists[list].n_rules >= SC_INDEX_FROM)
		index_list(lists, list);
	if (lists->lists[list].indexed)
		return sc_prefix_judge(lists, list, chain, action);
	for (uint32_t r = lists->lists[list].head; r != SC_NO_RULE; r = lists->rules[r].next) {
		const struct sc_rule *rule = &lists->rules[r];
		uint32_t n = common(cmps_of(lists, rule), rule->len, chain->cmp, chain->len);

		if (n == rule->len && n < chain->len)
			return SC_COVERED;
		if (n == rule->len)
			return rule->action == action ? SC_COVERED : -EEXIST;
		if (n < chain->len)
			continue;
		if (rule->action != action)
			return -EEXIST;
		judgement = SC_REPLACE;
	}
	return judgement;
}

/* The room was reserved. */
static uint32_t new_list(struct sc_lists *lists, uint32_t n_calls)
{
	lists->lists[lists->n_lists] =
		(struct sc_list){.head = SC_NO_RULE, .tail = SC_NO_RULE, .n_calls = n_calls};
	return lists->n_lists++;
}

/* At the end of the list. The room was reserved. */
static uint32_t append(struct sc_lists *lists, struct sc_list *list, struct sc_rule rule)
{
	uint32_t index = lists->n_rules++;

	rule.next = SC_NO_RULE;
	lists->rules[index] = rule;
	if (list->tail == SC_NO_RULE)
		list->head = index;
	else
		lists->rules[list->tail].next = index;
	list->tail = index;
	list->n_rules++;
	return index;
}

/* The same rules for @n_calls of its calls; without those that a shorter one covers. */
static uint32_t copy_list(struct sc_lists *lists, uint32_t from, uint32_t n_calls)
{
	uint32_t to = new_list(lists, n_calls);
	struct sc_list *copy = &lists->lists[to];
	struct sc_list *list = &lists->lists[from];

	for (uint32_t r = list->head; r != SC_NO_RULE; r = lists->rules[r].next)
		if (!list->stale || !sc_prefix_covered(lists, from, r))
			append(lists, copy, lists->rules[r]);
	list->n_calls -= n_calls;
	return to;
}

/* The first of the rules that @chain begins becomes @chain, and so keeps its place among the ties;
 * the others leave the list. */
static void replace_listed(struct sc_lists *lists, struct sc_list *list,
	const struct sc_chain *chain)
{
	uint32_t *link = &list->head;
	bool replaced = false;

	while (*link != SC_NO_RULE) {
		struct sc_rule *rule = &lists->rules[*link];

		if (common(cmps_of(lists, rule), rule->len, chain->cmp, chain->len) <
			chain->len) {
			list->tail = *link;
			link = &rule->next;
		} else if (!replaced) {
			rule->len = chain->len;
			replaced = true;
			list->tail = *link;
			link = &rule->next;
		} else {
			*link = rule->next;
			list->n_rules--;
		}
	}
}

/* In an indexed list the others stay: it is stale. */
static void replace_indexed(struct sc_lists *lists, uint32_t list, const struct sc_chain *chain)
{
	uint32_t at = sc_prefix_first(lists, list, chain);

	lists->rules[at].len = chain->len;
	lists->lists[list].stale = true;
	sc_prefix_insert(lists, list, at);
}

static void add(struct sc_lists *lists, uint32_t at, const struct sc_chain *chain,
	uint32_t action)
{
	struct sc_list *list = &lists->lists[at];
	uint32_t rule = append(lists, list,
		(struct sc_rule){
			.action = action, .first_cmp = lists->n_cmps, .len = chain->len});

	memcpy(&lists->cmps[lists->n_cmps], chain->cmp, chain->len * sizeof(*chain->cmp));
	lists->n_cmps += chain->len;
	if (list->n_rules > lists->biggest)
		lists->biggest = list->n_rules;
	if (list->indexed)
		sc_prefix_insert(lists, at, rule);
}

uint32_t sc_list_apply(struct sc_lists *lists, uint32_t list, uint32_t n_calls,
	const struct sc_chain *chain, uint32_t action, int judgement)
{
	if (judgement == SC_COVERED)
		return list;
	if (list == SC_NO_LIST)
		list = new_list(lists, n_calls);
	else if (lists->lists[list].n_calls != n_calls)
		list = copy_list(lists, list, n_calls);
	if (judgement == SC_ADD)
		add(lists, list, chain, action);
	else if (lists->lists[list].indexed)
		replace_indexed(lists, list, chain);
	else
		replace_listed(lists, &lists->lists[list], chain);
	return list;
}

/* What the lists that calls have hold. */
static void measure(const struct sc_lists *lists, uint64_t *n_lists, uint64_t *n_rules,
	uint64_t *n_cmps)
{
	for (uint32_t i = 0; i < lists->n_lists; i++) {
		const struct sc_list *list = &lists->lists[i];

		if (!list->n_calls)
			continue;
		++*n_lists;
		*n_rules += list->n_rules;
		for (uint32_t r = list->head; r != SC_NO_RULE; r = lists->rules[r].next)
			*n_cmps += lists->rules[r].len;
	}
}

/* The room was reserved. */
static uint32_t append_list(struct sc_lists *to, const struct sc_lists *from, uint32_t list)
{
	uint32_t at = new_list(to, from->lists[list].n_calls);

	for (uint32_t r = from->lists[list].head; r != SC_NO_RULE; r = from->rules[r].next) {
		struct sc_rule rule = from->rules[r];

		if (from->lists[list].stale && sc_prefix_covered(from, list, r))
			continue;
		memcpy(&to->cmps[to->n_cmps], cmps_of(from, &rule), rule.len * sizeof(*to->cmps));
		rule.first_cmp = to->n_cmps;
		to->n_cmps += rule.len;
		append(to, &to->lists[at], rule);
	}
	return at;
}

int sc_lists_append(struct sc_lists *to, const struct sc_lists *from, uint32_t *map)
{
	uint64_t n_lists = 0, n_rules = 0, n_cmps = 0;
	int rc;

	measure(from, &n_lists, &n_rules, &n_cmps);
	if (n_cmps > UINT32_MAX)
		return -ENOMEM;
	rc = sc_reserve(to->lists, to->cap_lists, to->n_lists, (uint32_t)n_lists);
	if (!rc)
		rc = sc_reserve(to->rules, to->cap_rules, to->n_rules, (uint32_t)n_rules);
	if (!rc)
		rc = sc_reserve(to->cmps, to->cap_cmps, to->n_cmps, (uint32_t)n_cmps);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < from->n_lists; i++)
		map[i] = from->lists[i].n_calls ? append_list(to, from, i) : SC_NO_LIST;
	if (from->biggest > to->biggest)
		to->biggest = from->biggest;
	return 0;
}

bool sc_lists_wasteful(const struct sc_lists *lists)
{
	uint64_t n_lists = 0, n_rules = 0, n_cmps = 0;

	measure(lists, &n_lists, &n_rules, &n_cmps);
	return n_rules < lists->n_rules / 2;
}
