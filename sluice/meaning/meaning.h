/* What the files of this room share.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_MEANING_MEANING_H
#define SLUICE_MEANING_MEANING_H

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

#include "arch/arch.h"
#include "meaning/tables.h"
#include "sluice-calls.h"

#define SC_MEANING_PUBLIC __attribute__((visibility("default")))

#pragma GCC visibility push(hidden)

/* The architecture of a token, 0 the native one; NULL: unknown. */
const struct sc_arch *sc_meaning_arch(uint32_t token);

/* The number of @row as @arch's kernel reports it; negative: only through a multiplexer
 * (its pseudo number). False: @arch does not have the call. */
bool sc_meaning_number(const struct sc_arch *arch, int row, int *nr);

#define SC_MEANING_64BIT UINT32_C(0x80000000) /* of linux/audit.h: set for x32 and n32, too */

/* The bits of @arch's registers, which x32 and n32 have more of than of addresses. */
static inline unsigned sc_meaning_register(const struct sc_arch *arch)
{
	return arch->audit & SC_MEANING_64BIT ? 64 : 32;
}

/* The calls that do what @row does, *@count of them, on any architecture: those of kind ABI first. */
static inline const struct sc_meaning_sibling *sc_meaning_siblings_of(int row, unsigned *count)
{
	unsigned first = sc_meaning_sibling_at[row];

	*count = sc_meaning_sibling_at[row + 1] - first;
	return &sc_meaning_siblings[first];
}

/* Those of kind ABI alone: the same call's other names. */
static inline const struct sc_meaning_sibling *sc_meaning_names(int row, unsigned *count)
{
	*count = sc_meaning_names_of[row];
	return &sc_meaning_siblings[sc_meaning_sibling_at[row]];
}

/* sluice_call_info() of a row. */
int sc_meaning_call(const struct sc_arch *arch, int row, struct sluice_call_info *out);

/* The bits that the kernel reads of its argument @index, and the set of its constants or NULL. False: nobody says that it
 * has the argument. */
bool sc_meaning_arg(const struct sc_arch *arch, int row, unsigned index, unsigned *bits,
	const char **set);

/* The text at @offset; NULL for the empty one. */
const char *sc_meaning_string(uint16_t offset);

/* The set called @name; NULL. */
const struct sc_meaning_set *sc_meaning_find_set(const char *name);

#pragma GCC visibility pop

#endif
