/* Reads documents, each behind its length (8 hexadecimal digits and a line feed), and
 * answers each with one line: "error LINE:COLUMN: PATH: MESSAGE", or the document as it
 * was understood, written again. With --jansson it also compares each with what jansson
 * reads, and answers a difference by "differs ...".
 * SPDX-License-Identifier: MIT */
#include "json/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_JANSSON
#include <jansson.h>

static bool same(
	const struct sc_json *doc, const struct sc_json_token *t, const json_t *j)
{
	const char *text = sc_json_text(doc, t);
	int64_t i;

	switch ((enum sc_json_type)t->type) {
	case SC_JSON_NULL:
		return json_is_null(j);
	case SC_JSON_FALSE:
		return json_is_false(j);
	case SC_JSON_TRUE:
		return json_is_true(j);
	case SC_JSON_NUMBER:
		if (json_is_real(j))
			return strpbrk(text, ".eE") &&
			       json_real_value(j) == strtod(text, NULL);
		return json_is_integer(j) && !sc_json_i64(doc, t, &i) &&
		       json_integer_value(j) == i;
	case SC_JSON_STRING:
		return json_is_string(j) && json_string_length(j) == t->length &&
		       !memcmp(json_string_value(j), text, t->length);
	case SC_JSON_ARRAY: {
		size_t n = 0;

		if (!json_is_array(j) || json_array_size(j) != t->length)
			return false;
		sc_json_each(t, e)
		{
			if (!same(doc, e, json_array_get(j, n++)))
				return false;
		}
		return true;
	}
	case SC_JSON_OBJECT:
		if (!json_is_object(j) || json_object_size(j) != t->length)
			return false;
		sc_json_each_member(t, key, value)
		{
			if (!same(doc, value,
				    json_object_getn(
					    j, sc_json_text(doc, key), key->length)))
				return false;
		}
		return true;
	}
	return false;
}

/* What one of the two bounds and the other does not. */
static bool bound(const json_error_t *e, const struct sc_json_error *ours,
	const char *text, size_t size)
{
	if (ours->code == -E2BIG)
		return true;
	switch (json_error_code(e)) {
	case json_error_numeric_overflow:
	case json_error_stack_overflow:
		return true;
	case json_error_null_character: /* in keys jansson 2.14 takes none */
	case json_error_null_byte_in_key:
		return memmem(text, size, "\\u0000", 6);
	default:
		return false;
	}
}

static const char *compare(const struct sc_json *doc, const struct sc_json_error *ours,
	const char *text, size_t size)
{
	json_error_t e;
	json_t *j = json_loadb(text, size,
		JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
	const char *what = NULL;

	if (!j != !doc)
		what = bound(&e, ours, text, size) ? NULL
		       : j			   ? "jansson accepts it"
						   : "jansson refuses it";
	else if (j && !same(doc, sc_json_root(doc), j))
		what = "another value";
	if (what && !j)
		fprintf(stderr, "jansson: %s\n", e.text);
	json_decref(j);
	return what;
}
#else
static const char *compare(const struct sc_json *doc, const struct sc_json_error *ours,
	const char *text, size_t size)
{
	(void)doc;
	(void)ours;
	(void)text;
	(void)size;
	return "built without jansson";
}
#endif

static void answer(const char *text, size_t size, bool jansson)
{
	struct sc_json_error e = {0};
	struct sc_json *doc = NULL;
	struct sc_json_out out = {0};
	int rc = sc_json_read(text, size, &e, &doc);
	const char *difference = jansson ? compare(doc, &e, text, size) : NULL;

	if (difference)
		printf("differs %s\n", difference);
	else if (rc)
		printf("error %u:%u: %s: %s\n", e.line, e.column, e.path, e.message);
	else
		sc_json_put_copy(&out, doc, sc_json_root(doc));
	if (out.text)
		puts(out.text);
	free(out.text);
	sc_json_free(doc);
}

int main(int argc, char **argv)
{
	bool jansson = argc > 1 && !strcmp(argv[1], "--jansson");
	char head[9];

	while (fread(head, 1, sizeof(head), stdin) == sizeof(head)) {
		size_t size = strtoul(head, NULL, 16);
		char *text =
			malloc(size + 1); /* exactly: a sanitizer sees a read behind it */

		if (!text || fread(text, 1, size, stdin) != size)
			return 2;
		answer(text, size, jansson);
		free(text);
	}
	return 0;
}
