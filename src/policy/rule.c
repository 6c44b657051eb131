/* One rule for every architecture: what it becomes on each, judged first, then done.
 * SPDX-License-Identifier: MIT */
#include "policy/table.h"
#include "util/vec.h"

/* What a rule becomes on one architecture: on up to two numbers, the call's own and the
 * multiplexing call's. */
struct place {
	struct sc_table *table;
	int nr[2];
	bool mux[2];
	uint32_t share[2]; /* of the addition, or: */
	unsigned int n;
	struct sc_cmp selects; /* argument 0 of the multiplexing call: which call it carries */
	struct sc_chain muxed; /* what it gets */
};
#define ALWAYS	 UINT32_MAX	  /* an unconditional rule */
#define NO_SHARE (UINT32_MAX - 1) /* nothing: the call has an unconditional rule already */

/* Calls that have the same rules and get the same one. */
struct share {
	uint32_t list; /* SC_NO_LIST: they have none yet */
	uint32_t n_calls;
	const struct sc_chain *chain;
	int judgement;
	bool moved; /* once applied: @list is another one */
};

/* A rule on its way to all architectures. */
struct addition {
	struct sc_lists *lists;
	const struct sc_chain *chain; /* the caller's */
	uint32_t action;
	uint32_t n_shares;
	bool normal[2];	 /* is there */
	struct sc_chain normals[2]; /* of words of 32 and 64 bits */
	struct share shares[2 * SC_ARCH_MAX];
	struct place places[SC_ARCH_MAX];
};

/* Of the bits that the kernel reads, and as EQ where these are all that the ABI has: rules on
 * the multiplexing call itself are written so. */
static struct sc_cmp selector(const struct sc_mux *mux, unsigned int bits)
{
	bool whole = bits == 32 && mux->mask == UINT32_MAX;

	return (struct sc_cmp){
		.mask = whole ? UINT64_MAX : mux->mask,
		.datum = mux->code,
		.arg = 0,
		.op = whole ? SC_OP_EQ : SC_OP_MASKED_EQ,
	};
}

/* The call of a native number; -1 where it has none. */
static int row_of(const struct sc_arch *native, int nr)
{
	return nr == -1 ? -1 : sc_syscall_by_nr(native, nr);
}

/* The native number @nr, the call @row, as the architecture of @place knows it. */
static int translate(const struct sc_arch *native, int nr, int row, struct place *place)
{
	const struct sc_arch *arch = place->table->arch;
	struct sc_mux mux;

	place->n = 0;
	place->mux[0] = place->mux[1] = false;
	/* -1 is what a tracer sets to skip a call: the same everywhere. */
	if (nr == -1 || (arch == native && !arch->has_mux && nr >= 0)) {
		place->nr[place->n++] = nr;
		return 0;
	}
	if (row < 0) {
		if (arch != native)
			return -EFAULT;
		if (nr >= 0)
			place->nr[place->n++] = nr;
		return 0;
	}
	if (arch->has_mux && sc_mux_lookup(arch, row, &mux)) {
		if (mux.direct >= 0)
			place->nr[place->n++] = mux.direct;
		place->mux[place->n] = true;
		place->selects = selector(&mux, arch->bits);
		place->nr[place->n++] = mux.nr;
		return 0;
	}
	nr = sc_syscall_nr(arch, row);
	if (nr >= 0)
		place->nr[place->n++] = nr;
	return 0;
}

/* socketcall(2) and ipc(2) take the call's code as argument 0; the other arguments keep
 * their places, though what they point to cannot be seen. */
static void as_multiplexed(const struct sc_chain *chain, const struct sc_cmp *selects,
	struct sc_chain *out)
{
	out->cmp[0] = *selects;
	out->len = 1;
	for (uint32_t i = 0; i < chain->len; i++)
		if (chain->cmp[i].arg != 0)
			out->cmp[out->len++] = chain->cmp[i];
}

/* The chain as the i-th number of @place has it. */
static const struct sc_chain *chain_for(struct addition *add, struct place *place, unsigned int i)
{
	const unsigned int bits = place->table->arch->bits;
	const bool wide = bits == 64;
	struct sc_chain muxed;

	if (place->mux[i]) {
		as_multiplexed(add->chain, &place->selects, &muxed);
		sc_chain_normalise(&muxed, bits, &place->muxed);
		return &place->muxed;
	}
	if (!add->normal[wide])
		sc_chain_normalise(add->chain, bits, &add->normals[wide]);
	add->normal[wide] = true;
	return &add->normals[wide];
}

static bool same_chain(const struct sc_chain *a, const struct sc_chain *b)
{
	if (a == b)
		return true;
	if (a->len != b->len)
		return false;
	for (uint32_t i = 0; i < a->len; i++)
		if (!sc_cmp_equal(&a->cmp[i], &b->cmp[i]))
			return false;
	return true;
}

/* A call with @list gets @chain: with others, or judged as the first. 0 or -errno. */
static int share(struct addition *add, uint32_t list, const struct sc_chain *chain, uint32_t *out)
{
	struct share *at = add->shares, *end = add->shares + add->n_shares;

	while (at < end && (at->list != list || !same_chain(at->chain, chain)))
		at++;
	*out = (uint32_t)(at - add->shares);
	if (at < end) {
		at->n_calls++;
		return 0;
	}
	add->n_shares++;
	*at = (struct share){.list = list, .n_calls = 1, .chain = chain};
	at->judgement = sc_list_judge(add->lists, list, chain, add->action);
	return at->judgement < 0 ? at->judgement : 0;
}

static int judge(struct addition *add, struct place *place, bool exact)
{
	if (exact && place->n == 0)
		return -EDOM;
	for (unsigned int i = 0; i < place->n; i++)
		if (exact && place->mux[i] && add->chain->len > 0)
			return -EINVAL;
	for (unsigned int i = 0; i < place->n; i++) {
		const struct sc_call *call;
		const struct sc_chain *chain;
		int rc;

		if (add->chain->len == 0 && !place->mux[i]) {
			place->share[i] = ALWAYS;
			continue;
		}
		call = sc_table_find(place->table, place->nr[i]);
		if (call && call->always) {
			place->share[i] = NO_SHARE;
			continue;
		}
		chain = chain_for(add, place, i);
		if (chain->len == 0) {
			place->share[i] = ALWAYS;
			continue;
		}
		rc = share(add, call ? call->list : SC_NO_LIST, chain, &place->share[i]);
		if (rc < 0)
			return rc;
	}
	return sc_table_reserve(place->table);
}

/* Room for what was judged. */
static int reserve(const struct addition *add)
{
	uint64_t copied = 0;

	for (const struct share *at = add->shares; at < add->shares + add->n_shares; at++)
		if (at->judgement != SC_COVERED)
			copied += sc_list_copied(add->lists, at->list, at->n_calls);
	return add->n_shares ? sc_lists_reserve(add->lists, add->n_shares, copied) : 0;
}

static void decide(struct sc_lists *lists, struct sc_table *table, int nr, uint32_t action)
{
	if (sc_table_is_fresh(table, nr))
		sc_table_put_always(table, nr, action);
	else
		sc_call_decide(lists, sc_table_touch(table, nr), action);
}

static void apply(struct addition *add, uint32_t n_places)
{
	for (uint32_t i = 0; i < add->n_shares; i++) {
		struct share *at = &add->shares[i];
		uint32_t list = sc_list_apply(add->lists, at->list, at->n_calls, at->chain,
			add->action, at->judgement);

		at->moved = list != at->list;
		at->list = list;
	}
	for (uint32_t p = 0; p < n_places; p++) {
		const struct place *place = &add->places[p];

		for (unsigned int i = 0; i < place->n; i++) {
			uint32_t to = place->share[i];

			if (to == ALWAYS)
				decide(add->lists, place->table, place->nr[i], add->action);
			else if (to != NO_SHARE && add->shares[to].moved)
				sc_table_touch(place->table, place->nr[i])->list =
					add->shares[to].list;
		}
	}
}

/* The usual policy, for this machine alone, needs no translation. */
static int add_native_chain(struct sc_ruleset *rules, uint32_t action, int nr,
	const struct sc_chain *chain)
{
	struct sc_table *table = rules->tables[0];
	struct sc_call *call = sc_table_find(table, nr);
	uint32_t list = call ? call->list : SC_NO_LIST;
	struct sc_chain own;
	int judgement, rc;

	if (call && call->always)
		return 0;
	sc_chain_normalise(chain, table->arch->bits, &own);
	judgement = own.len ? sc_list_judge(&rules->lists, list, &own, action) : 0;
	if (judgement < 0)
		return judgement;
	rc = sc_table_reserve(table);
	if (!rc && own.len)
		rc = sc_lists_reserve(&rules->lists, 1, sc_list_copied(&rules->lists, list, 1));
	if (rc < 0)
		return rc;
	call = sc_table_touch(table, nr);
	if (!own.len)
		sc_call_decide(&rules->lists, call, action);
	else
		call->list = sc_list_apply(&rules->lists, list, 1, &own, action, judgement);
	return 0;
}

static int add_everywhere(struct sc_policy *policy, uint32_t action, int nr,
	const struct sc_chain *chain, bool exact)
{
	const struct sc_arch *native = policy->native;
	struct sc_ruleset *rules = &policy->rules;
	const int row = row_of(native, nr);
	struct addition add;
	int rc;

	add.lists = &rules->lists;
	add.chain = chain;
	add.action = action;
	add.n_shares = 0;
	add.normal[0] = add.normal[1] = false;
	for (uint32_t i = 0; i < rules->n_tables; i++) {
		struct place *place = &add.places[i];

		place->table = rules->tables[i];
		rc = translate(native, nr, row, place);
		if (!rc)
			rc = judge(&add, place, exact);
		if (rc < 0)
			return rc;
	}
	rc = reserve(&add);
	if (!rc)
		apply(&add, rules->n_tables);
	return rc;
}

int sc_policy_rule_add(struct sc_policy *policy, uint32_t action, int nr,
	const struct sc_chain *chain, bool exact)
{
	struct sc_ruleset *rules = &policy->rules;
	const struct sc_arch *native = policy->native;
	int rc;

	if (rules->n_tables != 1 || rules->tables[0]->arch != native || native->has_mux || nr < 0)
		rc = add_everywhere(policy, action, nr, chain, exact);
	else
		rc = add_native_chain(rules, action, nr, chain);
	if (!rc && action == SC_ACT_NOTIFY)
		rules->notify = true;
	return rc;
}

/* Where an unconditional rule goes: the tables that have its call. */
struct numbers {
	struct sc_table *table[SC_ARCH_MAX];
	int nr[SC_ARCH_MAX];
	uint32_t n;
	bool fresh; /* no table has the number yet, and each has room */
};

static inline void find_numbers(const struct sc_policy *policy, int nr, int row,
	struct numbers *out)
{
	struct sc_table *const *at = policy->rules.tables, *const *end;
	bool fresh = true;
	uint32_t n = 0;

	for (end = at + policy->rules.n_tables; at < end; at++) {
		struct sc_table *table = *at;
		bool own = table->arch == policy->native && nr >= 0;
		int found = own ? nr : sc_syscall_own_nr(table->arch, row);

		if (found < 0)
			continue;
		out->table[n] = table;
		out->nr[n++] = found;
		fresh &= sc_table_is_fresh(table, found);
	}
	out->n = n;
	out->fresh = fresh;
}

/* On every architecture, where nothing carries the call. Such a rule conflicts with none, so what
 * is left to fail is memory, before anything is added. */
static __attribute__((noinline)) int add_always_everywhere(struct sc_policy *policy,
	uint32_t action, int nr)
{
	static const struct sc_chain always = {.len = 0};
	int row = sc_syscall_by_nr(policy->native, nr), rc = 0;
	struct numbers at;

	if (row < 0 || sc_syscall_is_carried(row))
		return add_everywhere(policy, action, nr, &always, false);
	find_numbers(policy, nr, row, &at);
	if (at.fresh) {
		for (uint32_t i = 0; i < at.n; i++)
			sc_table_put_always(at.table[i], at.nr[i], action);
		return 0;
	}
	for (uint32_t i = 0; i < at.n && !rc; i++)
		rc = sc_table_reserve(at.table[i]);
	for (uint32_t i = 0; i < at.n && !rc; i++)
		decide(&policy->rules.lists, at.table[i], at.nr[i], action);
	return rc;
}

/* A pseudo number where there is only this machine, which lacks the call: no rule. */
static int add_pseudo(struct sc_policy *policy, uint32_t action, int nr)
{
	if (!policy->native->has_mux && sc_syscall_by_nr(policy->native, nr) >= 0)
		return 0;
	return add_always_everywhere(policy, action, nr);
}

int sc_policy_rule_always(struct sc_policy *policy, uint32_t action, int nr)
{
	const struct sc_ruleset *rules = &policy->rules;
	struct sc_table *table = rules->tables[0];

	if (rules->n_tables != 1 || table->arch != policy->native)
		return add_always_everywhere(policy, action, nr);
	if (nr < 0)
		return add_pseudo(policy, action, nr);
	if (table->arch->has_mux || !sc_table_is_fresh(table, nr))
		return add_always_everywhere(policy, action, nr);
	sc_table_put_always(table, nr, action);
	return 0;
}

int sc_policy_priority(struct sc_policy *policy, int nr, uint8_t priority)
{
	const struct sc_arch *native = policy->native;
	struct sc_ruleset *rules = &policy->rules;
	const int row = row_of(native, nr);
	struct place places[SC_ARCH_MAX];

	for (uint32_t i = 0; i < rules->n_tables; i++) {
		int rc;

		places[i].table = rules->tables[i];
		rc = translate(native, nr, row, &places[i]);
		if (!rc)
			rc = sc_table_reserve(rules->tables[i]);
		if (rc < 0)
			return rc;
	}
	for (uint32_t i = 0; i < rules->n_tables; i++)
		for (unsigned int k = 0; k < places[i].n; k++) {
			struct sc_call *call =
				sc_table_touch(rules->tables[i], places[i].nr[k]);

			if (call->priority < priority)
				call->priority = priority;
		}
	return 0;
}
