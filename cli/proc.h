/* What /proc says of processes.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_PROC_H
#define CLI_PROC_H

#include <stdbool.h>
#include <sys/types.h>

/* Fields of proc_pid_stat(5). */
enum {
	CLI_STAT_PARENT = 4,
	CLI_STAT_FLAGS = 9,
	CLI_STAT_START = 22,
};

/* A field behind the name, as a number. False: it is not to be had. */
bool cli_proc_stat(pid_t pid, unsigned int field, unsigned long long *out);
/* Whether /proc is of our pid namespace: else its numbers are other processes'. */
bool cli_proc_is_ours(void);

#endif
