/* Constants by name, and values as names.
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "meaning/meaning.h"
#include "meaning/text.h"

const struct sc_meaning_set *sc_meaning_find_set(const char *name)
{
	unsigned low = 0, high = sc_meaning_set_count;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		int order = strcmp(name, sc_meaning_string(sc_meaning_sets[middle].name));

		if (order == 0)
			return &sc_meaning_sets[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static bool has(const struct sc_arch *arch, const struct sc_meaning_constant *c)
{
	return c->columns >> arch->column & 1;
}

static int value_in(const struct sc_arch *arch, const struct sc_meaning_set *set,
	const char *name, uint64_t *value)
{
	for (unsigned i = set->first; i < (unsigned)set->first + set->count; i++) {
		const struct sc_meaning_constant *c = &sc_meaning_constants[i];

		if (has(arch, c) && strcmp(sc_meaning_string(c->name), name) == 0) {
			*value = c->value;
			return 0;
		}
	}
	return -ENOENT;
}

SC_MEANING_PUBLIC int sluice_constant_value(
	uint32_t arch, const char *set, const char *name, uint64_t *value)
{
	const struct sc_arch *a = sc_meaning_arch(arch);
	const struct sc_meaning_set *one;

	if (!a)
		return -EINVAL;
	if (set) {
		one = sc_meaning_find_set(set);
		return one ? value_in(a, one, name, value) : -ENOENT;
	}
	for (unsigned i = 0; i < sc_meaning_set_count; i++)
		if (value_in(a, &sc_meaning_sets[i], name, value) == 0)
			return 0;
	return -ENOENT;
}

SC_MEANING_PUBLIC const char *sluice_constant_next(
	uint32_t arch, const char *set, unsigned *iterator, uint64_t *value)
{
	const struct sc_arch *a = sc_meaning_arch(arch);
	const struct sc_meaning_set *one = a ? sc_meaning_find_set(set) : NULL;

	while (one && *iterator < one->count) {
		const struct sc_meaning_constant *c =
			&sc_meaning_constants[one->first + (*iterator)++];

		if (!has(a, c))
			continue;
		if (value)
			*value = c->value;
		return sc_meaning_string(c->name);
	}
	return NULL;
}

/* The constant of exactly this value, NULL where there is none. */
static const struct sc_meaning_constant *exact(
	const struct sc_arch *arch, const struct sc_meaning_set *set, uint64_t value)
{
	for (unsigned i = set->first; i < (unsigned)set->first + set->count; i++) {
		const struct sc_meaning_constant *c = &sc_meaning_constants[i];

		if (c->value == value && has(arch, c))
			return c;
	}
	return NULL;
}

bool sc_meaning_exact(
	struct sc_text *out, const struct sc_arch *arch, const char *name, uint64_t value)
{
	const struct sc_meaning_set *set = sc_meaning_find_set(name);
	const struct sc_meaning_constant *c = set ? exact(arch, set, value) : NULL;

	if (c)
		sc_text_add(out, sc_meaning_string(c->name));
	return c;
}

/* The constant with the most bits that are all in @value, none of them in the field, and
 * the smallest of those. */
static const struct sc_meaning_constant *largest(
	const struct sc_arch *arch, const struct sc_meaning_set *set, uint64_t value)
{
	const struct sc_meaning_constant *best = NULL;

	for (unsigned i = set->first; i < (unsigned)set->first + set->count; i++) {
		const struct sc_meaning_constant *c = &sc_meaning_constants[i];

		if (c->value == 0 || (c->value & value) != c->value || !has(arch, c))
			continue;
		if (!best || __builtin_popcountll(c->value) >
				     __builtin_popcountll(best->value))
			best = c;
	}
	return best;
}

/* The flags in @value, smallest first, and how many; @rest are the bits without a name.
 */
static unsigned split(const struct sc_arch *arch, const struct sc_meaning_set *set,
	uint64_t value, const struct sc_meaning_constant *flags[64], uint64_t *rest)
{
	const struct sc_meaning_constant *c;
	unsigned count = 0;

	while ((c = largest(arch, set, value))) {
		unsigned at = count++;

		for (; at > 0 && flags[at - 1]->value > c->value; at--)
			flags[at] = flags[at - 1];
		flags[at] = c;
		value &= ~c->value;
	}
	*rest = value;
	return count;
}

void sc_meaning_flags(
	struct sc_text *out, const struct sc_arch *arch, const char *name, uint64_t value)
{
	const struct sc_meaning_constant *flags[64];
	const struct sc_meaning_set *set = name ? sc_meaning_find_set(name) : NULL;
	uint64_t field =
		set && set->field && set->field != UINT32_MAX ? set->field : ~UINT64_C(0);
	const struct sc_meaning_constant *c =
		set ? exact(arch, set, value & field) : NULL;
	const char *between = "";
	unsigned count = 0;

	if (c) {
		value &= ~field;
		sc_text_add(out, sc_meaning_string(c->name));
		between = "|";
	}
	if (set && value && set->field != UINT32_MAX)
		count = split(arch, set, value, flags, &value);
	for (unsigned i = 0; i < count; i++, between = "|")
		sc_text_printf(out, "%s%s", between, sc_meaning_string(flags[i]->name));
	if (value || !*between)
		sc_text_printf(out, value ? "%s%#" PRIx64 : "%s%" PRIu64, between, value);
}

SC_MEANING_PUBLIC size_t sluice_constant_text(
	uint32_t arch, const char *set, uint64_t value, char *buffer, size_t size)
{
	const struct sc_arch *a = sc_meaning_arch(arch);
	struct sc_text text = {.buffer = buffer, .size = size};

	sc_meaning_flags(&text, a ? a : sc_arch_native(), a ? set : NULL, value);
	return sc_text_end(&text);
}
