/* The decision graph of one call.
 *
 * Jumps go forward, so instructions are looked at from the last to the first: what an
 * instruction leads to is known when it is met. Where the filter asks for the number or
 * the architecture the way is already clear. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"
#include "util/cleanup.h"
#include "util/vec.h"

/* What A is before an instruction, on every way that this call takes. */
struct known {
	bool reached;
	enum {
		A_OTHER,
		A_CONSTANT, /* the number, the architecture, or what was made of them */
		A_WORD,	    /* of struct seccomp_data, with a mask */
	} kind;
	uint32_t value; /* the constant, or the word's index */
	uint32_t mask;
};

struct walk {
	const struct sluice_program *program;
	unsigned int filter;
	const struct sock_filter *insns;
	size_t n;
	uint32_t audit;
	int nr;
	struct known *known;
	uint32_t *node_of; /* instruction to node + 1 */
	struct cli_graph *graph;
};

void cli_graph_clear(struct cli_graph *g)
{
	free(g->nodes);
}

static void meet(struct known *into, const struct known *from)
{
	if (!into->reached) {
		*into = *from;
		into->reached = true;
	} else if (into->kind != from->kind || into->value != from->value ||
		   into->mask != from->mask) {
		into->kind = A_OTHER;
	}
}

/* Which way a test of a constant goes: 1, 0, or -1 where A is none. */
static int decided(const struct known *k, const struct sock_filter *f)
{
	if (k->kind != A_CONSTANT || BPF_SRC(f->code) == BPF_X)
		return -1;
	switch (BPF_OP(f->code)) {
	case BPF_JEQ:
		return k->value == f->k;
	case BPF_JGT:
		return k->value > f->k;
	case BPF_JGE:
		return k->value >= f->k;
	default:
		return (k->value & f->k) != 0;
	}
}

static struct known after(
	const struct walk *w, const struct known *k, const struct sock_filter *f)
{
	struct known next = *k;

	if (f->code == (BPF_LD | BPF_W | BPF_ABS)) {
		next.kind = f->k < 8 ? A_CONSTANT : A_WORD;
		next.value = f->k == 0	 ? (uint32_t)w->nr
			     : f->k == 4 ? w->audit
					 : f->k / 4;
		next.mask = UINT32_MAX;
	} else if (f->code == (BPF_LD | BPF_IMM)) {
		next = (struct known){.kind = A_CONSTANT, .value = f->k};
	} else if (f->code == (BPF_ALU | BPF_AND | BPF_K) && k->kind == A_CONSTANT) {
		next.value &= f->k;
	} else if (f->code == (BPF_ALU | BPF_AND | BPF_K) && k->kind == A_WORD) {
		next.mask &= f->k;
	} else if (BPF_CLASS(f->code) == BPF_LD || BPF_CLASS(f->code) == BPF_ALU ||
		   f->code == (BPF_MISC | BPF_TXA)) {
		next.kind = A_OTHER;
	}
	return next;
}

static void forward(struct walk *w)
{
	w->known[0] = (struct known){.reached = true};
	for (size_t pc = 0; pc < w->n; pc++) {
		const struct sock_filter *f = &w->insns[pc];
		const struct known *k = &w->known[pc];
		struct known next;
		int way;

		if (!k->reached || BPF_CLASS(f->code) == BPF_RET)
			continue;
		if (BPF_CLASS(f->code) != BPF_JMP) {
			next = after(w, k, f);
			meet(&w->known[pc + 1], &next);
			continue;
		}
		if (BPF_OP(f->code) == BPF_JA) {
			meet(&w->known[pc + 1 + f->k], k);
			continue;
		}
		way = decided(k, f);
		if (way != 0)
			meet(&w->known[pc + 1 + f->jt], k);
		if (way != 1)
			meet(&w->known[pc + 1 + f->jf], k);
	}
}

static void test_label(const struct walk *w, size_t pc, char *label, size_t size)
{
	static const char *const words[] = {"nr", "arch", "ip.lo", "ip.hi", "a0.lo",
		"a0.hi", "a1.lo", "a1.hi", "a2.lo", "a2.hi", "a3.lo", "a3.hi", "a4.lo",
		"a4.hi", "a5.lo", "a5.hi"};
	const bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	const struct sock_filter *f = &w->insns[pc];
	const struct known *k = &w->known[pc];
	char mask[24] = "";
	const char *word;

	if (k->kind != A_WORD || BPF_SRC(f->code) == BPF_X) {
		sluice_program_text(w->program, w->filter, pc, label, size);
		label[strcspn(label, ",")] = '\0';
		return;
	}
	word = words[big && k->value >= 2 ? k->value ^ 1 : k->value];
	if (k->mask != UINT32_MAX)
		snprintf(mask, sizeof(mask), " & 0x%" PRIx32, k->mask);
	if (BPF_OP(f->code) == BPF_JSET)
		snprintf(label, size, "%s & 0x%" PRIx32 " != 0", word, f->k & k->mask);
	else
		snprintf(label, size, "%s%s %s 0x%" PRIx32, word, mask,
			BPF_OP(f->code) == BPF_JEQ   ? "="
			: BPF_OP(f->code) == BPF_JGT ? ">"
						     : ">=",
			f->k);
}

/* An equal node that is there already, or this one. Index + 1; 0: no memory. */
static uint32_t intern(struct cli_graph *g, const struct cli_node *node)
{
	for (uint32_t i = 0; i < g->n; i++) {
		const struct cli_node *o = &g->nodes[i];

		if (o->leaf == node->leaf && strcmp(o->label, node->label) == 0 &&
			(node->leaf || (o->yes == node->yes && o->no == node->no)))
			return i + 1;
	}
	if (sc_reserve(g->nodes, g->cap, g->n, 1) < 0)
		return 0;
	g->nodes[g->n++] = *node;
	return g->n;
}

/* The node that instruction @pc leads to. */
static uint32_t node_at(const struct walk *w, size_t pc)
{
	const struct sock_filter *f = &w->insns[pc];
	struct cli_node node = {0};
	int way;

	if (BPF_CLASS(f->code) == BPF_RET) {
		node.leaf = true;
		node.verdict = f->k;
		if (f->code == (BPF_RET | BPF_K))
			cli_verdict(f->k, node.label);
		else
			snprintf(node.label, sizeof(node.label), "A");
		return intern(w->graph, &node);
	}
	if (BPF_CLASS(f->code) != BPF_JMP)
		return w->node_of[pc + 1];
	if (BPF_OP(f->code) == BPF_JA)
		return w->node_of[pc + 1 + f->k];
	way = decided(&w->known[pc], f);
	if (way >= 0)
		return w->node_of[pc + 1 + (way ? f->jt : f->jf)];
	node.yes = w->node_of[pc + 1 + f->jt] - 1;
	node.no = w->node_of[pc + 1 + f->jf] - 1;
	if (node.yes == node.no)
		return node.yes + 1;
	test_label(w, pc, node.label, sizeof(node.label));
	return intern(w->graph, &node);
}

/* Children come before their parents: from the last to the first is from the root down.
 */
static void place(struct cli_graph *g)
{
	for (uint32_t i = g->n; i-- > 0;) {
		struct cli_node *n = &g->nodes[i];

		if (n->leaf)
			continue;
		for (int k = 0; k < 2; k++) {
			struct cli_node *child = &g->nodes[k ? n->no : n->yes];

			if (child->depth < n->depth + 1)
				child->depth = n->depth + 1;
		}
	}
	for (uint32_t i = g->n; i-- > 0;) {
		struct cli_node *n = &g->nodes[i];

		for (uint32_t j = i + 1; j < g->n; j++)
			n->row += g->nodes[j].depth == n->depth;
	}
}

int cli_graph(const struct sluice_program *program, unsigned int filter, uint32_t audit,
	int nr, struct cli_graph *out)
{
	_cleanup_free_ struct known *known = NULL;
	_cleanup_free_ uint32_t *node_of = NULL;
	struct walk w = {.program = program,
		.filter = filter,
		.audit = audit,
		.nr = nr,
		.graph = out};
	const struct cli_arch *arch = cli_arch_of(audit, nr);
	char name[CLI_CALL_MAX];

	w.insns = sluice_program_instructions(program, filter, &w.n);
	w.known = known = calloc(w.n, sizeof(*known));
	w.node_of = node_of = calloc(w.n, sizeof(*node_of));
	if (!known || !node_of)
		return -ENOMEM;
	forward(&w);
	for (size_t pc = w.n; pc-- > 0;) {
		if (!known[pc].reached)
			continue;
		node_of[pc] = node_at(&w, pc);
		if (!node_of[pc])
			return -ENOMEM;
	}
	out->root = node_of[0] - 1;
	/* What only a decided test leads to was never made; the root was made last. */
	out->n = out->root + 1;
	place(out);
	snprintf(out->title, sizeof(out->title), "%s %s", arch ? arch->name : "?",
		cli_call_name(audit, nr, name));
	return 0;
}

void cli_graph_dot(const struct cli_graph *g, FILE *out)
{
	/* Labels are made of numbers, names of words and actions: nothing to be quoted.
	 */
	fprintf(out,
		"digraph \"%s\" {\n\tlabel=\"%s\";\n\tnode [fontname=\"monospace\"];\n",
		g->title, g->title);
	for (uint32_t i = g->n; i-- > 0;) {
		const struct cli_node *n = &g->nodes[i];

		fprintf(out, "\tn%" PRIu32 " [label=\"%s\", shape=%s];\n", i, n->label,
			n->leaf ? "box, style=filled, fillcolor=lightgrey" : "ellipse");
		if (!n->leaf)
			fprintf(out,
				"\tn%" PRIu32 " -> n%" PRIu32
				" [label=\"yes\"];\n\tn%" PRIu32 " -> n%" PRIu32
				" [label=\"no\", style=dashed];\n",
				i, n->yes, i, n->no);
	}
	fputs("}\n", out);
}

#define BOX_W  220u
#define BOX_H  34u
#define STEP_X 250u
#define STEP_Y 90u

static uint32_t left(const struct cli_node *n)
{
	return 20 + n->row * STEP_X;
}

static uint32_t top(const struct cli_node *n)
{
	return 50 + n->depth * STEP_Y;
}

static void text(const char *s, FILE *out)
{
	for (; *s; s++) {
		if (*s == '<' || *s == '>' || *s == '&')
			fprintf(out, "&#%d;", *s);
		else
			putc(*s, out);
	}
}

static void edge(
	const struct cli_node *from, const struct cli_node *to, bool yes, FILE *out)
{
	uint32_t x1 = left(from) + (yes ? BOX_W / 3 : 2 * BOX_W / 3),
		 y1 = top(from) + BOX_H;
	uint32_t x2 = left(to) + BOX_W / 2, y2 = top(to);

	fprintf(out,
		"<line x1=\"%" PRIu32 "\" y1=\"%" PRIu32 "\" x2=\"%" PRIu32
		"\" y2=\"%" PRIu32
		"\" stroke=\"%s\"%s marker-end=\"url(#tip)\"/>\n<text x=\"%" PRIu32
		"\" y=\"%" PRIu32 "\" font-size=\"11\">%s</text>\n",
		x1, y1, x2, y2, yes ? "#1a7f37" : "#cf222e",
		yes ? "" : " stroke-dasharray=\"5 3\"", x1 + 3, y1 + 14,
		yes ? "yes" : "no");
}

void cli_graph_svg(const struct cli_graph *g, FILE *out)
{
	uint32_t width = 0, height = 0;

	for (uint32_t i = 0; i < g->n; i++) {
		if (left(&g->nodes[i]) > width)
			width = left(&g->nodes[i]);
		if (top(&g->nodes[i]) > height)
			height = top(&g->nodes[i]);
	}
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%" PRIu32
		"\" height=\"%" PRIu32 "\" font-family=\"monospace\" "
		"font-size=\"13\">\n<defs><marker id=\"tip\" "
		"viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" "
		"markerHeight=\"8\" "
		"orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n"
		"<text x=\"20\" y=\"30\" font-size=\"16\">",
		width + BOX_W + 20, height + BOX_H + 20);
	text(g->title, out);
	fputs("</text>\n", out);
	for (uint32_t i = 0; i < g->n; i++) {
		const struct cli_node *n = &g->nodes[i];

		if (!n->leaf) {
			edge(n, &g->nodes[n->yes], true, out);
			edge(n, &g->nodes[n->no], false, out);
		}
	}
	for (uint32_t i = 0; i < g->n; i++) {
		const struct cli_node *n = &g->nodes[i];

		fprintf(out,
			"<rect x=\"%" PRIu32 "\" y=\"%" PRIu32
			"\" width=\"%u\" height=\"%u\" "
			"rx=\"%d\" fill=\"%s\" stroke=\"black\"/>\n<text x=\"%" PRIu32
			"\" y=\"%" PRIu32 "\" text-anchor=\"middle\">",
			left(n), top(n), BOX_W, BOX_H, n->leaf ? 0 : 15,
			n->leaf ? "#eaeef2" : "white", left(n) + BOX_W / 2, top(n) + 22);
		text(n->label, out);
		fputs("</text>\n", out);
	}
	fputs("</svg>\n", out);
}
