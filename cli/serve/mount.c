/* mount of a tmpfs, or of a folder of the machine, for a container.
 * SPDX-License-Identifier: MIT
 *
 * The file system is made here, with a limit of memory, nosuid and nodev; a folder is a
 * copy of its mount. A child then enters the mount namespace of the target and attaches
 * it to the folder that was looked at. The source that the target gives is compared with
 * names of the policy, and followed by nobody. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulated.h"
#include "serve/serve.h"
#include "util/cleanup.h"
#include "util/identity.h"

/* Whether what is mounted in @dir appears in other namespaces, too; true if that is
 * unknown. */
static bool is_shared(struct sluice_request *req, int dir)
{
	_cleanup_free_ char *line = NULL;
	char path[40], *end;
	bool shared = true;
	struct sc_identity id;
	size_t room = 0;
	FILE *f;

	if (!sc_identify(dir, &id) || !id.mount)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)sluice_tid(req));
	f = fopen(path, "re");
	/* Whole lines: the container has a say in how long they are. */
	while (f && getline(&line, &room, f) > 0) {
		if (strtoull(line, &end, 10) != id.mount || *end != ' ')
			continue;
		end = strstr(line, " - ");
		if (end) {
			*end = 0;
			shared = strstr(line, " shared:") != NULL;
		}
		break;
	}
	if (f)
		fclose(f);
	return shared || sluice_alive(req);
}

/* In a child: a thread of this program cannot enter a mount namespace. Bare calls only.
 */
static int attach(int namespace, int filesystem, int dir)
{
	pid_t pid = fork(), got;
	int status;

	if (pid == 0) {
		if (setns(namespace, CLONE_NEWNS))
			_exit(errno & 255);
		_exit(-emulated_attach(filesystem, dir) & 255);
	}
	if (pid < 0)
		return -errno;
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0 || !WIFEXITED(status))
		return -EIO;
	return -WEXITSTATUS(status);
}

/* The folder: a descriptor, or -errno. It has to be the target's own, on a file system of
 * files: what is mounted in /proc would be what other programs read about the target. */
static int open_target(struct serve_work *w, struct sluice_request *req,
	const struct sluice_creds *creds)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC};
	_cleanup_close_ int dir = -1;
	char path[PATH_MAX];
	struct stat st, root;
	ssize_t n = sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path));
	int top = n < 0 ? (int)n : sluice_root_fd(req);

	if (top < 0)
		return top;
	dir = sluice_openat(req, AT_FDCWD, path, &how);
	if (dir < 0)
		return dir;
	if (fstat(dir, &st) || fstat(top, &root))
		return -errno;
	if (st.st_uid != creds->fsuid || !emulated_is_ordinary(dir) ||
		is_shared(req, dir) ||
		(st.st_dev == root.st_dev && st.st_ino == root.st_ino))
		return -w->serve->default_errno;
	return steal_fd(&dir);
}

/* ---- a folder of the machine
 * -----------------------------------------------------------
 */

/* Headers of old C libraries lack them: include/uapi/asm-generic/unistd.h, linux/mount.h,
 * linux/fcntl.h. */
#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
enum {
	TREE_CLONE = 1,
	EMPTY_PATH = 0x1000,
	SET_RDONLY = 1,
	SET_NOSUID = 2,
	SET_NODEV = 4,
	SET_NOEXEC = 8
};
struct attributes {
	uint64_t set, clear, propagation, user_namespace;
};

/* Who may mount in it could take the attributes of a mount away again: in a user
 * namespace of its own that is the container. */
static bool is_foreign(int namespace)
{
	_cleanup_close_ int theirs = ioctl(namespace, NS_GET_USERNS),
			    ours = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	struct stat a, b;

	return theirs < 0 || ours < 0 || fstat(theirs, &a) || fstat(ours, &b) ||
	       a.st_dev != b.st_dev || a.st_ino != b.st_ino;
}

/* Calls for it need not come here: mount_setattr(2) is another one. */
static bool changes_mounts(struct sluice_request *req, int namespace)
{
	struct sluice_privileges has = {.size = sizeof(has)};

	return is_foreign(namespace) || sluice_privileges(req, &has) ||
	       (has.permitted | has.bounding) & (uint64_t)1 << CAP_SYS_ADMIN;
}

/* A detached mount, which neither sees nor shows other mounts: a descriptor, or -errno.
 */
static int copy_volume(
	struct sluice_request *req, const struct serve_volume *v, int namespace)
{
	uint64_t flags = sluice_arg(req, 3);
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS};
	struct attributes attributes = {
		.set = SET_NOSUID | SET_NODEV, .propagation = MS_PRIVATE};
	_cleanup_close_ int dir = -1, tree = -1;

	if (!v->writable && changes_mounts(req, namespace))
		return -EPERM;
	dir = (int)syscall(SYS_openat2, AT_FDCWD, v->path, &how, sizeof(how));
	if (dir < 0)
		return -errno;
	tree = (int)syscall(SYS_open_tree, dir, "", TREE_CLONE | EMPTY_PATH | O_CLOEXEC);
	if (tree < 0)
		return -errno;
	if (!v->writable || flags & MS_RDONLY)
		attributes.set |= SET_RDONLY;
	if (flags & MS_NOEXEC)
		attributes.set |= SET_NOEXEC;
	if (syscall(SYS_mount_setattr, tree, "", EMPTY_PATH, &attributes,
		    sizeof(attributes)))
		return -errno;
	return steal_fd(&tree);
}

/* The volume that the call names: 0; 1: none, or other flags; -errno. */
static int find_volume(const struct serve_work *w, struct sluice_request *req,
	const struct serve_volume **out)
{
	const uint64_t flags = MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC |
			       MS_RELATIME | MS_SILENT;
	char source[PATH_MAX];
	ssize_t n;

	if (sluice_arg(req, 3) & ~flags || sluice_replayed(req))
		return 1;
	n = sluice_read_string(req, sluice_arg(req, 0), source, sizeof(source));
	if (n < 0)
		return (int)n;
	for (uint32_t i = 0; i < w->policy->n_volumes; i++) {
		*out = &w->policy->volumes[i];
		if (strcmp((*out)->source, source) == 0)
			return 0;
	}
	return 1;
}

/* ---- the call
 * -------------------------------------------------------------------------- */

static int mount_it(struct serve_work *w, struct sluice_request *req)
{
	_cleanup_close_ int dir = -1, filesystem = -1, namespace = -1;
	struct sluice_creds creds = {.size = sizeof(creds)};
	const struct serve_volume *volume = NULL;
	struct emulated_tmpfs wanted = {0};
	char path[40];
	int rc;

	if (sluice_arg(req, 3) & MS_BIND)
		rc = find_volume(w, req, &volume);
	else
		rc = w->policy->tmpfs
			     ? emulated_tmpfs_read(req, w->policy->mount_size, &wanted)
			     : 1;
	if (rc == 0)
		rc = sluice_creds(req, &creds);
	if (rc)
		return rc > 0 ? -w->serve->default_errno : rc;
	dir = open_target(w, req, &creds);
	if (dir < 0)
		return dir;
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)sluice_tid(req));
	namespace = open(path, O_RDONLY | O_CLOEXEC);
	if (namespace < 0)
		return -errno;
	filesystem = volume ? copy_volume(req, volume, namespace)
			    : emulated_tmpfs_make(&wanted, &creds);
	if (filesystem < 0)
		return filesystem;
	rc = sluice_alive(req);
	return rc ? rc : attach(namespace, filesystem, dir);
}

/* Each costs memory of the kernel, and most containers cannot unmount: so they are
 * counted, and what is unmounted counts on. */
int serve_mount(struct serve_work *w, struct sluice_request *req)
{
	int rc;

	if (atomic_fetch_add(&w->container->mounts, 1) >= w->policy->mounts) {
		atomic_fetch_sub(&w->container->mounts, 1);
		return serve_fail(w, req, ENOSPC);
	}
	rc = mount_it(w, req);
	if (rc)
		atomic_fetch_sub(&w->container->mounts, 1);
	return rc ? serve_fail(w, req, rc) : serve_reply(w, req, 0);
}
