/* Where two programs differ, in words that a person reads.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "bpf/prove_side.h"
#include "util/cleanup.h"

/* Pieces of one word before a word's values are given as bit patterns instead of ranges,
 * and before there are too many to be read by anybody. */
#define MAX_RANGES   1024u
#define MAX_PATTERNS 65536u

/* Part of a word's values: from there on the two programs are u and v. */
struct piece {
	uint32_t mask, lo, hi;
	uint32_t u, v;
};

struct pieces {
	struct piece *at;
	uint32_t n, cap, max;
};

struct walk {
	struct sc_bdd *b;
	struct sc_region region;
	int (*each)(const struct sc_region *region, void *arg);
	void *arg;
};

static void pieces_clear(struct pieces *p)
{
	free(p->at);
}

static int push(struct pieces *p, struct piece piece)
{
	if (p->n == p->max)
		return -E2BIG;
	if (p->n == p->cap) {
		uint32_t cap = p->cap ? 2 * p->cap : 64;
		struct piece *grown = realloc(p->at, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		p->at = grown;
		p->cap = cap;
	}
	p->at[p->n++] = piece;
	return 0;
}

static uint32_t top(const struct sc_bdd *b, const struct piece *p)
{
	uint32_t u = sc_bdd_top(b, p->u), v = sc_bdd_top(b, p->v);

	return u < v ? u : v;
}

/* The half of @p where the bit of @level is @side. */
static struct piece half(
	const struct sc_bdd *b, const struct piece *p, uint32_t level, bool side)
{
	struct piece h = *p;

	h.u = sc_bdd_cofactor(b, p->u, level, side);
	h.v = sc_bdd_cofactor(b, p->v, level, side);
	return h;
}

/* Ranges of the word whose levels end at @end, ascending; @p covers @bits low bits. */
static int collect_ranges(struct sc_bdd *b, struct pieces *out, const struct piece *p,
	uint32_t end, unsigned int bits)
{
	struct piece *last = out->n ? &out->at[out->n - 1] : NULL;
	struct piece h;
	int rc;

	if (!sc_bdd_step(b))
		return b->err;
	if (p->u == p->v)
		return 0;
	if (top(b, p) >= end) {
		if (last && last->u == p->u && last->v == p->v && last->hi + 1 == p->lo) {
			last->hi = p->hi;
			return 0;
		}
		return push(out, *p);
	}
	h = half(b, p, end - bits, false);
	h.hi = p->lo + ((UINT32_C(1) << (bits - 1)) - 1);
	rc = collect_ranges(b, out, &h, end, bits - 1);
	if (rc < 0)
		return rc;
	h = half(b, p, end - bits, true);
	h.lo = p->lo + (UINT32_C(1) << (bits - 1));
	return collect_ranges(b, out, &h, end, bits - 1);
}

static int collect_patterns(
	struct sc_bdd *b, struct pieces *out, const struct piece *p, uint32_t end)
{
	uint32_t level = top(b, p);

	if (!sc_bdd_step(b))
		return b->err;
	if (p->u == p->v)
		return 0;
	if (level >= end)
		return push(out, *p);
	for (int side = 0; side < 2; side++) {
		struct piece h = half(b, p, level, side);
		int rc;

		h.mask |= UINT32_C(1) << (end - 1 - level);
		h.lo = h.hi = p->lo | (uint32_t)side << (end - 1 - level);
		rc = collect_patterns(b, out, &h, end);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Ranges unless patterns are fewer: "nr 3..9", but "a1 & 1 is 1". */
static int collect(
	struct sc_bdd *b, uint32_t u, uint32_t v, uint32_t end, struct pieces *out)
{
	_cleanup_(pieces_clear) struct pieces patterns = {.max = MAX_PATTERNS};
	struct piece all = {.mask = UINT32_MAX, .hi = UINT32_MAX, .u = u, .v = v};
	int ranges_rc, rc;

	out->max = MAX_RANGES;
	ranges_rc = collect_ranges(b, out, &all, end, 32);
	if (ranges_rc < 0 && (ranges_rc != -E2BIG || b->err < 0))
		return ranges_rc;
	if (ranges_rc == 0 && out->n <= 1)
		return 0;
	all = (struct piece){.u = u, .v = v};
	if (ranges_rc == 0)
		patterns.max = out->n - 1;
	rc = collect_patterns(b, &patterns, &all, end);
	if (rc == -E2BIG && b->err == 0 && ranges_rc == 0)
		return 0;
	if (rc == 0) {
		struct pieces other = *out;

		*out = patterns;
		patterns = other;
	}
	return rc;
}

/* @u and @v differ, as do those of all pieces. At most 16 deep. */
static int walk(struct walk *w, uint32_t u, uint32_t v)
{
	_cleanup_(pieces_clear) struct pieces pieces = {0};
	const struct piece here = {.u = u, .v = v};
	uint32_t level = top(w->b, &here);
	unsigned int word, bit;
	int rc;

	if (level == SC_BDD_LEVELS) {
		w->region.a = sc_bdd_value(w->b, u);
		w->region.b = sc_bdd_value(w->b, v);
		return w->each(&w->region, w->arg);
	}
	sc_bdd_bit(w->b, level, &word, &bit);
	rc = collect(w->b, u, v, level - level % 32 + 32, &pieces);
	for (uint32_t i = 0; rc == 0 && i < pieces.n; i++) {
		const struct piece *p = &pieces.at[i];

		w->region.terms[w->region.n_terms++] =
			(struct sc_region_term){word, p->mask, p->lo, p->hi};
		rc = walk(w, p->u, p->v);
		w->region.n_terms--;
	}
	return rc;
}

int sc_bdd_regions(struct sc_bdd *b, uint32_t u, uint32_t v,
	int (*each)(const struct sc_region *region, void *arg), void *arg)
{
	struct walk w = {.b = b, .each = each, .arg = arg};
	int rc;

	if (u == v)
		return SC_PROOF_EQUAL;
	rc = walk(&w, u, v);
	return rc ? rc : SC_PROOF_DIFFERS;
}

static int regions(const struct sc_side sides[2], const struct sc_prove_limits *limits,
	int (*each)(const struct sc_region *region, void *arg), void *arg)
{
	_cleanup_(sc_bdd_clear) struct sc_bdd b = {0};
	const struct sc_sides_how how = {.limits = limits};
	uint32_t roots[2][32];
	int rc = sc_sides_build(&b, sides, &how, roots);

	return rc < 0 ? rc : sc_bdd_regions(&b, roots[0][0], roots[1][0], each, arg);
}

int sc_prove_regions(const struct sc_prog *pa, const struct sc_prog *pb,
	const struct sc_prove_limits *limits,
	int (*each)(const struct sc_region *region, void *arg), void *arg)
{
	const struct sc_prog other = {
		.insns = pb->insns, .len = pb->len, .big_endian = pa->big_endian};
	const struct sc_side sides[2] = {{.prog = pa}, {.prog = &other}};

	return regions(sides, limits, each, arg);
}

int sc_prove_stack_regions(const struct sc_stack *a, const struct sc_stack *b,
	const struct sc_prove_limits *limits,
	int (*each)(const struct sc_region *region, void *arg), void *arg)
{
	const struct sc_side sides[2] = {{.prog = a->progs, .n_older = a->n - 1},
		{.prog = b->progs, .n_older = b->n - 1}};

	return regions(sides, limits, each, arg);
}

/* Numbers of calls are read in decimal, everything else in hexadecimal. */
static void print_values(const char *name, uint64_t all, const struct sc_region_term *t,
	uint64_t lo, uint64_t hi, FILE *out)
{
	uint64_t mask = all & ((uint64_t)t[0].mask << 32 | t[all >> 32 ? 1 : 0].mask);
	bool decimal = t->word == 0 && mask == all;

	fputs(name, out);
	if (mask != all)
		fprintf(out, "&0x%" PRIx64, mask);
	fprintf(out, decimal ? "=%" PRIu64 : "=0x%" PRIx64, lo);
	if (lo != hi)
		fprintf(out, decimal ? "..%" PRIu64 : "..0x%" PRIx64, hi);
	putc(' ', out);
}

/* Are two terms the halves of one argument, and together one range or pattern? */
static bool joinable(const struct sc_region_term *high, const struct sc_region_term *low)
{
	if (high->word < 4 || high->lo != high->hi || (high->word ^ 1) != low->word)
		return false;
	return high->mask == UINT32_MAX || low->lo == low->hi;
}

int sc_prove_print_region(const struct sc_region *r, bool big_endian, FILE *out)
{
	char a[SC_BPF_ACTION_MAX], b[SC_BPF_ACTION_MAX];

	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct sc_region_term *t = &r->terms[i], *low = t + 1;

		if (i + 1 < r->n_terms && joinable(t, low)) {
			char name[3] = {'a', (char)('0' + (t->word - 4) / 2)};

			print_values(name, UINT64_MAX, t, (uint64_t)t->lo << 32 | low->lo,
				(uint64_t)t->hi << 32 | low->hi, out);
			i++;
		} else {
			print_values(sc_bpf_word_name(t->word, big_endian), UINT32_MAX, t,
				t->lo, t->hi, out);
		}
	}
	fprintf(out, "%s, %s\n", sc_bpf_action(r->a, a), sc_bpf_action(r->b, b));
	return ferror(out) ? -EIO : 0;
}
