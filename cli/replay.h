/* What was injected in one run, written to a file; and the same again in another run.
 *
 * A line is "TASK ARCH OCCURRENCE inject=CALL:...". A task is a process or a thread. Its name does not depend on
 * numbers that the kernel gives: 1 is the program, 1.2 the second process below it that was met, 1.2/1 another
 * thread of that process. An occurrence counts the calls of that name of one task.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_REPLAY_H
#define CLI_REPLAY_H

#include <stdio.h>

#include "injection.h"
#include "util/set.h"

/* A line. */
struct replay_entry {
	char *task;
	uint32_t arch;
	int nr;
	uint64_t occurrence;
	struct injection injection;
};

/* A process or thread that was met; it stays after its end. */
struct replay_task {
	uint64_t id; /* of occurrences_thread() */
	char *name;
	uint32_t children, threads;
};

/* Start from {0}. */
struct replay {
	struct replay_entry *entries; /* sorted after replay_read() */
	uint32_t n, cap;
	struct replay_task *tasks;
	uint32_t n_tasks, cap_tasks;
	struct sc_set by_id;
	FILE *log; /* or NULL */
};

/* Read what replay_note() wrote. 0 or CLI_TROUBLE, said with the place. */
int replay_read(const struct cli *cli, struct replay *r, const char *file);
/* Write to @file from now on. 0 or CLI_TROUBLE, said. */
int replay_log(struct replay *r, const char *file);
/* The name of who makes the call, valid until the next one is asked for; NULL: no memory. @program is the first
 * process. */
const char *replay_task(struct replay *r, struct sluice_request *request, pid_t program);
/* What this call gets; NULL: nothing. */
struct injection *replay_find(
	const struct replay *r, const char *task, uint32_t arch, int nr, uint64_t occurrence);
/* Write a line. 0 or -errno. */
int replay_note(struct replay *r, const char *task, uint32_t arch, const char *call,
	uint64_t occurrence, const char *effect);
/* The log is written. 0 or -errno. */
int replay_end(struct replay *r);
void replay_clear(struct replay *r);

#endif
