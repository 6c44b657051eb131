/* Making, copying and freeing profiles, and what the public header asks of them.
 * SPDX-License-Identifier: MIT */
#include "model.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/vec.h"

#define CHUNK 16384

struct sc_chunk {
	struct sc_chunk *next;
	size_t used, room;
	char bytes[];
};

const char *sc_profile_text(struct sluice_profile *p, const char *text, size_t length)
{
	struct sc_chunk *c = p->pool;
	char *to;

	if (!c || c->room - c->used <= length) {
		size_t room = length >= CHUNK ? length + 1 : CHUNK;

		c = malloc(sizeof(*c) + room);
		if (!c)
			return NULL;
		*c = (struct sc_chunk){.next = p->pool, .room = room};
		p->pool = c;
	}
	to = c->bytes + c->used;
	memcpy(to, text, length);
	to[length] = '\0';
	c->used += length + 1;
	return to;
}

int sc_words_add(struct sc_words *w, const char *text, struct sc_place at)
{
	uint32_t cap = w->cap;

	/* Two arrays, so that the first can be shown to callers as it is. */
	if (sc_reserve(w->texts, cap, w->n, 1))
		return -ENOMEM;
	if (cap != w->cap) {
		struct sc_place *places = realloc(w->places, cap * sizeof(*places));

		if (!places)
			return -ENOMEM; /* w->texts is larger than w->cap says: harmless
					 */
		w->places = places;
		w->cap = cap;
	}
	w->texts[w->n] = text;
	w->places[w->n++] = at;
	return 0;
}

static void free_words(struct sc_words *w)
{
	free(w->texts);
	free(w->places);
}

int sc_extras_add(struct sc_extras *x, const char *key, const char *json)
{
	if (sc_reserve(x->items, x->cap, x->n, 1))
		return -ENOMEM;
	x->items[x->n++] = (struct sc_extra){key, json};
	return 0;
}

void sc_entry_free(struct sc_entry *e)
{
	free_words(&e->names);
	free_words(&e->includes.caps);
	free_words(&e->includes.arches);
	free_words(&e->excludes.caps);
	free_words(&e->excludes.arches);
	free(e->args);
	free(e->extras.items);
}

struct sluice_profile *sc_profile_new(void)
{
	struct sluice_profile *p = calloc(1, sizeof(*p));

	if (p)
		p->form = SLUICE_FORM_OCI;
	return p;
}

void sluice_profile_free(struct sluice_profile *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->n; i++)
		sc_entry_free(&p->entries[i]);
	for (uint32_t i = 0; i < p->n_maps; i++)
		free_words(&p->maps[i].subs);
	while (p->pool) {
		struct sc_chunk *next = p->pool->next;

		free(p->pool);
		p->pool = next;
	}
	free_words(&p->arches);
	free_words(&p->flags);
	free(p->entries);
	free(p->maps);
	free(p->extras.items);
	free(p->prefix);
	sc_json_free(p->doc);
	free(p);
}

static void profile_freep(struct sluice_profile **p)
{
	sluice_profile_free(*p);
}

int sluice_profile_new(uint32_t default_action, struct sluice_profile **profile)
{
	_cleanup_(profile_freep) struct sluice_profile *p = sc_profile_new();
	uint32_t value = default_action & 0xffff0000;

	if (!p)
		return -ENOMEM;
	p->action.name = sc_name_of(sc_profile_actions, value);
	if (!p->action.name)
		return -EINVAL;
	p->action.value = value;
	p->action.has_errno = sc_takes_errno(value);
	p->action.errno_ret = default_action & 0xffff;
	*profile = steal_ptr(p);
	return 0;
}

struct sc_entry *sc_profile_new_entry(struct sluice_profile *p)
{
	if (sc_reserve(p->entries, p->cap, p->n, 1))
		return NULL;
	p->entries[p->n] = (struct sc_entry){.index = p->n};
	return &p->entries[p->n++];
}

int sc_entry_add_arg(struct sc_entry *e, const struct sc_arg *arg)
{
	if (sc_reserve(e->args, e->cap_args, e->n_args, 1))
		return -ENOMEM;
	e->args[e->n_args++] = *arg;
	return 0;
}

int sluice_profile_add(struct sluice_profile *p, uint32_t action,
	const char *const *names, unsigned n_names, const struct scmp_arg_cmp *args,
	unsigned n_args)
{
	uint32_t value = action & 0xffff0000;
	const char *name = sc_name_of(sc_profile_actions, value);
	struct sc_entry *e;

	if (!name)
		return -EINVAL;
	for (unsigned i = 0; i < n_args; i++)
		if (args[i].arg >= SC_PROFILE_ARGS ||
			!sc_name_of(sc_profile_ops, args[i].op))
			return -EINVAL;
	e = sc_profile_new_entry(p);
	if (!e)
		return -ENOMEM;
	e->action = (struct sc_action){.name = name,
		.value = value,
		.has_errno = sc_takes_errno(value),
		.errno_ret = action & 0xffff};
	for (unsigned i = 0; i < n_names; i++) {
		const char *text = sc_profile_text(p, names[i], strlen(names[i]));

		if (!text || sc_words_add(&e->names, text, (struct sc_place){0}))
			goto fail;
	}
	for (unsigned i = 0; i < n_args; i++)
		if (sc_entry_add_arg(e, &(struct sc_arg){.index = args[i].arg,
						.op = args[i].op,
						.value = args[i].datum_a,
						.value_two = args[i].datum_b}))
			goto fail;
	return 0;
fail:
	sc_entry_free(e);
	p->n--;
	return -ENOMEM;
}

int sluice_profile_comment(struct sluice_profile *p, unsigned index, const char *text)
{
	const char *copy = NULL;

	if (index >= p->n)
		return -ENOENT;
	if (text) {
		copy = sc_profile_text(p, text, strlen(text));
		if (!copy)
			return -ENOMEM;
	}
	p->entries[index].comment = copy;
	return 0;
}

int sluice_profile_add_arch(struct sluice_profile *p, uint32_t arch)
{
	const char *name = sc_arch_profile_name(arch);

	if (!name)
		return -EINVAL;
	for (uint32_t i = 0; i < p->arches.n; i++)
		if (!strcmp(p->arches.texts[i], name))
			return 0;
	return sc_words_add(&p->arches, name, (struct sc_place){0});
}

/* ---- copies ----------------------------------------------------------------------- */

static int copy_text(struct sluice_profile *to, const char **text)
{
	if (*text)
		*text = sc_profile_text(to, *text, strlen(*text));
	return 0;
}

static int copy_words(
	struct sluice_profile *to, struct sc_words *out, const struct sc_words *w)
{
	for (uint32_t i = 0; i < w->n; i++) {
		const char *text = sc_profile_text(to, w->texts[i], strlen(w->texts[i]));

		if (!text || sc_words_add(out, text, w->places[i]))
			return -ENOMEM;
	}
	return 0;
}

static int copy_extras(
	struct sluice_profile *to, struct sc_extras *out, const struct sc_extras *x)
{
	for (uint32_t i = 0; i < x->n; i++) {
		const char *key =
			sc_profile_text(to, x->items[i].key, strlen(x->items[i].key));
		const char *json =
			sc_profile_text(to, x->items[i].json, strlen(x->items[i].json));

		if (!key || !json || sc_extras_add(out, key, json))
			return -ENOMEM;
	}
	return 0;
}

/* @to has a copy of what @action points at. */
static int copy_action(
	struct sluice_profile *to, struct sc_action *out, const struct sc_action *action)
{
	*out = *action;
	copy_text(to, &out->name);
	copy_text(to, &out->errno_name);
	return !out->name || (action->errno_name && !out->errno_name) ? -ENOMEM : 0;
}

static int copy_condition(
	struct sluice_profile *to, struct sc_condition *out, const struct sc_condition *c)
{
	out->kernel = c->kernel;
	out->min_kernel = c->min_kernel;
	copy_text(to, &out->min_kernel);
	if (c->min_kernel && !out->min_kernel)
		return -ENOMEM;
	return copy_words(to, &out->caps, &c->caps) ||
			       copy_words(to, &out->arches, &c->arches)
		       ? -ENOMEM
		       : 0;
}

int sc_profile_copy_entry(struct sluice_profile *to, const struct sc_entry *from)
{
	struct sc_entry *e = sc_profile_new_entry(to);

	if (!e)
		return -ENOMEM;
	e->at = from->at;
	e->index = from->index;
	e->comment = from->comment;
	copy_text(to, &e->comment);
	if ((from->comment && !e->comment) ||
		copy_action(to, &e->action, &from->action) ||
		copy_words(to, &e->names, &from->names) ||
		copy_condition(to, &e->includes, &from->includes) ||
		copy_condition(to, &e->excludes, &from->excludes) ||
		copy_extras(to, &e->extras, &from->extras))
		return -ENOMEM;
	for (uint32_t i = 0; i < from->n_args; i++)
		if (sc_entry_add_arg(e, &from->args[i]))
			return -ENOMEM;
	return 0;
}

static int copy_maps(struct sluice_profile *to, const struct sluice_profile *from)
{
	for (uint32_t i = 0; i < from->n_maps; i++) {
		const struct sc_arch_map *m = &from->maps[i];
		const char *arch =
			sc_profile_text(to, m->arch.text, strlen(m->arch.text));

		if (!arch || sc_reserve(to->maps, to->cap_maps, to->n_maps, 1))
			return -ENOMEM;
		to->maps[to->n_maps] = (struct sc_arch_map){.arch = {arch, m->arch.at}};
		if (copy_words(to, &to->maps[to->n_maps++].subs, &m->subs))
			return -ENOMEM;
	}
	return 0;
}

/* The document is read again: it cannot fail but for memory, as it was read once. YAML
 * leaves none that could be: then what is around the profile is lost with it. */
static int copy_document(struct sluice_profile *to, const struct sluice_profile *from)
{
	struct sc_json_out out = {0};
	size_t at =
		from->doc && from->spec ? (size_t)(from->spec - from->doc->tokens) : 0;
	int rc;

	to->form = from->form;
	to->prefix = from->prefix ? strdup(from->prefix) : NULL;
	if (from->prefix && !to->prefix)
		return -ENOMEM;
	if (!from->doc)
		return 0;
	sc_json_put_copy(&out, from->doc, sc_json_root(from->doc));
	rc = out.error ? out.error : sc_json_read(out.text, out.length, NULL, &to->doc);
	free(out.text);
	if (!rc)
		to->spec = to->doc->tokens + at;
	return rc;
}

int sc_profile_copy_head(const struct sluice_profile *from, struct sluice_profile **copy)
{
	_cleanup_(profile_freep) struct sluice_profile *p = sc_profile_new();
	int rc = p ? copy_document(p, from) : -ENOMEM;

	if (rc)
		return rc;
	p->listener = from->listener;
	p->metadata = from->metadata;
	copy_text(p, &p->listener);
	copy_text(p, &p->metadata);
	if ((from->listener && !p->listener) || (from->metadata && !p->metadata) ||
		copy_action(p, &p->action, &from->action) ||
		copy_words(p, &p->arches, &from->arches) ||
		copy_words(p, &p->flags, &from->flags) ||
		copy_extras(p, &p->extras, &from->extras) || copy_maps(p, from))
		return -ENOMEM;
	*copy = steal_ptr(p);
	return 0;
}

/* ---- questions -------------------------------------------------------------------- */

bool sc_condition_is_empty(const struct sc_condition *c)
{
	return !c->caps.n && !c->arches.n && !c->min_kernel;
}

bool sc_entry_is_conditional(const struct sc_entry *e)
{
	return !sc_condition_is_empty(&e->includes) ||
	       !sc_condition_is_empty(&e->excludes);
}

/* Both runtimes put EPERM in where no errno is said, for TRACE too. */
uint32_t sc_action_value(const struct sc_action *a)
{
	bool carries = a->value == SCMP_ACT_ERRNO(0) || a->value == SCMP_ACT_TRACE(0);
	uint32_t named = a->errno_name ? sc_errno_of(a->errno_name) : 0;
	uint32_t data = named ? named : a->has_errno ? a->errno_ret : EPERM;

	return carries ? a->value | (data & 0xffff) : a->value;
}

enum sluice_profile_form sluice_profile_form(const struct sluice_profile *p)
{
	return p->form;
}

uint32_t sluice_profile_default(const struct sluice_profile *p)
{
	return sc_action_value(&p->action);
}

const char *sluice_profile_listener(const struct sluice_profile *p, const char **metadata)
{
	if (metadata)
		*metadata = p->metadata;
	return p->listener;
}

int sluice_profile_entry(const struct sluice_profile *p, unsigned index,
	struct sluice_profile_entry *entry)
{
	struct sluice_profile_entry found = {.size = sizeof(found)};
	size_t size = entry->size;

	if (index >= p->n)
		return -ENOENT;
	if (size < sizeof(size) || size > 4096)
		return -EINVAL;
	found.line = p->entries[index].at.line;
	found.column = p->entries[index].at.column;
	found.action = sc_action_value(&p->entries[index].action);
	found.names = p->entries[index].names.texts;
	found.n_names = p->entries[index].names.n;
	found.n_args = p->entries[index].n_args;
	found.comment = p->entries[index].comment;
	found.conditional = sc_entry_is_conditional(&p->entries[index]);
	memcpy(entry, &found, size < sizeof(found) ? size : sizeof(found));
	entry->size = size;
	return 0;
}

int sluice_profile_arg(const struct sluice_profile *p, unsigned index, unsigned arg,
	struct scmp_arg_cmp *cmp)
{
	const struct sc_arg *a;

	if (index >= p->n || arg >= p->entries[index].n_args)
		return -ENOENT;
	a = &p->entries[index].args[arg];
	*cmp = (struct scmp_arg_cmp){
		a->index, (enum scmp_compare)a->op, a->value, a->value_two};
	return 0;
}

void sc_entry_path(const struct sluice_profile *p, const struct sc_entry *e,
	const char *rest, char path[160])
{
	snprintf(path, 160, "%ssyscalls[%u]%s", p->prefix ? p->prefix : "", e->index,
		rest);
}
