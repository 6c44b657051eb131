/* Names, numbers and tokens, each found in one step.
 * The hashes are the ones that scripts/gen-tables built the tables for.
 * SPDX-License-Identifier: MIT */
#include <endian.h>
#include <string.h>

#include "arch/tables.h"

const struct sc_arch *sc_arch_at(unsigned int i)
{
	return &sc_arch_data_archs[i];
}

const struct sc_arch *sc_arch_native(void)
{
	return &sc_arch_data_archs[sc_arch_data_native];
}

const struct sc_arch *sc_arch_by_token(uint32_t token)
{
	unsigned int i = sc_arch_data_arch_slots[(token * sc_arch_data_arch_mul) >> 26];

	if (i >= sc_arch_count || sc_arch_data_archs[i].token != token)
		return NULL;
	return &sc_arch_data_archs[i];
}

const struct sc_arch *sc_arch_by_name(const char *name)
{
	for (unsigned int i = 0; i < sc_arch_count; i++) {
		if (strcmp(sc_arch_data_archs[i].name, name) == 0)
			return &sc_arch_data_archs[i];
	}
	return NULL;
}

static uint64_t word(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return le64toh(w);
}

static uint32_t half_word(const char *p)
{
	uint32_t w;

	memcpy(&w, p, sizeof(w));
	return le32toh(w);
}

/* All bytes of a name, in words that may overlap: no loop, nothing read outside it. */
struct name_words {
	uint64_t a, b, c, d;
};

/* How long a name is tells where its words lie. */
enum name_class { NAME_1, NAME_4, NAME_8, NAME_17 };

static inline __attribute__((always_inline)) struct name_words name_words(const char *name,
	size_t len, enum name_class class)
{
	switch (class) {
	case NAME_17:
		return (struct name_words){word(name), word(name + 8),
					   word(name + len - 16), word(name + len - 8)};
	case NAME_8:
		return (struct name_words){word(name), 0, 0, word(name + len - 8)};
	case NAME_4:
		return (struct name_words){half_word(name), 0, 0,
					   half_word(name + len - 4)};
	default:
		return (struct name_words){
			(unsigned char)name[0], 0, 0,
			(uint64_t)(unsigned char)name[len / 2] << 8 |
				(unsigned char)name[len - 1]};
	}
}

static inline uint32_t name_hash(struct name_words w, size_t len)
{
	uint64_t h = len + w.a * UINT64_C(0x9e3779b97f4a7c15) +
		     w.b * UINT64_C(0xbf58476d1ce4e5b9) + w.c * UINT64_C(0x94d049bb133111eb) +
		     w.d * UINT64_C(0xd6e8feb86659fd93);

	h = (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> 32);
}

/* Compiled once for each class, so that nothing is asked twice about the length. */
static inline __attribute__((always_inline)) int row_of_class(const char *name, size_t len,
	enum name_class class)
{
	const struct name_words w = name_words(name, len, class);
	uint32_t hash = name_hash(w, len);
	struct name_words found;
	unsigned int row, at;

	hash = ((hash ^ sc_arch_data_name_seeds[hash >> 24]) * UINT32_C(0x9e3779b1)) >> 22;
	row = sc_arch_data_name_slots[hash];
	if (row == SC_NONE)
		return -1;
	at = sc_arch_data_name_at[row];
	if (sc_arch_data_name_at[row + 1] - at != len + 1)
		return -1;
	found = name_words(&sc_arch_data_names[at], len, class);
	if (((w.a ^ found.a) | (w.b ^ found.b) | (w.c ^ found.c) | (w.d ^ found.d)) != 0)
		return -1;
	return (int)row;
}

static inline __attribute__((always_inline)) int row_of_name(const char *name)
{
	size_t len = strlen(name);

	if (len >= SC_SYSCALL_NAME_SIZE)
		return -1;
	if (len > 16)
		return row_of_class(name, len, NAME_17);
	if (len >= 8)
		return row_of_class(name, len, NAME_8);
	if (len >= 4)
		return row_of_class(name, len, NAME_4);
	return len ? row_of_class(name, len, NAME_1) : -1;
}

int sc_syscall_by_name(const char *name)
{
	return row_of_name(name);
}

static inline int nr_of_cell(const struct sc_arch *arch, unsigned int row, int cell)
{
	/* Multiplexed calls go by their pseudo number even where there is a direct one. */
	if (cell < 0 || (arch->has_mux && sc_syscall_is_carried((int)row)))
		return sc_arch_data_pseudo[row];
	if (cell >= SC_CELL_PRIVATE)
		return SC_PRIVATE_BASE + cell - SC_CELL_PRIVATE;
	return arch->base + cell;
}

static inline int nr_of_row(const struct sc_arch *arch, unsigned int row)
{
	return nr_of_cell(arch, row, sc_arch_data_nr[arch->column * sc_syscall_count + row]);
}

int sc_syscall_nr(const struct sc_arch *arch, int row)
{
	return nr_of_row(arch, (unsigned int)row);
}

int sc_syscall_resolve(const struct sc_arch *arch, const char *name)
{
	int row = row_of_name(name);

	return row < 0 ? SC_NR_ERROR : nr_of_row(arch, (unsigned int)row);
}

int sc_syscall_resolve_native(const char *name)
{
	int row = row_of_name(name);

	return row < 0 ? SC_NR_ERROR
		       : nr_of_cell(sc_arch_native(), (unsigned int)row,
				 sc_arch_data_nr[sc_arch_data_native_at + row]);
}

static unsigned int row_of_pseudo(int nr)
{
	unsigned int low = (unsigned int)(SC_PSEUDO_LOW - nr);
	unsigned int high = (unsigned int)(SC_PSEUDO_HIGH - nr);

	if (nr > SC_PSEUDO_LOW)
		return SC_NONE;
	if (low < sc_arch_data_low_count)
		return sc_arch_data_row_of_low[low];
	if (nr <= SC_PSEUDO_HIGH && high < sc_arch_data_high_count)
		return sc_arch_data_row_of_high[high];
	return SC_NONE;
}

int sc_syscall_by_nr(const struct sc_arch *arch, int nr)
{
	const struct sc_column *column = &sc_arch_data_columns[arch->column];
	unsigned int row = SC_NONE;

	if (nr < 0) {
		row = row_of_pseudo(nr);
		/* A pseudo number means nothing where the call has a real one. */
		if (row != SC_NONE && sc_syscall_nr(arch, (int)row) != nr)
			row = SC_NONE;
	} else if (nr >= arch->base && nr - arch->base < column->count) {
		row = sc_arch_data_row_of_nr[column->first + nr - arch->base];
	} else if (arch->column == sc_arch_data_private_column && nr >= SC_PRIVATE_BASE &&
		   (unsigned int)(nr - SC_PRIVATE_BASE) < sc_arch_data_private_count) {
		row = sc_arch_data_private[nr - SC_PRIVATE_BASE];
	}
	return row == SC_NONE ? -1 : (int)row;
}

unsigned int sc_syscall_numbers(const struct sc_arch *arch)
{
	return sc_arch_data_columns[arch->column].count;
}

uint16_t sc_syscall_since(const struct sc_arch *arch, int row)
{
	unsigned int cell = arch->column * sc_syscall_count + (unsigned int)row;

	return sc_arch_data_versions[sc_arch_data_since[cell]];
}
