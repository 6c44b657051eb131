/* The passes behind lowering.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/emit.h"
#include "bpf/prove.h"
#include "compile_lowered.h"
#include "util/cleanup.h"

/* With SECCOMP_SELF_CHECK=1 in the environment no program leaves unproved. */
static bool self_check(void)
{
	const char *value = secure_getenv("SECCOMP_SELF_CHECK");

	return value && strcmp(value, "0") != 0 && *value;
}

/* What cannot be proved within the prover's bounds is not proved: not handed out. */
static int prove(const struct sc_prog *prog, const struct sc_lowered *low)
{
	struct sc_counterexample cex;
	int rc = sc_prove_policy(prog, low, NULL, &cex);

	if (rc == SC_PROOF_EQUAL || rc == -ENOMEM)
		return rc;
	return -EFAULT;
}

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
	if (!rc && self_check())
		rc = prove(&prog, low);
	if (rc < 0)
		free(prog.insns);
	else
		*out = prog;
	return rc;
}
