/* Looking up, values of tokens, and sentences about them.
 * SPDX-License-Identifier: MIT */
#include "json/reader.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool sc_json_is(
	const struct sc_json *doc, const struct sc_json_token *token, const char *text)
{
	size_t n = strlen(text);

	return sc_json_type_is(token, SC_JSON_STRING) && token->length == n &&
	       !memcmp(doc->texts + token->text, text, n);
}

const char *sc_json_string(const struct sc_json *doc, const struct sc_json_token *token)
{
	const char *text;

	if (!sc_json_type_is(token, SC_JSON_STRING))
		return NULL;
	text = doc->texts + token->text;
	return memchr(text, '\0', token->length) ? NULL : text;
}

const struct sc_json_token *sc_json_get(
	const struct sc_json *doc, const struct sc_json_token *object, const char *key)
{
	if (!object)
		return NULL;
	sc_json_each_member(object, k, value)
	{
		if (sc_json_is(doc, k, key))
			return value;
	}
	return NULL;
}

const struct sc_json_token *sc_json_find(
	const struct sc_json *doc, const struct sc_json_token *object, const char *path)
{
	while (object && *path) {
		size_t n = strcspn(path, ".");
		char key[64];

		if (n >= sizeof(key))
			return NULL;
		memcpy(key, path, n);
		key[n] = '\0';
		object = sc_json_get(doc, object, key);
		path += n + (path[n] == '.');
	}
	return object;
}

int sc_json_u64(
	const struct sc_json *doc, const struct sc_json_token *token, uint64_t *value)
{
	const char *s = token ? sc_json_text(doc, token) : "";
	uint64_t v = 0;
	bool minus = *s == '-';

	if (!sc_json_type_is(token, SC_JSON_NUMBER) || strpbrk(s, ".eE"))
		return -EINVAL;
	for (s += minus; *s; s++) {
		unsigned digit = (unsigned)(*s - '0');

		if (v > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		v = 10 * v + digit;
	}
	if (minus && v)
		return -ERANGE;
	*value = v;
	return 0;
}

int sc_json_i64(
	const struct sc_json *doc, const struct sc_json_token *token, int64_t *value)
{
	const char *s = token ? sc_json_text(doc, token) : "";
	bool minus = *s == '-';
	uint64_t v = 0, most = (uint64_t)INT64_MAX + minus;

	if (!sc_json_type_is(token, SC_JSON_NUMBER) || strpbrk(s, ".eE"))
		return -EINVAL;
	for (s += minus; *s; s++) {
		unsigned digit = (unsigned)(*s - '0');

		if (v > (most - digit) / 10)
			return -ERANGE;
		v = 10 * v + digit;
	}
	*value = minus ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

/* ---- places ----------------------------------------------------------------------- */

void sc_json_excerpt(const char *text, size_t length, char excerpt[SC_JSON_EXCERPT])
{
	const char *end = text + length;
	size_t n = 0;

	while (text < end) {
		unsigned step = sc_json_utf8(text, end);
		unsigned char c = (unsigned char)text[0];
		/* C0, DEL, C1 and what is no character at all. */
		bool bad = !step || c < 0x20 || c == 0x7f ||
			   (c == 0xc2 && (unsigned char)text[1] < 0xa0);

		step = step ? step : 1;
		if (n + step > SC_JSON_EXCERPT - 4) {
			memcpy(excerpt + n, "...", 3);
			n += 3;
			break;
		}
		if (bad)
			excerpt[n++] = '?';
		else
			n = (size_t)((char *)memcpy(excerpt + n, text, step) - excerpt) +
			    step;
		text += step;
	}
	excerpt[n] = '\0';
}

static bool is_plain(const char *key)
{
	const char *s = key;

	while (isalnum((unsigned char)*s) || *s == '_' || *s == '-')
		s++;
	return !*s && *key;
}

void sc_json_path_step(char *path, size_t size, const char *key, uint32_t i)
{
	char step[SC_JSON_EXCERPT + 8], excerpt[SC_JSON_EXCERPT];
	size_t used = strlen(path), n, cut = 0;

	if (key)
		sc_json_excerpt(key, strlen(key), excerpt);
	if (!key)
		snprintf(step, sizeof(step), "[%u]", i);
	else if (is_plain(key))
		snprintf(step, sizeof(step), "%s%s", used ? "." : "", excerpt);
	else
		snprintf(step, sizeof(step), "[\"%s\"]", excerpt);
	n = strlen(step);
	if (used + n + 1 > size) {
		cut = used + n + 1 - size + 3;
		memmove(path + 3, path + 3 + cut, used - cut - 3 + 1);
		memset(path, '.', 3);
		used -= cut;
	}
	memcpy(path + used, step, n + 1);
}

/* The element or the member (its key) of @in that @token is or is in, and its number. */
static const struct sc_json_token *step_to(const struct sc_json_token *in,
	const struct sc_json_token *token, struct sc_json_trail *trail, unsigned depth, uint32_t *number)
{
	bool object = in->type == SC_JSON_OBJECT;
	bool kept = trail && depth < sizeof(trail->levels) / sizeof(trail->levels[0]);
	bool known = kept && trail->levels[depth].in == in && trail->levels[depth].at <= token;
	const struct sc_json_token *at = known ? trail->levels[depth].at : in + 1;
	uint32_t i = known ? trail->levels[depth].i : 0;

	for (; sc_json_after(at + object) <= token; i++)
		at = sc_json_after(at + object);
	if (kept) {
		trail->levels[depth].in = in;
		trail->levels[depth].at = at;
		trail->levels[depth].i = i;
	}
	*number = i;
	return at;
}

void sc_json_path(const struct sc_json *doc, const struct sc_json_token *token,
	struct sc_json_trail *trail, char *path, size_t size)
{
	const struct sc_json_token *at = doc->tokens;

	*path = '\0';
	for (unsigned depth = 0; at < token; depth++) {
		bool object = at->type == SC_JSON_OBJECT;
		uint32_t i;

		at = step_to(at, token, trail, depth, &i);
		sc_json_path_step(path, size, object ? doc->texts + at->text : NULL, i);
		if (at == token)
			return;
		at += object;
	}
}

void sc_json_describe(const struct sc_json *doc, const struct sc_json_token *token,
	char *text, size_t size)
{
	char excerpt[SC_JSON_EXCERPT];

	sc_json_excerpt(
		sc_json_text(doc, token), strlen(sc_json_text(doc, token)), excerpt);
	switch ((enum sc_json_type)token->type) {
	case SC_JSON_NULL:
		snprintf(text, size, "null");
		return;
	case SC_JSON_FALSE:
	case SC_JSON_TRUE:
		snprintf(text, size, token->type == SC_JSON_TRUE ? "true" : "false");
		return;
	case SC_JSON_NUMBER:
		snprintf(text, size, "the number %s", excerpt);
		return;
	case SC_JSON_STRING:
		snprintf(text, size, "the string \"%s\"", excerpt);
		return;
	case SC_JSON_ARRAY:
		snprintf(text, size, token->length ? "an array" : "an empty array");
		return;
	case SC_JSON_OBJECT:
		snprintf(text, size, token->length ? "an object" : "an empty object");
		return;
	}
}

int sc_json_fail(const struct sc_json *doc, const struct sc_json_token *token,
	struct sc_json_error *error, const char *format, ...)
{
	va_list ap;

	if (!error)
		return -EINVAL;
	error->code = -EINVAL;
	error->line = token->line;
	error->column = token->column;
	sc_json_path(doc, token, NULL, error->path, sizeof(error->path));
	va_start(ap, format);
	vsnprintf(error->message, sizeof(error->message), format, ap);
	va_end(ap);
	return -EINVAL;
}

int sc_json_unexpected(const struct sc_json *doc, const struct sc_json_token *token,
	struct sc_json_error *error, const char *expected)
{
	char found[112];

	sc_json_describe(doc, token, found, sizeof(found));
	return sc_json_fail(doc, token, error, "found %s, expected %s", found, expected);
}
