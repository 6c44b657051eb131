/* One function: its blocks, what is known at the start of each, and the events in them.
 *
 *       mov  edi, 39          state at entry: every parameter is itself
 *       jmp  L                block 0: edi = {39}
 *    K: mov  edi, 186         block 1, reached from elsewhere: edi = {186}
 *    L: mov  eax, edi         block 2 joins them: edi = {39, 186}
 *       syscall               event: a system call with one of {39, 186}
 *
 * Blocks are visited until nothing changes; then each is read once more for its events. A block
 * that nothing is known to jump to may be the target of an indirect jump: all of its registers are
 * unknown.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "calls/returns.h"
#include "calls/value.h"
#include "util/cleanup.h"
#include "util/vec.h"

struct block {
	uint32_t first, end; /* operations */
	bool queued, alone;  /* alone: nothing falls or jumps into it */
};

struct flow {
	const struct calls_elf *elf;
	const struct calls_machine *machine;
	struct calls_returns *returns;
	struct calls_summary *out;
	struct calls_function function;
	struct calls_ops ops;
	struct block *blocks;
	struct calls_state *states; /* at the start of each block; NULL: unknown everywhere */
	uint32_t *queue;
	uint32_t n_blocks, n_queue;
	bool record; /* the last reading */
	int error;
};

void calls_op_add(struct calls_ops *ops, struct calls_op op)
{
	if (!ops->error)
		ops->error = sc_reserve(ops->items, ops->cap, ops->n, 1);
	if (!ops->error)
		ops->items[ops->n++] = op;
}

static bool inside(const struct flow *f, int64_t address)
{
	return (uint64_t)address >= f->function.start && (uint64_t)address < f->function.end;
}

static bool jumps(const struct calls_op *op)
{
	return op->kind == OP_JUMP || op->kind == OP_JUMP_REG || op->kind == OP_JUMP_MEM ||
	       op->kind == OP_STOP || op->kind == OP_BRANCH;
}

/* Nothing goes on behind it. */
static bool ends(const struct flow *f, const struct calls_op *op)
{
	if (op->kind == OP_CALL)
		return !inside(f, op->value) && !calls_returns(f->returns, (uint64_t)op->value);
	return jumps(op) && op->kind != OP_BRANCH;
}

/* The first operation at or behind @address. */
static uint32_t op_at(const struct flow *f, uint64_t address)
{
	uint32_t low = 0, high = f->ops.n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (f->ops.items[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The block that begins with operation @op, or the last one before. */
static uint32_t block_of(const struct flow *f, uint32_t op)
{
	uint32_t low = 0, high = f->n_blocks;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (f->blocks[middle].first <= op)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

/* A function with more blocks is nobody's code; memory stays bounded. */
#define BLOCKS_MAX 16384

static int make_blocks(struct flow *f)
{
	_cleanup_free_ uint8_t *leader = calloc(f->ops.n + 1, 1);
	uint32_t n = 0;

	if (!leader)
		return -ENOMEM;
	leader[0] = 1;
	for (uint32_t i = 0; i < f->ops.n; i++) {
		const struct calls_op *op = &f->ops.items[i];

		if (!jumps(op) && !ends(f, op))
			continue;
		leader[i + 1] |= 1;
		if ((op->kind == OP_JUMP || op->kind == OP_BRANCH) && inside(f, op->value))
			leader[op_at(f, (uint64_t)op->value)] |= 2;
	}
	for (uint32_t i = 0; i < f->ops.n; i++)
		n += leader[i] != 0;
	f->blocks = calloc(n, sizeof(*f->blocks));
	f->queue = calloc(n, sizeof(*f->queue));
	if (n <= BLOCKS_MAX)
		f->states = calloc(n, sizeof(*f->states));
	if (!f->blocks || !f->queue || (n <= BLOCKS_MAX && !f->states))
		return -ENOMEM;
	for (uint32_t i = 0; i < f->ops.n; i++) {
		if (leader[i]) {
			struct block *b = &f->blocks[f->n_blocks++];

			b->first = i;
			b->alone = i && !(leader[i] & 2) && ends(f, &f->ops.items[i - 1]);
		}
		f->blocks[f->n_blocks - 1].end = i + 1;
	}
	return 0;
}

static void enter(struct flow *f, uint32_t block, const struct calls_state *state)
{
	if (f->record || !f->states || block >= f->n_blocks)
		return;
	if (calls_state_join(&f->states[block], state) && !f->blocks[block].queued) {
		f->blocks[block].queued = true;
		f->queue[f->n_queue++] = block;
	}
}

static void add_argument(struct flow *f, struct calls_event *event, unsigned int param,
	const struct calls_value *value)
{
	struct calls_argument a = {.param = (uint8_t)param};
	struct calls_summary *out = f->out;

	a.unknown = value->kind != V_SET;
	if (value->kind == V_SET) {
		a.params = value->params;
		for (uint8_t i = 0; i < value->n; i++)
			if (value->values[i] >= INT32_MIN && value->values[i] <= UINT32_MAX)
				a.values[a.n++] = (int32_t)value->values[i];
	}
	if (!f->error)
		f->error = sc_reserve(out->arguments, out->cap_arguments, out->n_arguments, 1);
	if (f->error)
		return;
	out->arguments[out->n_arguments++] = a;
	event->n_arguments++;
}

static void add_event(struct flow *f, const struct calls_event *event)
{
	struct calls_summary *out = f->out;

	if (!f->error)
		f->error = sc_reserve(out->events, out->cap_events, out->n_events, 1);
	if (!f->error)
		out->events[out->n_events++] = *event;
}

/* All that is known of what a called function gets. */
static void add_call(struct flow *f, const struct calls_state *s, uint32_t kind, uint64_t target,
	uint64_t site, bool jump)
{
	const struct calls_value *stack = &s->registers[f->machine->stack];
	struct calls_event event = {.kind = kind, .target = target, .site = site,
		.first_argument = f->out->n_arguments};
	/* A jump leaves the return address where it is. */
	int64_t first = jump && f->machine->return_on_stack ? 8 : 0;

	if (!f->record)
		return;
	for (unsigned int i = 0; i < CALLS_REGISTERS; i++)
		if (f->machine->params >> i & 1 && s->registers[i].kind == V_SET)
			add_argument(f, &event, i, &s->registers[i]);
	for (unsigned int k = 0; k < CALLS_STACK_PARAMS && stack->kind == V_STACK; k++) {
		struct calls_value v =
			calls_slot_load(s, f->machine, stack->values[0] + first + 8 * (int64_t)k);

		if (v.kind == V_SET)
			add_argument(f, &event, CALLS_REGISTERS + k, &v);
	}
	add_event(f, &event);
}

static void add_name(struct flow *f, uint32_t kind, uint64_t target, uint64_t site)
{
	struct calls_event event = {.kind = kind, .target = target, .site = site};

	if (f->record)
		add_event(f, &event);
}

/* A value that a register takes: is it the address of a function? */
static void named(struct flow *f, const struct calls_value *v, uint64_t site)
{
	if (v->kind == V_SYMBOL)
		add_name(f, EV_NAME_SYMBOL, (uint64_t)v->values[0], site);
	for (uint8_t i = 0; v->kind == V_SET && i < v->n; i++)
		if (calls_elf_executable(f->elf, (uint64_t)v->values[i]))
			add_name(f, EV_NAME, (uint64_t)v->values[i], site);
}

/* What the loader puts at a constant address. */
static struct calls_value load_fixed(struct flow *f, uint64_t address)
{
	const struct calls_reloc *r = calls_elf_reloc(f->elf, address);
	struct calls_value v = {.kind = V_ANY};

	if (!r)
		return v;
	v.kind = r->symbol ? V_SYMBOL : V_SET;
	v.n = 1;
	v.values[0] = r->symbol ? (int64_t)r->symbol : (int64_t)r->target;
	return v;
}

static struct calls_value load(struct flow *f, const struct calls_state *s,
	const struct calls_op *op)
{
	const struct calls_value *base = op->src == CALLS_NONE ? NULL : &s->registers[op->src];
	struct calls_value v = {.kind = V_ANY};

	if (!base)
		v = load_fixed(f, (uint64_t)op->value);
	else if (base->kind == V_STACK)
		v = calls_slot_load(s, f->machine, base->values[0] + op->value);
	else if (base->kind == V_SET && base->n == 1 && !base->params)
		v = load_fixed(f, (uint64_t)(base->values[0] + op->value));
	return op->narrow ? calls_value_add(&v, 0, true) : v;
}

static void store(struct calls_state *s, const struct calls_op *op, struct calls_value value)
{
	const struct calls_value *base = &s->registers[op->dst];

	if (base->kind == V_STACK)
		calls_slot_store(s, base->values[0] + op->value, value);
}

static void lose(struct calls_state *s, uint32_t mask)
{
	for (unsigned int i = 0; i < CALLS_REGISTERS; i++)
		if (mask >> i & 1)
			s->registers[i] = (struct calls_value){.kind = V_ANY};
}

/* A call or jump through @v. */
static void through(struct flow *f, const struct calls_state *s, const struct calls_value *v,
	const struct calls_op *op, bool jump)
{
	if (v->kind == V_SYMBOL)
		add_call(f, s, EV_CALL_SYMBOL, (uint64_t)v->values[0], op->address, jump);
	for (uint8_t i = 0; v->kind == V_SET && i < v->n; i++)
		add_call(f, s, EV_CALL, (uint64_t)v->values[i], op->address, jump);
}

static void control(struct flow *f, struct calls_state *s, const struct calls_op *op)
{
	struct calls_value v = {.kind = V_ANY};
	bool jump = jumps(op);

	switch (op->kind) {
	case OP_CALL:
	case OP_JUMP:
	case OP_BRANCH: v = calls_constant(op->value); break;
	case OP_CALL_MEM:
	case OP_JUMP_MEM: v = load_fixed(f, (uint64_t)op->value); break;
	case OP_CALL_REG:
	case OP_JUMP_REG:
		if (op->src < CALLS_REGISTERS)
			v = s->registers[op->src];
		break;
	default: return;
	}
	if ((op->kind == OP_JUMP || op->kind == OP_BRANCH) && inside(f, op->value))
		enter(f, block_of(f, op_at(f, (uint64_t)op->value)), s);
	else
		through(f, s, &v, op, jump);
	if (!jump)
		lose(s, f->machine->lost_by_calls);
}

static void kernel(struct flow *f, struct calls_state *s, const struct calls_op *op)
{
	struct calls_event event = {.kind = op->kind == OP_SYSCALL ? EV_SYSCALL : EV_SYSCALL_32,
		.site = op->address, .first_argument = f->out->n_arguments};

	if (f->record) {
		add_argument(f, &event, 0, &s->registers[op->src]);
		add_event(f, &event);
	}
	lose(s, op->mask);
}

static void set(struct flow *f, struct calls_state *s, const struct calls_op *op,
	struct calls_value v)
{
	if (op->kind == OP_MAYBE)
		calls_value_join(&v, &s->registers[op->dst]);
	s->registers[op->dst] = v;
	if (op->kind != OP_COPY)
		named(f, &v, op->address);
}

static void set_low(struct calls_value *v, uint8_t low)
{
	if (v->kind != V_SET || v->params)
		*v = (struct calls_value){.kind = V_ANY};
	for (uint8_t i = 0; i < v->n; i++)
		v->values[i] = (v->values[i] & ~INT64_C(0xff)) | low;
}

static void step(struct flow *f, struct calls_state *s, const struct calls_op *op)
{
	static const struct calls_value any = {.kind = V_ANY};
	const struct calls_value *src = op->src < CALLS_REGISTERS ? &s->registers[op->src] : &any;

	switch (op->kind) {
	case OP_SET: set(f, s, op, calls_constant(op->value)); break;
	case OP_SET_LOW: set_low(&s->registers[op->dst], (uint8_t)op->value); break;
	case OP_COPY:
	case OP_MAYBE: set(f, s, op, calls_value_add(src, 0, op->narrow)); break;
	case OP_ADD: set(f, s, op, calls_value_add(src, op->value, op->narrow)); break;
	case OP_LOAD: set(f, s, op, load(f, s, op)); break;
	case OP_STORE: store(s, op, *src); break;
	case OP_STORE_VALUE: store(s, op, calls_constant(op->value2)); break;
	case OP_LOSE: lose(s, op->mask); break;
	case OP_SYSCALL:
	case OP_SYSCALL_32: kernel(f, s, op); break;
	default: control(f, s, op);
	}
}

static void run_block(struct flow *f, uint32_t index)
{
	const struct block *b = &f->blocks[index];
	struct calls_state s;

	if (f->states)
		s = f->states[index];
	else
		calls_state_unknown(&s);
	for (uint32_t i = b->first; i < b->end; i++)
		step(f, &s, &f->ops.items[i]);
	if (ends(f, &f->ops.items[b->end - 1]))
		return;
	if (index + 1 < f->n_blocks)
		enter(f, index + 1, &s);
	else /* clone3's own description ends before its system call */
		add_call(f, &s, EV_CALL, f->function.end, f->function.end, true);
}

static void settle(struct flow *f)
{
	while (f->n_queue) {
		uint32_t block = f->queue[--f->n_queue];

		f->blocks[block].queued = false;
		run_block(f, block);
	}
}

static void read_function(struct flow *f)
{
	struct calls_state state;

	calls_state_entry(&state, f->machine);
	enter(f, 0, &state);
	settle(f);
	/* The rest is reached in a way that cannot be seen. */
	for (uint32_t i = 1; f->states && i < f->n_blocks; i++) {
		if (f->states[i].reached && !f->blocks[i].alone)
			continue;
		calls_state_unknown(&state);
		enter(f, i, &state);
		settle(f);
	}
	f->record = true;
	for (uint32_t i = 0; i < f->n_blocks && !f->error; i++)
		run_block(f, i);
}

int calls_flow(const struct calls_elf *elf, const struct calls_machine *machine,
	struct calls_returns *returns, uint32_t index, struct calls_summary *out)
{
	struct flow f = {.elf = elf, .machine = machine, .returns = returns, .out = out,
		.function = out->functions.items[index]};
	uint64_t size = f.function.end - f.function.start;
	const uint8_t *code = calls_elf_at(elf, f.function.start, size);
	int rc = 0;

	if (code)
		rc = machine->decode(code, size, f.function.start, &f.ops);
	if (!rc && f.ops.n) {
		rc = make_blocks(&f);
		if (!rc)
			read_function(&f);
		rc = rc ? rc : f.error;
	}
	free(f.ops.items);
	free(f.blocks);
	free(f.states);
	free(f.queue);
	return rc;
}
