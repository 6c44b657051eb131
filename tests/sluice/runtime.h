/* Containers and their runtimes, as an OCI server sees them.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_RUNTIME_H
#define SLUICE_RUNTIME_H

#include "tap.h"

/* A process with a filter that notifies mkdir; makes that call when told to. */
struct box {
	pid_t pid;
	int listener;           /* the only one there is */
	int go;
};

struct box new_box(void);
/* The same with another root directory, and in @cwd there. */
struct box new_box_in(const char *root, const char *cwd);
/* Let it make its call and end; 0 or the call's errno. @sv: dispatch meanwhile, or NULL. */
int open_box(struct box *box, struct sluice_supervisor *sv);

int dial(const char *path);
/* -1 with errno if nobody is there any more. */
ssize_t send_fds(int socket, const char *text, size_t size, const int *fds, int count);
ssize_t send_fds_flags(int socket, const char *text, size_t size, const int *fds, int count,
	int flags);
/* The descriptor beside the one byte that comes (close on exec), or -1 if there is none. */
int receive_fd(int socket);
/* All of @text over a new connection, beside the descriptors. */
void offer_fds(const char *path, const char *text, const int *fds, int count);
/* The box' only listener, with a document that names it; closes it here. */
void offer_box(const char *path, struct box *box);
extern const char document[]; /* {"fds":["seccompFd"],...}: of offer_box() */

/* How many keepers there are (zombies that init has not seen yet apart); each gets @sig. */
int keepers(int sig);

#endif
