/* A lowered policy while it is made.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/lower.h"
#include "util/vec.h"

void sc_builder_clear(struct sc_builder *b)
{
	sc_targets_clear(&b->targets);
	free(b->calls);
	free(b->rules);
	free(b->terms);
	free(b->ranges);
	free(b->low.abis);
	free(b->low.calls);
	free(b->low.rules);
	free(b->low.cmps);
}

void sc_built_begin(struct sc_builder *b)
{
	memset(b->dense, 0, b->dense_end * sizeof(*b->dense));
	b->n_calls = b->n_rules = b->n_terms = b->dense_end = 0;
	b->has_sparse = false;
}

int sc_built_make(struct sc_builder *b, uint32_t nr, struct sc_built_call **out)
{
	uint32_t dense = nr - (uint32_t)b->arch->base;
	int rc = sc_reserve(b->calls, b->cap_calls, b->n_calls, 1);

	for (uint32_t i = 0; dense >= SC_BUILT_DENSE && i < b->n_calls; i++)
		if (b->calls[i].nr == nr) {
			*out = &b->calls[i];
			return 0;
		}
	if (rc)
		return rc;
	*out = &b->calls[b->n_calls++];
	**out = (struct sc_built_call){.nr = nr, .first = SC_NONE_BUILT, .last = SC_NONE_BUILT};
	if (dense >= SC_BUILT_DENSE) {
		b->has_sparse = true;
		return 0;
	}
	b->dense[dense] = b->n_calls;
	if (dense >= b->dense_end)
		b->dense_end = dense + 1;
	return 0;
}

bool sc_built_is_newer(const struct sc_builder *b, const struct sc_target *target)
{
	unsigned int newer = b->filter->newer;
	uint16_t since;

	if (!newer || target->row < 0 || target->carried)
		return false;
	since = sc_syscall_since(b->arch, target->row);
	return since > (newer >> 16 << 8 | (newer & 0xff));
}

static int add_term(struct sc_builder *b, uint8_t reg, uint64_t mask, const struct sc_range *ranges,
	uint32_t n)
{
	int rc = sc_reserve(b->terms, b->cap_terms, b->n_terms, 1);

	if (!rc)
		rc = sc_reserve(b->ranges, b->cap_ranges, b->n_ranges, n);
	if (rc)
		return rc;
	b->terms[b->n_terms++] = (struct sc_built_term){
		.mask = mask, .first_range = b->n_ranges, .n_ranges = n, .reg = reg};
	memcpy(&b->ranges[b->n_ranges], ranges, n * sizeof(*ranges));
	b->n_ranges += n;
	b->added++;
	return 0;
}

int sc_built_terms(struct sc_builder *b, const struct sc_target *target,
	const struct sc_conjunction *terms)
{
	const struct sc_range code = {target->code, target->code};
	int rc = 0;

	b->added = 0;
	if (target->carried)
		rc = add_term(b, 0, target->mask, &code, 1);
	for (uint32_t i = 0; terms && i < terms->n && !rc; i++)
		rc = add_term(b, terms->terms[i].reg, terms->terms[i].set.mask,
			terms->terms[i].set.ranges, terms->terms[i].set.n);
	return rc;
}

/* The operator of libseccomp's rules that says what a term says, and its datum. False: none. */
static bool plain(const struct sc_builder *b, const struct sc_built_term *term, struct sc_cmp *cmp)
{
	const uint64_t ones = b->arch->bits == 64 ? UINT64_MAX : UINT32_MAX;
	const struct sc_range *r = &b->ranges[term->first_range];
	bool whole = term->mask == ones;

	*cmp = (struct sc_cmp){.mask = term->mask, .arg = term->reg, .op = SC_OP_MASKED_EQ};
	if (term->n_ranges == 1 && r->first == r->last) {
		cmp->op = whole ? SC_OP_EQ : SC_OP_MASKED_EQ;
		cmp->datum = r->first;
	} else if (whole && term->n_ranges == 1 && r->first == 0) {
		cmp->op = SC_OP_LE;
		cmp->datum = r->last;
	} else if (whole && term->n_ranges == 1 && r->last == ones) {
		cmp->op = SC_OP_GE;
		cmp->datum = r->first;
	} else if (whole && term->n_ranges == 2 && r[0].first == 0 && r[1].last == ones &&
		   r[1].first - r[0].last == 2) {
		cmp->op = SC_OP_NE;
		cmp->datum = r[0].last + 1;
	} else {
		return false;
	}
	return true;
}

/* Can all rules of a call be said with those operators, one an argument? */
static bool is_plain(const struct sc_builder *b, const struct sc_built_call *call)
{
	for (uint32_t r = call->first; r != SC_NONE_BUILT; r = b->rules[r].next) {
		const struct sc_built_rule *rule = &b->rules[r];
		uint32_t seen = 0;

		for (uint32_t i = 0; i < rule->n_terms; i++) {
			const struct sc_built_term *term = &b->terms[rule->first_term + i];
			struct sc_cmp cmp;

			if (seen & 1U << term->reg || !plain(b, term, &cmp))
				return false;
			seen |= 1U << term->reg;
		}
	}
	return true;
}

static void lower_rule(struct sc_builder *b, const struct sc_built_rule *rule, bool is_simple)
{
	struct sc_lowered *low = &b->low;

	low->rules[low->n_rules++] = (struct sc_low_rule){
		.action = rule->action, .first_cmp = low->n_cmps, .n_cmps = rule->n_terms};
	for (uint32_t i = 0; i < rule->n_terms; i++) {
		const struct sc_built_term *term = &b->terms[rule->first_term + i];
		struct sc_cmp *cmp = &low->cmps[low->n_cmps++];

		if (!is_simple || !plain(b, term, cmp))
			*cmp = (struct sc_cmp){
				.mask = term->mask,
				.datum = term->first_range,
				.arg = term->reg,
				.op = SC_OP_IN,
				.n_ranges = term->n_ranges,
			};
	}
}

static void lower_rules(struct sc_builder *b, const struct sc_built_call *call)
{
	bool is_simple = is_plain(b, call);

	for (uint32_t r = call->first; r != SC_NONE_BUILT; r = b->rules[r].next)
		lower_rule(b, &b->rules[r], is_simple);
}

/* There is room for it and its rules. */
static void lower_call(struct sc_builder *b, const struct sc_built_call *call)
{
	struct sc_lowered *low = &b->low;
	uint32_t first = low->n_rules;

	if (call->first != SC_NONE_BUILT)
		lower_rules(b, call);
	if (call->done)
		low->rules[low->n_rules++] = (struct sc_low_rule){
			.action = call->action, .first_cmp = low->n_cmps};
	if (low->n_rules > first)
		low->calls[low->n_calls++] = (struct sc_low_call){
			.nr = call->nr, .first_rule = first, .n_rules = low->n_rules - first};
}

static int by_nr(const void *a, const void *b)
{
	const struct sc_built_call *x = a, *y = b;

	return (x->nr > y->nr) - (x->nr < y->nr);
}

int sc_built_finish(struct sc_builder *b)
{
	struct sc_lowered *low = &b->low;
	int rc = sc_reserve(low->calls, b->cap_low_calls, low->n_calls, b->n_calls);

	if (!rc)
		rc = sc_reserve(low->rules, b->cap_low_rules, low->n_rules, b->n_rules + b->n_calls);
	if (!rc)
		rc = sc_reserve(low->cmps, b->cap_cmps, low->n_cmps, b->n_terms);
	if (rc)
		return rc;
	b->first_call = low->n_calls;
	if (b->has_sparse) {
		qsort(b->calls, b->n_calls, sizeof(*b->calls), by_nr);
		for (uint32_t c = 0; c < b->n_calls; c++)
			lower_call(b, &b->calls[c]);
		return 0;
	}
	for (uint32_t at = 0; at < b->dense_end; at++)
		if (b->dense[at])
			lower_call(b, &b->calls[b->dense[at] - 1]);
	return 0;
}

int sc_built_abi(struct sc_builder *b, const struct sc_low_abi *abi, bool with_calls)
{
	struct sc_lowered *low = &b->low;
	uint32_t from = b->first_call, to;
	int rc = sc_reserve(low->abis, b->cap_abis, low->n_abis, 1);

	if (rc)
		return rc;
	while (from < low->n_calls && (!with_calls || low->calls[from].nr < abi->first))
		from++;
	for (to = from; to < low->n_calls && low->calls[to].nr <= abi->last; to++)
		;
	low->abis[low->n_abis] = *abi;
	low->abis[low->n_abis].first_call = from;
	low->abis[low->n_abis++].n_calls = to - from;
	return 0;
}

static int by_audit(const void *a, const void *b)
{
	const struct sc_low_abi *x = a, *y = b;

	if (x->audit != y->audit)
		return x->audit < y->audit ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

static void *put(char **at, const void *from, uint32_t n, size_t size)
{
	void *to = *at;

	if (n)
		memcpy(to, from, n * size);
	*at += n * size;
	return to;
}

int sc_builder_done(struct sc_builder *b, struct sc_lowered *out)
{
	const struct sc_lowered *low = &b->low;
	struct sc_lowered done = *low;
	char *at;

	/* Widest alignment first. */
	at = done.block = malloc(low->n_cmps * sizeof(*low->cmps) +
		b->n_ranges * sizeof(*b->ranges) + low->n_abis * sizeof(*low->abis) +
		low->n_calls * sizeof(*low->calls) + low->n_rules * sizeof(*low->rules) + 1);
	if (!at)
		return -ENOMEM;
	done.cmps = put(&at, low->cmps, low->n_cmps, sizeof(*low->cmps));
	done.ranges = put(&at, b->ranges, b->n_ranges, sizeof(*b->ranges));
	done.abis = put(&at, low->abis, low->n_abis, sizeof(*low->abis));
	done.calls = put(&at, low->calls, low->n_calls, sizeof(*low->calls));
	done.rules = put(&at, low->rules, low->n_rules, sizeof(*low->rules));
	done.badarch = b->filter->badarch_action;
	done.big_endian = b->filter->archs[0]->big_endian;
	qsort(done.abis, done.n_abis, sizeof(*done.abis), by_audit);
	*out = done;
	return 0;
}
