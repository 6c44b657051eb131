/* A set of values told by one test of bits.
 *
 * A filter that allows the values {0, 8, 0x20000, 0x20008} of an argument could ask for each:
 * four comparisons. But these are all the values that have no bit outside 0x20008:
 *
 *	0x00000 = no bit	0x00008 = 8
 *	0x20000 = 0x20000	0x20008 = 0x20000 | 8
 *
 * so "jset #~0x20008" tells them from all others: it jumps where a bit is set that none of them
 * has. A set can be told so when it has 0, its single bits, every sum of these, and nothing
 * else: with n single bits, 2^n values. personality(2) in the profiles of container engines is
 * such a set.
 * SPDX-License-Identifier: MIT */
#include "dag/dispatch.h"

/* Fewer values are as cheap with comparisons; more pieces are not looked through. */
#define VALUES_MIN 4
#define PIECES_MAX 64

uint32_t sc_take_bits(struct sc_piece *pieces, uint32_t n, uint32_t *node)
{
	uint32_t yes = pieces[0].node, rest = yes, bits = 0, members = 0;

	if (n < VALUES_MIN || n > PIECES_MAX || !sc_piece_is_point(pieces, n, 0))
		return 0;
	for (uint32_t i = 1; i < n; i++) {
		if (!sc_piece_is_point(pieces, n, i))
			rest = pieces[i].node;
		else if (pieces[i].node == yes &&
			(pieces[i].start & (pieces[i].start - 1)) == 0)
			bits |= pieces[i].start;
	}
	for (uint32_t i = 0; i < n; i++) {
		bool point = sc_piece_is_point(pieces, n, i);

		if (!point && pieces[i].node != rest)
			return 0;
		members += point && pieces[i].node == yes && (pieces[i].start & ~bits) == 0;
	}
	if (yes == rest || members < VALUES_MIN || members != 1U << __builtin_popcount(bits))
		return 0;
	*node = yes;
	for (uint32_t i = 0; i < n; i++)
		if (pieces[i].node == yes && (pieces[i].start & ~bits) == 0)
			pieces[i].node = rest;
	return bits;
}
