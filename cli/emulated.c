/* Nodes, and file systems in memory, that are made for somebody else.
 * SPDX-License-Identifier: MIT */
#include "emulated.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util/cleanup.h"

/* ---- nodes --------------------------------------------------------------------------
 */

#define DEVICE(major, minor) ((major) << 8 | (minor))

/* What gives a program nothing that it has not got, whoever owns the node. The last
 * three are files that need no privilege. */
const struct emulated_node emulated_nodes[] = {
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

bool emulated_is_ordinary(int dir)
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

const struct emulated_node *emulated_node(mode_t mode, unsigned int device)
{
	mode_t type = mode & S_IFMT;

	if (!type)
		type = S_IFREG;
	for (int i = 0; emulated_nodes[i].name; i++)
		if (emulated_nodes[i].type == type &&
			(type != S_IFCHR || emulated_nodes[i].device == device))
			return &emulated_nodes[i];
	return NULL;
}

/* ---- mounts -------------------------------------------------------------------------
 */

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

/* "mode=755,size=1m". False: another option, or no such number. */
static bool read_data(char *data, struct emulated_tmpfs *wanted)
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

int emulated_tmpfs_read(
	struct sluice_request *req, uint64_t most, struct emulated_tmpfs *out)
{
	const uint64_t flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME | MS_SILENT;
	char type[16], data[256] = "";
	struct emulated_tmpfs wanted = {most, 01777, (sluice_arg(req, 3) & MS_NOEXEC) != 0};
	ssize_t n = sluice_read_string(req, sluice_arg(req, 2), type, sizeof(type));

	if (n == -ENAMETOOLONG || (n >= 0 && strcmp(type, "tmpfs") != 0) ||
		sluice_arg(req, 3) & ~flags || sluice_replayed(req))
		return 1;
	if (n >= 0 && sluice_arg(req, 4))
		n = sluice_read_string(req, sluice_arg(req, 4), data, sizeof(data));
	if (n < 0)
		return (int)n;
	if (!read_data(data, &wanted))
		return -EINVAL;
	*out = wanted;
	return 0;
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

int emulated_tmpfs_make(
	const struct emulated_tmpfs *wanted, const struct sluice_creds *creds)
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

int emulated_attach(int filesystem, int dir)
{
	return syscall(SYS_move_mount, filesystem, "", dir, "", FROM_EMPTY | TO_EMPTY)
		       ? -errno
		       : 0;
}

/* Why a supervisor must not mount a file system for a container (serve) or a program (run). */
static const struct {
	const char *type, *why;
} unsound[] = {
	{"proc", "a new instance shows what is masked and read-only in the /proc that is there"},
	{"sysfs", "a new instance shows what is masked and read-only in the /sys that is there"},
	{"cgroup", "it gives groups that belong to others"},
	{"cgroup2", "it gives groups that belong to others"},
	{"devpts", "it belongs to who made the terminals that are there"},
	{"mqueue", "it belongs to the IPC namespace of who mounts it, which is sluice"},
	{"ramfs", "it has no limit of memory"},
	{"overlay", "layers are paths that sluice would follow with its own rights"},
	{"bind", "the source is a path that sluice would follow with its own rights"},
	{"fuse", "the server behind it can stop whoever opens its files"},
	{"ext4", "the kernel trusts the bytes of the device, whoever wrote them"},
	{"xfs", "the kernel trusts the bytes of the device, whoever wrote them"},
	{"btrfs", "the kernel trusts the bytes of the device, whoever wrote them"},
};

const char *emulated_unsound(const char *type)
{
	for (size_t i = 0; i < sizeof(unsound) / sizeof(unsound[0]); i++)
		if (strcmp(type, unsound[i].type) == 0)
			return unsound[i].why;
	return NULL;
}
