/* Files that mean something else in another namespace.
 * SPDX-License-Identifier: MIT
 *
 * Below /proc/sys and in /proc/sysvipc a file is that of the network, ipc, uts and user namespaces of who
 * looks it up; a tun device belongs to the network namespace of who opens it; who opens a file
 * of cgroups decides what may be written there. For a target with namespaces of its own we would
 * open ours instead of its. Sources: fs/proc/proc_sysctl.c, net/sysctl_net.c, ipc/util.c,
 * drivers/net/tun.c, kernel/cgroup/cgroup.c. */
#include "path/path.h"

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

/* Where directory @dir of a procfs is: 1 below sys or sysvipc, 0 elsewhere, -1 unknown (what lies
 * above is no procfs: something of one was mounted there). */
static int in_global_part(int dir)
{
	_cleanup_close_ int cur = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	struct stat below = {0}, named;

	for (int depth = 0; depth < MAX_DEPTH && cur >= 0 && sc_sluice_on_proc(cur); depth++) {
		int up;

		if (sc_sluice_at_proc_root(cur)) {
			if (fstatat(cur, "sys", &named, 0) == 0 && same_inode(&named, &below))
				return 1;
			return fstatat(cur, "sysvipc", &named, 0) == 0 &&
				same_inode(&named, &below);
		}
		if (fstat(cur, &below))
			return -1;
		up = openat(cur, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(cur);
		cur = up;
	}
	return -1;
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

static bool on_cgroups(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (fs.f_type == CGROUP_1 || fs.f_type == CGROUP_2);
}

/* 0; -EREMOTE if @place is one thing for the target and another for us. */
int sc_path_check_namespaces(struct sluice_request *req, const struct place *place, uint64_t flags)
{
	struct stat st;
	bool is_dir;

	if (place->item < 0)
		return 0;
	if (fstat(place->item, &st))
		return -errno;
	is_dir = S_ISDIR(st.st_mode);
	if (S_ISCHR(st.st_mode) && st.st_rdev == TUN_DEVICE && !sc_path_same_namespace(req, "net"))
		return -EREMOTE;
	if (sc_sluice_on_proc(place->item) && !S_ISLNK(st.st_mode) &&
		in_global_part(is_dir ? place->item : place->dir) &&
		(sc_target_acting() || !same_namespaces(req)))
		return -EREMOTE; /* there euid decides, too, which a thread that acts keeps */
	if ((flags & O_ACCMODE) != O_RDONLY && !(flags & O_PATH) && on_cgroups(place->item) &&
		(sc_target_acting() ||
			!(sc_path_same_namespace(req, "cgroup") && sc_path_same_namespace(req, "user"))))
		return -EREMOTE;
	return 0;
}
