/* Start, signals, job control and end of a program under supervision.
 * SPDX-License-Identifier: MIT
 *
 * The program shares the tool's process group, so that the terminal's own signals reach
 * both and the shell sees one job. The tool does not act on them: it lives as long as the
 * program does, and stops after the program has stopped. If it stopped at once, the
 * program could not make the calls that it makes before it stops, for nobody would
 * answer. */
#include "live.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sluice-calls.h>

#include "util/cleanup.h"

#define WAIT_MS	   200
#define SIGNAL_NOW SIGURG /* nobody's: programs with urgent data aside, all ignore it */

/* The handlers' only view: a pidfd, or -1 while there is no program. */
static volatile sig_atomic_t target_fd = -1;
static volatile sig_atomic_t child_changed, end_asked, interrupts;

static const int taken[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGTSTP, SIGCHLD};
#define TAKEN (sizeof(taken) / sizeof(taken[0]))

static void on_signal(int sig, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)context;
	if (sig == SIGCHLD) {
		child_changed = 1;
	} else if (target_fd < 0) {
		end_asked = sig != SIGTSTP && sig != SIGUSR1 && sig != SIGUSR2;
	} else if (info->si_code <= 0) {
		/* Somebody sent it to the tool alone. What the terminal sends (si_code
		 * SI_KERNEL) the program has got itself. */
		syscall(SYS_pidfd_send_signal, target_fd, sig, NULL, 0);
	} else {
		interrupts += sig == SIGINT || sig == SIGQUIT;
	}
	errno = saved;
}

int cli_live_interrupts(void)
{
	return interrupts;
}

static void take_signals(struct sigaction old[TAKEN])
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < TAKEN; i++) {
		sigaction(taken[i], NULL, &old[i]);
		/* nohup(1) and shells mean it: the program inherits what is ignored. */
		if (old[i].sa_handler != SIG_IGN || taken[i] == SIGCHLD)
			sigaction(taken[i], &sa, NULL);
	}
}

static void give_back_signals(const struct sigaction old[TAKEN])
{
	for (size_t i = 0; i < TAKEN; i++)
		sigaction(taken[i], &old[i], NULL);
}

static void on_time(int sig)
{
	(void)sig;
}

/* A busy supervisor waits in an ioctl(2) that only signals end (receive_waits). One that
 * comes just before it is lost, so they come again and again. */
static int start_clock(timer_t *timer)
{
	struct itimerspec each = {{0, WAIT_MS * 1000000}, {0, WAIT_MS * 1000000}};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGNAL_NOW};
	struct sigaction sa = {.sa_handler = on_time};
	sigset_t now;

	if (timer_create(CLOCK_MONOTONIC, &event, timer))
		return -errno;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGNAL_NOW, &sa, NULL);
	sigemptyset(&now);
	sigaddset(&now, SIGNAL_NOW);
	pthread_sigmask(SIG_UNBLOCK, &now, NULL);
	timer_settime(*timer, 0, &each, NULL);
	return 0;
}

static void stop_clock(timer_t timer, const struct sigaction *old)
{
	timer_delete(timer);
	sigaction(SIGNAL_NOW, old, NULL);
}

/* True once the program has ended; it stays a zombie for finish(). */
static bool look_at(struct cli_live *live, pid_t pid)
{
	siginfo_t info = {0};

	child_changed = 0;
	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) ||
		!info.si_pid)
		return false;
	if (info.si_code != CLD_STOPPED)
		return true;
	if (live->alone)
		return false;
	/* Take the report, and stop as the program did: the shell gets the terminal. */
	if (waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG) == 0 && info.si_pid) {
		cli_progress_hide(live->cli);
		raise(SIGSTOP);
		syscall(SYS_pidfd_send_signal, target_fd, SIGCONT, NULL, 0);
	}
	return false;
}

/* linux/sched/types.h, which some libcs declare, too */
struct thread_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/* A call that waits to be received is interrupted by signals, wait_killable or not: a
 * program whose handlers lack SA_RESTART then sees EINTR of calls that never have it,
 * fork(2) first of all. So whoever receives comes first: by a short slice (Linux 6.12),
 * and by its nice value where that is permitted; but a program that is confined must not
 * take the machine's time by making calls. What this process starts has neither. */
static void come_first(const struct cli_live *live)
{
	struct thread_attr attr = {.size = sizeof(attr),
		.policy = SCHED_OTHER,
		.flags = SCHED_FLAG_RESET_ON_FORK,
		.nice = -20,
		.runtime = 100000};

	if (!live->confines && syscall(SYS_sched_setattr, 0, &attr, 0) == 0)
		return;
	attr.nice = getpriority(PRIO_PROCESS, 0);
	syscall(SYS_sched_setattr, 0, &attr, 0);
}

/* As env(1) and shells have it. */
static int not_executed(struct cli_live *live, char **argv, int rc)
{
	cli_progress_end(live->cli);
	cli_error(live->cli, "cannot execute %s: %s", argv[0], strerror(-rc));
	return rc == -ENOENT ? 127 : 126;
}

static int finish(
	struct cli_live *live, struct sluice_child *child, char **argv, int *status)
{
	int st, rc = sluice_wait(live->supervisor, child, &st);

	if (rc)
		return not_executed(live, argv, rc);
	live->signal = WIFSIGNALED(st) ? WTERMSIG(st) : 0;
	*status = WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
	return 0;
}

static int answer(
	struct cli_live *live, struct sluice_child *child, char **argv, int *status)
{
	bool over = false;

	while (sluice_active(live->supervisor)) {
		int rc = sluice_dispatch(live->supervisor, WAIT_MS);

		if (rc < 0 && rc != -EINTR)
			return cli_error(
				live->cli, "cannot answer calls: %s", strerror(-rc));
		if (!over && (child_changed || rc <= 0) && look_at(live, child->pid)) {
			over = true;
			target_fd = -1;
			/* At once: before Linux 6.11 a listener has its target until then. */
			rc = finish(live, child, argv, status);
			if (rc)
				return rc;
		}
		if (over && end_asked) {
			cli_progress_end(live->cli);
			cli_warn(live->cli,
				"not waiting for what the program left behind: "
				"its system calls fail from now on");
			return 0;
		}
		if (live->tick)
			live->tick(live->data);
	}
	return over ? 0 : finish(live, child, argv, status);
}

static int spawn(struct cli_live *live, scmp_filter_ctx filter, char **argv,
	struct sluice_child *child)
{
	struct sluice_error error = {0};
	int rc;

	child->error = &error;
	child->program = live->program;
	child->landlock_fd = live->ruleset;
	if (live->stdio) {
		child->stdin_fd = live->stdio[0];
		child->stdout_fd = live->stdio[1];
		child->stderr_fd = live->stdio[2];
	}
	/* Without it a signal interrupts calls that are being answered, and the program
	 * sees EINTR where it never did. Kernels before 5.19 have no such thing. */
	child->wait_killable = true;
	rc = sluice_spawn(live->supervisor, filter, argv, child);
	if (rc == -EINVAL) {
		child->wait_killable = false;
		rc = sluice_spawn(live->supervisor, filter, argv, child);
	}
	child->error = NULL;
	if (rc == -ENOENT || rc == -EACCES)
		return not_executed(live, argv, rc);
	if (rc)
		return cli_error(live->cli, "%s: %s", argv[0],
			*error.message ? error.message : strerror(-rc));
	return 0;
}

/* With a clock from here on: what the program inherits is as it was. */
static int attend(
	struct cli_live *live, struct sluice_child *child, char **argv, int *status)
{
	struct sigaction old;
	timer_t timer;
	int rc;

	if (live->confines)
		return answer(live, child, argv, status);
	sigaction(SIGNAL_NOW, NULL, &old);
	rc = start_clock(&timer);
	if (rc)
		return cli_error(live->cli, "cannot have a timer: %s", strerror(-rc));
	rc = answer(live, child, argv, status);
	stop_clock(timer, &old);
	return rc;
}

static int run_words(
	struct cli_live *live, scmp_filter_ctx filter, char **argv, int *status)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sigaction old[TAKEN];
	int rc;

	child_changed = end_asked = 0;
	take_signals(old);
	rc = spawn(live, filter, argv, &child);
	if (rc == 0) {
		live->pid = child.pid;
		target_fd = child.pidfd;
		/* What came before there was anybody to send it to. */
		if (end_asked)
			syscall(SYS_pidfd_send_signal, child.pidfd, SIGTERM, NULL, 0);
		end_asked = 0;
		come_first(live);
		rc = attend(live, &child, argv, status);
		target_fd = -1;
		if (rc)
			syscall(SYS_pidfd_send_signal, child.pidfd, SIGKILL, NULL, 0);
		sluice_child_release(&child);
	}
	give_back_signals(old);
	return rc;
}

int cli_live_run(struct cli_live *live, scmp_filter_ctx filter, int *status)
{
	size_t n = (size_t)live->cli->argc;
	_cleanup_free_ char **argv = calloc(n + 1, sizeof(*argv));

	if (!argv)
		return cli_error(live->cli, "%s", strerror(ENOMEM));
	memcpy(argv, live->cli->argv, n * sizeof(*argv));
	return run_words(live, filter, argv, status);
}

scmp_filter_ctx cli_live_notify_all(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_NOTIFY);

	/* Other ABIs of the machine are other architectures to the filter. */
	if (filter &&
		seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_NOTIFY)) {
		seccomp_release(filter);
		return NULL;
	}
	return filter;
}

bool cli_live_only_allowed(const struct sluice_profile *p, const char *name)
{
	struct sluice_profile_entry e = {.size = sizeof(e)};

	for (unsigned int i = 0; sluice_profile_entry(p, i, &e) == 0; i++)
		for (unsigned int k = 0; k < e.n_names; k++)
			if (e.action != SCMP_ACT_ALLOW && strcmp(e.names[k], name) == 0)
				return false;
	return true;
}

void cli_supervisor_freep(struct sluice_supervisor **supervisor)
{
	sluice_supervisor_free(*supervisor);
}

void cli_filter_releasep(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

static ssize_t memory(uint64_t addr, void *buffer, size_t size, void *data)
{
	return sluice_read(data, addr, buffer, size);
}

void cli_live_call_text(struct sluice_request *request, char text[CLI_LIVE_CALL_MAX])
{
	static const char end[] = "...)";
	uint64_t args[6];
	ssize_t length;

	for (unsigned int i = 0; i < 6; i++)
		args[i] = sluice_arg(request, i);
	length = sluice_decode_call(sluice_arch(request), sluice_nr(request), args,
		memory, request, text, CLI_LIVE_CALL_MAX);
	if (length < 0)
		snprintf(text, CLI_LIVE_CALL_MAX, "number %d", sluice_nr(request));
	else if (length >= CLI_LIVE_CALL_MAX)
		memcpy(text + CLI_LIVE_CALL_MAX - sizeof(end), end, sizeof(end));
}
