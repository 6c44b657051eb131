/* A libseccomp, ours or another, by its public functions.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_CASES_LIB_H
#define TESTS_CASES_LIB_H

#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lib {
	const char *path;
	void *handle;
	const struct scmp_version *(*version)(void);
	scmp_filter_ctx (*init)(uint32_t);
	void (*release)(scmp_filter_ctx);
	int (*reset)(scmp_filter_ctx, uint32_t);
	int (*arch_add)(scmp_filter_ctx, uint32_t);
	int (*arch_remove)(scmp_filter_ctx, uint32_t);
	int (*arch_exist)(scmp_filter_ctx, uint32_t);
	int (*rule_add)(scmp_filter_ctx, uint32_t, int, unsigned int,
		const struct scmp_arg_cmp *);
	int (*rule_exact)(scmp_filter_ctx, uint32_t, int, unsigned int,
		const struct scmp_arg_cmp *);
	int (*attr_set)(scmp_filter_ctx, enum scmp_filter_attr, uint32_t);
	int (*attr_get)(scmp_filter_ctx, enum scmp_filter_attr, uint32_t *);
	int (*priority)(scmp_filter_ctx, int, uint8_t);
	int (*merge)(scmp_filter_ctx, scmp_filter_ctx);
	int (*export_bpf)(scmp_filter_ctx, int);
	int (*export_pfc)(scmp_filter_ctx, int);
	int (*load)(scmp_filter_ctx);
	int (*resolve_name)(const char *);
	int (*resolve_name_arch)(uint32_t, const char *);
	char *(*resolve_num_arch)(uint32_t, int);
	/* since 2.6: NULL where the library is older */
	int (*export_mem)(scmp_filter_ctx, void *, size_t *);
	int (*begin)(scmp_filter_ctx);
	void (*reject)(scmp_filter_ctx);
	int (*commit)(scmp_filter_ctx);
	int (*precompute)(scmp_filter_ctx);
};

/* Prints why and returns false when @path is no libseccomp. */
bool lib_open(struct lib *lib, const char *path);

struct program {
	struct sock_filter *insns;
	uint32_t len;
};

/* The filter as export_bpf writes it, as is. Returns its return code. The caller frees. */
int lib_export(const struct lib *lib, scmp_filter_ctx ctx, struct program *out);

/* Does a filter of that byte order have to be turned around to be read here? */
static inline bool is_foreign_order(bool big_endian)
{
	return big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

/* The harness' own interpreter, on what lib_export gave: the program and the data are in
 * the byte order asked for. False: not a program that the kernel would run. */
bool program_run(const struct program *prog, bool big_endian, uint32_t audit, uint32_t nr,
	const uint64_t args[6], uint32_t *verdict);

#endif
