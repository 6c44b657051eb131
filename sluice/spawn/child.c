/* The child of a spawn, from fork to execve: bare system calls, nothing allocated.
 * SPDX-License-Identifier: MIT */
#include "spawn/child.h"

#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

const char *sc_spawn_stage(int stage)
{
	static const char *const names[] = {"cannot start", "cannot set up stdio",
		"cannot change user or group", "cannot enter the working directory",
		"no such program in PATH", "cannot set no_new_privs", "cannot enforce Landlock",
		"cannot load the filter"};

	return names[stage];
}

/* If that too is refused (a keeper) or nobody is there to ask (ENOSYS): by a fault. Inline,
 * because sanitizers make calls of their own before those that do not return. */
static inline void __attribute__((noreturn, always_inline)) quit(int status)
{
	syscall(SYS_exit_group, status);
	__builtin_trap();
}

static void __attribute__((noreturn)) fail(const struct plan *plan, int stage)
{
	atomic_store(&plan->share->stage, stage);
	atomic_store(&plan->share->error, errno);
	atomic_store(&plan->share->failed, 1);
	quit(127);
}

/* First all out of the way, then down: a wanted 0 may be the caller's 1. */
static void set_stdio(const struct plan *plan)
{
	int fd[3] = {plan->child->stdin_fd, plan->child->stdout_fd, plan->child->stderr_fd};

	for (int i = 0; i < 3; i++)
		if (fd[i] >= 0) {
			fd[i] = (int)syscall(SYS_fcntl, fd[i], F_DUPFD_CLOEXEC, 3);
			if (fd[i] < 0)
				fail(plan, STAGE_STDIO);
		}
	for (int i = 0; i < 3; i++)
		if (fd[i] >= 0 && syscall(SYS_dup3, fd[i], i, 0) < 0)
			fail(plan, STAGE_STDIO);
}

static void set_user(const struct plan *plan)
{
	unsigned gid = plan->child->gid, uid = plan->child->uid;

	if (plan->set_groups && syscall(SYS_setgroups, plan->n_groups, plan->groups))
		fail(plan, STAGE_USER);
	if (gid != SLUICE_KEEP && syscall(SYS_setresgid, gid, gid, gid))
		fail(plan, STAGE_USER);
	if (uid != SLUICE_KEEP && syscall(SYS_setresuid, uid, uid, uid))
		fail(plan, STAGE_USER);
}

static void reset_signals(const struct plan *plan)
{
	/* All zero is SIG_DFL in every architecture's struct. */
	static const unsigned long none[16];

	for (int sig = 1; sig <= 64; sig++)
		if (plan->handled & UINT64_C(1) << (sig - 1))
			syscall(SYS_rt_sigaction, sig, none, NULL, _NSIG / 8);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &plan->mask, NULL, _NSIG / 8);
}

static const char *find_program(const struct plan *plan)
{
	int denied = 0;

	for (const char *c = plan->candidates; *c;) {
		if (syscall(SYS_faccessat, AT_FDCWD, c, X_OK) == 0)
			return c;
		if (errno == EACCES)
			denied = 1;
		while (*c)
			c++;
		c++;
	}
	errno = denied ? EACCES : ENOENT;
	fail(plan, STAGE_FIND);
}

/* Close the child's listener for it when the parent has a duplicate, which it is sent if it asks for
 * that: the child may make no call itself then, and with a reference of its own it would wait
 * for ever for an answer to execve if the supervisor was killed. If that happens before, end the
 * child. */
static void __attribute__((noreturn)) close_for(const struct plan *plan, int child)
{
	for (;;) {
		struct pollfd p[3] = {{.fd = plan->parent, .events = POLLIN},
			{.fd = child, .events = POLLIN}, {.fd = plan->theirs, .events = POLLIN}};
		char what = 0;
		int listener;

		if (syscall(SYS_ppoll, p, 3, NULL, NULL, 0) < 0)
			continue;
		listener = atomic_load(&plan->share->listener);
		if (p[2].revents && syscall(SYS_read, plan->theirs, &what, 1) == 1 &&
			what == SPAWN_SEND)
			sc_sluice_send_rights(plan->theirs, "", 1, &listener, 1);
		if (what == SPAWN_CLOSE) {
			syscall(SYS_close, listener);
			atomic_store_explicit(&plan->share->closed, 1, memory_order_release);
			quit(0);
		}
		if (p[0].revents)
			syscall(SYS_pidfd_send_signal, child, SIGKILL, NULL, 0);
		if (p[0].revents || p[1].revents)
			quit(0);
	}
}

/* ThreadSanitizer keeps what it knows of a thread where another process would write. */
#if defined(__SANITIZE_THREAD__)
#define SHARED 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SHARED 0
#endif
#endif
#ifndef SHARED
#define SHARED CLONE_VM
#endif

#define STACK 16384u

struct closer {
	const struct plan *plan;
	int child; /* a pidfd */
};

/* Whether the child becomes somebody else, while the closer stays who we are. Who may trace the child
 * then must not write to the closer's memory. The kernel lets nobody trace it until it executes the
 * program, unless fs.suid_dumpable is 1. */
static bool changes_user(const struct plan *plan)
{
	return plan->child->uid != SLUICE_KEEP || plan->child->gid != SLUICE_KEEP || plan->set_groups;
}

/* A process with our descriptors, and our memory: copying that would take longer than all the rest. What
 * it writes there is errno, and only where a call fails; we make none that can fail while it does, and
 * it has memory of its own as soon as we execute the program. */
static pid_t start_sharing(int (*main)(void *), char *stack, int flags, struct closer *closer)
{
	if (!changes_user(closer->plan))
		flags |= SHARED;
#if defined(__hppa__) /* there it grows up */
	return clone(main, stack, CLONE_FILES | flags, closer);
#else
	return clone(main, stack + STACK, CLONE_FILES | flags, closer);
#endif
}

static int closer_main(void *data)
{
	const struct closer *closer = data;

	close_for(closer->plan, closer->child);
}

static char closer_stack[STACK] __attribute__((aligned(16)));

static int orphan_main(void *data)
{
	struct closer *closer = data;
	pid_t pid = start_sharing(closer_main, closer_stack, 0, closer);

	if (pid > 0)
		atomic_store(&closer->plan->share->closer, pid);
	quit(pid < 0 ? errno : 0);
}

/* Start who closes. Twice, so that it is init's child and not one that the
 * program finds (a parent that adopts orphans itself reaps it, see spawn.c). If we are @init only
 * where the listener must be sent, and once: what is left of it is a child without a signal, which
 * the program's wait(2) does not see without __WALL. As the parent's user: the child's may be
 * allowed no second process. */
static void start_closer(const struct plan *plan, bool init)
{
	static char orphan_stack[STACK] __attribute__((aligned(16)));
	static struct closer closer; /* outlives this frame */
	int status = 0;
	pid_t pid;

	closer.plan = plan;
	closer.child = (int)syscall(SYS_pidfd_open, syscall(SYS_getpid), 0);
	if (closer.child < 0)
		fail(plan, STAGE_NONE);
	if (init) {
		if (start_sharing(closer_main, closer_stack, 0, &closer) < 0)
			fail(plan, STAGE_NONE);
		return;
	}
	pid = start_sharing(orphan_main, orphan_stack, CLONE_VFORK, &closer);
	while (pid > 0 && syscall(SYS_wait4, pid, &status, __WALL, NULL) < 0 && errno == EINTR)
		;
	if (pid > 0 && status)
		errno = EAGAIN;
	if (pid < 0 || status)
		fail(plan, STAGE_NONE);
}

/* No call may be made here, not even for the time, which is a system call where the vDSO has no
 * clock. If nobody lets us go (somebody killed who should close the listener) then after some ten
 * seconds to minutes of looking end by a fault. */
static void await_go(const atomic_int *go)
{
	for (uint64_t n = 0; !atomic_load_explicit(go, memory_order_acquire); n++) {
#if defined(__x86_64__) || defined(__i386__)
		__builtin_ia32_pause();
#endif
		if (n >> 33)
			__builtin_trap();
	}
}

void sc_spawn_child_main(const struct plan *plan)
{
	int self = (int)syscall(SYS_getpid);
	bool init = self == 1;
	const char *program;
	long fd;

	atomic_store(&plan->share->self, self);
	set_stdio(plan);
	if (!init || plan->refused)
		start_closer(plan, init);
	set_user(plan);
	if (plan->child->cwd && syscall(SYS_chdir, plan->child->cwd))
		fail(plan, STAGE_CWD);
	program = find_program(plan);
	reset_signals(plan);
	if (plan->no_new_privs && syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fail(plan, STAGE_NNP);
	if (plan->landlock >= 0 && syscall(SYS_landlock_restrict_self, plan->landlock, 0))
		fail(plan, STAGE_LANDLOCK);
	/* The last call but one that is ours: the parent wakes, and looks for the number. */
	syscall(SYS_write, plan->theirs, "", 1);
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, plan->flags, &plan->prog);
	if (fd < 0)
		fail(plan, STAGE_LOAD);
	atomic_store_explicit(&plan->share->listener, (int)fd, memory_order_release);
	await_go(init && !plan->refused ? &plan->share->go : &plan->share->closed);
	syscall(SYS_execve, program, plan->argv, plan->envp);
	atomic_store(&plan->share->exec_error, errno);
	quit(127);
}
