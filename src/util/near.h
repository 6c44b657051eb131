/* The right word that somebody meant, for "did you mean": the nearest of those that are
 * looked at. A word is near when at most a third of it is wrong.
 *
 *	struct sc_near near = {.word = "raed"};
 *
 *	while ((name = next()))
 *		sc_near_look(&near, name);
 *	if (near.found) ...
 *
 * SPDX-License-Identifier: MIT */
#ifndef SC_UTIL_NEAR_H
#define SC_UTIL_NEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define SC_NEAR_LONGEST 48

struct sc_near {
	const char *word;
	const char *found; /* the caller's; NULL: none is near */
	unsigned int distance; /* of @found */
};

static inline unsigned int sc_near_least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Letters to insert, drop, replace or swap with their neighbour; both words have at most
 * SC_NEAR_LONGEST. */
static inline unsigned int sc_near_distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned int rows[3][SC_NEAR_LONGEST + 1];

	for (size_t j = 0; j <= m; j++)
		rows[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned int *now = rows[i % 3], *last = rows[(i + 2) % 3],
			     *before = rows[(i + 1) % 3];

		now[0] = (unsigned int)i;
		for (size_t j = 1; j <= m; j++) {
			now[j] = last[j - 1] + (a[i - 1] != b[j - 1]);
			now[j] = sc_near_least(now[j], sc_near_least(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = sc_near_least(now[j], before[j - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

/* True: @candidate is the nearest so far; the first of equal ones is. */
static inline bool sc_near_look(struct sc_near *near, const char *candidate)
{
	size_t n = strlen(near->word), m = strlen(candidate);
	size_t apart = n > m ? n - m : m - n; /* no distance is less */
	unsigned int d;

	if (n > SC_NEAR_LONGEST || m > SC_NEAR_LONGEST || 3 * apart > n)
		return false;
	d = sc_near_distance(near->word, n, candidate, m);
	if (3 * d > n || (near->found && d >= near->distance))
		return false;
	near->distance = d;
	near->found = candidate;
	return true;
}

#endif
