/* The calls of one architecture.
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
	copy->dense = sc_vec_copy(table->dense, SC_DENSE, sizeof(*copy->dense));
	copy->calls = sc_vec_copy(table->calls, table->n_calls, sizeof(*copy->calls));
	if (!copy->dense || !copy->calls || sc_set_copy(&table->sparse, &copy->sparse) < 0)
		return -ENOMEM;
	copy->n_calls = copy->cap_calls = table->n_calls;
	copy->cap_dense = copy->cap_calls < SC_DENSE_MAX ? copy->cap_calls : SC_DENSE_MAX;
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
	uint32_t index = *slot_of(table, nr);

	return index ? &table->calls[index - 1] : NULL;
}

/* A call that is not there yet. The room was reserved. */
static struct sc_call *new_call(struct sc_table *table, int nr)
{
	struct sc_call *call = &table->calls[table->n_calls++];
	uint32_t offset = (uint32_t)nr - table->base;

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): sc_table_reserve() made room */
	*call = (struct sc_call){.nr = nr, .list = SC_NO_LIST};
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

void sc_call_decide(struct sc_lists *lists, struct sc_call *call, uint32_t action)
{
	if (call->always)
		return;
	sc_list_leave(lists, call->list);
	call->list = SC_NO_LIST;
	call->always = true;
	call->action = action;
}

int sc_table_make_room(struct sc_table *table)
{
	/* A filter that names some calls mostly names hundreds. */
	uint32_t calls = table->cap_calls ? 2 : CALLS_AT_FIRST;
	int rc;

	rc = sc_reserve(table->calls, table->cap_calls, table->n_calls, calls);
	table->cap_dense = table->cap_calls < SC_DENSE_MAX ? table->cap_calls : SC_DENSE_MAX;
	return rc ? rc : sc_set_reserve(&table->sparse, 2, hash_call, table);
}
