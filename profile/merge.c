/* Merging profiles: each call is a list of regions and what holds outside of them.
 * SPDX-License-Identifier: MIT
 *
 * A region of one profile and one of another divide the arguments in four: both, either
 * alone, neither. Each part gets what permits more (or less) of what the two say there.
 * Regions of one call that overlap say the same action when a step is done, so their
 * order does not matter; what cannot be said so is refused. */
#include "region.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/hash.h"
#include "util/set.h"
#include "util/vec.h"

#define MOST_REGIONS 512 /* of one call */

struct call {
	const char *name;
	struct sc_region *regions;
	uint32_t n, cap;
	uint32_t rest;
	uint64_t added; /* the number of the profile that named it last */
};

struct calls {
	struct call *items;
	uint32_t n, cap;
	struct sc_set by_name;
};

struct sluice_profile_merger {
	enum sluice_profile_merge how;
	struct sluice_profile *base; /* owns names; its head is the first profile's */
	struct calls calls;
	uint32_t rest; /* of calls that no profile names */
	uint64_t added;
};

/* ---- calls by name ------------------------------------------------------------------
 */

static uint64_t hash_name(const char *name)
{
	uint64_t h = sc_hash_seed();

	while (*name)
		h = sc_hash_mix(h, (unsigned char)*name++);
	return h;
}

static uint64_t hash_call(const void *calls, uint32_t index)
{
	return hash_name(((const struct calls *)calls)->items[index].name);
}

static bool same_name(const void *calls, uint32_t index, const void *name)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): by_name holds indices of items */
	return !strcmp(((const struct calls *)calls)->items[index].name, name);
}

/* The call of this name, a new one with @rest where there was none; NULL: no memory.
 * @pool owns the name. */
static struct call *call_named(
	struct calls *c, struct sluice_profile *pool, const char *name, uint32_t rest)
{
	uint32_t *slot;

	if (sc_set_reserve(&c->by_name, 1, hash_call, c))
		return NULL;
	slot = sc_set_find(&c->by_name, hash_name(name), same_name, c, name);
	if (*slot)
		return &c->items[*slot - 1];
	if (sc_reserve(c->items, c->cap, c->n, 1))
		return NULL;
	name = pool ? sc_profile_text(pool, name, strlen(name)) : name;
	if (!name)
		return NULL;
	c->items[c->n] = (struct call){.name = name, .rest = rest};
	sc_set_insert(&c->by_name, slot, c->n);
	return &c->items[c->n++];
}

static void free_calls(struct calls *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		free(c->items[i].regions);
	free(c->items);
	sc_set_clear(&c->by_name);
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
static uint32_t decide(enum sluice_profile_merge how, uint32_t a, uint32_t b)
{
	unsigned x = rank(a), y = rank(b);

	if (x == y)
		return a < b ? a : b;
	return (x > y) == (how == SLUICE_PROFILE_UNION) ? a : b;
}

/* ---- one call -----------------------------------------------------------------------
 */

static int add_region(struct call *c, const struct sc_region *r)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (c->regions[i].action == r->action &&
			sc_region_same(&c->regions[i], r))
			return 0;
	if (c->n >= MOST_REGIONS)
		return -E2BIG;
	if (sc_reserve(c->regions, c->cap, c->n, 1))
		return -ENOMEM;
	c->regions[c->n++] = *r;
	return 0;
}

static int add_alone(enum sluice_profile_merge how, struct call *out,
	const struct call *from, const struct call *other)
{
	for (uint32_t i = 0; i < from->n; i++) {
		struct sc_region r = from->regions[i];
		int rc;

		r.action = decide(how, r.action, other->rest);
		rc = r.action == out->rest ? 0 : add_region(out, &r);
		if (rc)
			return rc;
	}
	return 0;
}

/* What is in both, where it is not what each alone gets anyway. */
static int add_both(enum sluice_profile_merge how, struct call *out, const struct call *a,
	const struct call *b)
{
	for (uint32_t i = 0; i < a->n; i++)
		for (uint32_t k = 0; k < b->n; k++) {
			const struct sc_region *x = &a->regions[i], *y = &b->regions[k];
			struct sc_region both = {
				.action = decide(how, x->action, y->action)};
			uint32_t p = decide(how, x->action, b->rest);
			uint32_t q = decide(how, a->rest, y->action), rest = out->rest;
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
static int settle(struct call *c, uint32_t alone)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		bool covered = false;

		for (uint32_t k = alone; i < alone && k < c->n; k++)
			covered |= sc_region_same(&c->regions[i], &c->regions[k]);
		if (!covered)
			c->regions[kept++] = c->regions[i];
	}
	c->n = kept;
	for (uint32_t i = 0; i < c->n; i++)
		for (uint32_t k = 0; k < i; k++) {
			struct sc_region both;

			if (c->regions[i].action != c->regions[k].action &&
				sc_region_meet(&c->regions[i], &c->regions[k], &both))
				return -EOPNOTSUPP;
		}
	kept = 0;
	for (uint32_t i = 0; i < c->n; i++)
		if (c->regions[i].action != c->rest)
			c->regions[kept++] = c->regions[i];
	c->n = kept;
	return 0;
}

static int copy_call(struct call *to, const struct call *from)
{
	to->rest = from->rest;
	for (uint32_t i = 0; i < from->n; i++) {
		int rc = add_region(to, &from->regions[i]);

		if (rc)
			return rc;
	}
	return 0;
}

static bool same_call(const struct call *a, const struct call *b)
{
	if (a->rest != b->rest || a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (a->regions[i].action != b->regions[i].action ||
			!sc_region_same(&a->regions[i], &b->regions[i]))
			return false;
	return true;
}

static int merge_call(enum sluice_profile_merge how, struct call *a, const struct call *b)
{
	struct call out = {.name = a->name, .rest = decide(how, a->rest, b->rest)};
	uint32_t alone;
	int rc;

	if (same_call(a, b))
		return 0;
	rc = add_alone(how, &out, a, b);
	if (!rc)
		rc = add_alone(how, &out, b, a);
	alone = out.n;
	if (!rc)
		rc = add_both(how, &out, a, b);
	if (!rc)
		rc = settle(&out, alone);
	if (rc) {
		free(out.regions);
		return rc;
	}
	free(a->regions);
	a->regions = out.regions;
	a->n = out.n;
	a->cap = out.cap;
	a->rest = out.rest;
	return 0;
}

/* ---- one profile --------------------------------------------------------------------
 */

static int complain(char *error, int rc, const char *call, const char *why)
{
	if (error)
		snprintf(error, 256, "%s%s%s", call, *call ? ": " : "", why);
	return rc;
}

static int add_rule(
	struct call *c, const struct sc_arg *args, uint32_t n, uint32_t action)
{
	struct sc_region r;

	if (!sc_region_of(args, n, &r))
		return 0;
	r.action = action;
	return add_region(c, &r);
}

/* A comparison alone each, where one argument is asked about twice: as the runtimes do
 * it. */
static int add_entry(struct call *c, const struct sc_entry *e)
{
	uint32_t action = sc_action_value(&e->action);
	unsigned seen = 0;
	bool twice = false;

	for (uint32_t i = 0; i < e->n_args; i++) {
		twice |= seen >> e->args[i].index & 1;
		seen |= 1u << e->args[i].index;
	}
	if (!twice)
		return add_rule(c, e->args, e->n_args, action);
	for (uint32_t i = 0; i < e->n_args; i++) {
		int rc = add_rule(c, &e->args[i], 1, action);

		if (rc)
			return rc;
	}
	return 0;
}

/* The first rule without conditions wins over all others of its call. */
static int close_call(struct call *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (sc_region_is_all(&c->regions[i])) {
			c->rest = c->regions[i].action;
			c->n = 0;
			return 0;
		}
	return settle(c, c->n);
}

static int list_calls(const struct sluice_profile *p, struct calls *calls, char *error)
{
	uint32_t rest = sc_action_value(&p->action);

	for (uint32_t i = 0; i < p->n; i++) {
		const struct sc_entry *e = &p->entries[i];

		if (sc_entry_is_conditional(e))
			return complain(error, -EOPNOTSUPP, "",
				"an entry depends on capabilities, a kernel or a "
				"machine");
		if (sc_action_value(&e->action) == rest)
			continue;
		for (uint32_t k = 0; k < e->names.n; k++) {
			struct call *c = call_named(calls, NULL, e->names.texts[k], rest);
			int rc = c ? add_entry(c, e) : -ENOMEM;

			if (rc)
				return complain(
					error, rc, e->names.texts[k], "too many rules");
		}
	}
	for (uint32_t i = 0; i < calls->n; i++)
		if (close_call(&calls->items[i]))
			return complain(error, -EOPNOTSUPP, calls->items[i].name,
				"its rules say several actions for the same arguments");
	return 0;
}

static int add_calls(
	struct sluice_profile_merger *m, struct calls *calls, uint32_t rest, char *error)
{
	const struct call nothing = {.rest = rest};
	uint32_t before = m->calls.n;

	for (uint32_t i = 0; i < calls->n; i++) {
		struct call *c =
			call_named(&m->calls, m->base, calls->items[i].name, m->rest);
		int rc = !c		 ? -ENOMEM
			 : m->added == 1 ? copy_call(c, &calls->items[i])
					 : merge_call(m->how, c, &calls->items[i]);

		if (rc)
			return complain(error, rc, calls->items[i].name,
				"no rules can say what the profiles say together");
		c->added = m->added;
	}
	for (uint32_t i = 0; i < before; i++) {
		struct call *c = &m->calls.items[i];
		int rc = c->added == m->added ? 0 : merge_call(m->how, c, &nothing);

		if (rc)
			return complain(error, rc, c->name,
				"no rules can say what the profiles say together");
	}
	m->rest = decide(m->how, m->rest, rest);
	return 0;
}

static bool has_arch(const struct sluice_profile *p, uint32_t arch)
{
	for (uint32_t i = 0; i < p->arches.n; i++)
		if (sc_arch_of_profile(p->arches.texts[i]) == arch)
			return true;
	return false;
}

static bool same_arches(const struct sluice_profile *a, const struct sluice_profile *b)
{
	for (uint32_t i = 0; i < a->arches.n; i++)
		if (!has_arch(b, sc_arch_of_profile(a->arches.texts[i])))
			return false;
	for (uint32_t i = 0; i < b->arches.n; i++)
		if (!has_arch(a, sc_arch_of_profile(b->arches.texts[i])))
			return false;
	return !a->n_maps && !b->n_maps;
}

int sluice_profile_merger_new(
	enum sluice_profile_merge how, struct sluice_profile_merger **merger)
{
	struct sluice_profile_merger *m;

	if (how != SLUICE_PROFILE_UNION && how != SLUICE_PROFILE_INTERSECT)
		return -EINVAL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->how = how;
	*merger = m;
	return 0;
}

void sluice_profile_merger_free(struct sluice_profile_merger *m)
{
	if (!m)
		return;
	sluice_profile_free(m->base);
	free_calls(&m->calls);
	free(m);
}

int sluice_profile_merger_add(
	struct sluice_profile_merger *m, const struct sluice_profile *p, char *error)
{
	_cleanup_(free_calls) struct calls calls = {0};
	uint32_t rest = sc_action_value(&p->action);
	int rc;

	if (p->n_maps)
		return complain(error, -EOPNOTSUPP, "", "archMap depends on the machine");
	if (m->base && !same_arches(m->base, p))
		return complain(error, -EOPNOTSUPP, "",
			"it is for other architectures than the first profile");
	if (!m->base) {
		rc = sc_profile_copy_head(p, &m->base);
		if (rc)
			return complain(error, rc, "", "out of memory");
		m->rest = rest;
	}
	m->added++;
	rc = list_calls(p, &calls, error);
	return rc ? rc : add_calls(m, &calls, rest, error);
}

/* ---- the result ----------------------------------------------------------------------
 */

struct line {
	const char *name;
	struct sc_region region;
};

struct lines {
	struct line *items;
	uint32_t n, cap;
};

static int add_line(struct lines *l, const char *name, const struct sc_region *r)
{
	if (sc_reserve(l->items, l->cap, l->n, 1))
		return -ENOMEM;
	l->items[l->n++] = (struct line){name, *r};
	return 0;
}

/* A call that gets another action than the default whatever its arguments are, but for a
 * region that gets the default, is a rule for what is outside of the region. */
static int list_call(struct lines *l, const struct call *c, uint32_t rest)
{
	struct sc_region all = {.action = c->rest}, outside;

	if (c->rest != rest && !c->n)
		return add_line(l, c->name, &all);
	if (c->rest != rest) {
		if (c->n != 1 || c->regions[0].action != rest ||
			!sc_region_complement(&c->regions[0], &outside))
			return -EOPNOTSUPP;
		outside.action = c->rest;
		return add_line(l, c->name, &outside);
	}
	for (uint32_t i = 0; i < c->n; i++) {
		int rc = add_line(l, c->name, &c->regions[i]);

		if (rc)
			return rc;
	}
	return 0;
}

/* Rules without conditions first; equal ones side by side, their names in order. */
static int compare_lines(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	bool p = sc_region_is_all(&x->region), q = sc_region_is_all(&y->region);
	int order;

	if (p != q)
		return p ? -1 : 1;
	if (x->region.action != y->region.action)
		return x->region.action > y->region.action ? -1 : 1;
	order = sc_region_compare(&x->region, &y->region);
	return order ? order : strcmp(x->name, y->name);
}

static bool same_line(const struct line *a, const struct line *b)
{
	return a->region.action == b->region.action &&
	       sc_region_same(&a->region, &b->region);
}

static int write_lines(struct sluice_profile *p, struct lines *l)
{
	for (uint32_t first = 0, next; first < l->n; first = next) {
		struct sc_arg args[SC_PROFILE_ARGS];
		struct scmp_arg_cmp cmps[SC_PROFILE_ARGS];
		_cleanup_free_ const char **names = NULL;
		unsigned n;
		int rc;

		for (next = first;
			next < l->n && same_line(&l->items[first], &l->items[next]);)
			next++;
		names = calloc(next - first, sizeof(*names));
		if (!names)
			return -ENOMEM;
		for (uint32_t i = first; i < next; i++)
			names[i - first] = l->items[i].name;
		n = sc_region_args(&l->items[first].region, args);
		for (unsigned i = 0; i < n; i++)
			cmps[i] = (struct scmp_arg_cmp){args[i].index,
				(enum scmp_compare)args[i].op, args[i].value,
				args[i].value_two};
		rc = sluice_profile_add(
			p, l->items[first].region.action, names, next - first, cmps, n);
		if (rc)
			return rc;
	}
	return 0;
}

static void set_default(struct sluice_profile *p, uint32_t action)
{
	uint32_t value = action & 0xffff0000;

	if (sc_action_value(&p->action) == action)
		return;
	p->action = (struct sc_action){.name = sc_name_of(sc_profile_actions, value),
		.value = value,
		.errno_ret = action & 0xffff,
		.has_errno = sc_takes_errno(value)};
}

int sluice_profile_merger_finish(const struct sluice_profile_merger *m,
	struct sluice_profile **profile, char *error)
{
	struct lines l = {0};
	struct sluice_profile *p = NULL;
	int rc = m->base ? sc_profile_copy_head(m->base, &p) : -EINVAL;

	if (!rc)
		set_default(p, m->rest);
	for (uint32_t i = 0; i < m->calls.n && !rc; i++) {
		rc = list_call(&l, &m->calls.items[i], m->rest);
		if (rc)
			complain(error, rc, m->calls.items[i].name,
				"no rules can say what the profiles say together");
	}
	if (!rc && l.n)
		qsort(l.items, l.n, sizeof(*l.items), compare_lines);
	if (!rc)
		rc = write_lines(p, &l);
	free(l.items);
	if (!rc)
		*profile = steal_ptr(p);
	sluice_profile_free(p);
	return rc;
}
