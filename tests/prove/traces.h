/* Random policies as call traces that any libseccomp can replay, and what they mean once
 * lowered, evaluated naively.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_PROVE_TRACES_H
#define TESTS_PROVE_TRACES_H

#include <seccomp.h>

#include "lower/lower.h"
#include "randprog.h"

struct scmp_api {
	scmp_filter_ctx (*init)(uint32_t);
	void (*release)(scmp_filter_ctx);
	int (*arch_add)(scmp_filter_ctx, uint32_t);
	int (*arch_remove)(scmp_filter_ctx, uint32_t);
	int (*attr_set)(scmp_filter_ctx, enum scmp_filter_attr, uint32_t);
	int (*rule_add_array)(scmp_filter_ctx, uint32_t, int, unsigned int,
		const struct scmp_arg_cmp *);
	int (*export_bpf)(const scmp_filter_ctx, int);
};

/* Ours, linked in; or another library's through dlopen(3): 0 or -1. */
extern const struct scmp_api api_ours;
int api_load(const char *path, struct scmp_api *out);

#define TRACE_RULES 48

struct trace_rule {
	uint32_t action;
	int nr;
	unsigned int n_args;
	struct scmp_arg_cmp args[6];
};

struct trace {
	uint32_t default_action, badarch, optimize;
	uint32_t archs[3];
	unsigned int n_archs, n_rules;
	struct trace_rule rules[TRACE_RULES];
};

/* What a trace may hold. SIMPLE is what every libseccomp compiles right: at most one
 * rule a call, EQ and MASKED_EQ only, calls that every architecture has. */
enum trace_kind {
	TRACE_SIMPLE,
	TRACE_ANY
};
void rand_trace(struct rng *r, enum trace_kind kind, struct trace *out);

/* The context that the trace makes; rules that are refused do not count. NULL: no
 * memory. */
scmp_filter_ctx trace_replay(const struct trace *trace, const struct scmp_api *api);

/* The program that @api exports, in host byte order; the caller frees insns. 0 or -1. */
int trace_program(const struct scmp_api *api, scmp_filter_ctx ctx, bool big_endian,
	struct sc_prog *out);

/* The lowered policy of a context of ours, which it outlives. */
int trace_lowered(scmp_filter_ctx ctx, struct sc_lowered *out);

/* lower.h, read aloud. */
uint32_t lowered_eval(const struct sc_lowered *low, const struct seccomp_data *data);

/* A call near the boundaries of @low. */
void rand_lowered_data(
	struct rng *r, const struct sc_lowered *low, struct seccomp_data *data);

#endif
