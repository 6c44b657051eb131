/* fork() without what comes with it: handlers of pthread_atfork(3), and, with @exit_signal 0,
 * a child that the program's own wait(2) and SIGCHLD never see.
 * SPDX-License-Identifier: MIT */
#include "supervise/internal.h"

#include <sched.h>

/* That child, and a pidfd of it (5.2), of which no descriptor would mean no child. */
pid_t sc_sluice_fork_pidfd(int *pidfd)
{
#if defined(__s390__)
	return (pid_t)syscall(SYS_clone, 0, CLONE_PIDFD, pidfd, 0, 0);
#else
	return (pid_t)syscall(SYS_clone, CLONE_PIDFD, 0, pidfd, 0, 0);
#endif
}

pid_t sc_sluice_fork(int exit_signal)
{
#if defined(__s390__)
	return (pid_t)syscall(SYS_clone, 0, (long)exit_signal, 0, 0, 0);
#else
	return (pid_t)syscall(SYS_clone, (long)exit_signal, 0, 0, 0, 0);
#endif
}
