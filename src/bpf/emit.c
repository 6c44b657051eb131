/* Layout, back to front: every jump's target is known when the jump is written.
 *
 * Positions count instructions from the end. A jump farther than its eight bits reach goes to
 * a copy of a RET, or to a JA that all such jumps of the neighbourhood share.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/emit.h"
#include "dag/cost.h"
#include "util/cleanup.h"

#define NOWHERE UINT16_MAX
/* Resolving the second target of a jump may push the first one away by a RET or a JA. */
#define REACH 254
/* On the stack of plan(): a test whose branches are above it. */
#define WAITS (1U << 31)
/* A load, a mask, the test, and for each branch a RET or a JA. */
#define INSNS_PER_NODE 5

struct place {
	struct sc_acc acc;	/* how it is come to, and what is known behind it */
	uint16_t at[SC_WAYS];	/* position, NOWHERE */
	uint16_t jump[SC_WAYS]; /* of the last JA to it */
	uint16_t size; /* nodes below it, shared ones as often as they are met */
	bool seen;
};

struct layout {
	const struct sc_dag *dag;
	struct place *places;
	struct sock_filter *insns; /* reversed: [0] is the last instruction */
	uint16_t len, room;
	bool over; /* more than SC_BPF_MAX */
};

static void put(struct layout *l, struct sock_filter insn)
{
	if (l->len == l->room)
		l->over = true;
	else
		l->insns[l->len++] = insn;
}

/* What is planned first lies farther from the node: the larger branch, so that the smaller one
 * stays in a jump's reach. With short paths a JA
 * more in the program may be one less on the way. */
static bool yes_first(const struct layout *l, const struct sc_node *node)
{
	return l->dag->effort == SC_EFFORT_SHALLOW || l->places[node->yes].size >= l->places[node->no].size;
}

/* A node has a higher index than its branches: going up, their sizes are known. */
static void begin_places(struct layout *l)
{
	const struct sc_node *node = l->dag->nodes;

	for (struct place *p = l->places, *end = p + l->dag->n_nodes; p < end; p++, node++) {
		uint32_t size = 0;

		if (node->test != SC_TEST_LEAF)
			/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): see above */
			size = l->places[node->yes].size + l->places[node->no].size + 1U;
		*p = (struct place){
			.at = {NOWHERE, NOWHERE, NOWHERE},
			.jump = {NOWHERE, NOWHERE, NOWHERE},
			.size = (uint16_t)(size < SC_BPF_MAX ? size : SC_BPF_MAX),
		};
	}
}

/* Tests reachable from @root, children before parents: in @order. No recursion: a hostile policy's
 * graph may be deep. The stack holds tests to look at, and those that only wait for their branches. */
static uint32_t plan(struct layout *l, uint32_t root, uint32_t *order, uint32_t *stack)
{
	uint32_t n = 0, depth = 0;

	if (l->dag->nodes[root].test != SC_TEST_LEAF)
		stack[depth++] = root;
	while (depth) {
		uint32_t at = stack[--depth];
		const struct sc_node *node = &l->dag->nodes[at & ~WAITS];
		uint32_t first = node->yes, second = node->no;

		if (at & WAITS) {
			order[n++] = at & ~WAITS;
			continue;
		}
		if (l->places[at].seen)
			continue;
		l->places[at].seen = true;
		if (!yes_first(l, node)) {
			first = node->no;
			second = node->yes;
		}
		stack[depth++] = at | WAITS;
		if (l->dag->nodes[second].test != SC_TEST_LEAF && !l->places[second].seen)
			stack[depth++] = second;
		if (l->dag->nodes[first].test != SC_TEST_LEAF && !l->places[first].seen)
			stack[depth++] = first;
	}
	return n;
}

static inline void come(const struct sc_node *nodes, struct place *places, uint32_t from,
	uint32_t to)
{
	const struct sc_acc *acc = &places[from].acc;

	/* A RET needs nothing. */
	if (nodes[to].test != SC_TEST_LEAF)
		sc_come(acc, &nodes[to], sc_way(&nodes[from], acc, &nodes[to]), &places[to].acc);
}

/* Which ways each node is come to. A node has a higher index than its branches: going down, all
 * that lead to it come before. */
static void find_ways(struct layout *l, uint32_t root)
{
	const struct sc_node *nodes = l->dag->nodes;
	struct place *places = l->places;

	sc_come(&(const struct sc_acc){0}, &nodes[root], SC_WAY_LOAD, &places[root].acc);
	for (uint32_t i = root + 1; i-- > 0;) {
		if (!places[i].acc.ways || nodes[i].test == SC_TEST_LEAF)
			continue;
		come(nodes, places, i, nodes[i].yes);
		come(nodes, places, i, nodes[i].no);
	}
}

static bool reaches(const struct layout *l, uint16_t position)
{
	/* A jump put at l->len passes over l->len - position - 1 instructions. */
	return position != NOWHERE && l->len - position - 1 <= REACH;
}

/* A position of @node within reach of an instruction put after at most one more. */
static uint16_t near(struct layout *l, uint32_t from, uint32_t node)
{
	const struct sc_node *to = &l->dag->nodes[node];
	enum sc_way entry = sc_way(&l->dag->nodes[from], &l->places[from].acc, to);
	struct place *place = &l->places[node];

	if (reaches(l, place->at[entry]))
		return place->at[entry];
	if (to->test == SC_TEST_LEAF) {
		place->at[entry] = l->len;
		put(l, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, to->k));
		return place->at[entry];
	}
	if (!reaches(l, place->jump[entry])) {
		place->jump[entry] = l->len;
		put(l, (struct sock_filter)BPF_STMT(
			       BPF_JMP | BPF_JA, (uint32_t)(l->len - place->at[entry] - 1)));
	}
	return place->jump[entry];
}

static uint16_t jump_code(uint8_t test)
{
	switch (test) {
	case SC_TEST_EQ:
		return BPF_JMP | BPF_JEQ | BPF_K;
	case SC_TEST_GE:
		return BPF_JMP | BPF_JGE | BPF_K;
	default:
		return BPF_JMP | BPF_JSET | BPF_K;
	}
}

static void put_test(struct layout *l, uint32_t index)
{
	const struct sc_node *node = &l->dag->nodes[index];
	struct place *place = &l->places[index];
	uint16_t yes, no;

	/* The second may have put an instruction between the first and here. */
	yes = near(l, index, node->yes);
	no = near(l, index, node->no);
	place->at[SC_WAY_TEST] = l->len;
	put(l, (struct sock_filter)BPF_JUMP(jump_code(node->test), node->k,
		       (uint8_t)(l->len - yes - 1), (uint8_t)(l->len - no - 1)));
	place->at[SC_WAY_MASK] = place->at[SC_WAY_TEST];
	if (node->mask != UINT32_MAX && place->acc.ways & (1U << SC_WAY_MASK | 1U << SC_WAY_LOAD)) {
		place->at[SC_WAY_MASK] = l->len;
		put(l, (struct sock_filter)BPF_STMT(
			       BPF_ALU | BPF_AND | BPF_K, node->mask));
	}
	if (place->acc.ways & 1U << SC_WAY_LOAD) {
		place->at[SC_WAY_LOAD] = l->len;
		put(l, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			       (uint32_t)node->word * 4));
	}
}

static int hand_out(const struct layout *l, bool big_endian, struct sc_prog *out)
{
	struct sock_filter *insns;

	if (l->over)
		return -E2BIG;
	insns = malloc(l->len * sizeof(*insns));
	if (!insns)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->len; i++)
		insns[i] = l->insns[l->len - 1 - i];
	*out = (struct sc_prog){.insns = insns, .len = l->len, .big_endian = big_endian};
	return 0;
}

int sc_emit(const struct sc_dag *dag, uint32_t root, bool big_endian, struct sc_prog *out)
{
	const uint64_t most = (uint64_t)dag->n_nodes * INSNS_PER_NODE;
	const uint16_t room = (uint16_t)(most < SC_BPF_MAX ? most : SC_BPF_MAX);
	struct layout l = {.dag = dag, .room = room};
	_cleanup_free_ void *block = NULL;
	uint32_t n, *order;

	/* Places, the order, a stack (of a test all three may lie there), instructions. */
	block = malloc(dag->n_nodes * (sizeof(*l.places) + 4 * sizeof(*order)) +
		room * sizeof(*l.insns));
	if (!block)
		return -ENOMEM;
	l.places = block;
	order = (uint32_t *)(l.places + dag->n_nodes);
	l.insns = (struct sock_filter *)(order + 4 * (size_t)dag->n_nodes);
	begin_places(&l);
	find_ways(&l, root);
	n = plan(&l, root, order, order + dag->n_nodes);
	for (uint32_t i = 0; i < n && !l.over; i++)
		put_test(&l, order[i]);
	if (n == 0)
		near(&l, root, root);
	return hand_out(&l, big_endian, out);
}
