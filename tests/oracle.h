/* The naive evaluator: what a rule set means, and what each call returns.
 *
 * Written from the specification alone and as plainly as possible; it shares no code with
 * src/. It judges what our compiler and libseccomp emit. Multiplexed calls, foreign numbers
 * and byte order are its business; attributes that change no verdict are not.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_ORACLE_H
#define TESTS_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#define ORACLE_ARCHES 23

struct oracle_arch {
	const char *name;
	uint32_t token;
	bool wide; /* 64-bit arguments */
	bool big_endian;
};

extern const struct oracle_arch oracle_arches[ORACLE_ARCHES];
int oracle_arch_index(uint32_t token); /* -1 when unknown */
const struct oracle_arch *oracle_native(void); /* what this is compiled for */
uint32_t oracle_audit(uint32_t token); /* what the kernel says: x32's is x86_64's */

/* What the judge knows of one system call. */
struct oracle_name {
	char name[32];
	int nr[ORACLE_ARCHES];     /* what resolve_name_arch says: negative where absent */
	int direct[ORACLE_ARCHES]; /* a multiplexed call's own number, -1 without one */
};

extern struct oracle_name *oracle_names;
extern unsigned int oracle_n_names;
void oracle_learn(const struct oracle_name *name);
int oracle_mux_code(int pseudo); /* of socketcall or ipc; -1: not such a call */

struct oracle_cmp {
	unsigned int arg;
	int op;
	uint64_t a, b;
};

struct oracle;

/* NULL for an invalid default action. */
struct oracle *oracle_new(uint32_t otherwise);
void oracle_free(struct oracle *o);
int oracle_reset(struct oracle *o, uint32_t otherwise);
int oracle_arch_add(struct oracle *o, uint32_t token);
int oracle_arch_remove(struct oracle *o, uint32_t token);
int oracle_arch_exist(const struct oracle *o, uint32_t token);
int oracle_rule_add(struct oracle *o, uint32_t action, int nr, bool exact, unsigned int n,
	const struct oracle_cmp *cmps);
int oracle_attr_set(struct oracle *o, uint32_t attr, uint32_t value);
int oracle_priority(const struct oracle *o, int nr);
int oracle_merge(struct oracle *dst, struct oracle *src); /* frees src on success */
int oracle_begin(struct oracle *o);
void oracle_reject(struct oracle *o);
int oracle_commit(struct oracle *o);
bool oracle_has_arches(const struct oracle *o);

uint32_t oracle_verdict(const struct oracle *o, uint32_t audit, uint32_t nr,
	const uint64_t args[6]);

#endif
