/* The layout of tables.gen.c. Only src/arch/ reads it.
 * SPDX-License-Identifier: MIT */
#ifndef SC_ARCH_TABLES_H
#define SC_ARCH_TABLES_H

#include "arch/arch.h"

#define SC_NONE UINT16_MAX /* no row */

/* Where a column's part of sc_arch_data_row_of_nr begins, and how many numbers it has. */
struct sc_column {
	uint16_t first;
	uint16_t count;
};

/* Hidden to the compiler, too: else it reads their addresses from the GOT. */
#pragma GCC visibility push(hidden)

extern const struct sc_arch sc_arch_data_archs[];
extern const uint8_t sc_arch_data_native; /* which of them we are compiled for: native.h */
extern const uint16_t sc_arch_data_native_at; /* where its column begins in sc_arch_data_nr */
extern const uint32_t sc_arch_data_arch_mul; /* token -> slot; lookup.c */
extern const uint8_t sc_arch_data_arch_slots[]; /* 64 */

extern const uint8_t sc_arch_data_name_seeds[]; /* 256, of the perfect hash */
extern const uint16_t sc_arch_data_name_slots[]; /* 1024, SC_NONE where empty */

extern const struct sc_column sc_arch_data_columns[];
extern const uint16_t sc_arch_data_row_of_nr[];
extern const uint16_t sc_arch_data_row_of_low[];
extern const unsigned int sc_arch_data_low_count;
extern const uint16_t sc_arch_data_row_of_high[];
extern const unsigned int sc_arch_data_high_count;
extern const uint16_t sc_arch_data_private[]; /* SC_NONE where empty */
extern const unsigned int sc_arch_data_private_count;
extern const uint8_t sc_arch_data_private_column;

extern const uint8_t sc_arch_data_since[]; /* [column][row] -> version */
extern const uint16_t sc_arch_data_versions[]; /* major << 8 | minor */
extern const uint16_t sc_arch_data_socketcall; /* rows of the multiplexers */
extern const uint16_t sc_arch_data_ipc;

#pragma GCC visibility pop

#endif
