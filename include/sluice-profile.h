/* libsluice-profile: seccomp profiles of containers: read them (with the place of each mistake),
 * write, compile, merge and check them.
 * SPDX-License-Identifier: MIT
 *
 * A profile is the seccomp object of the OCI runtime specification, the extended form of
 * Docker and Podman (archMap, includes, excludes, comment, errno), a whole config.json, or the
 * custom resource SeccompProfile of the Security Profiles Operator. It is JSON, or YAML if the
 * library was built with libyaml. One thread at a time may use an object. Functions return 0
 * (or what their comment says) on success and -errno on failure, and write their outputs only
 * on success. */
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
	SLUICE_ERROR = 3, /* when reading: the profile is refused */
};

/* One finding in a profile. The library owns all text, which is valid while the callback runs.
 * Text that does not apply is "", never NULL. */
struct sluice_finding {
	enum sluice_severity severity;
	const char *rule;      /* a fixed word: "unknown-name" */
	const char *file;      /* the name from the options, or "" */
	unsigned line, column; /* from 1; columns in characters; 0: not known */
	const char *path;      /* syscalls[3].args[0].value */
	const char *message;   /* what was found, and expected */
	const char *why;       /* why it matters */
	const char *fix;       /* what to write instead */
};

/* Called for each finding, in the order of lines if possible. */
typedef void (*sluice_report)(const struct sluice_finding *finding, void *data);

/* ---- reading and writing ------------------------------------------------------------
 */

enum sluice_profile_form {
	SLUICE_FORM_ANY = 0, /* reading: recognise it; writing: as it was read */
	SLUICE_FORM_OCI = 1,
	SLUICE_FORM_DOCKER = 2, /* and Podman's */
	SLUICE_FORM_CONFIG = 3, /* a whole config.json; writing keeps the rest of it */
	SLUICE_FORM_SPO = 4,	/* SeccompProfile; written as YAML */
	SLUICE_FORM_SPO_JSON = 5,
};

/* How to read. Start from SLUICE_PROFILE_OPTIONS_INIT. */
struct sluice_profile_options {
	size_t size;	  /* sizeof(struct sluice_profile_options), for later fields */
	const char *file; /* a name for findings, or NULL */
	bool strict; /* warnings (unknown and empty names, unknown keys) are errors */
	sluice_report report; /* called for errors and warnings; or NULL */
	void *data;	      /* passed to @report */
};
#define SLUICE_PROFILE_OPTIONS_INIT                                                      \
	{                                                                                \
		sizeof(struct sluice_profile_options), NULL, false, NULL, NULL           \
	}

/* Read @size bytes of @text, JSON or YAML. The caller frees *@profile with
 * sluice_profile_free(). @options may be NULL. -EINVAL if the text is not a profile, after
 * @options->report was called with the reason and the place; -E2BIG above 16 MiB, 64 levels or
 * 2^20 values; -EOPNOTSUPP for YAML, if the library was built without it; -ENOMEM. */
int sluice_profile_read(const char *text, size_t size,
	const struct sluice_profile_options *options, struct sluice_profile **profile);

/* The same from the descriptor @fd, up to its end. Also -errno of read(2). */
int sluice_profile_read_fd(int fd, const struct sluice_profile_options *options,
	struct sluice_profile **profile);

/* Make a profile without entries. @default_action is SCMP_ACT_*. The caller frees it. -EINVAL
 * for an unknown action; -ENOMEM. */
int sluice_profile_new(uint32_t default_action, struct sluice_profile **profile);

void sluice_profile_free(struct sluice_profile *profile);

/* The form in which it was read; SLUICE_FORM_OCI if it was not read. */
enum sluice_profile_form sluice_profile_form(const struct sluice_profile *profile);

/* Write the profile. Fields are always in the same order, entries and names in their own.
 * Comments are kept (in YAML as comments). The caller frees *@text with free(3). It ends with a
 * line feed, and a NUL that *@size does not count. -EINVAL if OCI or SPO cannot express the
 * profile (conditions on capabilities, kernels or architectures: see
 * sluice_profile_resolve()), or for SLUICE_FORM_CONFIG if it was not read from a config.json;
 * -ENOMEM. */
int sluice_profile_write(const struct sluice_profile *profile,
	enum sluice_profile_form form, char **text, size_t *size);

/* ---- what is in it ------------------------------------------------------------------
 */

struct sluice_profile_entry {
	size_t size;		  /* set it to sizeof(struct sluice_profile_entry) */
	unsigned line, column;	  /* 0: it was not read from text */
	uint32_t action;	  /* SCMP_ACT_*, with its errno */
	const char *const *names; /* the profile owns them */
	unsigned n_names;
	unsigned n_args;
	const char *comment; /* or NULL */
	bool conditional;    /* it has includes or excludes */
};

/* Get the entry with this index, from 0 on. -ENOENT after the last. */
int sluice_profile_entry(const struct sluice_profile *profile, unsigned index,
	struct sluice_profile_entry *entry);

/* Get a comparison of an entry, by its index @arg. -ENOENT if there is none. */
int sluice_profile_arg(const struct sluice_profile *profile, unsigned index, unsigned arg,
	struct scmp_arg_cmp *comparison);

/* The default action: SCMP_ACT_*, with its errno. */
uint32_t sluice_profile_default(const struct sluice_profile *profile);

/* The values of listenerPath (returned) and listenerMetadata (in *@metadata); NULL if the profile
 * has none. The profile owns them. @metadata may be NULL. */
const char *sluice_profile_listener(
	const struct sluice_profile *profile, const char **metadata);

/* Add an entry after the others. @names and @args are copied. -EINVAL: an unknown action or
 * comparison. */
int sluice_profile_add(struct sluice_profile *profile, uint32_t action,
	const char *const *names, unsigned n_names, const struct scmp_arg_cmp *args,
	unsigned n_args);

/* Give an entry a comment, which is copied. NULL removes it. Only the forms of Docker and SPO
 * can hold comments. -ENOENT after the last entry; -ENOMEM. */
int sluice_profile_comment(
	struct sluice_profile *profile, unsigned index, const char *text);

/* Add @arch (SCMP_ARCH_*) to the architectures of the profile, unless it is there. -EINVAL for
 * an unknown architecture; -ENOMEM. */
int sluice_profile_add_arch(struct sluice_profile *profile, uint32_t arch);

/* ---- compiling ----------------------------------------------------------------------
 */

enum sluice_runtime {
	SLUICE_AS_RUNC = 0, /* 1.1.15 and newer */
	SLUICE_AS_CRUN = 1,
	SLUICE_AS_RUNC_1_1 = 2, /* before 1.1.15: no cut-off on the machine's own architecture
				 * where the profile does not list it */
};

/* The cut-off: instructions before the filter. Calls with numbers above a limit fail with
 * ENOSYS, so that programs take older calls instead. */
enum sluice_cutoff {
	SLUICE_CUTOFF_RUNTIME = 0, /* what the runtime does */
	SLUICE_CUTOFF_NONE = 1,
	SLUICE_CUTOFF_PROFILE =
		2, /* calls newer than all calls of the profile fail with ENOSYS */
	SLUICE_CUTOFF_KERNEL = 3, /* calls newer than @cutoff_kernel fail with ENOSYS */
};

/* The machine and the container that a profile is for. Start from SLUICE_TARGET_INIT. NULL as
 * @target stands for runc on this machine, without capabilities. */
struct sluice_target {
	size_t size;
	enum sluice_runtime as;
	const char *const *caps; /* the bounding set: "CAP_SYS_ADMIN" */
	unsigned n_caps;
	unsigned kernel;	/* major << 16 | minor; 0: the running one */
	uint32_t arch;		/* SCMP_ARCH_* of the machine; 0: this one */
	const uint32_t *arches; /* SCMP_ARCH_* of the filter */
	unsigned n_arches;	/* 0: those of the profile */
	enum sluice_cutoff cutoff;
	unsigned cutoff_kernel; /* major << 16 | minor */
	const char *file;	/* a name for findings, or NULL */
	sluice_report report;	/* called for errors, and for ignored parts; or NULL */
	void *data;
};
#define SLUICE_TARGET_INIT                                                               \
	{                                                                                \
		sizeof(struct sluice_target), SLUICE_AS_RUNC, NULL, 0, 0, 0, NULL, 0,    \
			SLUICE_CUTOFF_RUNTIME, 0, NULL, NULL, NULL                       \
	}

/* Make a copy without conditions, as a container engine passes it to the runtime: entries whose
 * conditions @target does not meet are removed, and archMap becomes architectures. The caller
 * frees it. -ENOMEM. */
int sluice_profile_resolve(const struct sluice_profile *profile,
	const struct sluice_target *target, struct sluice_profile **resolved);

/* Make the filter that the runtime builds from the profile, as a context of libseccomp. It has
 * no cut-off, which a context cannot express. The caller frees it with seccomp_release(3).
 * -EINVAL if the runtime refuses the profile, after @target->report was called with the reason;
 * -ENOMEM; errors of seccomp_rule_add(3). */
int sluice_profile_context(const struct sluice_profile *profile,
	const struct sluice_target *target, scmp_filter_ctx *context);

/* Make the same filter as ordered rules (sluice-filter.h). sluice_filter_compile() makes a
 * program from it that decides as the filter of the context does. Each rule is for one
 * architecture and number. It has no cut-off; sluice_filter_newer() can add one. The caller frees
 * it with sluice_filter_free(). Errors as above; -EOPNOTSUPP if two entries with different
 * actions match the same call, so that the order of libseccomp decides (@target->report is
 * called with both); -E2BIG if one call has more than 4096 rules. */
int sluice_profile_filter(const struct sluice_profile *profile,
	const struct sluice_target *target, struct sluice_filter **filter);

/* Make the program that the runtime loads, including the cut-off. The caller frees *@insns with
 * free(3). Errors as above; -E2BIG for more than 4096 instructions. */
int sluice_profile_program(const struct sluice_profile *profile,
	const struct sluice_target *target, struct sock_filter **insns, unsigned *length);

/* ---- checking -----------------------------------------------------------------------
 */

/* Report everything that is probably wrong in the profile, sorted by line. @target is what the
 * profile is for; NULL: this machine, no capabilities. Returns the number of findings, or
 * -errno. */
int sluice_profile_lint(const struct sluice_profile *profile,
	const struct sluice_target *target, sluice_report report, void *data);

/* Make a new profile *@fixed, and repair in it each mistake that has only one correct repair.
 * Each repair is reported. The caller frees *@fixed. Returns the number of repairs, or -errno. */
int sluice_profile_fix(const struct sluice_profile *profile,
	const struct sluice_target *target, sluice_report report, void *data,
	struct sluice_profile **fixed);

/* ---- merging ------------------------------------------------------------------------
 */

enum sluice_profile_merge {
	SLUICE_PROFILE_UNION =
		1, /* a call gets the most permissive verdict of all profiles */
	SLUICE_PROFILE_INTERSECT =
		2, /* the least permissive one, as if all were loaded */
};

/* A merge. Profiles are added one by one, and may be freed after that. The result decides every
 * call with every argument exactly as the profiles together; if that is impossible, it fails. */
struct sluice_profile_merger;
int sluice_profile_merger_new(
	enum sluice_profile_merge how, struct sluice_profile_merger **merger);
void sluice_profile_merger_free(struct sluice_profile_merger *merger);

/* Add a profile. @error is NULL, or 256 bytes for a sentence. -EOPNOTSUPP if the profile has
 * conditions on capabilities, kernels or machines (resolve it first), if its architectures are
 * not those of the first one, or if rules cannot express the result for a call; -E2BIG if a call
 * has more than 512 different rules; -ENOMEM. After an error the merger can only be freed. */
int sluice_profile_merger_add(struct sluice_profile_merger *merger,
	const struct sluice_profile *profile, char *error);

/* Make one profile of all that were added. It does not depend on the order of adding. The
 * caller frees it. -EINVAL if nothing was added; -EOPNOTSUPP and @error as above; -ENOMEM. */
int sluice_profile_merger_finish(struct sluice_profile_merger *merger,
	struct sluice_profile **profile, char *error);

#ifdef __cplusplus
}
#endif

#endif
