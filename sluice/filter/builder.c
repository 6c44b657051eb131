/* A lowered policy while it is made.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "filter/lower.h"
#include "util/vec.h"

void sc_filter_lowered_clear(struct sc_lowered *lowered)
{
	free(lowered->abis);
	free(lowered->calls);
	free(lowered->rules);
	free(lowered->cmps);
	free(lowered->ranges);
}

void sc_builder_init(struct sc_builder *b, const struct sluice_filter *filter)
{
	/* Slots are made zero where they are needed. */
	memset(b, 0, offsetof(struct sc_builder, slots));
	b->filter = filter;
	b->always_action = UINT32_MAX; /* no action of a rule */
}

void sc_builder_clear(struct sc_builder *b)
{
	sc_targets_clear(&b->targets);
	sc_asked_clear(&b->asked);
	free(b->calls);
	free(b->rules);
	free(b->terms);
	b->low.ranges = b->ranges;
	sc_filter_lowered_clear(&b->low);
}

static void extend_slots(struct sc_builder *b, uint32_t end)
{
	memset(&b->slots[b->slots_end], 0, (end - b->slots_end) * sizeof(*b->slots));
	b->slots_end = end;
}

void sc_built_begin(struct sc_builder *b)
{
	b->n_calls = b->n_rules = b->n_terms = b->slots_end = 0;
	extend_slots(b, b->decided->end);
}

/* The slot of a number; NULL: it has none. */
static uint32_t *slot_of(struct sc_builder *b, uint32_t nr)
{
	uint32_t at = nr - (uint32_t)b->arch->base;

	if (at >= SC_FILTER_DENSE)
		return NULL;
	if (at >= b->slots_end)
		extend_slots(b, at + 1);
	return &b->slots[at];
}

static struct sc_built_call *find_sparse(struct sc_builder *b, uint32_t nr)
{
	for (uint32_t i = 0; i < b->n_calls; i++)
		if (b->calls[i].nr == nr)
			return &b->calls[i];
	return NULL;
}

int sc_built_open(struct sc_builder *b, uint32_t nr, struct sc_built_call **out)
{
	uint32_t *slot = slot_of(b, nr);
	struct sc_built_call *call;
	int rc;

	*out = NULL;
	if (slot && *slot & SC_SLOT_ALWAYS)
		return 0;
	call = !slot ? find_sparse(b, nr) : *slot ? &b->calls[*slot - 1] : NULL;
	if (!call) {
		rc = sc_reserve(b->calls, b->cap_calls, b->n_calls, 1);
		if (rc)
			return rc;
		call = &b->calls[b->n_calls++];
		*call = (struct sc_built_call){
			.nr = nr, .first = SC_NONE_BUILT, .last = SC_NONE_BUILT};
		if (slot)
			*slot = b->n_calls;
	}
	if (!call->done)
		*out = call;
	return 0;
}

/* The rule that calls share from now on; behind it there is room for what else was built. */
static int share(struct sc_builder *b, uint32_t action)
{
	struct sc_lowered *low = &b->low;
	int rc = sc_reserve(
		low->rules, b->cap_low_rules, low->n_rules, b->n_rules + b->n_calls + 1);

	if (rc)
		return rc;
	b->always_action = action;
	b->always_rule = low->n_rules;
	low->rules[low->n_rules++] =
		(struct sc_low_rule){.action = action, .first_cmp = low->n_cmps};
	return 0;
}

int sc_built_always(struct sc_builder *b, uint32_t nr, uint32_t action)
{
	uint32_t *slot = slot_of(b, nr);
	struct sc_built_call *call;
	int rc = 0;

	if (slot && !*slot) {
		if (action != b->always_action)
			rc = share(b, action);
		if (!rc)
			*slot = SC_SLOT_ALWAYS | b->always_rule;
		return rc;
	}
	rc = sc_built_open(b, nr, &call);
	if (!rc && call) {
		call->action = action;
		call->done = true;
	}
	return rc;
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
			sc_set_ranges(&terms->terms[i].set), terms->terms[i].set.n);
	return rc;
}

/* The operator of libseccomp's rules that says what a term says, and its datum. False: none. */
static bool plain(const struct sc_builder *b, const struct sc_built_term *term, struct sc_cmp *cmp)
{
	const uint64_t ones = sc_meaning_register(b->arch) == 64 ? UINT64_MAX : UINT32_MAX;
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

/* There is room for it and its rules. Returns what is behind it in low->calls. */
static struct sc_low_call *lower_call(
	struct sc_builder *b, const struct sc_built_call *call, struct sc_low_call *to)
{
	struct sc_lowered *low = &b->low;
	uint32_t first = low->n_rules;

	if (call->first != SC_NONE_BUILT)
		lower_rules(b, call);
	if (call->done)
		low->rules[low->n_rules++] = (struct sc_low_rule){
			.action = call->action, .first_cmp = low->n_cmps};
	if (low->n_rules > first)
		*to++ = (struct sc_low_call){
			.nr = call->nr, .first_rule = first, .n_rules = low->n_rules - first};
	return to;
}

static int by_nr(const void *a, const void *b)
{
	const struct sc_built_call *x = a, *y = b;

	return (x->nr > y->nr) - (x->nr < y->nr);
}

/* The number of slot @at, about which more is said than by @rule; 0: none decides it. @call: the next that was built. */
static struct sc_low_call *lower_slot(struct sc_builder *b, uint32_t at, uint32_t rule,
	struct sc_built_call **call, struct sc_low_call *to)
{
	struct sc_built_call *c = *call;

	if (b->slots[at] & SC_SLOT_ALWAYS) {
		*to = (struct sc_low_call){.nr = (uint32_t)b->arch->base + at,
			.first_rule = b->slots[at] & ~SC_SLOT_ALWAYS,
			.n_rules = 1};
		return to + 1;
	}
	if (rule && !c->done) {
		c->action = b->filter->rules[rule - 1].action;
		c->done = true;
	}
	*call = c + 1;
	return lower_call(b, c, to);
}

/* What is said about the numbers that have a slot. @call: the first of them that was built; then the one behind them.
 * 0 or -ENOMEM. */
static int lower_slots(struct sc_builder *b, struct sc_built_call **call, struct sc_low_call **out)
{
	const struct sc_filter_rule *const rules = b->filter->rules - 1;
	const struct sc_decided *const d = b->decided;
	const uint32_t last = b->decided_end;
	uint32_t action = b->always_action, shared = b->always_rule, nr = (uint32_t)b->arch->base;
	struct sc_low_call *to = *out;

	for (uint32_t at = 0; at < d->end; at++, nr++) {
		const uint32_t rule = d->rules[at] <= last ? d->rules[at] : 0;

		if (b->slots[at]) {
			to = lower_slot(b, at, rule, call, to);
			continue;
		}
		if (!rule)
			continue;
		if (rules[rule].action != action) {
			action = rules[rule].action;
			if (share(b, action))
				return -ENOMEM;
			shared = b->always_rule;
		}
		to->nr = nr;
		to->first_rule = shared;
		to->n_rules = 1;
		to->weight = 0;
		to++;
	}
	for (uint32_t at = d->end; at < b->slots_end; at++)
		if (b->slots[at])
			to = lower_slot(b, at, 0, call, to);
	*out = to;
	return 0;
}

/* Ascending: sparse ones before and behind those that have a slot. 0 or -ENOMEM. */
static int lower_calls(struct sc_builder *b)
{
	struct sc_built_call *call = b->calls, *const end = call ? call + b->n_calls : NULL;
	struct sc_low_call *to = b->low.calls + b->low.n_calls;
	int rc;

	for (; call < end && call->nr < (uint32_t)b->arch->base; call++)
		to = lower_call(b, call, to);
	rc = lower_slots(b, &call, &to);
	for (; call < end && !rc; call++)
		to = lower_call(b, call, to);
	b->low.n_calls = (uint32_t)(to - b->low.calls);
	return rc;
}

int sc_built_finish(struct sc_builder *b)
{
	struct sc_lowered *low = &b->low;
	/* And one more: no array is NULL. */
	int rc = sc_reserve(
		low->calls, b->cap_low_calls, low->n_calls, b->n_calls + b->slots_end + 1);

	if (!rc)
		rc = sc_reserve(
			low->rules, b->cap_low_rules, low->n_rules, b->n_rules + b->n_calls + 1);
	if (!rc)
		rc = sc_reserve(low->cmps, b->cap_cmps, low->n_cmps, b->n_terms + 1);
	if (rc)
		return rc;
	b->first_call = low->n_calls;
	if (b->n_calls > 1)
		qsort(b->calls, b->n_calls, sizeof(*b->calls), by_nr);
	return lower_calls(b);
}

/* The first of the architecture's lowered calls that is not below @nr. */
static uint32_t first_from(const struct sc_builder *b, uint64_t nr)
{
	uint32_t from = b->first_call, to = b->low.n_calls;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (b->low.calls[middle].nr < nr)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

int sc_built_abi(struct sc_builder *b, const struct sc_low_abi *abi, bool with_calls)
{
	struct sc_lowered *low = &b->low;
	uint32_t first = first_from(b, abi->first);
	int rc = sc_reserve(low->abis, b->cap_abis, low->n_abis, 1);

	if (rc)
		return rc;
	low->abis[low->n_abis] = *abi;
	low->abis[low->n_abis].first_call = first;
	low->abis[low->n_abis++].n_calls =
		with_calls ? first_from(b, (uint64_t)abi->last + 1) - first : 0;
	return 0;
}

static int by_audit(const void *a, const void *b)
{
	const struct sc_low_abi *x = a, *y = b;

	if (x->audit != y->audit)
		return x->audit < y->audit ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

/* As the ABIs of one architecture are. */
static bool is_ascending(const struct sc_lowered *low)
{
	for (uint32_t i = 1; i < low->n_abis; i++)
		if (by_audit(&low->abis[i - 1], &low->abis[i]) > 0)
			return false;
	return true;
}

void sc_builder_done(struct sc_builder *b, struct sc_lowered *out)
{
	struct sc_lowered *low = &b->low;

	low->ranges = b->ranges;
	low->badarch = b->filter->badarch_action;
	low->big_endian = b->filter->archs[0]->big_endian;
	if (!is_ascending(low))
		qsort(low->abis, low->n_abis, sizeof(*low->abis), by_audit);
	*out = *low;
	*low = (struct sc_lowered){0};
	b->ranges = NULL;
}
