/* Decision diagrams over the 512 bits of struct seccomp_data.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/prove_bdd.h"
#include "util/cleanup.h"

#define FIRST_NODES 1024u
#define MOST_FIRST  65536u
#define MAX_MEMO    (1u << 20)
#define TOP_WORDS   2u /* arch and nr: never interleaved */
#define LOW_WORDS   14u

/* The order of the words is its own inverse up to nr and arch changing places and the
 * halves of 64-bit values. */
static unsigned int rank_of_word(const struct sc_bdd *b, unsigned int word)
{
	if (word < 2)
		return 1 - word;
	if (!b->big_endian)
		word ^= 1;
	return word < 4 ? word + 12 : word - 2;
}

static unsigned int word_of_rank(const struct sc_bdd *b, unsigned int rank)
{
	unsigned int word = rank >= 14 ? rank - 12 : rank + 2;

	if (rank < 2)
		return 1 - rank;
	return b->big_endian ? word : word ^ 1;
}

uint32_t sc_bdd_level(const struct sc_bdd *b, unsigned int word, unsigned int bit)
{
	unsigned int rank = rank_of_word(b, word);

	if (!b->interleaved || rank < TOP_WORDS)
		return rank * 32 + (31 - bit);
	return TOP_WORDS * 32 + (31 - bit) * LOW_WORDS + (rank - TOP_WORDS);
}

void sc_bdd_bit(
	const struct sc_bdd *b, uint32_t level, unsigned int *word, unsigned int *bit)
{
	if (!b->interleaved || level < TOP_WORDS * 32) {
		*word = word_of_rank(b, level / 32);
		*bit = 31 - level % 32;
		return;
	}
	level -= TOP_WORDS * 32;
	*word = word_of_rank(b, TOP_WORDS + level % LOW_WORDS);
	*bit = 31 - level / LOW_WORDS;
}

static uint32_t hash3(uint32_t x, uint32_t y, uint32_t z)
{
	uint64_t h = (x * UINT64_C(0x9e3779b97f4a7c15)) ^
		     (y * UINT64_C(0xc2b2ae3d27d4eb4f)) ^
		     (z * UINT64_C(0x165667b19e3779f9));

	return (uint32_t)((h ^ h >> 29) * UINT64_C(0xbf58476d1ce4e5b9) >> 32);
}

static uint64_t hash_node(const struct sc_bdd_node *n)
{
	return (uint64_t)hash3(n->level, n->lo, n->hi) << 32;
}

static bool same_node(const void *owner, uint32_t index, const void *node)
{
	const struct sc_bdd_node *o = &((const struct sc_bdd *)owner)->nodes[index], *n = node;

	return o->lo == n->lo && o->hi == n->hi && o->level == n->level;
}

static uint32_t *slot_of(const struct sc_bdd *b, const struct sc_bdd_node *n)
{
	return sc_set_find(&b->unique, hash_node(n), same_node, b, n);
}

/* The memo may forget, so it is simply thrown away when it grows with the nodes. The slots
 * go before the nodes grow: what is there at once counts. */
static int resize(struct sc_bdd *b, uint32_t cap)
{
	uint32_t n_memo = cap / 4 < MAX_MEMO ? cap / 4 : MAX_MEMO;
	struct sc_bdd_node *nodes;

	sc_set_clear(&b->unique);
	nodes = realloc(b->nodes, cap * sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	b->nodes = nodes;
	if (sc_set_new(&b->unique, 2 * cap))
		return -ENOMEM;
	if (n_memo != b->n_memo) {
		free(b->memo);
		b->memo = calloc(n_memo, sizeof(*b->memo));
		if (!b->memo)
			return -ENOMEM;
		b->n_memo = n_memo;
	}
	b->cap_nodes = cap;
	for (uint32_t i = 0; i < b->n_nodes; i++)
		sc_set_insert(&b->unique, slot_of(b, &b->nodes[i]), i);
	return 0;
}

int sc_bdd_init(struct sc_bdd *b, uint32_t expected)
{
	uint32_t first = FIRST_NODES;

	while (first < expected && first < MOST_FIRST)
		first *= 2;
	b->err = resize(b, first);
	if (b->err < 0)
		return b->err;
	for (uint32_t value = SC_BDD_FALSE; value <= SC_BDD_TRUE; value++)
		sc_bdd_constant(b, value);
	return b->err;
}

void sc_bdd_clear(struct sc_bdd *b)
{
	free(b->nodes);
	sc_set_clear(&b->unique);
	free(b->memo);
	memset(b, 0, sizeof(*b));
}

bool sc_bdd_steps(struct sc_bdd *b, unsigned int n)
{
	if (b->err < 0)
		return false;
	b->steps += n;
	if (b->steps > b->max_steps)
		b->err = -E2BIG;
	return b->err == 0;
}

bool sc_bdd_step(struct sc_bdd *b)
{
	return sc_bdd_steps(b, 1);
}

static uint32_t find_or_add(struct sc_bdd *b, struct sc_bdd_node n)
{
	uint32_t *slot;

	if (b->err < 0)
		return SC_BDD_FALSE;
	slot = slot_of(b, &n);
	if (*slot)
		return *slot - 1;
	if (b->n_nodes >= b->max_nodes) {
		b->err = -E2BIG;
		return SC_BDD_FALSE;
	}
	if (b->n_nodes == b->cap_nodes) {
		b->err = resize(b, 2 * b->cap_nodes);
		if (b->err < 0)
			return SC_BDD_FALSE;
		slot = slot_of(b, &n);
	}
	b->nodes[b->n_nodes] = n;
	sc_set_insert(&b->unique, slot, b->n_nodes);
	return b->n_nodes++;
}

uint32_t sc_bdd_constant(struct sc_bdd *b, uint32_t value)
{
	return find_or_add(b, (struct sc_bdd_node){SC_BDD_LEVELS, value, 0});
}

uint32_t sc_bdd_opaque(struct sc_bdd *b, uint32_t number)
{
	return find_or_add(b, (struct sc_bdd_node){SC_BDD_LEVELS, number, 1});
}

uint32_t sc_bdd_node(struct sc_bdd *b, uint32_t level, uint32_t lo, uint32_t hi)
{
	if (lo == hi)
		return lo;
	return find_or_add(b, (struct sc_bdd_node){level, lo, hi});
}

uint32_t sc_bdd_variable(struct sc_bdd *b, unsigned int word, unsigned int bit)
{
	return sc_bdd_node(b, sc_bdd_level(b, word, bit), SC_BDD_FALSE, SC_BDD_TRUE);
}

uint32_t sc_bdd_eval(const struct sc_bdd *b, uint32_t f, const uint32_t words[16])
{
	while (!sc_bdd_is_constant(b, f)) {
		unsigned int word, bit;

		sc_bdd_bit(b, sc_bdd_top(b, f), &word, &bit);
		f = sc_bdd_cofactor(b, f, sc_bdd_top(b, f), words[word] >> bit & 1);
	}
	return sc_bdd_value(b, f);
}

static uint32_t min(uint32_t x, uint32_t y)
{
	return x < y ? x : y;
}

static uint32_t ite_recurse(struct sc_bdd *b, uint32_t c, uint32_t t, uint32_t e)
{
	uint32_t level = min(sc_bdd_top(b, c), min(sc_bdd_top(b, t), sc_bdd_top(b, e)));
	uint32_t hash = hash3(c, t, e);
	const struct sc_bdd_memo *m = &b->memo[hash & (b->n_memo - 1)];
	uint32_t lo, hi, result;

	/* c is no constant here: an empty slot, all zero, never matches. */
	if (m->c == c && m->t == t && m->e == e)
		return m->result;
	lo = sc_bdd_ite(b, sc_bdd_cofactor(b, c, level, 0),
		sc_bdd_cofactor(b, t, level, 0), sc_bdd_cofactor(b, e, level, 0));
	hi = sc_bdd_ite(b, sc_bdd_cofactor(b, c, level, 1),
		sc_bdd_cofactor(b, t, level, 1), sc_bdd_cofactor(b, e, level, 1));
	result = sc_bdd_node(b, level, lo, hi);
	if (b->err == 0)
		b->memo[hash & (b->n_memo - 1)] = (struct sc_bdd_memo){c, t, e, result};
	return result;
}

/* At most SC_BDD_LEVELS deep. */
uint32_t sc_bdd_ite(struct sc_bdd *b, uint32_t c, uint32_t t, uint32_t e)
{
	const struct sc_bdd_node *n;

	if (!sc_bdd_step(b))
		return SC_BDD_FALSE;
	if (c == SC_BDD_TRUE || t == e)
		return t;
	if (c == SC_BDD_FALSE)
		return e;
	if (t == c)
		t = SC_BDD_TRUE;
	if (e == c)
		e = SC_BDD_FALSE;
	if (t == e)
		return t;
	if (t == SC_BDD_TRUE && e == SC_BDD_FALSE)
		return c;
	n = &b->nodes[c];
	if (n->level < sc_bdd_top(b, t) && n->level < sc_bdd_top(b, e)) {
		if (n->lo == SC_BDD_FALSE && n->hi == SC_BDD_TRUE)
			return sc_bdd_node(b, n->level, e, t);
		if (n->lo == SC_BDD_TRUE && n->hi == SC_BDD_FALSE)
			return sc_bdd_node(b, n->level, t, e);
	}
	return ite_recurse(b, c, t, e);
}

/* In the memo it is told from ite by its condition, which is no node. At most SC_BDD_LEVELS deep. */
uint32_t sc_bdd_apply(
	struct sc_bdd *b, uint32_t f, uint32_t g, uint32_t (*op)(uint32_t f, uint32_t g))
{
	uint32_t hash = hash3(UINT32_MAX, f, g), level, lo, hi, result;
	const struct sc_bdd_memo *m = &b->memo[hash & (b->n_memo - 1)];

	if (!sc_bdd_step(b))
		return SC_BDD_FALSE;
	if (sc_bdd_is_constant(b, f) && sc_bdd_is_constant(b, g))
		return sc_bdd_constant(b, op(sc_bdd_value(b, f), sc_bdd_value(b, g)));
	if (m->c == UINT32_MAX && m->t == f && m->e == g)
		return m->result;
	level = min(sc_bdd_top(b, f), sc_bdd_top(b, g));
	lo = sc_bdd_apply(
		b, sc_bdd_cofactor(b, f, level, 0), sc_bdd_cofactor(b, g, level, 0), op);
	hi = sc_bdd_apply(
		b, sc_bdd_cofactor(b, f, level, 1), sc_bdd_cofactor(b, g, level, 1), op);
	result = sc_bdd_node(b, level, lo, hi);
	if (b->err == 0)
		b->memo[hash & (b->n_memo - 1)] =
			(struct sc_bdd_memo){UINT32_MAX, f, g, result};
	return result;
}

/* The word from its highest bit, at @level, down: as long as the input agrees with @k, the next bit
 * decides; then the nodes from the lowest bit up. */
static uint32_t choose(struct sc_bdd *b, uint32_t level, uint16_t op, uint32_t k, uint32_t t,
	uint32_t e)
{
	uint32_t differs[32], result;
	int bit = 31;

	/* Behind the last bit of @k that is set nothing is less than it. */
	for (; bit >= 0 && t != e && !(op == BPF_JGE && !(k << (31 - bit))); bit--, level++) {
		bool one = k >> bit & 1;

		/* The other value of the bit decides: it is not equal, greater or less. */
		differs[bit] = sc_bdd_cofactor(b, op != BPF_JEQ && !one ? t : e, level, !one);
		t = sc_bdd_cofactor(b, t, level, one);
		e = sc_bdd_cofactor(b, e, level, one);
	}
	if (!sc_bdd_steps(b, (unsigned int)(32 - bit)))
		return t;
	result = bit < 0 && op == BPF_JGT ? e : t;
	while (++bit < 32) {
		level--;
		result = k >> bit & 1 ? sc_bdd_node(b, level, differs[bit], result)
				      : sc_bdd_node(b, level, result, differs[bit]);
	}
	return result;
}

bool sc_bdd_choose(struct sc_bdd *b, unsigned int word, uint16_t op, uint32_t k, uint32_t t,
	uint32_t e, uint32_t *out)
{
	uint32_t level = sc_bdd_level(b, word, 31);

	if (sc_bdd_top(b, t) < level || sc_bdd_top(b, e) < level ||
		sc_bdd_level(b, word, 0) != level + 31)
		return false;
	*out = choose(b, level, op, k, t, e);
	return true;
}
