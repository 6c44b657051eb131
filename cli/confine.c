/* Loading filters into this process, and becoming a program.
 * SPDX-License-Identifier: MIT */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sluice-filter.h>
#include <sluice-profile.h>

#include "filter.h"
#include "policy/landlock.h"
#include "util/cleanup.h"

void confine_clear(struct confine *c)
{
	sluice_program_free(c->profile);
	sluice_profile_free(c->source);
	free(c->policy.filter);
	if (c->ruleset >= 0)
		close(c->ruleset);
}

/* ---- the profile -------------------------------------------------------------------
 */

static int note_if_let(const struct sluice_region *region, void *some)
{
	*(bool *)some = *(bool *)some || cli_lets(region->a);
	return 0;
}

/* What cannot be told is let through: the kernel decides then. */
static bool possible(const struct sluice_program *program, const char *name)
{
	int nr = seccomp_syscall_resolve_name(name);
	bool some = false;

	return nr < 0 ||
	       sluice_program_ranges(
		       program, cli_native_audit(), nr, note_if_let, &some) ||
	       some;
}

static int check_needs(const struct confine *c, const char *text)
{
	static const struct {
		const char *name, *why;
	} needs[] = {{"execve", "the program could not be started"},
		{"exit_group", "the program could not end"},
		{"rt_sigreturn", "the program could not return from a signal"}};

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (!possible(c->profile, needs[i].name))
			return cli_error_at(text, 0, 0,
				"%s is not allowed: %s. Add \"%s\" to the names of an "
				"entry with SCMP_ACT_ALLOW (sluice record adds it)",
				needs[i].name, needs[i].why, needs[i].name);
	return 0;
}

static void warn_notified(const struct confine *c, const struct sluice_profile *profile)
{
	struct sluice_profile_entry e = {.size = sizeof(e)};

	for (unsigned int i = 0; sluice_profile_entry(profile, i, &e) == 0; i++)
		if (e.action == SCMP_ACT_NOTIFY && e.n_names)
			cli_warn(c->cli,
				"%s and others of its entry are to be answered by a "
				"supervisor, which the profile does not name: they fail",
				e.names[0]);
}

int confine_profile(struct confine *c, const struct cli_target *target, const char *text)
{
	int rc = cli_filter_or_profile(c->cli, target, text, &c->profile, &c->source);

	if (rc == 0)
		rc = check_needs(c, text);
	if (rc == 0 && c->source)
		warn_notified(c, c->source);
	return rc;
}

int confine_merge(const struct confine *c, struct sock_fprog *merged)
{
	struct sock_filter *so_far;
	size_t n = c->policy.len;

	so_far = malloc(n * sizeof(*so_far));
	if (!so_far)
		return cli_error(c->cli, "%s", strerror(ENOMEM));
	memcpy(so_far, c->policy.filter, n * sizeof(*so_far));
	for (unsigned int i = 0; c->profile && i < sluice_program_filters(c->profile);
		i++) {
		_cleanup_free_ struct sock_filter *old = so_far;
		struct sluice_error error = {0};
		struct sock_fprog a = {(unsigned short)n, old}, b;
		size_t count;
		int rc;

		b.filter = (struct sock_filter *)(uintptr_t)sluice_program_instructions(
			c->profile, i, &count);
		b.len = (unsigned short)count;
		rc = sluice_filter_merge(
			SLUICE_MERGE_INTERSECTION, &a, &b, &so_far, &n, &error);
		if (rc)
			return cli_error(c->cli,
				"profile and policy do not fit into one filter: %s",
				*error.message ? error.message : strerror(-rc));
	}
	*merged = (struct sock_fprog){(unsigned short)n, so_far};
	return 0;
}

/* ---- becoming the program
 * ----------------------------------------------------------- */

static bool executable(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return false;
	if (S_ISDIR(st.st_mode)) {
		errno = EACCES;
		return false;
	}
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* Where execvp(3) would find it. The caller frees it; NULL: errno says why. */
static char *find(const char *name)
{
	const char *path = getenv("PATH");
	int why = ENOENT;
	char *out;

	if (!*name) {
		errno = ENOENT;
		return NULL;
	}
	if (strchr(name, '/'))
		return executable(name) ? strdup(name) : NULL;
	for (path = path ? path : "/usr/local/bin:/usr/bin:/bin";; path++) {
		int n = (int)strcspn(path, ":");

		if (asprintf(&out, "%.*s/%s", n ? n : 1, n ? path : ".", name) < 0)
			return NULL;
		if (executable(out))
			return out;
		why = errno == EACCES ? EACCES : why;
		free(out);
		path += n;
		if (!*path)
			break;
	}
	errno = why;
	return NULL;
}

static int load(const struct confine *c, const struct sock_fprog *prog)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, prog))
		return cli_error(c->cli, "cannot load the filter: %s", strerror(errno));
	return 0;
}

/* Landlock first: a filter may refuse its calls. The policy's filter lets others be
 * loaded; a profile may not. The last one of a process was loaded last. */
static int enter(const struct confine *c)
{
	int rc = 0;

	if (c->ruleset >= 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
			landlock_restrict_self(c->ruleset, 0))
			return cli_error(
				c->cli, "cannot enforce Landlock: %s", strerror(errno));
	}
	if (c->policy.len)
		rc = load(c, &c->policy);
	for (unsigned int i = c->profile ? sluice_program_filters(c->profile) : 0;
		!rc && i > 0; i--) {
		size_t count;
		struct sock_fprog p;

		p.filter = (struct sock_filter *)(uintptr_t)sluice_program_instructions(
			c->profile, i - 1, &count);
		p.len = (unsigned short)count;
		rc = load(c, &p);
	}
	return rc;
}

static int not_executed(const struct confine *c)
{
	int why = errno;

	cli_error(c->cli, "cannot execute %s: %s%s", c->cli->argv[0], strerror(why),
		why == EACCES && c->hint ? c->hint : "");
	return why == ENOENT ? 127 : 126;
}

int confine_exec(const struct confine *c)
{
	size_t n = (size_t)c->cli->argc;
	_cleanup_free_ char **argv = calloc(n + 1, sizeof(*argv)), *path = NULL;
	int rc;

	if (!argv)
		return cli_error(c->cli, "%s", strerror(ENOMEM));
	memcpy(argv, c->cli->argv, n * sizeof(*argv));
	path = find(argv[0]);
	if (!path)
		return not_executed(c);
	rc = enter(c);
	if (rc)
		return rc;
	execve(path, argv, environ);
	return not_executed(c);
}
