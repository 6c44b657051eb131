/* What system calls mean, as constant data (scripts/gen-meaning). Rows and columns are
 * those of src/arch; texts are offsets in one array, 0 the empty one. No table holds a
 * pointer. SPDX-License-Identifier: MIT */
#ifndef SLUICE_MEANING_TABLES_H
#define SLUICE_MEANING_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#define SC_MEANING_UNKNOWN 0xffff /* in sc_meaning_proto_of: nobody says what it takes   \
				   */

struct sc_meaning_arg {
	uint16_t name, ctype, detail; /* the set of constants, or the structure */
	uint8_t type;		      /* enum sluice_arg_type */
	uint8_t part; /* enum sluice_arg_part; low and high: the first and the second
		       * register of a pair as little-endian machines have it */
	uint8_t bits; /* 0: the register's width */
	bool is_signed;
};

struct sc_meaning_proto {
	uint16_t first; /* in sc_meaning_lists */
	uint8_t count;
};

struct sc_meaning_set {
	uint16_t name, first, count; /* in sc_meaning_constants, by value */
	uint32_t field; /* bits that are one number among flags; 0: none, all: no
			 * flags at all */
};

struct sc_meaning_constant {
	uint64_t value;
	uint32_t columns; /* bits: the columns where the name has this value */
	uint16_t name;
};

struct sc_meaning_sibling {
	uint16_t row;
	uint8_t kind; /* enum sluice_sibling_kind */
};

struct sc_meaning_closure {
	uint16_t cause; /* a row, or SC_MEANING_UNKNOWN: every program */
	uint16_t row, kind, reason;
};

#pragma GCC visibility push(hidden)

extern const char sc_meaning_text[];
extern const struct sc_meaning_arg sc_meaning_args[];
extern const uint16_t sc_meaning_lists[]; /* indexes of sc_meaning_args */
extern const struct sc_meaning_proto sc_meaning_protos[];
extern const uint16_t sc_meaning_proto_of[]; /* [column][row] */
extern const unsigned sc_meaning_group_count;
extern const uint16_t sc_meaning_groups[];    /* names */
extern const uint64_t sc_meaning_groups_of[]; /* [row]: bits of groups */
extern const unsigned sc_meaning_set_count;
extern const struct sc_meaning_set sc_meaning_sets[]; /* by name */
extern const struct sc_meaning_constant sc_meaning_constants[];
extern const struct sc_meaning_sibling sc_meaning_siblings[];
extern const uint16_t sc_meaning_sibling_at[]; /* [row], and the end behind the last */
extern const uint8_t sc_meaning_names_of[]; /* [row]: how many of the row's siblings are of kind ABI: the first ones */
extern const unsigned sc_meaning_closure_count;
extern const struct sc_meaning_closure sc_meaning_closure[];

#pragma GCC visibility pop

#endif
