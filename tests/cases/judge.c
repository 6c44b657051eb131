/* Runs a scenario on the naive evaluator.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <seccomp.h>
#include <string.h>

#include "run.h"

static bool number_of(const struct op *op, uint32_t token, int *nr)
{
	int at = oracle_arch_index(token ? token : oracle_native()->token);

	*nr = op->nr;
	if (!op->name[0])
		return true;
	for (unsigned int i = 0; i < oracle_n_names; i++)
		if (at >= 0 && strcmp(oracle_names[i].name, op->name) == 0) {
			*nr = oracle_names[i].nr[at];
			return true;
		}
	return false;
}

static int add_rules(struct oracle *o, const struct op *op)
{
	struct oracle_cmp cmps[8];
	int nr, rc = 0;

	if (!number_of(op, 0, &nr))
		return MISSING;
	memcpy(cmps, op->cmps, sizeof(cmps));
	for (uint32_t i = 0; i < op->repeat && !rc; i++) {
		rc = oracle_rule_add(o, op->action, nr, op->kind == OP_RULE_EXACT, op->n_cmps,
			cmps);
		nr += op->step_nr;
		for (unsigned int k = 0; k < op->n_cmps; k++)
			cmps[k].a += op->step_cmps >> k & 1;
	}
	return rc;
}

static int judge_row(const struct oracle *o, const struct op *op, uint32_t *value)
{
	int nr;

	if (!number_of(op, op->token, &nr))
		return MISSING;
	if (!o || !oracle_has_arches(o))
		return -EINVAL;
	*value = oracle_verdict(o, oracle_audit(op->token), (uint32_t)nr, op->args);
	return 0;
}

static int judge_op(struct oracle **ctx, const struct op *op, uint32_t *value)
{
	struct oracle *o = ctx[op->ctx];
	bool usable = o && oracle_has_arches(o);
	int rc;

	switch (op->kind) {
	case OP_INIT:
	case OP_RELEASE:
		oracle_free(o);
		ctx[op->ctx] = op->kind == OP_INIT ? oracle_new(op->action) : NULL;
		*value = ctx[op->ctx] != NULL;
		return 0;
	case OP_RESET: /* of NULL: probes the kernel again */
		return o ? oracle_reset(o, op->action) : 0;
	case OP_ARCH_ADD:
		return oracle_arch_add(o, op->token);
	case OP_ARCH_REMOVE:
		return oracle_arch_remove(o, op->token);
	case OP_ARCH_EXIST:
		return oracle_arch_exist(o, op->token);
	case OP_RULE:
	case OP_RULE_EXACT:
		return add_rules(o, op);
	case OP_ATTR_SET:
		return oracle_attr_set(o, op->attr, op->arg);
	case OP_PRIORITY:
		return number_of(op, 0, &rc) ? oracle_priority(o, rc) : MISSING;
	case OP_MERGE:
		rc = oracle_merge(o, ctx[op->other]);
		if (!rc)
			ctx[op->other] = NULL;
		return rc;
	case OP_BEGIN:
		return oracle_begin(o);
	case OP_COMMIT:
		return oracle_commit(o);
	case OP_REJECT:
		oracle_reject(o);
		return 0;
	case OP_PRECOMPUTE:
	case OP_EXPORT:
	case OP_PFC:
	case OP_MEM_SIZE:
	case OP_MEM_EXACT:
		return usable ? 0 : -EINVAL;
	case OP_ROW:
		return judge_row(o, op, value);
	default: /* attr_get and sizes: nothing that a naive evaluator could know better */
		return MISSING;
	}
}

void run_oracle(const struct scenario *s, struct outcome *out)
{
	struct oracle *ctx[N_CONTEXTS + 1] = {NULL};

	for (unsigned int i = 0; i < s->n_ops; i++) {
		out[i].value = 0;
		out[i].rc = judge_op(ctx, &s->ops[i], &out[i].value);
	}
	for (unsigned int i = 0; i < N_CONTEXTS; i++)
		oracle_free(ctx[i]);
}
