/* One rule for every architecture: what it becomes on each, judged first, then done.
 * SPDX-License-Identifier: MIT */
#include "policy/table.h"
#include "util/vec.h"

/* What a rule becomes on one architecture: on up to two numbers, the call's own and the
 * multiplexing call's. */
struct place {
	struct sc_table *table;
	int nr[2];
	int judgement[2];
	bool mux[2];
	bool fresh[2]; /* an unconditional rule, the first on the number: nothing to judge */
	unsigned int n;
	const struct sc_chain *chain[2]; /* once judged: the caller's, or @own */
	struct sc_chain own[2];
	struct sc_cmp selects; /* argument 0 of the multiplexing call: which call it carries */
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

/* The chain as the i-th number of @place has it, in @own unless it is as the caller's. */
static const struct sc_chain *chain_for(const struct place *place, unsigned int i,
	const struct sc_chain *chain, struct sc_chain *own)
{
	struct sc_chain muxed;

	if (place->mux[i]) {
		as_multiplexed(chain, &place->selects, &muxed);
		chain = &muxed;
	} else if (chain->len == 0) {
		return chain;
	}
	sc_chain_normalise(chain, place->table->arch->bits, own);
	return own;
}

static int judge(struct place *place, uint32_t action, const struct sc_chain *chain,
	bool exact)
{
	if (exact && place->n == 0)
		return -EDOM;
	for (unsigned int i = 0; i < place->n; i++)
		if (exact && place->mux[i] && chain->len > 0)
			return -EINVAL;
	for (unsigned int i = 0; i < place->n; i++) {
		place->fresh[i] = chain->len == 0 && !place->mux[i] &&
			sc_table_is_fresh(place->table, place->nr[i]);
		if (place->fresh[i])
			continue;
		place->chain[i] = chain_for(place, i, chain, &place->own[i]);
		place->judgement[i] =
			sc_table_judge(place->table, place->nr[i], place->chain[i], action);
		if (place->judgement[i] < 0)
			return place->judgement[i];
	}
	return place->n == 1 && place->fresh[0] ? 0 : sc_table_reserve(place->table);
}

static void apply(const struct place *place, uint32_t action)
{
	for (unsigned int i = 0; i < place->n; i++) {
		if (place->fresh[i])
			sc_table_put_always(place->table, place->nr[i], action);
		else
			sc_table_apply(place->table, place->nr[i], place->chain[i], action,
				place->judgement[i]);
	}
}

/* The usual policy, for this machine alone, needs no translation. */
static int add_native_chain(struct sc_table *table, uint32_t action,
	int nr, const struct sc_chain *chain)
{
	struct sc_chain own;
	int judgement, rc;

	sc_chain_normalise(chain, table->arch->bits, &own);
	judgement = sc_table_judge(table, nr, &own, action);
	if (judgement < 0)
		return judgement;
	rc = sc_table_reserve(table);
	if (!rc)
		sc_table_apply(table, nr, &own, action, judgement);
	return rc;
}

static int add_everywhere(struct sc_policy *policy, uint32_t action, int nr,
	const struct sc_chain *chain, bool exact)
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
			rc = judge(&places[i], action, chain, exact);
		if (rc < 0)
			return rc;
	}
	for (uint32_t i = 0; i < rules->n_tables; i++)
		apply(&places[i], action);
	return 0;
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
		rc = add_native_chain(rules->tables[0], action, nr, chain);
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
		rc = sc_table_add_always(at.table[i], at.nr[i], action);
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
