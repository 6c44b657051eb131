/* mknod-mount UID PROGRAM [ARG...]: run the program as an unprivileged user who may all the same
 * make a few harmless devices and mount tmpfs. Run it as root.
 * SPDX-License-Identifier: MIT
 *
 * What is emulated is a list, not a check of everything: only what was compared with
 * it is carried out, from copies. A mount happens on a descriptor of the
 * directory, in this process' mount namespace (which the target shares). The list has the kinds
 * of file systems too: a target owns its directory in /proc, and what is mounted there would
 * be what this and other programs read about it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/magic.h>
#include <linux/openat2.h>
#include <sluice.h>

static bool is_harmless(mode_t mode, unsigned device)
{
	static const unsigned minors[] = {3, 5, 7, 8, 9}; /* null zero full random urandom */

	if ((mode & S_IFMT) != S_IFCHR || major(device) != 1)
		return false;
	for (size_t i = 0; i < sizeof(minors) / sizeof(minors[0]); i++)
		if (minor(device) == minors[i])
			return true;
	return false;
}

/* Where files are files, and not what a kernel or a program makes up. */
static bool is_ordinary(int dir)
{
	static const unsigned long types[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,
		BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC};
	struct statfs fs;

	if (fstatfs(dir, &fs))
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if ((unsigned long)(unsigned)fs.f_type == types[i])
			return true;
	return false;
}

static int owned_by_target(struct sluice_request *req, int dir)
{
	struct sluice_creds creds = {.size = sizeof(creds)};
	struct stat st;
	int rc = sluice_creds(req, &creds);

	if (rc)
		return rc;
	if (fstat(dir, &st) || !S_ISDIR(st.st_mode) || st.st_uid != creds.euid)
		return -EACCES;
	return is_ordinary(dir) ? 0 : -EACCES;
}

/* Refuses, and says why: whoever runs this wonders which rule it was. */
static int refuse(struct sluice_request *req, int error, const char *path, const char *why)
{
	fprintf(stderr, "refused: %s %s: %s\n", sluice_name(req), path, why);
	return sluice_fail(req, error);
}

static const char *why_not(int rc)
{
	return rc == -EACCES ? "the directory is not the user's, or on no ordinary file system" :
			       strerror(-rc);
}

static int make_node(struct sluice_request *req, int dirfd, unsigned path_arg)
{
	mode_t mode = (mode_t)sluice_arg_int(req, path_arg + 1);
	unsigned device = (unsigned)sluice_arg_int(req, path_arg + 2);
	char path[PATH_MAX], last[256];
	int dir, rc = (int)sluice_read_string(req, sluice_arg(req, path_arg), path, sizeof(path));

	if (rc < 0)
		return sluice_fail(req, rc);
	if (!is_harmless(mode, device))
		return refuse(req, EPERM, path, "not one of null, zero, full, random, urandom");
	dir = sluice_open_parent(req, dirfd, path, last, sizeof(last));
	if (dir < 0)
		return refuse(req, dir, path, strerror(-dir));
	rc = owned_by_target(req, dir);
	if (!rc && mknodat(dir, last, mode, device))
		rc = -errno;
	close(dir);
	return rc ? refuse(req, rc, path, why_not(rc)) : sluice_reply(req, 0);
}

static int on_mknod(struct sluice_request *req, void *data)
{
	(void)data;
	return make_node(req, AT_FDCWD, 0);
}

static int on_mknodat(struct sluice_request *req, void *data)
{
	(void)data;
	return make_node(req, sluice_arg_int(req, 0), 1);
}

static int on_mount(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY};
	char type[16], path[PATH_MAX], by_fd[64];
	int dir, rc;

	(void)data;
	rc = (int)sluice_read_string(req, sluice_arg(req, 2), type, sizeof(type));
	if (rc >= 0)
		rc = (int)sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path));
	if (rc < 0)
		return sluice_fail(req, rc);
	if (strcmp(type, "tmpfs"))
		return refuse(req, EPERM, path, "only tmpfs is mounted");
	if (sluice_arg(req, 3) & ~(uint64_t)(MS_NOSUID | MS_NODEV))
		return refuse(req, EPERM, path, "only with the flags nosuid and nodev");
	dir = sluice_openat(req, AT_FDCWD, path, &how);
	if (dir < 0)
		return refuse(req, dir, path, strerror(-dir));
	snprintf(by_fd, sizeof(by_fd), "/proc/self/fd/%d", dir);
	rc = owned_by_target(req, dir);
	if (!rc && mount("sluice", by_fd, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=1777"))
		rc = -errno;
	close(dir);
	if (rc)
		return refuse(req, rc, path, why_not(rc));
	fprintf(stderr, "mount tmpfs on %s: done\n", path);
	return sluice_reply(req, 0);
}

/* A whole number up to @max, or -1: what atoi() takes for 0 would be root, or any port. */
static long number_of(const char *text, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	return errno || end == text || *end || n < 0 || n > max ? -1 : n;
}

int main(int argc, char **argv)
{
	struct sluice_error error = {0};
	struct sluice_options options = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	long uid = argc < 3 ? -1 : number_of(argv[1], INT_MAX);
	int status = 1, rc;

	if (uid < 0 || !filter) {
		fprintf(stderr, "usage: %s UID PROGRAM [ARG...]\n", argv[0]);
		return 2;
	}
	rc = seccomp_rule_add(filter, SCMP_ACT_NOTIFY, SCMP_SYS(mknod), 0) |
		seccomp_rule_add(filter, SCMP_ACT_NOTIFY, SCMP_SYS(mknodat), 0) |
		seccomp_rule_add(filter, SCMP_ACT_NOTIFY, SCMP_SYS(mount), 0);
	options.error = child.error = &error;
	child.uid = child.gid = (unsigned)uid;
	child.wait_killable = true; /* what was mounted must not be mounted again */
	if (rc || sluice_supervisor_new(&options, &sv)) {
		fprintf(stderr, "%s: %s\n", argv[0], error.message);
		return 1;
	}
	rc = sluice_on_name(sv, "mknod", on_mknod, NULL);
	if (!rc)
		rc = sluice_on_name(sv, "mknodat", on_mknodat, NULL);
	if (!rc)
		rc = sluice_on_name(sv, "mount", on_mount, NULL);
	if (!rc)
		rc = sluice_spawn(sv, filter, argv + 2, &child);
	umask(0); /* nodes are root's: the mode that was asked for must do for the target */
	if (!rc)
		rc = sluice_wait(sv, &child, &status);
	if (rc)
		fprintf(stderr, "%s: %s\n", argv[0], error.message);
	sluice_supervisor_free(sv);
	seccomp_release(filter);
	return rc ? 1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
