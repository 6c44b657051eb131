/* JSON of the house: a strict reader of RFC 8259, values with their places, bounded memory; a writer.
 * SPDX-License-Identifier: MIT
 *
 * A document is one array of tokens in the order of the text. An array or object is a token that is
 * followed by everything inside of it; in an object each key (a string token) is followed by its value.
 * Strings are decoded, numbers are kept as they were written, both end with NUL.
 *
 * Refused beyond the grammar: a key twice in one object, invalid UTF-8, half of a surrogate pair, a byte
 * order mark, more than SC_JSON_MAX_DEPTH levels, SC_JSON_MAX_TOKENS values or SC_JSON_MAX_BYTES bytes.
 * Hostile input costs memory in proportion to these bounds.
 *
 * Reading a known form, with the place of what is wrong:
 *
 *	sc_json_each_member(object, key, value) {
 *		if (sc_json_is(doc, key, "rules"))
 *			rc = read_rules(doc, value, error);
 *		else
 *			rc = sc_json_unexpected(doc, key, error, "\"rules\"");
 *	}
 */
#ifndef SC_JSON_H
#define SC_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SC_JSON_MAX_DEPTH  64u
#define SC_JSON_MAX_TOKENS (1u << 20)
#define SC_JSON_MAX_BYTES  (16u << 20)

#pragma GCC visibility push(hidden)

enum sc_json_type {
	SC_JSON_NULL,
	SC_JSON_FALSE,
	SC_JSON_TRUE,
	SC_JSON_NUMBER,
	SC_JSON_STRING,
	SC_JSON_ARRAY,
	SC_JSON_OBJECT,
};

struct sc_json_token {
	uint32_t at;	 /* the byte of the source where it begins */
	uint32_t line;	 /* of that byte, from 1 */
	uint32_t column; /* of that byte in its line, in characters, from 1 */
	uint32_t text;	 /* string, number: where its text begins in @texts */
	uint32_t length; /* string, number: bytes of the text; array, object: elements,
			    members */
	uint32_t size;	 /* tokens of it and of all that is in it: its neighbour is so far
			    away */
	uint32_t type;	 /* enum sc_json_type */
};

struct sc_json {
	struct sc_json_token *tokens; /* tokens[0] is the whole document */
	uint32_t n, cap;
	char *texts;
	uint32_t n_texts;
	char *source;	 /* as it was read, with a NUL behind it */
	uint32_t length; /* of the source, in bytes */
};

/* What was wrong and where. @line and @column count from 1, columns in characters; 0
 * means that no place is known. @path is like syscalls[3].args[0].op, or empty for the
 * whole document. */
struct sc_json_error {
	int code; /* -errno */
	uint32_t line, column;
	char path[160];
	char message[256];
};

/* Read @size bytes of @text, which is copied. The caller frees *@out with sc_json_free().
 * 0; -EINVAL (it is no such document: @error, which may be NULL, says what and where);
 * -E2BIG (beyond a bound); -ENOMEM. */
int sc_json_read(
	const char *text, size_t size, struct sc_json_error *error, struct sc_json **out);
void sc_json_free(struct sc_json *doc);
void sc_json_freep(struct sc_json **doc);

/* All of @fd, at most @max bytes, with a NUL behind: the caller frees *@text. 0, -E2BIG
 * (without having read more than @max + 1 bytes), -ENOMEM, or the -errno of read(2). */
int sc_json_slurp(int fd, size_t max, char **text, size_t *size);

/* ---- walking ---------------------------------------------------------------------- */

static inline const struct sc_json_token *sc_json_root(const struct sc_json *doc)
{
	return doc->tokens;
}

static inline const struct sc_json_token *sc_json_after(const struct sc_json_token *token)
{
	return token + token->size;
}

static inline bool sc_json_type_is(
	const struct sc_json_token *token, enum sc_json_type type)
{
	return token && token->type == (uint32_t)type;
}

/* @t is each element of the array @array. What is no array has none. */
#define sc_json_each(array, t)                                                           \
	for (const struct sc_json_token *t = (array) + 1,                                \
					*t##_end = sc_json_after(array);                 \
		(array)->type == SC_JSON_ARRAY && t < t##_end; t = sc_json_after(t))

/* @key and @value are each member of the object @object. What is no object has none. */
#define sc_json_each_member(object, key, value)                                          \
	for (const struct sc_json_token *key = (object) + 1, *value = (object) + 2,      \
					*key##_end = sc_json_after(object);              \
		(object)->type == SC_JSON_OBJECT && key < key##_end;                     \
		key = sc_json_after(value), value = key + 1)

/* The value of @key; NULL where @object has no such key, is no object, or is NULL. */
const struct sc_json_token *sc_json_get(
	const struct sc_json *doc, const struct sc_json_token *object, const char *key);

/* Like sc_json_get() through several objects: "linux.seccomp". No key may have a dot. */
const struct sc_json_token *sc_json_find(
	const struct sc_json *doc, const struct sc_json_token *object, const char *path);

/* ---- values ----------------------------------------------------------------------- */

/* The text of a string or number, "" of anything else. @doc owns it. It may have a NUL
 * inside: compare @token->length where that matters. */
static inline const char *sc_json_text(
	const struct sc_json *doc, const struct sc_json_token *token)
{
	bool has = token->type == SC_JSON_STRING || token->type == SC_JSON_NUMBER;

	return has ? doc->texts + token->text : "";
}

/* Whether @token is the string @text. */
bool sc_json_is(
	const struct sc_json *doc, const struct sc_json_token *token, const char *text);

/* The string's text; NULL where it is no string (or NULL) or has a NUL inside. */
const char *sc_json_string(const struct sc_json *doc, const struct sc_json_token *token);

/* 0; -EINVAL: no number (or NULL), or one with a fraction or an exponent; -ERANGE. */
int sc_json_u64(
	const struct sc_json *doc, const struct sc_json_token *token, uint64_t *value);
int sc_json_i64(
	const struct sc_json *doc, const struct sc_json_token *token, int64_t *value);

/* ---- places ----------------------------------------------------------------------- */

/* Where the last path went in each array and object: paths of tokens in ascending order then cost no
 * more than the text is long. Zero-initialised, for one document. */
struct sc_json_trail {
	struct {
		const struct sc_json_token *in, *at;
		uint32_t i;
	} levels[8];
};

/* Writes the token's path; a long one loses its beginning. @size is at least 128. @trail may be NULL. */
void sc_json_path(const struct sc_json *doc, const struct sc_json_token *token,
	struct sc_json_trail *trail, char *path, size_t size);

/* What the token is, for a sentence: the string "abc", the number 12, an array, null … */
void sc_json_describe(const struct sc_json *doc, const struct sc_json_token *token,
	char *text, size_t size);

/* The length of the valid UTF-8 character at @s; 0: there is none. */
unsigned sc_json_utf8(const char *s, const char *end);

/* A piece of hostile text for a sentence: its first characters, none that moves a cursor.
 */
#define SC_JSON_EXCERPT 72
void sc_json_excerpt(const char *text, size_t length, char excerpt[SC_JSON_EXCERPT]);

/* Fills @error (may be NULL) with the token's place and the message. Returns -EINVAL. */
__attribute__((format(printf, 4, 5))) int sc_json_fail(const struct sc_json *doc,
	const struct sc_json_token *token, struct sc_json_error *error,
	const char *format, ...);

/* "found X, expected @expected" */
int sc_json_unexpected(const struct sc_json *doc, const struct sc_json_token *token,
	struct sc_json_error *error, const char *expected);

/* ---- writing ---------------------------------------------------------------------- */

/* Zero-initialised (@indent and @file as wanted). With a @file the text goes there at once; without,
 * it is kept in @text, which ends with a NUL and which the caller frees. Always valid JSON: bytes that
 * are no UTF-8 become U+FFFD. Errors stick (-ENOMEM, -EIO): @error is looked at once, at the end. */
struct sc_json_out {
	FILE *file;
	char *text;
	size_t length, room;
	unsigned indent; /* columns a level; 0: all in one line */
	unsigned depth;
	bool filled; /* something stands before in this array or object */
	bool after_key;
	int error;
};

void sc_json_open(struct sc_json_out *out, char bracket);
void sc_json_close(struct sc_json_out *out, char bracket);
void sc_json_put_key(struct sc_json_out *out, const char *key);
void sc_json_put_key_text(struct sc_json_out *out, const char *key, size_t length);
void sc_json_put_text(struct sc_json_out *out, const char *text, size_t length);
void sc_json_put_string(struct sc_json_out *out, const char *text);
void sc_json_put_u64(struct sc_json_out *out, uint64_t value);
void sc_json_put_i64(struct sc_json_out *out, int64_t value);
/* A word of JSON as it stands: a number, true, false, null. */
void sc_json_put_word(struct sc_json_out *out, const char *word);
/* The token and all in it. */
void sc_json_put_copy(struct sc_json_out *out, const struct sc_json *doc,
	const struct sc_json_token *token);

/* Hand the text over, with a line feed behind it: not with a @file. 0 or what went wrong. */
int sc_json_finish(struct sc_json_out *out, char **text, size_t *size);

#pragma GCC visibility pop

#endif
