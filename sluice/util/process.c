/* Processes and threads of the library, and the descriptors that they do not need.
 * SPDX-License-Identifier: MIT */
#include "util/util.h"

#include <sched.h>
#include <signal.h>

/* fork() without what comes with it: handlers of pthread_atfork(3), and, with @exit_signal 0,
 * a child that the program's own wait(2) and SIGCHLD never see. */
pid_t sc_sluice_fork(int exit_signal)
{
#if defined(__s390__)
	return (pid_t)syscall(SYS_clone, 0, (long)exit_signal, 0, 0, 0);
#else
	return (pid_t)syscall(SYS_clone, (long)exit_signal, 0, 0, 0, 0);
#endif
}

/* That child, and a pidfd of it (5.2), of which no descriptor would mean no child. */
pid_t sc_sluice_fork_pidfd(int *pidfd)
{
#if defined(__s390__)
	return (pid_t)syscall(SYS_clone, 0, CLONE_PIDFD, pidfd, 0, 0);
#else
	return (pid_t)syscall(SYS_clone, CLONE_PIDFD, 0, pidfd, 0, 0);
#endif
}

/* Threads of the library take no signals of the program. */
int sc_sluice_thread(pthread_t *thread, void *(*main)(void *), void *data)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(thread, NULL, main, data);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -rc;
}

static bool is_kept(const int *keep, unsigned count, int fd)
{
	for (unsigned i = 0; i < count; i++)
		if (keep[i] == fd)
			return true;
	return false;
}

/* Close everything but @keep (those that are not negative). Bare: in a process that lives longer
 * than what forked it means, nobody's pipe is to stay open because of that. */
void sc_sluice_close_others(const int *keep, unsigned count)
{
	unsigned next = 0;

	while (next != ~0u) {
		unsigned end = ~0u; /* the first one to keep from @next on */

		for (unsigned i = 0; i < count; i++)
			if (keep[i] >= 0 && (unsigned)keep[i] >= next && (unsigned)keep[i] < end)
				end = (unsigned)keep[i];
		if (end != next && syscall(SYS_close_range, next, end == ~0u ? end : end - 1, 0) &&
			errno == ENOSYS) { /* before 5.9 */
			for (int fd = 0; fd < 4096; fd++)
				if (!is_kept(keep, count, fd))
					syscall(SYS_close, fd);
			return;
		}
		next = end == ~0u ? end : end + 1;
	}
}
