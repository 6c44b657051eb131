/* The target as a procfs of its own names it.
 * SPDX-License-Identifier: MIT
 *
 * "self" in a procfs is whoever looks, which would be us. The target's number depends on the
 * pid namespace that the procfs was mounted for, which nothing tells; but a number of it is the
 * right one if what is behind it has the target's innermost pid and the same pid namespace. */
#include "target/target.h"

#include <stdio.h>
#include <sys/stat.h>

static bool is_ours(int proc, unsigned number, unsigned innermost, const struct stat *ns)
{
	_cleanup_close_ int status = -1;
	_cleanup_close_ int dir = -1;
	unsigned pids[MAX_LEVELS];
	char path[32];
	struct stat st;
	int n;

	snprintf(path, sizeof(path), "%u/status", number);
	status = sc_sluice_open_there(proc, path, O_RDONLY);
	snprintf(path, sizeof(path), "%u/ns", number);
	dir = sc_sluice_open_there(proc, path, O_PATH | O_DIRECTORY);
	if (status < 0 || dir < 0)
		return false;
	n = sc_sluice_read_pids(status, pids);
	return n > 0 && pids[n - 1] == innermost && fstatat(dir, "pid", &st, 0) == 0 &&
		st.st_dev == ns->st_dev && st.st_ino == ns->st_ino;
}

static int pids_of(const struct procfs *proc, pid_t tid, unsigned *pids)
{
	_cleanup_close_ int fd = -1;
	char path[32];

	snprintf(path, sizeof(path), "%d/status", (int)tid);
	fd = sc_sluice_proc_open(proc, path, O_RDONLY, 0);
	return fd < 0 ? fd : sc_sluice_read_pids(fd, pids);
}

static int pid_namespace_of(const struct procfs *proc, pid_t tgid, struct stat *ns)
{
	_cleanup_close_ int fd = -1;
	char path[32];

	snprintf(path, sizeof(path), "%d/ns/pid", (int)tgid);
	fd = sc_sluice_proc_open(proc, path, O_PATH, 0);
	if (fd < 0)
		return fd;
	return fstat(fd, ns) ? -errno : 0;
}

static int find_own_pid(struct sluice_request *req, int proc, struct own_pid *out)
{
	unsigned tgids[MAX_LEVELS] = {0}, tids[MAX_LEVELS] = {0};
	pid_t tgid = sluice_tgid(req);
	struct stat ns;
	int n, m;

	if (tgid < 0)
		return tgid;
	n = pids_of(&req->sv->proc, tgid, tgids);
	m = pids_of(&req->sv->proc, sluice_tid(req), tids);
	if (n <= 0 || m != n || pid_namespace_of(&req->sv->proc, tgid, &ns))
		return -ENOENT;
	for (int i = n - 1; i >= 0; i--)
		if (is_ours(proc, tgids[i], tgids[n - 1], &ns)) {
			*out = (struct own_pid){tgids[i], tids[i], i == 0};
			return sc_core_id_valid(req);
		}
	return -ENOENT;
}

/* What "self" and "thread-self" in the procfs root @proc are for the target. */
int sc_target_own_pid(struct sluice_request *req, int proc, struct own_pid *out)
{
	bool raised = sc_target_raise();
	int rc = find_own_pid(req, proc, out);

	return sc_target_lower(raised) ? -ENOTRECOVERABLE : rc;
}
