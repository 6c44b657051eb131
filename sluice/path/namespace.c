/* Files that mean something else in another namespace.
 * SPDX-License-Identifier: MIT
 *
 * Below /proc/sys and in /proc/sysvipc a file is that of the network, ipc, uts and user namespaces of who
 * looks it up, and /proc/keys shows those of who opens it; a tun device belongs to the network namespace of who opens it; who opens a file
 * of cgroups decides what may be written there. For a target with namespaces of its own we would
 * open ours instead of its. Sources: fs/proc/proc_sysctl.c, net/sysctl_net.c, ipc/util.c,
 * security/keys/proc.c, drivers/net/tun.c, kernel/cgroup/cgroup.c. */
#include "path/path.h"

#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#define MAX_DEPTH   32
#define CGROUP_1    0x27e0eb
#define CGROUP_2    0x63677270
#define TUN_DEVICE  makedev(10, 200)

static bool same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Where something of a procfs is: its root, and the directory of that which leads there, or -1 if it
 * is in the root itself. */
struct where {
	int root, top;
};

static void close_where(struct where *where)
{
	closep(&where->root);
	closep(&where->top);
}

/* From directory @dir. False if that cannot be told: what lies above is no procfs, so something of one
 * was mounted there. */
static bool find_where(int dir, struct where *out)
{
	int cur = fcntl(dir, F_DUPFD_CLOEXEC, 3), below = -1;

	for (int depth = 0; depth < MAX_DEPTH && cur >= 0 && sc_sluice_on_proc(cur); depth++) {
		if (sc_sluice_at_proc_root(cur)) {
			*out = (struct where){cur, below};
			return true;
		}
		closep(&below);
		below = cur;
		cur = openat(cur, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	closep(&cur);
	closep(&below);
	return false;
}

/* Also if that cannot be told. */
static bool is_named(const struct where *where, const struct stat *st, const char *name)
{
	struct stat named;

	if (fstatat(where->root, name, &named, AT_SYMLINK_NOFOLLOW))
		return errno != ENOENT;
	return same_inode(&named, st);
}

/* Whether what is there depends on the namespaces of who opens it; the keys that /proc/keys shows also on
 * who that is. */
static bool is_global(const struct where *where, int item)
{
	struct stat st;

	if (fstat(where->top < 0 ? item : where->top, &st))
		return true;
	if (where->top < 0)
		return is_named(where, &st, "keys") || is_named(where, &st, "key-users");
	return is_named(where, &st, "sys") || is_named(where, &st, "sysvipc");
}

/* Whether it is in the directory of this process, or of a thread of it: there the kernel lets us open
 * what it lets nobody else, whatever ids this thread acts with (ptrace(2), "Ptrace access mode
 * checking"). True if that is not known. */
static bool is_of_ours(const struct where *where)
{
	_cleanup_close_ int self = -1;
	_cleanup_close_ int status = -1;
	char text[32] = "";
	unsigned tgid;
	int rc;

	if (where->top < 0)
		return false;
	status = sc_sluice_open_there(where->top, "status", O_RDONLY);
	if (status < 0)
		return errno != ENOENT && errno != ESRCH; /* of no process */
	self = sc_sluice_open_there(where->root, "self", O_PATH | O_NOFOLLOW);
	if (self < 0)
		return true;
	if (readlinkat(self, "", text, sizeof(text) - 1) < 0)
		return errno != ENOENT; /* we have no number there */
	rc = sc_sluice_read_tgid(status, &tgid);
	return rc ? rc != -ESRCH : tgid == strtoul(text, NULL, 10);
}

bool sc_path_same_namespace(struct sluice_request *req, const char *kind)
{
	uint64_t ours = sc_sluice_namespace(&req->sv->proc, "thread-self", kind);
	char who[16];

	snprintf(who, sizeof(who), "%d", (int)sluice_tid(req));
	return ours && sc_sluice_namespace(&req->sv->proc, who, kind) == ours;
}

static bool same_namespaces(struct sluice_request *req)
{
	return sc_path_same_namespace(req, "net") && sc_path_same_namespace(req, "ipc") &&
		sc_path_same_namespace(req, "uts") && sc_path_same_namespace(req, "user");
}

/* A server of FUSE need not say what it is (ENOSYS, and 0 here); a procfs and control groups always do. */
static int file_system(int fd, unsigned *type)
{
	struct statfs fs = {0};

	if (fstatfs(fd, &fs) && errno != ENOSYS)
		return -errno;
	*type = (unsigned)fs.f_type;
	return 0;
}

/* @item is on a procfs, and directory @dir is where it is, or @item. */
static int check_proc(struct sluice_request *req, int dir, int item)
{
	_cleanup_(close_where) struct where where = {-1, -1};

	if (!find_where(dir, &where))
		return -EREMOTE;
	if (is_of_ours(&where))
		return -EACCES;
	if (!is_global(&where, item))
		return 0;
	/* There euid decides, too, which a thread that acts keeps. */
	return sc_target_acting() || !same_namespaces(req) ? -EREMOTE : 0;
}

/* 0; -EREMOTE if @place is one thing for the target and another for us; -EACCES if it is ours alone. */
int sc_path_check_namespaces(struct sluice_request *req, const struct place *place, uint64_t flags)
{
	unsigned type = 0;
	struct stat st;
	bool is_dir;
	int rc;

	if (place->item < 0)
		return 0;
	if (fstat(place->item, &st))
		return -errno;
	rc = file_system(place->item, &type);
	if (rc)
		return rc;
	is_dir = S_ISDIR(st.st_mode);
	if (S_ISCHR(st.st_mode) && st.st_rdev == TUN_DEVICE && !sc_path_same_namespace(req, "net"))
		return -EREMOTE;
	if (type == PROC_SUPER_MAGIC && !S_ISLNK(st.st_mode)) {
		rc = check_proc(req, is_dir ? place->item : place->dir, place->item);
		if (rc)
			return rc;
	}
	if ((flags & O_ACCMODE) != O_RDONLY && !(flags & O_PATH) &&
		(type == CGROUP_1 || type == CGROUP_2) &&
		(sc_target_acting() ||
			!(sc_path_same_namespace(req, "cgroup") && sc_path_same_namespace(req, "user"))))
		return -EREMOTE;
	return 0;
}
