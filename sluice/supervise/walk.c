/* Following a path of the target component by component.
 * SPDX-License-Identifier: MIT
 *
 * openat2(RESOLVE_IN_ROOT) does most of it (path.c tries it first), but it resolves /proc/self
 * as us, knows no start below the root, and refuses or follows magic links as a whole. Each step
 * here holds a descriptor of what it reached, so a name swapped meanwhile changes
 * nothing that was already decided. */
#include "supervise/internal.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#define LINK_LIMIT 40 /* include/linux/namei.h MAXSYMLINKS */

struct walk {
	struct sluice_request *req;
	unsigned flags;
	int links;
	bool own;               /* below the target's own directory in a procfs */
	int cur;
	char rest[2 * PATH_MAX];
};

/* The same object through the same mount: a bind mount of the root is not the root. */
bool sc_sluice_same(int a, int b)
{
	struct statx x = {0}, y = {0};
	unsigned mask = STATX_INO | 0x1000; /* STATX_MNT_ID, 5.8: zero before */

	return statx(a, "", AT_EMPTY_PATH, mask, &x) == 0 &&
		statx(b, "", AT_EMPTY_PATH, mask, &y) == 0 && x.stx_ino == y.stx_ino &&
		x.stx_dev_major == y.stx_dev_major && x.stx_dev_minor == y.stx_dev_minor &&
		((uint64_t *)&x)[18] == ((uint64_t *)&y)[18]; /* stx_mnt_id at byte 144 */
}

static void move_to(struct walk *w, int fd)
{
	closep(&w->cur);
	w->cur = fd;
}

static int restart(struct walk *w)
{
	int fd = fcntl(sluice_root_fd(w->req), F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return -errno;
	w->own = false;
	move_to(w, fd);
	return 0;
}

/* Whether ".." leads from @fd to the target's root: as the target sees it, through its mounts. */
static bool is_within(int root, int fd)
{
	_cleanup_close_ int cur = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	for (int depth = 0; cur >= 0 && depth < PATH_MAX; depth++) {
		int parent;

		if (sc_sluice_same(cur, root))
			return true;
		parent = openat(cur, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (parent >= 0 && sc_sluice_same(cur, parent)) {
			close(parent);
			return false;
		}
		closep(&cur);
		cur = parent;
	}
	return false;
}

/* Up, never above the root; a directory that somebody moves out of the root while
 * we are in it does not take us along. */
static int step_up(struct walk *w)
{
	int root = sluice_root_fd(w->req), fd;

	if (root < 0)
		return root;
	if (sc_sluice_same(w->cur, root))
		return 0;
	fd = openat(w->cur, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	w->own = false;
	move_to(w, fd);
	return is_within(root, fd) ? 0 : -EXDEV;
}

/* What a link says goes before the rest. */
static int prepend(struct walk *w, const char *text)
{
	char joined[sizeof(w->rest)];
	int n = snprintf(joined, sizeof(joined), "%s%s%s", text, w->rest[0] ? "/" : "", w->rest);

	if (n < 0 || (size_t)n >= sizeof(joined))
		return -ENAMETOOLONG;
	memcpy(w->rest, joined, (size_t)n + 1);
	if (text[0] != '/')
		return 0;
	return restart(w);
}

static bool is_magic(int dir, const char *name)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == ELOOP;
}

static bool at_proc_root(int fd)
{
	struct stat st;

	return sc_sluice_on_proc(fd) && fstat(fd, &st) == 0 && st.st_ino == 1;
}

/* A link of a procfs. 1: it was followed to what *item now is; 0: its text went before the
 * rest; negative: an error. */
static int follow_proc(struct walk *w, const char *name, int *item)
{
	bool thread = strcmp(name, "thread-self") == 0;
	char number[48];
	int fd, rc;

	if (at_proc_root(w->cur) && (thread || strcmp(name, "self") == 0)) {
		rc = sc_sluice_own_pid(w->req, w->cur, thread, number, sizeof(number));
		return rc ? rc : prepend(w, number);
	}
	if (!is_magic(w->cur, name)) {
		char text[PATH_MAX];
		ssize_t n = readlinkat(*item, "", text, sizeof(text) - 1);

		if (n < 0)
			return -errno;
		text[n] = '\0';
		return prepend(w, text);
	}
	if (w->flags & W_NO_MAGIC)
		return -ELOOP;
	/* We may be allowed more than the target: other processes' links are not for it. */
	if (!w->own)
		return -EACCES;
	fd = openat(w->cur, name, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(*item);
	*item = fd;
	w->own = false;
	return 1;
}

static int follow(struct walk *w, const char *name, int *item)
{
	char text[PATH_MAX];
	ssize_t n;

	if (w->flags & W_NO_SYMLINKS || ++w->links > LINK_LIMIT)
		return -ELOOP;
	if (sc_sluice_on_proc(*item))
		return follow_proc(w, name, item);
	n = readlinkat(*item, "", text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ENOENT;
	text[n] = '\0';
	return prepend(w, text);
}

/* Take the next component off the rest. 0 if there is none. */
static int next_name(struct walk *w, char *name, bool *slash)
{
	size_t skip = strspn(w->rest, "/"), n = strcspn(w->rest + skip, "/");
	size_t behind = strspn(w->rest + skip + n, "/");

	if (!n)
		return 0;
	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, w->rest + skip, n);
	name[n] = '\0';
	*slash = behind > 0;
	memmove(w->rest, w->rest + skip + n + behind, strlen(w->rest + skip + n + behind) + 1);
	return 1;
}

static void note_own(struct walk *w, const char *name)
{
	char number[48];

	if (strspn(name, "0123456789") != strlen(name) || !at_proc_root(w->cur))
		return;
	w->own = sc_sluice_own_pid(w->req, w->cur, false, number, sizeof(number)) == 0 &&
		strcmp(number, name) == 0;
}

static int arrive(struct walk *w, int item, const char *name, bool slash, struct place *out)
{
	strcpy(out->last, name);
	out->must_be_dir = slash;
	out->dir = steal_fd(&w->cur);
	out->item = item;
	return 1;
}

/* One component. 1: arrived; 0: go on; negative: an error. */
static int step(struct walk *w, const char *name, bool slash, struct place *out)
{
	bool last = !w->rest[0];
	bool keep_link = last && !slash && (w->flags & W_NO_FOLLOW);
	_cleanup_close_ int item = -1;
	struct stat st;
	int rc;

	item = openat(w->cur, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (item < 0 && errno == ENOENT && last)
		return arrive(w, -1, name, slash, out);
	if (item < 0 || fstat(item, &st))
		return -errno;
	if (S_ISLNK(st.st_mode) && !keep_link) {
		rc = follow(w, name, &item);
		if (rc == 0 && slash && last) { /* what the link names must be a directory */
			if (strlen(w->rest) + 2 > sizeof(w->rest))
				return -ENAMETOOLONG;
			strcat(w->rest, "/");
		}
		if (rc <= 0)
			return rc;
	} else if (S_ISDIR(st.st_mode)) {
		note_own(w, name);
	}
	if (last)
		return arrive(w, steal_fd(&item), name, slash, out);
	move_to(w, steal_fd(&item));
	return 0;
}

static int finish_at_cur(struct walk *w, struct place *out)
{
	int item = fcntl(w->cur, F_DUPFD_CLOEXEC, 3);

	if (item < 0)
		return -errno;
	return arrive(w, item, ".", false, out);
}

/* From directory @start (relative paths) or the root. */
int sc_sluice_walk(struct sluice_request *req, int start, const char *path, unsigned flags,
	struct place *out)
{
	struct walk w = {.req = req, .flags = flags, .cur = -1};
	char name[NAME_MAX + 1];
	bool slash = false;
	int rc = 0;

	if (!path[0])
		return -ENOENT;
	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(w.rest, path);
	if (path[0] == '/')
		rc = restart(&w);
	else if ((w.cur = fcntl(start, F_DUPFD_CLOEXEC, 3)) < 0)
		rc = -errno;
	while (rc == 0) {
		rc = next_name(&w, name, &slash);
		if (rc < 0)
			break;
		if (rc == 0)
			rc = finish_at_cur(&w, out);
		else if (strcmp(name, ".") == 0)
			rc = 0;
		else if (strcmp(name, "..") == 0)
			rc = step_up(&w);
		else
			rc = step(&w, name, slash, out);
	}
	closep(&w.cur);
	return rc < 0 ? rc : 0;
}
