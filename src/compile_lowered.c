/* The passes behind lowering.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "bpf/emit.h"
#include "compile_lowered.h"
#include "selfcheck.h"
#include "util/cleanup.h"

static int generate(const struct sc_lowered *low, enum sc_effort effort, struct sc_prog *prog)
{
	_cleanup_(sc_dag_clear) struct sc_dag dag = {0};
	uint32_t root;
	int rc;

	rc = sc_dag_init(&dag, effort);
	if (!rc)
		rc = sc_dag_build(&dag, low, &root);
	if (!rc)
		rc = sc_emit(&dag, root, low->big_endian, prog);
	return rc;
}

int sc_compile_lowered(const struct sc_lowered *low, enum sc_effort effort, struct sc_prog *out)
{
	struct sc_prog prog = {0};
	int rc = generate(low, effort, &prog);

	if (rc == -E2BIG && effort != SC_EFFORT_SMALLEST)
		rc = generate(low, SC_EFFORT_SMALLEST, &prog);
	if (!rc)
		rc = sc_self_check(&prog, low);
	if (rc < 0)
		free(prog.insns);
	else
		*out = prog;
	return rc;
}
