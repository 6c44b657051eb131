/* Following a path of the target component by component.
 * SPDX-License-Identifier: MIT
 *
 * openat2(RESOLVE_IN_ROOT) does most of it (path.c tries it first), but it resolves /proc/self
 * as us, knows no start below the root, and refuses or follows magic links as a whole. Each step
 * here holds a descriptor of what it reached, so a name swapped meanwhile changes
 * nothing that was already decided. */
#include "path/path.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "util/identity.h"

#define LINK_LIMIT 40    /* include/linux/namei.h MAXSYMLINKS */
#define STEP_LIMIT 16384 /* whole paths need 2048; so that links cannot add up to seconds */
#define OWN_COST   32    /* what it takes to tell the target's own number, in steps */

struct walk {
	struct sluice_request *req;
	unsigned flags;
	int links, left;
	bool over;              /* nobody waits any more */
	bool went_up;           /* not seen to be below the root since */
	struct sc_identity root;
	int cur;
	char own[96];           /* where in our procfs @cur is, in the target's own directory; or "" */
	struct own_pid who;     /* with @own: the numbers of the procfs that it is walked in */
	char rest[2 * PATH_MAX];
};

static bool same(const struct sc_identity *a, const struct sc_identity *b)
{
	return a->ino == b->ino && a->dev_major == b->dev_major &&
		a->dev_minor == b->dev_minor && a->mount == b->mount;
}

/* A path costs the loop's time; this bounds it, and ends it when nobody waits any more. */
static int spend(struct walk *w)
{
	if (w->over)
		return -ENOENT;
	if (w->left <= 0)
		return -ELOOP;
	if (--w->left % 256 == 0)
		w->over = sc_core_settled(w->req) != R_OPEN || sc_core_id_valid(w->req);
	return w->over ? -ENOENT : 0;
}

static void move_to(struct walk *w, int fd)
{
	closep(&w->cur);
	w->cur = fd;
}

/* Went up, and it matters now: are we below the root, by ".." as the target sees it, through its
 * mounts? A directory that somebody moves out of the root while we are in it does not take
 * us along. To ask this after each ".." would take the square of the depth. */
static int check_within(struct walk *w)
{
	_cleanup_close_ int cur = -1;
	struct sc_identity id, up;
	int rc = 0;

	if (!w->went_up)
		return 0;
	cur = fcntl(w->cur, F_DUPFD_CLOEXEC, 3);
	if (!sc_identify(cur, &id))
		return -EXDEV;
	while (!same(&id, &w->root)) {
		int parent = openat(cur, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		closep(&cur);
		cur = parent;
		rc = spend(w);
		if (rc || !sc_identify(cur, &up) || same(&id, &up))
			return rc == -ENOENT ? rc : -EXDEV;
		id = up;
	}
	w->went_up = false;
	return 0;
}

static int restart(struct walk *w)
{
	int fd = -1, rc = check_within(w);

	if (rc)
		return rc;
	fd = fcntl(sluice_root_fd(w->req), F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	w->own[0] = '\0';
	move_to(w, fd);
	return 0;
}

/* Up, never above the root. */
static int step_up(struct walk *w)
{
	struct sc_identity id;
	int fd;

	if (!sc_identify(w->cur, &id))
		return -EIO;
	if (same(&id, &w->root))
		return 0;
	fd = openat(w->cur, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	w->own[0] = '\0';
	w->went_up = true;
	move_to(w, fd);
	return 0;
}

/* What a link says goes before the rest. */
static int prepend(struct walk *w, const char *text)
{
	char joined[sizeof(w->rest)];
	int n = snprintf(joined, sizeof(joined), "%s%s%s", text, w->rest[0] ? "/" : "", w->rest);

	if ((size_t)n >= sizeof(joined))
		return -ENAMETOOLONG;
	memcpy(w->rest, joined, (size_t)n + 1);
	if (text[0] != '/')
		return 0;
	return restart(w);
}

/* Whether procfs' link @name, which is not in the root, is followed by its text. */
static bool is_plain(int dir, const char *name)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
	_cleanup_close_ int fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));

	return fd >= 0 || errno == ENOENT;
}

static int find_own(struct walk *w, struct own_pid *who)
{
	if (w->left < OWN_COST)
		return -ELOOP;
	w->left -= OWN_COST;
	return sc_target_own_pid(w->req, w->cur, who);
}

static int prepend_self(struct walk *w, bool thread)
{
	struct own_pid who;
	char text[48];
	int rc = find_own(w, &who);

	if (rc)
		return rc;
	if (thread)
		snprintf(text, sizeof(text), "%u/task/%u", who.tgid, who.tid);
	else
		snprintf(text, sizeof(text), "%u", who.tgid);
	return prepend(w, text);
}

/* What a magic link of the target's own leads to: looked up in our procfs, where the target
 * can put nobody else's in its place. */
static int jump(struct walk *w, const char *name, int *item)
{
	char path[sizeof(w->own) + NAME_MAX + 2];
	int fd;

	if (w->flags & W_NO_MAGIC)
		return -ELOOP;
	/* We may be allowed more than the target: other processes' links are not for it. */
	if (!w->own[0])
		return -EACCES;
	fd = check_within(w);
	if (fd)
		return fd;
	snprintf(path, sizeof(path), "%s/%s", w->own, name);
	fd = sc_target_proc_open(&w->req->sv->proc, path, O_PATH);
	if (fd < 0)
		return fd;
	close(*item);
	*item = fd;
	w->own[0] = '\0';
	return 1;
}

/* What is there in this mount (O_PATH). In its own directory of a procfs a target may look at all. */
static int open_there(const struct walk *w, const char *name)
{
	bool raised = w->own[0] && sc_target_raise();
	int fd = sc_sluice_open_there(w->cur, name, O_PATH | O_NOFOLLOW), error = errno;

	if (sc_target_lower(raised)) {
		closep(&fd);
		fd = -1;
		error = ENOTRECOVERABLE;
	}
	errno = error;
	return fd;
}

/* A link of a procfs. 1: it was followed to what *item now is; 0: its text went before the
 * rest; negative: an error. */
static int follow_proc(struct walk *w, const char *name, int *item)
{
	int fd = open_there(w, name);
	bool thread = strcmp(name, "thread-self") == 0, at_root;
	char text[PATH_MAX];
	ssize_t n;

	if (fd < 0) /* mounted there, for even a magic link can be */
		return errno == EXDEV ? -EACCES : -errno;
	close(*item);
	*item = fd;
	at_root = sc_sluice_at_proc_root(w->cur);
	if (at_root && (thread || strcmp(name, "self") == 0))
		return prepend_self(w, thread);
	if (!at_root && !is_plain(w->cur, name)) /* no magic link is in the root */
		return jump(w, name, item);
	n = readlinkat(*item, "", text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return prepend(w, text);
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

static bool is_number(const char *name)
{
	return name[strspn(name, "0123456789")] == '\0';
}

/* In the target's own directory: @name as our procfs has it. False if that cannot be told. */
static bool translate(const struct walk *w, const char *name, char *number, size_t size)
{
	const char *slash = strchr(w->own, '/');
	int n = snprintf(number, size, "%u", w->who.tid);

	if (slash && strcmp(slash, "/task") == 0 && !w->who.ours) {
		if (strcmp(name, number) != 0)
			return false;
		n = snprintf(number, size, "%d", (int)sluice_tid(w->req));
	} else {
		n = snprintf(number, size, "%s", name);
	}
	return n > 0 && (size_t)n < size;
}

/* We are about to enter directory @name, of the same mount as where we are if @same_mount. */
static void note_own(struct walk *w, const char *name, bool same_mount)
{
	char part[40];
	size_t n = strlen(w->own);

	if (same_mount && n && translate(w, name, part, sizeof(part)) &&
		n + strlen(part) + 2 <= sizeof(w->own)) {
		snprintf(w->own + n, sizeof(w->own) - n, "/%s", part);
		return;
	}
	w->own[0] = '\0';
	/* Outside of it the mount is known of numbers only. */
	if (!same_mount || n || !sc_sluice_at_proc_root(w->cur) || find_own(w, &w->who))
		return;
	snprintf(part, sizeof(part), "%u", w->who.tgid);
	if (strcmp(part, name) == 0)
		snprintf(w->own, sizeof(w->own), "%d", (int)sluice_tgid(w->req));
}

/* What @name is, and whether through the same mount; that is asked only where it can mean that
 * we are in the target's own directory: other processes' can be mounted there. */
static int open_name(const struct walk *w, const char *name, bool *same_mount)
{
	int fd = -1;

	*same_mount = false;
	if (w->own[0] || is_number(name)) {
		fd = open_there(w, name);
		*same_mount = fd >= 0;
		if (fd < 0 && errno != EXDEV)
			return -errno;
	}
	if (fd < 0)
		fd = openat(w->cur, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int arrive(struct walk *w, int item, const char *name, bool slash, struct place *out)
{
	snprintf(out->last, sizeof(out->last), "%s", name);
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
	bool same_mount;
	int rc;

	item = open_name(w, name, &same_mount);
	if (item == -ENOENT && last)
		return arrive(w, -1, name, slash, out);
	if (item < 0)
		return item;
	if (fstat(item, &st))
		return -errno;
	if (S_ISLNK(st.st_mode) && !keep_link) {
		rc = follow(w, name, &item);
		if (rc == 0 && slash && last) { /* what the link names must be a directory */
			size_t n = strlen(w->rest);

			if (n + 2 > sizeof(w->rest))
				return -ENAMETOOLONG;
			memcpy(w->rest + n, "/", 2);
		}
		if (rc <= 0)
			return rc;
	} else if (S_ISDIR(st.st_mode)) {
		note_own(w, name, same_mount);
	}
	if (last)
		return arrive(w, steal_fd(&item), name, slash, out);
	if (fstat(item, &st) || !S_ISDIR(st.st_mode))
		return -ENOTDIR;
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

static int follow_all(struct walk *w, struct place *out)
{
	char name[NAME_MAX + 1];
	bool slash = false;
	int rc = 0;

	while (rc == 0) {
		rc = spend(w);
		if (!rc)
			rc = next_name(w, name, &slash);
		if (rc < 0)
			break;
		if (rc == 0)
			rc = finish_at_cur(w, out);
		else if (strcmp(name, ".") == 0)
			rc = 0;
		else if (strcmp(name, "..") == 0)
			rc = step_up(w);
		else
			rc = step(w, name, slash, out);
	}
	return rc;
}

/* From directory @start (relative paths) or the root; @path is not empty. */
int sc_path_walk(struct sluice_request *req, int start, const char *path, unsigned flags,
	struct place *out)
{
	struct walk w = {.req = req, .flags = flags, .left = STEP_LIMIT, .cur = -1};
	struct place found = {-1, -1, false, ""};
	int root = sluice_root_fd(req), rc, outside;

	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (root < 0)
		return root;
	snprintf(w.rest, sizeof(w.rest), "%s", path);
	if (!sc_identify(root, &w.root))
		return -EIO;
	w.cur = fcntl(path[0] == '/' ? root : start, F_DUPFD_CLOEXEC, 3);
	rc = w.cur < 0 ? -errno : follow_all(&w, &found);
	/* Nor does an error say what there is outside. */
	if (rc > 0)
		w.cur = fcntl(found.dir, F_DUPFD_CLOEXEC, 3);
	outside = check_within(&w);
	closep(&w.cur);
	if (outside)
		rc = outside;
	if (rc < 0) {
		closep(&found.dir);
		closep(&found.item);
		return rc;
	}
	*out = found;
	return 0;
}
