/* A lowered policy as a function of the input.
 *
 * Written from the contract in lower.h alone: it shares no code with the compiler that it
 * judges.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/prove_cut.h"
#include "bpf/prove_policy.h"
#include "util/cleanup.h"
#include "util/words.h"

/* A function of one word, in pieces: from @start up to the next cut it is @f. */
struct cut {
	uint32_t start;
	uint32_t f;
};

struct cuts {
	struct cut *at;
	uint32_t n;
};

static void cuts_clear(struct cuts *c)
{
	free(c->at);
}

/* Starts never go down; the last one at the same place counts. */
static void cut(struct cuts *c, uint32_t start, uint32_t f)
{
	if (c->n > 0 && c->at[c->n - 1].start == start)
		c->n--;
	if (c->n > 0 && c->at[c->n - 1].f == f)
		return;
	c->at[c->n++] = (struct cut){start, f};
}

/* The pieces at[0..n) over the 2^bits values from @base on; at[0] covers @base. */
static uint32_t switch_bits(struct sc_bdd *b, unsigned int word, const struct cut *at,
	uint32_t n, uint32_t base, unsigned int bits)
{
	uint32_t middle, low = 1, high, lo, hi;

	if (n == 1)
		return at[0].f;
	if (!sc_bdd_step(b))
		return SC_BDD_FALSE;
	middle = base + (UINT32_C(1) << (bits - 1));
	while (low < n && at[low].start < middle)
		low++;
	high = low < n && at[low].start == middle ? low : low - 1;
	lo = switch_bits(b, word, at, low, base, bits - 1);
	hi = switch_bits(b, word, at + high, n - high, middle, bits - 1);
	return sc_bdd_node(b, sc_bdd_level(b, word, bits - 1), lo, hi);
}

/* Bit @i of argument @arg. */
static uint32_t arg_bit(struct sc_bdd *b, unsigned int arg, unsigned int i)
{
	bool high = i >= 32;

	return sc_bdd_variable(b, SC_WORD_ARGS + 2 * arg + (high != b->big_endian), i % 32);
}

static uint32_t negated(struct sc_bdd *b, uint32_t f)
{
	return sc_bdd_ite(b, f, SC_BDD_FALSE, SC_BDD_TRUE);
}

/* Where (argument & mask) == datum. */
static uint32_t equal(struct sc_bdd *b, const struct sc_cmp *c, unsigned int bits)
{
	uint32_t f = SC_BDD_TRUE;

	for (unsigned int i = 0; i < bits; i++) {
		bool want = c->datum >> i & 1;

		if (c->mask >> i & 1)
			f = sc_bdd_ite(b, arg_bit(b, c->arg, i), want ? f : SC_BDD_FALSE,
				want ? SC_BDD_FALSE : f);
		else if (want)
			f = SC_BDD_FALSE;
	}
	return f;
}

/* Where argument > datum, or >= with @or_equal. */
static uint32_t greater(
	struct sc_bdd *b, const struct sc_cmp *c, unsigned int bits, bool or_equal)
{
	uint32_t f = or_equal ? SC_BDD_TRUE : SC_BDD_FALSE;

	for (unsigned int i = 0; i < bits; i++) {
		bool one = c->datum >> i & 1;

		f = sc_bdd_ite(b, arg_bit(b, c->arg, i), one ? f : SC_BDD_TRUE,
			one ? SC_BDD_FALSE : f);
	}
	return f;
}

/* Where (argument & mask) >= at, which has no bit outside the mask. */
static uint32_t masked_from(
	struct sc_bdd *b, const struct sc_cmp *c, unsigned int bits, uint64_t at)
{
	uint32_t f = SC_BDD_TRUE;

	for (unsigned int i = 0; i < bits; i++) {
		bool one = at >> i & 1;

		if (c->mask >> i & 1)
			f = sc_bdd_ite(b, arg_bit(b, c->arg, i), one ? f : SC_BDD_TRUE,
				one ? SC_BDD_FALSE : f);
	}
	return f;
}

/* Where (argument & mask) is in one of the ranges. A value behind a range's end is past it: the next
 * one under the mask is one more in the bits of the mask. */
static uint32_t in_ranges(struct sc_bdd *b, const struct sc_range *ranges, const struct sc_cmp *c,
	unsigned int bits)
{
	uint32_t f = SC_BDD_FALSE;

	for (uint32_t i = 0; i < c->n_ranges && b->err == 0; i++) {
		const struct sc_range *r = &ranges[c->datum + i];
		uint64_t behind = ((r->last | ~c->mask) + 1) & c->mask;
		uint32_t in = masked_from(b, c, bits, r->first);

		if (r->last != c->mask)
			in = sc_bdd_ite(b, masked_from(b, c, bits, behind), SC_BDD_FALSE, in);
		f = sc_bdd_ite(b, in, SC_BDD_TRUE, f);
	}
	return f;
}

static uint32_t comparison(struct sc_bdd *b, const struct sc_range *ranges,
	const struct sc_cmp *c, unsigned int bits)
{
	switch (c->op) {
	case SC_OP_IN:
		return in_ranges(b, ranges, c, bits);
	case SC_OP_NE:
		return negated(b, equal(b, c, bits));
	case SC_OP_LT:
		return negated(b, greater(b, c, bits, true));
	case SC_OP_LE:
		return negated(b, greater(b, c, bits, false));
	case SC_OP_GE:
		return greater(b, c, bits, true);
	case SC_OP_GT:
		return greater(b, c, bits, false);
	default: /* EQ, MASKED_EQ */
		return equal(b, c, bits);
	}
}

uint32_t sc_policy_rule(struct sc_bdd *b, const struct sc_lowered *p,
	const struct sc_low_abi *abi, const struct sc_low_rule *rule, uint32_t f)
{
	uint32_t holds = SC_BDD_TRUE;

	for (uint32_t j = 0; j < rule->n_cmps; j++)
		holds = sc_bdd_ite(b, holds,
			comparison(b, p->ranges, &p->cmps[rule->first_cmp + j],
				abi->wide ? 64 : 32),
			SC_BDD_FALSE);
	return sc_bdd_ite(b, holds, sc_bdd_constant(b, rule->action), f);
}

/* The first rule that matches decides: built from the last one up. */
static uint32_t call_function(struct sc_bdd *b, const struct sc_lowered *p,
	const struct sc_low_abi *abi, const struct sc_low_call *call)
{
	uint32_t f = sc_bdd_constant(b, abi->otherwise);

	for (uint32_t i = call->n_rules; b->err == 0 && i-- > 0;)
		f = sc_policy_rule(b, p, abi, &p->rules[call->first_rule + i], f);
	return f;
}

static void cut_abi(struct sc_bdd *b, const struct sc_lowered *p,
	const struct sc_low_abi *abi, struct sc_cuts *parts, struct cuts *c)
{
	uint32_t otherwise = sc_bdd_constant(b, abi->otherwise);

	cut(c, abi->first, otherwise);
	for (uint32_t i = 0; b->err == 0 && i < abi->n_calls; i++) {
		const struct sc_low_call *call = &p->calls[abi->first_call + i];

		if (call->nr < abi->first || call->nr > abi->last)
			continue;
		cut(c, call->nr,
			parts ? sc_cuts_call(parts, abi, call)
			      : call_function(b, p, abi, call));
		if (call->nr < abi->last)
			cut(c, call->nr + 1, otherwise);
	}
	if (abi->last < UINT32_MAX)
		cut(c, abi->last + 1, sc_bdd_constant(b, p->badarch));
}

int sc_policy_function(struct sc_bdd *b, const struct sc_lowered *p, struct sc_cuts *parts,
	uint32_t *out)
{
	_cleanup_(cuts_clear) struct cuts nrs = {0};
	_cleanup_(cuts_clear) struct cuts archs = {0};
	uint32_t badarch = sc_bdd_constant(b, p->badarch);
	uint32_t f;

	nrs.at = calloc(
		1 + 2 * (size_t)p->n_abis + 2 * (size_t)p->n_calls, sizeof(*nrs.at));
	archs.at = calloc(1 + 2 * (size_t)p->n_abis, sizeof(*archs.at));
	if (!nrs.at || !archs.at)
		return -ENOMEM;
	cut(&archs, 0, badarch);
	for (uint32_t i = 0; i < p->n_abis;) {
		uint32_t audit = p->abis[i].audit;

		nrs.n = 0;
		cut(&nrs, 0, badarch);
		for (; i < p->n_abis && p->abis[i].audit == audit; i++)
			cut_abi(b, p, &p->abis[i], parts, &nrs);
		f = switch_bits(b, SC_WORD_NR, nrs.at, nrs.n, 0, 32);
		cut(&archs, audit, f);
		if (audit < UINT32_MAX)
			cut(&archs, audit + 1, badarch);
	}
	f = switch_bits(b, SC_WORD_ARCH, archs.at, archs.n, 0, 32);
	if (b->err < 0)
		return b->err;
	*out = f;
	return 0;
}

/* A function of diagrams that is known for those from some level down. */
struct mapping {
	uint32_t *known; /* of the diagrams that there were when it began */
	uint32_t level;
	uint32_t allow; /* below it: is it this one? */
	int bit;	/* or, if not -1, this bit of the constant */
};

#define UNKNOWN UINT32_MAX

/* At most SC_BDD_LEVELS deep. */
static uint32_t map(struct sc_bdd *b, const struct mapping *m, uint32_t f)
{
	const struct sc_bdd_node n = b->nodes[f];
	uint32_t lo, hi;

	if (!sc_bdd_step(b))
		return SC_BDD_FALSE;
	if (n.level >= m->level && m->bit >= 0)
		return n.lo >> m->bit & 1;
	if (n.level >= m->level)
		return f == m->allow;
	if (m->known[f] == UNKNOWN) {
		lo = map(b, m, n.lo);
		hi = map(b, m, n.hi);
		m->known[f] = sc_bdd_node(b, n.level, lo, hi);
	}
	return m->known[f];
}

static int map_all(struct sc_bdd *b, struct mapping *m, uint32_t f, uint32_t *out)
{
	_cleanup_free_ uint32_t *known = malloc(b->n_nodes * sizeof(*known));
	uint32_t result;

	if (!known)
		return -ENOMEM;
	memset(known, 0xff, b->n_nodes * sizeof(*known));
	m->known = known;
	result = map(b, m, f);
	if (b->err < 0)
		return b->err;
	*out = result;
	return 0;
}

int sc_policy_bits(struct sc_bdd *b, uint32_t f, uint32_t out[32])
{
	int rc = 0;

	for (int bit = 0; rc == 0 && bit < 32; bit++) {
		struct mapping m = {.level = SC_BDD_LEVELS, .bit = bit};

		rc = map_all(b, &m, f, &out[bit]);
	}
	return rc;
}

int sc_policy_always_allows(struct sc_bdd *b, uint32_t f, uint32_t *out)
{
	/* arch and nr are above everything else in both orders. */
	struct mapping m = {.level = 64, .bit = -1};

	m.allow = sc_bdd_constant(b, SECCOMP_RET_ALLOW);
	return map_all(b, &m, f, out);
}
