/* Processes and threads of the library, and the descriptors that they do not need.
 * SPDX-License-Identifier: MIT */
#include "util/util.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

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

static pid_t fork_pidfd(int *pidfd)
{
	long flags = pidfd ? CLONE_PIDFD : 0;

#if defined(__s390__)
	return (pid_t)syscall(SYS_clone, 0, flags, pidfd, 0, 0);
#else
	return (pid_t)syscall(SYS_clone, flags, 0, pidfd, 0, 0);
#endif
}

/* A child that is not to be traced, nor its descriptors taken, by whoever has our user: it may be in
 * the pid namespace of targets, without their filters. That is a property of its memory, which it has
 * from ours, so ours has it for that moment; set by the child itself it would come late. @pidfd (5.2) or
 * NULL; without a descriptor for it there is no child. */
pid_t sc_sluice_fork_hidden(int *pidfd)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	bool hide;
	pid_t pid;
	int error;

	pthread_mutex_lock(&one);
	hide = prctl(PR_GET_DUMPABLE) == 1 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
	pid = fork_pidfd(pidfd);
	if (pid == 0)
		return 0;
	error = errno;
	if (hide)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	pthread_mutex_unlock(&one);
	errno = error;
	return pid;
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
