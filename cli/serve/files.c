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
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulated.h"
#include "proc.h"
#include "serve/serve.h"
#include "util/cleanup.h"

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
	mode &= ~cli_umask(req);
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

static int make_node(struct serve_work *w, struct sluice_request *req, mode_t mode,
	unsigned int device)
{
	struct serve_acting acting;
	char last[256];
	_cleanup_close_ int parent = open_parent(w, req, last);
	int rc = parent < 0 ? parent : 0;

	if (rc)
		return rc;
	if (!emulated_is_ordinary(parent))
		return -w->serve->default_errno;
	mode = S_IFCHR | (mode & 0777 & ~cli_umask(req));
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
	const struct emulated_node *d = emulated_node(mode, device);
	int rc;

	if (!d || !(w->policy->devices & 1u << (d - emulated_nodes)))
		return serve_fail(w, req, w->serve->default_errno);
	/* A register said what it is: the kernel makes it with the rights of the target.
	 */
	if (d->type != S_IFCHR)
		return serve_continue(w, req);
	rc = make_node(w, req, mode, device);
	return rc ? serve_fail(w, req, rc) : serve_reply(w, req, 0);
}
