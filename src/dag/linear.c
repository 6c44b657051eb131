/* Rules one after the other.
 * SPDX-License-Identifier: MIT */
#include "dag/dag.h"

/* (argument & mask) OP datum ? yes : no, as pieces of the argument's line. */
static uint32_t compare(struct sc_dag *dag, const struct sc_lowered *low, bool wide,
	const struct sc_cmp *cmp, uint32_t yes, uint32_t no)
{
	const uint64_t max = wide ? UINT64_MAX : UINT32_MAX;
	bool after = cmp->op == SC_OP_GT || cmp->op == SC_OP_LE;
	bool point = cmp->op == SC_OP_EQ || cmp->op == SC_OP_NE || cmp->op == SC_OP_MASKED_EQ;
	struct sc_wide_piece pieces[3];
	uint32_t n = 0;

	if (cmp->op == SC_OP_NE || cmp->op == SC_OP_LT || cmp->op == SC_OP_LE) {
		uint32_t swap = yes;

		yes = no;
		no = swap;
	}
	/* Now: yes from the datum on (behind it: GT, LE; at it alone: points). */
	if (after && cmp->datum == max)
		return no;
	if (cmp->datum != 0 || after)
		pieces[n++] = (struct sc_wide_piece){.start = 0, .node = no};
	pieces[n++] = (struct sc_wide_piece){
		.start = cmp->datum + (after ? 1 : 0), .node = yes};
	if (point && cmp->datum != max)
		pieces[n++] = (struct sc_wide_piece){.start = cmp->datum + 1, .node = no};
	return sc_dag_argument(dag, low, wide, cmp->arg, cmp->mask, pieces, n);
}

uint32_t sc_dag_linear(struct sc_dag *dag, const struct sc_lowered *low,
	const struct sc_low_abi *abi, const struct sc_low_call *call)
{
	uint32_t next = sc_dag_leaf(dag, abi->otherwise);

	for (uint32_t r = call->n_rules; r-- > 0 && !dag->rc;) {
		const struct sc_low_rule *rule = &low->rules[call->first_rule + r];
		uint32_t node = sc_dag_leaf(dag, rule->action);

		for (uint32_t c = rule->n_cmps; c-- > 0;)
			node = compare(dag, low, abi->wide, &low->cmps[rule->first_cmp + c], node,
				next);
		next = node;
	}
	return next;
}
