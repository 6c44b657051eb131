/* Attributes of files: modes, owners, times, extended attributes.
 * SPDX-License-Identifier: MIT
 *
 * Landlock has no right for them. The supervisor finds the file that the program names,
 * looks where it lies by identity, and changes it through the descriptor that it looked
 * at. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#include "policy.h"
#include "util/cleanup.h"

enum kind {
	MODE,
	OWNER,
	TIMES, /* struct timespec */
	TIMEVALS,
	UTIMBUF,
	SET,
	REMOVE
};

/* Where the arguments are; -1: there is none. */
struct form {
	const char *name;
	enum kind kind;
	int dirfd, path, fd, first, flags;
	bool nofollow;
};

static const struct form forms[] = {
	{"chmod", MODE, -1, 0, -1, 1, -1, false},
	{"fchmod", MODE, -1, -1, 0, 1, -1, false},
	{"fchmodat", MODE, 0, 1, -1, 2, -1, false},
	{"fchmodat2", MODE, 0, 1, -1, 2, 3, false},
	{"chown", OWNER, -1, 0, -1, 1, -1, false},
	{"lchown", OWNER, -1, 0, -1, 1, -1, true},
	{"fchown", OWNER, -1, -1, 0, 1, -1, false},
	{"fchownat", OWNER, 0, 1, -1, 2, 4, false},
	{"utime", UTIMBUF, -1, 0, -1, 1, -1, false},
	{"utimes", TIMEVALS, -1, 0, -1, 1, -1, false},
	{"futimesat", TIMEVALS, 0, 1, -1, 2, -1, false},
	{"utimensat", TIMES, 0, 1, -1, 2, 3, false},
	{"setxattr", SET, -1, 0, -1, 1, -1, false},
	{"lsetxattr", SET, -1, 0, -1, 1, -1, true},
	{"fsetxattr", SET, -1, -1, 0, 1, -1, false},
	{"removexattr", REMOVE, -1, 0, -1, 1, -1, false},
	{"lremovexattr", REMOVE, -1, 0, -1, 1, -1, true},
	{"fremovexattr", REMOVE, -1, -1, 0, 1, -1, false},
};
#define FORMS (sizeof(forms) / sizeof(forms[0]))

/* ---- may it be changed? -------------------------------------------------------------
 */

int policy_folder_of(int fd, const struct stat *st, char name[NAME_MAX + 1])
{
	char link[32], path[PATH_MAX];
	_cleanup_close_ int dir = -1;
	struct stat found;
	char *slash;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return -1;
	path[n] = 0;
	slash = strrchr(path, '/');
	if (!slash || strlen(slash + 1) > NAME_MAX)
		return -1;
	*slash = 0;
	dir = open(slash == path ? "/" : path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fstatat(dir, slash + 1, &found, AT_SYMLINK_NOFOLLOW) ||
		!policy_same_file(st, &found))
		return -1;
	memcpy(name, slash + 1, strlen(slash + 1) + 1);
	return steal_fd(&dir);
}

bool policy_may_change(const struct policy *p, int fd)
{
	_cleanup_close_ int dir = -1;
	char name[NAME_MAX + 1];
	struct stat st;

	if (fstat(fd, &st))
		return false;
	dir = S_ISDIR(st.st_mode) ? fcntl(fd, F_DUPFD_CLOEXEC, 3)
				  : policy_folder_of(fd, &st, name);
	for (uint32_t i = 0; i < p->n_paths; i++) {
		const struct policy_path *rule = &p->paths[i];

		if (rule->access != POLICY_WRITE)
			continue;
		if (policy_same_file(&rule->st, &st) ||
			(S_ISDIR(rule->st.st_mode) && dir >= 0 &&
				sluice_is_beneath(rule->fd, dir) == 1))
			return true;
	}
	return false;
}

/* Landlock let it be opened for writing. A device may be one that everybody can write to: the mode of /dev/null is
 * not the program's. */
static bool opened_to_write(int fd)
{
	int access = fcntl(fd, F_GETFL);
	struct stat st;

	return !(access & O_PATH) && (access & O_ACCMODE) != O_RDONLY && fstat(fd, &st) == 0 &&
	       !S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode);
}

/* The file: a descriptor, or -errno. -EPERM: no rule lets it be changed. */
static int find(const struct policy *p, struct sluice_request *req, const struct form *f)
{
	int flags = f->flags < 0 ? 0 : sluice_arg_int(req, (unsigned)f->flags);
	int dirfd = f->dirfd < 0 ? AT_FDCWD : sluice_arg_int(req, (unsigned)f->dirfd);
	bool nofollow = f->nofollow || (flags & AT_SYMLINK_NOFOLLOW);
	struct open_how how = {.flags = O_PATH | O_CLOEXEC | (nofollow ? O_NOFOLLOW : 0)};
	uint64_t address = f->path < 0 ? 0 : sluice_arg(req, (unsigned)f->path);
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX] = "";
	bool by_path;
	ssize_t n = 0;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (address)
		n = sluice_read_string(req, address, path, sizeof(path));
	if (n < 0)
		return (int)n;
	/* utimensat(2) takes a descriptor alone where there is no path. */
	if (f->fd >= 0 || (f->kind == TIMES && !address) ||
		(!*path && (flags & AT_EMPTY_PATH) && dirfd != AT_FDCWD)) {
		fd = policy_file_of(
			req, f->fd >= 0 ? sluice_arg_int(req, 0) : dirfd, &by_path);
		if (fd < 0)
			return fd;
		if (f->fd >= 0 && !by_path && fcntl(fd, F_GETFL) & O_PATH)
			return -EBADF;
		return opened_to_write(fd) || policy_may_change(p, fd) ? steal_fd(&fd)
									 : -EPERM;
	}
	fd = sluice_openat(req, dirfd, path, &how);
	if (fd < 0)
		return fd;
	return policy_may_change(p, fd) ? steal_fd(&fd) : -EPERM;
}

/* ---- change it ----------------------------------------------------------------------
 */

static int read_times(
	struct sluice_request *req, const struct form *f, struct timespec t[2])
{
	uint64_t address = sluice_arg(req, (unsigned)f->first);
	struct timeval tv[2];
	struct utimbuf ub;
	ssize_t n;

	for (int i = 0; i < 2; i++)
		t[i] = (struct timespec){0, UTIME_NOW};
	if (!address)
		return 0;
	if (f->kind == TIMES) {
		n = sluice_read(req, address, t, 2 * sizeof(*t));
		return n == 2 * sizeof(*t) ? 0 : -EFAULT;
	}
	if (f->kind == UTIMBUF) {
		n = sluice_read(req, address, &ub, sizeof(ub));
		t[0] = (struct timespec){ub.actime, 0};
		t[1] = (struct timespec){ub.modtime, 0};
		return n == sizeof(ub) ? 0 : -EFAULT;
	}
	n = sluice_read(req, address, tv, sizeof(tv));
	if (n != sizeof(tv))
		return -EFAULT;
	for (int i = 0; i < 2; i++) {
		if (tv[i].tv_usec < 0 || tv[i].tv_usec > 999999)
			return -EINVAL;
		t[i] = (struct timespec){tv[i].tv_sec, tv[i].tv_usec * 1000};
	}
	return 0;
}

static int change_xattr(
	struct sluice_request *req, const struct form *f, const char *path)
{
	_cleanup_free_ char *value = NULL;
	unsigned int at = (unsigned)f->first;
	uint64_t size = f->kind == SET ? sluice_arg(req, at + 2) : 0;
	char name[XATTR_NAME_MAX + 1];
	ssize_t n = sluice_read_string(req, sluice_arg(req, at), name, sizeof(name));

	if (n < 0)
		return n == -ENAMETOOLONG ? -ERANGE : (int)n;
	if (f->kind == REMOVE)
		return removexattr(path, name) ? -errno : 0;
	if (size > XATTR_SIZE_MAX)
		return -E2BIG;
	value = malloc(size + 1);
	if (!value)
		return -ENOMEM;
	n = size ? sluice_read(req, sluice_arg(req, at + 1), value, size) : 0;
	if (n != (ssize_t)size)
		return n < 0 ? (int)n : -EFAULT;
	return setxattr(path, name, value, size, sluice_arg_int(req, at + 3)) ? -errno
									      : 0;
}

/* Through the descriptor: whatever its name is by now. */
static int change(struct sluice_request *req, const struct form *f, int fd)
{
	unsigned int at = (unsigned)f->first;
	struct timespec t[2];
	struct stat st;
	char path[32];
	int rc;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	switch (f->kind) {
	case MODE:
	case SET:
	case REMOVE:
		/* The kernel would change what a link leads to, or nothing. */
		if (fstat(fd, &st) || S_ISLNK(st.st_mode))
			return -EOPNOTSUPP;
		if (f->kind != MODE)
			return change_xattr(req, f, path);
		return chmod(path, (mode_t)sluice_arg_int(req, at) & 07777) ? -errno : 0;
	case OWNER:
		return fchownat(fd, "", (uid_t)sluice_arg_int(req, at),
			       (gid_t)sluice_arg_int(req, at + 1), AT_EMPTY_PATH)
			       ? -errno
			       : 0;
	default:
		rc = read_times(req, f, t);
		if (rc)
			return rc;
		return utimensat(fd, "", t, AT_EMPTY_PATH) ? -errno : 0;
	}
}

static int change_for_it(struct sluice_request *req, void *data)
{
	const struct policy *p = data;
	const struct form *f = NULL;
	int fd, rc;

	for (size_t i = 0; i < FORMS; i++)
		if (strcmp(forms[i].name, sluice_name(req)) == 0)
			f = &forms[i];
	fd = f ? find(p, req, f) : -EPERM;
	if (fd < 0)
		return sluice_fail(req, fd == -EPERM && p->errnum ? p->errnum : -fd);
	/* A program that has given up rights, or has them in a namespace of its own only.
	 */
	rc = policy_same_rights(req) ? change(req, f, fd) : -EPERM;
	rc = rc ? sluice_fail(req, rc) : sluice_reply(req, 0);
	close(fd);
	return rc;
}

/* On a worker: a file of a file system that answers late is nobody's to wait for. */
static int on_change(struct sluice_request *req, void *data)
{
	return sluice_work(req, change_for_it, data);
}

sluice_handler policy_metadata_handler(const char *call)
{
	for (size_t i = 0; i < FORMS; i++)
		if (strcmp(forms[i].name, call) == 0)
			return on_change;
	return NULL;
}

int policy_answer_metadata(struct policy *p, struct sluice_supervisor *supervisor)
{
	for (size_t i = 0; i < FORMS; i++) {
		int nr = seccomp_syscall_resolve_name(forms[i].name);
		int rc = nr < 0 ? 0
				: sluice_on(
					  supervisor, SCMP_ARCH_NATIVE, nr, on_change, p);

		if (rc)
			return rc;
	}
	return 0;
}
