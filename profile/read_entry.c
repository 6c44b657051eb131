/* The list "syscalls": entries with their names, comparisons and conditions.
 * SPDX-License-Identifier: MIT */
#include "reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/capabilities.h"
#include "util/kernel.h"

static const char *const entry_keys[] = {"names", "name", "action", "errnoRet", "errno",
	"args", "comment", "includes", "excludes", NULL};
static const char *const arg_keys[] = {"index", "value", "valueTwo", "op", NULL};
static const char *const condition_keys[] = {"caps", "arches", "minKernel", NULL};

/* ---- names ------------------------------------------------------------------------ */

static int check_name(
	struct sc_reading *r, const struct sc_json_token *token, const char *text)
{
	char near[64], excerpt[SC_JSON_EXCERPT];
	const char *meant;

	if (sc_call_is_known(text))
		return 0;
	if (!*text)
		return sc_reading_say(r, SLUICE_WARNING, "empty-name", token, "",
			"found an empty name, expected the name of a system call");
	meant = sc_near_call(text, &r->looks, near);
	sc_json_excerpt(text, strlen(text), excerpt);
	if (meant)
		return sc_reading_say(r, SLUICE_WARNING, "unknown-name", token, meant,
			"found the unknown name \"%s\", expected a system call (did you "
			"mean %s?)",
			excerpt, meant);
	return sc_reading_say(r, SLUICE_WARNING, "unknown-name", token, "",
		"found the unknown name \"%s\", expected a system call", excerpt);
}

static int add_name(
	struct sc_reading *r, struct sc_entry *e, const struct sc_json_token *token)
{
	const char *text = sc_reading_string(r, token, "the name of a system call");
	int rc;

	if (!text)
		return -EINVAL;
	rc = check_name(r, token, text);
	if (rc)
		return rc;
	return sc_words_add(&e->names, text, sc_reading_place(token));
}

static int read_names(
	struct sc_reading *r, const struct sc_json_token *value, struct sc_entry *e)
{
	if (value->type == SC_JSON_NULL)
		return 0;
	if (value->type != SC_JSON_ARRAY)
		return sc_reading_unexpected(r, value, "a list of names", NULL);
	sc_json_each(value, t)
	{
		int rc = add_name(r, e, t);

		if (rc)
			return rc;
	}
	return 0;
}

/* ---- comparisons ------------------------------------------------------------------ */

static int read_number(struct sc_reading *r, const struct sc_json_token *value,
	uint64_t *number, struct sc_place *at)
{
	*at = sc_reading_place(value);
	if (sc_json_u64(r->doc, value, number))
		return sc_reading_unexpected(
			r, value, "a whole number from 0 to 2^64-1", NULL);
	return 0;
}

static int read_index(
	struct sc_reading *r, const struct sc_json_token *value, struct sc_arg *arg)
{
	uint64_t index = 0;

	if (sc_json_u64(r->doc, value, &index) || index >= SC_PROFILE_ARGS)
		return sc_reading_unexpected(
			r, value, "an argument's index, from 0 to 5", NULL);
	arg->index = (uint32_t)index;
	return 0;
}

static int read_op(
	struct sc_reading *r, const struct sc_json_token *value, struct sc_arg *arg)
{
	const char *text =
		sc_reading_string(r, value, "a comparison, like \"SCMP_CMP_EQ\"");

	if (!text)
		return -EINVAL;
	if (!sc_value_of(sc_profile_ops, text, &arg->op))
		return sc_reading_unexpected(
			r, value, "a comparison", sc_near_in(text, sc_profile_ops));
	return 0;
}

static int read_arg(
	struct sc_reading *r, const struct sc_json_token *object, struct sc_entry *e)
{
	struct sc_arg arg = {.at = sc_reading_place(object)};
	struct sc_extras lost = {0};
	int rc = 0;

	if (object->type != SC_JSON_OBJECT)
		return sc_reading_unexpected(r, object, "a comparison (an object)", NULL);
	sc_json_each_member(object, key, value)
	{
		if (sc_json_is(r->doc, key, "index"))
			rc = read_index(r, value, &arg);
		else if (sc_json_is(r->doc, key, "value"))
			rc = read_number(r, value, &arg.value, &arg.value_at);
		else if (sc_json_is(r->doc, key, "valueTwo"))
			rc = read_number(r, value, &arg.value_two, &arg.two_at);
		else if (sc_json_is(r->doc, key, "op"))
			rc = read_op(r, value, &arg);
		else
			rc = sc_reading_extra(r, key, value, arg_keys, &lost);
		if (rc)
			break;
	}
	free(lost.items);
	if (!rc && !arg.op)
		rc = sc_reading_say(r, SLUICE_ERROR, "syntax", object, "",
			"found no \"op\" in a comparison, expected one");
	return rc ? rc : sc_entry_add_arg(e, &arg);
}

static int read_args(
	struct sc_reading *r, const struct sc_json_token *list, struct sc_entry *e)
{
	if (list->type == SC_JSON_NULL)
		return 0;
	if (list->type != SC_JSON_ARRAY)
		return sc_reading_unexpected(r, list, "a list of comparisons", NULL);
	sc_json_each(list, t)
	{
		int rc = read_arg(r, t, e);

		if (rc)
			return rc;
	}
	return 0;
}

/* ---- conditions ------------------------------------------------------------------- */

static int read_kernel(
	struct sc_reading *r, const struct sc_json_token *value, struct sc_condition *c)
{
	const char *text, *end;
	unsigned version;

	if (value->type == SC_JSON_NULL)
		return 0;
	text = sc_reading_string(r, value, "a kernel's version, like \"4.8\"");
	if (!text)
		return -EINVAL;
	if (!*text)
		return 0;
	end = sc_kernel_version(text, &version);
	if (!end || *end)
		return sc_reading_unexpected(
			r, value, "a kernel's version, like \"4.8\"", NULL);
	c->min_kernel = text;
	c->kernel = version;
	return 0;
}

static int read_arches(
	struct sc_reading *r, const struct sc_json_token *value, struct sc_condition *c)
{
	int rc = sc_reading_words(r, value, "a list of machines", &c->arches);
	uint32_t i = 0;

	sc_json_each(value, t)
	{
		if (rc)
			break;
		if (!sc_arch_of_engine(c->arches.texts[i++]))
			rc = sc_reading_say(r, SLUICE_WARNING, "unknown-arch", t, "",
				"found an unknown machine, expected one like \"amd64\"");
	}
	return rc;
}

static int read_caps(
	struct sc_reading *r, const struct sc_json_token *value, struct sc_condition *c)
{
	int rc = sc_reading_words(r, value, "a list of capabilities", &c->caps);
	uint32_t i = 0;

	sc_json_each(value, t)
	{
		const char *text, *near;
		const char *const *known = sc_capabilities;

		if (rc)
			break;
		text = c->caps.texts[i++];
		while (*known && strcmp(*known, text) != 0)
			known++;
		if (*known)
			continue;
		near = sc_near_of(text, sc_capabilities);
		rc = sc_reading_say(r, SLUICE_WARNING, "unknown-cap", t, near ? near : "",
			"found an unknown capability, expected one like %s",
			near ? near : "\"CAP_SYS_ADMIN\"");
	}
	return rc;
}

static int read_condition(
	struct sc_reading *r, const struct sc_json_token *object, struct sc_condition *c)
{
	struct sc_extras lost = {0};
	int rc = 0;

	r->containers = true;
	if (object->type == SC_JSON_NULL)
		return 0;
	if (object->type != SC_JSON_OBJECT)
		return sc_reading_unexpected(r, object, "an object", NULL);
	sc_json_each_member(object, key, value)
	{
		if (sc_json_is(r->doc, key, "caps"))
			rc = read_caps(r, value, c);
		else if (sc_json_is(r->doc, key, "arches"))
			rc = read_arches(r, value, c);
		else if (sc_json_is(r->doc, key, "minKernel"))
			rc = read_kernel(r, value, c);
		else
			rc = sc_reading_extra(r, key, value, condition_keys, &lost);
		if (rc)
			break;
	}
	free(lost.items);
	return rc;
}

/* ---- entries ---------------------------------------------------------------------- */

static int read_comment(
	struct sc_reading *r, const struct sc_json_token *value, struct sc_entry *e)
{
	const char *text;

	r->containers = true;
	if (value->type == SC_JSON_NULL)
		return 0;
	text = sc_reading_string(r, value, "a comment");
	if (text && *text)
		e->comment = text;
	return text ? 0 : -EINVAL;
}

static int read_member(struct sc_reading *r, struct sc_entry *e,
	const struct sc_json_token *key, const struct sc_json_token *value)
{
	if (sc_json_is(r->doc, key, "names"))
		return read_names(r, value, e);
	if (sc_json_is(r->doc, key, "name")) {
		r->containers = true;
		if (value->type == SC_JSON_NULL || sc_json_is(r->doc, value, ""))
			return 0;
		return add_name(r, e, value);
	}
	if (sc_json_is(r->doc, key, "action"))
		return sc_reading_action(r, value, &e->action);
	if (sc_json_is(r->doc, key, "errnoRet"))
		return sc_reading_errno(r, value, &e->action);
	if (sc_json_is(r->doc, key, "errno"))
		return sc_reading_errno_name(r, value, &e->action);
	if (sc_json_is(r->doc, key, "args"))
		return read_args(r, value, e);
	if (sc_json_is(r->doc, key, "comment"))
		return read_comment(r, value, e);
	if (sc_json_is(r->doc, key, "includes"))
		return read_condition(r, value, &e->includes);
	if (sc_json_is(r->doc, key, "excludes"))
		return read_condition(r, value, &e->excludes);
	return sc_reading_extra(r, key, value, entry_keys, &e->extras);
}

static int read_entry(struct sc_reading *r, const struct sc_json_token *object)
{
	const struct sc_json_token *old = sc_json_get(r->doc, object, "name");
	const struct sc_json_token *names = sc_json_get(r->doc, object, "names");
	struct sc_entry *e;

	if (object->type != SC_JSON_OBJECT)
		return sc_reading_unexpected(r, object, "an entry (an object)", NULL);
	if (old && names && names->length && old->length)
		return sc_reading_say(r, SLUICE_ERROR, "syntax", old, "",
			"found \"name\" beside \"names\", expected one of them");
	e = sc_profile_new_entry(r->p);
	if (!e)
		return -ENOMEM;
	e->at = sc_reading_place(object);
	if (r->yaml && sc_yaml_comment(r->p, object, &e->comment))
		return -ENOMEM;
	sc_json_each_member(object, key, value)
	{
		int rc = read_member(r, e, key, value);

		if (rc)
			return rc;
	}
	if (!e->action.name)
		return sc_reading_say(r, SLUICE_ERROR, "syntax", object, "",
			"found no \"action\" in an entry, expected one");
	if (!names && !old)
		return sc_reading_say(r, SLUICE_WARNING, "empty-entry", object, "",
			"found no \"names\" in an entry, expected a list of names");
	return 0;
}

int sc_reading_entries(struct sc_reading *r, const struct sc_json_token *list)
{
	if (list->type == SC_JSON_NULL)
		return 0;
	if (list->type != SC_JSON_ARRAY)
		return sc_reading_unexpected(r, list, "a list of entries", NULL);
	sc_json_each(list, t)
	{
		int rc = read_entry(r, t);

		if (rc)
			return rc;
	}
	return 0;
}
