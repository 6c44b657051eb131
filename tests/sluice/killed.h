/* A supervisor in a process of its own, to be killed, and what its targets report.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_KILLED_H
#define SLUICE_KILLED_H

#include "runtime.h"

struct report {
	int tid, nth;
	int result;             /* 0 or errno */
	int unused;
	uint64_t asked, answered; /* CLOCK_MONOTONIC */
};

/* What a supervisor's process gave its successors, or -1; the filters that it loads first, and the
 * user that it becomes (0: it stays). */
extern int pass;
extern int supervisor_filters;
extern void (*supervisor_first)(void); /* what it does before that, or NULL */
extern uid_t supervisor_uid;

int target_ask(int argc, char **argv);
int echo(struct sluice_request *req, void *data);
int echo_later(struct sluice_request *req, void *data);
int sit(struct sluice_request *req, void *data);
void load_filters(int n);
void give_pass(int socket, struct sluice_supervisor *sv);
void take_pass(int socket);
pid_t start_supervisor(const struct sluice_options *options, sluice_handler handler, int n,
	int *out);
int collect(int out, int errnum, uint64_t since, int *bad, int *refused);
void kill_it(pid_t pid);
char *door(void);
int meet_keeper(const char *path);
bool no_keeper_left(void); /* within four seconds */

#endif
