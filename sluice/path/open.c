/* Opening what the target names, as the target would reach it.
 * SPDX-License-Identifier: MIT */
#include "path/path.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define OPEN_RESOLVE (RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

/* Below the root and the working directory the kernel resolves in one call. -EAGAIN: the
 * long way, which also finds the right error. */
static int quick(struct sluice_request *req, int start, const char *path, uint64_t resolve,
	bool follow, struct place *place)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW),
		.resolve = RESOLVE_NO_MAGICLINKS | (resolve & RESOLVE_NO_SYMLINKS) |
			(path[0] == '/' ? RESOLVE_IN_ROOT : RESOLVE_BENEATH)};
	int dir = path[0] == '/' ? sluice_root_fd(req) : start;
	_cleanup_close_ int fd = -1;

	if (dir < 0)
		return dir;
	fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	/* Something on a procfs may have come through "self", which was us. */
	if (fd < 0 || sc_sluice_on_proc(fd))
		return -EAGAIN;
	*place = (struct place){.dir = -1, .item = steal_fd(&fd)};
	return 0;
}

static int start_of(struct sluice_request *req, int dirfd, const char *path, int *owned)
{
	if (path[0] == '/')
		return sluice_root_fd(req);
	if (dirfd == AT_FDCWD)
		return sluice_cwd_fd(req);
	*owned = sc_target_dir(req, dirfd);
	return *owned;
}

static int find_place(struct sluice_request *req, int dirfd, const char *path,
	const struct open_how *how, struct place *place)
{
	bool exclusive = (how->flags & O_CREAT) && (how->flags & O_EXCL);
	bool follow = !(how->flags & O_NOFOLLOW) && !exclusive;
	_cleanup_close_ int owned = -1;
	unsigned flags = follow ? 0 : W_NO_FOLLOW;
	int start, rc;

	if (how->resolve & ~(uint64_t)OPEN_RESOLVE)
		return -EINVAL;
	if (!path[0])
		return -ENOENT;
	start = start_of(req, dirfd, path, &owned);
	if (start < 0)
		return start;
	rc = quick(req, start, path, how->resolve, follow, place);
	if (rc == -EAGAIN) {
		if (how->resolve & RESOLVE_NO_SYMLINKS)
			flags |= W_NO_SYMLINKS;
		if (how->resolve & RESOLVE_NO_MAGICLINKS)
			flags |= W_NO_MAGIC;
		rc = sc_path_walk(req, start, path, flags, place);
	}
	return rc;
}

static void close_place(struct place *place)
{
	closep(&place->dir);
	closep(&place->item);
}

/* True if opening it can wait for somebody: a FIFO for its other end, a device for anything. */
static bool may_wait(const struct stat *st, uint64_t flags)
{
	if (S_ISFIFO(st->st_mode))
		return !(flags & O_NONBLOCK) && (flags & O_ACCMODE) != O_RDWR;
	if (S_ISCHR(st->st_mode))
		return major(st->st_rdev) != 1; /* null, zero, full, random, ... */
	return S_ISBLK(st->st_mode);
}

/* /dev/tty is the opener's terminal: ours, not the target's. */
static bool is_own_tty(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(5, 0);
}

/* Open what an O_PATH descriptor holds. The caller has seen that this cannot wait, or may
 * wait itself. */
int sc_path_reopen(const struct sluice_supervisor *sv, int item, uint64_t flags,
	unsigned mode)
{
	char link[32];

	snprintf(link, sizeof(link), "self/fd/%d", item);
	return sc_sluice_proc_open(&sv->proc, link,
		(int)(flags & ~(uint64_t)(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_NOCTTY, mode);
}

/* A lease on a regular file would hold the open up for lease-break-time, and the target can
 * have one: ask not to wait, then take that flag off again. */
static int reopen_now(const struct sluice_supervisor *sv, int item, uint64_t flags, unsigned mode)
{
	int fd = sc_path_reopen(sv, item, flags | O_NONBLOCK, mode);

	if (fd >= 0 && !(flags & O_NONBLOCK)) {
		int now = fcntl(fd, F_GETFL);

		if (now < 0 || fcntl(fd, F_SETFL, now & ~O_NONBLOCK)) {
			close(fd);
			return -EIO;
		}
	}
	return fd;
}

/* As a new file of the target's gets it. */
static unsigned masked(struct sluice_request *req, const struct open_how *how)
{
	unsigned mask;

	if (sc_target_status(req, "\nUmask:", &mask, 1))
		mask = 077; /* not known (before 4.7): the narrow one */
	return (unsigned)how->mode & ~mask;
}

static int open_item(struct sluice_request *req, struct place *place, const struct open_how *how)
{
	const struct sluice_supervisor *sv = req->sv;
	uint64_t flags = how->flags;
	unsigned mode = 0;
	struct stat st;

	if ((flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	if (fstat(place->item, &st))
		return -errno;
	if ((place->must_be_dir || (flags & O_DIRECTORY)) && !S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (flags & O_PATH)
		return steal_fd(&place->item);
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	if (S_ISDIR(st.st_mode) && (flags & O_CREAT))
		return -EISDIR;
	if (is_own_tty(&st))
		return -ENXIO;
	if (may_wait(&st, flags))
		return -EAGAIN;
	if (S_ISREG(st.st_mode))
		return reopen_now(sv, place->item, flags, 0);
	/* That is a new file, although it has no name. */
	if ((flags & O_TMPFILE) == O_TMPFILE)
		mode = masked(req, how);
	return sc_path_reopen(sv, place->item, flags, mode);
}

/* -EEXIST: somebody was faster, look again. */
static int create(struct sluice_request *req, const struct place *place,
	const struct open_how *how)
{
	struct open_how create = {.flags = how->flags | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC,
		.mode = masked(req, how),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	int fd;

	if (place->must_be_dir)
		return -EISDIR;
	fd = (int)syscall(SYS_openat2, place->dir, place->last, &create, sizeof(create));
	return fd < 0 ? -errno : fd;
}

/* As sluice_openat(). Where that says -EAGAIN, *@waits is what was looked at (O_PATH) and would
 * have to be waited for: a second look by name might find something else. */
int sc_path_open(struct sluice_request *request, int dirfd, const char *path,
	const struct open_how *how, int *waits)
{
	/* A target that keeps replacing the name gets an error, not our time. */
	for (int tries = 0; tries < 8; tries++) {
		struct place place;
		int fd = find_place(request, dirfd, path, how, &place);

		if (fd)
			return fd;
		fd = sc_path_check_namespaces(request, &place, how->flags);
		if (fd < 0)
			;
		else if (place.item >= 0)
			fd = open_item(request, &place, how);
		else if (how->flags & O_CREAT && !(how->flags & O_PATH))
			fd = create(request, &place, how);
		else
			fd = -ENOENT;
		if (fd == -EEXIST && !(how->flags & O_EXCL)) {
			close_place(&place);
			continue;
		}
		if (sc_core_id_valid(request)) {
			close_place(&place);
			closep(&fd);
			return -ENOENT;
		}
		if (fd == -EAGAIN)
			*waits = steal_fd(&place.item);
		close_place(&place);
		return fd;
	}
	return -EBUSY;
}

int sluice_openat(struct sluice_request *request, int dirfd, const char *path,
	const struct open_how *how)
{
	_cleanup_close_ int waits = -1;

	return sc_path_open(request, dirfd, path, how, &waits);
}

/* Closes @place unless 0. */
static int check_parent(struct sluice_request *req, struct place *place)
{
	struct place parent = {.dir = place->dir, .item = place->dir};
	int rc = sc_path_check_namespaces(req, &parent, O_PATH);

	if (rc)
		close_place(place);
	return rc;
}

int sluice_open_parent(struct sluice_request *request, int dirfd, const char *path,
	char *last, size_t size)
{
	_cleanup_close_ int owned = -1;
	struct place place;
	size_t n = strlen(path);
	char plain[PATH_MAX];
	int start, rc;

	if (!n)
		return -ENOENT;
	if (n >= sizeof(plain) || size < sizeof(place.last))
		return -ENAMETOOLONG;
	/* A link at the end is what is named, even if a slash follows: mkdir(2) on it fails. */
	while (n > 1 && path[n - 1] == '/')
		n--;
	memcpy(plain, path, n);
	plain[n] = '\0';
	start = start_of(request, dirfd, plain, &owned);
	if (start < 0)
		return start;
	rc = sc_path_walk(request, start, plain, W_NO_FOLLOW, &place);
	if (!rc)
		rc = check_parent(request, &place);
	if (rc)
		return rc;
	closep(&place.item);
	if (sc_core_id_valid(request)) {
		closep(&place.dir);
		return -ENOENT;
	}
	snprintf(last, size, "%s", place.last);
	return place.dir;
}

/* Up through one mount only: there ".." is the file system's own tree, which nobody can bend.
 * Where mounts meet it is whatever the target mounted there, in its own namespace even
 * without privileges, such as the whole of "/" below the directory that it is allowed. Mount
 * ids are not compared: a namespace's mounts are copies with ids of their own. */
int sluice_is_beneath(int ancestor, int fd)
{
	_cleanup_close_ int cur = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
	struct stat want, st, up;

	if (fstat(ancestor, &want) || !S_ISDIR(want.st_mode) || fstat(cur, &st))
		return 0;
	for (int depth = 0; depth < PATH_MAX; depth++) {
		int parent;

		if (st.st_dev == want.st_dev && st.st_ino == want.st_ino)
			return 1;
		parent = (int)syscall(SYS_openat2, cur, "..", &how, sizeof(how));
		if (parent < 0)
			return 0;
		close(cur);
		cur = parent;
		if (fstat(cur, &up) || (up.st_dev == st.st_dev && up.st_ino == st.st_ino))
			return 0;
		st = up;
	}
	return 0;
}
