/* libcapstone, loaded when it is needed: its tables have so many relocations that every other command
 * would start several milliseconds later.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_CALLS_CAPSTONE_H
#define CLI_CALLS_CAPSTONE_H

#include <capstone/capstone.h>

struct calls_capstone {
	__typeof__(cs_open) *open;
	__typeof__(cs_close) *close;
	__typeof__(cs_option) *option;
	__typeof__(cs_malloc) *malloc;
	__typeof__(cs_free) *free;
	__typeof__(cs_disasm_iter) *disasm_iter;
	__typeof__(cs_regs_access) *regs_access;
	__typeof__(cs_insn_group) *insn_group;
};

/* The library of the version that this was compiled for; NULL: it is not installed. */
const struct calls_capstone *calls_capstone(void);

#endif
