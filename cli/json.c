/* A writer of JSON for reports.
 * SPDX-License-Identifier: MIT */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "json.h"

/* The length of the UTF-8 sequence at @s, 0 when it is none. RFC 3629, section 4. */
static size_t sequence(const unsigned char *s)
{
	size_t n = s[0] < 0x80	 ? 1
		   : s[0] < 0xc2 ? 0
		   : s[0] < 0xe0 ? 2
		   : s[0] < 0xf0 ? 3
				 : 4;

	if (s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and what is beyond U+10FFFF. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void quote(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	putc('"', out);
	while (*s) {
		size_t n = sequence(s);

		if (n == 0) {
			fputs("\\ufffd", out);
			n = 1;
		} else if (*s == '"' || *s == '\\') {
			fprintf(out, "\\%c", *s);
		} else if (*s == '\n') {
			fputs("\\n", out);
		} else if (*s == '\t') {
			fputs("\\t", out);
		} else if (*s < 0x20 || *s == 0x7f) {
			fprintf(out, "\\u%04x", *s);
		} else {
			fwrite(s, 1, n, out);
		}
		s += n;
	}
	putc('"', out);
}

static void indent(const struct cli_json *j)
{
	putc('\n', j->out);
	for (unsigned int i = 0; i < j->depth; i++)
		fputs("  ", j->out);
}

/* What stands before a value. */
static void before(struct cli_json *j, const char *key)
{
	if (j->depth == 0)
		return;
	if (j->filled[j->depth - 1])
		putc(',', j->out);
	j->filled[j->depth - 1] = true;
	indent(j);
	if (key) {
		quote(j->out, key);
		fputs(": ", j->out);
	}
}

static void open_value(struct cli_json *j, const char *key, bool array)
{
	assert(j->depth < CLI_JSON_DEPTH);
	before(j, key);
	putc(array ? '[' : '{', j->out);
	j->array[j->depth] = array;
	j->filled[j->depth++] = false;
}

void cli_json_object(struct cli_json *j, const char *key)
{
	open_value(j, key, false);
}

void cli_json_array(struct cli_json *j, const char *key)
{
	open_value(j, key, true);
}

void cli_json_end(struct cli_json *j)
{
	assert(j->depth > 0);
	j->depth--;
	if (j->filled[j->depth])
		indent(j);
	putc(j->array[j->depth] ? ']' : '}', j->out);
	if (j->depth == 0)
		putc('\n', j->out);
}

void cli_json_string(struct cli_json *j, const char *key, const char *value)
{
	before(j, key);
	if (value)
		quote(j->out, value);
	else
		fputs("null", j->out);
}

void cli_json_format(struct cli_json *j, const char *key, const char *format, ...)
{
	char buf[512];
	va_list args;

	va_start(args, format);
	vsnprintf(buf, sizeof(buf), format, args);
	va_end(args);
	cli_json_string(j, key, buf);
}

void cli_json_number(struct cli_json *j, const char *key, int64_t value)
{
	before(j, key);
	fprintf(j->out, "%" PRId64, value);
}

void cli_json_bool(struct cli_json *j, const char *key, bool value)
{
	before(j, key);
	fputs(value ? "true" : "false", j->out);
}
