/* What /proc says of processes.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_PROC_H
#define CLI_PROC_H

#include <sluice.h>
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
/* A line "NAME: value" of /proc/TID/status. False: there is none. */
bool cli_proc_status(pid_t tid, const char *name, char *value, size_t size);
/* The umask of who makes the call; 077 where it cannot be read. */
mode_t cli_umask(struct sluice_request *request);
/* Whether /proc is of our pid namespace: else its numbers are other processes'. */
bool cli_proc_is_ours(void);

#endif
