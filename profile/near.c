/* The right word that somebody meant.
 * SPDX-License-Identifier: MIT */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 48

struct nearest {
	const char *word;
	unsigned distance;
};

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Letters to insert, drop, replace or swap with their neighbour. */
static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned rows[3][LONGEST + 1];

	if (n > LONGEST || m > LONGEST)
		return UINT32_MAX;
	for (size_t j = 0; j <= m; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3],
			 *before = rows[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			now[j] = last[j - 1] + (a[i - 1] != b[j - 1]);
			now[j] = least(now[j], least(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
				a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

/* A word is near when at most a third of it is wrong. */
static void look(struct nearest *best, const char *word, const char *candidate)
{
	unsigned d = distance(word, candidate);

	if (d < best->distance && 3 * d <= strlen(word)) {
		best->distance = d;
		best->word = candidate;
	}
}

const char *sc_near_in(const char *word, const struct sc_name_value *t)
{
	struct nearest best = {NULL, UINT32_MAX};

	for (; t->name; t++)
		look(&best, word, t->name);
	return best.word;
}

const char *sc_near_of(const char *word, const char *const *words)
{
	struct nearest best = {NULL, UINT32_MAX};

	for (; *words; words++)
		look(&best, word, *words);
	return best.word;
}

/* Every name of this machine's and of the table that all architectures share. */
const char *sc_near_call(const char *word, char found[64])
{
	static const uint32_t arches[] = {
		SCMP_ARCH_NATIVE, SCMP_ARCH_X86, SCMP_ARCH_AARCH64};
	unsigned best = UINT32_MAX;

	for (size_t a = 0; a < sizeof(arches) / sizeof(*arches); a++)
		for (int nr = 0; nr < 520; nr++) {
			char *name = seccomp_syscall_resolve_num_arch(arches[a], nr);
			struct nearest at = {NULL, best};

			if (name)
				look(&at, word, name);
			if (at.word) {
				best = at.distance;
				snprintf(found, 64, "%s", name);
			}
			free(name);
		}
	return best == UINT32_MAX ? NULL : found;
}
