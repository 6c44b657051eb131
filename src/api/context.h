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

/* The context with at least one architecture, or NULL. */
struct sc_context *sc_context_get(const scmp_filter_ctx ctx);
/* As above, but the last architecture may have been removed. */
struct sc_context *sc_context_get_empty(const scmp_filter_ctx ctx);

/* Call after every change: what was precomputed is void. */
void sc_context_changed(struct sc_context *context);

/* Would the running kernel understand the action, within the API level? */
bool sc_action_valid(uint32_t action);

#endif
