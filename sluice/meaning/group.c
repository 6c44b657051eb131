/* Groups of calls, and calls that do the same.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "meaning/meaning.h"

SC_MEANING_PUBLIC const char *sluice_group_at(unsigned index)
{
	return index < sc_meaning_group_count
		       ? sc_meaning_string(sc_meaning_groups[index])
		       : NULL;
}

SC_MEANING_PUBLIC int sluice_group(const char *name, uint64_t *bit)
{
	for (unsigned i = 0; i < sc_meaning_group_count; i++) {
		if (strcmp(sc_meaning_string(sc_meaning_groups[i]), name) != 0)
			continue;
		*bit = UINT64_C(1) << i;
		return 0;
	}
	return -ENOENT;
}

SC_MEANING_PUBLIC const char *sluice_sibling_next(uint32_t arch, const char *name,
	unsigned *iterator, enum sluice_sibling_kind *kind)
{
	const struct sc_arch *a = sc_meaning_arch(arch);
	int nr, row = a ? sc_syscall_by_name(name) : -1;
	const struct sc_meaning_sibling *siblings;
	unsigned count;

	if (row < 0)
		return NULL;
	siblings = sc_meaning_siblings_of(row, &count);
	while (*iterator < count) {
		const struct sc_meaning_sibling *s = &siblings[(*iterator)++];

		if (!sc_meaning_number(a, s->row, &nr))
			continue;
		if (kind)
			*kind = s->kind;
		return sc_syscall_name(s->row);
	}
	return NULL;
}

SC_MEANING_PUBLIC const char *sluice_closure_next(uint32_t arch, const char *name,
	unsigned *iterator, const char **kind, const char **reason)
{
	const struct sc_arch *a = sc_meaning_arch(arch);
	int nr, row = name ? sc_syscall_by_name(name) : SC_MEANING_UNKNOWN;

	while (a && row >= 0 && *iterator < sc_meaning_closure_count) {
		const struct sc_meaning_closure *c = &sc_meaning_closure[(*iterator)++];

		if (c->cause != row || !sc_meaning_number(a, c->row, &nr))
			continue;
		if (kind)
			*kind = sc_meaning_string(c->kind);
		if (reason)
			*reason = sc_meaning_string(c->reason);
		return sc_syscall_name(c->row);
	}
	return NULL;
}
