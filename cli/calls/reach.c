/* Which functions are reached, and which numbers they enter the kernel with.
 *
 * First everything that is called or named from the starts. Then numbers that are parameters go up
 * to the callers, until nothing changes: syscall(39) makes the parameter of syscall() 39, and a
 * function that hands its own parameter on asks its own callers.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "calls/program.h"
#include "util/cleanup.h"
#include "util/vec.h"

#define START UINT32_MAX

struct reach {
	struct calls_program *p;
	uint32_t *queue;
	uint32_t n_queue;
	bool changed;
	int error;
};

static int by_name(const void *a, const void *b)
{
	const struct calls_definition *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order)
		return order;
	return (x->object > y->object) - (x->object < y->object);
}

static int define(struct calls_program *p)
{
	uint32_t cap = 0;

	for (uint32_t i = 0; i < p->n_objects; i++) {
		const struct calls_elf *elf = &p->objects[i]->elf;

		for (uint32_t k = 1; k < elf->n_symbols; k++) {
			const Elf64_Sym *s = &elf->symbols[k];
			unsigned int type = ELF64_ST_TYPE(s->st_info);

			if (s->st_shndx == SHN_UNDEF || ELF64_ST_BIND(s->st_info) == STB_LOCAL ||
				(type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE))
				continue;
			if (sc_reserve(p->definitions, cap, p->n_definitions, 1))
				return -ENOMEM;
			p->definitions[p->n_definitions++] = (struct calls_definition){
				calls_elf_string(elf->strings, elf->strings_size, s->st_name), i,
				s->st_value};
		}
	}
	if (p->n_definitions)
		qsort(p->definitions, p->n_definitions, sizeof(*p->definitions), by_name);
	return 0;
}

static void visit(struct reach *r, uint32_t object, uint64_t address, uint32_t parent, bool pointer)
{
	const struct calls_object *o = r->p->objects[object];
	int64_t function = calls_functions_at(&o->summary.functions, address);
	struct calls_node *node;

	if (function < 0)
		return;
	node = &r->p->nodes[o->first_node + (uint32_t)function];
	node->by_pointer |= pointer;
	if (node->reached)
		return;
	node->reached = true;
	node->parent = parent;
	r->queue[r->n_queue++] = o->first_node + (uint32_t)function;
}

/* The first definition of a symbol in the order of loading; NULL: none. */
static const struct calls_definition *definition(const struct calls_program *p, const char *name)
{
	struct calls_definition key = {name, 0, 0};
	uint32_t low = 0, high = p->n_definitions;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (by_name(&p->definitions[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < p->n_definitions && strcmp(p->definitions[low].name, name) == 0)
		return &p->definitions[low];
	return NULL;
}

/* All versions of a symbol, in the object that defines it first: call @found for each. */
static void each(struct reach *r, uint32_t object, uint64_t symbol,
	void (*found)(struct reach *, uint32_t object, uint64_t address, void *data), void *data)
{
	const struct calls_elf *elf = &r->p->objects[object]->elf;
	const struct calls_definition *d, *end = r->p->definitions + r->p->n_definitions;
	const char *name;

	if (symbol >= elf->n_symbols)
		return;
	name = calls_elf_string(elf->strings, elf->strings_size, elf->symbols[symbol].st_name);
	if (ELF64_ST_BIND(elf->symbols[symbol].st_info) == STB_LOCAL) {
		found(r, object, elf->symbols[symbol].st_value, data);
		return;
	}
	d = definition(r->p, name);
	for (uint32_t first = d ? d->object : 0;
		d && d < end && d->object == first && strcmp(d->name, name) == 0; d++)
		found(r, d->object, d->address, data);
}

struct visitor {
	uint32_t parent;
	bool pointer;
};

static void visit_found(struct reach *r, uint32_t object, uint64_t address, void *data)
{
	const struct visitor *v = data;

	visit(r, object, address, v->parent, v->pointer);
}

/* Objects that a program loads by itself are not seen; functions that it looks up by name are, if
 * it holds the name. The C library's own use is left out: it loads conversions of character sets
 * and name services. */
static void note_load(struct reach *r, uint32_t object, uint64_t symbol)
{
	struct calls_object *o = r->p->objects[object];
	const char *name;

	if (symbol >= o->elf.n_symbols ||
		(o->elf.soname && strncmp(o->elf.soname, "libc.", 5) == 0))
		return;
	name = calls_elf_string(o->elf.strings, o->elf.strings_size,
		o->elf.symbols[symbol].st_name);
	if (!o->loads && (strcmp(name, "dlopen") == 0 || strcmp(name, "dlmopen") == 0)) {
		o->loads = true;
		r->p->n_loading++;
	}
	if (strcmp(name, "dlsym") == 0 || strcmp(name, "dlvsym") == 0)
		o->looks_up = true;
}

static void follow(struct reach *r, uint32_t object, uint32_t node, const struct calls_event *e)
{
	struct visitor v = {node, e->kind == EV_NAME || e->kind == EV_NAME_SYMBOL};

	if (e->kind == EV_CALL || e->kind == EV_NAME) {
		visit(r, object, e->target, node, v.pointer);
	} else if (e->kind == EV_CALL_SYMBOL || e->kind == EV_NAME_SYMBOL) {
		note_load(r, object, e->target);
		each(r, object, e->target, visit_found, &v);
	}
}

/* Words of data that hold the address of a function, where no relocation says so. */
static void visit_words(struct reach *r, uint32_t object)
{
	const struct calls_elf *elf = &r->p->objects[object]->elf;

	for (uint32_t i = 0; i < elf->n_segments; i++) {
		const struct calls_segment *s = &elf->segments[i];

		if (s->executable)
			continue;
		for (uint64_t at = (8 - s->address % 8) % 8; at + 8 <= s->file_size; at += 8) {
			uint64_t word;

			memcpy(&word, elf->data + s->offset + at, 8);
			visit(r, object, word, START, true);
		}
	}
}

static void visit_starts(struct reach *r, uint32_t object)
{
	const struct calls_elf *elf = &r->p->objects[object]->elf;
	struct visitor v = {START, true};

	visit(r, object, elf->entry, START, false);
	visit(r, object, elf->init, START, false);
	visit(r, object, elf->fini, START, false);
	for (uint32_t i = 0; i < elf->n_relocs; i++) {
		const struct calls_reloc *reloc = &elf->relocs[i];

		if (!reloc->symbol)
			visit(r, object, reloc->target, START, true);
		else if (!reloc->slot)
			each(r, object, reloc->symbol, visit_found, &v);
	}
	if (elf->fixed)
		visit_words(r, object);
}

static void follow_all(struct reach *r)
{
	while (r->n_queue) {
		uint32_t node = r->queue[--r->n_queue], function;
		const struct calls_object *o = calls_program_object(r->p, node, &function);
		uint32_t object = 0;

		while (r->p->objects[object] != o)
			object++;
		for (uint32_t i = o->summary.first_event[function];
			i < o->summary.first_event[function + 1]; i++)
			follow(r, object, node, &o->summary.events[i]);
	}
}

/* Every string of its data that is the name of a function of another object; the loader looks up
 * its own, too. */
static void visit_names(struct reach *r, uint32_t object)
{
	const struct calls_elf *elf = &r->p->objects[object]->elf;

	for (uint32_t i = 0; i < elf->n_segments; i++) {
		const char *at = (const char *)elf->data + elf->segments[i].offset;
		const char *end = at + elf->segments[i].file_size;

		/* The names of its own imports are no evidence. */
		while (at < end) {
			size_t length = strnlen(at, (size_t)(end - at));
			const struct calls_definition *d;

			if (at + length == end)
				break;
			d = length && (at < elf->strings || at >= elf->strings + elf->strings_size)
				    ? definition(r->p, at)
				    : NULL;
			if (d && (d->object != object || r->p->objects[object]->loader))
				visit(r, d->object, d->address, START, true);
			at += length + 1;
		}
	}
}

static void look_up_names(struct reach *r)
{
	bool again;

	do {
		again = false;
		for (uint32_t i = 0; i < r->p->n_objects; i++) {
			struct calls_object *o = r->p->objects[i];

			if ((!o->looks_up && !o->loader) || o->looked_up)
				continue;
			o->looked_up = again = true;
			visit_names(r, i);
			follow_all(r);
		}
	} while (again);
}

static void unresolved(struct reach *r, uint32_t node, uint64_t site, const char *why)
{
	struct calls_program *p = r->p;

	for (uint32_t i = 0; i < p->n_unresolved; i++)
		if (p->unresolved[i].node == node && p->unresolved[i].site == site)
			return;
	if (!r->error)
		r->error = sc_reserve(p->unresolved, p->cap_unresolved, p->n_unresolved, 1);
	if (!r->error)
		p->unresolved[p->n_unresolved++] = (struct calls_unresolved){node, site, why};
}

/* @a may be the number of a system call that @node makes at @site. */
static void number(struct reach *r, uint32_t node, uint64_t site, const struct calls_argument *a,
	const char *why)
{
	struct calls_node *n = &r->p->nodes[node];

	if (!a || a->unknown) {
		unresolved(r, node, site, why);
		return;
	}
	for (uint8_t i = 0; i < a->n; i++) {
		int32_t nr = a->values[i];

		if (nr < 0 || nr >= CALLS_NUMBERS || r->p->made[nr])
			continue;
		r->p->made[nr] = true;
		r->p->maker[nr] = node;
	}
	if (a->params & ~n->need) {
		n->need |= a->params;
		r->changed = true;
	}
}

struct callee {
	uint32_t node;
	uint32_t object;
	const struct calls_event *event;
};

/* @node calls the function at @address: what does that one need? */
static void ask(struct reach *r, uint32_t object, uint64_t address, void *data)
{
	const struct callee *c = data;
	const struct calls_object *o = r->p->objects[object];
	const struct calls_object *caller = r->p->objects[c->object];
	int64_t function = calls_functions_at(&o->summary.functions, address);
	uint64_t need;

	if (function < 0)
		return;
	need = r->p->nodes[o->first_node + (uint32_t)function].need;
	for (unsigned int param = 0; need && param < CALLS_PARAMS; param++) {
		const struct calls_argument *found = NULL;

		if (!(need >> param & 1))
			continue;
		for (uint32_t i = 0; i < c->event->n_arguments; i++) {
			const struct calls_argument *a =
				&caller->summary.arguments[c->event->first_argument + i];

			if (a->param == param)
				found = a;
		}
		number(r, c->node, c->event->site, found, "it hands on a number that is not known");
	}
}

static void raise_event(struct reach *r, uint32_t object, uint32_t node,
	const struct calls_event *e)
{
	const struct calls_summary *s = &r->p->objects[object]->summary;
	struct callee c = {node, object, e};

	if (e->kind == EV_SYSCALL && e->n_arguments)
		number(r, node, e->site, &s->arguments[e->first_argument],
			"the number is not known");
	else if (e->kind == EV_SYSCALL_32)
		r->p->made_32 = true;
	else if (e->kind == EV_CALL)
		ask(r, object, e->target, &c);
	else if (e->kind == EV_CALL_SYMBOL)
		each(r, object, e->target, ask, &c);
}

static void raise_numbers(struct reach *r)
{
	do {
		r->changed = false;
		for (uint32_t object = 0; object < r->p->n_objects; object++) {
			const struct calls_object *o = r->p->objects[object];

			for (uint32_t f = 0; f < o->summary.functions.n; f++) {
				if (!r->p->nodes[o->first_node + f].reached)
					continue;
				for (uint32_t i = o->summary.first_event[f];
					i < o->summary.first_event[f + 1]; i++)
					raise_event(r, object, o->first_node + f,
						&o->summary.events[i]);
			}
		}
	} while (r->changed && !r->error);
}

/* A parameter of a function that is called through a pointer has callers that are not seen. */
static void check_pointers(struct reach *r)
{
	for (uint32_t i = 0; i < r->p->n_nodes; i++) {
		const struct calls_node *n = &r->p->nodes[i];
		uint32_t function;
		const struct calls_object *o;

		if (!n->reached || !n->need || (!n->by_pointer && n->parent != START))
			continue;
		o = calls_program_object(r->p, i, &function);
		unresolved(r, i, o->summary.functions.items[function].start,
			"its parameter is the number, and it is called through a pointer");
	}
}

int calls_program_reach(struct calls_program *p)
{
	_cleanup_free_ uint32_t *queue = NULL;
	struct reach r = {.p = p};
	uint64_t n = 0;
	int rc;

	for (uint32_t i = 0; i < p->n_objects; i++) {
		p->objects[i]->first_node = (uint32_t)n;
		n += p->objects[i]->summary.functions.n;
	}
	if (n >= UINT32_MAX)
		return -ENOMEM;
	p->n_nodes = (uint32_t)n;
	p->nodes = calloc(n + 1, sizeof(*p->nodes));
	queue = calloc(n + 1, sizeof(*queue));
	if (!p->nodes || !queue)
		return -ENOMEM;
	r.queue = queue;
	rc = define(p);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < p->n_objects; i++)
		visit_starts(&r, i);
	follow_all(&r);
	look_up_names(&r);
	raise_numbers(&r);
	check_pointers(&r);
	return r.error;
}
