/* Counters of threads and calls.
 * SPDX-License-Identifier: MIT */
#include "occurrences.h"

#include <stdlib.h>
#include <string.h>

#include "proc.h"
#include "util/hash.h"
#include "util/vec.h"

/* Which threads call, and what, is up to the program. */
static uint64_t hash_of(const uint64_t key[2])
{
	return sc_hash_mix(sc_hash_mix(sc_hash_seed(), key[0]), key[1]);
}

static uint64_t hash_item(const void *owner, uint32_t i)
{
	const struct occurrences *all = owner;

	return hash_of(all->items[i].key);
}

static bool same_item(const void *owner, uint32_t i, const void *key)
{
	const struct occurrences *all = owner;

	return memcmp(all->items[i].key, key, sizeof(all->items[i].key)) == 0;
}

static uint64_t hash_thread(const void *owner, uint32_t i)
{
	const struct occurrences *all = owner;

	return sc_hash_mix(sc_hash_seed(), all->threads[i]);
}

static bool same_thread(const void *owner, uint32_t i, const void *key)
{
	const struct occurrences *all = owner;

	return memcmp(&all->threads[i], key, sizeof(all->threads[i])) == 0;
}

/* Threads are numbered as they are first met, so that chances are the same in every run.
 * From 1 on; 0: no memory. */
static uint32_t number_of(struct occurrences *all, uint64_t thread)
{
	uint32_t *slot;

	if (sc_reserve(all->threads, all->cap_threads, all->n_threads, 1) ||
		sc_set_reserve(&all->by_thread, 1, hash_thread, all))
		return 0;
	slot = sc_set_find(&all->by_thread, sc_hash_mix(sc_hash_seed(), thread),
		same_thread, all, &thread);
	if (!*slot) {
		all->threads[all->n_threads] = thread;
		sc_set_insert(&all->by_thread, slot, all->n_threads++);
	}
	return *slot;
}

struct occurrence *occurrences_of(struct occurrences *all, uint64_t thread, uint64_t what)
{
	uint64_t key[2] = {thread, what};
	uint32_t *slot, number;

	if (sc_reserve(all->items, all->cap, all->n, 1) ||
		sc_set_reserve(&all->by_key, 1, hash_item, all))
		return NULL;
	slot = sc_set_find(&all->by_key, hash_of(key), same_item, all, key);
	if (*slot)
		return &all->items[*slot - 1];
	number = number_of(all, thread);
	if (!number)
		return NULL;
	all->items[all->n] = (struct occurrence){.key = {thread, what}, .thread = number};
	sc_set_insert(&all->by_key, slot, all->n);
	return &all->items[all->n++];
}

uint64_t occurrences_thread(pid_t tid)
{
	unsigned long long start = 0;

	/* The id alone may be another thread's by now. */
	cli_proc_stat(tid, CLI_STAT_START, &start);
	return start << 24 ^ (uint64_t)tid;
}

void occurrences_clear(struct occurrences *all)
{
	free(all->items);
	free(all->threads);
	sc_set_clear(&all->by_key);
	sc_set_clear(&all->by_thread);
	*all = (struct occurrences){0};
}
