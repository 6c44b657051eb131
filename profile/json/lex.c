/* Strings and numbers, and keys that are there twice.
 * SPDX-License-Identifier: MIT */
#include "json/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/hash.h"

/* RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF. */
unsigned sc_json_utf8(const char *text, const char *end)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t left = (size_t)(end - text);
	unsigned n = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;

	if (n > left)
		return 0;
	for (unsigned i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static char *put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

/* Four hexadecimal digits behind \u. */
static int read_unit(struct sc_json_reader *r, uint32_t *unit)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 4; i++, r->at++) {
		char c = sc_json_next(r);

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			v = v << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return sc_json_stop_at(r, r->at, "a hexadecimal digit");
	}
	*unit = v;
	return 0;
}

/* Behind the backslash and the u. Two halves of a surrogate pair are one character. */
static int read_unicode(struct sc_json_reader *r, char **to)
{
	const char *start = r->at - 2;
	uint32_t c = 0, low = 0;
	int rc = read_unit(r, &c);

	if (rc)
		return rc;
	if (c >= 0xd800 && c < 0xdc00 && r->end - r->at >= 2 && r->at[0] == '\\' &&
		r->at[1] == 'u') {
		r->at += 2;
		rc = read_unit(r, &low);
		if (rc)
			return rc;
		if (low >= 0xdc00 && low < 0xe000)
			c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
	}
	if (c >= 0xd800 && c < 0xe000)
		return sc_json_stop(r, -EINVAL, start,
			"found half of a surrogate pair, expected a character");
	*to = put_utf8(*to, c);
	return 0;
}

static int read_escape(struct sc_json_reader *r, char **to)
{
	static const char letters[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *found;
	char c;

	r->at++;
	c = sc_json_next(r);
	found = c ? strchr(letters, c) : NULL;
	if (!found && c != 'u')
		return sc_json_stop_at(r, r->at, "one of \"\\/bfnrtu behind a backslash");
	r->at++;
	if (!found)
		return read_unicode(r, to);
	*(*to)++ = means[found - letters];
	return 0;
}

int sc_json_lex_string(struct sc_json_reader *r, uint32_t index)
{
	struct sc_json *doc = r->doc;
	char *start = doc->texts + doc->n_texts, *to = start;

	r->at++;
	while (r->at < r->end && *r->at != '"') {
		unsigned char c = (unsigned char)*r->at;
		unsigned n = 1;
		int rc;

		if (c == '\\') {
			rc = read_escape(r, &to);
			if (rc)
				return rc;
			continue;
		}
		if (c < 0x20)
			return sc_json_stop_at(
				r, r->at, "\\u00XX for a control character");
		if (c >= 0x80)
			n = sc_json_utf8(r->at, r->end);
		if (!n)
			return sc_json_stop_at(r, r->at, "valid UTF-8");
		while (n--)
			*to++ = *r->at++;
	}
	if (r->at >= r->end)
		return sc_json_stop_at(r, r->at, "the closing quote of a string");
	r->at++;
	*to = '\0';
	doc->tokens[index].text = doc->n_texts;
	doc->tokens[index].length = (uint32_t)(to - start);
	doc->n_texts += (uint32_t)(to - start) + 1;
	return 0;
}

static bool skip_digits(struct sc_json_reader *r)
{
	const char *start = r->at;

	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	return r->at > start;
}

static int scan_number(struct sc_json_reader *r)
{
	if (*r->at == '-')
		r->at++;
	if (r->at < r->end && *r->at == '0')
		r->at++;
	else if (!skip_digits(r))
		return sc_json_stop_at(r, r->at, "a digit");
	if (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		return sc_json_stop(r, -EINVAL, r->at - 1,
			"found a number that begins with 0, expected its other digits "
			"alone");
	if (r->at < r->end && *r->at == '.') {
		r->at++;
		if (!skip_digits(r))
			return sc_json_stop_at(r, r->at, "a digit");
	}
	if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
		r->at++;
		if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
			r->at++;
		if (!skip_digits(r))
			return sc_json_stop_at(r, r->at, "a digit");
	}
	return 0;
}

int sc_json_lex_number(struct sc_json_reader *r, uint32_t index)
{
	struct sc_json *doc = r->doc;
	const char *start = r->at;
	size_t n;
	int rc = scan_number(r);

	if (rc)
		return rc;
	n = (size_t)(r->at - start);
	memcpy(doc->texts + doc->n_texts, start, n);
	doc->texts[doc->n_texts + n] = '\0';
	doc->tokens[index].text = doc->n_texts;
	doc->tokens[index].length = (uint32_t)n;
	doc->n_texts += (uint32_t)n + 1;
	return 0;
}

/* ---- keys ------------------------------------------------------------------------- */

static bool same_text(const struct sc_json *doc, const struct sc_json_token *a,
	const struct sc_json_token *b)
{
	return a->length == b->length &&
	       !memcmp(doc->texts + a->text, doc->texts + b->text, a->length);
}

static uint64_t hash_text(const struct sc_json *doc, const struct sc_json_token *t)
{
	uint64_t h = sc_hash_mix(sc_hash_seed(), t->length), word = 0;

	for (uint32_t i = 0; i < t->length; i += 8) {
		uint32_t n = t->length - i < 8 ? t->length - i : 8;

		word = 0;
		memcpy(&word, doc->texts + t->text + i, n);
		h = sc_hash_mix(h, word);
	}
	return h;
}

static int stop_twice(struct sc_json_reader *r, const struct sc_json_token *first,
	const struct sc_json_token *second)
{
	char key[SC_JSON_EXCERPT];

	r->levels[r->depth - 1].key = (uint32_t)(second - r->doc->tokens);
	r->line = second->line;
	sc_json_excerpt(r->doc->texts + second->text, second->length, key);
	return sc_json_stop(r, -EINVAL, r->doc->source + second->at,
		"found the key \"%s\" a second time (first in line %u)", key,
		first->line);
}

static int check_few(struct sc_json_reader *r, const struct sc_json_token *object)
{
	sc_json_each_member(object, b, b_value)
	{
		sc_json_each_member(object, a, a_value)
		{
			if (a == b)
				break;
			if (same_text(r->doc, a, b))
				return stop_twice(r, a, b);
		}
	}
	return 0;
}

int sc_json_check_keys(struct sc_json_reader *r, uint32_t index)
{
	const struct sc_json_token *object = &r->doc->tokens[index];
	_cleanup_free_ uint32_t *slots = NULL;
	uint32_t mask = 31;

	if (object->length <= 10)
		return check_few(r, object);
	while (mask < 2 * object->length)
		mask = mask << 1 | 1;
	slots = calloc((size_t)mask + 1, sizeof(*slots));
	if (!slots)
		return sc_json_stop(r, -ENOMEM, r->at, "out of memory");
	sc_json_each_member(object, key, value)
	{
		uint64_t h = hash_text(r->doc, key);
		uint32_t i = (uint32_t)(h >> 32) & mask;

		/* The document itself is token 0 and no key: 0 is an empty slot. */
		for (; slots[i]; i = (i + 1) & mask)
			if (same_text(r->doc, &r->doc->tokens[slots[i]], key))
				return stop_twice(r, &r->doc->tokens[slots[i]], key);
		slots[i] = (uint32_t)(key - r->doc->tokens);
	}
	return 0;
}
