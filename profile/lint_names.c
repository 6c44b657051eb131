/* Names and entries: unknown, empty, doubled, dropped; rules that change nothing;
 * architectures.
 * SPDX-License-Identifier: MIT */
#include "lint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/vec.h"

static void check_name(struct sc_lint *l, const struct sc_entry *e, uint32_t k)
{
	const char *name = e->names.texts[k];
	char rest[32], near[64], excerpt[SC_JSON_EXCERPT];
	const char *meant;

	snprintf(rest, sizeof(rest), ".names[%u]", k);
	if (!*name) {
		sc_lint_say(l, SLUICE_WARNING, "empty-name", e, e->names.places[k], rest,
			(struct sc_words_of){
				"runc starts no container with it, crun leaves it out",
				"remove it"},
			"found an empty name, expected the name of a system call");
		return;
	}
	if (sc_call_is_known(name))
		return;
	meant = sc_near_call(name, &l->looks, near);
	sc_json_excerpt(name, strlen(name), excerpt);
	sc_lint_say(l, SLUICE_WARNING, "unknown-name", e, e->names.places[k], rest,
		(struct sc_words_of){"runtimes leave it out without a word",
			meant ? "correct it" : "remove it"},
		"found the unknown name \"%s\"%s%s%s", excerpt,
		meant ? " (did you mean " : "", meant ? meant : "", meant ? "?)" : "");
}

/* @e is NULL for the default action. */
static void check_errno(struct sc_lint *l, const struct sc_entry *e, const struct sc_action *a)
{
	if (a->has_errno && !sc_takes_errno(a->value))
		sc_lint_say(l, SLUICE_WARNING, "errno-unused", e, a->errno_at,
			e ? ".errnoRet" : "defaultErrnoRet",
			(struct sc_words_of){"crun starts no container with it, runc ignores it",
				"remove it"},
			"found an errno for %s, which has none", a->name);
}

static void check_entry(struct sc_lint *l, const struct sc_entry *e)
{
	for (uint32_t k = 0; k < e->names.n; k++)
		check_name(l, e, k);
	check_errno(l, e, &e->action);
	if (!e->names.n)
		sc_lint_say(l, SLUICE_WARNING, "empty-entry", e, e->at, "",
			(struct sc_words_of){"it does nothing", "remove it"},
			"found an entry without names");
	if (sc_action_value(&e->action) == l->action)
		sc_lint_say(l, SLUICE_WARNING, "dropped", e, e->at, "",
			(struct sc_words_of){"runc and crun leave it out: it takes "
					     "nothing back that another "
					     "entry says",
				"remove it"},
			"found an entry with the default action");
}

/* One name twice, with no difference that conditions could make. */
static void check_doubled(struct sc_lint *l)
{
	for (uint32_t i = 1; i < l->n_uses; i++) {
		const struct sc_use *a = &l->uses[i - 1], *b = &l->uses[i];
		char rest[32];

		if (strcmp(a->name, b->name) != 0 || !*a->name || a->entry->n_args ||
			b->entry->n_args)
			continue;
		if (sc_entry_is_conditional(a->entry) ||
			sc_entry_is_conditional(b->entry))
			continue;
		snprintf(rest, sizeof(rest), ".names[%u]", b->index);
		sc_lint_say(l, SLUICE_WARNING, "doubled-name", b->entry,
			b->entry->names.places[b->index], rest,
			(struct sc_words_of){
				"the first one decides", "remove one of them"},
			"found %s a second time (first in line %u)", b->name,
			a->entry->names.places[a->index].line);
	}
}

/* ---- dead rules ---------------------------------------------------------------------
 */

/* The entries that name the calls of one entry, with these names alone: no other entry can decide
 * them, so nothing else has to be compiled. */
struct part {
	const struct sc_entry *of;
	struct sc_use *uses; /* by entry */
	const char **texts;
	struct sc_place *places;
	struct sc_entry *entries;
	uint32_t n_uses, n, cost;
};

static void part_clear(struct part *part)
{
	free(part->uses);
	free(part->texts);
	free(part->places);
	free(part->entries);
}

static int by_entry(const void *a, const void *b)
{
	const struct sc_use *x = a, *y = b;

	if (x->entry != y->entry)
		return x->entry < y->entry ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Whether this is the first time that the entry says the name. */
static bool is_first(const struct sc_use *uses, uint32_t n, const struct sc_entry *of, uint32_t index)
{
	uint32_t low = 0;

	while (n) {
		if (uses[low + n / 2].entry < of) {
			low += n / 2 + 1;
			n -= n / 2 + 1;
		} else {
			n /= 2;
		}
	}
	return uses[low].index == index;
}

static int list_part_uses(const struct sc_lint *l, struct part *part)
{
	uint32_t cap = 0, n;

	for (uint32_t k = 0; k < part->of->names.n; k++) {
		const struct sc_use *uses = sc_lint_uses(l, part->of->names.texts[k], &n);

		if (!n || !is_first(uses, n, part->of, k))
			continue;
		if (sc_reserve(part->uses, cap, part->n_uses, n))
			return -ENOMEM;
		memcpy(part->uses + part->n_uses, uses, n * sizeof(*uses));
		part->n_uses += n;
	}
	if (part->n_uses)
		qsort(part->uses, part->n_uses, sizeof(*part->uses), by_entry);
	return 0;
}

static int part_make(const struct sc_lint *l, const struct sc_entry *of, struct part *part)
{
	int rc;

	part->of = of;
	rc = list_part_uses(l, part);
	if (rc)
		return rc;
	part->texts = calloc(part->n_uses + 1, sizeof(*part->texts));
	part->places = calloc(part->n_uses + 1, sizeof(*part->places));
	part->entries = calloc(part->n_uses + 1, sizeof(*part->entries));
	if (!part->texts || !part->places || !part->entries)
		return -ENOMEM;
	for (uint32_t i = 0; i < part->n_uses; i++) {
		const struct sc_use *u = &part->uses[i];
		struct sc_entry *e;

		if (!i || u->entry != u[-1].entry) {
			e = &part->entries[part->n++];
			*e = *u->entry;
			e->index = (uint32_t)(u->entry - l->p->entries);
			e->names = (struct sc_words){.texts = part->texts + i,
				.places = part->places + i};
			part->cost += e->n_args;
		}
		part->entries[part->n - 1].names.n++;
		part->texts[i] = u->name;
		part->places[i] = u->entry->names.places[u->index];
	}
	part->cost += part->n_uses + 1;
	return 0;
}

/* The program of the part without the entry at @without of the profile; UINT32_MAX: with all. */
static int compile_part(const struct sc_lint *l, const struct part *part, uint32_t without,
	struct sock_filter **insns, unsigned *n)
{
	struct sluice_profile view = *l->p;
	struct sluice_target t = l->t;
	_cleanup_free_ struct sc_entry *entries = calloc(part->n + 1, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	view.n = 0;
	for (uint32_t i = 0; i < part->n; i++)
		if (part->entries[i].index != without)
			entries[view.n++] = part->entries[i];
	view.entries = entries;
	t.cutoff = SLUICE_CUTOFF_NONE;
	return sluice_profile_program(&view, &t, insns, n);
}

/* Whether some name of it is in another entry, too: else it cannot be dead. */
static bool is_shared(const struct sc_lint *l, const struct sc_entry *e)
{
	for (uint32_t k = 0; k < e->names.n; k++) {
		uint32_t n;

		sc_lint_uses(l, e->names.texts[k], &n);
		if (n < 2)
			return false;
	}
	return e->names.n;
}

/* Names and comparisons that all compilations together may have: each entry costs one of them. */
#define DEAD_WORK 300000

/* What was compiled last: the rules of one call ask for the same part, one after the other. */
struct dead {
	struct part part;
	struct sock_filter *whole; /* NULL: it does not compile */
	unsigned n;
	uint32_t left;
};

static void dead_clear(struct dead *d)
{
	part_clear(&d->part);
	free(d->whole);
}

static bool same_names(const struct sc_entry *a, const struct sc_entry *b)
{
	if (!a || a->names.n != b->names.n)
		return false;
	for (uint32_t i = 0; i < a->names.n; i++)
		if (strcmp(a->names.texts[i], b->names.texts[i]) != 0)
			return false;
	return true;
}

static int spend(struct dead *d)
{
	if (d->part.cost > d->left)
		return -E2BIG;
	d->left -= d->part.cost;
	return 0;
}

/* 1: the same program comes out without the entry: that is the proof. 0; -E2BIG: no work is left. */
static int is_dead(const struct sc_lint *l, const struct sc_entry *e, struct dead *d)
{
	_cleanup_free_ struct sock_filter *less = NULL;
	unsigned m = 0;
	int rc = 0;

	if (!same_names(d->part.of, e)) {
		uint32_t left = d->left;

		dead_clear(d);
		*d = (struct dead){.left = left};
		rc = part_make(l, e, &d->part);
		if (!rc)
			rc = spend(d);
		if (!rc && compile_part(l, &d->part, UINT32_MAX, &d->whole, &d->n))
			d->whole = NULL;
	}
	if (!rc)
		rc = spend(d);
	if (rc || !d->whole ||
		compile_part(l, &d->part, (uint32_t)(e - l->p->entries), &less, &m))
		return rc;
	return d->n == m && !memcmp(d->whole, less, m * sizeof(*less));
}

static void check_dead(struct sc_lint *l)
{
	_cleanup_(dead_clear) struct dead d = {.left = DEAD_WORK};

	for (uint32_t i = 0; i < l->p->n; i++) {
		const struct sc_entry *e = &l->p->entries[i];
		int rc;

		if (!sc_target_applies(&l->t, e) ||
			sc_action_value(&e->action) == l->action || !is_shared(l, e))
			continue;
		rc = is_dead(l, e, &d);
		if (rc == -E2BIG) {
			sc_lint_say(l, SLUICE_NOTE, "dead-rule", e, e->at, "",
				(struct sc_words_of){"each is a compilation of what its calls have",
					"look at a part of the profile"},
				"found too many entries to look for more that change nothing");
			return;
		}
		if (rc > 0)
			sc_lint_say(l, SLUICE_WARNING, "dead-rule", e, e->at, "",
				(struct sc_words_of){"other entries decide all of its "
						     "calls: the program is the "
						     "same without it",
					"remove it"},
				"found an entry that changes nothing");
		else if (rc < 0)
			l->error = rc;
	}
}

/* ---- architectures -------------------------------------------------------------------
 */

static bool has_arch(const struct sc_lint *l, uint32_t arch)
{
	for (unsigned i = 0; i < l->n_arches; i++)
		if (l->arches[i] == arch)
			return true;
	return false;
}

static void check_arches(struct sc_lint *l)
{
	static const struct sc_words_of all = {
		"programs of the machine's other ABIs are killed at their first call",
		"add them if such programs shall run"};
	uint32_t arch = l->t.arch;
	struct sc_place at = l->p->arches.n ? l->p->arches.places[0] : l->p->action.at;

	if (!has_arch(l, arch))
		sc_lint_say(l, SLUICE_WARNING, "arch-missing", NULL, at, "architectures",
			(struct sc_words_of){"runtimes add it themselves", "add it"},
			"found no entry for the machine's own architecture");
	if (!l->p->arches.n && !l->p->n_maps && !l->t.n_arches)
		sc_lint_say(l, SLUICE_NOTE, "arch-missing", NULL, l->p->action.at,
			"architectures", all,
			"found no architectures: the filter knows the machine's own "
			"alone");
	else if (arch == SCMP_ARCH_X86_64 && !has_arch(l, SCMP_ARCH_X86))
		sc_lint_say(l, SLUICE_NOTE, "arch-missing", NULL, at, "architectures",
			all, "found no SCMP_ARCH_X86 beside SCMP_ARCH_X86_64");
	else if (arch == SCMP_ARCH_AARCH64 && !has_arch(l, SCMP_ARCH_ARM))
		sc_lint_say(l, SLUICE_NOTE, "arch-missing", NULL, at, "architectures",
			all, "found no SCMP_ARCH_ARM beside SCMP_ARCH_AARCH64");
}

void sc_lint_names(struct sc_lint *l)
{
	check_errno(l, NULL, &l->p->action);
	for (uint32_t i = 0; i < l->p->n; i++)
		check_entry(l, &l->p->entries[i]);
	check_doubled(l);
	check_dead(l);
	check_arches(l);
}
