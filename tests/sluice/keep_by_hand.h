/* A keeper that the test tells what a supervisor would and would not.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_KEEP_BY_HAND_H
#define SLUICE_KEEP_BY_HAND_H

#include "keep/keep.h"
#include "runtime.h"

#define FEW 32

extern struct by_hand {
	struct journal *journal, *predecessor;
	int journal_fd, socket; /* of the supervisor */
	pid_t keeper, supervisor;
	int door;  /* of the next keeper; 0: none */
	uid_t uid; /* of the keeper, with a limit of FEW descriptors; 0: as we */
	struct place_id made;
	char path[108]; /* to where that is to go */
} h;

struct journal *new_journal(uint32_t baton, int *fd);
/* A keeper of a supervisor that never says or does anything of its own. */
void start_keeper(uint32_t baton);
void say(uint32_t kind, const struct kept *kept, int fd, int count);
struct kept of(uint32_t kind, uint32_t id);
/* A box whose listener only the keeper has. */
struct box give_box(uint32_t id);
void kill_supervisor(void);
/* It ends when it has nothing to answer any more. */
void check_end(uint32_t baton);
/* Until the keeper has so many descriptors. */
void await_fds(int wanted);
int visit(const char *path);
/* Our end of a pass. */
int give_pass(void);

#endif
