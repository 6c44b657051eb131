/* Values that every part of a profile has, and saying what is wrong with them.
 * SPDX-License-Identifier: MIT */
#include "reading.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sc_reading_say(struct sc_reading *r, enum sluice_severity severity, const char *rule,
	const struct sc_json_token *token, const char *fix, const char *format, ...)
{
	const struct sluice_profile_options *o = r->options;
	char message[320], path[160];
	struct sluice_finding f = {.severity = severity,
		.rule = rule,
		.file = o->file ? o->file : "",
		.path = path,
		.message = message,
		.why = "",
		.fix = fix};
	va_list ap;

	if (o->strict && severity == SLUICE_WARNING)
		f.severity = severity = SLUICE_ERROR;
	if (o->report) {
		f.line = token->line;
		f.column = token->column;
		sc_json_path(r->doc, token, &r->trail, path, sizeof(path));
		va_start(ap, format);
		vsnprintf(message, sizeof(message), format, ap);
		va_end(ap);
		o->report(&f, o->data);
	}
	return severity == SLUICE_ERROR ? -EINVAL : 0;
}

int sc_reading_unexpected(struct sc_reading *r, const struct sc_json_token *token,
	const char *expected, const char *near)
{
	char found[112];

	sc_json_describe(r->doc, token, found, sizeof(found));
	if (near)
		return sc_reading_say(r, SLUICE_ERROR, "syntax", token, near,
			"found %s, expected %s (did you mean %s?)", found, expected,
			near);
	return sc_reading_say(r, SLUICE_ERROR, "syntax", token, "",
		"found %s, expected %s", found, expected);
}

struct sc_place sc_reading_place(const struct sc_json_token *token)
{
	return (struct sc_place){token->line, token->column};
}

const char *sc_reading_string(
	struct sc_reading *r, const struct sc_json_token *token, const char *expected)
{
	const char *text = sc_json_string(r->doc, token);

	if (!text)
		sc_reading_unexpected(r, token, expected, NULL);
	return text;
}

int sc_reading_words(struct sc_reading *r, const struct sc_json_token *token,
	const char *expected, struct sc_words *words)
{
	if (token->type == SC_JSON_NULL)
		return 0;
	if (token->type != SC_JSON_ARRAY)
		return sc_reading_unexpected(r, token, expected, NULL);
	sc_json_each(token, t)
	{
		const char *text = sc_reading_string(r, t, "a string");

		if (!text)
			return -EINVAL;
		if (sc_words_add(words, text, sc_reading_place(t)))
			return -ENOMEM;
	}
	return 0;
}

int sc_reading_action(
	struct sc_reading *r, const struct sc_json_token *token, struct sc_action *action)
{
	const char *text =
		sc_reading_string(r, token, "an action, like \"SCMP_ACT_ERRNO\"");

	if (!text)
		return -EINVAL;
	if (!sc_value_of(sc_profile_actions, text, &action->value))
		return sc_reading_unexpected(
			r, token, "an action", sc_near_in(text, sc_profile_actions));
	action->name = text;
	action->at = sc_reading_place(token);
	return 0;
}

int sc_reading_errno(
	struct sc_reading *r, const struct sc_json_token *token, struct sc_action *action)
{
	uint64_t value = 0;

	if (token->type == SC_JSON_NULL)
		return 0;
	if (sc_json_u64(r->doc, token, &value) || value > 65535)
		return sc_reading_unexpected(r, token, "an errno, from 0 to 4095", NULL);
	action->has_errno = true;
	action->errno_ret = (uint32_t)value;
	action->errno_at = sc_reading_place(token);
	return 0;
}

int sc_reading_errno_name(
	struct sc_reading *r, const struct sc_json_token *token, struct sc_action *action)
{
	const char *text;

	if (token->type == SC_JSON_NULL)
		return 0;
	text = sc_reading_string(r, token, "the name of an error, like \"EPERM\"");
	if (!text)
		return -EINVAL;
	if (*text && !sc_errno_of(text))
		return sc_reading_unexpected(
			r, token, "the name of an error, like \"EPERM\"", NULL);
	action->errno_name = *text ? text : NULL;
	r->containers = true;
	return 0;
}

int sc_reading_extra(struct sc_reading *r, const struct sc_json_token *key,
	const struct sc_json_token *value, const char *const *known,
	struct sc_extras *extras)
{
	struct sc_json_out out = {0};
	const char *near = sc_near_of(sc_json_text(r->doc, key), known), *text, *name;
	char excerpt[SC_JSON_EXCERPT];
	int rc;

	sc_json_excerpt(sc_json_text(r->doc, key), key->length, excerpt);
	if (*excerpt == '_' ||
		*excerpt == '$') /* where JSON has no comments, people write these */
		rc = 0;
	else
		rc = near ? sc_reading_say(r, SLUICE_WARNING, "unknown-key", key, near,
				    "found the key \"%s\", which nobody reads (did you "
				    "mean %s?)",
				    excerpt, near)
			  : sc_reading_say(r, SLUICE_WARNING, "unknown-key", key, "",
				    "found the key \"%s\", which nobody reads", excerpt);
	if (rc)
		return rc;
	sc_json_put_copy(&out, r->doc, value);
	rc = out.error;
	text = rc ? NULL : sc_profile_text(r->p, out.text, out.length);
	name = sc_json_string(r->doc, key);
	if (name && (!text || sc_extras_add(extras, name, text)))
		rc = -ENOMEM;
	free(out.text);
	return rc;
}
