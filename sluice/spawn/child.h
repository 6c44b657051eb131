/* What the parent prepares for the child of a spawn, and what comes back.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CHILD_H
#define SLUICE_CHILD_H

#include "core/core.h"

#include <linux/filter.h>
#include <linux/futex.h>
#include <signal.h>

enum stage {
	STAGE_NONE,
	STAGE_STDIO,
	STAGE_USER,
	STAGE_CWD,
	STAGE_FIND,
	STAGE_NNP,
	STAGE_LANDLOCK,
	STAGE_LOAD,
	STAGE_CLOSER,
	STAGE_POLL, /* of the closer from here on */
	STAGE_READ,
	STAGE_SEND
};

struct share {
	atomic_int listener; /* the child's number, -1 before */
	atomic_int failed, stage, error;
	atomic_int silent; /* the child could not say that it loads its filter */
	atomic_int closed; /* the parent has the listener, and the child has it no more */
	atomic_int exec_error;
};

struct plan {
	struct sock_filter *filter;
	struct sock_fprog prog;
	unsigned long flags;
	bool may_write,
		may_wait; /* the filter allows the child's two calls (allowed.c) */
	bool no_new_privs, wait_killable;
	int landlock;	  /* a ruleset, or -1 */
	char *candidates; /* NUL-separated, an empty one at the end */
	char *const *argv, *const *envp;
	struct sluice_child *child;
	const gid_t *groups;
	size_t n_groups;
	bool set_groups;
	bool hidden;	  /* nobody traces it before it runs the program */
	bool early;	  /* the closer starts as the parent's user */
	uint64_t handled; /* signals with a handler, bit 0: signal 1 */
	sigset_t mask;
	bool taken;	  /* we got the listener, and the supervisor refused it */
	struct share *share;
	const struct sluice_supervisor *sv;
	int ours, theirs; /* a pair of sockets: the child says that it loads its filter,
			   * the parent tells the closer what to do, and the closer sends
			   * the listener */
	int parent;	  /* a pidfd: the child may be in another pid namespace */
};

/* What the closer is told. */
enum {
	SPAWN_SEND = 's',
	SPAWN_CLOSE = 'c'
};

const char *sc_spawn_stage(int stage);
/* The calls that the child makes under its filter if that allows them, as the kernel sees
 * them. */
#define WAKE_PARENT(plan)                                                                \
	SYS_write, (long)(plan)->theirs, (long)(plan)->share, 1L, 0L, 0L, 0L
#define WAIT_CLOSED(share)                                                               \
	SYS_futex, (long)&(share)->closed, (long)FUTEX_WAIT, 0L, 0L, 0L, 0L
void sc_spawn_find_allowed(struct plan *plan);
bool sc_spawn_set_user(const struct plan *plan);
bool sc_spawn_start_closer(const struct plan *plan);
void sc_spawn_child_main(const struct plan *plan) __attribute__((noreturn));

#endif
