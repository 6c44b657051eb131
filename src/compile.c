/* From a policy to a program.
 * SPDX-License-Identifier: MIT */
#include "compile.h"
#include "compile_lowered.h"
#include "util/cleanup.h"

int sc_compile(const struct sc_policy *policy, struct sc_prog *out)
{
	_cleanup_(sc_lowered_clear) struct sc_lowered low = {0};
	enum sc_effort effort =
		policy->attrs.optimize > 1 ? SC_EFFORT_SHALLOW : SC_EFFORT_SMALL;
	int rc = sc_lower(policy, &low);

	return rc ? rc : sc_compile_lowered(&low, effort, out);
}
