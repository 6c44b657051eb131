/* Repairing a profile where there is one right way.
 * SPDX-License-Identifier: MIT */
#include "lint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/vec.h"

#define MOST_ALTERNATIVES 128 /* entries that one entry may become */

struct fixing {
	struct sc_lint l;
	struct sluice_profile *out;
};

struct alternatives {
	struct sc_arg items[MOST_ALTERNATIVES];
	unsigned n;
};

static void profile_freep(struct sluice_profile **p)
{
	sluice_profile_free(*p);
}

/* ---- what the kernel reads, as rules
 * --------------------------------------------------- */

static void add_masked(
	struct alternatives *to, uint32_t index, uint64_t mask, uint64_t value)
{
	if (to->n < MOST_ALTERNATIVES)
		to->items[to->n++] = (struct sc_arg){.index = index,
			.op = SCMP_CMP_MASKED_EQ,
			.value = mask,
			.value_two = value};
}

/* From @low to @high in blocks whose sizes are powers of two. */
static void add_range(struct alternatives *to, const struct sc_arg *a, uint64_t most,
	uint64_t low, uint64_t high)
{
	for (;;) {
		uint64_t size = low ? low & -low : most / 2 + 1;

		if (!low && high == most) {
			add_masked(to, a->index, 0, 0);
			return;
		}
		while (size - 1 > high - low)
			size /= 2;
		add_masked(to, a->index, most & ~(size - 1), low);
		if (low + (size - 1) >= high)
			return;
		low += size;
	}
}

/* The comparison of the low @bits alone: any of the alternatives holds. False: there is
 * no one way to say it. */
static bool narrow(const struct sc_arg *a, unsigned bits, struct alternatives *to)
{
	uint64_t most = (UINT64_C(1) << bits) - 1, low = a->value & most;
	bool beyond = a->value > most;

	to->n = 0;
	switch (a->op) {
	case SCMP_CMP_EQ:
		add_masked(to, a->index, most, low);
		return true;
	case SCMP_CMP_MASKED_EQ:
		add_masked(to, a->index, low, a->value_two & low);
		return true;
	case SCMP_CMP_NE: /* some bit is another one */
		for (unsigned i = 0; i < bits; i++)
			add_masked(
				to, a->index, UINT64_C(1) << i, ~low & UINT64_C(1) << i);
		return true;
	case SCMP_CMP_LT:
		if (beyond || !low)
			return false;
		add_range(to, a, most, 0, low - 1);
		return true;
	case SCMP_CMP_LE:
		if (beyond)
			return false;
		add_range(to, a, most, 0, low);
		return true;
	case SCMP_CMP_GT:
		if (beyond || low == most)
			return false;
		add_range(to, a, most, low + 1, most);
		return true;
	default:
		if (beyond)
			return false;
		add_range(to, a, most, low, most);
		return true;
	}
}

/* ---- one entry
 * --------------------------------------------------------------------------- */

/* A copy of @e with the names [@first, @next) and the comparisons @args. */
static int put_entry(struct fixing *f, const struct sc_entry *e, uint32_t first,
	uint32_t next, const struct sc_arg *args, unsigned n)
{
	struct sc_entry *copy;
	int rc = sc_profile_copy_entry(f->out, e);

	if (rc)
		return rc;
	copy = &f->out->entries[f->out->n - 1];
	memmove(copy->names.texts, copy->names.texts + first,
		(next - first) * sizeof(*copy->names.texts));
	memmove(copy->names.places, copy->names.places + first,
		(next - first) * sizeof(*copy->names.places));
	copy->names.n = next - first;
	copy->n_args = 0;
	for (unsigned i = 0; i < n && !rc; i++)
		if (args[i].op != SCMP_CMP_MASKED_EQ || args[i].value)
			rc = sc_entry_add_arg(copy, &args[i]);
	return rc;
}

static bool twice(const struct sc_entry *e)
{
	unsigned seen = 0;

	for (uint32_t i = 0; i < e->n_args; i++) {
		if (seen >> e->args[i].index & 1)
			return true;
		seen |= 1u << e->args[i].index;
	}
	return false;
}

/* Comparisons that all must hold, at most one an argument, for the names [@first, @next).
 * At most one of them may have become several: an entry for each. */
static int put_narrow(struct fixing *f, const struct sc_entry *e,
	const struct sc_arg *args, unsigned n, uint32_t first, uint32_t next)
{
	struct sc_arg all[SC_PROFILE_ARGS];
	struct alternatives many = {.n = 1}, found;
	bool permits = sc_is_permissive(sc_action_value(&e->action)), changed = false;
	unsigned at = UINT32_MAX;

	for (unsigned i = 0; i < n; i++) {
		unsigned bits =
			sc_lint_width(&f->l, e->names.texts[first], args[i].index);

		all[i] = args[i];
		if (sc_lint_judge(&args[i], bits, permits) == SC_WIDTH_GOOD)
			continue;
		if (!narrow(&args[i], bits, &found) || (found.n > 1 && at != UINT32_MAX))
			return put_entry(f, e, first, next, args, n);
		changed = true;
		all[i] = found.items[0];
		if (found.n > 1) {
			at = i;
			many = found;
		}
	}
	if (changed)
		sc_lint_say(&f->l, SLUICE_NOTE, "fixed-width", e, e->at, "",
			(struct sc_words_of){"", ""},
			"comparisons for %s ask what the kernel reads (%u entries)",
			e->names.texts[first], many.n);
	for (unsigned i = 0; i < many.n; i++) {
		int rc;

		if (at != UINT32_MAX)
			all[at] = many.items[i];
		rc = put_entry(f, e, first, next, all, n);
		if (rc)
			return rc;
	}
	return 0;
}

static bool same_widths(
	const struct fixing *f, const struct sc_entry *e, const char *a, const char *b)
{
	for (uint32_t i = 0; i < e->n_args; i++)
		if (sc_lint_width(&f->l, a, e->args[i].index) !=
			sc_lint_width(&f->l, b, e->args[i].index))
			return false;
	return true;
}

/* Names whose arguments are read alike stay together. */
static int put_args(struct fixing *f, const struct sc_entry *e)
{
	for (uint32_t first = 0, next; first < e->names.n; first = next) {
		int rc = 0;

		for (next = first + 1;
			next < e->names.n &&
			same_widths(f, e, e->names.texts[first], e->names.texts[next]);)
			next++;
		if (!twice(e))
			rc = put_narrow(f, e, e->args, e->n_args, first, next);
		for (uint32_t i = 0; twice(e) && i < e->n_args && !rc; i++)
			rc = put_narrow(f, e, &e->args[i], 1, first, next);
		if (rc)
			return rc;
	}
	if (twice(e))
		sc_lint_say(&f->l, SLUICE_NOTE, "fixed-same-argument", e, e->at, "",
			(struct sc_words_of){"", ""},
			"each comparison has an entry of its own");
	return 0;
}

/* Without empty names, and without those that stand in an entry before, all without
 * conditions. */
static int put_names(struct fixing *f, const struct sc_entry *e)
{
	struct sc_entry *copy;
	uint32_t kept = 0;
	int rc = sc_profile_copy_entry(f->out, e);

	if (rc)
		return rc;
	copy = &f->out->entries[f->out->n - 1];
	for (uint32_t k = 0; k < copy->names.n; k++) {
		const char *name = copy->names.texts[k];
		bool before = false;

		for (uint32_t i = 0;
			i < f->out->n && !before && !sc_entry_is_conditional(e); i++) {
			const struct sc_entry *o = &f->out->entries[i];
			uint32_t end = o == copy ? kept : o->names.n;

			if (o->n_args || sc_entry_is_conditional(o))
				continue;
			for (uint32_t m = 0; m < end && !before; m++)
				before = !strcmp(o->names.texts[m], name);
		}
		if (!*name || before) {
			sc_lint_say(&f->l, SLUICE_NOTE,
				*name ? "fixed-doubled-name" : "fixed-empty-name", e,
				e->names.places[k], ".names",
				(struct sc_words_of){"", ""}, "%s%s is left out",
				*name ? name : "an empty name",
				*name ? ", which an earlier entry has," : "");
			continue;
		}
		copy->names.texts[kept] = name;
		copy->names.places[kept++] = copy->names.places[k];
	}
	copy->names.n = kept;
	if (!kept) {
		sc_entry_free(copy);
		f->out->n--;
	}
	return 0;
}

static int fix_entry(struct fixing *f, const struct sc_entry *e)
{
	if (sc_action_value(&e->action) == f->l.action) {
		sc_lint_say(&f->l, SLUICE_NOTE, "fixed-dropped", e, e->at, "",
			(struct sc_words_of){"", ""},
			"the entry with the default action is left out, as runtimes do "
			"it");
		return 0;
	}
	return e->n_args && e->n_args <= SC_PROFILE_ARGS ? put_args(f, e)
	       : e->n_args ? sc_profile_copy_entry(f->out, e)
			   : put_names(f, e);
}

/* clone3 gets ENOSYS where clone is decided by its arguments, so that programs take
 * clone. */
static int fix_clone3(struct fixing *f)
{
	static const char *const names[] = {"clone3"};
	uint32_t n;

	if (f->l.permissive || sc_lint_verdict(&f->l, "clone") == SC_REFUSED ||
		sc_lint_uses(&f->l, "clone3", &n) ||
		f->l.action == SCMP_ACT_ERRNO(ENOSYS))
		return 0;
	sc_lint_say(&f->l, SLUICE_NOTE, "fixed-clone3", NULL, f->l.p->action.at,
		"syscalls", (struct sc_words_of){"", ""},
		"clone3 fails with ENOSYS, so that programs take clone");
	return sluice_profile_add(f->out, SCMP_ACT_ERRNO(ENOSYS), names, 1, NULL, 0);
}

static int fix_all(struct fixing *f)
{
	int rc = sc_profile_copy_head(f->l.p, &f->out);

	for (uint32_t i = 0; i < f->l.p->n && !rc; i++)
		rc = fix_entry(f, &f->l.p->entries[i]);
	return rc ? rc : fix_clone3(f);
}

int sluice_profile_fix(const struct sluice_profile *p, const struct sluice_target *target,
	sluice_report report, void *data, struct sluice_profile **fixed)
{
	_cleanup_(sc_lint_free) struct sc_lint l = {0};
	_cleanup_(profile_freep) struct sluice_profile *out = NULL;
	struct fixing f;
	int rc = sc_lint_begin(&l, p, target);

	if (rc)
		return rc;
	f = (struct fixing){.l = l};
	rc = fix_all(&f);
	l = f.l; /* which owns what was found */
	out = f.out;
	if (!rc)
		rc = sc_lint_report(&l, report, data);
	if (rc >= 0)
		*fixed = steal_ptr(out);
	return rc;
}
