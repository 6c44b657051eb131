/* Names, numbers and tokens, each found in one step.
 * The hashes are the ones that scripts/gen-tables built the tables for.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "arch/tables.h"

const struct sc_arch *sc_arch_at(unsigned int i)
{
	return &sc_table_archs[i];
}

const struct sc_arch *sc_arch_by_token(uint32_t token)
{
	unsigned int i = sc_table_arch_slots[(token * sc_table_arch_mul) >> 26];

	if (i >= sc_arch_count || sc_table_archs[i].token != token)
		return NULL;
	return &sc_table_archs[i];
}

const struct sc_arch *sc_arch_by_name(const char *name)
{
	for (unsigned int i = 0; i < sc_arch_count; i++) {
		if (strcmp(sc_table_archs[i].name, name) == 0)
			return &sc_table_archs[i];
	}
	return NULL;
}

const char *sc_syscall_name(int row)
{
	return &sc_table_names[sc_table_name_at[row]];
}

int sc_syscall_by_name(const char *name)
{
	uint32_t hash = UINT32_C(0x811c9dc5); /* FNV-1a */
	unsigned int len, row;

	for (len = 0; name[len] != '\0'; len++) {
		if (len == sc_table_name_max)
			return -1;
		hash = (hash ^ (unsigned char)name[len]) * UINT32_C(0x01000193);
	}
	hash = ((hash ^ sc_table_name_seeds[hash >> 24]) * UINT32_C(0x9e3779b1)) >> 22;
	row = sc_table_name_slots[hash];
	if (row == SC_NONE || memcmp(sc_syscall_name((int)row), name, len + 1) != 0)
		return -1;
	return (int)row;
}

int sc_syscall_nr(const struct sc_arch *arch, int row)
{
	int cell = sc_table_nr[arch->column * sc_syscall_count + (unsigned int)row];
	int pseudo = sc_table_pseudo[row];

	/* Multiplexed calls go by their pseudo number even where there is a direct one. */
	if (cell < 0 || (arch->has_mux && pseudo <= SC_PSEUDO_LOW && pseudo > SC_PSEUDO_HIGH))
		return pseudo;
	if (cell >= SC_CELL_PRIVATE)
		return SC_PRIVATE_BASE + cell - SC_CELL_PRIVATE;
	return arch->base + cell;
}

static unsigned int row_of_pseudo(int nr)
{
	unsigned int low = (unsigned int)(SC_PSEUDO_LOW - nr);
	unsigned int high = (unsigned int)(SC_PSEUDO_HIGH - nr);

	if (nr > SC_PSEUDO_LOW)
		return SC_NONE;
	if (low < sc_table_low_count)
		return sc_table_row_of_low[low];
	if (nr <= SC_PSEUDO_HIGH && high < sc_table_high_count)
		return sc_table_row_of_high[high];
	return SC_NONE;
}

int sc_syscall_by_nr(const struct sc_arch *arch, int nr)
{
	const struct sc_column *column = &sc_table_columns[arch->column];
	unsigned int row = SC_NONE;

	if (nr < 0) {
		row = row_of_pseudo(nr);
		/* A pseudo number means nothing where the call has a real one. */
		if (row != SC_NONE && sc_syscall_nr(arch, (int)row) != nr)
			row = SC_NONE;
	} else if (nr >= arch->base && nr - arch->base < column->count) {
		row = sc_table_row_of_nr[column->first + nr - arch->base];
	} else if (arch->column == sc_table_private_column && nr >= SC_PRIVATE_BASE &&
		   (unsigned int)(nr - SC_PRIVATE_BASE) < sc_table_private_count) {
		row = sc_table_private[nr - SC_PRIVATE_BASE];
	}
	return row == SC_NONE ? -1 : (int)row;
}

uint16_t sc_syscall_since(const struct sc_arch *arch, int row)
{
	unsigned int cell = arch->column * sc_syscall_count + (unsigned int)row;

	return sc_table_versions[sc_table_since[cell]];
}
