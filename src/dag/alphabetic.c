/* The alphabetic tree with the least weighted depth (Garsia and Wachs 1977).
 *
 * The cheapest pair is joined as in Huffman's algorithm, but only among neighbours, and the
 * sum moves left to where it would stand by its weight. The tree that grows has its leaves out
 * of order; their depths are those of an optimal tree that has them in order.
 * SPDX-License-Identifier: MIT */
#include "dag/alphabetic.h"

/* Joined pairs come behind the leaves, in the order of joining. */
struct work {
	uint64_t weight[SC_ALPHABETIC_MAX];
	uint8_t node[SC_ALPHABETIC_MAX]; /* what has that weight */
	uint32_t len;
	uint8_t parent[2 * SC_ALPHABETIC_MAX - 1];
	uint8_t next; /* the next pair */
};

/* Take the neighbours @at - 1 and @at out and put their sum behind the nearest on the left
 * that is not lighter. Returns where. */
static uint32_t join(struct work *w, uint32_t at)
{
	uint64_t sum = w->weight[at - 1] + w->weight[at];
	uint8_t pair = w->next++;
	uint32_t to = at - 1;

	w->parent[w->node[at - 1]] = w->parent[w->node[at]] = pair;
	w->len--;
	for (uint32_t i = at; i < w->len; i++) {
		w->weight[i] = w->weight[i + 1];
		w->node[i] = w->node[i + 1];
	}
	for (; to > 0 && w->weight[to - 1] < sum; to--) {
		w->weight[to] = w->weight[to - 1];
		w->node[to] = w->node[to - 1];
	}
	w->weight[to] = sum;
	w->node[to] = pair;
	return to;
}

/* Join at @at, and again wherever a sum that moved left is no longer lighter than the weight
 * two before it. */
static void join_from(struct work *w, uint32_t at)
{
	uint32_t to = join(w, at);

	while (to >= 2 && w->weight[to - 2] < w->weight[to]) {
		uint32_t behind = w->len - to;

		join_from(w, to - 1);
		to = w->len - behind;
	}
}

void sc_alphabetic_depths(const uint64_t *weights, uint32_t n, uint8_t *depths)
{
	struct work w;
	uint8_t root;

	if (n == 0)
		return;
	w.len = 0;
	w.next = (uint8_t)n;
	for (uint32_t i = 0; i < n; i++) {
		while (w.len >= 2 && w.weight[w.len - 2] < weights[i])
			join_from(&w, w.len - 1);
		w.weight[w.len] = weights[i];
		w.node[w.len++] = (uint8_t)i;
	}
	while (w.len > 1)
		join_from(&w, w.len - 1);
	/* From the root, which alone is left, down: depths replace the parents. */
	root = w.node[0];
	w.parent[root] = 0;
	for (uint32_t i = root; i-- > 0;)
		w.parent[i] = w.parent[w.parent[i]] + 1;
	for (uint32_t i = 0; i < n; i++)
		depths[i] = w.parent[i];
}
