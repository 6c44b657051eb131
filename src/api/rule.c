/* Rules and priorities, checked and brought to the policy's form.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>

#include "api/api.h"
#include "api/context.h"
#include "kernel/kernel.h"

/* -1 to -99 are no numbers, but -1 is how a tracer skips a call. */
static bool number_valid(const struct sc_context *context, int nr)
{
	return nr >= 0 || nr <= -100 || (nr == -1 && context->policy->attrs.tskip);
}

static int read_chain(const struct scmp_arg_cmp *args, unsigned int n, struct sc_chain *chain)
{
	unsigned int seen = 0;

	chain->len = 0;
	for (unsigned int i = 0; i < n; i++) {
		const struct scmp_arg_cmp *arg = &args[i];
		bool masked = arg->op == SCMP_CMP_MASKED_EQ;

		if (arg->arg >= SC_ARGS_MAX || seen & 1U << arg->arg)
			return -EINVAL;
		if (arg->op <= _SCMP_CMP_MIN || arg->op >= _SCMP_CMP_MAX)
			return -EINVAL;
		seen |= 1U << arg->arg;
		chain->cmp[chain->len++] = (struct sc_cmp){
			.mask = masked ? arg->datum_a : UINT64_MAX,
			.datum = masked ? arg->datum_b : arg->datum_a,
			.arg = (uint8_t)arg->arg,
			.op = (uint8_t)arg->op,
		};
	}
	return 0;
}

/* Nearly every rule: a call is allowed whatever its arguments, in a context that has no program
 * yet. Nothing else needs to be looked at. Pseudo numbers are those of calls that only other
 * architectures have. */
static inline bool is_plain(const struct sc_context *context, uint32_t action, int nr)
{
	return (nr >= 0 || nr <= -100) && action == SCMP_ACT_ALLOW && !context->ready.insns &&
		context->policy->rules.n_tables &&
		context->policy->default_action != SCMP_ACT_ALLOW;
}

/* Not inline: the way of a plain rule needs no room for conditions. */
static __attribute__((noinline)) int rule_add(scmp_filter_ctx ctx, uint32_t action, int nr,
	unsigned int n, const struct scmp_arg_cmp *args, bool exact)
{
	struct sc_context *context = sc_context_get(ctx);
	struct sc_chain chain;
	int rc;

	if (!context || n > SC_ARGS_MAX || (n > 0 && !args))
		return -EINVAL;
	if (!number_valid(context, nr) ||
		(action != SCMP_ACT_ALLOW && !sc_action_valid(action)))
		return -EINVAL;
	if (action == context->policy->default_action)
		return -EACCES;
	/* The kernel must tell a listener from a thread that could not follow. */
	if (action == SCMP_ACT_NOTIFY && context->policy->attrs.tsync &&
		!sc_kernel_has(SC_KERNEL_TSYNC_ESRCH))
		return -EINVAL;
	if (exact && context->policy->rules.n_tables > 1)
		return -EOPNOTSUPP;
	rc = read_chain(args, n, &chain);
	if (!rc)
		rc = sc_policy_rule_add(context->policy, action, nr, &chain, exact);
	if (!rc)
		sc_context_changed(context);
	return rc;
}

SC_PUBLIC int seccomp_rule_add_array(scmp_filter_ctx ctx, uint32_t action, int syscall,
	unsigned int arg_cnt, const struct scmp_arg_cmp *arg_array)
{
	struct sc_context *context = sc_context_get_empty(ctx);

	if (arg_cnt == 0 && context && is_plain(context, action, syscall))
		return sc_policy_rule_always(context->policy, action, syscall);
	return rule_add(ctx, action, syscall, arg_cnt, arg_array, false);
}

SC_PUBLIC int seccomp_rule_add_exact_array(scmp_filter_ctx ctx, uint32_t action, int syscall,
	unsigned int arg_cnt, const struct scmp_arg_cmp *arg_array)
{
	return rule_add(ctx, action, syscall, arg_cnt, arg_array, true);
}

static int read_args(va_list list, unsigned int n, struct scmp_arg_cmp args[SC_ARGS_MAX])
{
	if (n > SC_ARGS_MAX)
		return -EINVAL;
	for (unsigned int i = 0; i < n; i++)
		args[i] = va_arg(list, struct scmp_arg_cmp);
	return 0;
}

SC_PUBLIC int seccomp_rule_add(scmp_filter_ctx ctx, uint32_t action, int syscall,
	unsigned int arg_cnt, ...)
{
	struct scmp_arg_cmp args[SC_ARGS_MAX];
	va_list list;
	int rc;

	va_start(list, arg_cnt);
	rc = read_args(list, arg_cnt, args);
	va_end(list);
	return rc ? rc : rule_add(ctx, action, syscall, arg_cnt, args, false);
}

SC_PUBLIC int seccomp_rule_add_exact(scmp_filter_ctx ctx, uint32_t action, int syscall,
	unsigned int arg_cnt, ...)
{
	struct scmp_arg_cmp args[SC_ARGS_MAX];
	va_list list;
	int rc;

	va_start(list, arg_cnt);
	rc = read_args(list, arg_cnt, args);
	va_end(list);
	return rc ? rc : rule_add(ctx, action, syscall, arg_cnt, args, true);
}

SC_PUBLIC int seccomp_syscall_priority(scmp_filter_ctx ctx, int syscall, uint8_t priority)
{
	struct sc_context *context = sc_context_get(ctx);
	int rc;

	if (!context || !number_valid(context, syscall))
		return -EINVAL;
	rc = sc_policy_priority(context->policy, syscall, priority);
	if (!rc)
		sc_context_changed(context);
	return rc;
}
