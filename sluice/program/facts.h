/* What is known before an instruction runs, whatever way led there.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_PROGRAM_FACTS_H
#define SLUICE_PROGRAM_FACTS_H

#include "bpf/bpf.h"

#define SC_NO_WORD 16u

struct sc_fact {
	bool reached;
	bool has_arch, has_nr;
	uint8_t word; /* of struct seccomp_data that A holds, masked or not; SC_NO_WORD */
	uint32_t arch, nr;
};

/* One a instruction of @prog. 0 or -ENOMEM; the caller frees *@out. */
int sc_facts(const struct sc_prog *prog, struct sc_fact **out);

/* What the number in @insn means where @fact holds, without "# "; nothing where that is
 * not known. */
void sc_fact_comment(const struct sc_fact *fact, const struct sock_filter *insn,
	bool big_endian, FILE *out);

#endif
