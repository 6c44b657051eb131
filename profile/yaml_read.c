/* YAML as a document of JSON's kind, by the events of libyaml.
 * SPDX-License-Identifier: MIT
 *
 * Plain words get their types as Kubernetes reads them where both versions of YAML agree:
 * null, true and false, decimal and hexadecimal numbers; anything else is a string. An
 * alias is a copy, and counts for the bound of SC_JSON_MAX_TOKENS, so that aliases of
 * aliases end there. */
#include "reading.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/reader.h"
#include "util/cleanup.h"
#include "util/vec.h"

#ifdef HAVE_YAML
#include "yaml_library.h"

struct anchor {
	uint32_t name; /* in texts */
	uint32_t token;
};

struct yaml {
	const struct sc_yaml_library *lib;
	yaml_parser_t parser;
	struct sc_json_reader r;
	size_t index;  /* characters before r.at */
	uint32_t room; /* of texts */
	struct anchor *anchors;
	uint32_t n_anchors, cap_anchors;
	unsigned documents;
};

/* Marks count characters and only go on. */
static void go_to(struct yaml *y, const yaml_mark_t *mark)
{
	while (y->index < mark->index && y->r.at < y->r.end) {
		unsigned n = sc_json_utf8(y->r.at, y->r.end);

		y->r.line += *y->r.at == '\n';
		y->r.at += n ? n : 1;
		y->index++;
	}
}

static int add_text(struct yaml *y, const char *text, size_t length, uint32_t *where)
{
	struct sc_json *doc = y->r.doc;

	if (length >= SC_JSON_MAX_BYTES || sc_vec_reserve(&doc->texts, &y->room,
						   doc->n_texts, (uint32_t)length + 1, 1))
		return sc_json_stop(&y->r, -ENOMEM, y->r.at, "out of memory");
	*where = doc->n_texts;
	memcpy(doc->texts + doc->n_texts, text, length);
	doc->texts[doc->n_texts + length] = '\0';
	doc->n_texts += (uint32_t)length + 1;
	return 0;
}

static int remember(struct yaml *y, const yaml_char_t *name, uint32_t token)
{
	struct anchor a = {.token = token};
	int rc;

	if (!name)
		return 0;
	rc = add_text(y, (const char *)name, strlen((const char *)name), &a.name);
	if (!rc && sc_reserve(y->anchors, y->cap_anchors, y->n_anchors, 1))
		rc = -ENOMEM;
	if (!rc)
		y->anchors[y->n_anchors++] = a;
	return rc;
}

/* Before a value: the array or object that it is in counts it. @key: it is a key. */
static int count_value(struct yaml *y, bool scalar, bool *key)
{
	struct sc_json_level *l;
	struct sc_json_token *t;

	*key = false;
	if (!y->r.depth)
		return 0;
	l = &y->r.levels[y->r.depth - 1];
	t = &y->r.doc->tokens[l->token];
	if (t->type == SC_JSON_ARRAY) {
		t->length++;
		return 0;
	}
	*key = l->key == SC_JSON_NO_KEY;
	if (!*key) {
		l->key = SC_JSON_NO_KEY;
		return 0;
	}
	t->length++;
	return scalar ? 0
		      : sc_json_stop(&y->r, -EINVAL, y->r.at,
				"found a list or a mapping, expected a key");
}

static bool is_one_of(const char *word, const char *const *words)
{
	while (*words && strcmp(*words, word) != 0)
		words++;
	return *words;
}

static bool is_number(const char *s)
{
	s += *s == '-';
	if (*s == '0')
		return !s[1];
	return *s && s[strspn(s, "0123456789")] == '\0';
}

/* 0x and up to 16 digits. */
static bool is_hexadecimal(const char *s)
{
	size_t n = strlen(s);

	return n > 2 && n <= 18 && s[0] == '0' && s[1] == 'x' &&
	       strspn(s + 2, "0123456789abcdefABCDEF") == n - 2;
}

static enum sc_json_type type_of(const char *word, char number[32])
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	char *end;

	*number = '\0';
	if (is_one_of(word, nulls))
		return SC_JSON_NULL;
	if (is_one_of(word, trues))
		return SC_JSON_TRUE;
	if (is_one_of(word, falses))
		return SC_JSON_FALSE;
	if (is_hexadecimal(word)) {
		snprintf(number, 32, "%llu", strtoull(word, &end, 16));
		return SC_JSON_NUMBER;
	}
	return is_number(word) ? SC_JSON_NUMBER : SC_JSON_STRING;
}

static int on_scalar(struct yaml *y, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t length = e->data.scalar.length;
	enum sc_json_type type = SC_JSON_STRING;
	struct sc_json_token *t;
	char number[32] = "";
	uint32_t index, where = 0;
	bool key;
	int rc = count_value(y, true, &key);

	if (!rc && !key && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		type = type_of(text, number);
	if (*number) {
		text = number;
		length = strlen(number);
	}
	if (!rc)
		rc = sc_json_add(&y->r, type, &index);
	if (!rc && (type == SC_JSON_STRING || type == SC_JSON_NUMBER))
		rc = add_text(y, text, length, &where);
	if (rc)
		return rc;
	t = &y->r.doc->tokens[index];
	t->text = where;
	t->length =
		type == SC_JSON_STRING || type == SC_JSON_NUMBER ? (uint32_t)length : 0;
	if (key)
		y->r.levels[y->r.depth - 1].key = index;
	return remember(y, e->data.scalar.anchor, index);
}

static int on_start(struct yaml *y, enum sc_json_type type, const yaml_char_t *anchor)
{
	uint32_t index;
	bool key;
	int rc = count_value(y, false, &key);

	if (!rc && y->r.depth == SC_JSON_MAX_DEPTH)
		rc = sc_json_stop(&y->r, -E2BIG, y->r.at,
			"found more than %u levels of nesting", SC_JSON_MAX_DEPTH);
	if (!rc)
		rc = sc_json_add(&y->r, type, &index);
	if (rc)
		return rc;
	y->r.levels[y->r.depth++] = (struct sc_json_level){index, SC_JSON_NO_KEY};
	return remember(y, anchor, index);
}

static int on_end(struct yaml *y)
{
	uint32_t index = y->r.levels[y->r.depth - 1].token;
	struct sc_json_token *t = &y->r.doc->tokens[index];
	int rc = 0;

	t->size = y->r.doc->n - index;
	if (t->type == SC_JSON_OBJECT)
		rc = sc_json_check_keys(&y->r, index);
	y->r.depth--;
	return rc;
}

static const struct anchor *find_anchor(const struct yaml *y, const char *name)
{
	for (uint32_t i = y->n_anchors; i--;)
		if (!strcmp(y->r.doc->texts + y->anchors[i].name, name))
			return &y->anchors[i];
	return NULL;
}

static bool is_open(const struct yaml *y, uint32_t token)
{
	for (unsigned i = 0; i < y->r.depth; i++)
		if (y->r.levels[i].token == token)
			return true;
	return false;
}

/* Levels in and below a token. */
static unsigned depth_of(const struct sc_json_token *t)
{
	const struct sc_json_token *end = sc_json_after(t), *ends[SC_JSON_MAX_DEPTH];
	unsigned depth = 0, most = 0;

	for (; t < end; t++) {
		while (depth && t >= ends[depth - 1])
			depth--;
		if (t->type == SC_JSON_ARRAY || t->type == SC_JSON_OBJECT) {
			ends[depth++] = sc_json_after(t);
			most = depth > most ? depth : most;
		}
	}
	return most;
}

static int on_alias(struct yaml *y, const yaml_event_t *e)
{
	const struct anchor *a = find_anchor(y, (const char *)e->data.alias.anchor);
	uint32_t index;
	bool key;
	int rc = count_value(y, false, &key);

	if (rc)
		return rc;
	if (!a || is_open(y, a->token))
		return sc_json_stop(&y->r, -EINVAL, y->r.at,
			"found an alias of nothing that ends before it, expected a "
			"value");
	if (y->r.depth + depth_of(&y->r.doc->tokens[a->token]) > SC_JSON_MAX_DEPTH)
		return sc_json_stop(&y->r, -E2BIG, y->r.at,
			"found more than %u levels of nesting", SC_JSON_MAX_DEPTH);
	for (uint32_t i = 0; i < y->r.doc->tokens[a->token].size && !rc; i++) {
		rc = sc_json_add(&y->r, SC_JSON_NULL, &index);
		if (!rc) {
			struct sc_json_token *to = &y->r.doc->tokens[index];
			struct sc_json_token from = y->r.doc->tokens[a->token + i];

			from.at = to->at;
			from.line = to->line;
			from.column = to->column;
			*to = from;
		}
	}
	return rc;
}

static int on_event(struct yaml *y, const yaml_event_t *e)
{
	go_to(y, &e->start_mark);
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (y->documents++)
			return sc_json_stop(&y->r, -EINVAL, y->r.at,
				"found a second document, expected one profile");
		return 0;
	case YAML_SCALAR_EVENT:
		return on_scalar(y, e);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(y, SC_JSON_ARRAY, e->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		return on_start(y, SC_JSON_OBJECT, e->data.mapping_start.anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_end(y);
	case YAML_ALIAS_EVENT:
		return on_alias(y, e);
	default:
		return 0;
	}
}

static int on_problem(struct yaml *y)
{
	const yaml_parser_t *p = &y->parser;

	if (p->error == YAML_MEMORY_ERROR)
		return sc_json_stop(&y->r, -ENOMEM, y->r.at, "out of memory");
	if (p->error == YAML_READER_ERROR) {
		y->r.at = y->r.doc->source + (p->problem_offset < y->r.doc->length
							     ? p->problem_offset
							     : y->r.doc->length);
		y->r.line = 1;
		for (const char *s = y->r.doc->source; s < y->r.at; s++)
			y->r.line += *s == '\n';
	} else {
		go_to(y, &p->problem_mark);
	}
	return sc_json_stop(&y->r, -EINVAL, y->r.at, "found no YAML: %s",
		p->problem ? p->problem : "unknown trouble");
}

static int read_events(struct yaml *y)
{
	int rc = 0;

	for (bool more = true; more && !rc;) {
		yaml_event_t e;

		if (!y->lib->parse(&y->parser, &e))
			return on_problem(y);
		more = e.type != YAML_STREAM_END_EVENT;
		rc = on_event(y, &e);
		y->lib->event_delete(&e);
	}
	if (!rc && !y->r.doc->n)
		rc = sc_json_stop(&y->r, -EINVAL, y->r.at,
			"found the end of the text, expected a value");
	return rc;
}

static int read_yaml(struct yaml *y, const char *text, size_t size)
{
	struct sc_json *doc = y->r.doc;
	int rc;

	doc->source = malloc(size + 1);
	if (!doc->source || !y->lib->initialize(&y->parser))
		return -ENOMEM;
	memcpy(doc->source, text, size);
	doc->source[size] = '\0';
	doc->length = (uint32_t)size;
	y->r.at = doc->source;
	y->r.end = doc->source + size;
	y->lib->set_encoding(&y->parser, YAML_UTF8_ENCODING);
	y->lib->set_input_string(
		&y->parser, (const unsigned char *)doc->source, size);
	rc = read_events(y);
	y->lib->parser_delete(&y->parser);
	return rc;
}

int sc_yaml_read(
	const char *text, size_t size, struct sc_json_error *error, struct sc_json **out)
{
	_cleanup_(sc_json_freep) struct sc_json *doc = calloc(1, sizeof(*doc));
	struct yaml y = {.lib = sc_yaml_library(), .r = {.doc = doc, .line = 1, .error = error}};
	int rc;

	*error = (struct sc_json_error){.code = -ENOMEM, .message = "out of memory"};
	if (!doc)
		return -ENOMEM;
	if (!y.lib) {
		*error = (struct sc_json_error){.code = -EOPNOTSUPP, .line = 1, .column = 1};
		snprintf(error->message, sizeof(error->message),
			"found YAML, which needs libyaml: %s", dlerror());
		return -EOPNOTSUPP;
	}
	if (size > SC_JSON_MAX_BYTES) {
		*error = (struct sc_json_error){
			.code = -E2BIG, .message = "found a text of more than 16 MiB"};
		return -E2BIG;
	}
	rc = read_yaml(&y, text, size);
	free(y.anchors);
	if (!rc)
		*out = steal_ptr(doc);
	return rc;
}

#else

int sc_yaml_read(
	const char *text, size_t size, struct sc_json_error *error, struct sc_json **out)
{
	(void)text;
	(void)size;
	(void)out;
	*error = (struct sc_json_error){.code = -EOPNOTSUPP,
		.line = 1,
		.column = 1,
		.message = "found YAML, expected JSON: this was built without libyaml"};
	return -EOPNOTSUPP;
}

#endif

static const char *line_before(const char *source, const char *line)
{
	if (line == source)
		return NULL;
	for (line--; line > source && line[-1] != '\n';)
		line--;
	return line;
}

/* The text behind "#" of a line that has nothing else; NULL: it has. */
static const char *comment_in(const char *line, size_t *length)
{
	line += strspn(line, " \t");
	if (*line != '#')
		return NULL;
	line++;
	line += *line == ' ';
	*length = strcspn(line, "\r\n");
	return line;
}

int sc_yaml_comment(
	struct sluice_profile *p, const struct sc_json_token *token, const char **comment)
{
	const char *source = p->doc->source, *line = source + token->at, *first, *text;
	size_t n = 0, used = 0;
	_cleanup_free_ char *joined = NULL;

	while (line > source && line[-1] != '\n')
		line--;
	first = line;
	for (const char *l = line; (l = line_before(source, l)) && comment_in(l, &n);)
		first = l;
	if (first == line)
		return 0;
	joined = malloc((size_t)(line - first) + 1);
	if (!joined)
		return -ENOMEM;
	for (const char *l = first; l < line; l = strchr(l, '\n') + 1) {
		text = comment_in(l, &n);
		if (used)
			joined[used++] = '\n';
		memcpy(joined + used, text, n);
		used += n;
	}
	*comment = sc_profile_text(p, joined, used);
	return *comment ? 0 : -ENOMEM;
}
