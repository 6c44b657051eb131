/* The writer: into a growing text or a file, with errors that stick.
 * SPDX-License-Identifier: MIT */
#include "json/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct sc_json_out *out, const char *text, size_t n)
{
	if (out->error)
		return;
	if (out->file) {
		if (fwrite(text, 1, n, out->file) != n)
			out->error = -EIO;
		return;
	}
	if (out->room - out->length <= n) {
		size_t room = 2 * (out->room + n) + 256;
		char *grown = room > n ? realloc(out->text, room) : NULL;

		if (!grown) {
			out->error = -ENOMEM;
			return;
		}
		out->text = grown;
		out->room = room;
	}
	memcpy(out->text + out->length, text, n);
	out->length += n;
	out->text[out->length] = '\0';
}

static void put_line(struct sc_json_out *out)
{
	if (!out->indent)
		return;
	put(out, "\n", 1);
	for (unsigned i = 0; i < out->depth * out->indent; i++)
		put(out, " ", 1);
}

/* What stands before any value or key. */
static void put_before(struct sc_json_out *out)
{
	if (out->after_key) {
		out->after_key = false;
		return;
	}
	if (out->filled)
		put(out, ",", 1);
	if (out->depth)
		put_line(out);
	out->filled = true;
}

void sc_json_open(struct sc_json_out *out, char bracket)
{
	put_before(out);
	put(out, &bracket, 1);
	out->depth++;
	out->filled = false;
}

void sc_json_close(struct sc_json_out *out, char bracket)
{
	bool filled = out->filled;

	out->depth--;
	if (filled)
		put_line(out);
	put(out, &bracket, 1);
	out->filled = true;
}

/* What stands for the character of @n bytes at @s (0: it is no UTF-8), or "" where it stands for
 * itself. */
static void escape_of(const char *s, unsigned n, char escape[8])
{
	static const char letters[] = "\b\t\n\f\r\"\\", names[] = "btnfr\"\\";
	const char *letter = *s ? strchr(letters, *s) : NULL;

	*escape = '\0';
	if (n == 0)
		snprintf(escape, 8, "\\ufffd");
	else if (letter)
		snprintf(escape, 8, "\\%c", names[letter - letters]);
	else if ((unsigned char)*s < 0x20 || *s == 0x7f)
		snprintf(escape, 8, "\\u%04x", (unsigned)*s);
}

static void put_quoted(struct sc_json_out *out, const char *text, size_t length)
{
	const char *end = text + length, *same = text;
	char escape[8];

	put(out, "\"", 1);
	while (text < end) {
		unsigned n = sc_json_utf8(text, end);

		escape_of(text, n, escape);
		if (*escape) {
			put(out, same, (size_t)(text - same));
			put(out, escape, strlen(escape));
			same = text + 1;
		}
		text += n ? n : 1;
	}
	put(out, same, (size_t)(end - same));
	put(out, "\"", 1);
}

void sc_json_put_key_text(struct sc_json_out *out, const char *key, size_t length)
{
	put_before(out);
	put_quoted(out, key, length);
	put(out, ": ", out->indent ? 2 : 1);
	out->after_key = true;
}

void sc_json_put_key(struct sc_json_out *out, const char *key)
{
	sc_json_put_key_text(out, key, strlen(key));
}

void sc_json_put_text(struct sc_json_out *out, const char *text, size_t length)
{
	put_before(out);
	put_quoted(out, text, length);
}

void sc_json_put_string(struct sc_json_out *out, const char *text)
{
	sc_json_put_text(out, text, strlen(text));
}

void sc_json_put_word(struct sc_json_out *out, const char *word)
{
	put_before(out);
	put(out, word, strlen(word));
}

void sc_json_put_u64(struct sc_json_out *out, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	sc_json_put_word(out, text);
}

void sc_json_put_i64(struct sc_json_out *out, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	sc_json_put_word(out, text);
}

static void put_one(
	struct sc_json_out *out, const struct sc_json *doc, const struct sc_json_token *t)
{
	static const char *const words[] = {"null", "false", "true"};

	if (t->type == SC_JSON_STRING)
		sc_json_put_text(out, doc->texts + t->text, t->length);
	else if (t->type == SC_JSON_NUMBER)
		sc_json_put_word(out, doc->texts + t->text);
	else
		sc_json_put_word(out, words[t->type]);
}

/* As deep as what was read: SC_JSON_MAX_DEPTH. */
void sc_json_put_copy(struct sc_json_out *out, const struct sc_json *doc,
	const struct sc_json_token *token)
{
	if (token->type == SC_JSON_OBJECT) {
		sc_json_open(out, '{');
		sc_json_each_member(token, key, value)
		{
			sc_json_put_key_text(out, doc->texts + key->text, key->length);
			sc_json_put_copy(out, doc, value);
		}
		sc_json_close(out, '}');
	} else if (token->type == SC_JSON_ARRAY) {
		sc_json_open(out, '[');
		sc_json_each(token, t)
		{
			sc_json_put_copy(out, doc, t);
		}
		sc_json_close(out, ']');
	} else {
		put_one(out, doc, token);
	}
}

int sc_json_finish(struct sc_json_out *out, char **text, size_t *size)
{
	put(out, "\n", 1);
	if (out->error)
		return out->error;
	*text = out->text;
	*size = out->length;
	*out = (struct sc_json_out){0};
	return 0;
}
