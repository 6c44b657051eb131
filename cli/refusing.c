/* Running a program while a filter that is not loaded decides its calls, and noting what it refuses.
 * SPDX-License-Identifier: MIT */
#include "refusing.h"

#include <errno.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "filter.h"
#include "util/cleanup.h"

void refusing_clear(struct refusing *w)
{
	refusals_clear(&w->refusals);
	sluice_program_free(w->program);
	sluice_profile_free(w->profile);
}

/* ---- what the filter says ----------------------------------------------------------- */

static struct seccomp_data input(const struct sluice_request *request)
{
	uint32_t arch = sluice_arch(request);
	/* To the kernel x32 is a bit of the number. */
	struct seccomp_data d = {.nr = sluice_nr(request),
		.arch = arch == SCMP_ARCH_X32 ? SCMP_ARCH_X86_64 : arch};

	for (unsigned int i = 0; i < 6; i++)
		d.args[i] = sluice_arg(request, i);
	return d;
}

/* Calls that the profile allows whatever their arguments need no notification. */
static int let_run(
	const struct refusing *w, scmp_filter_ctx filter, const struct sluice_profile_entry *e)
{
	for (unsigned int i = 0; i < e->n_names; i++) {
		int rc, nr = seccomp_syscall_resolve_name(e->names[i]);
		struct seccomp_data d = {.nr = nr, .arch = cli_native_audit()};

		if (nr < 0 || !cli_live_only_allowed(w->profile, e->names[i]) ||
			sluice_program_run(w->program, &d) != SECCOMP_RET_ALLOW)
			continue;
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, nr, 0);
		if (rc && rc != -EEXIST)
			return rc;
	}
	return 0;
}

static scmp_filter_ctx make_filter(const struct refusing *w)
{
	_cleanup_(cli_filter_releasep) scmp_filter_ctx filter = cli_live_notify_all();
	struct sluice_profile_entry e = {.size = sizeof(e)};
	int rc = filter ? 0 : -ENOMEM;

	for (unsigned int i = 0;
		!rc && !w->alone && w->profile && sluice_profile_entry(w->profile, i, &e) == 0; i++)
		if (e.action == SCMP_ACT_ALLOW && !e.n_args && !e.conditional)
			rc = let_run(w, filter, &e);
	if (rc) {
		cli_error(w->cli, "cannot make the filter: %s", strerror(-rc));
		return NULL;
	}
	return steal_ptr(filter);
}

/* ---- refusing ----------------------------------------------------------------------- */

static void note(struct refusing *w, struct sluice_request *request,
	const struct seccomp_data *d, uint32_t verdict)
{
	struct refusal *r = refusals_find(&w->refusals, d->arch, d->nr, verdict);
	char text[CLI_LIVE_CALL_MAX], path[PATH_MAX];
	int rc;

	if (r) {
		r->count++;
		return;
	}
	cli_live_call_text(request, text);
	if (sluice_exe(request, path, sizeof(path)) <= 0)
		*path = 0;
	rc = refusals_add(
		&w->refusals, d->arch, d->nr, verdict, text, *path ? path : NULL);
	if (rc < 0)
		w->failed = rc;
	else if (rc == 0 && w->alone && cli_lets(sluice_program_run(w->alone, d)))
		w->refusals.items[w->refusals.n - 1].elsewhere = true;
}

/* The whole process: nobody can end one thread of another process. */
static int end_process(struct refusing *w, struct sluice_request *request)
{
	pid_t tgid = sluice_tgid(request);
	int pidfd = sluice_pidfd(request);

	w->killed = w->killed || tgid == w->live.pid;
	/* A descriptor of a thread signals that thread; SIGKILL ends them all. */
	if (pidfd >= 0)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	return sluice_fail(request, ENOSYS);
}

static int refuse(struct refusing *w, struct sluice_request *request, uint32_t verdict)
{
	unsigned int data = verdict & SECCOMP_RET_DATA;

	switch (verdict & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ERRNO:
		/* The kernel caps it; 0 makes the call return 0. */
		return data ? sluice_fail(request, data > 4095 ? 4095 : (int)data)
			    : sluice_reply(request, 0);
	case SECCOMP_RET_TRAP:
		syscall(SYS_tgkill, sluice_tgid(request), sluice_tid(request), SIGSYS);
		return sluice_fail(request, ENOSYS);
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_USER_NOTIF:
		/* Nobody traces, nobody listens. */
		return sluice_fail(request, ENOSYS);
	default:
		return end_process(w, request);
	}
}

static int decide(struct sluice_request *request, void *data)
{
	struct refusing *w = data;
	struct seccomp_data d = input(request);
	uint32_t verdict = sluice_program_run(w->program, &d);

	if (cli_lets(verdict))
		return sluice_continue(request, SLUICE_CONTINUE_ARGS);
	note(w, request, &d, verdict);
	return refuse(w, request, verdict);
}

/* ---- the report --------------------------------------------------------------------- */

int refusing_open(struct refusing *w, const char *path)
{
	int rc = path ? cli_writable(path) : 0;

	if (rc || !path)
		return rc;
	w->report = open_memstream(&w->text, &w->size);
	return w->report ? 0 : cli_error(w->cli, "%s", strerror(errno));
}

/* The report becomes a file when all of it is there; without an answer the file stays as it was. */
int refusing_close(struct refusing *w, const char *path, int status)
{
	int written = 0;
	bool bad;

	if (!w->report)
		return status;
	bad = ferror(w->report) != 0;
	if (fclose(w->report) || bad)
		written = cli_error(w->cli, "%s", strerror(ENOMEM));
	else if (w->answered)
		written = cli_write_file(w->cli, path, w->text, w->size);
	w->report = NULL;
	free(w->text);
	w->text = NULL;
	return written ? written : status;
}

/* ---- the program -------------------------------------------------------------------- */

int refusing_run(struct refusing *w)
{
	_cleanup_(cli_supervisor_freep) struct sluice_supervisor *supervisor = NULL;
	_cleanup_(cli_filter_releasep) scmp_filter_ctx filter = make_filter(w);
	struct sluice_options wanted = SLUICE_OPTIONS_INIT;
	int status = 0, rc;

	if (!filter)
		return CLI_TROUBLE;
	wanted.receive_waits = true;
	rc = sluice_supervisor_new(&wanted, &supervisor);
	if (rc == 0)
		rc = sluice_on(supervisor, SCMP_ARCH_NATIVE, SLUICE_ANY, decide, w);
	if (rc)
		return cli_error(w->cli, "cannot supervise: %s", strerror(-rc));
	w->live.supervisor = supervisor;
	rc = cli_live_run(&w->live, filter, &status);
	fflush(stdout);
	refusals_print(&w->refusals, w->cli->json, w->report ? w->report : stderr);
	w->answered = !w->failed && rc != CLI_TROUBLE;
	if (w->failed)
		return cli_error(w->cli, "not every refusal could be noted: %s",
			strerror(-w->failed));
	if (rc)
		return rc;
	return w->killed ? 128 + SIGSYS : status;
}
