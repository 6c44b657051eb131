/* mount of a tmpfs for a container.
 * SPDX-License-Identifier: MIT
 *
 * The file system is made here, with a limit of memory, nosuid and nodev. A child then
 * enters the mount namespace of the target and attaches it to the folder that was looked
 * at. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
	if (st.st_uid != creds->fsuid || !emulated_is_ordinary(dir) || is_shared(req, dir) ||
		(st.st_dev == root.st_dev && st.st_ino == root.st_ino))
		return -w->serve->default_errno;
	return steal_fd(&dir);
}

static int mount_it(struct serve_work *w, struct sluice_request *req)
{
	_cleanup_close_ int dir = -1, filesystem = -1, namespace = -1;
	struct sluice_creds creds = {.size = sizeof(creds)};
	struct emulated_tmpfs wanted = {0};
	char path[40];
	int rc = emulated_tmpfs_read(req, w->policy->mount_size, &wanted);

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
	filesystem = emulated_tmpfs_make(&wanted, &creds);
	if (filesystem < 0)
		return filesystem;
	rc = sluice_alive(req);
	return rc ? rc : attach(namespace, filesystem, dir);
}

/* Each costs memory of the kernel, and the container cannot unmount: so they are counted.
 */
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
