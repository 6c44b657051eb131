/* The decision graph of one call: what a filter still asks once number and architecture
 * are known. SPDX-License-Identifier: MIT */
#ifndef CLI_GRAPH_H
#define CLI_GRAPH_H

#include "filter.h"

struct cli_node {
	bool leaf;
	uint32_t verdict;    /* of a leaf that returns a constant */
	char label[96];	     /* "a0.lo = 0x10", or the verdict */
	uint32_t yes, no;    /* indexes; of a test */
	uint32_t depth, row; /* for drawing: the longest way from the root, the place in
				that line */
};

struct cli_graph {
	struct cli_node *nodes;
	uint32_t n, cap, root;
	char title[96];
};

/* Of @filter of @program. 0 or -ENOMEM; the caller clears @out. */
int cli_graph(const struct sluice_program *program, unsigned int filter, uint32_t audit,
	int nr, struct cli_graph *out);
void cli_graph_clear(struct cli_graph *graph);

/* As a graph of dot(1); as a picture. */
void cli_graph_dot(const struct cli_graph *graph, FILE *out);
void cli_graph_svg(const struct cli_graph *graph, FILE *out);

#endif
