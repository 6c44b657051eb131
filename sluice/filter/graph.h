/* Programs as functions of the input, and functions as programs.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_FILTER_GRAPH_H
#define SLUICE_FILTER_GRAPH_H

#include "bpf/bpf.h"
#include "bpf/prove_bdd.h"

#pragma GCC visibility push(hidden)

/* Diagrams for programs of this machine. 0 or -ENOMEM; b is cleared with sc_bdd_clear(). */
int sc_graph_begin(struct sc_bdd *b);

/* What @prog computes. 0; -EINVAL: the kernel would refuse it; -EOPNOTSUPP, -E2BIG, -ENOMEM. */
int sc_graph_function(struct sc_bdd *b, const struct sock_fprog *prog, uint32_t *out);

/* A program that computes @f. 0; -E2BIG: over 4096 instructions; -ENOMEM; -ENOTRECOVERABLE: it could not be
 * proved to. The caller frees out->insns. */
int sc_graph_program(struct sc_bdd *b, uint32_t f, struct sc_prog *out);

/* Of each pair of values of two functions one, by @choose. 0, -E2BIG or -ENOMEM. */
typedef uint32_t (*sc_graph_choose)(uint32_t a, uint32_t b);
int sc_graph_combine(struct sc_bdd *b, uint32_t f, uint32_t g, sc_graph_choose choose, uint32_t *out);

/* The verdict that permits more, or less, in the kernel's order; @a's where their actions are the same. */
uint32_t sc_graph_more(uint32_t a, uint32_t b);
uint32_t sc_graph_less(uint32_t a, uint32_t b);

#pragma GCC visibility pop

#endif
