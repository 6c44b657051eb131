/* Names and entries: unknown, empty, doubled, dropped; rules that change nothing;
 * architectures.
 * SPDX-License-Identifier: MIT */
#include "lint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

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

static int compile_without(const struct sc_lint *l, const struct sc_entry *without,
	struct sock_filter **insns, unsigned *n)
{
	struct sluice_profile view = *l->p;
	struct sluice_target t = l->t;
	_cleanup_free_ struct sc_entry *entries =
		calloc(view.n ? view.n : 1, sizeof(*entries));
	uint32_t kept = 0;

	if (!entries)
		return -ENOMEM;
	for (uint32_t i = 0; i < view.n; i++)
		if (&l->p->entries[i] != without)
			entries[kept++] = l->p->entries[i];
	view.entries = entries;
	view.n = kept;
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

/* How many times the profile can be compiled. */
static uint32_t compilations(const struct sc_lint *l)
{
	uint64_t cost = 1;

	for (uint32_t i = 0; i < l->p->n; i++)
		cost += l->p->entries[i].names.n + l->p->entries[i].n_args;
	return (uint32_t)(DEAD_WORK / cost);
}

/* The same program comes out without the entry: that is the proof. */
static void check_dead(struct sc_lint *l)
{
	_cleanup_free_ struct sock_filter *whole = NULL;
	uint32_t left = compilations(l);
	unsigned n = 0;

	if (compile_without(l, NULL, &whole, &n))
		return;
	for (uint32_t i = 0; i < l->p->n; i++) {
		const struct sc_entry *e = &l->p->entries[i];
		_cleanup_free_ struct sock_filter *less = NULL;
		unsigned m = 0;

		if (!sc_target_applies(&l->t, e) ||
			sc_action_value(&e->action) == l->action || !is_shared(l, e))
			continue;
		if (!left--) {
			sc_lint_say(l, SLUICE_NOTE, "dead-rule", e, e->at, "",
				(struct sc_words_of){"each is a compilation of this large profile",
					"look at a part of the profile"},
				"found too many entries to look for more that change nothing");
			return;
		}
		if (compile_without(l, e, &less, &m))
			continue;
		if (n == m && !memcmp(whole, less, n * sizeof(*whole)))
			sc_lint_say(l, SLUICE_WARNING, "dead-rule", e, e->at, "",
				(struct sc_words_of){"other entries decide all of its "
						     "calls: the program is the "
						     "same without it",
					"remove it"},
				"found an entry that changes nothing");
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
