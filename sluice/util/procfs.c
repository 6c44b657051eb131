/* Our /proc, and the target as a /proc of its own names it.
 * SPDX-License-Identifier: MIT
 *
 * What we know of a target comes from a procfs. A supervisor may mount for its targets, or share its
 * mount namespace with one that can: a file system over /proc/tid would then be theirs to say
 * what root and user they have. So this procfs is a mount of its own where the
 * kernel lets us, and elsewhere nothing is taken from it that something is mounted on.
 *
 * "self" in a procfs is whoever looks, which would be us. The target's number depends on the
 * pid namespace that the procfs was mounted for, which nothing tells; but a number of it is the
 * right one if what is behind it has the target's innermost pid and the same pid namespace. */
#include "internal.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define PROC_MAGIC 0x9fa0
#define PROC_INODE 1 /* of its root; include/linux/proc_ns.h PROC_ROOT_INO */
#define MAX_LEVELS 33 /* include/linux/pid_namespace.h: MAX_PID_NS_LEVEL 32 */

bool sc_sluice_on_proc(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_MAGIC;
}

/* What a probe may ask for without a side effect. */
#define PLAIN (O_ACCMODE | O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* @path below our procfs, "self" being us even in a child of ours. Makes no call that
 * libc could have made its own: path/helper.c uses it after a fork. */
int sc_sluice_proc_open(const struct sluice_supervisor *sv, const char *path, int flags,
	unsigned mode)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS};
	const char *last = strrchr(path, '/');
	char parent[64] = ".";
	int dir, fd;

	flags |= O_CLOEXEC | O_LARGEFILE;
	if (sv->proc_fd < 0)
		return sv->proc_fd;
	if (sv->proc_private) {
		fd = (int)syscall(SYS_openat, sv->proc_fd, path, flags, mode);
		return fd < 0 ? -errno : fd;
	}
	if (last && (size_t)(last - path) >= sizeof(parent))
		return -ENAMETOOLONG;
	if (last)
		memcpy(parent, path, (size_t)(last - path) + 1);
	if (last)
		parent[last - path] = '\0';
	last = last ? last + 1 : path;
	dir = (int)syscall(SYS_openat2, sv->proc_fd, parent, &how, sizeof(how));
	if (dir < 0)
		return -errno;
	/* A magic link leaves the mount by its nature, but not the one that it is on. */
	how.flags = (uint64_t)(flags & PLAIN);
	fd = (int)syscall(SYS_openat2, dir, last, &how, sizeof(how));
	if (fd < 0 && errno == ELOOP)
		fd = (int)syscall(SYS_openat, dir, last, flags, mode);
	if (fd < 0)
		fd = -errno;
	syscall(SYS_close, dir);
	return fd;
}

/* The pids in a "status" from the outermost namespace inwards. Returns how many. */
static int read_pids(int fd, unsigned *pids)
{
	char text[4096], *at;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	int count = 0;

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

static int private_proc(void)
{
	_cleanup_close_ int fs = (int)syscall(SYS_fsopen, "proc", 1 /* FSOPEN_CLOEXEC */);
	int fd = -1;

	if (fs >= 0 &&
		syscall(SYS_fsconfig, fs, SLUICE_FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = (int)syscall(
			SYS_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, SLUICE_MOUNT_ATTRS);
	return fd;
}

/* Whether what is at /proc is one, and of our pid namespace: numbers of another would be
 * other processes. */
static int check(const struct sluice_supervisor *sv)
{
	_cleanup_close_ int fd = sc_sluice_proc_open(sv, "self/status", O_RDONLY, 0);
	unsigned pids[MAX_LEVELS];
	int n;

	if (fd < 0)
		return fd;
	if (!sc_sluice_at_proc_root(sv->proc_fd))
		return -ENOSYS;
	n = read_pids(fd, pids);
	return n == 1 || n == -EPROTO /* no namespaces */ ? 0 : -ENOSYS;
}

/* A supervisor without one can do whatever needs none. */
void sc_sluice_proc_pin(struct sluice_supervisor *sv)
{
	int rc;

	sv->proc_fd = private_proc();
	sv->proc_private = sv->proc_fd >= 0;
	if (sv->proc_private)
		return;
	sv->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (sv->proc_fd < 0) {
		sv->proc_fd = -ENOSYS;
		return;
	}
	rc = check(sv);
	if (rc) {
		close(sv->proc_fd);
		sv->proc_fd = -ENOSYS;
	}
}

void sc_sluice_proc_unpin(struct sluice_supervisor *sv)
{
	if (sv->proc_fd >= 0)
		close(sv->proc_fd);
	sv->proc_fd = -ENOSYS;
}

bool sc_sluice_at_proc_root(int fd)
{
	struct stat st;

	return sc_sluice_on_proc(fd) && fstat(fd, &st) == 0 && st.st_ino == PROC_INODE;
}

/* @name in directory @dir of the target's procfs, not what it has mounted there: EXDEV then. */
int sc_sluice_open_there(int dir, const char *name, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};

	return (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
}

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
	n = read_pids(status, pids);
	return n > 0 && pids[n - 1] == innermost && fstatat(dir, "pid", &st, 0) == 0 &&
		st.st_dev == ns->st_dev && st.st_ino == ns->st_ino;
}

static int pids_of(const struct sluice_supervisor *sv, pid_t tid, unsigned *pids)
{
	_cleanup_close_ int fd = -1;
	char path[32];

	snprintf(path, sizeof(path), "%d/status", (int)tid);
	fd = sc_sluice_proc_open(sv, path, O_RDONLY, 0);
	return fd < 0 ? fd : read_pids(fd, pids);
}

static int pid_namespace_of(const struct sluice_supervisor *sv, pid_t tgid, struct stat *ns)
{
	_cleanup_close_ int fd = -1;
	char path[32];

	snprintf(path, sizeof(path), "%d/ns/pid", (int)tgid);
	fd = sc_sluice_proc_open(sv, path, O_PATH, 0);
	if (fd < 0)
		return fd;
	return fstat(fd, ns) ? -errno : 0;
}

/* What "self" and "thread-self" in the procfs root @proc are for the target. */
int sc_sluice_own_pid(struct sluice_request *req, int proc, struct own_pid *out)
{
	unsigned tgids[MAX_LEVELS] = {0}, tids[MAX_LEVELS] = {0};
	pid_t tgid = sluice_tgid(req);
	struct stat ns;
	int n, m;

	if (tgid < 0)
		return tgid;
	n = pids_of(req->sv, tgid, tgids);
	m = pids_of(req->sv, sluice_tid(req), tids);
	if (n <= 0 || m != n || pid_namespace_of(req->sv, tgid, &ns))
		return -ENOENT;
	for (int i = n - 1; i >= 0; i--)
		if (is_ours(proc, tgids[i], tgids[n - 1], &ns)) {
			*out = (struct own_pid){tgids[i], tids[i], i == 0};
			return sc_sluice_id_valid(req);
		}
	return -ENOENT;
}
