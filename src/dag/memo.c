/* Lists of rules met before.
 *
 * A list is compared whole, never by its hash alone: a policy made to collide must not get
 * another list's decision.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "dag/state.h"
#include "util/hash.h"
#include "util/vec.h"

/* Longer lists are seldom met twice, and long to copy. */
#define MEMO_LEN_MAX 64

static uint64_t hash_state(const struct sc_states *s, const struct sc_state *state)
{
	uint64_t h = sc_hash_mix(s->dag->seed ^ state->len, state->tail);

	for (uint32_t i = 0; i < state->len; i++) {
		const struct sc_alive *a = &s->pool[state->at + i];

		h = sc_hash_mix(h, (uint64_t)a->rule << 32 | a->pending);
	}
	return h | 1;
}

static bool same(const struct sc_states *s, const struct sc_memo *memo,
	const struct sc_state *state)
{
	return memo->state.len == state->len && memo->state.tail == state->tail &&
		memcmp(s->kept + memo->state.at, s->pool + state->at,
			state->len * sizeof(*s->pool)) == 0;
}

static struct sc_memo *slot_of(const struct sc_states *s, const struct sc_state *state,
	uint64_t hash)
{
	for (uint32_t i = (uint32_t)(hash >> 32);; i++) {
		struct sc_memo *memo = &s->memos[i & (s->n_slots - 1)];

		if (!memo->hash || (memo->hash == hash && same(s, memo, state)))
			return memo;
	}
}

static int grow(struct sc_states *s)
{
	uint32_t n_slots = s->n_slots ? s->n_slots * 2 : 8;
	struct sc_memo *memos = calloc(n_slots, sizeof(*memos));

	if (!memos)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n_slots; i++) {
		uint32_t to = (uint32_t)(s->memos[i].hash >> 32);

		if (!s->memos[i].hash)
			continue;
		while (memos[to & (n_slots - 1)].hash)
			to++;
		memos[to & (n_slots - 1)] = s->memos[i];
	}
	free(s->memos);
	s->memos = memos;
	s->n_slots = n_slots;
	return 0;
}

uint32_t sc_memo_find(const struct sc_states *s, const struct sc_state *state)
{
	const struct sc_memo *memo;

	if (!s->n_slots || state->len > MEMO_LEN_MAX)
		return SC_NO_NODE;
	memo = slot_of(s, state, hash_state(s, state));
	return memo->hash ? memo->node : SC_NO_NODE;
}

void sc_memo_keep(struct sc_states *s, const struct sc_state *state, uint32_t node)
{
	uint64_t hash;

	if (state->len > MEMO_LEN_MAX || s->dag->rc < 0 || s->over)
		return;
	if ((s->n_memos + 1) * 2 > s->n_slots)
		s->dag->rc = grow(s);
	if (!s->dag->rc)
		s->dag->rc = sc_reserve(s->kept, s->cap_kept, s->n_kept, state->len);
	if (s->dag->rc < 0)
		return;
	hash = hash_state(s, state);
	*slot_of(s, state, hash) = (struct sc_memo){
		.hash = hash,
		.state = {.at = s->n_kept, .len = state->len, .tail = state->tail},
		.node = node,
	};
	s->n_memos++;
	memcpy(s->kept + s->n_kept, s->pool + state->at, state->len * sizeof(*s->pool));
	s->n_kept += state->len;
}
