/* Merging what two profiles say about one call.
 * SPDX-License-Identifier: MIT
 *
 * A region of one profile and one of another divide the arguments in four: both, either
 * alone, neither. Each part gets what permits more (or less) of what the two say there.
 * Regions of one call that overlap say the same action when a step is done, so their
 * order does not matter; what cannot be said so is refused. */
#include "merging.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/vec.h"

#define MOST_REGIONS 512 /* of one call */

/* A list that is being made. */
struct making {
	struct sc_region *items;
	uint32_t n, cap;
	uint32_t rest;
};

static void making_clear(struct making *m)
{
	free(m->items);
}

struct sc_regions *sc_regions_share(struct sc_regions *r)
{
	if (r)
		r->refs++;
	return r;
}

void sc_regions_free(struct sc_regions *r)
{
	if (r && !--r->refs)
		free(r);
}

static int made(const struct making *m, struct sc_regions **out)
{
	struct sc_regions *r;

	if (!m->n) {
		*out = NULL;
		return 0;
	}
	r = malloc(sizeof(*r) + m->n * sizeof(*r->items));
	if (!r)
		return -ENOMEM;
	r->refs = 1;
	r->n = m->n;
	memcpy(r->items, m->items, m->n * sizeof(*r->items));
	*out = r;
	return 0;
}

/* ---- the memo ---------------------------------------------------------------------- */

static bool same_question(const struct sc_verdicts *a, const struct sc_verdicts *b)
{
	return a->regions == b->regions && a->rest == b->rest;
}

static struct sc_verdicts share(const struct sc_verdicts *v)
{
	return (struct sc_verdicts){sc_regions_share(v->regions), v->rest};
}

void sc_memo_clear(struct sc_memo *m)
{
	sc_regions_free(m->a.regions);
	sc_regions_free(m->b.regions);
	sc_regions_free(m->out.regions);
	*m = (struct sc_memo){0};
}

static void put(struct sc_verdicts *v, const struct sc_verdicts *out)
{
	struct sc_verdicts old = *v;

	*v = share(out);
	sc_regions_free(old.regions);
}

/* Was @v with @b asked last? Then @v is the answer. */
static bool known(const struct sc_memo *m, struct sc_verdicts *v, const struct sc_verdicts *b)
{
	if (!m->full || !same_question(&m->a, v) || !same_question(&m->b, b))
		return false;
	put(v, &m->out);
	return true;
}

/* The answer to @v with @b is @making: into the memo, and into @v. */
static int answer(struct sc_memo *m, struct sc_verdicts *v, const struct sc_verdicts *b,
	const struct making *making)
{
	struct sc_verdicts out = {NULL, making->rest};
	int rc = made(making, &out.regions);

	if (rc)
		return rc;
	sc_memo_clear(m);
	*m = (struct sc_memo){.a = share(v), .b = share(b), .out = out, .full = true};
	put(v, &out);
	return 0;
}

/* ---- verdicts ---------------------------------------------------------------------- */

/* The kernel's order, the strictest first; actions that it does not tell apart by data.
 */
static unsigned rank(uint32_t action)
{
	static const uint32_t order[] = {SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL_THREAD,
		SCMP_ACT_TRAP, SCMP_ACT_ERRNO(0), SCMP_ACT_NOTIFY, SCMP_ACT_TRACE(0),
		SCMP_ACT_LOG, SCMP_ACT_ALLOW};
	unsigned i = 0;

	while (i < sizeof(order) / sizeof(*order) && order[i] != (action & 0xffff0000))
		i++;
	return i;
}

/* Where both are the same action with other data, the lower one: whatever the order of
 * adding. */
uint32_t sc_merge_actions(enum sluice_profile_merge how, uint32_t a, uint32_t b)
{
	unsigned x = rank(a), y = rank(b);

	if (x == y)
		return a < b ? a : b;
	return (x > y) == (how == SLUICE_PROFILE_UNION) ? a : b;
}

/* ---- one call -----------------------------------------------------------------------
 */

static int add_region(struct making *m, const struct sc_region *r)
{
	for (uint32_t i = 0; i < m->n; i++)
		if (m->items[i].action == r->action && sc_region_same(&m->items[i], r))
			return 0;
	if (m->n >= MOST_REGIONS)
		return -E2BIG;
	if (sc_reserve(m->items, m->cap, m->n, 1))
		return -ENOMEM;
	m->items[m->n++] = *r;
	return 0;
}

static int add_list(struct making *m, const struct sc_regions *list)
{
	for (uint32_t i = 0; i < sc_regions_n(list); i++) {
		int rc = add_region(m, &list->items[i]);

		if (rc)
			return rc;
	}
	return 0;
}

static int add_alone(enum sluice_profile_merge how, struct making *out,
	const struct sc_verdicts *from, const struct sc_verdicts *other)
{
	for (uint32_t i = 0; i < sc_regions_n(from->regions); i++) {
		struct sc_region r = from->regions->items[i];
		int rc;

		r.action = sc_merge_actions(how, r.action, other->rest);
		rc = r.action == out->rest ? 0 : add_region(out, &r);
		if (rc)
			return rc;
	}
	return 0;
}

/* What is in both, where it is not what each alone gets anyway. */
static int add_both(enum sluice_profile_merge how, struct making *out,
	const struct sc_verdicts *a, const struct sc_verdicts *b)
{
	for (uint32_t i = 0; i < sc_regions_n(a->regions); i++)
		for (uint32_t k = 0; k < sc_regions_n(b->regions); k++) {
			const struct sc_region *x = &a->regions->items[i];
			const struct sc_region *y = &b->regions->items[k];
			struct sc_region both = {
				.action = sc_merge_actions(how, x->action, y->action)};
			uint32_t p = sc_merge_actions(how, x->action, b->rest);
			uint32_t q = sc_merge_actions(how, a->rest, y->action);
			uint32_t rest = out->rest;
			int rc;

			if ((both.action == p || both.action == q) &&
				(both.action == p || p == rest) &&
				(both.action == q || q == rest))
				continue;
			rc = sc_region_meet(x, y, &both);
			if (rc > 0)
				rc = add_region(out, &both);
			if (rc < 0)
				return rc;
		}
	return 0;
}

/* A region that is one of the meetings holds nowhere alone: the meeting, which is behind
 * it, says what is there. Then no two that overlap may differ. */
static int settle(struct making *m, uint32_t alone)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < m->n; i++) {
		bool covered = false;

		for (uint32_t k = alone; i < alone && k < m->n; k++)
			covered |= sc_region_same(&m->items[i], &m->items[k]);
		if (!covered)
			m->items[kept++] = m->items[i];
	}
	m->n = kept;
	for (uint32_t i = 0; i < m->n; i++)
		for (uint32_t k = 0; k < i; k++) {
			struct sc_region both;

			if (m->items[i].action != m->items[k].action &&
				sc_region_meet(&m->items[i], &m->items[k], &both))
				return -EOPNOTSUPP;
		}
	kept = 0;
	for (uint32_t i = 0; i < m->n; i++)
		if (m->items[i].action != m->rest)
			m->items[kept++] = m->items[i];
	m->n = kept;
	return 0;
}

static bool same_verdicts(const struct sc_verdicts *a, const struct sc_verdicts *b)
{
	if (a->rest != b->rest || sc_regions_n(a->regions) != sc_regions_n(b->regions))
		return false;
	if (a->regions == b->regions)
		return true;
	for (uint32_t i = 0; i < a->regions->n; i++)
		if (a->regions->items[i].action != b->regions->items[i].action ||
			!sc_region_same(&a->regions->items[i], &b->regions->items[i]))
			return false;
	return true;
}

int sc_verdicts_merge(struct sc_memo *memo, enum sluice_profile_merge how,
	struct sc_verdicts *v, const struct sc_verdicts *other)
{
	_cleanup_(making_clear) struct making out = {
		.rest = sc_merge_actions(how, v->rest, other->rest)};
	uint32_t alone;
	int rc;

	if (same_verdicts(v, other) || known(memo, v, other))
		return 0;
	rc = add_alone(how, &out, v, other);
	if (!rc)
		rc = add_alone(how, &out, other, v);
	alone = out.n;
	if (!rc)
		rc = add_both(how, &out, v, other);
	if (!rc)
		rc = settle(&out, alone);
	return rc ? rc : answer(memo, v, other, &out);
}

/* ---- what a profile says of a call ---------------------------------------------------
 */

int sc_verdicts_append(struct sc_memo *memo, struct sc_verdicts *v, struct sc_regions *more)
{
	const struct sc_verdicts behind = {more, v->rest};
	_cleanup_(making_clear) struct making out = {.rest = v->rest};
	int rc;

	if (!v->regions) {
		v->regions = sc_regions_share(more);
		return 0;
	}
	if (!more || known(memo, v, &behind))
		return 0;
	rc = add_list(&out, v->regions);
	if (!rc)
		rc = add_list(&out, more);
	return rc ? rc : answer(memo, v, &behind, &out);
}

int sc_verdicts_close(struct sc_memo *memo, struct sc_verdicts *v)
{
	const struct sc_verdicts nothing = {NULL, v->rest};
	_cleanup_(making_clear) struct making out = {.rest = v->rest};
	int rc;

	if (!v->regions || known(memo, v, &nothing))
		return 0;
	for (uint32_t i = 0; i < v->regions->n; i++)
		if (sc_region_is_all(&v->regions->items[i])) {
			out.rest = v->regions->items[i].action;
			return answer(memo, v, &nothing, &out);
		}
	rc = add_list(&out, v->regions);
	if (!rc)
		rc = settle(&out, out.n);
	return rc ? rc : answer(memo, v, &nothing, &out);
}

static int add_rule(struct making *m, const struct sc_arg *args, uint32_t n, uint32_t action)
{
	struct sc_region r;

	if (!sc_region_of(args, n, &r))
		return 0;
	r.action = action;
	return add_region(m, &r);
}

int sc_regions_of_entry(const struct sc_entry *e, struct sc_regions **out)
{
	_cleanup_(making_clear) struct making m = {0};
	uint32_t action = sc_action_value(&e->action);
	unsigned seen = 0;
	bool twice = false;
	int rc = 0;

	for (uint32_t i = 0; i < e->n_args; i++) {
		twice |= seen >> e->args[i].index & 1;
		seen |= 1u << e->args[i].index;
	}
	if (!twice)
		rc = add_rule(&m, e->args, e->n_args, action);
	for (uint32_t i = 0; twice && !rc && i < e->n_args; i++)
		rc = add_rule(&m, &e->args[i], 1, action);
	return rc ? rc : made(&m, out);
}
