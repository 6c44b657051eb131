/* The child of a spawn, from fork to execve: bare system calls, nothing allocated.
 * SPDX-License-Identifier: MIT */
#include "supervise/child.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

const char *sc_sluice_stage(int stage)
{
	static const char *const names[] = {"cannot start", "cannot set up stdio",
		"cannot change user or group", "cannot enter the working directory",
		"no such program in PATH", "cannot set no_new_privs", "cannot load the filter"};

	return names[stage];
}

static void __attribute__((noreturn)) quit(int status)
{
	for (;;)
		syscall(SYS_exit_group, status);
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

	if (gid != SLUICE_KEEP && (syscall(SYS_setgroups, 0, NULL) ||
					  syscall(SYS_setresgid, gid, gid, gid)))
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

/* No call may be made here. If the parent was killed in this very moment nobody would ever
 * answer one, so after half a minute (of a clock that is no system call) end by a fault. */
static void await_go(const struct plan *plan)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (unsigned n = 0; !atomic_load_explicit(&plan->share->go, memory_order_acquire);
		n++) {
#if defined(__x86_64__) || defined(__i386__)
		__builtin_ia32_pause();
#endif
		if (n % 65536 == 0 && clock_gettime(CLOCK_MONOTONIC, &now) == 0 &&
			now.tv_sec - start.tv_sec > 30)
			__builtin_trap();
	}
}

void sc_sluice_child_main(const struct plan *plan)
{
	const char *program;
	long fd;

	set_stdio(plan);
	set_user(plan);
	if (plan->child->cwd && syscall(SYS_chdir, plan->child->cwd))
		fail(plan, STAGE_CWD);
	program = find_program(plan);
	reset_signals(plan);
	if (plan->no_new_privs && syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fail(plan, STAGE_NNP);
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, plan->flags, &plan->prog);
	if (fd < 0)
		fail(plan, STAGE_LOAD);
	atomic_store_explicit(&plan->share->listener, (int)fd, memory_order_release);
	await_go(plan);
	syscall(SYS_execve, program, plan->argv, plan->envp);
	atomic_store(&plan->share->exec_error, errno);
	quit(127);
}
