/* Lists of undecided rules: what an answer about an argument leaves of them.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "dag/state.h"
#include "util/vec.h"

int sc_dag_by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

const struct sc_cmp *sc_state_cmp(const struct sc_states *s, uint32_t rule, uint8_t arg)
{
	const struct sc_low_rule *r = &s->low->rules[s->call->first_rule + rule];

	for (uint32_t i = 0; i < r->n_cmps; i++)
		if (s->low->cmps[r->first_cmp + i].arg == arg)
			return &s->low->cmps[r->first_cmp + i];
	return NULL;
}

static uint32_t action_of(const struct sc_states *s, uint32_t rule)
{
	return s->low->rules[s->call->first_rule + rule].action;
}

struct sc_state sc_state_begin(const struct sc_states *s, uint32_t tail)
{
	return (struct sc_state){.at = s->n_pool, .tail = tail};
}

bool sc_state_push(struct sc_states *s, struct sc_state *state, uint32_t rule,
	uint32_t pending)
{
	if (++s->work > s->work_max)
		s->over = true;
	if (s->over || s->dag->rc < 0)
		return false;
	if (!pending) {
		state->tail = sc_dag_leaf(s->dag, action_of(s, rule));
		return false;
	}
	s->dag->rc = sc_reserve(s->pool, s->cap_pool, s->n_pool, 1);
	if (s->dag->rc < 0)
		return false;
	s->pool[s->n_pool++] = (struct sc_alive){.rule = rule, .pending = pending};
	state->len++;
	return true;
}

/* Rules at the end that say what is said without them are none. */
void sc_state_end(struct sc_states *s, struct sc_state *state)
{
	uint32_t action;

	if (s->dag->rc < 0 || s->over)
		return;
	action = s->dag->nodes[state->tail].k;
	while (state->len && action_of(s, s->pool[state->at + state->len - 1].rule) == action)
		state->len--;
	s->n_pool = state->at + state->len;
}

void sc_state_drop(struct sc_states *s, const struct sc_state *state)
{
	s->n_pool = state->at;
}

enum known { OPEN, HOLDS, FAILS };

/* (argument & mask) == value is known: what about @cmp? */
static enum known at_point(const struct sc_cmp *cmp, uint64_t mask, uint64_t value)
{
	bool clash = ((cmp->datum ^ value) & mask & cmp->mask) != 0;

	switch (cmp->op) {
	case SC_OP_MASKED_EQ:
	case SC_OP_EQ:
		if (clash)
			return FAILS;
		return (cmp->mask & ~mask) == 0 ? HOLDS : OPEN;
	case SC_OP_NE:
		if (clash)
			return HOLDS;
		return (cmp->mask & ~mask) == 0 ? FAILS : OPEN;
	default:
		return OPEN;
	}
}

/* (argument & mask) is known to be none of the points: what about @cmp? */
static enum known off_points(const struct sc_cmp *cmp, uint64_t mask, const uint64_t *points,
	uint32_t n)
{
	uint64_t value = cmp->datum & mask;
	bool excluded = (mask & ~cmp->mask) == 0 &&
		bsearch(&value, points, n, sizeof(value), sc_dag_by_value);

	switch (cmp->op) {
	case SC_OP_MASKED_EQ:
	case SC_OP_EQ:
		return excluded ? FAILS : OPEN;
	case SC_OP_NE:
		return excluded ? HOLDS : OPEN;
	default:
		return OPEN;
	}
}

/* Pushes the rule @i of @from as what is known leaves it. Returns false when the list is
 * decided. */
static bool carry(struct sc_states *s, struct sc_state *to, const struct sc_state *from,
	uint32_t i, uint8_t arg, enum known known)
{
	struct sc_alive alive = s->pool[from->at + i];

	if (known == FAILS)
		return true;
	if (known == HOLDS)
		alive.pending &= ~(1U << arg);
	return sc_state_push(s, to, alive.rule, alive.pending);
}

static const struct sc_cmp *pending_cmp(const struct sc_states *s,
	const struct sc_state *state, uint32_t i, uint8_t arg)
{
	const struct sc_alive *alive = &s->pool[state->at + i];

	return alive->pending & 1U << arg ? sc_state_cmp(s, alive->rule, arg) : NULL;
}

struct sc_state sc_state_at_point(struct sc_states *s, const struct sc_state *state,
	uint8_t arg, uint64_t mask, uint64_t value)
{
	struct sc_state left = sc_state_begin(s, state->tail);

	s->work += state->len;
	for (uint32_t i = 0; i < state->len; i++) {
		const struct sc_cmp *cmp = pending_cmp(s, state, i, arg);

		if (!carry(s, &left, state, i, arg, cmp ? at_point(cmp, mask, value) : OPEN))
			break;
	}
	sc_state_end(s, &left);
	return left;
}

struct sc_state sc_state_off_points(struct sc_states *s, const struct sc_state *state,
	uint8_t arg, uint64_t mask, const uint64_t *points, uint32_t n)
{
	struct sc_state left = sc_state_begin(s, state->tail);

	s->work += state->len;
	for (uint32_t i = 0; i < state->len; i++) {
		const struct sc_cmp *cmp = pending_cmp(s, state, i, arg);

		if (!carry(s, &left, state, i, arg,
			    cmp ? off_points(cmp, mask, points, n) : OPEN))
			break;
	}
	sc_state_end(s, &left);
	return left;
}

void sc_states_clear(struct sc_states *s)
{
	free(s->pool);
	free(s->kept);
	free(s->memos);
}
