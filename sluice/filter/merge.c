/* Two programs as one.
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include "filter/filter.h"
#include "filter/graph.h"
#include "util/cleanup.h"

static int failed(struct sluice_error *error, int rc)
{
	switch (rc) {
	case -ENOMEM:
		return sc_filter_error(error, rc, NULL, "no memory");
	case -EINVAL:
		return sc_filter_error(error, rc, NULL, "the kernel would refuse one of the programs");
	case -EOPNOTSUPP:
		return sc_filter_error(error, rc, NULL,
			"one of the programs has an instruction that cannot be followed");
	case -E2BIG:
		return sc_filter_error(error, rc, NULL,
			"the programs are too large to be followed, or together to be one");
	default:
		return sc_filter_error(
			error, rc, NULL, "the merged program could not be proved");
	}
}

int sluice_filter_merge(enum sluice_merge how, const struct sock_fprog *a, const struct sock_fprog *b,
	struct sock_filter **merged, size_t *count, struct sluice_error *error)
{
	_cleanup_(sc_bdd_clear) struct sc_bdd bdd = {0};
	struct sc_prog prog = {0};
	uint32_t f, g;
	int rc;

	if (!a || !b || !merged || !count ||
		(how != SLUICE_MERGE_UNION && how != SLUICE_MERGE_INTERSECTION))
		return sc_filter_error(error, -EINVAL, NULL, "there are no two programs");
	rc = sc_graph_begin(&bdd);
	if (!rc)
		rc = sc_graph_function(&bdd, a, &f);
	if (!rc)
		rc = sc_graph_function(&bdd, b, &g);
	if (!rc)
		rc = sc_graph_combine(&bdd, f, g,
			how == SLUICE_MERGE_UNION ? sc_graph_more : sc_graph_less, &f);
	if (!rc)
		rc = sc_graph_program(&bdd, f, &prog);
	if (rc)
		return failed(error, rc);
	*merged = prog.insns;
	*count = prog.len;
	return 0;
}
