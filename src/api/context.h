/* What scmp_filter_ctx points to.
 * SPDX-License-Identifier: MIT */
#ifndef SC_API_CONTEXT_H
#define SC_API_CONTEXT_H

#include <seccomp.h>

#include "bpf/bpf.h"
#include "policy/policy.h"

struct sc_context {
	uint32_t magic;
	int listener; /* that loading this context made; -1 */
	struct sc_policy *policy;
	struct sc_prog ready; /* of seccomp_precompute(); insns NULL after a change */
};

#define SC_CONTEXT_MAGIC UINT32_C(0x5c3a17e5)

/* The context, or NULL where @ctx is none. Its last architecture may have been removed. */
static inline struct sc_context *sc_context_get_empty(const scmp_filter_ctx ctx)
{
	struct sc_context *context = ctx;

	return context && context->magic == SC_CONTEXT_MAGIC ? context : NULL;
}

/* As above, with at least one architecture. */
static inline struct sc_context *sc_context_get(const scmp_filter_ctx ctx)
{
	struct sc_context *context = sc_context_get_empty(ctx);

	return context && context->policy->rules.n_tables ? context : NULL;
}

/* Call after every change: what was precomputed is void. */
static inline void sc_context_changed(struct sc_context *context)
{
	if (!context->ready.insns)
		return;
	free(context->ready.insns);
	context->ready = (struct sc_prog){0};
}

/* Would the running kernel understand the action, within the API level? */
bool sc_action_valid(uint32_t action);

#endif
