/* libsluice-profile: seccomp profiles of containers, read with places, written, compiled,
 * merged and checked.
 * SPDX-License-Identifier: MIT
 *
 * A profile is the seccomp object of the OCI runtime specification, the superset of
 * Docker and Podman (archMap, includes, excludes, comment, errno), a whole config.json,
 * or the custom resource SeccompProfile of the security profiles operator (JSON; YAML
 * where the library was built with libyaml). An object is used by one thread at a time.
 * Functions return 0 (or what they say) on success and -errno on failure, and write their
 * outputs only on success. */
#ifndef SLUICE_PROFILE_H
#define SLUICE_PROFILE_H

#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sluice_profile;
struct sluice_filter; /* sluice-filter.h */

/* ---- findings ---------------------------------------------------------------------- */

enum sluice_severity {
	SLUICE_NOTE = 1,
	SLUICE_WARNING = 2,
	SLUICE_ERROR = 3, /* of reading: the profile is refused */
};

/* One thing that was found in a profile. All text belongs to the library and is valid
 * while the callback runs; what does not apply is "" (never NULL). */
struct sluice_finding {
	enum sluice_severity severity;
	const char *rule;      /* a word that stays: "unknown-name" */
	const char *file;      /* as it was named, or "" */
	unsigned line, column; /* from 1; columns in characters; 0: not known */
	const char *path;      /* syscalls[3].args[0].value */
	const char *message;   /* what was found, and expected */
	const char *why;       /* what that means */
	const char *fix;       /* what to write instead */
};

/* Called for each finding, in the order of lines where that is possible. */
typedef void (*sluice_report)(const struct sluice_finding *finding, void *data);

/* ---- reading and writing ------------------------------------------------------------
 */

enum sluice_profile_form {
	SLUICE_FORM_ANY = 0, /* reading: found out; writing: as it was read */
	SLUICE_FORM_OCI = 1,
	SLUICE_FORM_DOCKER = 2, /* and Podman's */
	SLUICE_FORM_CONFIG = 3, /* a whole config.json; everything else in it is kept */
	SLUICE_FORM_SPO = 4,	/* SeccompProfile; written as YAML */
	SLUICE_FORM_SPO_JSON = 5,
};

/* How to read. Start from SLUICE_PROFILE_OPTIONS_INIT. */
struct sluice_profile_options {
	size_t size;	  /* sizeof(struct sluice_profile_options), for later fields */
	const char *file; /* a name for findings, or NULL */
	bool strict; /* unknown, empty and doubled names and unknown keys are errors */
	sluice_report report; /* or NULL: errors, and warnings */
	void *data;	      /* of @report */
};
#define SLUICE_PROFILE_OPTIONS_INIT                                                      \
	{                                                                                \
		sizeof(struct sluice_profile_options), NULL, false, NULL, NULL           \
	}

/* Read @size bytes of @text, JSON or YAML. The caller frees *@profile with
 * sluice_profile_free(). -EINVAL: it is no profile, @options->report has heard why and
 * where; -E2BIG: beyond 16 MiB, 64 levels or 2^20 values; -EOPNOTSUPP: YAML, and the
 * library was built without it; -ENOMEM. @options may be NULL. */
int sluice_profile_read(const char *text, size_t size,
	const struct sluice_profile_options *options, struct sluice_profile **profile);

/* The same from the descriptor @fd, up to its end; also the -errno of read(2). */
int sluice_profile_read_fd(int fd, const struct sluice_profile_options *options,
	struct sluice_profile **profile);

/* A profile without a call: @default_action is SCMP_ACT_*. The caller frees it. -EINVAL.
 */
int sluice_profile_new(uint32_t default_action, struct sluice_profile **profile);

void sluice_profile_free(struct sluice_profile *profile);

/* How it was read; SLUICE_FORM_OCI of one that was not. */
enum sluice_profile_form sluice_profile_form(const struct sluice_profile *profile);

/* Write the profile: fields in one order, entries and names in theirs, comments kept (in
 * YAML as comments). The caller frees *@text with free(3); it ends with a line feed and,
 * past *@size, a NUL. -EINVAL: OCI and SPO cannot say what the profile says (conditions
 * on capabilities, kernels or architectures: see sluice_profile_resolve()), or
 * SLUICE_FORM_CONFIG of one that was none; -ENOMEM. */
int sluice_profile_write(const struct sluice_profile *profile,
	enum sluice_profile_form form, char **text, size_t *size);

/* ---- what is in it ------------------------------------------------------------------
 */

struct sluice_profile_entry {
	size_t size;		  /* set it to sizeof(struct sluice_profile_entry) */
	unsigned line, column;	  /* 0: it was not read from a text */
	uint32_t action;	  /* SCMP_ACT_*, with its errno */
	const char *const *names; /* the profile's own */
	unsigned n_names;
	unsigned n_args;
	const char *comment; /* or NULL */
	bool conditional;    /* it has includes or excludes */
};

/* The @index-th entry, from 0. -ENOENT behind the last. */
int sluice_profile_entry(const struct sluice_profile *profile, unsigned index,
	struct sluice_profile_entry *entry);

/* Comparison @arg of an entry. -ENOENT. */
int sluice_profile_arg(const struct sluice_profile *profile, unsigned index, unsigned arg,
	struct scmp_arg_cmp *comparison);

/* SCMP_ACT_*, with the errno. */
uint32_t sluice_profile_default(const struct sluice_profile *profile);

/* Where listenerPath and listenerMetadata say; NULL where they do not. */
const char *sluice_profile_listener(
	const struct sluice_profile *profile, const char **metadata);

/* Add an entry behind the others: @names are copied. -EINVAL: an unknown action or
 * comparison. */
int sluice_profile_add(struct sluice_profile *profile, uint32_t action,
	const char *const *names, unsigned n_names, const struct scmp_arg_cmp *args,
	unsigned n_args);

/* Give the @index-th entry a comment, which is copied; NULL takes it away. The forms of
 * Docker and SPO keep it. -ENOENT behind the last; -ENOMEM. */
int sluice_profile_comment(
	struct sluice_profile *profile, unsigned index, const char *text);

/* Say that the profile is for @arch (SCMP_ARCH_*), too; nothing happens where it says so.
 * -EINVAL for what is no architecture; -ENOMEM. */
int sluice_profile_add_arch(struct sluice_profile *profile, uint32_t arch);

/* ---- compiling ----------------------------------------------------------------------
 */

enum sluice_runtime {
	SLUICE_AS_RUNC = 0, /* 1.1.15 and newer */
	SLUICE_AS_CRUN = 1,
	SLUICE_AS_RUNC_1_1 = 2, /* before 1.1.15: no cut-off on the machine's own architecture
				 * where the profile does not list it */
};

enum sluice_cutoff {
	SLUICE_CUTOFF_RUNTIME = 0, /* as the runtime does it */
	SLUICE_CUTOFF_NONE = 1,
	SLUICE_CUTOFF_PROFILE =
		2, /* calls newer than any in the profile fail with ENOSYS */
	SLUICE_CUTOFF_KERNEL = 3, /* calls newer than @cutoff_kernel do */
};

/* The machine and the container that a profile is for. Start from SLUICE_TARGET_INIT. */
struct sluice_target {
	size_t size;
	enum sluice_runtime as;
	const char *const *caps; /* the bounding set: "CAP_SYS_ADMIN" */
	unsigned n_caps;
	unsigned kernel;	/* major << 16 | minor; 0: the running one */
	uint32_t arch;		/* SCMP_ARCH_* of the machine; 0: this one */
	const uint32_t *arches; /* SCMP_ARCH_* of the filter, in place of the profile's */
	unsigned n_arches;	/* 0: the profile's */
	enum sluice_cutoff cutoff;
	unsigned cutoff_kernel; /* major << 16 | minor */
	const char *file;	/* a name for findings, or NULL */
	sluice_report report;	/* what was left out, and errors; or NULL */
	void *data;
};
#define SLUICE_TARGET_INIT                                                               \
	{                                                                                \
		sizeof(struct sluice_target), SLUICE_AS_RUNC, NULL, 0, 0, 0, NULL, 0,    \
			SLUICE_CUTOFF_RUNTIME, 0, NULL, NULL, NULL                       \
	}

/* A copy without conditions, as a container engine hands it to the runtime: entries that
 * @target does not meet are left out, archMap became architectures. The caller frees it.
 * -ENOMEM. */
int sluice_profile_resolve(const struct sluice_profile *profile,
	const struct sluice_target *target, struct sluice_profile **resolved);

/* The filter that the runtime builds from the profile, as a context of libseccomp; a
 * cut-off cannot be said there and is left out. The caller frees it with
 * seccomp_release(3). -EINVAL: the runtime refuses the profile, @target->report has heard
 * why; -ENOMEM; what seccomp_rule_add(3) returns. */
int sluice_profile_context(const struct sluice_profile *profile,
	const struct sluice_target *target, scmp_filter_ctx *context);

/* The same as a filter of ordered rules (sluice-filter.h): sluice_filter_compile() makes a
 * program of it that decides as the context's does. Each rule is of one architecture and
 * number; a cut-off is left out, sluice_filter_newer() may add one. The caller frees it
 * with sluice_filter_free(). Errors as above; -EOPNOTSUPP: of two entries with other actions
 * libseccomp's order decides, @target->report has heard which; -E2BIG: one call has more
 * than 4096 rules. */
int sluice_profile_filter(const struct sluice_profile *profile,
	const struct sluice_target *target, struct sluice_filter **filter);

/* The program that the runtime loads, cut-off included. The caller frees *@insns with
 * free(3). Errors as above; -E2BIG: more than 4096 instructions. */
int sluice_profile_program(const struct sluice_profile *profile,
	const struct sluice_target *target, struct sock_filter **insns, unsigned *length);

/* ---- checking -----------------------------------------------------------------------
 */

/* Say everything about the profile that is likely wrong, sorted by line. Returns the
 * number of findings, or -errno. @target says what it is for; NULL: this machine, no
 * capabilities. */
int sluice_profile_lint(const struct sluice_profile *profile,
	const struct sluice_target *target, sluice_report report, void *data);

/* Repair what can be repaired without a choice; *@fixed is a new profile. Each repair is
 * reported. Returns the number of repairs, or -errno. */
int sluice_profile_fix(const struct sluice_profile *profile,
	const struct sluice_target *target, sluice_report report, void *data,
	struct sluice_profile **fixed);

/* ---- merging ------------------------------------------------------------------------
 */

enum sluice_profile_merge {
	SLUICE_PROFILE_UNION =
		1, /* a call gets what permits more, of all that the profiles say */
	SLUICE_PROFILE_INTERSECT =
		2, /* what permits less, as the kernel decides where all are loaded */
};

/* A merge under way: profiles are added one by one and may be freed then. Its result
 * decides every call with every argument as the profiles together, or there is none. */
struct sluice_profile_merger;
int sluice_profile_merger_new(
	enum sluice_profile_merge how, struct sluice_profile_merger **merger);
void sluice_profile_merger_free(struct sluice_profile_merger *merger);

/* -EOPNOTSUPP: the profile has conditions on capabilities, kernels or machines (resolve
 * it first), other architectures than the first one, or says of a call what rules cannot
 * say together with the others; -ENOMEM. @error, unless NULL, is 256 bytes for a
 * sentence. After an error the merge is over: free it. */
int sluice_profile_merger_add(struct sluice_profile_merger *merger,
	const struct sluice_profile *profile, char *error);

/* What was added so far as one profile, in one order whatever the order of adding, which
 * the caller frees. -EINVAL: nothing was added; -EOPNOTSUPP and @error as above; -ENOMEM.
 */
int sluice_profile_merger_finish(const struct sluice_profile_merger *merger,
	struct sluice_profile **profile, char *error);

#ifdef __cplusplus
}
#endif

#endif
