/* Filters, calls and their words, as users name them.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_FILTER_H
#define CLI_FILTER_H

#include <sluice-program.h>

#include "cli.h"
#include "json.h"

/* The filter that @text names: a profile or a BPF file ("-": on standard input), or
 * "pid:N". A profile is compiled for @target (profile.h), or this machine where that is
 * NULL. The caller frees *@out. 0, or CLI_TROUBLE, said on stderr. */
struct cli_target;
int cli_filter(struct cli *cli, const struct cli_target *target, const char *text,
	struct sluice_program **out);

/* The same, and the profile that it was made of; NULL if it was none. The caller frees
 * both. */
struct sluice_profile;
int cli_filter_or_profile(struct cli *cli, const struct cli_target *target,
	const char *text, struct sluice_program **out, struct sluice_profile **profile);

/* The words of commands that take such filters: A B, and FILTER CALL [ARG]... */
extern const struct cli_positional cli_two_filters[], cli_filter_and_call[];

/* The call that the words behind the first say, on the architecture called @arch (NULL:
 * this machine's): @data but for the instruction pointer. 0, or CLI_TROUBLE, said. */
struct cli_arch;
int cli_call_of_words(const struct cli *cli, const char *arch,
	const struct cli_arch **found, struct seccomp_data *data);

/* The row of --arch where it is that call's. */
#define CLI_CALL_ARCH_OPTION(type, what)                                                 \
	{                                                                                \
		'a', "arch", "ARCH", CLI_STRING, offsetof(type, arch), what,             \
			CLI_WORD_ARCH, NULL                                              \
	}

/* The instructions of filter @filter that run on @data. To stdout. */
void cli_path(const struct sluice_program *p, unsigned int filter,
	const struct seccomp_data *data, const char *indent, const char *head);

/* A sluice_report: errors on stderr, as FILE:LINE:COLUMN. @data names what has no file's
 * name. */
struct sluice_finding;
void cli_report(const struct sluice_finding *finding, void *data);

/* "pid:12" is 12, so is "12" if @bare. False: it is neither. */
bool cli_pid(const char *text, bool bare, pid_t *pid);

void cli_program_freep(struct sluice_program **program);

/* An architecture of libseccomp(3). */
struct cli_arch {
	const char *name;
	uint32_t token; /* SCMP_ARCH_* */
	uint32_t audit; /* AUDIT_ARCH_*; x32 has that of x86_64 */
};

/* The @i-th, in alphabetic order; NULL behind the last. */
const struct cli_arch *cli_arch_at(unsigned int i);
/* What a filter sees as the architecture of this machine's calls: x32 is x86_64 to it. */
uint32_t cli_native_audit(void);

/* By name ("native" too; NULL is native): 0, or CLI_TROUBLE, said. */
int cli_arch(const struct cli *cli, const char *name, const struct cli_arch **out);

/* Whose number @nr is where @audit is in seccomp_data; NULL: nobody's. */
const struct cli_arch *cli_arch_of(uint32_t audit, int nr);

/* The name of a number: "openat", or the number itself where there is none. Returns @buf.
 */
#define CLI_CALL_MAX 32
char *cli_call_name(uint32_t audit, int nr, char buf[CLI_CALL_MAX]);
bool cli_call_known(uint32_t audit, int nr);

/* The first number from *@nr on that is a call where @audit is in seccomp_data. False:
 * none. */
bool cli_call_from(uint32_t audit, uint32_t *nr);

/* The call @text on @arch, by name or number: 0, or CLI_TROUBLE, said. */
int cli_call(
	const struct cli *cli, const struct cli_arch *arch, const char *text, int *nr);

/* A value of an argument: 12, 0x1f, -1. 0, or CLI_TROUBLE, said. */
int cli_value(const struct cli *cli, const char *text, uint64_t *out);

/* Verdicts in a buffer of their own. Returns @buf. */
#define CLI_VERDICT_MAX 32
char *cli_verdict(uint32_t verdict, char buf[CLI_VERDICT_MAX]);
/* Does it let the call happen: ALLOW or LOG? */
bool cli_lets(uint32_t verdict);

/* "a0 = 0x10" or "a1.lo & 0xf in 0x2..0x3" to @out; with names and constants ("family =
 * AF_NETLINK") where
 * @call, of which arch and nr are read, is not NULL. */
void cli_condition(
	const struct sluice_condition *c, const struct seccomp_data *call, FILE *out);

/* "openat(0x1, 0x2, 0x0, 0x0, 0x0, 0x0)" of an input, with what decides beside it. To
 * @out. */
void cli_input(const struct seccomp_data *data, FILE *out);
void cli_input_json(struct cli_json *j, const char *key, const struct seccomp_data *data);

/* What a failed proof means. Returns CLI_TROUBLE. */
int cli_proof_failed(const struct cli *cli, int rc);

#endif
