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
	unsigned int n;
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

/* The native number @nr as @arch knows it. */
static int translate(const struct sc_arch *native, int nr, struct place *place)
{
	const struct sc_arch *arch = place->table->arch;
	struct sc_mux mux;
	int row;

	place->n = 0;
	place->mux[0] = place->mux[1] = false;
	/* -1 is what a tracer sets to skip a call: the same everywhere. */
	if (nr == -1 || (arch == native && !arch->has_mux && nr >= 0)) {
		place->nr[place->n++] = nr;
		return 0;
	}
	row = sc_syscall_by_nr(native, nr);
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
		struct sc_chain own;

		place->judgement[i] = sc_table_judge(place->table, place->nr[i],
			chain_for(place, i, chain, &own), action);
		if (place->judgement[i] < 0)
			return place->judgement[i];
	}
	return sc_table_reserve(place->table);
}

static void apply(const struct place *place, uint32_t action, const struct sc_chain *chain)
{
	for (unsigned int i = 0; i < place->n; i++) {
		struct sc_chain own;

		sc_table_apply(place->table, place->nr[i], chain_for(place, i, chain, &own),
			action, place->judgement[i]);
	}
}

/* The usual policy, for this machine alone, needs no translation. Not inline: the usual rule
 * has no condition, and its way needs no room for one. */
static __attribute__((noinline)) int add_native_chain(struct sc_table *table, uint32_t action,
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
	struct place places[SC_ARCH_MAX];

	for (uint32_t i = 0; i < rules->n_tables; i++) {
		int rc;

		places[i].table = rules->tables[i];
		rc = translate(native, nr, &places[i]);
		if (!rc)
			rc = judge(&places[i], action, chain, exact);
		if (rc < 0)
			return rc;
	}
	for (uint32_t i = 0; i < rules->n_tables; i++)
		apply(&places[i], action, chain);
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
	else if (chain->len == 0)
		rc = sc_table_add_always(rules->tables[0], nr, action);
	else
		rc = add_native_chain(rules->tables[0], action, nr, chain);
	if (!rc && action == SC_ACT_NOTIFY)
		rules->notify = true;
	return rc;
}

int sc_policy_priority(struct sc_policy *policy, int nr, uint8_t priority)
{
	const struct sc_arch *native = policy->native;
	struct sc_ruleset *rules = &policy->rules;
	struct place places[SC_ARCH_MAX];

	for (uint32_t i = 0; i < rules->n_tables; i++) {
		int rc;

		places[i].table = rules->tables[i];
		rc = translate(native, nr, &places[i]);
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
