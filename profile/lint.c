/* Checking a profile: collecting what the passes find, in the order of lines.
 * SPDX-License-Identifier: MIT */
#include "lint.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/vec.h"

struct sc_kept {
	struct sluice_finding finding;
	char *message; /* with the path behind its NUL */
	uint32_t order;
};

void sc_lint_say(struct sc_lint *l, enum sluice_severity severity, const char *rule,
	const struct sc_entry *e, struct sc_place at, const char *rest,
	struct sc_words_of words, const char *format, ...)
{
	char message[512], path[160];
	struct sc_kept *kept;
	size_t n, m;
	va_list ap;

	if (l->error || sc_reserve(l->kept, l->cap_kept, l->n_kept, 1)) {
		l->error = l->error ? l->error : -ENOMEM;
		return;
	}
	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	if (e)
		sc_entry_path(l->p, e, rest, path);
	else
		snprintf(path, sizeof(path), "%s%s", l->p->prefix ? l->p->prefix : "",
			rest);
	kept = &l->kept[l->n_kept];
	n = strlen(message) + 1;
	m = strlen(path) + 1;
	kept->message = malloc(n + m);
	if (!kept->message) {
		l->error = -ENOMEM;
		return;
	}
	memcpy(kept->message, message, n);
	memcpy(kept->message + n, path, m);
	kept->order = l->n_kept++;
	kept->finding = (struct sluice_finding){severity, rule,
		l->t.file ? l->t.file : "", at.line, at.column, kept->message + n,
		kept->message, words.why, words.fix};
}

/* ---- uses ---------------------------------------------------------------------------
 */

static int compare_uses(const void *a, const void *b)
{
	const struct sc_use *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order)
		return order;
	if (x->entry != y->entry)
		return x->entry < y->entry ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int list_uses(struct sc_lint *l)
{
	for (uint32_t i = 0; i < l->p->n; i++) {
		const struct sc_entry *e = &l->p->entries[i];

		if (!sc_target_applies(&l->t, e))
			continue;
		if (sc_reserve(l->uses, l->cap_uses, l->n_uses, e->names.n))
			return -ENOMEM;
		for (uint32_t k = 0; k < e->names.n; k++)
			l->uses[l->n_uses++] = (struct sc_use){e->names.texts[k], e, k};
	}
	if (l->n_uses)
		qsort(l->uses, l->n_uses, sizeof(*l->uses), compare_uses);
	return 0;
}

/* The first use whose name is not less than @name, or, with @behind, is greater. */
static uint32_t find_use(const struct sc_lint *l, const char *name, bool behind)
{
	uint32_t low = 0, high = l->n_uses;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (strcmp(l->uses[middle].name, name) < behind)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A name may be there a million times: they are not counted one by one. */
const struct sc_use *sc_lint_uses(const struct sc_lint *l, const char *name, uint32_t *n)
{
	uint32_t first = find_use(l, name, false);

	*n = find_use(l, name, true) - first;
	return *n ? &l->uses[first] : NULL;
}

bool sc_is_permissive(uint32_t action)
{
	return action == SCMP_ACT_ALLOW || action == SCMP_ACT_LOG ||
	       action == SCMP_ACT_NOTIFY || (action & 0xffff0000) == SCMP_ACT_TRACE(0);
}

/* As libseccomp decides: the first rule without conditions, else those with conditions
 * and the default. */
enum sc_verdict sc_lint_verdict(const struct sc_lint *l, const char *name)
{
	uint32_t n, others = 0;
	const struct sc_use *uses = sc_lint_uses(l, name, &n);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t action = sc_action_value(&uses[i].entry->action);

		if (action == l->action)
			continue;
		if (!uses[i].entry->n_args)
			return sc_is_permissive(action) ? SC_PERMITTED : SC_REFUSED;
		others += sc_is_permissive(action) != l->permissive;
	}
	if (others)
		return SC_PARTLY;
	return l->permissive ? SC_PERMITTED : SC_REFUSED;
}

/* ---- the whole -----------------------------------------------------------------------
 */

static int compare_kept(const void *a, const void *b)
{
	const struct sc_kept *x = a, *y = b;

	if (x->finding.line != y->finding.line)
		return x->finding.line < y->finding.line ? -1 : 1;
	if (x->finding.column != y->finding.column)
		return x->finding.column < y->finding.column ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

int sc_lint_report(struct sc_lint *l, sluice_report report, void *data)
{
	if (l->error)
		return l->error;
	if (l->n_kept)
		qsort(l->kept, l->n_kept, sizeof(*l->kept), compare_kept);
	for (uint32_t i = 0; i < l->n_kept && report; i++)
		report(&l->kept[i].finding, data);
	return (int)l->n_kept;
}

void sc_lint_free(struct sc_lint *l)
{
	for (uint32_t i = 0; i < l->n_kept; i++)
		free(l->kept[i].message);
	free(l->kept);
	free(l->uses);
}

int sc_lint_begin(struct sc_lint *l, const struct sluice_profile *p,
	const struct sluice_target *target)
{
	int rc = sc_target_fill(target, &l->t);

	l->p = p;
	l->looks = SC_NEAR_CALLS;
	l->action = sc_action_value(&p->action);
	l->permissive = sc_is_permissive(l->action);
	l->t.report = NULL;
	if (!rc)
		rc = sc_target_arches(p, &l->t, l->arches, &l->n_arches);
	if (!rc && !l->n_arches)
		l->arches[l->n_arches++] = l->t.arch;
	return rc ? rc : list_uses(l);
}

int sluice_profile_lint(const struct sluice_profile *p,
	const struct sluice_target *target, sluice_report report, void *data)
{
	_cleanup_(sc_lint_free) struct sc_lint l = {0};
	int rc = sc_lint_begin(&l, p, target);

	if (rc)
		return rc;
	sc_lint_names(&l);
	sc_lint_args(&l);
	sc_lint_calls(&l);
	return sc_lint_report(&l, report, data);
}
