/* struct seccomp_data as 16 words of 32 bits, as LD W ABS 4 * word loads them.
 * SPDX-License-Identifier: MIT */
#ifndef SC_UTIL_WORDS_H
#define SC_UTIL_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#define SC_WORD_NR   0
#define SC_WORD_ARCH 1
#define SC_WORD_IP   2 /* and 3 */
#define SC_WORD_ARGS 4 /* two an argument */

/* Where the low and the high word of an argument lie: as in memory. */
static inline uint8_t sc_word_low(uint8_t arg, bool big_endian)
{
	return (uint8_t)(SC_WORD_ARGS + 2 * arg + (big_endian ? 1 : 0));
}

static inline uint8_t sc_word_high(uint8_t arg, bool big_endian)
{
	return (uint8_t)(SC_WORD_ARGS + 2 * arg + (big_endian ? 0 : 1));
}

#endif
