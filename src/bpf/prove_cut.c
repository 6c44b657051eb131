/* Proof by parts, for calls with many rules over many arguments.
 *
 * Fifty rules that each compare six arguments make a diagram of millions of nodes, though the
 * program that tries rule by rule is short. It is proved from its end:
 *
 *     program                     rules               what is known of them
 *     start of rule 1: ...        rule 1, 2, 3, else
 *     start of rule 2: ...        rule 2, 3, else  =  rule 2 holds ? its action : P
 *     start of rule 3: ...        rule 3, else     =  P, a name
 *
 * Whenever a place of the program is found to do what the last rules of a call do (they are the
 * same diagram), this function gets a name: an opaque constant that stands for it in whatever is
 * built above, on both sides alike. So no diagram is larger than a few rules.
 *
 * It proves: two diagrams that are equal with names in them are equal with what the names stand
 * for. It refutes nothing: diagrams that differ in their names alone may be equal.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/prove_cut.h"
#include "bpf/prove_policy.h"
#include "util/cleanup.h"

#define MANY_RULES 8 /* of a call: fewer make no large diagrams */
#define MANY_CMPS  3 /* of one rule */
#define AHEAD	   8 /* rules whose functions are looked for before the last name */
#define BEHIND	   4 /* rules that a name stands for at least */

#define NONE  UINT32_MAX
#define NAMED (UINT32_C(1) << 31) /* in sc_cuts.known: the rest is the name's diagram */

/* A call, looked at from its last rule. */
struct front {
	const struct sc_low_abi *abi;
	const struct sc_low_call *call;
	uint32_t pos; /* rules pos .. n_rules-1 are @f */
	uint32_t f;
	uint32_t ahead[AHEAD]; /* those from pos-1, pos-2, ... on; NONE: not built */
};

struct sc_cuts {
	struct sc_bdd *b;
	const struct sc_lowered *policy;
	struct front *fronts;
	uint32_t n_fronts;
	uint32_t *known; /* by diagram: NAMED | its name, or how many look for it */
	uint32_t n_known;
	uint32_t n_names;
};

static bool is_wanted(const struct sc_lowered *p, const struct sc_low_call *call)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < call->n_rules; i++)
		if (p->rules[call->first_rule + i].n_cmps > most)
			most = p->rules[call->first_rule + i].n_cmps;
	return call->n_rules >= MANY_RULES && most >= MANY_CMPS;
}

bool sc_cuts_wanted(const struct sc_lowered *policy)
{
	for (uint32_t i = 0; i < policy->n_calls; i++)
		if (is_wanted(policy, &policy->calls[i]))
			return true;
	return false;
}

void sc_cuts_free(struct sc_cuts *cuts)
{
	if (!cuts)
		return;
	free(cuts->fronts);
	free(cuts->known);
	free(cuts);
}

/* Room for all diagrams that there are. */
static bool make_room(struct sc_cuts *cuts)
{
	uint32_t n = cuts->b->cap_nodes;
	uint32_t *grown;

	if (cuts->b->err < 0)
		return false;
	if (n <= cuts->n_known)
		return true;
	grown = realloc(cuts->known, n * sizeof(*grown));
	if (!grown) {
		cuts->b->err = -ENOMEM;
		return false;
	}
	memset(grown + cuts->n_known, 0, (n - cuts->n_known) * sizeof(*grown));
	cuts->known = grown;
	cuts->n_known = n;
	return true;
}

static void forget_ahead(struct sc_cuts *cuts, struct front *front)
{
	for (uint32_t k = 0; k < AHEAD; k++) {
		if (front->ahead[k] != NONE && !(cuts->known[front->ahead[k]] & NAMED))
			cuts->known[front->ahead[k]]--;
		front->ahead[k] = NONE;
	}
}

/* The functions of the rules before those that are known; where one has a name already, from
 * there on again. */
static void look_ahead(struct sc_cuts *cuts, struct front *front)
{
	uint32_t g = front->f, i = front->pos, n = 0;

	forget_ahead(cuts, front);
	while (i > 0 && n < AHEAD) {
		g = sc_policy_rule(cuts->b, cuts->policy, front->abi,
			&cuts->policy->rules[front->call->first_rule + --i], g);
		if (!make_room(cuts))
			return;
		if (cuts->known[g] & NAMED) {
			front->f = g = cuts->known[g] & ~NAMED;
			front->pos = i;
			forget_ahead(cuts, front);
			n = 0;
			continue;
		}
		if (!sc_bdd_is_constant(cuts->b, g) && front->call->n_rules - i >= BEHIND) {
			front->ahead[n] = g;
			cuts->known[g]++;
		}
		n++;
	}
}

static void freep_cuts(struct sc_cuts **cuts)
{
	sc_cuts_free(*cuts);
}

int sc_cuts_new(struct sc_bdd *b, const struct sc_lowered *policy, struct sc_cuts **out)
{
	_cleanup_(freep_cuts) struct sc_cuts *cuts = calloc(1, sizeof(*cuts));

	if (!cuts)
		return -ENOMEM;
	cuts->b = b;
	cuts->policy = policy;
	cuts->fronts = calloc(policy->n_calls, sizeof(*cuts->fronts));
	if (!cuts->fronts)
		return -ENOMEM;
	for (uint32_t i = 0; i < policy->n_abis; i++)
		for (uint32_t k = 0; k < policy->abis[i].n_calls; k++) {
			const struct sc_low_abi *abi = &policy->abis[i];
			const struct sc_low_call *call = &policy->calls[abi->first_call + k];
			struct front *front = &cuts->fronts[cuts->n_fronts];

			if (!is_wanted(policy, call))
				continue;
			*front = (struct front){.abi = abi, .call = call,
				.pos = call->n_rules, .f = sc_bdd_constant(b, abi->otherwise)};
			memset(front->ahead, 0xff, sizeof(front->ahead));
			cuts->n_fronts++;
		}
	for (uint32_t i = 0; i < cuts->n_fronts && b->err == 0; i++)
		look_ahead(cuts, &cuts->fronts[i]);
	if (b->err < 0)
		return b->err;
	*out = steal_ptr(cuts);
	return 0;
}

/* Every call that has this function goes on from the name. */
static uint32_t give_name(struct sc_cuts *cuts, uint32_t f)
{
	uint32_t name = sc_bdd_opaque(cuts->b, cuts->n_names++);

	if (!make_room(cuts))
		return f;
	cuts->known[f] = NAMED | name;
	for (uint32_t i = 0; i < cuts->n_fronts && sc_bdd_steps(cuts->b, AHEAD); i++) {
		struct front *front = &cuts->fronts[i];
		uint32_t k = AHEAD;

		while (k > 0 && front->ahead[k - 1] != f)
			k--;
		if (k == 0)
			continue;
		front->pos -= k;
		front->f = name;
		look_ahead(cuts, front);
	}
	return name;
}

uint32_t sc_cuts_seen(struct sc_cuts *cuts, uint32_t f)
{
	if (!make_room(cuts) || !cuts->known[f])
		return f;
	return cuts->known[f] & NAMED ? cuts->known[f] & ~NAMED : give_name(cuts, f);
}

uint32_t sc_cuts_call(struct sc_cuts *cuts, const struct sc_low_abi *abi,
	const struct sc_low_call *call)
{
	uint32_t f = sc_bdd_constant(cuts->b, abi->otherwise), i = call->n_rules;

	for (uint32_t k = 0; k < cuts->n_fronts; k++)
		if (cuts->fronts[k].call == call) {
			f = cuts->fronts[k].f;
			i = cuts->fronts[k].pos;
		}
	while (i > 0 && cuts->b->err == 0) {
		f = sc_policy_rule(cuts->b, cuts->policy, abi,
			&cuts->policy->rules[call->first_rule + --i], f);
		if (make_room(cuts) && cuts->known[f] & NAMED)
			f = cuts->known[f] & ~NAMED;
	}
	return f;
}
