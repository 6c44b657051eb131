/* Text into a buffer of any size, counted whole as snprintf(3) does.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_MEANING_TEXT_H
#define SLUICE_MEANING_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"

#pragma GCC visibility push(hidden)

struct sc_text {
	char *buffer; /* may be NULL if @size is 0 */
	size_t size;
	size_t length; /* of the whole text, more than fits perhaps */
};

void sc_text_char(struct sc_text *text, char c);
void sc_text_add(struct sc_text *text, const char *string);
void sc_text_printf(struct sc_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* @length bytes as C would quote them; nothing but printable ASCII comes out. */
void sc_text_quote(struct sc_text *text, const unsigned char *bytes, size_t length);

/* Ends the buffer with NUL; returns the length of the whole text. */
size_t sc_text_end(struct sc_text *text);

/* @value in constants of the set @name (NULL or unknown: none), see
 * sluice_constant_text(). */
void sc_meaning_flags(struct sc_text *out, const struct sc_arch *arch, const char *name,
	uint64_t value);

/* The constant of exactly @value; false, and nothing written, where @name has none. */
bool sc_meaning_exact(struct sc_text *out, const struct sc_arch *arch, const char *name,
	uint64_t value);

#pragma GCC visibility pop

#endif
