/* mkdir and mknod for a container.
 * SPDX-License-Identifier: MIT
 *
 * The path is a copy; the folder that it leads to is looked up once and used through its
 * descriptor, with the ids of the target. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "serve/serve.h"
#include "util/cleanup.h"

#define DEVICE(major, minor) ((major) << 8 | (minor))

/* What gives a container nothing that it has not got, whoever owns the node. The last
 * three are files that need no privilege. */
const struct serve_device serve_devices[] = {
	{"null", S_IFCHR, DEVICE(1, 3)},
	{"zero", S_IFCHR, DEVICE(1, 5)},
	{"full", S_IFCHR, DEVICE(1, 7)},
	{"random", S_IFCHR, DEVICE(1, 8)},
	{"urandom", S_IFCHR, DEVICE(1, 9)},
	{"tty", S_IFCHR, DEVICE(5, 0)},
	{"console", S_IFCHR, DEVICE(5, 1)},
	{"whiteout", S_IFCHR, DEVICE(0, 0)},
	{"fifo", S_IFIFO, 0},
	{"socket", S_IFSOCK, 0},
	{"file", S_IFREG, 0},
	{NULL, 0, 0},
};

bool serve_is_ordinary(int dir)
{
	static const unsigned long types[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,
		BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC};
	struct statfs fs;

	if (fstatfs(dir, &fs))
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if ((unsigned long)(unsigned int)fs.f_type == types[i])
			return true;
	return false;
}

/* The form with a descriptor has it before the path. */
static unsigned int path_argument(const struct serve_work *w)
{
	size_t n = strlen(w->rule->call);

	return n > 2 && strcmp(w->rule->call + n - 2, "at") == 0;
}

/* The folder of the path that the call names: a descriptor, or -errno. */
static int open_parent(struct serve_work *w, struct sluice_request *req, char last[256])
{
	unsigned int at = path_argument(w);
	int dirfd = at ? sluice_arg_int(req, 0) : AT_FDCWD;
	char path[PATH_MAX];
	ssize_t n = sluice_read_string(req, sluice_arg(req, at), path, sizeof(path));

	return n < 0 ? (int)n : sluice_open_parent(req, dirfd, path, last, 256);
}

/* ---- mkdir --------------------------------------------------------------------------
 */

/* The same folder under the same name as when the container came, and in the policy
 * still. */
static bool is_allowed(struct serve_work *w, int root, int parent)
{
	for (uint32_t i = 0; i < w->container->n_folders; i++) {
		const struct serve_folder *f = &w->container->folders[i];
		_cleanup_close_ int fd = -1;
		bool there = false;
		struct stat st;

		for (uint32_t k = 0; k < w->policy->n_folders; k++)
			there = there || strcmp(w->policy->folders[k], f->path) == 0;
		if (there)
			fd = serve_open_folder(root, f->path, &st);
		if (fd >= 0 && st.st_dev == f->dev && st.st_ino == f->ino &&
			sluice_is_beneath(fd, parent) == 1)
			return true;
	}
	return false;
}

int serve_mkdir(struct serve_work *w, struct sluice_request *req)
{
	mode_t mode = (mode_t)sluice_arg_int(req, path_argument(w) + 1) & 01777;
	struct serve_acting acting;
	char last[256];
	_cleanup_close_ int parent = open_parent(w, req, last);
	int root = parent < 0 ? parent : sluice_root_fd(req), rc;
	bool allowed = root >= 0 && is_allowed(w, root, parent);
	struct stat st;

	if (root < 0)
		return serve_fail(w, req, root);
	mode &= ~serve_umask(req);
	rc = sluice_alive(req);
	if (rc == 0)
		rc = serve_act_begin(&acting, req, -1);
	if (rc)
		return serve_fail(w, req, rc);
	/* Programs that make a whole path count on EEXIST for the parts that are there.
	 */
	if (allowed)
		rc = mkdirat(parent, last, mode) ? -errno : 0;
	else
		rc = fstatat(parent, last, &st, AT_SYMLINK_NOFOLLOW)
			     ? -w->serve->default_errno
			     : -EEXIST;
	serve_act_end(&acting);
	return rc ? serve_fail(w, req, rc) : serve_reply(w, req, 0);
}

/* ---- mknod --------------------------------------------------------------------------
 */

static const struct serve_device *device_of(mode_t mode, unsigned int device)
{
	mode_t type = mode & S_IFMT;

	if (!type)
		type = S_IFREG;
	for (int i = 0; serve_devices[i].name; i++)
		if (serve_devices[i].type == type &&
			(type != S_IFCHR || serve_devices[i].device == device))
			return &serve_devices[i];
	return NULL;
}

static int make_node(struct serve_work *w, struct sluice_request *req, mode_t mode,
	unsigned int device)
{
	struct serve_acting acting;
	char last[256];
	_cleanup_close_ int parent = open_parent(w, req, last);
	int rc = parent < 0 ? parent : 0;

	if (rc)
		return rc;
	if (!serve_is_ordinary(parent))
		return -w->serve->default_errno;
	mode = S_IFCHR | (mode & 0777 & ~serve_umask(req));
	rc = sluice_alive(req);
	if (rc == 0)
		rc = serve_act_begin(&acting, req, CAP_MKNOD);
	if (rc)
		return rc;
	rc = mknodat(parent, last, mode, device) ? -errno : 0;
	serve_act_end(&acting);
	return rc;
}

int serve_mknod(struct serve_work *w, struct sluice_request *req)
{
	unsigned int at = path_argument(w);
	mode_t mode = (mode_t)sluice_arg_int(req, at + 1);
	unsigned int device = (unsigned int)sluice_arg_int(req, at + 2);
	const struct serve_device *d = device_of(mode, device);
	int rc;

	if (!d || !(w->policy->devices & 1u << (d - serve_devices)))
		return serve_fail(w, req, w->serve->default_errno);
	/* A register said what it is: the kernel makes it with the rights of the target.
	 */
	if (d->type != S_IFCHR)
		return serve_continue(w, req);
	rc = make_node(w, req, mode, device);
	return rc ? serve_fail(w, req, rc) : serve_reply(w, req, 0);
}
