/* What openat2(2) may be asked to refuse on the way, and paths that are too long to go: names, links,
 * steps.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <limits.h>
#include <linux/openat2.h>

#define NO_LINKS RESOLVE_NO_SYMLINKS
#define NO_MAGIC RESOLVE_NO_MAGICLINKS
#define UNKNOWN  0x80

static char long_name[NAME_MAX + 2], long_path[PATH_MAX + 16], long_rest[PATH_MAX], longer_name[PATH_MAX];
static char numbers_on_proc[PATH_MAX], names_on_proc[PATH_MAX], numbers_elsewhere[PATH_MAX];

static const struct {
	const char *path;
	uint64_t flags, resolve;
	int rc; /* 0 or errno */
} cases[] = {
	{"file", O_RDONLY, 0, 0},
	{"link", O_RDONLY, 0, 0},
	{"up/link", O_RDONLY, 0, 0},
	{"/proc/self/cwd/file", O_RDONLY, 0, 0},
	{"/proc/self/cwd/link", O_RDONLY, 0, 0},
	{"file", O_RDONLY, NO_LINKS, 0},
	{"inner/../file", O_RDONLY, NO_LINKS, 0},
	{"file/.", O_RDONLY, 0, ENOTDIR},
	{"file/..", O_RDONLY, 0, ENOTDIR},
	{"file/../file", O_RDONLY, 0, ENOTDIR},
	{"link/.", O_RDONLY, 0, ENOTDIR},
	{"link/", O_RDONLY, 0, ENOTDIR},
	{"/proc/self/cwd/file/.", O_RDONLY, 0, ENOTDIR},
	{"link", O_RDONLY, NO_LINKS, ELOOP},
	{"up/file", O_RDONLY, NO_LINKS, ELOOP},
	{"missing", O_RDONLY, NO_LINKS, ENOENT},
	{"/proc/self/status", O_RDONLY, NO_LINKS, ELOOP},
	{"/proc/version", O_RDONLY, NO_LINKS, 0},
	{"link", O_RDONLY, NO_MAGIC, 0},
	{"/proc/self/status", O_RDONLY, NO_MAGIC, 0},
	{"/proc/self/cwd/file", O_RDONLY, NO_MAGIC, ELOOP},
	{"/proc/self/fd/0", O_RDONLY, NO_MAGIC, ELOOP},
	{"/proc/self/cwd/file", O_RDONLY, NO_LINKS | NO_MAGIC, ELOOP},
	{"file", O_RDONLY, NO_LINKS | NO_MAGIC, 0},
	/* What is not understood is not ignored. */
	{"file", O_RDONLY, RESOLVE_NO_XDEV, EINVAL},
	{"file", O_RDONLY, RESOLVE_BENEATH, EINVAL},
	{"file", O_RDONLY, RESOLVE_IN_ROOT, EINVAL},
	{"file", O_RDONLY, UNKNOWN, EINVAL},
	{"file", O_RDONLY, UINT64_C(1) << 40 | NO_LINKS, EINVAL},
	/* The last one, too, where it is to be what it is. */
	{"link", O_RDONLY | O_NOFOLLOW, 0, ELOOP},
	{"link", O_PATH | O_NOFOLLOW, 0, 0},
	{"link", O_PATH | O_NOFOLLOW | O_DIRECTORY, 0, ENOTDIR},
	{"up", O_RDONLY | O_NOFOLLOW, 0, ELOOP},
	{"up/", O_RDONLY | O_NOFOLLOW, 0, 0},
	{"/proc/self/cwd", O_RDONLY | O_NOFOLLOW, 0, ELOOP},
	{"/proc/self/cwd", O_PATH | O_NOFOLLOW, 0, 0},
	{"link", O_RDONLY | O_CREAT | O_EXCL, 0, EEXIST},
	{"inner", O_RDONLY | O_CREAT, 0, EISDIR},
	{"missing", O_PATH | O_CREAT, 0, ENOENT},
	{"/proc/self/cwd/missing/", O_RDONLY | O_CREAT, 0, EISDIR},
	{long_name, O_RDONLY, 0, ENAMETOOLONG},
	{long_name + 1, O_RDONLY, 0, ENOENT},
	{longer_name, O_RDONLY, 0, ENAMETOOLONG},
	{long_path, O_RDONLY, 0, ENAMETOOLONG},
	{long_path + 17, O_RDONLY, 0, ENOENT},
	{"chain40", O_RDONLY, 0, 0},
	{"chain41", O_RDONLY, 0, ELOOP},
	{"/proc/self/cwd/chain38", O_RDONLY, 0, 0}, /* two links on the way */
	{"/proc/self/cwd/chain39", O_RDONLY, 0, ELOOP},
	{"dots20", O_RDONLY, 0, ELOOP}, /* few links, and too many steps */
	{long_rest, O_RDONLY, 0, ENAMETOOLONG},
	/* Each number on a procfs may be the target's own, and it takes much to tell; no other name is. Nothing is
	 * left then to see that the way up ends below the root. */
	{numbers_on_proc, O_RDONLY, 0, EXDEV},
	{names_on_proc, O_RDONLY, 0, 0},
	{numbers_elsewhere, O_RDONLY, 0, 0},
};
#define COUNT ((int)(sizeof(cases) / sizeof(*cases)))

/* @n times @text, and @end. */
static void repeat(char *to, const char *text, size_t n, const char *end)
{
	*to = '\0';
	while (n--)
		to = stpcpy(to, text);
	strcpy(to, end);
}

static void make_names(void)
{
	memset(long_name, 'n', NAME_MAX + 1);
	memset(longer_name, 'n', PATH_MAX - 1);
	repeat(long_path, "./", (PATH_MAX + 8) / 2, "missing");
	repeat(long_rest, "./", (PATH_MAX - 64) / 2, "missing");
	memcpy(long_rest, "deep/.", 6);
	strcpy(numbers_on_proc, "/proc/");
	repeat(numbers_on_proc + 6, "1/../", 800, "version");
	strcpy(names_on_proc, "/proc/");
	repeat(names_on_proc + 6, "sys/../", 570, "version");
	strcpy(numbers_elsewhere, "/proc/self/cwd/");
	repeat(numbers_elsewhere + 15, "1/../", 800, "file");
}

static int target_opens(int argc, char **argv)
{
	int bad = 0;

	if (argc < 1 || chdir(argv[0]))
		return 100;
	make_names();
	for (int i = 0; i < COUNT; i++) {
		struct open_how how = {.flags = cases[i].flags,
			.mode = cases[i].flags & O_CREAT ? 0600 : 0,
			.resolve = cases[i].resolve};
		long fd = syscall(SYS_openat2, AT_FDCWD, cases[i].path, &how, sizeof(how));
		int rc = fd < 0 ? errno : 0;

		if (fd >= 0)
			close((int)fd);
		if (rc == cases[i].rc)
			continue;
		fprintf(stderr, "# %.40s, flags 0x%llx, resolve 0x%llx: %s, not %s\n", cases[i].path,
			(unsigned long long)cases[i].flags, (unsigned long long)cases[i].resolve,
			strerror(rc), strerror(cases[i].rc));
		bad++;
	}
	return bad;
}

static int on_openat2(struct sluice_request *req, void *data)
{
	struct open_how how;
	char path[2 * PATH_MAX];
	int rc = sluice_read_open_how(req, sluice_arg(req, 2), (size_t)sluice_arg(req, 3), &how);

	++*(int *)data;
	if (!rc)
		rc = (int)sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path));
	if (rc < 0)
		return sluice_fail(req, -rc);
	if (how.flags & O_PATH) { /* the kernel installs none: only whether it is there */
		rc = sluice_openat(req, sluice_arg_int(req, 0), path, &how);
		if (rc >= 0) {
			CHECK(fcntl(rc, F_GETFL) & O_PATH);
			close(rc);
			rc = open("/dev/null", O_RDONLY | O_CLOEXEC);
			sluice_reply_fd(req, rc, 0);
			return close(rc);
		}
	} else {
		rc = sluice_open_reply(req, sluice_arg_int(req, 0), path, &how, 0);
	}
	return rc < 0 ? sluice_fail(req, -rc) : 0;
}

/* @name leads to @to, after as many steps as its text has room for. */
static void long_link(const char *dir, const char *name, const char *to)
{
	char text[PATH_MAX], path[256];

	repeat(text, "./", (PATH_MAX - 64) / 2, to);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	CHECK_EQ(symlink(text, path), 0);
}

static char *make_links(void)
{
	char *dir = scratch_dir(), path[256], to[256], text[PATH_MAX];

	snprintf(path, sizeof(path), "%s/inner", dir);
	CHECK_EQ(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/1", dir);
	CHECK_EQ(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/up", dir);
	CHECK_EQ(symlink("inner/..", path), 0);
	snprintf(path, sizeof(path), "%s/file", dir);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	snprintf(path, sizeof(path), "%s/link", dir);
	CHECK_EQ(symlink("file", path), 0);
	for (int i = 1; i <= 41; i++) {
		snprintf(path, sizeof(path), "%s/chain%d", dir, i);
		snprintf(to, sizeof(to), "chain%d", i - 1);
		CHECK_EQ(symlink(i == 1 ? "file" : to, path), 0);
	}
	for (int i = 1; i <= 20; i++) {
		snprintf(path, sizeof(path), "dots%d", i);
		snprintf(to, sizeof(to), "dots%d", i - 1);
		long_link(dir, path, i == 1 ? "missing" : to);
	}
	/* Twice such a text, and what comes behind the name: more than there is room for. */
	long_link(dir, "deeper", ".");
	snprintf(path, sizeof(path), "%s/deep", dir);
	repeat(text, "./", (PATH_MAX - 64) / 2, ".");
	memcpy(text, "deeper/.", 8);
	CHECK_EQ(symlink(text, path), 0);
	return dir;
}

static void opens(void)
{
	int calls = 0;

	make_names();
	CHECK_EQ(answer_target("opens", make_links(), "openat2", on_openat2, &calls), 0);
	CHECK_EQ(calls, COUNT);
}

/* The directory of a name, which is told whole or not at all. */
static int look_for_parents(struct sluice_request *req, void *data)
{
	static char path[PATH_MAX + 1];
	struct stat dir, st;
	char last[256];
	int fd;

	(void)data;
	make_names();
	fd = sluice_open_parent(req, AT_FDCWD, "/proc/sys/kernel/x", last, sizeof(last));
	CHECK(fstat(fd, &dir) == 0 && stat("/proc/sys/kernel", &st) == 0);
	CHECK(dir.st_dev == st.st_dev && dir.st_ino == st.st_ino && strcmp(last, "x") == 0);
	close(fd);
	CHECK_EQ(sluice_open_parent(req, AT_FDCWD, "x", last, sizeof(last) - 1), -ENAMETOOLONG);
	CHECK_EQ(sluice_open_parent(req, AT_FDCWD, "", last, sizeof(last)), -ENOENT);
	CHECK_EQ(sluice_open_parent(req, AT_FDCWD, long_name, last, sizeof(last)), -ENAMETOOLONG);
	fd = sluice_open_parent(req, AT_FDCWD, long_name + 1, last, sizeof(last));
	CHECK(fd >= 0 && strcmp(last, long_name + 1) == 0);
	close(fd);
	memset(path, '/', PATH_MAX);
	CHECK_EQ(sluice_open_parent(req, AT_FDCWD, path, last, sizeof(last)), -ENAMETOOLONG);
	fd = sluice_open_parent(req, AT_FDCWD, path + 1, last, sizeof(last));
	CHECK(fd >= 0 && strcmp(last, ".") == 0);
	close(fd);
	return sluice_reply(req, 7);
}

static void expect_file(struct sluice_request *req, const char *path, const struct stat *file)
{
	struct open_how how = {.flags = O_PATH};
	int fd = sluice_openat(req, AT_FDCWD, path, &how);
	struct stat st;

	CHECK(fd >= 0 && fstat(fd, &st) == 0);
	CHECK(st.st_ino == file->st_ino && st.st_dev == file->st_dev);
	close(fd);
}

/* Texts as long as they can be, and as short, on the way that goes step by step. */
static int read_texts(struct sluice_request *req, void *data)
{
	static char text[PATH_MAX];
	char dir[PATH_MAX], path[2 * PATH_MAX];
	struct stat file;

	CHECK(sluice_read_string(req, sluice_arg(req, 1), dir, sizeof(dir)) > 0);
	snprintf(path, sizeof(path), "%s/f", dir);
	CHECK_EQ(close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	CHECK_EQ(stat(path, &file), 0);
	snprintf(path, sizeof(path), "%s/short", dir);
	CHECK_EQ(symlink("f", path), 0);
	memset(text, '/', PATH_MAX - 1);
	memcpy(text, "./", 2);
	text[PATH_MAX - 2] = 'f';
	CHECK_EQ(strlen(text), PATH_MAX - 1);
	snprintf(path, sizeof(path), "%s/long", dir);
	CHECK_EQ(symlink(text, path), 0);
	expect_file(req, "/proc/self/cwd/short", &file);
	expect_file(req, "/proc/self/cwd/long", &file);
	++*(int *)data;
	return sluice_reply(req, 7);
}

static int target_texts(int argc, char **argv)
{
	(void)argc;
	if (chdir(argv[0]))
		return 2;
	return syscall(SYS_mkdirat, AT_FDCWD, argv[0], 0700) == 7 ? 0 : 1;
}

static void texts(void)
{
	int calls = 0;

	CHECK_EQ(answer_target("texts", scratch_dir(), "mkdirat", read_texts, &calls), 0);
	CHECK_EQ(calls, 1);
}

/* Nothing is opened, and no name told, for a call that is over. */
static int open_for_the_dead(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = O_PATH};
	char last[256];
	int before;

	CHECK(sluice_root_fd(req) >= 0 && sluice_cwd_fd(req) >= 0); /* kept for the request */
	CHECK_EQ(kill(sluice_tgid(req), SIGKILL), 0);
	while (sluice_alive(req) == 0)
		usleep(1000);
	before = count_fds();
	CHECK_EQ(sluice_openat(req, AT_FDCWD, "/", &how), -ENOENT);
	CHECK_EQ(sluice_openat(req, AT_FDCWD, ".", &how), -ENOENT);
	CHECK_EQ(sluice_open_parent(req, AT_FDCWD, "/x", last, sizeof(last)), -ENOENT);
	CHECK_EQ(sluice_open_parent(req, AT_FDCWD, "x", last, sizeof(last)), -ENOENT);
	CHECK_EQ(count_fds(), before);
	++*(int *)data;
	return sluice_fail(req, 0);
}

static void for_the_dead(void)
{
	int calls = 0;

	CHECK_EQ(answer_target("asks", NULL, "mkdirat", open_for_the_dead, &calls), 128 + SIGKILL);
	CHECK_EQ(calls, 1);
}

static int target_asks(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return syscall(SYS_mkdirat, AT_FDCWD, "x", 0700) == 7 ? 0 : 1;
}

static void parents(void)
{
	CHECK_EQ(answer_target("asks", NULL, "mkdirat", look_for_parents, NULL), 0);
}

const struct target_main targets[] = {{"opens", target_opens}, {"asks", target_asks},
	{"texts", target_texts}, {NULL, NULL}};
const struct test tests[] = {
	{"what is refused on the way, and ways that are too long", opens},
	{"links whose texts are as long as can be, and as short", texts},
	{"nothing for a call that is over", for_the_dead},
	{"the directory of a name: names and paths that are too long", parents},
	{NULL, NULL}};
