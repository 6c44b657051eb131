/* The child of a spawn, from fork to execve: bare system calls, nothing allocated.
 * SPDX-License-Identifier: MIT */
#include "spawn/child.h"

#include <sys/prctl.h>
#include <sys/stat.h>

const char *sc_spawn_stage(int stage)
{
	static const char *const names[] = {"cannot start", "cannot set up stdio",
		"cannot change user or group", "cannot enter the working directory",
		"no such program in PATH", "cannot set no_new_privs",
		"cannot enforce Landlock", "cannot load the filter",
		"cannot start a thread (RLIMIT_NPROC?)",
		"cannot wait for the supervisor: ppoll(2) fails",
		"cannot hear the supervisor: read(2) fails",
		"cannot send the listener: sendmsg(2) fails"};

	/* It is from memory that the child's user may write to. */
	return names[(unsigned)stage <= STAGE_SEND ? stage : STAGE_NONE];
}

/* If that too is refused (a keeper) or nobody is there to ask (ENOSYS): by a fault.
 * Inline, because sanitizers make calls of their own before those that do not return. */
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
	int fd[3] = {
		plan->child->stdin_fd, plan->child->stdout_fd, plan->child->stderr_fd};

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

/* Processes of the child's user may stop it before its program runs. If the supervisor
 * ended then, as long as it is stopped the targets of these listeners would wait, and
 * runtimes that connect would find nobody. */
static void close_copies(const struct plan *plan)
{
	for (const struct listener *l = plan->sv->listeners.first; l; l = l->next)
		syscall(SYS_close, l->source.fd);
	for (const struct source *s = plan->sv->loop.doors; s; s = s->next_door)
		syscall(SYS_close, s->fd);
}

/* The thread has our user before it is started: of two users in one memory, each could be
 * traced by whoever has no right to the other. Only if the user may have no second
 * process it is started before, where nobody may trace either (plan->early). */
static void become_user(const struct plan *plan)
{
	if (plan->early && !sc_spawn_start_closer(plan))
		fail(plan, STAGE_CLOSER);
	if (!sc_spawn_set_user(plan))
		fail(plan, STAGE_USER);
	if (plan->hidden) /* again, where fs.suid_dumpable is 1 */
		syscall(SYS_prctl, PR_SET_DUMPABLE, 0L);
	if (!plan->early && !sc_spawn_start_closer(plan))
		fail(plan, STAGE_CLOSER);
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

/* The parent wakes, and looks for the number. False where a filter that we inherited
 * refuses the call: then the parent looks at once. */
static bool wake_parent(const struct plan *plan)
{
	if (syscall(WAKE_PARENT(plan)) == 1)
		return true;
	atomic_store(&plan->share->silent, 1);
	return false;
}

/* Whether we may wait, as far as filters are concerned that we inherited: nothing has a
 * value of 0 there, so this does not wait. */
static bool may_wait(const struct plan *plan)
{
	bool may;

	if (!plan->may_wait)
		return false;
	atomic_store(&plan->share->closed, -1);
	may = syscall(WAIT_CLOSED(plan->share)) < 0 && errno == EAGAIN;
	atomic_store(&plan->share->closed, 0);
	return may;
}

/* Unless the filter allows to wait, no call may be made here, not even for the time,
 * which is a system call where the vDSO has no clock. If nobody lets us go (somebody
 * stopped who should) then after some ten seconds to minutes of looking end by a fault.
 */
static void await_closed(struct share *share, bool wait)
{
	for (uint64_t n = 0; !atomic_load_explicit(&share->closed, memory_order_acquire);
		n++) {
		if (wait)
			syscall(WAIT_CLOSED(share));
#if defined(__x86_64__) || defined(__i386__)
		__builtin_ia32_pause();
#endif
		if (n >> 33)
			__builtin_trap();
	}
}

void sc_spawn_child_main(const struct plan *plan)
{
	const char *program;
	bool wait, write;
	long fd;

	close_copies(plan);
	set_stdio(plan);
	become_user(plan);
	if (plan->child->cwd && syscall(SYS_chdir, plan->child->cwd))
		fail(plan, STAGE_CWD);
	program = find_program(plan);
	reset_signals(plan);
	if (plan->no_new_privs && syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fail(plan, STAGE_NNP);
	if (plan->landlock >= 0 && syscall(SYS_landlock_restrict_self, plan->landlock, 0))
		fail(plan, STAGE_LANDLOCK);
	wait = may_wait(plan);
	write = wake_parent(plan);
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, plan->flags, &plan->prog);
	if (fd < 0)
		fail(plan, STAGE_LOAD);
	atomic_store_explicit(&plan->share->listener, (int)fd, memory_order_release);
	if (write && plan->may_write)
		wake_parent(plan);
	await_closed(plan->share, wait);
	syscall(SYS_execve, program, plan->argv, plan->envp);
	atomic_store(&plan->share->exec_error, errno);
	quit(127);
}
