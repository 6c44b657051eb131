/* Attributes.
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include "api/api.h"
#include "api/context.h"
#include "kernel/kernel.h"

SC_PUBLIC int seccomp_attr_get(const scmp_filter_ctx ctx, enum scmp_filter_attr attr,
	uint32_t *value)
{
	const struct sc_context *context = sc_context_get(ctx);
	const struct sc_attrs *attrs;

	if (!context || !value)
		return -EINVAL;
	attrs = &context->policy->attrs;
	switch (attr) {
	case SCMP_FLTATR_ACT_DEFAULT:
		*value = context->policy->default_action;
		return 0;
	case SCMP_FLTATR_ACT_BADARCH:
		*value = attrs->badarch;
		return 0;
	case SCMP_FLTATR_CTL_NNP:
		*value = attrs->nnp;
		return 0;
	case SCMP_FLTATR_CTL_TSYNC:
		*value = attrs->tsync;
		return 0;
	case SCMP_FLTATR_API_TSKIP:
		*value = attrs->tskip;
		return 0;
	case SCMP_FLTATR_CTL_LOG:
		*value = attrs->log;
		return 0;
	case SCMP_FLTATR_CTL_SSB:
		*value = attrs->ssb;
		return 0;
	case SCMP_FLTATR_CTL_OPTIMIZE:
		*value = attrs->optimize;
		return 0;
	case SCMP_FLTATR_API_SYSRAWRC:
		*value = attrs->rawrc;
		return 0;
	case SCMP_FLTATR_CTL_WAITKILL:
		*value = attrs->waitkill;
		return 0;
	default:
		return -EINVAL;
	}
}

/* As libseccomp, which refuses to switch off what the kernel does not know, too. */
static int set_if_known(bool *attr, uint32_t value, enum sc_kernel_feature feature)
{
	if (!sc_kernel_has(feature))
		return -EOPNOTSUPP;
	*attr = value != 0;
	return 0;
}

static int set_attr(struct sc_attrs *attrs, enum scmp_filter_attr attr, uint32_t value)
{
	switch (attr) {
	case SCMP_FLTATR_ACT_DEFAULT:
		return -EACCES;
	case SCMP_FLTATR_ACT_BADARCH:
		if (!sc_action_valid(value))
			return -EINVAL;
		attrs->badarch = value;
		return 0;
	case SCMP_FLTATR_CTL_NNP:
		attrs->nnp = value != 0;
		return 0;
	case SCMP_FLTATR_CTL_TSYNC:
		return set_if_known(&attrs->tsync, value, SC_KERNEL_TSYNC);
	case SCMP_FLTATR_API_TSKIP:
		attrs->tskip = value != 0;
		return 0;
	case SCMP_FLTATR_CTL_LOG:
		return set_if_known(&attrs->log, value, SC_KERNEL_LOG_FLAG);
	case SCMP_FLTATR_CTL_SSB:
		return set_if_known(&attrs->ssb, value, SC_KERNEL_SSB);
	case SCMP_FLTATR_CTL_OPTIMIZE:
		if (value != 1 && value != 2)
			return -EOPNOTSUPP;
		attrs->optimize = value;
		return 0;
	case SCMP_FLTATR_API_SYSRAWRC:
		attrs->rawrc = value != 0;
		return 0;
	case SCMP_FLTATR_CTL_WAITKILL:
		/* A property of the listener: whether the kernel has it matters to a filter
		 * that makes one, when it is loaded. */
		attrs->waitkill = value != 0;
		return 0;
	default:
		return -EINVAL;
	}
}

SC_PUBLIC int seccomp_attr_set(scmp_filter_ctx ctx, enum scmp_filter_attr attr, uint32_t value)
{
	struct sc_context *context = sc_context_get(ctx);
	int rc;

	if (!context)
		return -EINVAL;
	rc = set_attr(&context->policy->attrs, attr, value);
	if (!rc)
		sc_context_changed(context);
	return rc;
}
