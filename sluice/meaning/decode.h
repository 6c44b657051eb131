/* One call that is being made into text.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_MEANING_DECODE_H
#define SLUICE_MEANING_DECODE_H

#include "meaning/meaning.h"
#include "meaning/text.h"

enum {
	SC_DECODE_STRING = 32, /* bytes of a buffer or of a string that are shown */
	SC_DECODE_PATH = 4096, /* of a path */
	SC_DECODE_ARRAY = 16,  /* elements of an array */
	SC_DECODE_VARIABLES = 1024, /* of an environment that are counted */
};

struct sc_decode {
	const struct sc_arch *arch;
	const struct sluice_call_info *call;
	const uint64_t *args;
	sluice_memory memory; /* NULL: none is at hand */
	void *data;
	struct sc_text *text;
};

#pragma GCC visibility push(hidden)

/* Copies @size bytes at @addr; false if any of them cannot be read. */
bool sc_decode_copy(struct sc_decode *d, uint64_t addr, void *buffer, size_t size);

/* An unsigned number of @size bytes (2, 4, 8) in the target's byte order. */
uint64_t sc_decode_number(
	const struct sc_decode *d, const unsigned char *bytes, size_t size);

/* Bytes of the target's pointers and longs. */
size_t sc_decode_word(const struct sc_decode *d);

/* The argument as the kernel reads it: cut and sign-extended, halves joined. */
uint64_t sc_decode_value(const struct sc_decode *d, unsigned index);

void sc_decode_signal(struct sc_decode *d, uint64_t value);

/* What kinds of memory hold, or the address where it cannot be read. */
void sc_decode_address(struct sc_decode *d, uint64_t addr);
void sc_decode_string(struct sc_decode *d, uint64_t addr, size_t shown);
void sc_decode_buffer(struct sc_decode *d, uint64_t addr, uint64_t length);
void sc_decode_strings(struct sc_decode *d, uint64_t addr);
void sc_decode_environment(struct sc_decode *d, uint64_t addr);
void sc_decode_iovec(struct sc_decode *d, uint64_t addr, uint64_t count, bool written);
void sc_decode_sockaddr(struct sc_decode *d, uint64_t addr, uint64_t length);
void sc_decode_msghdr(struct sc_decode *d, uint64_t addr);
void sc_decode_structure(struct sc_decode *d, uint64_t addr, const char *name);

#pragma GCC visibility pop

#endif
