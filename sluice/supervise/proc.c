/* The target as a /proc of its own names it.
 * SPDX-License-Identifier: MIT
 *
 * "self" in a procfs is whoever looks, which would be us. The target's number depends on the
 * pid namespace that the procfs was mounted for, which nothing tells; but a number of it is the
 * right one if what is behind it has the target's innermost pid and the same pid namespace. */
#include "supervise/internal.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define PROC_MAGIC 0x9fa0
#define MAX_LEVELS 33 /* include/linux/pid_namespace.h: MAX_PID_NS_LEVEL 32 */

bool sc_sluice_on_proc(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_MAGIC;
}

/* The pids of @base/status from the outermost namespace inwards. Returns how many. */
static int ns_pids(int base, const char *prefix, unsigned *pids)
{
	char path[64], text[4096], *at;
	_cleanup_close_ int fd = -1;
	ssize_t n;
	int count = 0;

	snprintf(path, sizeof(path), "%s/status", prefix);
	fd = openat(base, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	at = strstr(text, "\nNSpid:");
	if (!at)
		return -EPROTO;
	for (at += 7; *at == '\t' && count < MAX_LEVELS;)
		pids[count++] = (unsigned)strtoul(at, &at, 10);
	return count;
}

static bool is_ours(int proc, unsigned number, unsigned innermost, const struct stat *ns)
{
	unsigned pids[MAX_LEVELS];
	char prefix[16], path[32];
	struct stat st;
	int n;

	snprintf(prefix, sizeof(prefix), "%u", number);
	snprintf(path, sizeof(path), "%u/ns/pid", number);
	n = ns_pids(proc, prefix, pids);
	return n > 0 && pids[n - 1] == innermost && fstatat(proc, path, &st, 0) == 0 &&
		st.st_dev == ns->st_dev && st.st_ino == ns->st_ino;
}

/* What "self" (or "thread-self") in the procfs root @proc is for the target. */
int sc_sluice_own_pid(struct sluice_request *req, int proc, bool thread, char *name,
	size_t size)
{
	unsigned tgids[MAX_LEVELS] = {0}, tids[MAX_LEVELS] = {0};
	char prefix[32], path[48];
	struct stat ns;
	int n, m;
	pid_t tgid = sluice_tgid(req);

	if (tgid < 0)
		return tgid;
	snprintf(prefix, sizeof(prefix), "/proc/%d", (int)tgid);
	snprintf(path, sizeof(path), "%s/ns/pid", prefix);
	n = ns_pids(AT_FDCWD, prefix, tgids);
	snprintf(prefix, sizeof(prefix), "/proc/%d", (int)sluice_tid(req));
	m = ns_pids(AT_FDCWD, prefix, tids);
	if (n <= 0 || m != n || stat(path, &ns))
		return -ENOENT;
	for (int i = n - 1; i >= 0; i--)
		if (is_ours(proc, tgids[i], tgids[n - 1], &ns)) {
			if (thread)
				snprintf(name, size, "%u/task/%u", tgids[i], tids[i]);
			else
				snprintf(name, size, "%u", tgids[i]);
			return sc_sluice_id_valid(req);
		}
	return -ENOENT;
}
