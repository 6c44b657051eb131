/* Merging profiles: names, one profile after the other, and the result. merging.c has what
 * happens to one call.
 * SPDX-License-Identifier: MIT */
#include "merging.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/hash.h"
#include "util/set.h"
#include "util/vec.h"

struct call {
	const char *name;
	struct sc_verdicts v;
	uint64_t added; /* up to which profile it is merged: see rest_since() */
};

struct calls {
	struct call *items;
	uint32_t n, cap;
	struct sc_set by_name;
};

/* What the profiles from @last on say together about calls that they do not name. So do those from
 * each earlier one on, down to the @last of the element below. */
struct rest {
	uint64_t last;
	uint32_t action;
};

struct sluice_profile_merger {
	enum sluice_profile_merge how;
	struct sluice_profile *base; /* owns names; its head is the first profile's */
	struct calls calls;
	uint32_t rest; /* of calls that no profile names */
	uint64_t added;
	struct rest *rests;
	uint32_t n_rests, cap_rests;
	struct sc_memo merged, idle;
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
	c->items[c->n] = (struct call){.name = name, .v.rest = rest};
	sc_set_insert(&c->by_name, slot, c->n);
	return &c->items[c->n++];
}

static void free_calls(struct calls *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		sc_regions_free(c->items[i].v.regions);
	free(c->items);
	sc_set_clear(&c->by_name);
}

/* ---- profiles that do not name a call ------------------------------------------------
 *
 * Each gives the call what it gives to all that it does not name. That is put off until the call is
 * needed: looking at every call for every profile would take the square of the time. Of actions
 * merged in a row only the one that wins counts, so it is enough to know which one wins from each
 * profile to the last. From later profiles fewer actions win, so there are few answers. */

static int note_rest(struct sluice_profile_merger *m, uint32_t action)
{
	if (sc_reserve(m->rests, m->cap_rests, m->n_rests, 1))
		return -ENOMEM;
	while (m->n_rests && sc_merge_actions(m->how, m->rests[m->n_rests - 1].action, action) == action)
		m->n_rests--;
	m->rests[m->n_rests++] = (struct rest){m->added, action};
	return 0;
}

/* What wins behind profile @added. There is one. */
static uint32_t rest_since(const struct sluice_profile_merger *m, uint64_t added)
{
	uint32_t low = 0, high = m->n_rests - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (m->rests[middle].last > added)
			high = middle;
		else
			low = middle + 1;
	}
	return m->rests[low].action;
}

/* Merge @c with the profiles up to @last, which do not name it. */
static int catch_up(struct sluice_profile_merger *m, struct call *c, uint64_t last)
{
	struct sc_verdicts nothing;
	int rc;

	if (c->added >= last)
		return 0;
	nothing = (struct sc_verdicts){NULL, rest_since(m, c->added)};
	rc = sc_verdicts_merge(&m->idle, m->how, &c->v, &nothing);
	if (!rc)
		c->added = last;
	return rc;
}

/* ---- one profile --------------------------------------------------------------------
 */

static int complain(char *error, int rc, const char *call, const char *why)
{
	if (error)
		snprintf(error, 256, "%s%s%s", call, *call ? ": " : "", why);
	return rc;
}

static int list_entry(const struct sc_entry *e, uint32_t rest, struct calls *calls,
	struct sc_memo *memo, char *error)
{
	struct sc_regions *regions = NULL;
	int rc = sc_regions_of_entry(e, &regions);

	for (uint32_t k = 0; k < e->names.n; k++) {
		struct call *c;

		if (!rc) {
			c = call_named(calls, NULL, e->names.texts[k], rest);
			rc = c ? sc_verdicts_append(memo, &c->v, regions) : -ENOMEM;
		}
		if (rc) {
			complain(error, rc, e->names.texts[k], "too many rules");
			break;
		}
	}
	sc_regions_free(regions);
	return rc;
}

static int list_calls(const struct sluice_profile *p, struct calls *calls, char *error)
{
	_cleanup_(sc_memo_clear) struct sc_memo memo = {0};
	uint32_t rest = sc_action_value(&p->action);

	for (uint32_t i = 0; i < p->n; i++) {
		const struct sc_entry *e = &p->entries[i];
		int rc;

		if (sc_entry_is_conditional(e))
			return complain(error, -EOPNOTSUPP, "",
				"an entry depends on capabilities, a kernel or a "
				"machine");
		if (sc_action_value(&e->action) == rest)
			continue;
		rc = list_entry(e, rest, calls, &memo, error);
		if (rc)
			return rc;
	}
	sc_memo_clear(&memo);
	for (uint32_t i = 0; i < calls->n; i++) {
		int rc = sc_verdicts_close(&memo, &calls->items[i].v);

		if (rc)
			return complain(error, rc, calls->items[i].name,
				"its rules say several actions for the same arguments");
	}
	return 0;
}

static int add_call(struct sluice_profile_merger *m, const struct call *from)
{
	struct call *c = call_named(&m->calls, m->base, from->name, m->rest);
	int rc;

	if (!c)
		return -ENOMEM;
	if (m->added == 1) {
		c->v = (struct sc_verdicts){sc_regions_share(from->v.regions), from->v.rest};
		c->added = m->added;
		return 0;
	}
	/* A new one has had its part of the others: m->rest. */
	rc = c->added ? catch_up(m, c, m->added - 1) : 0;
	if (!rc)
		rc = sc_verdicts_merge(&m->merged, m->how, &c->v, &from->v);
	if (!rc)
		c->added = m->added;
	return rc;
}

static int add_calls(
	struct sluice_profile_merger *m, struct calls *calls, uint32_t rest, char *error)
{
	for (uint32_t i = 0; i < calls->n; i++) {
		int rc = add_call(m, &calls->items[i]);

		if (rc)
			return complain(error, rc, calls->items[i].name,
				"no rules can say what the profiles say together");
	}
	m->rest = sc_merge_actions(m->how, m->rest, rest);
	return note_rest(m, rest);
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
	sc_memo_clear(&m->merged);
	sc_memo_clear(&m->idle);
	free(m->rests);
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
	const struct sc_region *region; /* of a call, or made here */
};

struct lines {
	struct line *items;
	uint32_t n, cap;
	struct sc_region **made;
	uint32_t n_made, cap_made;
};

static void lines_clear(struct lines *l)
{
	for (uint32_t i = 0; i < l->n_made; i++)
		free(l->made[i]);
	free(l->made);
	free(l->items);
}

static int add_line(struct lines *l, const char *name, const struct sc_region *r)
{
	if (sc_reserve(l->items, l->cap, l->n, 1))
		return -ENOMEM;
	l->items[l->n++] = (struct line){name, r};
	return 0;
}

/* A region that no call has. What was made last is often the same. */
static int add_made(struct lines *l, const char *name, const struct sc_region *r)
{
	const struct sc_region *last = l->n_made ? l->made[l->n_made - 1] : NULL;
	struct sc_region *copy;

	if (last && last->action == r->action && sc_region_same(last, r))
		return add_line(l, name, last);
	if (sc_reserve(l->made, l->cap_made, l->n_made, 1))
		return -ENOMEM;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *r;
	l->made[l->n_made++] = copy;
	return add_line(l, name, copy);
}

/* A call that gets another action than the default whatever its arguments are, but for a
 * region that gets the default, is a rule for what is outside of the region. */
static int list_call(struct lines *l, const struct call *c, uint32_t rest)
{
	struct sc_region all = {.action = c->v.rest}, outside;
	const struct sc_regions *r = c->v.regions;

	if (c->v.rest != rest && !r)
		return add_made(l, c->name, &all);
	if (c->v.rest != rest) {
		if (r->n != 1 || r->items[0].action != rest ||
			!sc_region_complement(&r->items[0], &outside))
			return -EOPNOTSUPP;
		outside.action = c->v.rest;
		return add_made(l, c->name, &outside);
	}
	for (uint32_t i = 0; i < sc_regions_n(r); i++) {
		int rc = add_line(l, c->name, &r->items[i]);

		if (rc)
			return rc;
	}
	return 0;
}

/* Rules without conditions first; equal ones side by side, their names in order. */
static int compare_lines(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	bool p, q;
	int order;

	if (x->region == y->region)
		return strcmp(x->name, y->name);
	p = sc_region_is_all(x->region);
	q = sc_region_is_all(y->region);
	if (p != q)
		return p ? -1 : 1;
	if (x->region->action != y->region->action)
		return x->region->action > y->region->action ? -1 : 1;
	order = sc_region_compare(x->region, y->region);
	return order ? order : strcmp(x->name, y->name);
}

static bool same_line(const struct line *a, const struct line *b)
{
	return a->region == b->region ||
	       (a->region->action == b->region->action && sc_region_same(a->region, b->region));
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
		n = sc_region_args(l->items[first].region, args);
		for (unsigned i = 0; i < n; i++)
			cmps[i] = (struct scmp_arg_cmp){args[i].index,
				(enum scmp_compare)args[i].op, args[i].value,
				args[i].value_two};
		rc = sluice_profile_add(
			p, l->items[first].region->action, names, next - first, cmps, n);
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

int sluice_profile_merger_finish(
	struct sluice_profile_merger *m, struct sluice_profile **profile, char *error)
{
	_cleanup_(lines_clear) struct lines l = {0};
	struct sluice_profile *p = NULL;
	int rc = m->base ? sc_profile_copy_head(m->base, &p) : -EINVAL;

	if (!rc)
		set_default(p, m->rest);
	for (uint32_t i = 0; i < m->calls.n && !rc; i++) {
		rc = catch_up(m, &m->calls.items[i], m->added);
		if (!rc)
			rc = list_call(&l, &m->calls.items[i], m->rest);
		if (rc)
			complain(error, rc, m->calls.items[i].name,
				"no rules can say what the profiles say together");
	}
	if (!rc && l.n)
		qsort(l.items, l.n, sizeof(*l.items), compare_lines);
	if (!rc)
		rc = write_lines(p, &l);
	if (!rc)
		*profile = steal_ptr(p);
	sluice_profile_free(p);
	return rc;
}
