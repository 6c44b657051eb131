/* Joining and moving what is known of words.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "calls/value.h"

static const struct calls_value any = {.kind = V_ANY};

static bool same(const struct calls_value *a, const struct calls_value *b)
{
	return a->kind == b->kind && a->n == b->n && a->params == b->params &&
	       memcmp(a->values, b->values, a->n * sizeof(a->values[0])) == 0;
}

bool calls_value_join(struct calls_value *into, const struct calls_value *from)
{
	struct calls_value result = *into;

	if (into->kind == V_ANY || same(into, from))
		return false;
	if (into->kind != V_SET || from->kind != V_SET) {
		*into = any;
		return true;
	}
	result.params |= from->params;
	for (uint8_t i = 0; i < from->n; i++) {
		uint8_t k = 0;

		while (k < result.n && result.values[k] != from->values[i])
			k++;
		if (k < result.n)
			continue;
		if (result.n == CALLS_VALUES) {
			*into = any;
			return true;
		}
		result.values[result.n++] = from->values[i];
	}
	if (same(into, &result))
		return false;
	*into = result;
	return true;
}

struct calls_value calls_value_add(const struct calls_value *value, int64_t add, bool narrow)
{
	struct calls_value result = *value;

	if (add == 0 && !narrow)
		return result;
	if (value->kind == V_SYMBOL || (value->params && add) || (value->kind == V_STACK && narrow))
		return any;
	for (uint8_t i = 0; i < result.n; i++) {
		uint64_t sum = (uint64_t)result.values[i] + (uint64_t)add;

		result.values[i] = narrow ? (int64_t)(uint32_t)sum : (int64_t)sum;
	}
	return result;
}

void calls_state_unknown(struct calls_state *state)
{
	memset(state, 0, sizeof(*state));
	state->reached = true;
	for (unsigned int i = 0; i < CALLS_REGISTERS; i++)
		state->registers[i] = any;
}

void calls_state_entry(struct calls_state *state, const struct calls_machine *machine)
{
	calls_state_unknown(state);
	for (unsigned int i = 0; i < CALLS_REGISTERS; i++)
		if (machine->params >> i & 1)
			state->registers[i] =
				(struct calls_value){.kind = V_SET, .params = UINT64_C(1) << i};
	state->registers[machine->stack] = (struct calls_value){.kind = V_STACK, .n = 1};
}

static struct calls_slot *slot(const struct calls_state *state, int64_t at)
{
	for (uint8_t i = 0; i < state->n_slots; i++)
		if (state->slots[i].at == at)
			return (struct calls_slot *)(uintptr_t)&state->slots[i];
	return NULL;
}

bool calls_state_join(struct calls_state *into, const struct calls_state *from)
{
	bool changed = false;
	uint8_t n = 0;

	if (!into->reached) {
		*into = *from;
		return true;
	}
	for (unsigned int i = 0; i < CALLS_REGISTERS; i++)
		changed |= calls_value_join(&into->registers[i], &from->registers[i]);
	for (uint8_t i = 0; i < into->n_slots; i++) {
		const struct calls_slot *other = slot(from, into->slots[i].at);

		changed |= calls_value_join(&into->slots[i].value, other ? &other->value : &any);
	}
	/* A word that only @from has written may be a parameter no more. */
	n = into->n_slots;
	for (uint8_t i = 0; i < from->n_slots; i++) {
		if (slot(into, from->slots[i].at) || n == CALLS_SLOTS)
			continue;
		into->slots[n++] = (struct calls_slot){from->slots[i].at, any};
		into->n_slots = n;
		changed = true;
	}
	return changed;
}

struct calls_value calls_slot_load(const struct calls_state *state,
	const struct calls_machine *machine, int64_t at)
{
	const struct calls_slot *s = slot(state, at);
	int64_t first = machine->return_on_stack ? 8 : 0;

	if (s)
		return s->value;
	if (at >= first && at < first + 8 * CALLS_STACK_PARAMS && (at - first) % 8 == 0 &&
		state->n_slots < CALLS_SLOTS)
		return (struct calls_value){.kind = V_SET,
			.params = UINT64_C(1) << (CALLS_REGISTERS + (at - first) / 8)};
	return any;
}

void calls_slot_store(struct calls_state *state, int64_t at, struct calls_value value)
{
	struct calls_slot *s = slot(state, at);

	if (s)
		s->value = value;
	else if (state->n_slots < CALLS_SLOTS)
		state->slots[state->n_slots++] = (struct calls_slot){at, value};
	/* A full table forgets: loads of words that are not in it are unknown. */
}
