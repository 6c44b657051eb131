/* The filters of a running thread.
 *
 * ptrace(2) stops a thread, and one that never stops would hold its tracer. So a child of
 * our own traces and hands the filters through a pipe. When its time is over it is
 * killed, and the kernel lets the target go on. The child makes no call of the C library
 * that is not safe after fork() of a process with threads, and its end sends no signal.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "program/program.h"
#include "util/cleanup.h"
#include "util/vec.h"

#ifndef PTRACE_SECCOMP_GET_FILTER
#define PTRACE_SECCOMP_GET_FILTER 0x420c
#endif

#define DEFAULT_MS 2000u
/* A task has at most 2^15 instructions (kernel/seccomp.c MAX_INSNS_PER_PATH), 4 of which
 * each filter is charged beside its own. */
#define MAX_FILTERS (32768u / 5u)

/* What the child sends: a head, and the instructions of a filter behind it if there is
 * one. */
struct head {
	int32_t error;	/* errno; 0: a filter follows, or all were sent (count 0) */
	uint32_t count; /* instructions */
};

/* ---- the child -------------------------------------------------------------------- */

static bool send_all(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = write(fd, p, size); /* no signal comes */

		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

/* 0 when the thread has stopped for us, or an errno. */
static int stop(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0 ||
		ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		return errno;
	if (waitpid(pid, &status, __WALL) < 0)
		return errno;
	return WIFSTOPPED(status) ? 0 : ESRCH;
}

static int send_filters(pid_t pid, int fd)
{
	static struct sock_filter insns[SLUICE_PROGRAM_MAX];
	struct head h = {0};

	for (unsigned long depth = 0;; depth++) {
		long n = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, depth, NULL);

		if (n > 0 && n <= SLUICE_PROGRAM_MAX)
			n = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, depth, insns);
		/* Behind the last one; EINVAL at once: the thread has no filter, or the
		 * kernel no such request, which the parent tells apart. */
		if (n < 0 && errno == ENOENT)
			break;
		if (n < 0)
			return errno;
		if (n == 0 || n > SLUICE_PROGRAM_MAX)
			return EPROTO;
		h.count = (uint32_t)n;
		if (!send_all(fd, &h, sizeof(h)) ||
			!send_all(fd, insns, (size_t)n * sizeof(*insns)))
			return EPIPE;
	}
	h.count = 0;
	return send_all(fd, &h, sizeof(h)) ? 0 : EPIPE;
}

__attribute__((noreturn)) static void child(pid_t pid, int fd)
{
	struct head h = {0};
	sigset_t all;

	/* The caller's handlers are not for this process. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	h.error = stop(pid);
	if (h.error == 0)
		h.error = send_filters(pid, fd);
	if (h.error && h.error != EPIPE)
		send_all(fd, &h, sizeof(h));
	_exit(0); /* detaches: a thread that was stopped goes on */
}

/* fork() without handlers of pthread_atfork(3), whose child is waited for by __WCLONE
 * alone. */
static pid_t quiet_fork(void)
{
#if defined(__s390__)
	return (pid_t)syscall(SYS_clone, 0, 0L, 0, 0, 0);
#else
	return (pid_t)syscall(SYS_clone, 0L, 0, 0, 0, 0);
#endif
}

/* ---- the parent ------------------------------------------------------------------- */

struct reading {
	int fd;
	int64_t deadline; /* ms of CLOCK_MONOTONIC */
	struct sock_filter *insns;
	uint32_t n, cap;
	uint32_t *ends; /* of each filter */
	uint32_t n_filters, cap_filters;
};

static void reading_clear(struct reading *r)
{
	free(r->insns);
	free(r->ends);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int receive(struct reading *r, void *data, size_t size)
{
	char *to = data;

	while (size) {
		struct pollfd p = {.fd = r->fd, .events = POLLIN};
		int64_t left = r->deadline - now_ms();
		int ready = poll(&p, 1, left > 0 ? (int)left : 0);
		ssize_t n;

		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready == 0)
			return -ETIMEDOUT;
		n = ready < 0 ? -1 : read(r->fd, to, size);
		if (n == 0)
			return -ESRCH; /* the child is gone */
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n > 0) {
			to += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

static int receive_filters(struct reading *r)
{
	struct head h = {0};
	int rc;

	for (;;) {
		rc = receive(r, &h, sizeof(h));
		if (rc < 0)
			return rc;
		if (h.error)
			return -h.error;
		if (h.count == 0)
			return 0;
		if (h.count > SLUICE_PROGRAM_MAX || r->n_filters == MAX_FILTERS)
			return -EPROTO;
		rc = sc_reserve(r->insns, r->cap, r->n, h.count);
		if (rc == 0)
			rc = sc_reserve(r->ends, r->cap_filters, r->n_filters, 1);
		if (rc == 0)
			rc = receive(r, &r->insns[r->n], h.count * sizeof(*r->insns));
		if (rc < 0)
			return rc;
		r->n += h.count;
		r->ends[r->n_filters++] = r->n;
	}
}

/* The mode of the thread, SECCOMP_MODE_*, as /proc tells whoever asks; -errno. */
static int mode_of(pid_t pid)
{
	char path[64], line[256];
	int mode = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? -ESRCH : -errno;
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "Seccomp:", 8) == 0)
			mode = (int)strtol(line + 8, NULL, 10);
	fclose(f);
	return mode < 0 ? -EOPNOTSUPP : mode;
}

static int take_filters(pid_t pid, unsigned timeout_ms, struct reading *r)
{
	int pipes[2], rc;
	pid_t helper;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	helper = quiet_fork();
	if (helper == 0) {
		close(pipes[0]);
		child(pid, pipes[1]);
	}
	rc = helper < 0 ? -errno : 0;
	close(pipes[1]);
	r->fd = pipes[0];
	r->deadline = now_ms() + (timeout_ms ? timeout_ms : DEFAULT_MS);
	if (rc == 0)
		rc = receive_filters(r);
	close(pipes[0]);
	if (helper > 0) {
		kill(helper, SIGKILL);
		while (waitpid(helper, NULL, __WCLONE) < 0 && errno == EINTR)
			;
	}
	return rc;
}

static int explain(pid_t pid, int rc, struct sluice_error *error)
{
	const char *why = strerror(-rc);

	if (rc == -EACCES)
		why = "the kernel gives filters only to CAP_SYS_ADMIN, and to no process "
		      "that has "
		      "a filter itself";
	else if (rc == -EPERM)
		why = "it may not be traced, or somebody traces it already";
	else if (rc == -ESRCH)
		why = "there is no such process";
	else if (rc == -ETIMEDOUT)
		why = "it did not stop in time";
	else if (rc == -EOPNOTSUPP)
		why = "this kernel gives no filters (CONFIG_CHECKPOINT_RESTORE)";
	return sc_program_fail(error, -rc, NULL, "process %d: %s", (int)pid, why);
}

int sluice_program_of(pid_t pid, unsigned timeout_ms, struct sluice_program **program,
	struct sluice_error *error)
{
	_cleanup_(sc_program_freep) struct sluice_program *p = NULL;
	_cleanup_(reading_clear) struct reading r = {0};
	int rc = pid > 0 ? mode_of(pid) : -ESRCH;

	/* No filter stands for it: nothing would be read as "all is allowed". */
	if (rc == SECCOMP_MODE_STRICT)
		return sc_program_fail(error, EOPNOTSUPP, NULL,
			"process %d: it is in strict mode, which has no filter", (int)pid);
	if (rc > 0) {
		rc = take_filters(pid, timeout_ms, &r);
		if (rc == -EINVAL)
			rc = -EOPNOTSUPP;
	}
	if (rc < 0)
		return explain(pid, rc, error);
	p = sc_program_alloc(r.n_filters);
	if (!p)
		return sc_program_fail(error, ENOMEM, NULL, "%s", strerror(ENOMEM));
	/* The kernel counts from the one that was loaded first (get_nth_filter() of
	 * kernel/seccomp.c, whatever ptrace(2) says), and runs from the last. */
	for (uint32_t i = 0, from = 0; rc >= 0 && i < r.n_filters; i++) {
		rc = sc_program_fill(
			p, r.n_filters - 1 - i, &r.insns[from], r.ends[i] - from, error);
		from = r.ends[i];
	}
	if (rc < 0)
		return rc;
	*program = steal_ptr(p);
	return 0;
}
