/* Processes and threads of the library, and the descriptors that they do not need.
 * SPDX-License-Identifier: MIT */
#include "util/util.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

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

static pid_t fork_pidfd(int exit_signal, int *pidfd)
{
	long flags = exit_signal | (pidfd ? CLONE_PIDFD : 0);

#if defined(__s390__)
	return (pid_t)syscall(SYS_clone, 0, flags, pidfd, 0, 0);
#else
	return (pid_t)syscall(SYS_clone, flags, 0, pidfd, 0, 0);
#endif
}

static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

/* A child that is not to be traced, nor its descriptors taken, by whoever has our user: it may be in
 * the pid namespace of targets, without their filters. That is a property of its memory, which it has
 * from ours, so ours has it for that moment; set by the child itself it would come late. It lasts until the child executes a program or
 * becomes another user. @pidfd (5.2) or NULL; without a descriptor for it there is no child. */
pid_t sc_sluice_fork_hidden(int exit_signal, int *pidfd)
{
	bool hide;
	pid_t pid;
	int error;

	pthread_mutex_lock(&one);
	hide = prctl(PR_GET_DUMPABLE) == 1 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
	pid = fork_pidfd(exit_signal, pidfd);
	if (pid == 0) {
		one = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER; /* its copy of ours */
		return 0;
	}
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

/* Ends after the other end of @pipe has been closed. */
static void __attribute__((noreturn)) outlast(const int *pipe)
{
	char byte;

	syscall(SYS_close, pipe[1]);
	while (syscall(SYS_read, pipe[0], &byte, 1) < 0 && errno == EINTR)
		;
	for (;;)
		syscall(SYS_exit_group, 0);
}

/* Close descriptors that came from a target or a peer, without waiting. close(2) waits for what lingers
 * in a socket, or for the server of a file system, if it is the last. So the last is a process
 * that ends: the kernel does not linger then, and what waits all the same is nobody's business.
 * Twice forked, so that it is init's. Bare. */
void sc_sluice_discard(const int *fds, unsigned count)
{
	static const struct linger none;
	int pipe[2] = {-1, -1}, status;
	pid_t pid = -1;

	if (!count)
		return;
	if (syscall(SYS_pipe2, pipe, O_CLOEXEC) == 0)
		pid = sc_sluice_fork_hidden(0, NULL);
	if (pid == 0) {
		pid = sc_sluice_fork(0);
		if (pid == 0)
			outlast(pipe);
		for (;;)
			syscall(SYS_exit_group, pid < 0);
	}
	while (pid > 0 && syscall(SYS_wait4, pid, &status, __WALL, NULL) < 0 && errno == EINTR)
		;
	for (unsigned i = 0; i < count; i++) {
		if (pid < 0 || status) /* no process to be had: the best that is left */
			setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &none, sizeof(none));
		syscall(SYS_close, fds[i]);
	}
	for (int i = 0; i < 2; i++)
		if (pipe[i] >= 0)
			syscall(SYS_close, pipe[i]);
}
