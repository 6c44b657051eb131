/* Processes and threads of the library, and the descriptors that they do not need.
 * SPDX-License-Identifier: MIT */
#include "util/util.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* fork() without what comes with it: handlers of pthread_atfork(3), and, with no exit signal in
 * @flags, a child that the program's own wait(2) and SIGCHLD never see. */
pid_t sc_sluice_fork(int flags)
{
#if defined(__s390__)
	return (pid_t)syscall(SYS_clone, 0, (long)flags, 0, 0, 0);
#else
	return (pid_t)syscall(SYS_clone, (long)flags, 0, 0, 0, 0);
#endif
}

static pid_t fork_pidfd(int wanted, int *pidfd)
{
	long flags = wanted | (pidfd ? CLONE_PIDFD : 0);

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
pid_t sc_sluice_fork_hidden(int flags, int *pidfd)
{
	bool hide;
	pid_t pid;
	int error;

	pthread_mutex_lock(&one);
	hide = prctl(PR_GET_DUMPABLE) == 1 && prctl(PR_SET_DUMPABLE, 0) == 0;
	pid = fork_pidfd(flags, pidfd);
	if (pid == 0) {
		one = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER; /* its copy of ours */
		return 0;
	}
	error = errno;
	if (hide)
		prctl(PR_SET_DUMPABLE, 1);
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

/* How the child @pid of ours ended, or -1. Of our user there may be processes of a target in its pid
 * namespace, which may stop and kill it. */
static int await_end(pid_t pid)
{
	int status;

	for (;;) {
		if (syscall(SYS_wait4, pid, &status, __WALL | WUNTRACED, NULL) < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (!WIFSTOPPED(status))
			return status;
		syscall(SYS_kill, pid, SIGKILL);
	}
}

/* What is to be closed. */
struct heap {
	const int *fds;
	const bool *is_socket;
	unsigned count;
};

static bool has(const struct heap *heap, bool wanted)
{
	for (unsigned i = 0; i < heap->count; i++)
		if (heap->is_socket[i] == wanted)
			return true;
	return false;
}

static void close_all(const struct heap *heap, bool wanted)
{
	for (unsigned i = 0; i < heap->count; i++)
		if (heap->is_socket[i] == wanted)
			syscall(SYS_close, heap->fds[i]);
}

static void linger_no_more(const struct heap *heap)
{
	static const struct linger none;

	for (unsigned i = 0; i < heap->count; i++)
		setsockopt(heap->fds[i], SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

/* close(2) waits for what lingers in a socket, if it is the last. So the last is a process that ends:
 * the kernel does not linger then. Twice forked, so that it is init's. */
static void discard_sockets(const struct heap *heap)
{
	int pipe[2] = {-1, -1}, status = -1;
	pid_t pid = -1;

	if (!has(heap, true))
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
	if (pid > 0)
		status = await_end(pid);
	if (status) /* no process to be had: the best that is left */
		linger_no_more(heap);
	close_all(heap, true);
	for (int i = 0; i < 2; i++)
		if (pipe[i] >= 0)
			syscall(SYS_close, pipe[i]);
}

/* A file system hears of each close(2), not of the last alone (FUSE_FLUSH), and may take its time; a signal
 * ends no such wait. So a process closes them that shares our descriptors. If we end while it
 * waits, all of ours stay open as long. */
static void discard_files(const struct heap *heap)
{
	int status = -1;
	pid_t pid;

	if (!has(heap, false))
		return;
	pid = sc_sluice_fork_hidden(CLONE_FILES, NULL);
	if (pid == 0) {
		pid = sc_sluice_fork(CLONE_FILES);
		if (pid == 0)
			close_all(heap, false);
		for (;;)
			syscall(SYS_exit_group, pid < 0);
	}
	if (pid > 0)
		status = await_end(pid);
	/* If it was killed there may be a second one all the same, and the numbers be other files' by
	 * now. */
	if (pid < 0 || (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status)))
		close_all(heap, false);
}

/* Close up to MAX_RIGHTS descriptors that came from a target or a peer, without waiting for them. Bare. */
void sc_sluice_discard(const int *fds, unsigned count)
{
	bool is_socket[MAX_RIGHTS];
	const struct heap heap = {fds, is_socket, count};

	for (unsigned i = 0; i < count; i++) {
		int type;
		socklen_t size = sizeof(type);

		is_socket[i] = getsockopt(fds[i], SOL_SOCKET, SO_TYPE, &type, &size) == 0;
	}
	discard_files(&heap);
	discard_sockets(&heap);
}
