/* What the files of the reader share.
 * SPDX-License-Identifier: MIT */
#ifndef SC_JSON_READER_H
#define SC_JSON_READER_H

#include "json/json.h"

#pragma GCC visibility push(hidden)

#define SC_JSON_NO_KEY UINT32_MAX

struct sc_json_level {
	uint32_t token; /* the array or object that is open */
	uint32_t key;	/* the member's that is being read, or SC_JSON_NO_KEY */
};

struct sc_json_reader {
	struct sc_json *doc;
	const char *at, *end;
	const char *counted; /* up to where the columns of @line are counted */
	uint32_t line, column; /* @column: of @counted */
	struct sc_json_level levels[SC_JSON_MAX_DEPTH];
	unsigned depth;
	struct sc_json_error *error;
};

/* The byte that is next; NUL: there is none. */
static inline char sc_json_next(const struct sc_json_reader *r)
{
	if (r->at < r->end)
		return *r->at;
	return '\0';
}

/* Fills the error with the place @where. Returns @code. */
__attribute__((format(printf, 4, 5))) int sc_json_stop(
	struct sc_json_reader *r, int code, const char *where, const char *format, ...);
/* "found what is at @where, expected @expected" */
int sc_json_stop_at(struct sc_json_reader *r, const char *where, const char *expected);

/* A new token that begins at the reader's place. 0, -E2BIG, -ENOMEM. */
int sc_json_add(struct sc_json_reader *r, enum sc_json_type type, uint32_t *index);

/* A string or a number at the reader's place: text and length of @index, and on behind
 * it. */
int sc_json_lex_string(struct sc_json_reader *r, uint32_t index);
int sc_json_lex_number(struct sc_json_reader *r, uint32_t index);

/* -EINVAL where the object has a key twice; the error then names the second one. */
int sc_json_check_keys(struct sc_json_reader *r, uint32_t object);

/* Adds one step to a path that @used bytes are written of; a path that is too long loses
 * its beginning. @key NULL: the element @i. */
void sc_json_path_step(char *path, size_t size, const char *key, uint32_t i);

#pragma GCC visibility pop

#endif
