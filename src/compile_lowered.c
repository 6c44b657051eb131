/* The passes behind lowering.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "bpf/emit.h"
#include "compile_lowered.h"
#include "selfcheck.h"
#include "util/cleanup.h"

/* One way to build the filter, and what could be gained by another one. */
struct attempt {
	enum sc_effort effort;
	bool plain;
	bool chosen;	/* more than one call had alternatives */
	bool hopeless;	/* no other way makes it fit */
	struct sc_prog prog;
	int rc;
};

static void generate(const struct sc_lowered *low, struct attempt *a)
{
	_cleanup_(sc_dag_clear) struct sc_dag dag = {0};
	uint32_t root;

	a->rc = sc_dag_init(&dag, a->effort);
	dag.plain = a->plain;
	if (!a->rc)
		a->rc = sc_dag_build(&dag, low, &root);
	if (!a->rc)
		a->rc = sc_emit(&dag, root, low->big_endian, &a->prog);
	a->chosen = dag.n_chosen > 1;
	a->hopeless = dag.hopeless;
}

/* The smaller one stays in @a. */
static void try_also(const struct sc_lowered *low, struct attempt *a, struct attempt other)
{
	generate(low, &other);
	if (other.rc == -ENOMEM)
		a->rc = -ENOMEM;
	if (!other.rc && (a->rc < 0 || other.prog.len < a->prog.len)) {
		free(a->prog.insns);
		a->prog = other.prog;
		a->rc = 0;
	} else if (!other.rc) {
		free(other.prog.insns);
	}
}

int sc_compile_lowered(const struct sc_lowered *low, enum sc_effort effort, struct sc_prog *out)
{
	struct attempt a = {.effort = effort};
	int rc;

	generate(low, &a);
	/* Other efforts spend instructions on short paths: at least to the architecture. */
	if (a.rc == -E2BIG && !a.hopeless) {
		a.effort = SC_EFFORT_SMALLEST;
		generate(low, &a);
	}
	/* Each call's best may share less with the others than their plain lists. */
	if ((!a.rc && effort != SC_EFFORT_SHALLOW && a.chosen) || (a.rc == -E2BIG && a.chosen && !a.hopeless))
		try_also(low, &a, (struct attempt){.effort = a.effort, .plain = true});
	rc = a.rc;
	if (!rc)
		rc = sc_self_check(&a.prog, low);
	if (rc < 0)
		free(a.prog.insns);
	else
		*out = a.prog;
	return rc;
}
