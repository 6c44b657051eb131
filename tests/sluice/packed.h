/* Between the tests of multiplexed calls and their targets, of 64 and of 32 bits.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_PACKED_H
#define SLUICE_PACKED_H

#include <stdint.h>

#define BLOCK	   0x20000000u /* where targets of either width have their argument block */
#define NR_SOCKETCALL 102
#define NR_IPC	   117

/* A call of x86's table: ebx to ebp. */
long call_x86(long nr, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f);
volatile uint32_t *map_block(void);

/* What a target puts into word @i of the block for @code of socketcall, and the answers. */
static inline uint32_t word_of(int code, int i)
{
	return 0x1000u + 10u * (uint32_t)code + (uint32_t)i;
}
enum { FROM_FIRST = 1001, FROM_SECOND, FROM_THIRD, FROM_FIFTH = 1005, BEHIND = 2001, BEHIND_TOO };

/* Every code of both, checked against the answers 7 * code and 9 * code. 0: all right. */
int packed_target(void);

#endif
