/* What an instruction does to registers and to the stack, whatever the processor.
 *
 * Only what constants can travel through is told apart; every other instruction loses the
 * registers that it writes.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_CALLS_OPS_H
#define CLI_CALLS_OPS_H

#include "calls/elf.h"

#define CALLS_REGISTERS 32
#define CALLS_NONE	0xff /* no register */
#define CALLS_RETURNS	1

enum calls_op_kind {
	OP_SET,		/* dst = value */
	OP_SET_LOW,	/* the low byte of dst = value */
	OP_COPY,	/* dst = src */
	OP_MAYBE,	/* dst = src, or stays */
	OP_ADD,		/* dst = src + value */
	OP_LOAD,	/* dst = the word at src + value; without src: at the address value */
	OP_STORE,	/* the word at dst + value = src */
	OP_STORE_VALUE, /* the word at dst + value = value2 */
	OP_LOSE,	/* the registers in mask have unknown values */
	OP_CALL,	/* the function at value */
	OP_CALL_REG,	/* the function that src points to */
	OP_CALL_MEM,	/* the function that the word at address value points to */
	OP_JUMP,	/* to value */
	OP_JUMP_REG,
	OP_JUMP_MEM,
	OP_BRANCH,	/* perhaps to value */
	OP_STOP,	/* does not go on; value CALLS_RETURNS: returns to the caller */
	OP_SYSCALL,	/* the kernel, with its number in src; writes those in mask */
	OP_SYSCALL_32,	/* the kernel's 32-bit interface */
};

struct calls_op {
	uint8_t kind, dst, src;
	bool narrow; /* writes 32 bits and clears the others */
	uint32_t mask;
	int64_t value, value2;
	uint64_t address; /* of the instruction */
};

struct calls_ops {
	struct calls_op *items;
	uint32_t n, cap;
	int error; /* -ENOMEM, sticky */
};

/* The conventions of a processor. */
struct calls_machine {
	uint16_t machine;
	uint8_t stack;		  /* the register of the stack pointer */
	bool return_on_stack;	  /* a call pushes where to return to */
	uint32_t lost_by_calls;	  /* registers that a called function may change */
	uint32_t params;	  /* registers that may carry a parameter, in any language's convention */
	/* Decode @size bytes at @address into @ops. 0; -ENOMEM; -ENOSYS: no decoder. */
	int (*decode)(const uint8_t *code, size_t size, uint64_t address, struct calls_ops *ops);
};

extern const struct calls_machine calls_x86_64, calls_aarch64;

/* Append; sticky error. */
void calls_op_add(struct calls_ops *ops, struct calls_op op);

#endif
