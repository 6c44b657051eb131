/* aarch64 instructions as operations.
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include "calls/capstone.h"
#include "calls/ops.h"

enum { X8 = 8, SP = 31, ZERO = 32 };

#define BIT(r) (UINT32_C(1) << (r))

/* 0 to 30, SP, ZERO (reads as 0), or CALLS_NONE. */
static uint8_t number(unsigned int reg)
{
	if (reg >= ARM64_REG_X0 && reg <= ARM64_REG_X28)
		return (uint8_t)(reg - ARM64_REG_X0);
	if (reg >= ARM64_REG_W0 && reg <= ARM64_REG_W30)
		return (uint8_t)(reg - ARM64_REG_W0);
	switch (reg) {
	case ARM64_REG_X29: return 29;
	case ARM64_REG_X30: return 30;
	case ARM64_REG_SP:
	case ARM64_REG_WSP: return SP;
	case ARM64_REG_XZR:
	case ARM64_REG_WZR: return ZERO;
	default: return CALLS_NONE;
	}
}

static bool narrow(unsigned int reg)
{
	return reg >= ARM64_REG_W0 && reg <= ARM64_REG_W30;
}

struct context {
	const struct calls_capstone *cs;
	csh handle;
	const cs_insn *insn;
	const cs_arm64 *detail;
	const cs_arm64_op *op;
	uint8_t n;
	struct calls_ops *out;
};

static void emit(const struct context *c, struct calls_op op)
{
	op.address = c->insn->address;
	calls_op_add(c->out, op);
}

static void lose(const struct context *c)
{
	struct calls_op op = {.kind = OP_LOSE};
	cs_regs read, write;
	uint8_t n_read, n_write;

	if (c->cs->regs_access(c->handle, c->insn, read, &n_read, write, &n_write) != CS_ERR_OK)
		op.mask = UINT32_MAX;
	for (uint8_t i = 0; op.mask != UINT32_MAX && i < n_write; i++)
		if (number(write[i]) <= SP)
			op.mask |= BIT(number(write[i]));
	if (op.mask)
		emit(c, op);
}

static bool is_reg(const struct context *c, unsigned int i)
{
	return i < c->n && c->op[i].type == ARM64_OP_REG &&
	       c->op[i].shift.type == ARM64_SFT_INVALID && c->op[i].ext == ARM64_EXT_INVALID &&
	       number(c->op[i].reg) != CALLS_NONE;
}

static bool is_imm(const struct context *c, unsigned int i)
{
	return i < c->n && c->op[i].type == ARM64_OP_IMM;
}

static bool is_mem(const struct context *c, unsigned int i)
{
	return i < c->n && c->op[i].type == ARM64_OP_MEM &&
	       c->op[i].mem.index == ARM64_REG_INVALID && number(c->op[i].mem.base) <= SP;
}

static uint8_t reg(const struct context *c, unsigned int i)
{
	return number(c->op[i].reg);
}

static int64_t shifted(const cs_arm64_op *op)
{
	return op->shift.type == ARM64_SFT_LSL ? (int64_t)((uint64_t)op->imm << op->shift.value)
					       : op->imm;
}

static void copy(const struct context *c, uint8_t dst, unsigned int from, uint8_t kind)
{
	if (reg(c, from) == ZERO)
		emit(c, (struct calls_op){.kind = OP_SET, .dst = dst});
	else
		emit(c, (struct calls_op){.kind = kind, .dst = dst, .src = reg(c, from),
			.narrow = narrow(c->op[from].reg)});
}

static void move(const struct context *c)
{
	if (is_reg(c, 0) && reg(c, 0) <= SP && is_imm(c, 1))
		emit(c, (struct calls_op){.kind = OP_SET, .dst = reg(c, 0),
			.value = shifted(&c->op[1]), .narrow = narrow(c->op[0].reg)});
	else if (is_reg(c, 0) && reg(c, 0) <= SP && is_reg(c, 1))
		copy(c, reg(c, 0), 1, OP_COPY);
	else
		lose(c);
}

static void add(const struct context *c, int64_t sign)
{
	if (is_reg(c, 0) && reg(c, 0) <= SP && is_reg(c, 1) && reg(c, 1) <= SP && is_imm(c, 2))
		emit(c, (struct calls_op){.kind = OP_ADD, .dst = reg(c, 0), .src = reg(c, 1),
			.value = sign * shifted(&c->op[2]), .narrow = narrow(c->op[0].reg)});
	else
		lose(c);
}

static void choose(const struct context *c)
{
	if (!is_reg(c, 0) || !is_reg(c, 1) || !is_reg(c, 2) || reg(c, 0) > SP ||
		reg(c, 1) == ZERO || reg(c, 2) == ZERO) {
		lose(c);
	} else if (reg(c, 0) == reg(c, 2)) {
		copy(c, reg(c, 0), 1, OP_MAYBE);
	} else {
		copy(c, reg(c, 0), 1, OP_COPY);
		copy(c, reg(c, 0), 2, OP_MAYBE);
	}
}

static unsigned int width(const struct context *c)
{
	return narrow(c->op[0].reg) || c->op[0].reg == ARM64_REG_WZR ? 4 : 8;
}

static void load_one(const struct context *c, unsigned int i, uint8_t base, int64_t at)
{
	if (reg(c, i) > SP)
		return;
	emit(c, (struct calls_op){.kind = OP_LOAD, .dst = reg(c, i), .src = base, .value = at,
		.narrow = narrow(c->op[i].reg)});
}

static void store_one(const struct context *c, unsigned int i, uint8_t base, int64_t at)
{
	if (reg(c, i) == ZERO)
		emit(c, (struct calls_op){.kind = OP_STORE_VALUE, .dst = base, .value = at});
	else
		emit(c, (struct calls_op){.kind = OP_STORE, .dst = base, .src = reg(c, i),
			.value = at});
}

/* ldr, str, ldp, stp: @n registers, then memory, then perhaps what is added to the base after. */
static void memory(const struct context *c, unsigned int n, bool load)
{
	int64_t at, before = 0, after = 0;
	uint8_t base;

	for (unsigned int i = 0; i < n; i++)
		if (!is_reg(c, i)) {
			lose(c);
			return;
		}
	if (!is_mem(c, n)) {
		lose(c);
		return;
	}
	base = number(c->op[n].mem.base);
	at = c->op[n].mem.disp;
	if (is_imm(c, n + 1))
		after = c->op[n + 1].imm;
	else if (c->detail->writeback)
		before = at;
	if (before) {
		emit(c, (struct calls_op){.kind = OP_ADD, .dst = base, .src = base, .value = before});
		at = 0;
	}
	/* A pair may load its own base last. */
	for (unsigned int k = 0; k < n; k++) {
		unsigned int i = n == 2 && reg(c, 0) == base ? 1 - k : k;
		int64_t word = at + (int64_t)(i * width(c));

		load ? load_one(c, i, base, word) : store_one(c, i, base, word);
	}
	if (after)
		emit(c, (struct calls_op){.kind = OP_ADD, .dst = base, .src = base, .value = after});
}

static void branch(const struct context *c)
{
	bool always = c->insn->id == ARM64_INS_B &&
		      (c->detail->cc == ARM64_CC_INVALID || c->detail->cc == ARM64_CC_AL ||
			      c->detail->cc == ARM64_CC_NV);

	if (c->n && is_imm(c, c->n - 1u))
		emit(c, (struct calls_op){.kind = always ? OP_JUMP : OP_BRANCH,
			.value = c->op[c->n - 1].imm});
}

static void instruction(const struct context *c)
{
	switch (c->insn->id) {
	case ARM64_INS_MOV:
	case ARM64_INS_MOVZ:
	case ARM64_INS_ADR:
	case ARM64_INS_ADRP: move(c); break;
	case ARM64_INS_ADD: add(c, 1); break;
	case ARM64_INS_SUB: add(c, -1); break;
	case ARM64_INS_CSEL: choose(c); break;
	case ARM64_INS_LDR:
	case ARM64_INS_LDUR: memory(c, 1, true); break;
	case ARM64_INS_LDP: memory(c, 2, true); break;
	case ARM64_INS_STR:
	case ARM64_INS_STUR: memory(c, 1, false); break;
	case ARM64_INS_STP: memory(c, 2, false); break;
	case ARM64_INS_BL: emit(c, (struct calls_op){.kind = OP_CALL, .value = c->op[0].imm}); break;
	case ARM64_INS_BLR:
		emit(c, (struct calls_op){.kind = OP_CALL_REG, .src = reg(c, 0)});
		break;
	case ARM64_INS_BR: emit(c, (struct calls_op){.kind = OP_JUMP_REG, .src = reg(c, 0)}); break;
	case ARM64_INS_B:
	case ARM64_INS_CBZ:
	case ARM64_INS_CBNZ:
	case ARM64_INS_TBZ:
	case ARM64_INS_TBNZ: branch(c); break;
	case ARM64_INS_SVC:
		emit(c, (struct calls_op){.kind = OP_SYSCALL, .src = X8, .mask = BIT(0)});
		break;
	case ARM64_INS_RET:
		emit(c, (struct calls_op){.kind = OP_STOP, .value = CALLS_RETURNS});
		break;
	case ARM64_INS_BRK:
	case ARM64_INS_HLT: emit(c, (struct calls_op){.kind = OP_STOP}); break;
	default: lose(c);
	}
}

static int decode(const uint8_t *code, size_t size, uint64_t address, struct calls_ops *ops)
{
	struct context c = {.out = ops, .cs = calls_capstone()};
	cs_insn *insn;

	if (!c.cs || c.cs->open(CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, &c.handle) != CS_ERR_OK)
		return -ENOSYS;
	c.cs->option(c.handle, CS_OPT_DETAIL, CS_OPT_ON);
	insn = c.cs->malloc(c.handle);
	while (insn && size >= 4) {
		if (!c.cs->disasm_iter(c.handle, &code, &size, &address, insn)) {
			/* Data between code, or an instruction that the decoder does not know. */
			calls_op_add(ops, (struct calls_op){.kind = OP_LOSE, .mask = BIT(X8),
				.address = address});
			code += 4;
			size -= 4;
			address += 4;
			continue;
		}
		c.insn = insn;
		c.detail = &insn->detail->arm64;
		c.op = c.detail->operands;
		c.n = c.detail->op_count;
		instruction(&c);
	}
	if (insn)
		c.cs->free(insn, 1);
	c.cs->close(&c.handle);
	return insn ? ops->error : -ENOMEM;
}

const struct calls_machine calls_aarch64 = {
	.machine = EM_AARCH64,
	.stack = SP,
	.return_on_stack = false,
	.lost_by_calls = 0x4007ffff, /* x0 to x18, x30 */
	.params = 0x0000ffff,
	.decode = decode,
};
