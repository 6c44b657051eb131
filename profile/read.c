/* Reading a profile: which form it is, and what stands beside its entries.
 * SPDX-License-Identifier: MIT */
#include "reading.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/vec.h"

static const char *const top_keys[] = {"defaultAction", "defaultErrnoRet", "defaultErrno",
	"architectures", "archMap", "flags", "listenerPath", "listenerMetadata",
	"syscalls", NULL};
static const char *const map_keys[] = {"architecture", "subArchitectures", NULL};

static void profile_freep(struct sluice_profile **p)
{
	sluice_profile_free(*p);
}

/* ---- architectures and flags ------------------------------------------------------- */

static int check_arch(
	struct sc_reading *r, const struct sc_json_token *token, const char *text)
{
	for (const char *const *known = sc_profile_arches; *known; known++)
		if (!strcmp(*known, text))
			return 0;
	return sc_reading_unexpected(r, token,
		"an architecture, like \"SCMP_ARCH_X86_64\"",
		sc_near_of(text, sc_profile_arches));
}

static int read_arches(
	struct sc_reading *r, const struct sc_json_token *list, struct sc_words *words)
{
	int rc = sc_reading_words(r, list, "a list of architectures", words);

	sc_json_each(list, t)
	{
		if (rc)
			break;
		rc = check_arch(r, t, sc_json_text(r->doc, t));
	}
	return rc;
}

static int read_map(struct sc_reading *r, const struct sc_json_token *object)
{
	struct sluice_profile *p = r->p;
	struct sc_arch_map *m;
	struct sc_extras lost = {0};
	int rc = 0;

	if (object->type != SC_JSON_OBJECT)
		return sc_reading_unexpected(r, object, "an object", NULL);
	if (sc_reserve(p->maps, p->cap_maps, p->n_maps, 1))
		return -ENOMEM;
	m = &p->maps[p->n_maps++];
	*m = (struct sc_arch_map){0};
	sc_json_each_member(object, key, value)
	{
		if (sc_json_is(r->doc, key, "architecture")) {
			m->arch.text = sc_reading_string(r, value, "an architecture");
			m->arch.at = sc_reading_place(value);
			rc = m->arch.text ? check_arch(r, value, m->arch.text) : -EINVAL;
		} else if (sc_json_is(r->doc, key, "subArchitectures")) {
			rc = read_arches(r, value, &m->subs);
		} else {
			rc = sc_reading_extra(r, key, value, map_keys, &lost);
		}
		if (rc)
			break;
	}
	free(lost.items);
	if (!rc && !m->arch.text)
		rc = sc_reading_say(r, SLUICE_ERROR, "syntax", object, "",
			"found no \"architecture\" in archMap, expected one");
	return rc;
}

static int read_maps(struct sc_reading *r, const struct sc_json_token *list)
{
	r->containers = true;
	if (list->type == SC_JSON_NULL)
		return 0;
	if (list->type != SC_JSON_ARRAY)
		return sc_reading_unexpected(r, list, "a list of architectures", NULL);
	sc_json_each(list, t)
	{
		int rc = read_map(r, t);

		if (rc)
			return rc;
	}
	return 0;
}

static int read_flags(struct sc_reading *r, const struct sc_json_token *list)
{
	int rc = sc_reading_words(r, list, "a list of flags", &r->p->flags);
	uint32_t flag;

	sc_json_each(list, t)
	{
		const char *text = sc_json_text(r->doc, t);

		if (rc)
			break;
		if (!sc_value_of(sc_profile_flags, text, &flag))
			rc = sc_reading_unexpected(r, t, "a flag of seccomp(2)",
				sc_near_in(text, sc_profile_flags));
	}
	return rc;
}

static int read_text(
	struct sc_reading *r, const struct sc_json_token *value, const char **text)
{
	if (value->type == SC_JSON_NULL)
		return 0;
	*text = sc_reading_string(r, value, "a string");
	return *text ? 0 : -EINVAL;
}

/* ---- the seccomp object ------------------------------------------------------------ */

static int read_member(struct sc_reading *r, const struct sc_json_token *key,
	const struct sc_json_token *value)
{
	struct sluice_profile *p = r->p;

	if (sc_json_is(r->doc, key, "defaultAction"))
		return sc_reading_action(r, value, &p->action);
	if (sc_json_is(r->doc, key, "defaultErrnoRet"))
		return sc_reading_errno(r, value, &p->action);
	if (sc_json_is(r->doc, key, "defaultErrno"))
		return sc_reading_errno_name(r, value, &p->action);
	if (sc_json_is(r->doc, key, "architectures"))
		return read_arches(r, value, &p->arches);
	if (sc_json_is(r->doc, key, "archMap"))
		return read_maps(r, value);
	if (sc_json_is(r->doc, key, "flags"))
		return read_flags(r, value);
	if (sc_json_is(r->doc, key, "listenerPath"))
		return read_text(r, value, &p->listener);
	if (sc_json_is(r->doc, key, "listenerMetadata"))
		return read_text(r, value, &p->metadata);
	if (sc_json_is(r->doc, key, "syscalls"))
		return sc_reading_entries(r, value);
	return sc_reading_extra(r, key, value, top_keys, &p->extras);
}

static int read_spec(struct sc_reading *r, const struct sc_json_token *spec)
{
	struct sluice_profile *p = r->p;

	if (spec->type != SC_JSON_OBJECT)
		return sc_reading_unexpected(r, spec, "a profile (an object)", NULL);
	sc_json_each_member(spec, key, value)
	{
		int rc = read_member(r, key, value);

		if (rc)
			return rc;
	}
	if (!p->action.name)
		return sc_reading_say(r, SLUICE_ERROR, "syntax", spec, "",
			"found no \"defaultAction\", expected one");
	if (p->arches.n && p->n_maps)
		return sc_reading_say(r, SLUICE_ERROR, "syntax", spec, "",
			"found \"archMap\" beside \"architectures\", expected one of "
			"them");
	if (r->containers && p->form == SLUICE_FORM_OCI)
		p->form = SLUICE_FORM_DOCKER;
	return 0;
}

/* ---- the form ---------------------------------------------------------------------- */

static int set_prefix(struct sc_reading *r, const struct sc_json_token *spec)
{
	char path[160];

	sc_json_path(r->doc, spec, NULL, path, sizeof(path) - 1);
	if (asprintf(&r->p->prefix, "%s%s", path, *path ? "." : "") < 0)
		r->p->prefix = NULL;
	return r->p->prefix ? 0 : -ENOMEM;
}

/* What kubectl lists: one profile, or it is not said which. */
static const struct sc_json_token *only_item(
	struct sc_reading *r, const struct sc_json_token *items)
{
	if (items->length == 1)
		return items + 1;
	sc_reading_say(r, SLUICE_ERROR, "syntax", items, "",
		"found a list of %u objects, expected one profile", items->length);
	return NULL;
}

/* Where the seccomp object is; NULL after an error. */
static const struct sc_json_token *find_spec(struct sc_reading *r)
{
	const struct sc_json_token *root = sc_json_root(r->doc), *spec, *kind;

	r->p->form = SLUICE_FORM_OCI;
	if (sc_json_is(r->doc, sc_json_get(r->doc, root, "kind"), "List") &&
		sc_json_type_is(sc_json_get(r->doc, root, "items"), SC_JSON_ARRAY))
		root = only_item(r, sc_json_get(r->doc, root, "items"));
	if (!root)
		return NULL;
	kind = sc_json_get(r->doc, root, "kind");
	if (kind && sc_json_get(r->doc, root, "apiVersion")) {
		r->p->form = SLUICE_FORM_SPO_JSON;
		if (!sc_json_is(r->doc, kind, "SeccompProfile")) {
			sc_reading_unexpected(
				r, kind, "the string \"SeccompProfile\"", NULL);
			return NULL;
		}
		spec = sc_json_get(r->doc, root, "spec");
		if (!spec)
			sc_reading_say(r, SLUICE_ERROR, "syntax", root, "",
				"found no \"spec\", expected the profile there");
		return spec;
	}
	if (!sc_json_get(r->doc, root, "ociVersion") &&
		!sc_json_get(r->doc, root, "linux"))
		return root;
	r->p->form = SLUICE_FORM_CONFIG;
	spec = sc_json_find(r->doc, root, "linux.seccomp");
	if (!spec)
		sc_reading_say(r, SLUICE_ERROR, "syntax", root, "",
			"found a config.json without linux.seccomp, expected a profile "
			"there");
	return spec;
}

/* A document of JSON that is a profile begins with a brace. */
static bool looks_like_yaml(const char *text, size_t size)
{
	size_t i = 0;

	while (i < size &&
		(text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n'))
		i++;
	return i < size &&
	       (isalpha((unsigned char)text[i]) || text[i] == '#' || text[i] == '%' ||
		       (text[i] == '-' && i + 1 < size && text[i + 1] == '-'));
}

static int report_syntax(
	const struct sluice_profile_options *o, const struct sc_json_error *e)
{
	struct sluice_finding f = {SLUICE_ERROR, "syntax", o->file ? o->file : "",
		e->line, e->column, e->path, e->message, "", ""};

	if (o->report)
		o->report(&f, o->data);
	return e->code;
}

int sluice_profile_read(const char *text, size_t size,
	const struct sluice_profile_options *options, struct sluice_profile **profile)
{
	struct sluice_profile_options o = SLUICE_PROFILE_OPTIONS_INIT;
	_cleanup_(profile_freep) struct sluice_profile *p = sc_profile_new();
	struct sc_reading r = {.options = &o, .p = p, .looks = SC_NEAR_CALLS};
	struct sc_json_error error;
	bool yaml = looks_like_yaml(text, size);
	int rc;

	if (!p)
		return -ENOMEM;
	if (options)
		memcpy(&o, options,
			options->size < sizeof(o) ? options->size : sizeof(o));
	rc = yaml ? sc_yaml_read(text, size, &error, &p->doc)
		  : sc_json_read(text, size, &error, &p->doc);
	if (rc)
		return report_syntax(&o, &error);
	r.doc = p->doc;
	r.yaml = yaml;
	p->spec = find_spec(&r);
	if (!p->spec)
		return -EINVAL;
	if (yaml && p->form == SLUICE_FORM_SPO_JSON)
		p->form = SLUICE_FORM_SPO;
	rc = set_prefix(&r, p->spec);
	if (!rc)
		rc = read_spec(&r, p->spec);
	if (!rc)
		*profile = steal_ptr(p);
	return rc;
}

int sluice_profile_read_fd(int fd, const struct sluice_profile_options *options,
	struct sluice_profile **profile)
{
	static const struct sluice_profile_options none = SLUICE_PROFILE_OPTIONS_INIT;
	const struct sluice_profile_options *o = options ? options : &none;
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int rc = sc_json_slurp(fd, SC_JSON_MAX_BYTES, &text, &size);

	if (rc == -E2BIG)
		return report_syntax(
			o, &(struct sc_json_error){.code = rc,
				   .message = "found a file of more than 16 MiB"});
	return rc ? rc : sluice_profile_read(text, size, options, profile);
}
