/* A program that runs under a filter whose notifications this tool answers: start,
 * signals, job control, end.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include <sluice-profile.h>
#include <sluice.h>

#include "cli.h"

struct sock_fprog;

struct cli_live {
	struct cli *cli;
	/* The caller's, with its handlers; with receive_waits unless @confines. */
	struct sluice_supervisor *supervisor;
	void (*tick)(void *data);	      /* called every now and then, or NULL */
	void *data;
	const struct sock_fprog *program; /* loaded in place of the filter, or NULL */
	int ruleset;			  /* of Landlock, or -1 */
	const int *stdio; /* the program's first three descriptors, or NULL: the tool's */
	bool alone; /* no shell waits for the tool: it does not stop when the program stops */
	bool confines; /* the program may be hostile */
	int signal; /* out: what ended the program, or 0 */
	pid_t pid; /* out: the program's, before anything is answered */
};

/* The words of commands that run a program. */
#define CLI_PROGRAM_WORDS(needed)                                                        \
	{.name = "PROGRAM", .help = "what to run", .word = CLI_WORD_PROGRAM, needed},    \
	{                                                                                \
		.name = "ARG", .help = "its arguments", .word = CLI_WORD_FILE,           \
		.optional = true, .repeated = true                                       \
	}

/* Run the command line's words under @filter and answer until its last process has ended.
 * The program stays in the foreground with this tool; signals that are sent to the tool
 * go on to it; it stops when the program stops. *@status is its exit status, or 128+N
 * after signal N. Once the program itself has ended, SIGINT, SIGTERM, SIGHUP or SIGQUIT
 * ends the waiting for processes that it left behind. 0; 126 or 127 if it could not be
 * executed; or CLI_TROUBLE; said on stderr. */
int cli_live_run(struct cli_live *live, scmp_filter_ctx filter, int *status);

/* How often the terminal has interrupted the program. Any thread may ask. */
int cli_live_interrupts(void);

/* A filter that notifies every call of every ABI; the caller releases it. NULL: no
 * memory. */
scmp_filter_ctx cli_live_notify_all(void);

/* No entry of the profile says anything of the call but that it is allowed. */
bool cli_live_only_allowed(const struct sluice_profile *p, const char *name);

/* The call as strace(1) has it, in one line; a long one ends in "...)". */
#define CLI_LIVE_CALL_MAX 1024
void cli_live_call_text(struct sluice_request *request, char text[CLI_LIVE_CALL_MAX]);

void cli_supervisor_freep(struct sluice_supervisor **supervisor);
void cli_filter_releasep(scmp_filter_ctx *filter);

#endif
