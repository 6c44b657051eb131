/* The pipeline is the architecture.
 * SPDX-License-Identifier: MIT */
#include "bpf/emit.h"
#include "compile.h"
#include "dag/dag.h"
#include "lower/lower.h"
#include "util/cleanup.h"

int sc_compile(const struct sc_policy *policy, struct sc_prog *out)
{
	_cleanup_(sc_lowered_clear) struct sc_lowered low = {0};
	_cleanup_(sc_dag_clear) struct sc_dag dag = {0};
	uint32_t root;
	int rc;

	rc = sc_lower(policy, &low);
	if (!rc)
		rc = sc_dag_init(&dag);
	if (!rc)
		rc = sc_dag_build(&dag, &low, policy->attrs.optimize, &root);
	if (!rc)
		rc = sc_emit(&dag, root, low.big_endian, out);
	return rc;
}
