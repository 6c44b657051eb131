/* Contexts: their life, their architectures, transactions.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "api/api.h"
#include "api/context.h"
#include "kernel/kernel.h"

bool sc_action_valid(uint32_t action)
{
	uint32_t data = action & SECCOMP_RET_DATA;

	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SCMP_ACT_KILL_PROCESS:
		return data == 0 && sc_kernel_has(SC_KERNEL_KILL_PROCESS);
	case SCMP_ACT_ERRNO(0):
		return data < 4095; /* MAX_ERRNO of the kernel: a larger one is cut */
	case SCMP_ACT_LOG:
		return data == 0 && sc_kernel_has(SC_KERNEL_LOG_ACTION);
	case SCMP_ACT_NOTIFY:
		return data == 0 && sc_kernel_has(SC_KERNEL_NOTIFY);
	case SCMP_ACT_TRACE(0):
	case SCMP_ACT_TRAP: /* SCMP_ACT_TRAPX(): si_errno */
		return true;
	case SCMP_ACT_KILL_THREAD:
	case SCMP_ACT_ALLOW:
		return data == 0;
	default:
		return false;
	}
}

SC_PUBLIC scmp_filter_ctx seccomp_init(uint32_t def_action)
{
	struct sc_context *context;

	if (!sc_action_valid(def_action))
		return NULL;
	context = calloc(1, sizeof(*context));
	if (!context)
		return NULL;
	if (sc_policy_new(def_action, &context->policy) < 0) {
		free(context);
		return NULL;
	}
	context->magic = SC_CONTEXT_MAGIC;
	context->listener = -1;
	return context;
}

SC_PUBLIC int seccomp_reset(scmp_filter_ctx ctx, uint32_t def_action)
{
	struct sc_context *context = sc_context_get_empty(ctx);
	int rc;

	if (!ctx) {
		sc_kernel_listener_drop();
		sc_kernel_reprobe();
		return 0;
	}
	if (!context || !sc_action_valid(def_action))
		return -EINVAL;
	rc = sc_policy_reset(context->policy, def_action);
	if (!rc)
		sc_context_changed(context);
	return rc;
}

SC_PUBLIC void seccomp_release(scmp_filter_ctx ctx)
{
	struct sc_context *context = sc_context_get_empty(ctx);

	if (!context)
		return;
	sc_context_changed(context);
	sc_policy_free(context->policy);
	context->magic = 0;
	free(context);
}

SC_PUBLIC int seccomp_merge(scmp_filter_ctx ctx_dst, scmp_filter_ctx ctx_src)
{
	struct sc_context *dst = sc_context_get(ctx_dst), *src = sc_context_get(ctx_src);
	int rc;

	if (!dst || !src)
		return -EINVAL;
	rc = sc_policy_merge(dst->policy, src->policy);
	if (rc < 0)
		return rc;
	sc_context_changed(dst);
	src->policy = NULL;
	sc_context_changed(src);
	src->magic = 0;
	free(src);
	return 0;
}

static const struct sc_arch *arch_of(uint32_t token)
{
	return token == SCMP_ARCH_NATIVE ? sc_arch_native() : sc_arch_by_token(token);
}

SC_PUBLIC int seccomp_arch_exist(const scmp_filter_ctx ctx, uint32_t arch_token)
{
	const struct sc_context *context = sc_context_get_empty(ctx);
	const struct sc_arch *arch = arch_of(arch_token);

	if (!context || !arch)
		return -EINVAL;
	return sc_policy_arch_exist(context->policy, arch) ? 0 : -EEXIST;
}

SC_PUBLIC int seccomp_arch_add(scmp_filter_ctx ctx, uint32_t arch_token)
{
	struct sc_context *context = sc_context_get_empty(ctx);
	const struct sc_arch *arch = arch_of(arch_token);
	int rc;

	if (!context || !arch)
		return -EINVAL;
	rc = sc_policy_arch_add(context->policy, arch);
	if (!rc)
		sc_context_changed(context);
	return rc;
}

SC_PUBLIC int seccomp_arch_remove(scmp_filter_ctx ctx, uint32_t arch_token)
{
	struct sc_context *context = sc_context_get_empty(ctx);
	const struct sc_arch *arch = arch_of(arch_token);
	int rc;

	if (!context || !arch)
		return -EINVAL;
	rc = sc_policy_arch_remove(context->policy, arch);
	if (!rc)
		sc_context_changed(context);
	return rc;
}

SC_PUBLIC int seccomp_transaction_start(const scmp_filter_ctx ctx)
{
	struct sc_context *context = sc_context_get(ctx);

	return context ? sc_policy_begin(context->policy) : -EINVAL;
}

SC_PUBLIC void seccomp_transaction_reject(const scmp_filter_ctx ctx)
{
	struct sc_context *context = sc_context_get_empty(ctx);

	if (!context || !context->policy->snapshots)
		return;
	sc_policy_reject(context->policy);
	sc_context_changed(context);
}

SC_PUBLIC int seccomp_transaction_commit(const scmp_filter_ctx ctx)
{
	struct sc_context *context = sc_context_get(ctx);

	if (!context)
		return -EINVAL;
	sc_policy_commit(context->policy);
	return 0;
}
