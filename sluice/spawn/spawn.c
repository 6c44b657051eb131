/* Starting a target whose every call may notify.
 * SPDX-License-Identifier: MIT
 *
 * After the filter is loaded the child must not need a call to tell us about its
 * listener: it writes the number to shared memory, spins until we have taken a duplicate
 * with pidfd_getfd(2) and a thread of its own without a filter has closed the original,
 * and then makes one call, execve. Everything else happens before. Where pidfd_getfd is
 * refused (by an outer filter, or for want of ptrace access), that thread sends us the
 * listener. */
#include "spawn/child.h"

#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <poll.h>
#include <time.h>

static int set_error(const struct sluice_child *child, int rc, const char *text)
{
	return sc_sluice_error(child->error, rc, "%s: %s", text, strerror(-rc));
}

/* The program as the kernel wants it. Its size is bounded by the kernel's own limit. */
static int export(
	scmp_filter_ctx filter, const struct sock_fprog *program, struct plan *plan)
{
	_cleanup_close_ int fd = -1;
	off_t size;
	int rc;

	if (program) {
		plan->filter = malloc(program->len * sizeof(*program->filter));
		if (!plan->filter)
			return -ENOMEM;
		memcpy(plan->filter, program->filter,
			program->len * sizeof(*program->filter));
		plan->prog = (struct sock_fprog){program->len, plan->filter};
		return 0;
	}
	if (!sc_sluice_fits(4096 * sizeof(*plan->filter)))
		return -EFBIG; /* or half of one might be taken for it */
	fd = memfd_create("sluice-filter", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = seccomp_export_bpf(filter, fd);
	if (rc)
		return rc;
	size = lseek(fd, 0, SEEK_END);
	if (size <= 0 || size / 8 > 4096)
		return -E2BIG;
	plan->filter = malloc((size_t)size);
	if (!plan->filter)
		return -ENOMEM;
	if (pread(fd, plan->filter, (size_t)size, 0) != size)
		return -EIO;
	plan->prog = (struct sock_fprog){(unsigned short)(size / 8), plan->filter};
	return 0;
}

static bool attribute(scmp_filter_ctx filter, int attr)
{
	uint32_t value = 0;

	/* One that this libseccomp does not know is not set. */
	return filter &&
	       seccomp_attr_get(filter, (enum scmp_filter_attr)attr, &value) == 0 &&
	       value;
}

#define WAITKILL 10 /* SCMP_FLTATR_CTL_WAITKILL, an enum member since libseccomp 2.6 */

static void read_attributes(
	scmp_filter_ctx filter, const struct sluice_child *child, struct plan *plan)
{
	plan->no_new_privs = child->no_new_privs < 0
				     ? !filter || attribute(filter, SCMP_FLTATR_CTL_NNP)
				     : child->no_new_privs;
	plan->wait_killable = child->wait_killable || attribute(filter, WAITKILL);
	plan->flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	if (attribute(filter, SCMP_FLTATR_CTL_LOG))
		plan->flags |= SECCOMP_FILTER_FLAG_LOG;
	if (attribute(filter, SCMP_FLTATR_CTL_SSB))
		plan->flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	if (plan->wait_killable)
		plan->flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	/* Not TSYNC: the closer goes on without a filter, and is gone before the program
	 * runs. */
}

/* Where execvp(3) would look, as NUL-separated names; the child tries them after chdir
 * and setuid, without allocating. */
static int list_candidates(const char *name, struct plan *plan)
{
	const char *path = getenv("PATH");
	char *out;

	if (!name || !name[0])
		return -ENOENT;
	if (!path || strchr(name, '/'))
		path = strchr(name, '/') ? "" : "/usr/local/bin:/usr/bin:/bin";
	/* Each element gains at most "./", a slash, the name and two NULs. */
	out = plan->candidates =
		calloc(1, (strlen(path) + 1) * (strlen(name) + 4) + strlen(name) + 4);
	if (!out)
		return -ENOMEM;
	if (strchr(name, '/')) {
		memcpy(out, name, strlen(name) + 1);
		return 0;
	}
	for (;;) {
		size_t n = strcspn(path, ":");

		if (n)
			out += sprintf(out, "%.*s/%s", (int)n, path, name) + 1;
		else
			out += sprintf(out, "./%s", name) + 1;
		if (!path[n])
			return 0;
		path += n + 1;
	}
}

static void list_handled(struct plan *plan)
{
	for (int sig = 1; sig <= 64; sig++) {
		struct sigaction old;

		if (sigaction(sig, NULL, &old) == 0 && old.sa_handler != SIG_DFL &&
			old.sa_handler != SIG_IGN)
			plan->handled |= UINT64_C(1) << (sig - 1);
	}
}

/* Not 0 to 2, where the child's stdio goes. Takes @any. */
static int high(int any)
{
	int fd = any < 0 ? -1 : fcntl(any, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		fd = -errno;
	closep(&any);
	return fd;
}

/* What the child reaches us by. */
static int make_ways(struct plan *plan)
{
	int pair[2];

	plan->parent = high((int)syscall(SYS_pidfd_open, getpid(), 0));
	if (plan->parent < 0)
		return plan->parent;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	plan->ours = pair[0];
	plan->theirs = high(pair[1]);
	return plan->theirs < 0 ? plan->theirs : 0;
}

/* Groups of the caller's for another user only if that is said. */
static int choose_groups(const struct sluice_child *child, struct plan *plan)
{
	bool whole = child->size >= offsetof(struct sluice_child, program);
	bool keep = whole && child->keep_gid;

	if (whole && child->groups) {
		plan->groups = child->groups;
		plan->n_groups = child->n_groups;
	}
	plan->set_groups = plan->groups || child->gid != SLUICE_KEEP;
	if (child->uid == SLUICE_KEEP || child->gid != SLUICE_KEEP || keep)
		return 0;
	return sc_sluice_error(child->error, -EINVAL,
		"a uid without a gid would keep the groups of this process: set gid, or "
		"keep_gid");
}

static int make_plan(struct sluice_supervisor *sv, scmp_filter_ctx filter,
	char *const argv[], struct sluice_child *child, struct plan *plan)
{
	bool whole = child->size >= sizeof(*child);
	int rc = choose_groups(child, plan);

	if (rc)
		return rc;
	rc = export(filter, whole ? child->program : NULL, plan);
	plan->landlock = whole ? child->landlock_fd : -1;
	if (rc == -EFBIG)
		return set_error(
			child, rc, "RLIMIT_FSIZE is below the 32 KiB of a filter");
	if (rc)
		return set_error(child, rc, "cannot compile the filter");
	read_attributes(filter, child, plan);
	rc = list_candidates(argv[0], plan);
	if (rc)
		return set_error(child, rc, "no program to run");
	plan->sv = sv;
	plan->argv = argv;
	plan->envp = child->envp ? child->envp : environ;
	plan->child = child;
	rc = make_ways(plan);
	if (rc)
		return set_error(child, rc, "no descriptors for a way to the child");
	plan->share = mmap(NULL, sizeof(*plan->share), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (plan->share == MAP_FAILED) {
		plan->share = NULL;
		return set_error(child, -errno, "cannot share memory with the child");
	}
	*plan->share = (struct share){.listener = -1};
	sc_spawn_find_allowed(plan);
	return 0;
}

static void free_plan(struct plan *plan)
{
	free(plan->filter);
	free(plan->candidates);
	closep(&plan->parent);
	closep(&plan->ours);
	closep(&plan->theirs);
	if (plan->share)
		munmap(plan->share, sizeof(*plan->share));
}

static pid_t start(struct plan *plan)
{
	sigset_t all;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &plan->mask);
	list_handled(plan);
	pid = plan->hidden ? sc_sluice_fork_hidden(SIGCHLD, NULL)
			   : sc_sluice_fork(SIGCHLD);
	if (pid == 0)
		sc_spawn_child_main(plan);
	if (pid < 0)
		pid = -errno;
	pthread_sigmask(SIG_SETMASK, &plan->mask, NULL);
	return pid;
}

/* The child runs as another user by then, whose processes may stop it. */
#define LIMIT_NS 10000000000ull

/* How long to look for the number without a nap: loading a filter takes less, and the nap
 * more. */
#define LOOK_NS 2000000ull

#define NOT_YET INT_MIN

/* The child's errno, from memory that its user may write to. */
static int told(const atomic_int *error)
{
	int n = atomic_load(error);

	return n > 0 && n <= 4095 ? -n : -EPROTO;
}

/* The number, an error or NOT_YET. */
static int look(const struct plan *plan, bool dead)
{
	int n = atomic_load(&plan->share->listener);

	if (atomic_load(&plan->share->failed))
		return told(&plan->share->error);
	if (dead)
		return -ECHILD;
	return n >= 0 ? n : NOT_YET;
}

/* Wait for the number, a failure, the child's death or @until. The child says when it
 * begins to load the filter; it cannot wake us afterwards, for that would be a call of a
 * target. */
static int await_listener(const struct plan *plan, int pidfd, uint64_t until)
{
	uint64_t naps = 0;
	unsigned bytes = plan->may_write ? 2 : 1;
	long ns = 20000;
	char byte;
	int rc;

	for (;;) {
		struct pollfd p[2] = {{.fd = pidfd, .events = POLLIN},
			{.fd = naps ? -1 : plan->ours, .events = POLLIN}};
		struct timespec t = {0, ns};

		if (poll(p, COUNT(p), naps ? 0 : 100) < 0 && errno != EINTR)
			return -errno;
		/* This first: what is read next is the closer's. */
		if (!naps && recv(plan->ours, &byte, 1, MSG_DONTWAIT) == 1)
			bytes--;
		if (!naps && (!bytes || atomic_load(&plan->share->silent)))
			naps = sc_sluice_now() + LOOK_NS;
		rc = look(plan, p[0].revents);
		if (rc != NOT_YET && (rc < 0 || naps))
			return rc;
		if (sc_sluice_now() > until)
			return -ETIMEDOUT;
		if (naps && sc_sluice_now() < naps) {
			sched_yield();
		} else if (naps) {
			nanosleep(&t, NULL);
			if (ns < 1000000)
				ns *= 2;
		}
	}
}

static const char *explain_refusal(int rc)
{
	switch (rc) {
	case -EPIPE:
		return "the keeper was killed, and another one cannot be started";
	case -ENOSPC:
		return "a supervisor with a keeper serves at most 1024 listeners";
	default:
		return "the supervisor cannot serve what the child has as its listener";
	}
}

static const char *explain(const struct plan *plan, int rc)
{
	if (plan->taken)
		return explain_refusal(rc);
	if (!atomic_load(&plan->share->failed))
		return rc == -ETIMEDOUT ? "the child, or what helps to start it, does "
					  "not go on (stopped?)"
		       : rc == -ECHILD	? "the child died before its filter was loaded"
					: "cannot take the child's listener (neither by "
					  "ptrace access nor from a helper)";
	if (atomic_load(&plan->share->stage) != STAGE_LOAD)
		return sc_spawn_stage(atomic_load(&plan->share->stage));
	switch (rc) {
	case -EBUSY:
		return "a filter inherited by this process already has a listener";
	case -EACCES:
		return "loading a filter needs no_new_privs or CAP_SYS_ADMIN";
	case -EINVAL:
		return "the kernel does not take this filter or wait_killable (5.19)";
	default:
		return "cannot load the filter";
	}
}

static int tell(const struct plan *plan, char what)
{
	while (send(plan->ours, &what, 1, MSG_NOSIGNAL) != 1)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* The listener, as the closer sends it. It ends with the child; whoever has our user may
 * stop it. */
static int ask_closer(const struct plan *plan, int pidfd, uint64_t until, int *fd)
{
	unsigned count = 0;
	char byte;
	int rc;

	rc = tell(plan, SPAWN_SEND);
	if (rc)
		return rc;
	for (;;) {
		struct pollfd p[2] = {{.fd = plan->ours, .events = POLLIN},
			{.fd = pidfd, .events = POLLIN}};

		if (poll(p, COUNT(p), 100) < 0 && errno != EINTR)
			return -errno;
		if (p[0].revents)
			break;
		if (p[1].revents)
			return -ECHILD;
		if (sc_sluice_now() > until)
			return -ETIMEDOUT;
	}
	rc = sc_sluice_recv_rights(plan->ours, &byte, 1, fd, 1, &count);
	return rc ? rc : count == 1 ? 0 : -EPROTO;
}

static int adopt(struct sluice_supervisor *sv, struct plan *plan, int pidfd)
{
	uint64_t until = sc_sluice_now() + LIMIT_NS;
	int rc = await_listener(plan, pidfd, until), fd;

	if (rc < 0)
		return rc;
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, rc, 0);
	rc = fd < 0 ? ask_closer(plan, pidfd, until, &fd) : 0;
	if (rc)
		return rc;
	rc = sc_core_add_listener(sv, fd, plan->child->tag, false, plan->wait_killable);
	plan->taken = rc != 0;
	if (rc) /* if it is none, it is whatever the child's user put in its place */
		sc_sluice_discard_one(fd);
	return rc;
}

#define NAP_MS 10

/* How long a child may take to end. Inside a file system of its user's, whose server
 * does not answer, SIGKILL reaches it only when that is gone. */
#define END_NS 1000000000ull

/* Whether it has been reaped, by us or by somebody. */
static bool end_child(pid_t pid, int pidfd)
{
	uint64_t until = sc_sluice_now() + END_NS;
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	bool dead = false;

	if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0)) /* or there is none */
		kill(pid, SIGKILL); /* ours, and not waited for yet */
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (sc_sluice_now() > until)
			return false;
		if (dead) /* and held by its tracer */
			poll(NULL, 0, NAP_MS);
		else
			dead = poll(&p, 1, NAP_MS) > 0;
	}
	return true;
}

/* A child whose listener we have, or none, and why. */
static int start_and_adopt(
	struct sluice_supervisor *sv, struct plan *plan, const char **why)
{
	_cleanup_close_ int pidfd = -1;
	pid_t pid = start(plan);
	int rc;

	*why = "cannot fork";
	if (pid < 0)
		return (int)pid;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	rc = pidfd < 0 ? -errno : adopt(sv, plan, pidfd);
	if (!rc)
		rc = tell(plan, SPAWN_CLOSE);
	if (rc) {
		if (!end_child(pid, pidfd))
			plan->child->pid = pid;
		if (rc == -ECHILD && atomic_load(&plan->share->failed))
			rc = told(&plan->share->error);
		*why = explain(plan, rc);
		return rc;
	}
	plan->child->pid = pid;
	plan->child->pidfd = steal_fd(&pidfd);
	return 0;
}

/* Whether a process that changes its user cannot be traced by that user: fs.suid_dumpable
 * is not 1. */
static bool hidden_by_change(const struct sluice_supervisor *sv)
{
	_cleanup_close_ int fd =
		sc_sluice_proc_open(&sv->proc, "sys/fs/suid_dumpable", O_RDONLY, 0);
	char value[2];

	return read(fd, value, sizeof(value)) == sizeof(value) && value[0] != '1';
}

int sluice_spawn(struct sluice_supervisor *supervisor, scmp_filter_ctx filter,
	char *const argv[], struct sluice_child *child)
{
	_cleanup_(free_plan) struct plan plan = {.parent = -1, .ours = -1, .theirs = -1};
	const char *why;
	int rc;

	if (child->size < offsetof(struct sluice_child, groups) || !argv || !argv[0])
		return -EINVAL;
	child->pid = -1;
	rc = make_plan(supervisor, filter, argv, child, &plan);
	if (rc)
		return rc;
	plan.hidden = sc_sluice_children_elsewhere(&supervisor->proc);
	rc = start_and_adopt(supervisor, &plan, &why);
	if (rc == -EAGAIN && atomic_load(&plan.share->stage) == STAGE_CLOSER &&
		hidden_by_change(supervisor)) {
		*plan.share = (struct share){.listener = -1};
		plan.early = true;
		rc = start_and_adopt(supervisor, &plan, &why);
	}
	if (rc)
		return set_error(child, rc, why);
	child->internal = steal_ptr(plan.share);
	return 0;
}

void sluice_child_release(struct sluice_child *child)
{
	closep(&child->pidfd);
	child->pidfd = -1;
	if (child->internal)
		munmap(child->internal, sizeof(struct share));
	child->internal = NULL;
}

#define HELD_MS 100

/* A child that has ended is not ours to reap before its tracer has seen that, and the
 * target may have chosen one that never looks: others are served meanwhile, and nothing
 * wakes us then. */
static int until_reaped(
	struct sluice_supervisor *sv, const struct sluice_child *child, int *status)
{
	bool dead = false;

	for (;;) {
		struct pollfd p[2] = {{.fd = dead ? -1 : child->pidfd, .events = POLLIN},
			{.fd = sluice_fd(sv), .events = POLLIN}};
		pid_t got = 0;
		int rc;

		if (poll(p, COUNT(p), dead ? HELD_MS : -1) < 0 && errno != EINTR)
			return -errno;
		dead |= p[0].revents != 0;
		if (dead)
			got = waitpid(child->pid, status, WNOHANG);
		if (got)
			return got < 0 ? -errno : 0;
		rc = sluice_dispatch(sv, 0);
		if (rc < 0 && rc != -EINTR)
			return rc;
	}
}

int sluice_wait(
	struct sluice_supervisor *supervisor, struct sluice_child *child, int *status)
{
	const struct share *share = child->internal;
	int rc, st;

	if (child->pidfd < 0 || !share)
		return -EINVAL;
	rc = until_reaped(supervisor, child, &st);
	if (rc)
		return rc;
	if (atomic_load(&share->exec_error)) {
		rc = told(&share->exec_error);
		set_error(child, rc, "cannot execute the program");
	} else if (atomic_load(&share->failed)) { /* its thread, after we had the listener */
		rc = told(&share->error);
		set_error(child, rc, sc_spawn_stage(atomic_load(&share->stage)));
	}
	sluice_child_release(child);
	if (!rc && status)
		*status = st;
	return rc;
}
