/* From calls that were seen to a profile: names, what belongs to them, entries.
 * SPDX-License-Identifier: MIT */
#include "recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtimes.h"
#include "util/cleanup.h"
#include "util/vec.h"

static struct recorded *find(const struct recorded_list *list, const char *name)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (strcmp(list->calls[i].name, name) == 0)
			return &list->calls[i];
	return NULL;
}

static struct recorded *add(struct recorded_list *list, const char *name)
{
	struct recorded *c = find(list, name);

	if (c)
		return c;
	if (sc_reserve(list->calls, list->cap, list->n, 1) < 0)
		return NULL;
	c = &list->calls[list->n++];
	*c = (struct recorded){.name = name};
	return c;
}

/* ---- what belongs to the calls ------------------------------------------------------
 */

static int belongs(struct recorded_list *list, const char *name, const char *kind,
	const char *reason)
{
	struct recorded *c = add(list, name);

	if (!c)
		return -ENOMEM;
	c->needed = true;
	if (!c->count && !c->kind) {
		c->kind = kind;
		c->reason = reason;
	}
	return 0;
}

/* What comes with @name on @arch; NULL: with any program. */
static int follow(struct recorded_list *list, uint32_t arch, const char *name)
{
	const char *next, *kind, *reason;
	enum sluice_sibling_kind sibling;
	unsigned int it = 0;

	while ((next = sluice_closure_next(arch, name, &it, &kind, &reason)))
		if (belongs(list, next, kind, reason))
			return -ENOMEM;
	it = 0;
	while (name && (next = sluice_sibling_next(arch, name, &it, &sibling)))
		if (sibling == SLUICE_SIBLING_ABI &&
			belongs(list, next, "sibling", "the same call by its other name"))
			return -ENOMEM;
	return 0;
}

static int close_over(struct recorded_list *list)
{
	for (unsigned int a = 0; a < list->n_arches; a++)
		if (follow(list, list->arches[a], NULL))
			return -ENOMEM;
	/* The list grows while it is gone through. */
	for (uint32_t i = 0; i < list->n; i++)
		for (unsigned int a = 0; a < list->n_arches; a++)
			if (follow(list, list->arches[a], list->calls[i].name))
				return -ENOMEM;
	return 0;
}

/* ---- what a profile has --------------------------------------------------------------
 */

bool recorded_allows(const struct sluice_profile *base, const char *name)
{
	struct sluice_profile_entry e = {.size = sizeof(e)};

	for (unsigned int i = 0; sluice_profile_entry(base, i, &e) == 0; i++) {
		if (e.action != SCMP_ACT_ALLOW || e.n_args || e.conditional)
			continue;
		for (unsigned int k = 0; k < e.n_names; k++)
			if (strcmp(e.names[k], name) == 0)
				return true;
	}
	return false;
}

static int by_count(const void *a, const void *b)
{
	const struct recorded *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void add_arch(struct recorded_list *list, uint32_t arch)
{
	for (unsigned int i = 0; i < list->n_arches; i++)
		if (list->arches[i] == arch)
			return;
	if (list->n_arches < sizeof(list->arches) / sizeof(list->arches[0]))
		list->arches[list->n_arches++] = arch;
}

int recorded_make(const struct recording *r, const struct sluice_profile *base,
	bool exact, struct recorded_list *list)
{
	const char *name, *reason;
	unsigned int it = 0;

	add_arch(list, seccomp_arch_native());
	for (uint32_t i = 0; i < r->n; i++) {
		const struct seen *s = &r->seen[i];
		struct recorded *c = s->name ? add(list, s->name) : NULL;

		if (s->name && !c)
			return -ENOMEM;
		add_arch(list, s->arch);
		if (!c)
			continue;
		c->count += s->count;
		if (!c->by)
			c->by = s->by;
	}
	while (r->runtime && (name = runtime_call(r->runtime, &it, &reason)))
		if (belongs(list, name, "runtime", reason))
			return -ENOMEM;
	if (!exact && close_over(list))
		return -ENOMEM;
	for (uint32_t i = 0; base && i < list->n; i++)
		list->calls[i].known = recorded_allows(base, list->calls[i].name);
	if (list->n)
		qsort(list->calls, list->n, sizeof(*list->calls), by_count);
	return 0;
}

void recorded_clear(struct recorded_list *list)
{
	free(list->calls);
	*list = (struct recorded_list){0};
}

/* ---- entries
 * --------------------------------------------------------------------------- */

static int add_entry(struct sluice_profile *p, const char *const *names, unsigned int n,
	const struct scmp_arg_cmp *args, unsigned int n_args, const char *comment)
{
	struct sluice_profile_entry e = {.size = sizeof(e)};
	unsigned int i = 0;
	int rc = sluice_profile_add(p, SCMP_ACT_ALLOW, names, n, args, n_args);

	if (rc)
		return rc;
	while (sluice_profile_entry(p, i, &e) == 0)
		i++;
	return sluice_profile_comment(p, i - 1, comment);
}

/* Few sets of values on every ABI that made it: they are worth an entry each. */
static bool is_small(const struct recording *r, const struct recorded *c)
{
	bool found = false;

	if (c->needed || !r->args)
		return false;
	for (uint32_t i = 0; i < r->n_named; i++) {
		const struct seen *s = &r->seen[i];

		if (strcmp(s->name, c->name) != 0)
			continue;
		if (!s->constants || s->n_tuples > RECORDING_TUPLES)
			return false;
		found = true;
	}
	return found;
}

static int write_tuple(struct sluice_profile *p, const struct seen *s,
	const struct recording_tuple *t, const char *what)
{
	struct scmp_arg_cmp args[6];
	unsigned int n = 0;

	for (unsigned int i = 0; i < 6; i++) {
		if (!(s->constants & 1u << i))
			continue;
		/* The kernel reads half of the register; the other half may hold
		 * anything. */
		args[n++] = s->narrow & 1u << i ? SCMP_CMP(i, SCMP_CMP_MASKED_EQ,
							  UINT32_MAX, t->values[i])
						: SCMP_CMP(i, SCMP_CMP_EQ, t->values[i]);
	}
	return add_entry(p, &s->name, 1, args, n, what);
}

static int write_tuples(struct sluice_profile *p, const struct recording *r,
	const struct recorded *c, const char *what)
{
	int rc = 0;

	for (uint32_t i = 0; i < r->n_named && !rc; i++) {
		const struct seen *s = &r->seen[i];

		if (strcmp(s->name, c->name) != 0)
			continue;
		for (unsigned int k = 0; k < s->n_tuples && !rc; k++)
			rc = write_tuple(p, s, &s->tuples[k], what);
	}
	return rc;
}

/* One entry for all calls that were added for one reason: from the @first on. */
static int write_reason(
	const struct recorded_list *list, uint32_t first, struct sluice_profile *p)
{
	const struct recorded *f = &list->calls[first];
	_cleanup_free_ const char **names = calloc(list->n, sizeof(*names));
	char text[256];
	unsigned int n = 0;

	if (!names)
		return -ENOMEM;
	for (uint32_t i = 0; i < first; i++)
		if (!list->calls[i].known && !list->calls[i].count &&
			strcmp(list->calls[i].reason, f->reason) == 0)
			return 0; /* they stand there already */
	for (uint32_t i = first; i < list->n; i++)
		if (!list->calls[i].known && !list->calls[i].count &&
			strcmp(list->calls[i].reason, f->reason) == 0)
			names[n++] = list->calls[i].name;
	snprintf(text, sizeof(text), "added (%s): %s", f->kind, f->reason);
	return add_entry(p, names, n, NULL, 0, text);
}

int recorded_write(const struct recorded_list *list, const struct recording *r,
	const char *what, struct sluice_profile *profile)
{
	_cleanup_free_ const char **names = calloc(list->n + 1, sizeof(*names));
	unsigned int n = 0;
	int rc = 0;

	if (!names)
		return -ENOMEM;
	for (unsigned int i = 0; i < list->n_arches && !rc; i++)
		rc = sluice_profile_add_arch(profile, list->arches[i]);
	for (uint32_t i = 0; i < list->n; i++)
		if (list->calls[i].count && !list->calls[i].known &&
			!is_small(r, &list->calls[i]))
			names[n++] = list->calls[i].name;
	if (n && !rc)
		rc = add_entry(profile, names, n, NULL, 0, what);
	for (uint32_t i = 0; i < list->n && !rc; i++) {
		const struct recorded *c = &list->calls[i];

		if (c->known)
			continue;
		if (!c->count)
			rc = write_reason(list, i, profile);
		else if (is_small(r, c))
			rc = write_tuples(profile, r, c, what);
	}
	return rc;
}
