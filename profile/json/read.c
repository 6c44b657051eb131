/* The grammar: one loop with a stack of its own, so that depth costs no stack.
 * SPDX-License-Identifier: MIT */
#include "json/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/vec.h"

void sc_json_free(struct sc_json *doc)
{
	if (!doc)
		return;
	free(doc->tokens);
	free(doc->texts);
	free(doc->source);
	free(doc);
}

void sc_json_freep(struct sc_json **doc)
{
	sc_json_free(*doc);
}

/* ---- errors ----------------------------------------------------------------------- */

/* Of @where. Each byte is looked at once, where places do not go back. */
static uint32_t column_of(struct sc_json_reader *r, const char *where)
{
	if (!r->counted || where < r->counted) {
		r->counted = r->doc->source;
		r->column = 1;
	}
	for (; r->counted < where; r->counted++)
		r->column = *r->counted == '\n'
				    ? 1
				    : r->column + ((*r->counted & 0xc0) != 0x80);
	return r->column;
}

static void write_path(const struct sc_json_reader *r, char *path, size_t size)
{
	const struct sc_json *doc = r->doc;

	*path = '\0';
	for (unsigned i = 0; i < r->depth; i++) {
		const struct sc_json_level *l = &r->levels[i];
		const struct sc_json_token *t = &doc->tokens[l->token];

		if (t->type == SC_JSON_ARRAY)
			sc_json_path_step(
				path, size, NULL, t->length ? t->length - 1 : 0);
		else if (l->key != SC_JSON_NO_KEY)
			sc_json_path_step(
				path, size, doc->texts + doc->tokens[l->key].text, 0);
	}
}

int sc_json_stop(
	struct sc_json_reader *r, int code, const char *where, const char *format, ...)
{
	struct sc_json_error *e = r->error;
	va_list ap;

	if (!e)
		return code;
	e->code = code;
	e->line = r->line;
	e->column = column_of(r, where);
	write_path(r, e->path, sizeof(e->path));
	va_start(ap, format);
	vsnprintf(e->message, sizeof(e->message), format, ap);
	va_end(ap);
	return code;
}

int sc_json_stop_at(struct sc_json_reader *r, const char *where, const char *expected)
{
	unsigned n = where < r->end ? sc_json_utf8(where, r->end) : 0;
	unsigned char byte = where < r->end ? (unsigned char)*where : 0;

	if (where >= r->end)
		return sc_json_stop(r, -EINVAL, where,
			"found the end of the text, expected %s", expected);
	if (n == 3 && !memcmp(where, "\xef\xbb\xbf", 3))
		return sc_json_stop(r, -EINVAL, where,
			"found a byte order mark, expected %s", expected);
	if (!n || byte < 0x20 || byte == 0x7f)
		return sc_json_stop(r, -EINVAL, where,
			"found the byte 0x%02x, expected %s", byte, expected);
	return sc_json_stop(
		r, -EINVAL, where, "found '%.*s', expected %s", (int)n, where, expected);
}

/* ---- values ----------------------------------------------------------------------- */

int sc_json_add(struct sc_json_reader *r, enum sc_json_type type, uint32_t *index)
{
	struct sc_json *doc = r->doc;

	if (doc->n >= SC_JSON_MAX_TOKENS)
		return sc_json_stop(r, -E2BIG, r->at, "found more than %u values",
			SC_JSON_MAX_TOKENS);
	/* Two more: sc_json_each_member() points at both parts of a member that is not
	 * there. */
	if (sc_reserve(doc->tokens, doc->cap, doc->n, 3))
		return sc_json_stop(r, -ENOMEM, r->at, "out of memory");
	doc->tokens[doc->n] =
		(struct sc_json_token){.at = (uint32_t)(r->at - doc->source),
			.line = r->line,
			.column = column_of(r, r->at),
			.size = 1,
			.type = type};
	*index = doc->n++;
	return 0;
}

static void skip_space(struct sc_json_reader *r)
{
	for (; r->at < r->end; r->at++) {
		if (*r->at == '\n')
			r->line++;
		else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\r')
			return;
	}
}

static int read_word(struct sc_json_reader *r, const char *word, enum sc_json_type type)
{
	size_t n = strlen(word);
	uint32_t index;
	int rc;

	if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
		return sc_json_stop_at(r, r->at, "a value (strings have quotes)");
	rc = sc_json_add(r, type, &index);
	r->at += n;
	return rc;
}

static int read_scalar(struct sc_json_reader *r)
{
	char c = sc_json_next(r);
	uint32_t index = 0;
	int rc;

	switch (c) {
	case 'n':
		return read_word(r, "null", SC_JSON_NULL);
	case 't':
		return read_word(r, "true", SC_JSON_TRUE);
	case 'f':
		return read_word(r, "false", SC_JSON_FALSE);
	case '"':
		rc = sc_json_add(r, SC_JSON_STRING, &index);
		return rc ? rc : sc_json_lex_string(r, index);
	}
	if (c != '-' && (c < '0' || c > '9'))
		return sc_json_stop_at(r, r->at, "a value");
	rc = sc_json_add(r, SC_JSON_NUMBER, &index);
	return rc ? rc : sc_json_lex_number(r, index);
}

/* A key and its colon. */
static int read_key(struct sc_json_reader *r)
{
	struct sc_json_level *level = &r->levels[r->depth - 1];
	uint32_t index = 0;
	int rc;

	level->key = SC_JSON_NO_KEY;
	if (r->at >= r->end || *r->at != '"')
		return sc_json_stop_at(r, r->at, "a key in quotes");
	rc = sc_json_add(r, SC_JSON_STRING, &index);
	if (!rc)
		rc = sc_json_lex_string(r, index);
	if (rc)
		return rc;
	level->key = index;
	skip_space(r);
	if (r->at >= r->end || *r->at != ':')
		return sc_json_stop_at(r, r->at, "':'");
	r->at++;
	return 0;
}

static int open_level(struct sc_json_reader *r)
{
	enum sc_json_type type = *r->at == '{' ? SC_JSON_OBJECT : SC_JSON_ARRAY;
	uint32_t index;
	int rc;

	if (r->depth == SC_JSON_MAX_DEPTH)
		return sc_json_stop(r, -E2BIG, r->at,
			"found more than %u levels of nesting", SC_JSON_MAX_DEPTH);
	rc = sc_json_add(r, type, &index);
	if (rc)
		return rc;
	r->levels[r->depth++] = (struct sc_json_level){index, SC_JSON_NO_KEY};
	r->at++;
	return 0;
}

static int close_level(struct sc_json_reader *r)
{
	struct sc_json_level *level = &r->levels[r->depth - 1];
	struct sc_json_token *token = &r->doc->tokens[level->token];
	int rc = 0;

	token->size = r->doc->n - level->token;
	level->key = SC_JSON_NO_KEY;
	if (token->type == SC_JSON_OBJECT)
		rc = sc_json_check_keys(r, level->token);
	r->depth--;
	r->at++;
	return rc;
}

/* Up to where the next value begins: whatever begins or ends here is opened and closed.
 * 0; 1: the document is complete. */
static int go_on(struct sc_json_reader *r, bool fresh)
{
	int rc;

	for (;; fresh = false) {
		struct sc_json_token *token;
		bool object;
		char c;

		skip_space(r);
		if (!r->depth)
			return r->at < r->end
				       ? sc_json_stop_at(r, r->at, "the end of the text")
				       : 1;
		token = &r->doc->tokens[r->levels[r->depth - 1].token];
		object = token->type == SC_JSON_OBJECT;
		c = sc_json_next(r);
		if (c == (object ? '}' : ']')) {
			rc = close_level(r);
			if (rc)
				return rc;
			continue;
		}
		if (!fresh && c != ',')
			return sc_json_stop_at(
				r, r->at, object ? "',' or '}'" : "',' or ']'");
		r->at += !fresh;
		token->length++;
		skip_space(r);
		return object ? read_key(r) : 0;
	}
}

static int read_document(struct sc_json_reader *r)
{
	int rc;

	do {
		bool container;

		skip_space(r);
		container = r->at < r->end && (*r->at == '{' || *r->at == '[');
		rc = container ? open_level(r) : read_scalar(r);
		if (!rc)
			rc = go_on(r, container);
	} while (!rc);
	return rc < 0 ? rc : 0;
}

int sc_json_read(
	const char *text, size_t size, struct sc_json_error *error, struct sc_json **out)
{
	_cleanup_(sc_json_freep) struct sc_json *doc = calloc(1, sizeof(*doc));
	struct sc_json_reader r = {.doc = doc, .line = 1, .error = error};
	int rc;

	if (error)
		*error = (struct sc_json_error){
			.code = -ENOMEM, .message = "out of memory"};
	if (!doc)
		return -ENOMEM;
	if (size > SC_JSON_MAX_BYTES) {
		if (error)
			*error = (struct sc_json_error){.code = -E2BIG,
				.message = "found a text of more than 16 MiB"};
		return -E2BIG;
	}
	doc->source = malloc(size + 1);
	/* Decoded, a string is never longer than written, and has one NUL for two quotes;
	 * a number's NUL is paid by what stands behind it, but for one at the end. */
	doc->texts = malloc(size + 2);
	if (!doc->source || !doc->texts)
		return -ENOMEM;
	memcpy(doc->source, text, size);
	doc->source[size] = '\0';
	doc->length = (uint32_t)size;
	r.at = doc->source;
	r.end = doc->source + size;
	rc = read_document(&r);
	if (!rc)
		*out = steal_ptr(doc);
	return rc;
}

int sc_json_slurp(int fd, size_t max, char **text, size_t *size)
{
	_cleanup_free_ char *buffer = NULL;
	size_t room = 0, n = 0;

	for (;;) {
		ssize_t got;

		if (room - n < 2) {
			size_t more = room ? 2 * room : 16384;
			char *grown = realloc(buffer, more);

			if (!grown)
				return -ENOMEM;
			buffer = grown;
			room = more;
		}
		got = read(fd, buffer + n, room - n - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		n += (size_t)got;
		if (n > max)
			return -E2BIG;
		if (got == 0)
			break;
	}
	buffer[n] = '\0';
	*text = steal_ptr(buffer);
	*size = n;
	return 0;
}
