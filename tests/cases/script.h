/* A case: API calls with what they must return, and rows of (arch, number, arguments) with
 * the action that the filter must take. The same form drives the case files, the random
 * policies and the replay against libseccomp.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_CASES_SCRIPT_H
#define TESTS_CASES_SCRIPT_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "oracle.h"

#define MISSING     INT_MIN       /* the library (or the judge) cannot do this op */
#define NOT_REACHED (INT_MIN + 1) /* the child died or hung before it */
#define REFUSED     (INT_MIN + 2) /* expected: any error */
#define ANY_RESULT  (INT_MIN + 3) /* expected: whatever, but it returns */
#define N_CONTEXTS  4
#define NO_CONTEXT  N_CONTEXTS /* NULL */

enum op_kind {
	OP_INIT, /* action; value = did it give a context */
	OP_RELEASE,
	OP_RESET,	/* action */
	OP_ARCH_ADD,	/* token */
	OP_ARCH_REMOVE, /* token */
	OP_ARCH_EXIST,	/* token */
	OP_RULE,	/* action, name or nr, cmps; repeat and step */
	OP_RULE_EXACT,
	OP_ATTR_SET, /* attr, arg */
	OP_ATTR_GET, /* attr; value */
	OP_PRIORITY, /* name or nr, arg */
	OP_MERGE,    /* other */
	OP_BEGIN,
	OP_COMMIT,
	OP_REJECT,
	OP_PRECOMPUTE,
	OP_EXPORT,     /* to a descriptor */
	OP_EXPORT_BAD, /* to a descriptor that is none */
	OP_PFC,
	OP_MEM_SIZE,  /* export_bpf_mem to NULL: the size is that of export */
	OP_MEM_SHORT, /* one byte too small: -ERANGE and the size */
	OP_MEM_EXACT, /* the right size: the same bytes as export */
	OP_MAX_LEN,   /* arg: at most so many instructions */
	OP_ROW,	      /* token, name or nr, args; value = the action */
	N_OPS,
};

struct op {
	enum op_kind kind;
	unsigned int line;
	uint8_t ctx, other;
	uint8_t n_cmps;
	bool step_nr; /* of repeated rules: count up from the given number */
	uint8_t step_cmps; /* the same for the datum of these comparisons, as bits */
	bool check_value;
	enum { SAME, DIFFERS, DIFFERS_25, DIFFERS_260 } differs; /* libseccomp says something else;
	                                                          * 2.5 alone; 2.5 and 2.6.0 */
	uint32_t repeat;
	uint32_t action, token, attr, arg;
	int nr;
	char name[32]; /* of the system call; empty: nr */
	struct oracle_cmp cmps[8];
	uint64_t args[6];
	int expect;	 /* the return code */
	uint32_t expect_value; /* context given, attribute, action */
};

struct scenario {
	char name[80];
	char differs[32]; /* the class of a known difference, or empty */
	bool may_differ;  /* of a generated set: which lines differ is not marked */
	bool no_oracle;	  /* too much for the naive evaluator, or outside of its model */
	bool ours_only;	  /* libseccomp would take too long, or needs what it lacks */
	bool unproved;	  /* too much for the prover's default bounds: no self-check */
	unsigned int line;
	unsigned int n_ops, room;
	struct op *ops;
};

struct case_file {
	const char *path;
	unsigned int n;
	struct scenario *scenarios;
};

struct op *script_append(struct scenario *s);
void script_free(struct scenario *s);

/* Reads @path. On an error prints "path:line: what" on stderr and returns -1. */
int case_read(const char *path, struct case_file *out);
void case_free(struct case_file *file);

/* Writes @s as a case file would have it. */
void case_write(const struct scenario *s, FILE *out);
void case_write_op(const struct op *op, FILE *out);
const char *action_name(uint32_t action, char buf[32]);
const char *rc_name(int rc, char buf[32]);
const char *arch_name(uint32_t token, char buf[32]);

#endif
