/* The input of fuzz_decode, which its seeds are, too.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_DECODE_H
#define TESTS_FUZZ_DECODE_H

#define DECODE_ARGS 6		       /* where the arguments begin */
#define DECODE_HEAD (DECODE_ARGS + 48) /* where memory begins */
#define DECODE_BASE 0x10000	       /* its first address */

/* How memory lies. */
enum {
	DECODE_EVERYWHERE = 1, /* the same again and again, at every address */
	DECODE_SHORT = 2,      /* less than is there */
	DECODE_CHANGES = 4,    /* something else with each read */
	DECODE_LIES = 8,       /* says that it gave more than was asked for, or nothing */
};
#define DECODE_INCONSTANT (DECODE_SHORT | DECODE_CHANGES | DECODE_LIES)

#endif
