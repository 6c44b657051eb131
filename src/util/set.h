/* A set of array elements, found by what they hold: the hash table of this library.
 *
 * The elements stay in an array of their owner; the set has their indices, by open addressing.
 * How an element is hashed and compared is the owner's: the hash is of 64 bits, the upper half
 * of which counts, and begins with sc_hash_seed() where a caller could choose what collides. No
 * decision rests on a hash alone: sc_set_find() asks @same of each candidate.
 *
 *	static bool same_name(const void *owner, uint32_t index, const void *name);
 *
 *	slot = sc_set_find(&t->by_name, hash, same_name, t, name);
 *	if (*slot)
 *		return &t->items[*slot - 1];
 *	... append to t->items ...
 *	sc_set_insert(&t->by_name, slot, index);      // after sc_set_reserve()
 *
 * SPDX-License-Identifier: MIT */
#ifndef SC_UTIL_SET_H
#define SC_UTIL_SET_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct sc_set {
	uint32_t *slots; /* index + 1; 0: free */
	uint32_t n_slots; /* a power of two, at least twice @n; 0: none yet */
	uint32_t n;
};

#define SC_SET_SLOTS_MIN 64

typedef uint64_t sc_set_hash(const void *owner, uint32_t index);
typedef bool sc_set_same(const void *owner, uint32_t index, const void *key);

static inline void sc_set_clear(struct sc_set *set)
{
	free(set->slots);
	*set = (struct sc_set){0};
}

/* The slot of the element that is @same as @key, or the free one where it belongs. The set has
 * slots. */
static inline __attribute__((always_inline)) uint32_t *sc_set_find(const struct sc_set *set,
	uint64_t hash, sc_set_same *same, const void *owner, const void *key)
{
	for (uint32_t i = (uint32_t)(hash >> 32);; i++) {
		uint32_t *slot = &set->slots[i & (set->n_slots - 1)];

		if (!*slot || same(owner, *slot - 1, key))
			return slot;
	}
}

/* Puts element @index where sc_set_find() found nothing. Room was reserved. */
static inline void sc_set_insert(struct sc_set *set, uint32_t *slot, uint32_t index)
{
	*slot = index + 1;
	set->n++;
}

static inline bool sc_set_is_new(const void *owner, uint32_t index, const void *key)
{
	(void)owner, (void)index, (void)key;
	return false;
}

/* An empty set of @n_slots (a power of two). 0 or -ENOMEM (@out is untouched). */
static inline int sc_set_new(struct sc_set *out, uint32_t n_slots)
{
	uint32_t *slots = calloc(n_slots, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	*out = (struct sc_set){.slots = slots, .n_slots = n_slots};
	return 0;
}

/* New slots, @n_slots of them (a power of two), for the elements that are in. 0 or -ENOMEM (the
 * set is as before). */
static inline __attribute__((always_inline)) int sc_set_resize(struct sc_set *set,
	uint32_t n_slots, sc_set_hash *hash, const void *owner)
{
	struct sc_set grown;

	if (sc_set_new(&grown, n_slots))
		return -ENOMEM;
	for (uint32_t i = 0; i < set->n_slots; i++)
		if (set->slots[i])
			sc_set_insert(&grown,
				sc_set_find(&grown, hash(owner, set->slots[i] - 1), sc_set_is_new,
					owner, NULL),
				set->slots[i] - 1);
	free(set->slots);
	*set = grown;
	return 0;
}

/* Is there room for @more, with half of the slots free? */
static inline bool sc_set_has_room(const struct sc_set *set, uint32_t more)
{
	return ((uint64_t)set->n + more) * 2 <= set->n_slots;
}

/* Room for @more elements. 0 or -ENOMEM (the set is as before). */
static inline __attribute__((always_inline)) int sc_set_reserve(
	struct sc_set *set, uint32_t more, sc_set_hash *hash, const void *owner)
{
	uint32_t n_slots = set->n_slots ? set->n_slots : SC_SET_SLOTS_MIN;

	if (sc_set_has_room(set, more))
		return 0;
	while (((uint64_t)set->n + more) * 2 > n_slots) {
		if (n_slots > UINT32_MAX / 2)
			return -ENOMEM;
		n_slots *= 2;
	}
	return sc_set_resize(set, n_slots, hash, owner);
}

/* A copy. 0 or -ENOMEM. */
static inline int sc_set_copy(const struct sc_set *set, struct sc_set *out)
{
	struct sc_set copy = *set;

	copy.slots = NULL;
	if (set->n_slots) {
		copy.slots = malloc(set->n_slots * sizeof(*copy.slots));
		if (!copy.slots)
			return -ENOMEM;
		memcpy(copy.slots, set->slots, set->n_slots * sizeof(*copy.slots));
	}
	*out = copy;
	return 0;
}

#endif
