/* What commands remember of a program, as the program can make it grow: growth WHAT N.
 * growth.py counts the instructions of remember(). The answers are checked here.
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "occurrences.h"
#include "recording.h"

/* Numbers without a name, each met twice, in an order that is neither up nor down. */
static int calls(uint32_t n)
{
	struct recording r = {0};
	int bad = 0;

	for (uint32_t turn = 0; turn < 2; turn++) {
		for (uint32_t i = 0; i < n; i++) {
			int nr = (int)(i * 2654435761u | 0x10000000u);
			struct seen *s = recording_of(&r, SCMP_ARCH_NATIVE, nr);

			if (!s)
				return 1;
			bad |= s->nr != nr || s->count < turn;
			s->count++;
		}
	}
	recording_sort(&r);
	for (uint32_t i = 1; i < r.n; i++)
		bad |= (uint32_t)r.seen[i - 1].nr >= (uint32_t)r.seen[i].nr;
	bad |= r.n > n || r.n < n / 2 || r.n_named;
	recording_clear(&r);
	return bad;
}

/* Threads, each with two calls that are met twice. */
static int threads(uint32_t n)
{
	struct occurrences all = {0};
	int bad = 0;

	for (uint32_t turn = 0; turn < 4; turn++) {
		for (uint32_t i = 0; i < n; i++) {
			uint64_t thread = (uint64_t)(n - i) << 24;
			struct occurrence *o = occurrences_of(&all, thread, turn % 2);

			if (!o)
				return 1;
			bad |= o->thread != i + 1 || o->count != turn / 2;
			o->count++;
		}
	}
	bad |= all.n != 2 * n;
	occurrences_clear(&all);
	return bad;
}

__attribute__((noinline)) static int remember(const char *what, uint32_t n)
{
	return strcmp(what, "calls") == 0 ? calls(n) : threads(n);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	return remember(argv[1], (uint32_t)strtoul(argv[2], NULL, 10));
}
