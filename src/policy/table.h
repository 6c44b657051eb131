/* The calls of one architecture: what the policy's own files and lowering see of them.
 * SPDX-License-Identifier: MIT */
#ifndef SC_POLICY_TABLE_H
#define SC_POLICY_TABLE_H

#include "policy/policy.h"
#include "util/set.h"

struct sc_call {
	int32_t nr;
	uint32_t action; /* of the unconditional rule, where there is one */
	uint32_t list;	 /* conditional rules: into sc_ruleset.lists; SC_NO_LIST: none */
	uint8_t priority;
	bool always; /* has the unconditional rule: no other counts any more */
};

/* The calls of one architecture. */
struct sc_table {
	const struct sc_arch *arch;
	uint64_t seed;	 /* of what is hashed here: sc_hash_seed() */
	uint32_t base;	 /* numbers base .. base + SC_DENSE - 1 are found without hashing */
	uint16_t *dense; /* [SC_DENSE]: index into calls + 1 */
	struct sc_set sparse; /* of calls: those with other numbers, or a higher index */
	struct sc_call *calls;
	uint32_t cap_dense; /* cap_calls, or SC_DENSE_MAX when that is less */
	uint32_t n_calls, cap_calls;
};
#define SC_DENSE     960
#define SC_DENSE_MAX UINT16_MAX /* calls that the index can tell */

int sc_table_new(const struct sc_arch *arch, struct sc_table **out);
void sc_table_free(struct sc_table *table);
int sc_table_copy(const struct sc_table *table, struct sc_table **out);
/* The call, a new one if it is not there. After sc_table_reserve(), this cannot fail twice. */
struct sc_call *sc_table_touch(struct sc_table *table, int nr);
/* Whatever its arguments: @action. An earlier unconditional rule stays. */
void sc_call_decide(struct sc_lists *lists, struct sc_call *call, uint32_t action);

int sc_table_make_room(struct sc_table *table);
/* Where @table->sparse is not empty. */
struct sc_call *sc_table_find_sparse(const struct sc_table *table, int nr);

/* Those below are on the way of every rule, and mostly this short. */

/* Room for two more calls. 0 or -ENOMEM. */
static inline int sc_table_reserve(struct sc_table *table)
{
	if (table->cap_calls - table->n_calls >= 2 && sc_set_has_room(&table->sparse, 2))
		return 0;
	return sc_table_make_room(table);
}

static inline struct sc_call *sc_table_find(const struct sc_table *table, int nr)
{
	uint32_t offset = (uint32_t)nr - table->base;

	if (offset < SC_DENSE && table->dense[offset])
		return &table->calls[table->dense[offset] - 1];
	return table->sparse.n ? sc_table_find_sparse(table, nr) : NULL;
}

/* Nearly every rule is the first on its number, which is found without hashing, has no condition,
 * and there is room: */
static inline bool sc_table_is_fresh(const struct sc_table *table, int nr)
{
	uint32_t offset = (uint32_t)nr - table->base;

	return offset < SC_DENSE && !table->dense[offset] && table->n_calls < table->cap_dense;
}

static inline void sc_table_put_always(struct sc_table *table, int nr, uint32_t action)
{
	uint32_t n = table->n_calls++;

	table->calls[n] = (struct sc_call){
		.nr = nr,
		.action = action,
		.list = SC_NO_LIST,
		.always = true,
	};
	table->dense[(uint32_t)nr - table->base] = (uint16_t)(n + 1);
}

#endif
