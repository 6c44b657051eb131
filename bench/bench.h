/* Side by side: the library of this tree and another libseccomp, in one run.
 *
 * Every figure is printed as one line of JSON with its lowest, middle and highest sample;
 * bench/run.py makes tables of them. Variants take turns, sample by sample, so that what
 * disturbs the machine disturbs all of them.
 * SPDX-License-Identifier: MIT */
#ifndef BENCH_H
#define BENCH_H

#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A libseccomp, opened by path. */
struct lib {
	const char *name; /* "ours", "theirs" */
	const char *path;
	scmp_filter_ctx (*init)(uint32_t);
	void (*release)(scmp_filter_ctx);
	int (*arch_add)(scmp_filter_ctx, uint32_t);
	int (*attr_set)(scmp_filter_ctx, enum scmp_filter_attr, uint32_t);
	int (*rule_add)(scmp_filter_ctx, uint32_t, int, unsigned int,
		const struct scmp_arg_cmp *);
	int (*load)(scmp_filter_ctx);
	int (*export_bpf)(scmp_filter_ctx, int);
	int (*export_bpf_mem)(scmp_filter_ctx, void *, size_t *); /* NULL before 2.6 */
	int (*resolve_name)(uint32_t, const char *);
	char *(*resolve_num)(uint32_t, int);
	int (*notify_alloc)(struct seccomp_notif **, struct seccomp_notif_resp **);
	int (*notify_receive)(int, struct seccomp_notif *);
	int (*notify_respond)(int, struct seccomp_notif_resp *);
	const struct scmp_version *(*version)(void);
};

/* Opens @path or exits. */
void lib_open(struct lib *lib, const char *name, const char *path);

struct rule {
	uint32_t action;
	int nr; /* on the native architecture */
	char name[32];
	unsigned int n;
	struct scmp_arg_cmp args[6];
};

/* A call of the running kernel whose verdict is known, for timing. */
struct probe {
	char class[16]; /* "allowed", "argument", "denied" */
	int nr;
	unsigned long arg;
};

/* A policy file (bench/policies/, bench/policy.py). */
struct policy {
	char name[64];
	uint32_t otherwise;
	uint32_t arches[8];
	unsigned int n_arches;
	struct rule *rules;
	unsigned int n_rules;
	struct probe probes[4];
	unsigned int n_probes;
};

/* Reads @path or exits. A name is taken when @lib and @other (may be NULL) know it. */
void policy_read(struct policy *policy, const char *path, const struct lib *lib,
	const struct lib *other);
/* The policy as a context of @lib; exits when a rule is refused. */
scmp_filter_ctx policy_build(
	const struct policy *policy, const struct lib *lib, unsigned int optimize);

/* What takes turns. */
struct variant {
	const struct lib *lib;
	unsigned int optimize;
};

/* The program, in static memory up to the next call; its length in instructions, 0 when
 * the library refuses. */
struct sock_filter *program_of(const struct lib *lib, scmp_filter_ctx ctx, uint32_t *len);

double now_us(void);

/* Samples of one figure. */
struct samples {
	double *at;
	unsigned int n, cap;
};

void samples_add(struct samples *samples, double value);
/* Prints {@head, "unit": @unit, "n":, "min":, "median":, "max":}; clears @samples. @head
 * is the beginning of an object, without braces. */
void samples_print(struct samples *samples, const char *unit, const char *head, ...)
	__attribute__((format(printf, 3, 4)));

__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);
/* This process and its children on one CPU. */
void pin(void);

/* The parts: each prints its lines. @lib: ours, theirs. */
#define LIBS	 2
#define VARIANTS 4
/* Returns how many take part: with only_ours those of the first library. */
unsigned int variants_of(const struct lib lib[LIBS], struct variant out[VARIANTS]);
extern bool only_ours;

void bench_counts(const struct lib lib[LIBS], const char *policy, const char *mix);
/* Stops a library that takes longer than @limit_us for one program. */
void bench_compile(const struct lib lib[LIBS], const char *policy, double budget_us,
	double limit_us);
void bench_growth(const struct lib lib[LIBS], double limit_us);
void bench_attach(const struct lib lib[LIBS], const char *policy, unsigned int rounds);
/* One sample of it, in a process that bench_attach() started: WHAT LIB OPTIMIZE POLICY RESULT PROGRAM. */
void bench_attach_once(const struct lib lib[LIBS], char **args);
void bench_calls(const struct lib lib[LIBS], const char *policy, unsigned int rounds);
void bench_resolve(const struct lib lib[LIBS], unsigned int rounds);
void bench_roundtrip(const struct lib lib[LIBS], unsigned int rounds);
/* names.c: all that a program does that has names. */
void from_names(const struct policy *policy, const struct lib *lib, uint32_t *len);
/* names.c, said.c, for the main() of once.c: the length of the program that was made. */
size_t once(const struct policy *policy, const struct lib *lib);
void bench_startup(const char *program, char *dirs[LIBS], unsigned int rounds);

/* counts.c: how many instructions the program executes. */
struct counts {
	uint32_t cbpf, ebpf;
	uint64_t listed, executed; /* numbers of the native architecture, sum over them */
	uint64_t calls, mixed;	   /* the mix: calls, executed */
	uint32_t worst;
};
/* @mix: a file of "NAME COUNT" lines, or NULL. */
void counts_of(const struct policy *policy, const struct lib *lib,
	const struct sock_filter *insns, uint32_t len, const char *mix,
	struct counts *out);

#endif
