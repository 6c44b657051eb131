/* The whole filter: by architecture, by number, by arguments.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "dag/dag.h"

/* A number with a rule against one without, in the weights of the search. */
#define WEIGHT_LISTED 16

/* The ABIs [from, to) of one audit arch: their number lines side by side. @pieces has room
 * for two a call and three an ABI. */
static uint32_t numbers(struct sc_dag *dag, const struct sc_lowered *low, uint32_t from,
	uint32_t to, bool depth_first, struct sc_piece *pieces)
{
	uint32_t bad = sc_dag_leaf(dag, low->badarch);
	uint64_t next = 0; /* the first number that no piece holds yet */
	uint32_t n = 0;

	for (uint32_t a = from; a < to; a++) {
		const struct sc_low_abi *abi = &low->abis[a];
		uint32_t otherwise = sc_dag_leaf(dag, abi->otherwise);

		if (next < abi->first)
			pieces[n++] = (struct sc_piece){(uint32_t)next, bad, 1};
		next = abi->first;
		for (uint32_t c = 0; c < abi->n_calls; c++) {
			const struct sc_low_call *call = &low->calls[abi->first_call + c];

			if (next < call->nr)
				pieces[n++] = (struct sc_piece){(uint32_t)next, otherwise, 1};
			pieces[n++] = (struct sc_piece){
				.start = call->nr,
				.node = sc_dag_call(dag, low, abi, call),
				.weight = WEIGHT_LISTED * (1 + call->weight),
			};
			next = (uint64_t)call->nr + 1;
		}
		if (next <= abi->last)
			pieces[n++] = (struct sc_piece){(uint32_t)next, otherwise, 1};
		next = (uint64_t)abi->last + 1;
	}
	if (next <= UINT32_MAX)
		pieces[n++] = (struct sc_piece){(uint32_t)next, bad, 1};
	return sc_dag_dispatch(dag, SC_WORD_NR, UINT32_MAX, pieces, n, depth_first);
}

/* Each audit arch is one value of the arch word; all between is bad. */
static uint32_t architectures(struct sc_dag *dag, const struct sc_lowered *low,
	bool depth_first, struct sc_piece *pieces, struct sc_piece *arches)
{
	uint32_t bad = sc_dag_leaf(dag, low->badarch), n = 0;
	uint64_t next = 0;

	for (uint32_t from = 0, to; from < low->n_abis; from = to) {
		uint32_t audit = low->abis[from].audit;

		for (to = from; to < low->n_abis && low->abis[to].audit == audit; to++)
			;
		if (next < audit)
			arches[n++] = (struct sc_piece){(uint32_t)next, bad, 1};
		arches[n++] = (struct sc_piece){
			.start = audit,
			.node = numbers(dag, low, from, to, depth_first, pieces),
			.weight = WEIGHT_LISTED,
		};
		next = (uint64_t)audit + 1;
	}
	if (next <= UINT32_MAX)
		arches[n++] = (struct sc_piece){(uint32_t)next, bad, 1};
	return sc_dag_dispatch(dag, SC_WORD_ARCH, UINT32_MAX, arches, n, false);
}

int sc_dag_build(struct sc_dag *dag, const struct sc_lowered *low, unsigned int optimize,
	uint32_t *root)
{
	size_t n_pieces = 2 * (size_t)low->n_calls + 3 * (size_t)low->n_abis + 1;
	size_t n_arches = 2 * (size_t)low->n_abis + 1;
	struct sc_piece *pieces = malloc((n_pieces + n_arches) * sizeof(*pieces));
	uint32_t node;

	if (!pieces)
		return -ENOMEM;
	node = architectures(dag, low, optimize > 1, pieces, pieces + n_pieces);
	free(pieces);
	if (!dag->rc)
		*root = node;
	return dag->rc;
}
