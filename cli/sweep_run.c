/* One run of a sweep, in a process of its own: when that ends, or is ended, nothing of
 * the run is left.
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

#include "sweep.h"
#include "util/cleanup.h"

#define SLICE_MS 100

static volatile sig_atomic_t interrupted; /* the signal */

static void on_signal(int sig)
{
	interrupted = sig;
}

void sweep_begin(void)
{
	static const int ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	struct sigaction action = {.sa_handler = on_signal}, old;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(ends[i], &action, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
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

/* ---- what is open
 * -------------------------------------------------------------------------- */

/* Numbers in brackets differ from run to run: "socket:[4711]". */
static void without_number(char *name)
{
	char *bracket = strchr(name, '[');

	if (*name != '/' && bracket && isdigit((unsigned char)bracket[1]))
		strcpy(bracket, "[]");
}

/* A sweep_run's at_end(): its descriptors but the first three. */
static void note_files(pid_t tgid, void *data)
{
	struct sweep_run *run = data;
	struct dirent *e;
	char path[32], name[4096];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)tgid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		ssize_t n;

		if (!isdigit((unsigned char)*e->d_name) || atoi(e->d_name) < 3)
			continue;
		n = readlinkat(dirfd(dir), e->d_name, name, sizeof(name) - 1);
		if (n < 0)
			continue;
		name[n] = 0;
		without_number(name);
		n = (ssize_t)strlen(name) + 1;
		if ((size_t)n > sizeof(run->files) - run->files_size) {
			run->cut = true;
			break;
		}
		memcpy(run->files + run->files_size, name, (size_t)n);
		run->files_size += (uint32_t)n;
	}
	if (dir)
		closedir(dir);
}

static void nothing(pid_t tgid, void *data)
{
	(void)tgid;
	(void)data;
}

/* ---- the child
 * ----------------------------------------------------------------------------- */

static int supervise(const struct injecting *template, scmp_filter_ctx filter,
	const int *stdio, struct sweep_run *out)
{
	_cleanup_(cli_supervisor_freep) struct sluice_supervisor *supervisor = NULL;
	struct sluice_options options = SLUICE_OPTIONS_INIT;
	struct injecting in = *template;
	struct cli_live live = {.cli = in.cli, .ruleset = -1, .stdio = stdio};
	int rc;

	in.live = &live;
	in.probe = &out->probe;
	options.workers = INJECTING_WORKERS;
	rc = sluice_supervisor_new(&options, &supervisor);
	if (rc == 0)
		rc = sluice_on(
			supervisor, SCMP_ARCH_NATIVE, SLUICE_ANY, injecting_handle, &in);
	if (rc)
		return cli_error(in.cli, "cannot supervise: %s", strerror(-rc));
	live.supervisor = supervisor;
	rc = cli_live_run(&live, filter, &out->status);
	occurrences_clear(&in.counts);
	if (rc == 0 && in.failed)
		return cli_error(in.cli, "not every occurrence could be counted: %s",
			strerror(-in.failed));
	return rc;
}

static void __attribute__((noreturn))
child(const struct injecting *in, scmp_filter_ctx filter, struct sweep_run *out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int stdio[3] = {null, null, null};

	if (null < 0)
		out->rc = cli_error(in->cli, "/dev/null: %s", strerror(errno));
	else
		out->rc = supervise(in, filter, stdio, out);
	out->done = true;
	fflush(stderr);
	_exit(0);
}

/* ---- its end
 * ------------------------------------------------------------------------------- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The parent of a process (proc_pid_stat(5), field 4), or -1. */
static pid_t parent_of(const char *pid)
{
	char path[288], text[512], *at;
	int parent = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	at = fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
	if (!at || sscanf(at + 1, " %*c %d", &parent) != 1)
		parent = -1;
	fclose(f);
	return parent;
}

static void kill_children(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (isdigit((unsigned char)*e->d_name) &&
			parent_of(e->d_name) == getpid())
			kill(atoi(e->d_name), SIGKILL);
	if (dir)
		closedir(dir);
}

/* Those that lose their parents become children of this process, round by round. */
static int end_all(const struct cli *cli)
{
	static const struct timespec nap = {0, 2000000};
	double until = now() + 10;

	do {
		pid_t pid;

		kill_children();
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0 && errno == ECHILD)
			return 0;
		nanosleep(&nap, NULL);
	} while (now() < until);
	return cli_error(cli, "processes of the program cannot be ended");
}

/* Wait until @pid, a child, has ended: 0. 1: it takes longer, or the tool is to end. */
static int wait_for(const struct cli *cli, pid_t pid, double limit)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	double until = now() + limit;

	if (fd < 0)
		return cli_error(cli, "pidfd_open: %s", strerror(errno));
	while (!interrupted && (limit <= 0 || now() < until)) {
		/* In slices: a signal may come just before. */
		int n = poll(&p, 1, SLICE_MS);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return cli_error(cli, "poll: %s", strerror(errno));
	}
	return 1;
}

int sweep_run_once(const struct injecting *in, scmp_filter_ctx filter,
	const struct sweep_options *options, uint64_t only, double limit,
	struct sweep_run *out)
{
	double start = now();
	int rc, ended;
	pid_t pid;

	memset(out, 0, sizeof(*out));
	out->probe.only = only;
	out->probe.at_end = options->no_leaks ? nothing : note_files;
	out->probe.data = out;
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return cli_error(in->cli, "fork: %s", strerror(errno));
	if (pid == 0)
		child(in, filter, out);
	rc = wait_for(in->cli, pid, limit);
	ended = end_all(in->cli);
	out->seconds = now() - start;
	if (rc == CLI_TROUBLE || ended)
		return CLI_TROUBLE;
	if (interrupted)
		return 128 + interrupted;
	out->hung = rc == 1;
	if (out->hung)
		return 0;
	if (!out->done)
		return cli_error(
			in->cli, "the supervisor of one run ended before the run");
	return out->rc;
}
