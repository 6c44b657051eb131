/* One run of a sweep, in two processes of its own. The inner one is the supervisor. The
 * outer one, the warden, adopts whatever loses its parent, and ends all of it. The tool
 * itself adopts nothing: it may have children that are none of the sweep's business.
 * SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proc.h"
#include "sweep.h"
#include "util/cleanup.h"

#define SLICE_MS 100
#define END_S	 10 /* for processes to end that were killed */

static volatile sig_atomic_t interrupted; /* the signal */

static void on_signal(int sig)
{
	interrupted = sig;
}

void sweep_begin(void)
{
	static const int ends[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM};
	struct sigaction action = {.sa_handler = on_signal}, old;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(ends[i], &action, NULL);
	/* Children are waited for. */
	action.sa_handler = SIG_DFL;
	sigaction(SIGCHLD, &action, NULL);
}

struct sweep_run *sweep_run_new(void)
{
	void *p = mmap(NULL, sizeof(struct sweep_run), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void sweep_run_free(struct sweep_run **run)
{
	if (*run)
		munmap(*run, sizeof(**run));
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A session of its own: the terminal's signals, and kill(0) of the program, stay on their
 * side. It does not outlive @parent. */
static void begin_session(pid_t parent, int sig)
{
	setsid();
	prctl(PR_SET_PDEATHSIG, sig, 0, 0, 0);
	if (getppid() != parent)
		_exit(1);
}

enum waited {
	WAITED_ENDED,
	WAITED_LATE,
	WAITED_ASKED, /* a signal came */
	WAITED_FAILED /* said */
};

static enum waited wait_for(const struct cli *cli, pid_t pid, double limit)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	double until = now() + limit;

	if (fd < 0) {
		cli_error(cli, "pidfd_open: %s", strerror(errno));
		return WAITED_FAILED;
	}
	for (;;) {
		/* In slices: a signal may come just before. */
		bool late = limit > 0 && now() >= until;
		int n = poll(&p, 1, late || interrupted ? 0 : SLICE_MS);

		if (n > 0)
			return WAITED_ENDED;
		if (n < 0 && errno != EINTR) {
			cli_error(cli, "poll: %s", strerror(errno));
			return WAITED_FAILED;
		}
		if (interrupted)
			return WAITED_ASKED;
		if (late)
			return WAITED_LATE;
	}
}

/* ---- the supervisor
 * ------------------------------------------------------------------------ */

static void __attribute__((noreturn)) supervise(const struct injecting *template,
	scmp_filter_ctx filter, pid_t parent, struct sweep_run *out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int stdio[3] = {null, null, null};
	struct injecting in = *template;
	struct cli_live live = {
		.cli = in.cli, .ruleset = -1, .stdio = stdio, .alone = true};

	begin_session(parent, SIGKILL);
	in.probe = &out->probe;
	if (null < 0)
		out->rc = cli_error(in.cli, "/dev/null: %s", strerror(errno));
	else
		out->rc = injecting_run(&in, filter, &live, &out->status);
	out->signal = live.signal;
	out->done = true;
	fflush(stderr);
	_exit(0);
}

/* ---- the warden
 * ---------------------------------------------------------------------------- */

static void kill_children(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		unsigned long long parent;

		if (isdigit((unsigned char)*e->d_name) &&
			cli_proc_stat(atoi(e->d_name), CLI_STAT_PARENT, &parent) &&
			parent == (unsigned long long)getpid())
			kill(atoi(e->d_name), SIGKILL);
	}
	if (dir)
		closedir(dir);
}

/* Those that lose their parents become children of this process, round by round. */
static bool end_all(void)
{
	static const struct timespec nap = {0, 2000000};
	double until = now() + END_S;

	do {
		pid_t pid;

		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0 && errno == ECHILD)
			return true;
		kill_children();
		nanosleep(&nap, NULL);
	} while (now() < until);
	return false;
}

static void __attribute__((noreturn)) guard(const struct injecting *in,
	scmp_filter_ctx filter, pid_t parent, double limit, struct sweep_run *out)
{
	pid_t own = getpid(), pid;
	enum waited waited;

	begin_session(parent, SIGTERM);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid = fork();
	if (pid < 0) {
		cli_error(in->cli, "fork: %s", strerror(errno));
		_exit(1);
	}
	if (pid == 0)
		supervise(in, filter, own, out);
	waited = wait_for(in->cli, pid, limit);
	out->hung = waited == WAITED_LATE;
	if (!end_all()) {
		cli_error(in->cli, "processes of the program cannot be ended");
		_exit(1);
	}
	out->lost = waited == WAITED_ENDED && !out->done;
	_exit(waited == WAITED_FAILED);
}

/* ---- the tool
 * ------------------------------------------------------------------------------ */

int sweep_run_once(const struct injecting *in, scmp_filter_ctx filter,
	const struct sweep_options *options, uint64_t only, double limit,
	struct sweep_run *out)
{
	pid_t own = getpid(), pid;
	double start = now();
	enum waited waited;
	int status = 0;

	memset(out, 0, sizeof(*out));
	out->probe.only = only;
	out->probe.at_end = options->no_leaks ? NULL : sweep_files_note;
	out->probe.data = &out->files;
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return cli_error(in->cli, "fork: %s", strerror(errno));
	if (pid == 0)
		guard(in, filter, own, limit, out);
	waited = wait_for(in->cli, pid, 0);
	if (waited != WAITED_ENDED)
		kill(pid, SIGTERM);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	out->seconds = now() - start;
	if (interrupted)
		return 128 + interrupted;
	if (waited != WAITED_ENDED || (WIFEXITED(status) && WEXITSTATUS(status)))
		return CLI_TROUBLE;
	out->lost = out->lost || !WIFEXITED(status);
	return out->hung || out->lost ? 0 : out->rc;
}
