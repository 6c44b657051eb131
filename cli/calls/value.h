/* What is known of a word while a function runs.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_CALLS_VALUE_H
#define CLI_CALLS_VALUE_H

#include "calls/flow.h"

enum calls_value_kind {
	V_SET,	  /* one of the constants, or of the caller's parameters; empty: not reached */
	V_STACK,  /* the stack pointer at entry, plus values[0] */
	V_SYMBOL, /* the address of the dynamic symbol values[0] */
	V_ANY,
};

struct calls_value {
	uint8_t kind, n;
	uint64_t params;
	int64_t values[CALLS_VALUES];
};

/* A word of the stack, by its distance from the stack pointer at entry. */
#define CALLS_SLOTS 24
struct calls_slot {
	int64_t at;
	struct calls_value value;
};

struct calls_state {
	bool reached;
	uint8_t n_slots;
	struct calls_value registers[CALLS_REGISTERS];
	struct calls_slot slots[CALLS_SLOTS];
};

static inline struct calls_value calls_constant(int64_t value)
{
	return (struct calls_value){.kind = V_SET, .n = 1, .values = {value}};
}

/* Every parameter is itself, and the stack pointer is known. */
void calls_state_entry(struct calls_state *state, const struct calls_machine *machine);
/* Nothing is known. */
void calls_state_unknown(struct calls_state *state);
/* Make @into hold what either may be. True if that changed it. */
bool calls_state_join(struct calls_state *into, const struct calls_state *from);
bool calls_value_join(struct calls_value *into, const struct calls_value *from);
/* @value plus @add, cut to 32 bits if @narrow. */
struct calls_value calls_value_add(const struct calls_value *value, int64_t add, bool narrow);

/* The word at @at of the stack; parameters that the caller left there are themselves. */
struct calls_value calls_slot_load(const struct calls_state *state,
	const struct calls_machine *machine, int64_t at);
void calls_slot_store(struct calls_state *state, int64_t at, struct calls_value value);

#endif
