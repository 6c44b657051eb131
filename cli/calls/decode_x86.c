/* x86_64 instructions as operations.
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include "calls/capstone.h"
#include "calls/ops.h"

/* Registers as the processor numbers them. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11 };

#define BIT(r) (UINT32_C(1) << (r))

/* The number of a register of any width, or CALLS_NONE. */
static uint8_t number(unsigned int reg)
{
	static const uint8_t names[X86_REG_ENDING] = {
#define FAMILY(n, r64, r32, r16, low)                                                            \
	[X86_REG_##r64] = (n) + 1, [X86_REG_##r32] = (n) + 1, [X86_REG_##r16] = (n) + 1,         \
	[X86_REG_##low] = (n) + 1
		FAMILY(RAX, RAX, EAX, AX, AL), FAMILY(RCX, RCX, ECX, CX, CL),
		FAMILY(RDX, RDX, EDX, DX, DL), FAMILY(RBX, RBX, EBX, BX, BL),
		FAMILY(RSP, RSP, ESP, SP, SPL), FAMILY(RBP, RBP, EBP, BP, BPL),
		FAMILY(RSI, RSI, ESI, SI, SIL), FAMILY(RDI, RDI, EDI, DI, DIL),
		FAMILY(R8, R8, R8D, R8W, R8B), FAMILY(R9, R9, R9D, R9W, R9B),
		FAMILY(R10, R10, R10D, R10W, R10B), FAMILY(R11, R11, R11D, R11W, R11B),
		FAMILY(12, R12, R12D, R12W, R12B), FAMILY(13, R13, R13D, R13W, R13B),
		FAMILY(14, R14, R14D, R14W, R14B), FAMILY(15, R15, R15D, R15W, R15B),
		[X86_REG_AH] = RAX + 1, [X86_REG_CH] = RCX + 1, [X86_REG_DH] = RDX + 1,
		[X86_REG_BH] = RBX + 1,
#undef FAMILY
	};

	return reg < X86_REG_ENDING && names[reg] ? (uint8_t)(names[reg] - 1) : CALLS_NONE;
}

struct context {
	const struct calls_capstone *cs;
	csh handle;
	const cs_insn *insn;
	const cs_x86_op *op;
	uint8_t n;
	struct calls_ops *out;
};

static void emit(const struct context *c, struct calls_op op)
{
	op.address = c->insn->address;
	calls_op_add(c->out, op);
}

/* Whatever it writes is unknown. */
static void lose(const struct context *c)
{
	cs_regs read, write;
	uint8_t n_read, n_write;
	struct calls_op op = {.kind = OP_LOSE};

	if (c->cs->regs_access(c->handle, c->insn, read, &n_read, write, &n_write) != CS_ERR_OK)
		op.mask = UINT32_MAX;
	for (uint8_t i = 0; !(op.mask == UINT32_MAX) && i < n_write; i++)
		if (number(write[i]) != CALLS_NONE)
			op.mask |= BIT(number(write[i]));
	if (op.mask)
		emit(c, op);
}

static bool is_reg(const struct context *c, unsigned int i)
{
	return i < c->n && c->op[i].type == X86_OP_REG && c->op[i].size >= 4 &&
	       number(c->op[i].reg) != CALLS_NONE;
}

static bool is_imm(const struct context *c, unsigned int i)
{
	return i < c->n && c->op[i].type == X86_OP_IMM;
}

/* Memory at a register plus a constant, or at a constant address. */
static bool is_mem(const struct context *c, unsigned int i, uint8_t *base, int64_t *offset)
{
	const x86_op_mem *m;

	if (i >= c->n || c->op[i].type != X86_OP_MEM)
		return false;
	m = &c->op[i].mem;
	if (m->index != X86_REG_INVALID || m->segment != X86_REG_INVALID)
		return false;
	*offset = m->disp;
	*base = CALLS_NONE;
	if (m->base == X86_REG_RIP)
		*offset += (int64_t)(c->insn->address + c->insn->size);
	else if (m->base != X86_REG_INVALID)
		*base = number(m->base);
	return m->base == X86_REG_RIP || m->base == X86_REG_INVALID || *base != CALLS_NONE;
}

static bool high_byte(unsigned int r)
{
	return r == X86_REG_AH || r == X86_REG_BH || r == X86_REG_CH || r == X86_REG_DH;
}

static uint8_t reg(const struct context *c, unsigned int i)
{
	return number(c->op[i].reg);
}

static void move(const struct context *c)
{
	int64_t offset;
	uint8_t base;

	if (is_reg(c, 0) && is_imm(c, 1))
		emit(c, (struct calls_op){.kind = OP_SET, .dst = reg(c, 0), .value = c->op[1].imm,
			.narrow = c->op[0].size == 4});
	else if (is_reg(c, 0) && is_reg(c, 1))
		emit(c, (struct calls_op){.kind = OP_COPY, .dst = reg(c, 0), .src = reg(c, 1),
			.narrow = c->op[0].size == 4});
	else if (is_reg(c, 0) && is_mem(c, 1, &base, &offset))
		emit(c, (struct calls_op){.kind = OP_LOAD, .dst = reg(c, 0), .src = base,
			.value = offset, .narrow = c->op[0].size == 4});
	else if (is_mem(c, 0, &base, &offset) && base != CALLS_NONE && is_reg(c, 1))
		emit(c, (struct calls_op){.kind = OP_STORE, .dst = base, .src = reg(c, 1),
			.value = offset, .narrow = c->op[1].size == 4});
	else if (is_mem(c, 0, &base, &offset) && base != CALLS_NONE && is_imm(c, 1))
		emit(c, (struct calls_op){.kind = OP_STORE_VALUE, .dst = base, .value = offset,
			.value2 = c->op[1].imm});
	else if (c->n == 2 && c->op[0].type == X86_OP_REG && c->op[0].size == 1 && is_imm(c, 1) &&
		 number(c->op[0].reg) != CALLS_NONE && !high_byte(c->op[0].reg))
		emit(c, (struct calls_op){.kind = OP_SET_LOW, .dst = reg(c, 0),
			.value = c->op[1].imm});
	else
		lose(c);
}

static void address_of(const struct context *c)
{
	int64_t offset;
	uint8_t base;

	if (!is_reg(c, 0) || !is_mem(c, 1, &base, &offset))
		lose(c);
	else if (base == CALLS_NONE)
		emit(c, (struct calls_op){.kind = OP_SET, .dst = reg(c, 0), .value = offset,
			.narrow = c->op[0].size == 4});
	else
		emit(c, (struct calls_op){.kind = OP_ADD, .dst = reg(c, 0), .src = base,
			.value = offset, .narrow = c->op[0].size == 4});
}

/* add and sub of a constant. */
static void add(const struct context *c, int64_t sign)
{
	if (is_reg(c, 0) && is_imm(c, 1))
		emit(c, (struct calls_op){.kind = OP_ADD, .dst = reg(c, 0), .src = reg(c, 0),
			.value = sign * c->op[1].imm, .narrow = c->op[0].size == 4});
	else
		lose(c);
}

/* xor and sub of a register with itself are zero. */
static bool cleared(const struct context *c)
{
	if (!is_reg(c, 0) || !is_reg(c, 1) || reg(c, 0) != reg(c, 1))
		return false;
	emit(c, (struct calls_op){.kind = OP_SET, .dst = reg(c, 0), .value = 0});
	return true;
}

static void push(const struct context *c)
{
	emit(c, (struct calls_op){.kind = OP_ADD, .dst = RSP, .src = RSP, .value = -8});
	if (is_reg(c, 0))
		emit(c, (struct calls_op){.kind = OP_STORE, .dst = RSP, .src = reg(c, 0)});
	else if (is_imm(c, 0))
		emit(c, (struct calls_op){.kind = OP_STORE_VALUE, .dst = RSP, .value2 = c->op[0].imm});
	else
		emit(c, (struct calls_op){.kind = OP_STORE, .dst = RSP, .src = CALLS_NONE});
}

static void pop(const struct context *c)
{
	if (is_reg(c, 0))
		emit(c, (struct calls_op){.kind = OP_LOAD, .dst = reg(c, 0), .src = RSP});
	emit(c, (struct calls_op){.kind = OP_ADD, .dst = RSP, .src = RSP, .value = 8});
}

static void leave(const struct context *c)
{
	emit(c, (struct calls_op){.kind = OP_COPY, .dst = RSP, .src = RBP});
	emit(c, (struct calls_op){.kind = OP_LOAD, .dst = RBP, .src = RSP});
	emit(c, (struct calls_op){.kind = OP_ADD, .dst = RSP, .src = RSP, .value = 8});
}

/* @kind: OP_CALL or OP_JUMP; the kinds for a register and for memory follow it. */
static void go(const struct context *c, uint8_t kind)
{
	int64_t offset;
	uint8_t base;

	if (is_imm(c, 0))
		emit(c, (struct calls_op){.kind = kind, .value = c->op[0].imm});
	else if (is_reg(c, 0))
		emit(c, (struct calls_op){.kind = kind + 1, .src = reg(c, 0)});
	else if (is_mem(c, 0, &base, &offset) && base == CALLS_NONE)
		emit(c, (struct calls_op){.kind = kind + 2, .value = offset});
	else
		emit(c, (struct calls_op){.kind = kind + 1, .src = CALLS_NONE});
}

static void conditional_move(const struct context *c)
{
	if (is_reg(c, 0) && is_reg(c, 1))
		emit(c, (struct calls_op){.kind = OP_MAYBE, .dst = reg(c, 0), .src = reg(c, 1)});
	else
		lose(c);
}

static void instruction(const struct context *c)
{
	unsigned int id = c->insn->id;

	if (id >= X86_INS_CMOVA && id <= X86_INS_CMOVS) {
		conditional_move(c);
		return;
	}
	switch (id) {
	case X86_INS_MOV:
	case X86_INS_MOVABS:
	case X86_INS_MOVSXD: move(c); break;
	case X86_INS_LEA: address_of(c); break;
	case X86_INS_ADD: add(c, 1); break;
	case X86_INS_SUB: cleared(c) ? (void)0 : add(c, -1); break;
	case X86_INS_XOR: cleared(c) ? (void)0 : lose(c); break;
	case X86_INS_PUSH: push(c); break;
	case X86_INS_POP: pop(c); break;
	case X86_INS_LEAVE: leave(c); break;
	case X86_INS_CALL: go(c, OP_CALL); break;
	case X86_INS_JMP: go(c, OP_JUMP); break;
	case X86_INS_SYSCALL:
		emit(c, (struct calls_op){.kind = OP_SYSCALL, .src = RAX,
			.mask = BIT(RAX) | BIT(RCX) | BIT(R11)});
		break;
	case X86_INS_INT:
		if (is_imm(c, 0) && c->op[0].imm == 0x80)
			emit(c, (struct calls_op){.kind = OP_SYSCALL_32, .src = RAX});
		lose(c);
		break;
	case X86_INS_SYSENTER: emit(c, (struct calls_op){.kind = OP_SYSCALL_32, .src = RAX}); break;
	case X86_INS_RET:
	case X86_INS_RETF:
	case X86_INS_IRET:
	case X86_INS_IRETQ:
		emit(c, (struct calls_op){.kind = OP_STOP, .value = CALLS_RETURNS});
		break;
	case X86_INS_HLT:
	case X86_INS_UD2: emit(c, (struct calls_op){.kind = OP_STOP}); break;
	case X86_INS_OR:
		if (is_reg(c, 0) && is_imm(c, 1) && c->op[1].imm == -1)
			emit(c, (struct calls_op){.kind = OP_SET, .dst = reg(c, 0), .value = -1});
		else
			lose(c);
		break;
	default:
		if (c->cs->insn_group(c->handle, c->insn, CS_GRP_JUMP) && is_imm(c, 0))
			emit(c, (struct calls_op){.kind = OP_BRANCH, .value = c->op[0].imm});
		else
			lose(c);
	}
}

static int decode(const uint8_t *code, size_t size, uint64_t address, struct calls_ops *ops)
{
	struct context c = {.out = ops, .cs = calls_capstone()};
	cs_insn *insn;

	if (!c.cs || c.cs->open(CS_ARCH_X86, CS_MODE_64, &c.handle) != CS_ERR_OK)
		return -ENOSYS;
	c.cs->option(c.handle, CS_OPT_DETAIL, CS_OPT_ON);
	insn = c.cs->malloc(c.handle);
	while (insn && size) {
		if (!c.cs->disasm_iter(c.handle, &code, &size, &address, insn)) {
			/* No instruction: data between code. */
			code++;
			size--;
			address++;
			continue;
		}
		c.insn = insn;
		c.op = insn->detail->x86.operands;
		c.n = insn->detail->x86.op_count;
		instruction(&c);
	}
	if (insn)
		c.cs->free(insn, 1);
	c.cs->close(&c.handle);
	return insn ? ops->error : -ENOMEM;
}

const struct calls_machine calls_x86_64 = {
	.machine = EM_X86_64,
	.stack = RSP,
	.return_on_stack = true,
	.lost_by_calls = BIT(RAX) | BIT(RCX) | BIT(RDX) | BIT(RSI) | BIT(RDI) | BIT(R8) | BIT(R9) |
			 BIT(R10) | BIT(R11),
	/* The C convention's six, and those that Go uses before them. */
	.params = BIT(RAX) | BIT(RBX) | BIT(RCX) | BIT(RDX) | BIT(RSI) | BIT(RDI) | BIT(R8) |
		  BIT(R9) | BIT(R10) | BIT(R11),
	.decode = decode,
};
