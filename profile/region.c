/* Sets of arguments: the meeting of two, exactly or not at all.
 * SPDX-License-Identifier: MIT */
#include "region.h"

#include <errno.h>
#include <string.h>

/* One form for each set: a bound that is none, a mask that is whole. 1; 0: nothing
 * matches. */
static int settle(struct sc_piece *p)
{
	if (p->kind == SC_PIECE_MASKED && p->b & ~p->a)
		return 0;
	if (p->kind == SC_PIECE_MASKED && p->a == UINT64_MAX)
		*p = (struct sc_piece){SC_PIECE_EQ, p->b, 0};
	else if ((p->kind == SC_PIECE_MASKED && !p->a) ||
		 (p->kind == SC_PIECE_MOST && p->a == UINT64_MAX) ||
		 (p->kind == SC_PIECE_LEAST && !p->a))
		*p = (struct sc_piece){0};
	else if (p->kind == SC_PIECE_MOST && !p->a)
		*p = (struct sc_piece){SC_PIECE_EQ, 0, 0};
	else if (p->kind == SC_PIECE_LEAST && p->a == UINT64_MAX)
		*p = (struct sc_piece){SC_PIECE_EQ, UINT64_MAX, 0};
	else if (p->kind == SC_PIECE_NE && !p->a)
		*p = (struct sc_piece){SC_PIECE_LEAST, 1, 0};
	else if (p->kind == SC_PIECE_NE && p->a == UINT64_MAX)
		*p = (struct sc_piece){SC_PIECE_MOST, UINT64_MAX - 1, 0};
	return 1;
}

/* libseccomp masks the value of MASKED_EQ, too: seccomp_rule_add(3). */
static int piece_of(const struct sc_arg *arg, struct sc_piece *p)
{
	uint64_t v = arg->value;

	switch (arg->op) {
	case SCMP_CMP_EQ:
		*p = (struct sc_piece){SC_PIECE_EQ, v, 0};
		break;
	case SCMP_CMP_NE:
		*p = (struct sc_piece){SC_PIECE_NE, v, 0};
		break;
	case SCMP_CMP_LT:
		if (!v)
			return 0;
		*p = (struct sc_piece){SC_PIECE_MOST, v - 1, 0};
		break;
	case SCMP_CMP_LE:
		*p = (struct sc_piece){SC_PIECE_MOST, v, 0};
		break;
	case SCMP_CMP_GE:
		*p = (struct sc_piece){SC_PIECE_LEAST, v, 0};
		break;
	case SCMP_CMP_GT:
		if (v == UINT64_MAX)
			return 0;
		*p = (struct sc_piece){SC_PIECE_LEAST, v + 1, 0};
		break;
	default:
		*p = (struct sc_piece){SC_PIECE_MASKED, v, arg->value_two & v};
	}
	return settle(p);
}

bool sc_region_of(const struct sc_arg *args, uint32_t n, struct sc_region *r)
{
	*r = (struct sc_region){.action = 0};
	for (uint32_t i = 0; i < n; i++)
		if (!piece_of(&args[i], &r->pieces[args[i].index]))
			return false;
	return true;
}

static bool holds(const struct sc_piece *p, uint64_t v)
{
	switch (p->kind) {
	case SC_PIECE_ANY:
		return true;
	case SC_PIECE_EQ:
		return v == p->a;
	case SC_PIECE_NE:
		return v != p->a;
	case SC_PIECE_MOST:
		return v <= p->a;
	case SC_PIECE_LEAST:
		return v >= p->a;
	case SC_PIECE_MASKED:
		return (v & p->a) == p->b;
	}
	return false;
}

/* @bound is MOST or LEAST. */
static int meet_bounds(
	const struct sc_piece *bound, const struct sc_piece *other, struct sc_piece *out)
{
	bool most = bound->kind == SC_PIECE_MOST;
	uint64_t low = most ? other->a : bound->a, high = most ? bound->a : other->a;

	if (bound->kind == other->kind) {
		out->kind = bound->kind;
		out->a = (bound->a < other->a) == most ? bound->a : other->a;
		return 1;
	}
	if (low > high)
		return 0;
	if (low != high)
		return -EOPNOTSUPP;
	*out = (struct sc_piece){SC_PIECE_EQ, low, 0};
	return 1;
}

static int meet_ne(
	const struct sc_piece *ne, const struct sc_piece *other, struct sc_piece *out)
{
	*out = *other;
	if (!holds(other, ne->a))
		return 1; /* what it takes away is not in there */
	if (other->kind == SC_PIECE_MOST && ne->a == other->a)
		out->a--;
	else if (other->kind == SC_PIECE_LEAST && ne->a == other->a)
		out->a++;
	else
		return -EOPNOTSUPP;
	return settle(out);
}

static int compare_pieces(const struct sc_piece *x, const struct sc_piece *y)
{
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	if (x->b != y->b)
		return x->b < y->b ? -1 : 1;
	return 0;
}

static int meet_pieces(
	const struct sc_piece *a, const struct sc_piece *b, struct sc_piece *out)
{
	*out = (struct sc_piece){0};
	if (a->kind == SC_PIECE_ANY || compare_pieces(a, b) == 0)
		*out = *b;
	else if (b->kind == SC_PIECE_ANY)
		*out = *a;
	else if (a->kind == SC_PIECE_EQ || b->kind == SC_PIECE_EQ) {
		const struct sc_piece *eq = a->kind == SC_PIECE_EQ ? a : b;

		*out = *eq;
		return holds(eq == a ? b : a, eq->a);
	} else if (a->kind == SC_PIECE_NE || b->kind == SC_PIECE_NE) {
		bool first = a->kind == SC_PIECE_NE;

		if (a->kind == b->kind)
			return -EOPNOTSUPP;
		return meet_ne(first ? a : b, first ? b : a, out);
	} else if (a->kind == SC_PIECE_MASKED && b->kind == SC_PIECE_MASKED) {
		if ((a->b ^ b->b) & a->a & b->a)
			return 0;
		*out = (struct sc_piece){SC_PIECE_MASKED, a->a | b->a, a->b | b->b};
		return settle(out);
	} else if (a->kind == SC_PIECE_MASKED || b->kind == SC_PIECE_MASKED) {
		return -EOPNOTSUPP;
	} else {
		int rc = meet_bounds(a, b, out);

		return rc > 0 ? settle(out) : rc;
	}
	return 1;
}

int sc_region_meet(
	const struct sc_region *a, const struct sc_region *b, struct sc_region *both)
{
	int result = 1;

	for (unsigned i = 0; i < SC_PROFILE_ARGS; i++) {
		int rc = meet_pieces(&a->pieces[i], &b->pieces[i], &both->pieces[i]);

		if (!rc)
			return 0;
		result = rc < 0 ? rc : result;
	}
	return result;
}

bool sc_region_same(const struct sc_region *a, const struct sc_region *b)
{
	return !sc_region_compare(a, b);
}

bool sc_region_is_all(const struct sc_region *r)
{
	for (unsigned i = 0; i < SC_PROFILE_ARGS; i++)
		if (r->pieces[i].kind != SC_PIECE_ANY)
			return false;
	return true;
}

int sc_region_compare(const struct sc_region *a, const struct sc_region *b)
{
	for (unsigned i = 0; i < SC_PROFILE_ARGS; i++) {
		int order = compare_pieces(&a->pieces[i], &b->pieces[i]);

		if (order)
			return order;
	}
	return 0;
}

bool sc_region_complement(const struct sc_region *r, struct sc_region *out)
{
	const struct sc_piece *only = NULL;
	struct sc_piece *to;

	for (unsigned i = 0; i < SC_PROFILE_ARGS; i++) {
		if (r->pieces[i].kind == SC_PIECE_ANY)
			continue;
		if (only)
			return false;
		only = &r->pieces[i];
	}
	if (!only)
		return false;
	*out = (struct sc_region){.action = r->action};
	to = &out->pieces[only - r->pieces];
	switch (only->kind) {
	case SC_PIECE_EQ:
		*to = (struct sc_piece){SC_PIECE_NE, only->a, 0};
		break;
	case SC_PIECE_NE:
		*to = (struct sc_piece){SC_PIECE_EQ, only->a, 0};
		break;
	case SC_PIECE_MOST:
		*to = (struct sc_piece){SC_PIECE_LEAST, only->a + 1, 0};
		break;
	case SC_PIECE_LEAST:
		*to = (struct sc_piece){SC_PIECE_MOST, only->a - 1, 0};
		break;
	default: /* a mask of one bit has two values */
		if (only->a & (only->a - 1))
			return false;
		*to = (struct sc_piece){SC_PIECE_MASKED, only->a, only->a ^ only->b};
	}
	return settle(to);
}

unsigned sc_region_args(const struct sc_region *r, struct sc_arg args[SC_PROFILE_ARGS])
{
	static const uint32_t ops[] = {[SC_PIECE_EQ] = SCMP_CMP_EQ,
		[SC_PIECE_NE] = SCMP_CMP_NE,
		[SC_PIECE_MOST] = SCMP_CMP_LE,
		[SC_PIECE_LEAST] = SCMP_CMP_GE,
		[SC_PIECE_MASKED] = SCMP_CMP_MASKED_EQ};
	unsigned n = 0;

	for (uint32_t i = 0; i < SC_PROFILE_ARGS; i++) {
		const struct sc_piece *p = &r->pieces[i];

		if (p->kind != SC_PIECE_ANY)
			args[n++] = (struct sc_arg){.index = i,
				.op = ops[p->kind],
				.value = p->a,
				.value_two = p->b};
	}
	return n;
}
