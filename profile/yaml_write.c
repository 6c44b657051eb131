/* YAML in blocks, from what would be written as JSON. Strings that are more than a plain
 * word are quoted as in JSON, which YAML reads the same.
 * SPDX-License-Identifier: MIT */
#include "writing.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/cleanup.h"

struct yaml_out {
	FILE *f;
	const struct sc_json *doc;
	const struct sluice_profile *p;
	const struct sc_json_token *entries; /* whose elements have comments */
};

/* Read back as the same string, by any version of YAML. */
static bool is_plain(const char *s, size_t length)
{
	static const char *const words[] = {"null", "true", "false", "yes", "no", "on",
		"off", "y", "n", "nan", "inf"};

	if (!isalpha((unsigned char)*s) || length > 200)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcasecmp(s, words[i]))
			return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("_-./", s[i] ? s[i] : ' '))
			return false;
	return true;
}

static void put_scalar(struct yaml_out *y, const struct sc_json_token *t)
{
	struct sc_json_out word = {0};
	const char *text = sc_json_text(y->doc, t);

	if (t->type == SC_JSON_STRING && is_plain(text, t->length)) {
		fputs(text, y->f);
		return;
	}
	sc_json_put_copy(&word, y->doc, t); /* an empty list or mapping, too */
	if (word.text)
		fputs(word.text, y->f);
	else
		fputc('\0', y->f); /* no memory: the reader of this would refuse it */
	free(word.text);
}

static bool is_block(const struct sc_json_token *t)
{
	return (t->type == SC_JSON_ARRAY || t->type == SC_JSON_OBJECT) && t->length;
}

static void put_comment(struct yaml_out *y, unsigned indent, const char *comment)
{
	while (comment && *comment) {
		size_t n = strcspn(comment, "\r\n");

		fprintf(y->f, "%*s# %.*s\n", (int)indent, "", (int)n, comment);
		comment += n + (comment[n] != '\0');
	}
}

/* @bare: the first line is begun already, behind "- ". */
static void put_value(
	struct yaml_out *y, const struct sc_json_token *t, unsigned indent, bool bare)
{
	uint32_t i = 0;

	sc_json_each_member(t, key, value)
	{
		fprintf(y->f, "%*s", i++ || !bare ? (int)indent : 0, "");
		put_scalar(y, key);
		fputs(is_block(value) ? ":\n" : ": ", y->f);
		if (is_block(value)) {
			/* Lists stand below their key without a step, as people write
			 * them. */
			put_value(y, value,
				indent + (value->type == SC_JSON_OBJECT ? 2 : 0), false);
			continue;
		}
		put_scalar(y, value);
		fputc('\n', y->f);
	}
	sc_json_each(t, element)
	{
		if (t == y->entries)
			put_comment(y, indent, y->p->entries[i].comment);
		fprintf(y->f, "%*s- ", i++ || !bare ? (int)indent : 0, "");
		if (is_block(element)) {
			put_value(y, element, indent + 2, true);
			continue;
		}
		put_scalar(y, element);
		fputc('\n', y->f);
	}
}

int sc_yaml_write(const struct sluice_profile *p, const struct sc_json_out *json,
	char **text, size_t *size)
{
	_cleanup_(sc_json_freep) struct sc_json *doc = NULL;
	struct yaml_out y = {.p = p};
	_cleanup_free_ char *buffer = NULL;
	const struct sc_json_token *root;
	size_t n = 0;
	int rc = sc_json_read(json->text, json->length, NULL, &doc);

	if (rc)
		return rc;
	y.doc = doc;
	root = sc_json_root(doc);
	if (sc_json_type_is(sc_json_get(doc, root, "items"), SC_JSON_ARRAY))
		root = sc_json_get(doc, root, "items") + 1;
	y.entries = sc_json_find(doc, root, "spec.syscalls");
	y.f = open_memstream(&buffer, &n);
	if (!y.f)
		return -ENOMEM;
	fputs("---\n", y.f);
	put_value(&y, sc_json_root(doc), 0, false);
	rc = ferror(y.f);
	if (fclose(y.f) || rc || !buffer || strlen(buffer) != n)
		return -ENOMEM;
	*text = steal_ptr(buffer);
	*size = n;
	return 0;
}
