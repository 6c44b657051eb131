/* One description of the format serves both directions.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "calls.h"

#define MAX_REPEAT 32
#define NO_NAME	   0xffff
#define UNNAMED	   1000
#define PSEUDO_END 20000 /* no pseudo number is below the negative of this */

struct stream {
	unsigned char *to;	   /* NULL: reading */
	const unsigned char *from; /* what is left */
	size_t left, written;
	bool full;
};

static void byte(struct stream *s, uint8_t *value)
{
	if (s->left == 0) {
		s->full = true;
		if (!s->to)
			*value = 0;
		return;
	}
	s->left--;
	if (s->to)
		s->to[s->written++] = *value;
	else
		*value = *s->from++;
}

/* Its length, then the bytes that are not zero, the lowest first. */
static void number(struct stream *s, uint64_t *value)
{
	uint8_t length = 0, one;
	uint64_t out = 0;

	while (s->to && length < 8 && *value >> 8 * length)
		length++;
	byte(s, &length);
	for (unsigned int i = 0; i < length % 9; i++) {
		one = (uint8_t)(*value >> 8 * i);
		byte(s, &one);
		out |= (uint64_t)one << 8 * i;
	}
	*value = out;
}

static void number32(struct stream *s, uint32_t *value)
{
	uint64_t wide = *value;

	number(s, &wide);
	*value = (uint32_t)wide;
}

static uint32_t name_index(const char *name)
{
	for (uint32_t i = 0; i < oracle_n_names; i++)
		if (strcmp(oracle_names[i].name, name) == 0)
			return i;
	return NO_NAME;
}

static void call(struct stream *s, struct op *op)
{
	uint32_t index = name_index(op->name), nr = (uint32_t)op->nr;

	number32(s, &index);
	number32(s, &nr);
	op->nr = (int)nr;
	if (!s->to && index < oracle_n_names)
		memcpy(op->name, oracle_names[index].name, sizeof(op->name));
}

/* The naive evaluator knows few names, and a number may have one that it does not know:
 * bare numbers are such as nobody names. */
static void rule_call(struct stream *s, struct op *op)
{
	call(s, op);
	if (s->to || op->name[0])
		return;
	if (op->nr >= 0 && op->nr < UNNAMED)
		op->nr += UNNAMED;
	if (op->nr <= -100 && op->nr > -PSEUDO_END)
		op->nr -= PSEUDO_END;
}

static void token(struct stream *s, struct op *op)
{
	uint8_t index = (uint8_t)oracle_arch_index(op->token);

	byte(s, &index);
	if (!s->to)
		op->token = index < ORACLE_ARCHES ? oracle_arches[index].token : index;
}

static void rule(struct stream *s, struct op *op)
{
	uint8_t repeat = (uint8_t)op->repeat;

	number32(s, &op->action);
	rule_call(s, op);
	byte(s, &repeat);
	byte(s, &op->step_cmps);
	byte(s, &op->n_cmps);
	if (!s->to) {
		op->repeat = 1 + (repeat ? repeat - 1u : 0) % MAX_REPEAT;
		op->n_cmps %= 8;
	}
	for (unsigned int i = 0; i < op->n_cmps; i++) {
		struct oracle_cmp *c = &op->cmps[i];
		uint8_t arg = (uint8_t)c->arg, how = (uint8_t)c->op;

		byte(s, &arg);
		byte(s, &how);
		c->arg = arg;
		c->op = how;
		number(s, &c->a);
		number(s, &c->b);
	}
}

static void operation(struct stream *s, struct op *op)
{
	uint8_t kind = (uint8_t)op->kind;

	byte(s, &kind);
	byte(s, &op->ctx);
	op->kind = kind % N_OPS;
	op->ctx %= N_CONTEXTS + 1;
	switch (op->kind) {
	case OP_INIT:
	case OP_RESET:
		number32(s, &op->action);
		break;
	case OP_ARCH_ADD:
	case OP_ARCH_REMOVE:
	case OP_ARCH_EXIST:
		token(s, op);
		break;
	case OP_RULE:
	case OP_RULE_EXACT:
		rule(s, op);
		break;
	case OP_ATTR_SET:
	case OP_ATTR_GET:
		number32(s, &op->attr);
		number32(s, &op->arg);
		break;
	case OP_PRIORITY:
		rule_call(s, op);
		number32(s, &op->arg);
		break;
	case OP_ROW:
		token(s, op);
		call(s, op);
		for (unsigned int i = 0; i < 6; i++)
			number(s, &op->args[i]);
		break;
	default:
		break;
	}
	if (op->kind == OP_MERGE)
		byte(s, &op->other);
	else
		op->other = NO_CONTEXT;
	op->other %= N_CONTEXTS + 1;
	/* libseccomp has no context to initialise there, nor has the runner. */
	if (op->ctx == NO_CONTEXT && (op->kind == OP_INIT || op->kind == OP_RELEASE))
		op->ctx = 0;
}

void calls_read(const unsigned char *bytes, size_t size, struct scenario *out)
{
	struct stream s = {.from = bytes, .left = size};

	snprintf(out->name, sizeof(out->name), "found-by-fuzzing");
	while (s.left > 0 && out->n_ops < CALLS_MAX)
		operation(&s, script_append(out));
}

size_t calls_write(const struct scenario *scenario, unsigned char *bytes, size_t room)
{
	struct stream s = {.to = bytes, .left = room};

	if (scenario->n_ops > CALLS_MAX)
		return 0;
	for (unsigned int i = 0; i < scenario->n_ops; i++) {
		struct op op = scenario->ops[i];

		if (op.repeat > MAX_REPEAT || op.step_nr)
			return 0;
		operation(&s, &op);
	}
	return s.full ? 0 : s.written;
}
