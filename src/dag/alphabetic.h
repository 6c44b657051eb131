/* Search trees over leaves that stay in order.
 * SPDX-License-Identifier: MIT */
#ifndef SC_DAG_ALPHABETIC_H
#define SC_DAG_ALPHABETIC_H

#include <stdint.h>

/* So many leaves and pairs are counted in a byte. */
#define SC_ALPHABETIC_MAX 128

/* The depth of each of the @n leaves, at most SC_ALPHABETIC_MAX, in a binary tree that
 * keeps their order and has the least sum of weight times depth. The sum of all weights fits
 * in 64 bits. */
void sc_alphabetic_depths(const uint64_t *weights, uint32_t n, uint8_t *depths);

#endif
