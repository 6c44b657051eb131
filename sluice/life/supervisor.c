/* A supervisor's birth and end: options, and the order in which rooms begin and stop.
 * SPDX-License-Identifier: MIT */
#include "life/life.h"

#include <stdio.h>

static int begin_rooms(struct sluice_supervisor *sv, struct journal *predecessor)
{
	int rc = sc_target_begin(sv);

	if (!rc)
		rc = sc_path_begin(sv);
	if (!rc)
		rc = sc_oci_begin(sv);
	if (!rc)
		rc = sc_keep_begin(sv, predecessor, &sc_oci_kept);
	return rc;
}

int sc_life_new(const struct settings *set, struct journal *predecessor,
	struct sluice_supervisor **out)
{
	struct sluice_supervisor *sv;
	int rc = sc_core_new(set, predecessor != NULL, &sv);

	if (rc)
		return rc;
	rc = begin_rooms(sv, predecessor);
	if (rc) {
		sc_life_abandon(sv);
		return rc;
	}
	*out = sv;
	return 0;
}

static int read_options(const struct sluice_options *options, struct settings *set)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;

	if (options) {
		if (options->size < offsetof(struct sluice_options, error))
			return -EINVAL;
		memcpy(&o, options, options->size < sizeof(o) ? options->size : sizeof(o));
	}
	*set = (struct settings){
		.default_errno = o.default_errno ? o.default_errno : EPERM,
		.timeout_ms = o.timeout_ms,
		.workers = o.workers ? o.workers : 4,
		.max_pending = o.max_pending ? o.max_pending : 4096,
		.grace_ms = o.grace_ms ? o.grace_ms : 500,
		.keeper = o.keeper,
		.forbid_continue = o.forbid_continue,
	};
	if (set->default_errno < 1 || set->default_errno > 4095 || set->workers > 1024 ||
		set->max_pending > 1u << 20)
		return -EINVAL;
	if (o.keeper_path) {
		if (!o.keeper || strlen(o.keeper_path) >= sizeof(set->keeper_path))
			return -EINVAL;
		snprintf(set->keeper_path, sizeof(set->keeper_path), "%s", o.keeper_path);
	} else {
		set->grace_ms = 0;
	}
	return 0;
}

int sluice_supervisor_new(const struct sluice_options *options,
	struct sluice_supervisor **supervisor)
{
	struct sluice_error *error = NULL;
	struct seccomp_notif_sizes sizes;
	struct sluice_supervisor *sv;
	struct settings set;
	int rc = read_options(options, &set);

	if (options && options->size >= offsetof(struct sluice_options, receive_waits))
		error = options->error;
	if (rc)
		return sc_sluice_error(error, rc,
			"the options make no sense: errno 1 to 4095, at most 1024 workers and "
			"2^20 pending, a keeper_path only with a keeper and under 108 bytes");
	rc = sc_life_new(&set, NULL, &sv);
	if (rc == -ENOSYS && sc_sluice_notif_sizes(&sizes) == 0)
		return sc_sluice_error(error, rc,
			"a system call that supervisors need is missing: memfd_create, eventfd2 or, "
			"for a keeper, pidfd_open (an outer filter may say so)");
	if (rc == -ENOSYS || rc == -EOPNOTSUPP)
		return sc_sluice_error(error, rc,
			"this kernel has no seccomp notifications (they came with 5.0)");
	if (rc == -EFBIG)
		return sc_sluice_error(error, rc,
			"RLIMIT_FSIZE is too small to keep max_pending (%u) requests",
			set.max_pending);
	if (rc == -EREMOTE)
		return sc_sluice_error(error, rc,
			"the keeper would be in the targets' pid namespace: make the supervisor "
			"before unshare(CLONE_NEWPID)");
	if (rc)
		return sc_sluice_error(error, rc, "cannot set the supervisor up: %s",
			strerror(-rc));
	if (options && options->size >= offsetof(struct sluice_options, error))
		sluice_set_log(sv, options->log, options->log_data);
	if (options && options->size >= sizeof(*options))
		sv->loop.receive_waits = options->receive_waits;
	*supervisor = sv;
	return 0;
}

void sluice_supervisor_free(struct sluice_supervisor *supervisor)
{
	struct sluice_supervisor *sv = supervisor;

	if (!sv)
		return;
	sc_core_stop(sv);
	sc_keep_leave(sv, !sv->passed_on);
	sc_core_drop_replay(sv);
	sc_path_stop(sv);
	sc_oci_stop(sv);
	sc_core_run_cancelled(sv);
	sc_target_stop(sv);
	sc_core_close(sv);
	sc_core_unref(sv);
}

/* The end of one that never got the baton: it answers nothing, its keeper just leaves. */
void sc_life_abandon(struct sluice_supervisor *sv)
{
	sv->passed_on = true;
	sluice_supervisor_free(sv);
}
