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
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#ifndef STATX_INO /* musl before 1.2.5 has no statx(2) */
#include <linux/stat.h>
#endif

#include "serve/serve.h"
#include "util/cleanup.h"

/* Headers of old C libraries lack them: include/uapi/asm-generic/unistd.h, linux/mount.h.
 */
#ifndef SYS_move_mount
#define SYS_move_mount 429
#define SYS_fsopen     430
#define SYS_fsconfig   431
#define SYS_fsmount    432
#endif
enum {
	SET_STRING = 1,
	CREATE = 6,
	CLOEXEC = 1,
	ATTR_NOSUID = 2,
	ATTR_NODEV = 4,
	ATTR_NOEXEC = 8,
	FROM_EMPTY = 4,
	TO_EMPTY = 0x40
};

struct wanted {
	uint64_t size;
	unsigned int mode;
	bool noexec;
};

/* "mode=755,size=1m". False: another option, or no such number. */
static bool read_data(char *data, struct wanted *wanted)
{
	char *save = NULL, *end;

	for (char *at = strtok_r(data, ",", &save); at; at = strtok_r(NULL, ",", &save)) {
		unsigned long long n;

		if (strncmp(at, "mode=", 5) == 0) {
			n = strtoull(at + 5, &end, 8);
			if (end == at + 5 || *end || n > 01777)
				return false;
			wanted->mode = (unsigned int)n;
			continue;
		}
		if (strncmp(at, "size=", 5) != 0 || at[5] < '0' || at[5] > '9')
			return false;
		n = strtoull(at + 5, &end, 10);
		if (n > UINT64_MAX >> 30)
			return false;
		n <<= *end == 'k' || *end == 'K'   ? 10
		      : *end == 'm' || *end == 'M' ? 20
		      : *end == 'g' || *end == 'G' ? 30
						   : 0;
		if (*end && (!strchr("kKmMgG", *end) || end[1]))
			return false;
		if (n && n < wanted->size) /* 0 would be no limit */
			wanted->size = n;
	}
	return true;
}

static int set(int context, const char *key, unsigned long long value)
{
	char text[32];

	if (strcmp(key, "mode") == 0)
		snprintf(text, sizeof(text), "%llo", value);
	else
		snprintf(text, sizeof(text), "%llu", value);
	return syscall(SYS_fsconfig, context, SET_STRING, key, text, 0) ? -errno : 0;
}

/* A detached mount: a descriptor, or -errno. */
static int make_tmpfs(const struct wanted *wanted, const struct sluice_creds *creds)
{
	_cleanup_close_ int context = (int)syscall(SYS_fsopen, "tmpfs", CLOEXEC);
	int rc, fd;

	if (context < 0)
		return -errno;
	rc = set(context, "size", wanted->size);
	/* Names cost memory of the kernel, too. */
	if (rc == 0)
		rc = set(context, "nr_inodes", wanted->size / 4096 + 16);
	if (rc == 0)
		rc = set(context, "mode", wanted->mode);
	if (rc == 0)
		rc = set(context, "uid", creds->fsuid);
	if (rc == 0)
		rc = set(context, "gid", creds->fsgid);
	if (rc)
		return rc;
	if (syscall(SYS_fsconfig, context, CREATE, NULL, NULL, 0))
		return -errno;
	fd = (int)syscall(SYS_fsmount, context, CLOEXEC,
		ATTR_NOSUID | ATTR_NODEV | (wanted->noexec ? ATTR_NOEXEC : 0));
	return fd < 0 ? -errno : fd;
}

/* Whether what is mounted in @dir appears in other namespaces, too; true if that is
 * unknown. */
static bool is_shared(struct sluice_request *req, int dir)
{
	_cleanup_free_ char *line = NULL;
	char path[40], *end;
	bool shared = true;
	struct statx st;
	size_t room = 0;
	FILE *f;

	if (syscall(SYS_statx, dir, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) ||
		!(st.stx_mask & STATX_MNT_ID))
		return true;
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)sluice_tid(req));
	f = fopen(path, "re");
	/* Whole lines: the container has a say in how long they are. */
	while (f && getline(&line, &room, f) > 0) {
		if (strtoull(line, &end, 10) != st.stx_mnt_id || *end != ' ')
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
		if (syscall(SYS_move_mount, filesystem, "", dir, "",
			    FROM_EMPTY | TO_EMPTY))
			_exit(errno & 255);
		_exit(0);
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
	if (st.st_uid != creds->fsuid || !serve_is_ordinary(dir) || is_shared(req, dir) ||
		(st.st_dev == root.st_dev && st.st_ino == root.st_ino))
		return -w->serve->default_errno;
	return steal_fd(&dir);
}

static int read_wanted(
	struct serve_work *w, struct sluice_request *req, struct wanted *wanted)
{
	const uint64_t flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME | MS_SILENT;
	char type[16], data[256] = "";
	ssize_t n = sluice_read_string(req, sluice_arg(req, 2), type, sizeof(type));

	if (n == -ENAMETOOLONG || (n >= 0 && strcmp(type, "tmpfs") != 0) ||
		sluice_arg(req, 3) & ~flags || sluice_replayed(req))
		return -w->serve->default_errno;
	if (n >= 0 && sluice_arg(req, 4))
		n = sluice_read_string(req, sluice_arg(req, 4), data, sizeof(data));
	if (n < 0)
		return (int)n;
	*wanted = (struct wanted){
		w->policy->mount_size, 01777, (sluice_arg(req, 3) & MS_NOEXEC) != 0};
	return read_data(data, wanted) ? 0 : -EINVAL;
}

static int mount_it(struct serve_work *w, struct sluice_request *req)
{
	_cleanup_close_ int dir = -1, filesystem = -1, namespace = -1;
	struct sluice_creds creds;
	struct wanted wanted = {0};
	char path[40];
	int rc = read_wanted(w, req, &wanted);

	if (rc == 0)
		rc = sluice_creds(req, &creds);
	if (rc)
		return rc;
	dir = open_target(w, req, &creds);
	if (dir < 0)
		return dir;
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)sluice_tid(req));
	namespace = open(path, O_RDONLY | O_CLOEXEC);
	if (namespace < 0)
		return -errno;
	filesystem = make_tmpfs(&wanted, &creds);
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
