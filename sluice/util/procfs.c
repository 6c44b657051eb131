/* Our /proc.
 * SPDX-License-Identifier: MIT
 *
 * What we know of a target comes from a procfs. A supervisor may mount for its targets, or share its
 * mount namespace with one that can: a file system over /proc/tid would then be theirs to say
 * what root and user they have. So this procfs is a mount of its own where the
 * kernel lets us, and elsewhere nothing is taken from it that something is mounted on. */
#include "util/util.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define PROC_MAGIC 0x9fa0
#define PROC_INODE 1 /* of its root; include/linux/proc_ns.h PROC_ROOT_INO */

bool sc_sluice_on_proc(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_MAGIC;
}

/* What a probe may ask for without a side effect. */
#define PLAIN (O_ACCMODE | O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* @path below our procfs, "self" being us even in a child of ours. Makes no call that
 * libc could have made its own: path/helper.c uses it after a fork. */
int sc_sluice_proc_open(const struct procfs *proc, const char *path, int flags,
	unsigned mode)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS};
	const char *last = strrchr(path, '/');
	char parent[64] = ".";
	int dir, fd;

	flags |= O_CLOEXEC | O_LARGEFILE;
	if (proc->fd < 0)
		return proc->fd;
	if (proc->exclusive) {
		fd = (int)syscall(SYS_openat, proc->fd, path, flags, mode);
		return fd < 0 ? -errno : fd;
	}
	if (last && (size_t)(last - path) >= sizeof(parent))
		return -ENAMETOOLONG;
	if (last) {
		memcpy(parent, path, (size_t)(last - path));
		parent[last - path] = '\0';
	}
	last = last ? last + 1 : path;
	dir = (int)syscall(SYS_openat2, proc->fd, parent, &how, sizeof(how));
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

/* A line of MAX_LEVELS numbers, and more. */
#define LINE_ROOM 512

/* The line of @field ("\nNSpid:\t") in a "status", from there to the end of @text. It may be behind
 * the groups, of which there are up to 65536. */
static int find_field(int fd, const char *field, char *text, size_t size, char **line)
{
	size_t used = 0;
	ssize_t n;

	do {
		if (used > size / 2) {
			memmove(text, text + used - LINE_ROOM, LINE_ROOM);
			used = LINE_ROOM;
		}
		n = read(fd, text + used, size - 1 - used);
		if (n < 0)
			return -errno;
		used += (size_t)n;
		text[used] = '\0';
		*line = strstr(text, field);
	} while (n && (!*line || !strchr(*line + 1, '\n')));
	if (!*line)
		return -EPROTO;
	*line += strlen(field);
	return 0;
}

/* The pids in a "status" from the outermost namespace inwards. Returns how many. */
int sc_sluice_read_pids(int fd, unsigned *pids)
{
	char text[4096], *at;
	int rc = find_field(fd, "\nNSpid:", text, sizeof(text), &at), count = 0;

	if (rc)
		return rc;
	while (*at == '\t' && count < MAX_LEVELS)
		pids[count++] = (unsigned)strtoul(at, &at, 10);
	return count;
}

/* The process in a "status", as the procfs numbers it. */
int sc_sluice_read_tgid(int fd, unsigned *tgid)
{
	char text[4096], *at;
	int rc = find_field(fd, "\nTgid:\t", text, sizeof(text), &at);

	if (!rc)
		*tgid = (unsigned)strtoul(at, NULL, 10);
	return rc;
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
static int check(const struct procfs *proc)
{
	_cleanup_close_ int fd = sc_sluice_proc_open(proc, "self/status", O_RDONLY, 0);
	unsigned pids[MAX_LEVELS];
	int n;

	if (fd < 0)
		return fd;
	if (!sc_sluice_at_proc_root(proc->fd))
		return -ENOSYS;
	n = sc_sluice_read_pids(fd, pids);
	return n == 1 || n == -EPROTO /* no namespaces */ ? 0 : -ENOSYS;
}

/* A supervisor without one can do whatever needs none. */
void sc_sluice_proc_pin(struct procfs *proc)
{
	int rc;

	proc->fd = private_proc();
	proc->exclusive = proc->fd >= 0;
	if (proc->exclusive && sc_sluice_on_proc(proc->fd))
		return;
	if (proc->exclusive) { /* a filter refuses to say: no file would be known as one of a procfs */
		close(proc->fd);
		proc->exclusive = false;
	}
	proc->fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc->fd < 0) {
		proc->fd = -ENOSYS;
		return;
	}
	rc = check(proc);
	if (rc) {
		close(proc->fd);
		proc->fd = -ENOSYS;
	}
}

void sc_sluice_proc_unpin(struct procfs *proc)
{
	if (proc->fd >= 0)
		close(proc->fd);
	proc->fd = -ENOSYS;
}

/* The number of a namespace ("pid", "net", ...) of @who ("self", a thread's id); 0 if it cannot be
 * told. */
uint64_t sc_sluice_namespace(const struct procfs *proc, const char *who, const char *kind)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "%s/ns/%s", who, kind);
	fd = sc_sluice_proc_open(proc, path, O_PATH, 0);
	return fd < 0 || fstat(fd, &st) ? 0 : st.st_ino;
}

/* Whether children of this thread are, or may be, in another pid namespace than we: after
 * unshare(CLONE_NEWPID) or setns(2). */
bool sc_sluice_children_elsewhere(const struct procfs *proc)
{
	uint64_t ours = sc_sluice_namespace(proc, "thread-self", "pid");

	return !ours || sc_sluice_namespace(proc, "thread-self", "pid_for_children") != ours;
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
