/* Text into a buffer of any size.
 * SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>

#include "meaning/text.h"

void sc_text_char(struct sc_text *text, char c)
{
	if (text->length < text->size)
		text->buffer[text->length] = c;
	text->length++;
}

void sc_text_add(struct sc_text *text, const char *string)
{
	while (*string)
		sc_text_char(text, *string++);
}

/* Everything that is formatted here is short: names of this library's tables and numbers.
 */
void sc_text_printf(struct sc_text *text, const char *format, ...)
{
	char piece[256];
	va_list args;

	va_start(args, format);
	vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	sc_text_add(text, piece);
}

static const char *escape_of(unsigned char c)
{
	switch (c) {
	case '\n':
		return "\\n";
	case '\t':
		return "\\t";
	case '\r':
		return "\\r";
	case '\v':
		return "\\v";
	case '\f':
		return "\\f";
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	default:
		return NULL;
	}
}

void sc_text_quote(struct sc_text *text, const unsigned char *bytes, size_t length)
{
	sc_text_char(text, '"');
	for (size_t i = 0; i < length; i++) {
		unsigned char c = bytes[i];
		const char *escape = escape_of(c);
		bool digit = i + 1 < length && bytes[i + 1] >= '0' && bytes[i + 1] <= '9';

		if (escape)
			sc_text_add(text, escape);
		else if (c >= ' ' && c < 0x7f)
			sc_text_char(text, (char)c);
		else /* a digit behind it would be read as a part of it */
			sc_text_printf(text, digit ? "\\%03o" : "\\%o", c);
	}
	sc_text_char(text, '"');
}

size_t sc_text_end(struct sc_text *text)
{
	if (text->size)
		text->buffer[text->length < text->size ? text->length : text->size - 1] =
			0;
	return text->length;
}
