/* A function returns if a way from its start leads to a return, to a jump that cannot be followed,
 * or out of it. Calls of functions that do not return end a way.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "calls/returns.h"
#include "util/cleanup.h"

enum { UNKNOWN, BUSY, RETURNS, NEVER };

#define DEPTH	 6    /* of functions that end in others */
#define SHORT	 8192 /* bytes; one that does not return is short */

struct walk {
	struct calls_returns *r;
	struct calls_ops ops;
	struct calls_function function;
	uint32_t *ways; /* operations that are still to be followed */
	uint8_t *seen;
	uint32_t n_ways;
	unsigned int depth;
};

static bool ask(struct calls_returns *r, uint64_t address, unsigned int depth);

/* Functions of other files that are known by name. */
static bool symbol_returns(const struct calls_returns *r, uint64_t slot)
{
	static const char *const names[] = {"abort", "exit", "_exit", "_Exit", "quick_exit",
		"__stack_chk_fail", "__assert_fail", "__fortify_fail", "__chk_fail", "err", "errx",
		"verr", "verrx", "pthread_exit", "longjmp", "__longjmp_chk", "siglongjmp"};
	const struct calls_reloc *reloc = calls_elf_reloc(r->elf, slot);
	const char *name;

	if (!reloc || !reloc->symbol)
		return true;
	name = calls_elf_string(r->elf->strings, r->elf->strings_size,
		r->elf->symbols[reloc->symbol].st_name);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return false;
	return true;
}

static void go(struct walk *w, uint32_t op)
{
	if (op < w->ops.n && !w->seen[op]) {
		w->seen[op] = 1;
		w->ways[w->n_ways++] = op;
	}
}

/* True: the way leads out of the function, to where it may return. */
static bool leaves(struct walk *w, uint64_t address)
{
	uint32_t low = 0, high = w->ops.n;

	if (address < w->function.start || address >= w->function.end)
		return ask(w->r, address, w->depth + 1);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (w->ops.items[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == w->ops.n)
		return true;
	go(w, low);
	return false;
}

static bool follow(struct walk *w, uint32_t i)
{
	const struct calls_op *op = &w->ops.items[i];

	switch (op->kind) {
	case OP_STOP: return op->value == CALLS_RETURNS;
	case OP_JUMP: return leaves(w, (uint64_t)op->value);
	case OP_JUMP_MEM: return symbol_returns(w->r, (uint64_t)op->value);
	case OP_JUMP_REG: return true;
	case OP_BRANCH:
		if (leaves(w, (uint64_t)op->value))
			return true;
		break;
	case OP_CALL:
		if (!ask(w->r, (uint64_t)op->value, w->depth + 1))
			return false;
		break;
	case OP_CALL_MEM:
		if (!symbol_returns(w->r, (uint64_t)op->value))
			return false;
		break;
	default: break;
	}
	if (i + 1 == w->ops.n)
		return true; /* into the next function */
	go(w, i + 1);
	return false;
}

static bool read_function(struct walk *w)
{
	const uint8_t *code = calls_elf_at(w->r->elf, w->function.start,
		w->function.end - w->function.start);
	bool returns = false;

	if (!code || w->function.end - w->function.start > SHORT ||
		w->r->machine->decode(code, w->function.end - w->function.start,
			w->function.start, &w->ops) ||
		!w->ops.n)
		return true;
	w->ways = calloc(w->ops.n, sizeof(*w->ways));
	w->seen = calloc(w->ops.n, 1);
	if (!w->ways || !w->seen)
		return true;
	go(w, 0);
	while (w->n_ways && !returns)
		returns = follow(w, w->ways[--w->n_ways]);
	return returns;
}

static bool ask(struct calls_returns *r, uint64_t address, unsigned int depth)
{
	int64_t index = calls_functions_at(r->functions, address);
	struct walk w = {.r = r, .depth = depth};
	bool returns;

	if (index < 0 || depth > DEPTH || r->known[index] == BUSY)
		return true;
	if (r->known[index] != UNKNOWN)
		return r->known[index] == RETURNS;
	r->known[index] = BUSY;
	w.function = r->functions->items[index];
	returns = read_function(&w);
	free(w.ops.items);
	free(w.ways);
	free(w.seen);
	r->known[index] = returns ? RETURNS : NEVER;
	return returns;
}

bool calls_returns(struct calls_returns *r, uint64_t address)
{
	return ask(r, address, 0);
}

void calls_returns_clear(struct calls_returns *r)
{
	free(r->known);
}
