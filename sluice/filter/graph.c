/* From a decision diagram back to a program.
 *
 * Word by word: the bits of a word that matter are its mask, the values under the mask are cut
 * into pieces that agree on what follows, and a search tree is made of these. Where bits far apart make too many
 * pieces, the topmost is asked by itself.
 * SPDX-License-Identifier: MIT */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/emit.h"
#include "bpf/prove.h"
#include "bpf/prove_exec.h"
#include "dag/dag.h"
#include "filter/graph.h"
#include "util/cleanup.h"

#define PIECES_MAX     1024
#define NODES_EXPECTED 65536
#define UNKNOWN	   UINT32_MAX

struct graph {
	struct sc_bdd *b;
	struct sc_dag dag;
	uint32_t *known; /* [diagram]: node */
	uint32_t *seen;	 /* [diagram]: the last search that met it */
	uint32_t search;
	uint32_t n_seen; /* by it */
};

static void graph_clear(struct graph *g)
{
	sc_dag_clear(&g->dag);
	free(g->known);
	free(g->seen);
}

int sc_graph_begin(struct sc_bdd *b)
{
	*b = (struct sc_bdd){
		.max_nodes = SC_PROVE_NODES,
		.max_steps = SC_PROVE_STEPS,
		.big_endian = __BYTE_ORDER == __BIG_ENDIAN,
	};
	return sc_bdd_init(b, NODES_EXPECTED);
}

int sc_graph_function(struct sc_bdd *b, const struct sock_fprog *prog, uint32_t *out)
{
	const struct sc_prog p = {
		.insns = prog->filter, .len = prog->len, .big_endian = b->big_endian};

	if (!prog->filter || sc_bpf_check(p.insns, p.len, NULL, NULL) < 0)
		return -EINVAL;
	return sc_exec_program(b, &p, SC_EXEC_MACHINE, NULL, out);
}

/* The bits of the word of rank @rank that @f looks at. */
static uint32_t support(struct graph *g, uint32_t f, uint32_t rank)
{
	const struct sc_bdd_node *n = &g->b->nodes[f];

	if (n->level / 32 != rank || g->seen[f] == g->search)
		return 0;
	g->seen[f] = g->search;
	g->n_seen++;
	return UINT32_C(1) << (31 - n->level % 32) | support(g, n->lo, rank) |
		support(g, n->hi, rank);
}

struct cutting {
	struct graph *g;
	uint32_t mask, rank;
	struct sc_piece *pieces; /* their nodes are diagrams, first */
	uint32_t n;
};

/* Pieces of @f, whose word has the bits @value above @bit. False: too many. */
static bool cut(struct cutting *c, uint32_t f, int bit, uint32_t value)
{
	const struct sc_bdd_node *n = &c->g->b->nodes[f];
	bool here;

	if (n->level / 32 != c->rank) {
		if (c->n && c->pieces[c->n - 1].node == f)
			return true;
		if (c->n == PIECES_MAX)
			return false;
		c->pieces[c->n++] = (struct sc_piece){.start = value, .node = f, .weight = 1};
		return true;
	}
	while (!(c->mask >> bit & 1))
		bit--;
	here = 31 - (int)(n->level % 32) == bit;
	return cut(c, here ? n->lo : f, bit - 1, value) &&
		cut(c, here ? n->hi : f, bit - 1, value | UINT32_C(1) << bit);
}

static uint32_t node_of(struct graph *g, uint32_t f);

static uint32_t by_pieces(struct cutting *c, uint8_t word)
{
	for (uint32_t i = 0; i < c->n; i++)
		c->pieces[i].node = node_of(c->g, c->pieces[i].node);
	return sc_dag_dispatch(&c->g->dag, word, c->mask, c->pieces, c->n, c->n);
}

static uint32_t node_of(struct graph *g, uint32_t f)
{
	const struct sc_bdd_node n = g->b->nodes[f];
	struct cutting c = {.g = g, .rank = n.level / 32};
	unsigned int word, bit;
	uint32_t node;

	if (n.level == SC_BDD_LEVELS)
		return sc_dag_leaf(&g->dag, n.lo);
	if (g->known[f] != UNKNOWN || g->dag.rc < 0)
		return g->known[f];
	c.pieces = malloc(PIECES_MAX * sizeof(*c.pieces));
	if (!c.pieces) {
		g->dag.rc = -ENOMEM;
		return 0;
	}
	g->search++;
	g->n_seen = 0;
	c.mask = support(g, f, c.rank);
	sc_bdd_bit(g->b, n.level, &word, &bit);
	if (cut(&c, f, 31, 0) && c.n <= g->n_seen + 1)
		node = by_pieces(&c, (uint8_t)word);
	else
		node = sc_dag_test(&g->dag, SC_TEST_SET, (uint8_t)word, UINT32_MAX,
			UINT32_C(1) << bit, node_of(g, n.hi), node_of(g, n.lo));
	free(c.pieces);
	g->known[f] = node;
	return node;
}

static int generate(struct sc_bdd *b, uint32_t f, enum sc_effort effort, struct sc_prog *out)
{
	_cleanup_(graph_clear) struct graph g = {.b = b};
	uint32_t root;
	int rc = sc_dag_init(&g.dag, effort);

	if (rc)
		return rc;
	g.known = malloc(b->n_nodes * sizeof(*g.known));
	g.seen = calloc(b->n_nodes, sizeof(*g.seen));
	if (!g.known || !g.seen)
		return -ENOMEM;
	memset(g.known, 0xff, b->n_nodes * sizeof(*g.known));
	root = node_of(&g, f);
	return g.dag.rc ? g.dag.rc : sc_emit(&g.dag, root, b->big_endian, out);
}

int sc_graph_program(struct sc_bdd *b, uint32_t f, struct sc_prog *out)
{
	struct sc_prog prog = {0};
	uint32_t again;
	int rc = generate(b, f, SC_EFFORT_SMALL, &prog);

	if (rc == -E2BIG)
		rc = generate(b, f, SC_EFFORT_SMALLEST, &prog);
	if (!rc)
		rc = sc_exec_program(b, &prog, SC_EXEC_MACHINE, NULL, &again);
	if (!rc && again != f)
		rc = -ENOTRECOVERABLE;
	if (rc)
		free(prog.insns);
	else
		*out = prog;
	return rc;
}

int sc_graph_combine(struct sc_bdd *b, uint32_t f, uint32_t g, sc_graph_choose choose, uint32_t *out)
{
	uint32_t result = sc_bdd_apply(b, f, g, choose);

	if (b->err)
		return b->err;
	*out = result;
	return 0;
}

/* How much a verdict permits. The kernel compares actions as signed numbers (kernel/seccomp.c,
 * ACTION_ONLY), and kills the process for those that it does not know. */
static int64_t rank(uint32_t verdict)
{
	uint32_t action = verdict & SECCOMP_RET_ACTION_FULL;

	switch (action) {
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_USER_NOTIF:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ALLOW:
		return action;
	default:
		return -1;
	}
}

uint32_t sc_graph_more(uint32_t a, uint32_t b)
{
	return rank(b) > rank(a) ? b : a;
}

uint32_t sc_graph_less(uint32_t a, uint32_t b)
{
	return rank(b) < rank(a) ? b : a;
}
