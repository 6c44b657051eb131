/* Writing a profile: fields in one order, everything that was read.
 * SPDX-License-Identifier: MIT */
#include "writing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

static void put_words(struct sc_json_out *out, const char *key, const struct sc_words *w)
{
	if (!w->n)
		return;
	sc_json_put_key(out, key);
	sc_json_open(out, '[');
	for (uint32_t i = 0; i < w->n; i++)
		sc_json_put_string(out, w->texts[i]);
	sc_json_close(out, ']');
}

static void put_text(struct sc_json_out *out, const char *key, const char *text)
{
	if (!text)
		return;
	sc_json_put_key(out, key);
	sc_json_put_string(out, text);
}

static void put_extras(struct sc_json_out *out, const struct sc_extras *x)
{
	for (uint32_t i = 0; i < x->n; i++) {
		struct sc_json *doc = NULL;

		/* Read again so that it is indented like the rest; it was written by us.
		 */
		sc_json_put_key(out, x->items[i].key);
		if (sc_json_read(
			    x->items[i].json, strlen(x->items[i].json), NULL, &doc)) {
			out->error = -ENOMEM;
			return;
		}
		sc_json_put_copy(out, doc, sc_json_root(doc));
		sc_json_free(doc);
	}
}

static void put_arg(struct sc_json_out *out, const struct sc_arg *a)
{
	sc_json_open(out, '{');
	sc_json_put_key(out, "index");
	sc_json_put_u64(out, a->index);
	sc_json_put_key(out, "value");
	sc_json_put_u64(out, a->value);
	if (a->value_two || a->two_at.line ||
		(a->op == SCMP_CMP_MASKED_EQ && !a->at.line)) {
		sc_json_put_key(out, "valueTwo");
		sc_json_put_u64(out, a->value_two);
	}
	sc_json_put_key(out, "op");
	sc_json_put_string(out, sc_name_of(sc_profile_ops, a->op));
	sc_json_close(out, '}');
}

static void put_condition(
	struct sc_json_out *out, const char *key, const struct sc_condition *c)
{
	if (sc_condition_is_empty(c))
		return;
	sc_json_put_key(out, key);
	sc_json_open(out, '{');
	put_words(out, "caps", &c->caps);
	put_words(out, "arches", &c->arches);
	put_text(out, "minKernel", c->min_kernel);
	sc_json_close(out, '}');
}

/* Names of errors are Podman's alone; others get the number. */
static void put_errno(struct sc_json_out *out, const struct sc_action *a,
	const char *number, const char *name, bool docker)
{
	bool named = a->errno_name && docker;

	if (a->has_errno || (a->errno_name && !docker)) {
		sc_json_put_key(out, number);
		sc_json_put_u64(out, a->errno_name && !docker
					     ? sc_action_value(a) & 0xffff
					     : a->errno_ret);
	}
	put_text(out, name, named ? a->errno_name : NULL);
}

static void put_entry(
	struct sc_json_out *out, const struct sc_entry *e, bool docker, bool comments)
{
	sc_json_open(out, '{');
	sc_json_put_key(out, "names");
	sc_json_open(out, '[');
	for (uint32_t i = 0; i < e->names.n; i++)
		sc_json_put_string(out, e->names.texts[i]);
	sc_json_close(out, ']');
	put_text(out, "action", e->action.name);
	put_errno(out, &e->action, "errnoRet", "errno", docker);
	if (e->n_args) {
		sc_json_put_key(out, "args");
		sc_json_open(out, '[');
		for (uint32_t i = 0; i < e->n_args; i++)
			put_arg(out, &e->args[i]);
		sc_json_close(out, ']');
	}
	if (comments)
		put_text(out, "comment", e->comment);
	put_condition(out, "includes", &e->includes);
	put_condition(out, "excludes", &e->excludes);
	put_extras(out, &e->extras);
	sc_json_close(out, '}');
}

static void put_maps(struct sc_json_out *out, const struct sluice_profile *p)
{
	if (!p->n_maps)
		return;
	sc_json_put_key(out, "archMap");
	sc_json_open(out, '[');
	for (uint32_t i = 0; i < p->n_maps; i++) {
		sc_json_open(out, '{');
		put_text(out, "architecture", p->maps[i].arch.text);
		sc_json_put_key(out, "subArchitectures");
		sc_json_open(out, '[');
		for (uint32_t k = 0; k < p->maps[i].subs.n; k++)
			sc_json_put_string(out, p->maps[i].subs.texts[k]);
		sc_json_close(out, ']');
		sc_json_close(out, '}');
	}
	sc_json_close(out, ']');
}

void sc_put_profile(struct sc_json_out *out, const struct sluice_profile *p, bool docker,
	bool comments)
{
	sc_json_open(out, '{');
	put_text(out, "defaultAction", p->action.name);
	put_errno(out, &p->action, "defaultErrnoRet", "defaultErrno", docker);
	put_words(out, "architectures", &p->arches);
	put_maps(out, p);
	put_words(out, "flags", &p->flags);
	put_text(out, "listenerPath", p->listener);
	put_text(out, "listenerMetadata", p->metadata);
	sc_json_put_key(out, "syscalls");
	sc_json_open(out, '[');
	for (uint32_t i = 0; i < p->n; i++)
		put_entry(out, &p->entries[i], docker, comments);
	sc_json_close(out, ']');
	put_extras(out, &p->extras);
	sc_json_close(out, '}');
}

/* What was read, with the profile in its place. */
static void put_around(struct sc_json_out *out, const struct sluice_profile *p,
	const struct sc_json_token *t, bool docker, bool comments)
{
	if (t == p->spec) {
		sc_put_profile(out, p, docker, comments);
		return;
	}
	if (p->spec < t || p->spec >= sc_json_after(t)) {
		sc_json_put_copy(out, p->doc, t);
		return;
	}
	sc_json_open(out, t->type == SC_JSON_OBJECT ? '{' : '[');
	sc_json_each_member(t, key, value)
	{
		sc_json_put_key_text(out, sc_json_text(p->doc, key), key->length);
		put_around(out, p, value, docker, comments);
	}
	sc_json_each(t, element)
	{
		put_around(out, p, element, docker, comments);
	}
	sc_json_close(out, t->type == SC_JSON_OBJECT ? '}' : ']');
}

static bool is_resource(const struct sluice_profile *p)
{
	return p->form == SLUICE_FORM_SPO || p->form == SLUICE_FORM_SPO_JSON;
}

static void put_resource(struct sc_json_out *out, const struct sluice_profile *p)
{
	bool comments = p->form == SLUICE_FORM_SPO_JSON;

	if (is_resource(p)) {
		put_around(out, p, sc_json_root(p->doc), false, comments);
		return;
	}
	sc_json_open(out, '{');
	put_text(out, "apiVersion", "security-profiles-operator.x-k8s.io/v1beta1");
	put_text(out, "kind", "SeccompProfile");
	sc_json_put_key(out, "metadata");
	sc_json_open(out, '{');
	put_text(out, "name", "profile");
	sc_json_close(out, '}');
	sc_json_put_key(out, "spec");
	sc_put_profile(out, p, false, comments);
	sc_json_close(out, '}');
}

static bool can_be_said(const struct sluice_profile *p, enum sluice_profile_form form)
{
	if (form == SLUICE_FORM_DOCKER)
		return true;
	if (form == SLUICE_FORM_CONFIG && p->form != SLUICE_FORM_CONFIG)
		return false;
	if (p->n_maps && form != p->form)
		return false;
	for (uint32_t i = 0; i < p->n; i++)
		if (sc_entry_is_conditional(&p->entries[i]) && form != p->form)
			return false;
	return true;
}

int sluice_profile_write(const struct sluice_profile *p, enum sluice_profile_form form,
	char **text, size_t *size)
{
	struct sc_json_out out = {.indent = 2};
	int rc;

	if (form == SLUICE_FORM_ANY)
		form = p->form;
	if (form > SLUICE_FORM_SPO_JSON || !can_be_said(p, form))
		return -EINVAL;
	if (form == SLUICE_FORM_SPO || form == SLUICE_FORM_SPO_JSON)
		put_resource(&out, p);
	else if (form == SLUICE_FORM_CONFIG)
		put_around(&out, p, sc_json_root(p->doc), true, true);
	else
		sc_put_profile(&out, p, form == SLUICE_FORM_DOCKER, true);
	if (form == SLUICE_FORM_SPO && !out.error)
		rc = sc_yaml_write(p, &out, text, size);
	else
		rc = sc_json_finish(&out, text, size);
	free(out.text);
	return rc;
}
