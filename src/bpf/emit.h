/* From a decision graph to a program.
 * SPDX-License-Identifier: MIT */
#ifndef SC_BPF_EMIT_H
#define SC_BPF_EMIT_H

#include "bpf/bpf.h"
#include "dag/dag.h"

/* Lays @dag out from @root. 0; -E2BIG: over 4096 instructions; -ENOMEM. The caller frees
 * out->insns with free(3). */
int sc_emit(const struct sc_dag *dag, uint32_t root, bool big_endian, struct sc_prog *out);

#endif
