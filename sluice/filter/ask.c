/* What a rule asks of one call: sets of values of registers.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/rule.h"
#include "util/cleanup.h"
#include "util/vec.h"

#define ALTERNATIVES_MAX 4096
#define FEW		 4 /* values, as most conditions have */

static void conjunction_clear(struct sc_conjunction *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		sc_set_clear(&c->terms[i].set);
	c->n = 0;
}

void sc_asked_reset(struct sc_asked *asked)
{
	for (uint32_t i = 0; i < asked->n; i++)
		conjunction_clear(&asked->any[i]);
	asked->n = 0;
}

void sc_asked_clear(struct sc_asked *asked)
{
	sc_asked_reset(asked);
	free(asked->any);
	*asked = (struct sc_asked){0};
}

static uint64_t all_ones(unsigned int bits)
{
	return UINT64_MAX >> (64 - bits);
}

/* A number as an argument of @bits holds it: small ones, and negative ones, fit. */
static bool cut(uint64_t number, unsigned int bits, uint64_t *out)
{
	const uint64_t ones = all_ones(bits);

	*out = number & ones;
	return number <= ones || number >= ~(ones >> 1);
}

/* A signed range in the order of unsigned numbers: one range, or two around 0. */
static int add_signed(struct sc_set *set, int64_t from, int64_t to, unsigned int bits)
{
	const int64_t most = (int64_t)(all_ones(bits) >> 1), least = -most - 1;
	int rc = 0;

	if (from > most || to < least)
		return 0;
	if (from < least)
		from = least;
	if (to > most)
		to = most;
	if (from < 0)
		rc = sc_set_add(set, (uint64_t)from & set->mask,
			(uint64_t)(to < 0 ? to : -1) & set->mask);
	if (!rc && to >= 0)
		rc = sc_set_add(set, (uint64_t)(from < 0 ? 0 : from), (uint64_t)to);
	return rc;
}

static int add_unsigned(struct sc_set *set, uint64_t from, uint64_t to, unsigned int bits)
{
	uint64_t first, last;

	if (!cut(from, bits, &first))
		return 0;
	if (!cut(to, bits, &last))
		last = set->mask;
	return first <= last ? sc_set_add(set, first, last) : 0;
}

/* Those operators that look at some bits only. */
static int add_masked(struct sc_set *set, enum sluice_op op, const uint64_t *v, unsigned int bits)
{
	uint64_t mask, value;
	bool fits = cut(v[0], bits, &mask);

	switch (op) {
	case SLUICE_OP_MASKED:
		set->mask = mask;
		if (!cut(v[1], bits, &value) || (v[1] & v[0]) != v[1])
			return 0; /* never */
		return sc_set_add(set, value & mask, value & mask);
	case SLUICE_OP_ALL_BITS:
		set->mask = mask;
		return fits ? sc_set_add(set, mask, mask) : 0;
	case SLUICE_OP_ONLY_BITS:
		set->mask = all_ones(bits) & ~mask;
		return sc_set_add(set, 0, 0);
	default:
		set->mask = mask;
		return mask ? sc_set_add(set, mask & -mask, mask) : 0;
	}
}

/* Does a number that @c asks for lie outside of what @bits can hold? */
static bool is_unfit(const struct sluice_filter_condition *c, const uint64_t *v, unsigned int bits)
{
	size_t n = c->op == SLUICE_OP_IN ? c->n_values : c->op == SLUICE_OP_SRANGE ? 0 : 1;
	bool fits = true;
	uint64_t value;

	for (size_t i = 0; i < n && fits; i++)
		fits = cut(v[i], bits, &value);
	return !fits;
}

/* The values of an argument of @bits for which @c holds. */
static int set_of(const struct sluice_filter_condition *c, const uint64_t *v, unsigned int bits,
	struct sc_set *set)
{
	uint64_t value;
	int rc = 0;

	set->mask = all_ones(bits);
	switch (c->op) {
	case SLUICE_OP_EQ:
	case SLUICE_OP_IN:
		for (size_t i = 0; i < c->n_values && !rc; i++)
			if (cut(v[i], bits, &value))
				rc = sc_set_add(set, value, value);
		break;
	case SLUICE_OP_RANGE:
		rc = add_unsigned(set, v[0], v[1], bits);
		break;
	case SLUICE_OP_SRANGE:
		rc = add_signed(set, (int64_t)v[0], (int64_t)v[1], bits);
		break;
	default:
		rc = add_masked(set, c->op, v, bits);
	}
	if (rc)
		return rc;
	sc_set_normalise(set);
	return c->negate ? sc_set_complement(set) : 0;
}

/* @set of a register must hold, too. Takes what @set has. */
static int require(struct sc_conjunction *c, uint8_t reg, struct sc_set *set)
{
	int rc = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		if (c->terms[i].reg != reg || c->terms[i].set.mask != set->mask)
			continue;
		rc = sc_set_intersect(&c->terms[i].set, set);
		sc_set_clear(set);
		return rc;
	}
	c->terms[c->n++] = (struct sc_term){.reg = reg, .set = *set};
	*set = (struct sc_set){0};
	return 0;
}

static int require_range(struct sc_conjunction *c, uint8_t reg, uint64_t mask, uint64_t first,
	uint64_t last)
{
	struct sc_set set = {.mask = mask};
	int rc = sc_set_add(&set, first, last);

	return rc ? rc : require(c, reg, &set);
}

static int copy_conjunction(const struct sc_conjunction *from, struct sc_conjunction *to)
{
	to->n = 0;
	for (uint32_t i = 0; i < from->n; i++) {
		to->terms[i].reg = from->terms[i].reg;
		if (sc_set_copy(&from->terms[i].set, &to->terms[i].set)) {
			conjunction_clear(to);
			return -ENOMEM;
		}
		to->n++;
	}
	return 0;
}

/* One more way: @base, and both halves in their ranges. */
static int add_box(struct sc_asked *out, const struct sc_conjunction *base,
	const struct sc_meaning *m, uint64_t mask, struct sc_range high, struct sc_range low)
{
	struct sc_conjunction *c;
	int rc = sc_reserve(out->any, out->cap, out->n, 1);

	if (out->n == ALTERNATIVES_MAX)
		return -E2BIG;
	if (rc)
		return rc;
	c = &out->any[out->n];
	rc = copy_conjunction(base, c);
	if (rc)
		return rc;
	out->n++;
	if (mask >> 32)
		rc = require_range(c, m->high_reg, mask >> 32, high.first, high.last);
	if (!rc && (uint32_t)mask)
		rc = require_range(c, m->reg, (uint32_t)mask, low.first, low.last);
	return rc;
}

/* A range of a pair is up to three boxes: its first high word, those between, its last. */
static int add_boxes(struct sc_asked *out, const struct sc_conjunction *base,
	const struct sc_meaning *m, uint64_t mask, const struct sc_range *r)
{
	const uint64_t high_mask = mask >> 32, low_mask = (uint32_t)mask;
	uint64_t first = r->first >> 32, last = r->last >> 32;
	const struct sc_range low_first = {(uint32_t)r->first, low_mask};
	const struct sc_range low_last = {0, (uint32_t)r->last};
	const struct sc_range low_all = {0, low_mask}, low_both = {low_first.first, low_last.last};
	int rc = 0;

	if (first == last)
		return add_box(out, base, m, mask, (struct sc_range){first, first}, low_both);
	if (low_first.first != 0) {
		rc = add_box(out, base, m, mask, (struct sc_range){first, first}, low_first);
		first = ((first | ~high_mask) + 1) & high_mask;
	}
	if (!rc && low_last.last != low_mask) {
		rc = add_box(out, base, m, mask, (struct sc_range){last, last}, low_last);
		last = (last - 1) & high_mask;
	}
	if (!rc && first <= last)
		rc = add_box(out, base, m, mask, (struct sc_range){first, last}, low_all);
	return rc;
}

static int ask_pair(struct sc_asked *asked, const struct sc_meaning *m, const struct sc_set *set)
{
	struct sc_asked out = {0};
	int rc = 0;

	for (uint32_t i = 0; i < asked->n && !rc; i++)
		for (uint32_t r = 0; r < set->n && !rc; r++)
			rc = add_boxes(&out, &asked->any[i], m, set->mask, &sc_set_ranges(set)[r]);
	if (rc) {
		sc_asked_clear(&out);
		return rc;
	}
	sc_asked_clear(asked);
	*asked = out;
	return 0;
}

static int ask_register(struct sc_asked *asked, const struct sc_meaning *m, struct sc_set *set)
{
	int rc = 0;

	/* All but the last alternative take a copy. */
	for (uint32_t i = 0; i + 1 < asked->n && !rc; i++) {
		struct sc_set copy;

		rc = sc_set_copy(set, &copy);
		if (!rc)
			rc = require(&asked->any[i], m->reg, &copy);
	}
	if (!rc && asked->n)
		rc = require(&asked->any[asked->n - 1], m->reg, set);
	return rc;
}

/* What one condition says of a target: where its argument lies, and its values. */
struct understood {
	struct sc_meaning m;
	unsigned int bits;
	uint64_t few[FEW], *many; /* the values; NULL: they are in @few */
};

static void understood_clear(struct understood *u)
{
	free(u->many);
}

static const uint64_t *values_of(const struct understood *u)
{
	return u->many ? u->many : u->few;
}

/* 0; -ENOENT, -EINVAL or -ENOMEM. @out is zeroed, and the caller's to clear in any case. */
static int understand(const struct sluice_filter_condition *c, const struct sc_arch *arch,
	const struct sc_target *target, struct understood *out, struct sc_ask_error *error)
{
	uint64_t *v = out->few;
	int rc;

	if (c->n_values > FEW) {
		v = out->many = malloc(c->n_values * sizeof(*v));
		if (!v)
			return -ENOMEM;
	}
	rc = sc_meaning_of(arch, target, c, &out->m);
	if (rc)
		error->what = c->argument;
	for (size_t i = 0; i < c->n_values && !rc; i++) {
		v[i] = c->values[i].number;
		if (c->values[i].name)
			rc = sc_meaning_value(arch, out->m.set, c->values[i].name, &v[i]);
		if (rc)
			error->what = c->values[i].name;
	}
	if (rc)
		return rc;
	if ((c->op == SLUICE_OP_RANGE && v[0] > v[1]) ||
		(c->op == SLUICE_OP_SRANGE && (int64_t)v[0] > (int64_t)v[1]) ||
		(c->op == SLUICE_OP_MASKED && v[1] & ~v[0]))
		return -EINVAL;
	out->bits = c->bits ? c->bits : out->m.bits;
	if (out->m.reg == out->m.high_reg && out->bits > sc_meaning_register(arch))
		out->bits = sc_meaning_register(arch);
	error->unfit |= is_unfit(c, v, out->bits);
	return 0;
}

static bool is_pair(const struct understood *u)
{
	return u->m.reg != u->m.high_reg;
}

static int ask_one(const struct sluice_filter_condition *c, const struct sc_arch *arch,
	const struct sc_target *target, struct sc_asked *asked, struct sc_ask_error *error)
{
	_cleanup_(understood_clear) struct understood u = {0};
	_cleanup_(sc_set_clear) struct sc_set set = {0};
	int rc = understand(c, arch, target, &u, error);

	if (!rc)
		rc = set_of(c, values_of(&u), u.bits, &set);
	if (rc || sc_set_is_full(&set))
		return rc;
	if (is_pair(&u) && set.mask >> 32)
		return ask_pair(asked, &u.m, &set);
	return ask_register(asked, &u.m, &set);
}

/* A set without values never holds. */
static bool is_possible(const struct sc_conjunction *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (c->terms[i].set.n == 0)
			return false;
	return true;
}

/* One way, which asks for nothing. Mostly it stays the only one. */
static int begin(struct sc_asked *asked)
{
	if (!asked->any) {
		asked->any = malloc(sizeof(*asked->any));
		if (!asked->any)
			return -ENOMEM;
		asked->cap = 1;
	}
	asked->any[0].n = 0;
	asked->n = 1;
	return 0;
}

int sc_ask(const struct sluice_rule *rule, const struct sc_arch *arch,
	const struct sc_target *target, struct sc_asked *out, struct sc_ask_error *error)
{
	uint32_t n = 0;
	int rc = begin(out);

	for (uint32_t i = 0; i < rule->n_conditions && !rc; i++) {
		error->condition = i;
		rc = ask_one(&rule->conditions[i], arch, target, out, error);
	}
	if (rc) {
		sc_asked_reset(out);
		return rc;
	}
	for (uint32_t i = 0; i < out->n; i++) {
		if (!is_possible(&out->any[i]))
			conjunction_clear(&out->any[i]);
		else if (i == n)
			n++;
		else
			out->any[n++] = out->any[i];
	}
	out->n = n;
	return 0;
}

int sc_ask_check(const struct sluice_rule *rule, const struct sc_arch *arch,
	const struct sc_target *target, struct sc_ask_error *error)
{
	_cleanup_(sc_asked_clear) struct sc_asked asked = {0};
	bool pairs = false;
	int rc = 0;

	for (uint32_t i = 0; i < rule->n_conditions && !rc; i++) {
		_cleanup_(understood_clear) struct understood u = {0};

		error->condition = i;
		rc = understand(&rule->conditions[i], arch, target, &u, error);
		pairs |= !rc && is_pair(&u);
	}
	/* Nothing else can have too many alternatives. */
	return rc || !pairs ? rc : sc_ask(rule, arch, target, &asked, error);
}
