/* Counters of threads and calls.
 * SPDX-License-Identifier: MIT */
#include "occurrences.h"

#include <stdlib.h>
#include <string.h>

#include "proc.h"
#include "util/vec.h"

static int compare_keys(const uint64_t a[2], const uint64_t b[2])
{
	if (a[0] != b[0])
		return a[0] < b[0] ? -1 : 1;
	return a[1] < b[1] ? -1 : a[1] > b[1];
}

static uint32_t place_of(const struct occurrences *all, const uint64_t key[2])
{
	uint32_t low = 0, high = all->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (compare_keys(all->items[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Threads are numbered as they are first met, so that chances are the same in every run.
 */
static uint32_t thread_at(const struct occurrences *all, uint32_t at, uint64_t thread)
{
	uint32_t most = 0;

	if (at < all->n && all->items[at].key[0] == thread)
		return all->items[at].thread;
	if (at > 0 && all->items[at - 1].key[0] == thread)
		return all->items[at - 1].thread;
	for (uint32_t i = 0; i < all->n; i++)
		if (all->items[i].thread > most)
			most = all->items[i].thread;
	return most + 1;
}

struct occurrence *occurrences_of(struct occurrences *all, uint64_t thread, uint64_t what)
{
	uint64_t key[2] = {thread, what};
	uint32_t at = place_of(all, key), number;
	struct occurrence *c;

	if (at < all->n && compare_keys(all->items[at].key, key) == 0)
		return &all->items[at];
	number = thread_at(all, at, thread);
	if (sc_reserve(all->items, all->cap, all->n, 1) < 0)
		return NULL;
	c = &all->items[at];
	memmove(c + 1, c, (all->n - at) * sizeof(*c));
	all->n++;
	*c = (struct occurrence){.key = {thread, what}, .thread = number};
	return c;
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
	*all = (struct occurrences){0};
}
