/* libsluice: filters of ordered rules.
 * SPDX-License-Identifier: MIT
 *
 * A filter is an ordered list of rules. The first rule that matches decides; if none matches, the default
 * action decides. A rule names a call (or a group of calls) and conditions on its arguments. Arguments are
 * compared as the kernel reads them: an int is 32 bits, and the upper half of its register does not count. A
 * filter is for all ABIs of the machine at once. It becomes a BPF program through the same graphs as rules of
 * libseccomp, and sluice_filter_prove() proves that it does what its rules say.
 *
 * Actions are SCMP_ACT_* of seccomp.h (SECCOMP_RET_* with data), architectures are SCMP_ARCH_*. One thread at a
 * time uses a filter. Functions return 0 (or what their comment says) on success and -errno on failure. After a
 * failure the filter is unchanged, and only @error (it may be NULL) is written: @message names the rule, @where
 * says where the rule was written. */
#ifndef SLUICE_FILTER_H
#define SLUICE_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sluice-program.h>
#include <sluice.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sluice_filter;

/* What to do about calls that socketcall(2) or ipc(2) can also carry (x86, s390x, ppc64, mips, ...). Their
 * arguments are then in memory, which a filter cannot see. This matters for rules with conditions only: rules
 * without conditions are exact, because the first argument of the multiplexer says which call it is. */
enum sluice_multiplexed {
	SLUICE_MULTIPLEXED_ERROR = 0,  /* sluice_filter_compile() fails and names the rule */
	SLUICE_MULTIPLEXED_REFUSE = 1, /* the call gets ERRNO(ENOSYS) when it comes that way */
	SLUICE_MULTIPLEXED_ALLOW = 2,  /* conditions do not count there: a rule that allows matches
					* without them, any other rule is skipped */
};

/* Start from SLUICE_FILTER_OPTIONS_INIT. */
struct sluice_filter_options {
	size_t size;
	uint32_t default_action; /* if no rule matches */
	uint32_t badarch_action; /* for ABIs that the filter does not know */
	const uint32_t *archs;   /* @n_archs SCMP_ARCH_*, copied; all of one byte order. NULL: all ABIs of this
				  * machine (x86_64: x86_64, x86 and x32) */
	size_t n_archs;
	enum sluice_multiplexed multiplexed;
	int optimize;            /* 1: small programs; 2: short paths (SCMP_FLTATR_CTL_OPTIMIZE) */
};
#define SLUICE_FILTER_OPTIONS_INIT                                                       \
	{                                                                                \
		sizeof(struct sluice_filter_options), SCMP_ACT_KILL_PROCESS,             \
			SCMP_ACT_KILL_PROCESS, NULL, 0, SLUICE_MULTIPLEXED_ERROR, 1      \
	}

/* Create a filter without rules. @options may be NULL for the defaults. Returns 0; -EINVAL for an unknown action
 * or architecture, or an architecture that is named twice; -EDOM for two byte orders; -ENOMEM. */
int sluice_filter_new(const struct sluice_filter_options *options, struct sluice_filter **filter,
	struct sluice_error *error);
void sluice_filter_free(struct sluice_filter *filter); /* NULL is allowed */

/* A number to compare with. If @name is NULL it is @number, else the constants in @name, joined with |
 * ("AF_NETLINK", "O_RDWR|O_CREAT"), whose values may depend on the ABI. */
struct sluice_value {
	const char *name;
	uint64_t number;
};

/* How an argument, cut to its width W, is compared. Numbers are read as the kernel reads them: -1 and 0xffffffff
 * are the same int. A number that does not fit the W of any ABI is an error. */
enum sluice_op {
	SLUICE_OP_EQ = 1,     /* == values[0] */
	SLUICE_OP_IN = 2,     /* one of values[0..n_values) */
	SLUICE_OP_RANGE = 3,  /* values[0] <= argument <= values[1], unsigned */
	SLUICE_OP_SRANGE = 4, /* the same, signed */
	SLUICE_OP_MASKED = 5, /* (argument & values[0]) == values[1], which has no bit outside of values[0] */
	SLUICE_OP_ANY_BITS = 6,  /* (argument & values[0]) != 0 */
	SLUICE_OP_ALL_BITS = 7,  /* (argument & values[0]) == values[0] */
	SLUICE_OP_ONLY_BITS = 8, /* (argument & ~values[0]) == 0 */
};

/* One condition. There may be several on one argument. */
struct sluice_filter_condition {
	const char *argument;  /* the argument's name, as in the kernel or the manual page; or NULL: number @index */
	unsigned index;        /* 0 to 5 */
	enum sluice_op op;
	bool negate;           /* the condition holds if @op does not */
	unsigned bits;         /* W: 8, 16, 32 or 64. 0: what the kernel reads (64 if no prototype is known). At
				* most 32 on a 32-bit ABI, unless the argument takes two registers; x32 and
				* n32 have registers of 64 bits */
	const struct sluice_value *values;
	size_t n_values;
};

#define SLUICE_RULE_EXACT 1u /* only the named call, not the same call under other names (chown32) */

/* One rule; all its conditions must hold. Fill @size with sizeof(struct sluice_rule). Everything is copied. */
struct sluice_rule {
	size_t size;
	uint32_t action;
	const char *call;    /* a call's name ("openat"), a group's ("@network-io", "network"), "*" for every number, or
			      * NULL: @nr. A name stands for its other names on other ABIs, too */
	uint32_t arch;       /* 0: all of the filter's; else one of them */
	int nr;              /* if @call is NULL; as the kernel reports it. @arch must not be 0 then */
	unsigned flags;      /* SLUICE_RULE_EXACT or 0 */
	const struct sluice_filter_condition *conditions;
	size_t n_conditions;
	const char *where;   /* "file:line" for errors, or NULL */
};

/* Add a rule after the others. Returns 0; -EINVAL for an invalid rule (also with more than 14
 * conditions, or with any for "*"); -ENOENT for a name that is not a call, a group, a constant
 * or an argument of the call, and for a call that no architecture of the filter has; -ERANGE for
 * a number that does not fit; -E2BIG for conditions on 64-bit arguments of a 32-bit ABI that have
 * too many alternatives; -ENOMEM. sluice_filter_compile() checks multiplexed calls. */
int sluice_filter_add(struct sluice_filter *filter, const struct sluice_rule *rule,
	struct sluice_error *error);

/* Give @action, usually SCMP_ACT_ERRNO(ENOSYS), to all calls that are newer than @kernel (major << 16 | minor) and to
 * all numbers above the known ones, on every architecture. A rule that names such a call by its own name still
 * applies; groups and "*" do not. 0 as @kernel removes this. Returns 0; -EINVAL. */
int sluice_filter_newer(struct sluice_filter *filter, unsigned kernel, uint32_t action);

/* Create a filter from text, one rule in each line (sluice_filter_new(3) describes it). Errors have "NAME:LINE" in
 * @error->where, with @name. Returns as sluice_filter_new() and sluice_filter_add(). */
int sluice_filter_parse(const char *text, size_t length, const char *name,
	struct sluice_filter **filter, struct sluice_error *error);

/* Write the filter as text; sluice_filter_parse() makes the same filter from it. The caller frees *@text with
 * free(3). Returns 0 or -ENOMEM. */
int sluice_filter_text(const struct sluice_filter *filter, char **text);

/* Compile the filter to a program: *@count instructions in this machine's byte order. The caller
 * frees them with free(3). Returns 0; -EOPNOTSUPP for a rule with conditions on a multiplexed
 * call (see enum sluice_multiplexed); -E2BIG for more than 4096 instructions; -ENOMEM. If
 * SECCOMP_SELF_CHECK is set (seccomp_load(3)): -EFAULT if the program differs from the rules,
 * -EOVERFLOW if there is no proof within the bounds. */
int sluice_filter_compile(const struct sluice_filter *filter, struct sock_filter **instructions,
	size_t *count, struct sluice_error *error);

/* Prove that a program does what the rules say, on every input. @instructions NULL: the program that
 * sluice_filter_compile() makes. Returns 0 if it does; 1 if not, with an input that shows it in *@data (may be
 * NULL); -E2BIG and -EOPNOTSUPP if there is no answer; else as sluice_filter_compile(). */
int sluice_filter_prove(const struct sluice_filter *filter, const struct sock_filter *instructions,
	size_t count, struct seccomp_data *data, struct sluice_error *error);

/* Write the program to @fd, all of it. Returns 0; as sluice_filter_compile(); or -errno of write(2). */
int sluice_filter_export(const struct sluice_filter *filter, int fd, struct sluice_error *error);

/* Set PR_SET_NO_NEW_PRIVS and load the filter for the calling thread. @flags:
 * SECCOMP_FILTER_FLAG_*. If @listener is not NULL, the filter gets a listener, and *@listener is
 * its descriptor (close on exec), which the caller closes. Returns 0; as sluice_filter_compile();
 * -EDOM for the other byte order; -ESRCH if a thread could not follow (TSYNC); -errno of prctl(2)
 * or seccomp(2). After an error no filter is loaded, but no_new_privs may be set. */
int sluice_filter_load(const struct sluice_filter *filter, unsigned flags, int *listener,
	struct sluice_error *error);

/* ---- merging ---------------------------------------------------------------------- */

enum sluice_merge {
	SLUICE_MERGE_UNION,        /* the more permissive of two verdicts: what either program allows */
	SLUICE_MERGE_INTERSECTION, /* the less permissive one: what both allow, as the kernel decides if both
				    * filters are loaded */
};

/* Make one program that decides every input as two programs together, and prove that it does. The
 * order of actions is that of the kernel, from the least to the most permissive: KILL_PROCESS,
 * KILL_THREAD, TRAP, ERRNO, USER_NOTIF, TRACE, LOG, ALLOW; an unknown verdict counts as
 * KILL_PROCESS. If both have the same action, the data (the errno) is that of @a. The caller
 * frees *@merged with free(3). Returns 0; -EINVAL if the kernel would refuse @a or @b; -EOPNOTSUPP
 * or -E2BIG if a program cannot be analysed, or if the result has over 4096 instructions;
 * -ENOMEM. */
int sluice_filter_merge(enum sluice_merge how, const struct sock_fprog *a, const struct sock_fprog *b,
	struct sock_filter **merged, size_t *count, struct sluice_error *error);

/* ---- the kernel's view -------------------------------------------------------------- */

struct sluice_view_witness {
	struct seccomp_data data; /* a call */
	uint32_t a, b;            /* the verdicts of the two programs; b is 0 if there is only one */
};

/* Compare what two programs allow the kernel to do. The kernel ignores the upper bits of most arguments. For each
 * call, with its arguments cut to what the kernel reads, consider the most and the least permissive verdict over all
 * values of the ignored bits. The programs are equal if both verdicts are the same for every call. On s390, ppc, m68k
 * and sh, the high words of arguments are always 0: no other input counts, here and in the next functions. @archs is as in
 * struct sluice_filter_options. Returns 0 if they are equal; 1 with *@witness (may be NULL) if not; -EINVAL,
 * -EOPNOTSUPP, -E2BIG, -ENOMEM. */
int sluice_view_equal(const struct sock_fprog *a, const struct sock_fprog *b,
	const uint32_t *archs, size_t n_archs, struct sluice_view_witness *witness,
	struct sluice_error *error);

/* Called for each region. @least: of the least permissive verdicts, else of the most permissive ones. A result other
 * than 0 ends the walk and is returned. */
typedef int (*sluice_view_fn)(const struct sluice_region *region, bool least, void *data);

/* Find every call that sluice_view_equal() finds different: first where the most permissive verdicts differ, then where
 * the least permissive ones do. Regions of one kind ascend and do not overlap. Their conditions are
 * about what the kernel reads; @a and @b are the most (or least) permissive verdicts of the two
 * programs. @data is an input for which one program returns its verdict of these two; the other
 * program does not return it, whatever the ignored bits are. Returns 0 if there is no region, 1,
 * or the result of @each; errors as sluice_view_equal(). After -E2BIG the reported regions are
 * correct but not complete. */
int sluice_view_compare(const struct sock_fprog *a, const struct sock_fprog *b,
	const uint32_t *archs, size_t n_archs, sluice_view_fn each, void *data,
	struct sluice_error *error);

/* Search for an input that the kernel takes as the call and the arguments of @rule, and for which @program returns
 * @rule->action. On ABIs with socketcall(2) and ipc(2), calls that these carry count, with any arguments, because
 * their arguments are in memory. @archs is as above. Returns 1 with *@witness if there is one; 0 if there is none,
 * which is a proof; errors as sluice_filter_add() and sluice_view_equal(). */
int sluice_view_reaches(const struct sock_fprog *program, const struct sluice_rule *rule,
	const uint32_t *archs, size_t n_archs, struct sluice_view_witness *witness,
	struct sluice_error *error);

#ifdef __cplusplus
}
#endif

#endif
