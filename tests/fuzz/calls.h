/* Scenarios as bytes, and back: what the fuzzer of API calls reads and its seeds are made of.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_CALLS_H
#define TESTS_FUZZ_CALLS_H

#include <stddef.h>

#include "cases/script.h"

#define CALLS_MAX 64 /* operations of one input */

/* Any bytes are a scenario. */
void calls_read(const unsigned char *bytes, size_t size, struct scenario *out);
/* The bytes of @s, at most @room; 0: it does not fit, or says what bytes cannot. */
size_t calls_write(const struct scenario *s, unsigned char *bytes, size_t room);

#endif
