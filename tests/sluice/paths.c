/* Where a target's paths lead, in its root, its directory, its /proc.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <linux/openat2.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mount.h>

static char *box; /* the target's root in most tests */

static void make(const char *name, const char *text)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", box, name);
	if (!text) {
		CHECK_EQ(mkdir(path, 0755), 0);
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT, 0644);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void link_to(const char *name, const char *to)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s", box, name);
	CHECK_EQ(symlink(to, path), 0);
}

/* Everything below happens in mount and pid namespaces of the test's own. */
static void make_box(void)
{
	char path[4200];

	if (geteuid() != 0)
		SKIP("needs root");
	if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL))
		SKIP("no mount namespace");
	box = scratch_dir();
	CHECK_EQ(mount("box", box, "tmpfs", 0, NULL), 0);
	CHECK_EQ(chmod(box, 0755), 0);
	make("dir", NULL);
	make("dir/sub", NULL);
	make("dir/file", "inside");
	make("file", "top");
	make("proc", NULL);
	make("dev", NULL);
	link_to("absolute", "/dir/file");
	link_to("dir/sub/l", "/dir/file");
	link_to("relative", "dir/../dir/file");
	link_to("up", "../../../../dir/file");
	link_to("loop", "loop");
	link_to("etc-passwd", "/etc/passwd");
	link_to("dangling", "/dir/new");
	link_to("procself", "/proc/self");
	link_to("dev/fd", "/proc/self/fd");
	snprintf(path, sizeof(path), "%s/fifo", box);
	CHECK_EQ(mkfifo(path, 0644), 0);
	snprintf(path, sizeof(path), "%s/dev/tty", box);
	CHECK_EQ(mknod(path, S_IFCHR | 0666, (5 << 8) | 0), 0);
	snprintf(path, sizeof(path), "%s/dev/null", box);
	CHECK_EQ(mknod(path, S_IFCHR | 0666, (1 << 8) | 3), 0);
}

static int give(const char *path, int flags, char *got, size_t size)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0666);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, got, size - 1);
	got[n > 0 ? n : 0] = '\0';
	close(fd);
	return 0;
}

static int expect(const char *path, int flags, int rc, const char *text)
{
	char got[4096] = "";
	int is = give(path, flags, got, sizeof(got));

	if (is == rc && (!text || strncmp(got, text, strlen(text)) == 0))
		return 0;
	fprintf(stderr, "# %s: %d '%.60s', expected %d '%s'\n", path, is, got, rc,
		text ? text : "");
	return 1;
}

static int target_rooted(int argc, char **argv)
{
	int bad = 0, fd;
	char path[64], text[64];

	(void)argc;
	if (chroot(argv[0]) || chdir("/dir/sub"))
		return 100;
	bad += expect("/dir/file", O_RDONLY, 0, "inside");
	bad += expect("../file", O_RDONLY, 0, "inside");
	bad += expect("../../../../../../file", O_RDONLY, 0, "top");
	bad += expect("/absolute", O_RDONLY, 0, "inside");
	bad += expect("/relative", O_RDONLY, 0, "inside");
	bad += expect("/up", O_RDONLY, 0, "inside");
	bad += expect("/loop", O_RDONLY, -ELOOP, NULL);
	bad += expect("/absolute", O_RDONLY | O_NOFOLLOW, -ELOOP, NULL);
	bad += expect("/etc-passwd", O_RDONLY, -ENOENT, NULL);
	bad += expect("/etc/passwd", O_RDONLY, -ENOENT, NULL);
	bad += expect("", O_RDONLY, -ENOENT, NULL);
	bad += expect("/file/", O_RDONLY, -ENOTDIR, NULL);
	bad += expect("/file/x", O_RDONLY, -ENOTDIR, NULL);
	bad += expect("/dir", O_RDWR, -EISDIR, NULL);
	bad += expect("/dir/", O_RDONLY | O_DIRECTORY, 0, NULL);
	bad += expect("/file", O_RDONLY | O_DIRECTORY, -ENOTDIR, NULL);
	bad += expect("/dir/file", O_RDONLY | O_CREAT | O_EXCL, -EEXIST, NULL);
	bad += expect("/dir/new", O_RDONLY, -ENOENT, NULL);
	bad += expect("/dangling", O_RDWR | O_CREAT | O_EXCL, -EEXIST, NULL);
	umask(077);
	bad += expect("/dangling", O_RDWR | O_CREAT, 0, "");
	bad += expect("/dir/new", O_RDONLY, 0, "");
	bad += expect("/dir/other/", O_RDWR | O_CREAT, -EISDIR, NULL);
	bad += expect("/dev/null", O_RDONLY, 0, "");
	bad += expect("/dev/tty", O_RDONLY, -ENXIO, NULL);
	/* its own /proc, whoever looks */
	snprintf(text, sizeof(text), "%d ", (int)getpid());
	bad += expect("/proc/self/stat", O_RDONLY, 0, text);
	bad += expect("/procself/stat", O_RDONLY, 0, text);
	bad += expect("/proc/thread-self/stat", O_RDONLY, 0, text);
	bad += expect("/proc/self/root/dir/file", O_RDONLY, 0, "inside");
	bad += expect("/proc/self/cwd/../file", O_RDONLY, 0, "inside");
	snprintf(path, sizeof(path), "/proc/%d/cwd/../file", (int)getpid());
	bad += expect(path, O_RDONLY, 0, "inside");
	bad += expect("/proc/1/root/etc/passwd", O_RDONLY, -EACCES, NULL);
	fd = open("/file", O_RDONLY);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	bad += expect(path, O_RDONLY, 0, "top");
	bad += expect("/dev/fd/999", O_RDONLY, -ENOENT, NULL);
	/* relative to a descriptor */
	fd = open("/dir", O_RDONLY | O_DIRECTORY);
	bad += open("/dir", O_PATH) != -1 || errno != EBADF; /* the kernel installs none */
	fd = (int)syscall(SYS_openat, fd, "file", O_RDONLY);
	bad += fd < 0 || read(fd, text, 6) != 6 || memcmp(text, "inside", 6);
	return bad;
}

static int open_for_it(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = (uint64_t)sluice_arg_int(req, 2),
		.mode = (uint64_t)sluice_arg_int(req, 3)};
	char path[4096];
	int rc;

	++*(int *)data;
	if (sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path)) < 0)
		return -1;
	if (!(how.flags & O_CREAT))
		how.mode = 0;
	rc = sluice_open_reply(req, sluice_arg_int(req, 0), path, &how, 0);
	return rc ? sluice_fail(req, rc) : 0;
}

static int run(const char *target, const char *arg, bool new_pids)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int calls = 0, before, rc;
	char path[4200];

	before = count_fds();
	CHECK_EQ(sluice_on_name(sv, "openat", open_for_it, &calls), 0);
	if (new_pids && unshare(CLONE_NEWPID))
		SKIP("no pid namespace");
	snprintf(path, sizeof(path), "%s/proc", box);
	if (!new_pids)
		CHECK_EQ(mount("proc", path, "proc", 0, NULL), 0);
	spawn_target(sv, filter_of(false, "openat", NULL), &child, target, arg);
	rc = wait_target(sv, &child);
	CHECK(calls > 0);
	CHECK_EQ(sluice_run(sv), 0);
	for (int i = 0; i < 100 && count_fds() != before; i++)
		sluice_dispatch(sv, 50); /* a killed target's open is found out */
	CHECK_EQ(settled_fds(before), before);
	sluice_supervisor_free(sv);
	return rc;
}

static void rooted(void)
{
	struct stat st;
	char path[4200];

	make_box();
	CHECK_EQ(run("rooted", box, false), 0);
	snprintf(path, sizeof(path), "%s/dir/new", box);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600); /* the target's umask */
}

/* The target is pid 1 of a namespace, with a procfs of that and one of ours. */
static int target_pid_ns(int argc, char **argv)
{
	int bad = 0;
	char path[4200];

	(void)argc;
	if (getpid() != 1 || unshare(CLONE_NEWNS))
		return 100;
	snprintf(path, sizeof(path), "%s/proc", argv[0]);
	if (mount("proc", path, "proc", 0, NULL))
		return 101;
	snprintf(path, sizeof(path), "%s/proc/self/stat", argv[0]);
	bad += expect(path, O_RDONLY, 0, "1 ");
	snprintf(path, sizeof(path), "%s/proc/self/root/usr/../proc/version", argv[0]);
	bad += expect(path, O_RDONLY, 0, "Linux");
	bad += expect("/proc/self/cmdline", O_RDONLY, 0, self_path); /* the outer one */
	bad += expect("/proc/self/comm", O_RDONLY, 0, "test-sluice-pat");
	return bad;
}

static void pid_namespace(void)
{
	make_box();
	CHECK_EQ(run("pid-ns", box, true), 0);
	end_test();
}

/* By a call that is not notified. */
static int open_unnoticed(const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)flags};

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

/* A FIFO: the reader waits until there is a writer, and the loop does not. */
static int target_fifo(int argc, char **argv)
{
	char got[8] = "";
	pid_t pid;
	int fd;

	(void)argc;
	if (chroot(argv[0]) || chdir("/"))
		return 100;
	pid = fork();
	if (pid == 0) {
		usleep(50000);
		fd = open_unnoticed("/fifo", O_WRONLY);
		_exit(fd >= 0 && write(fd, "pipe", 4) == 4 ? 0 : 1);
	}
	fd = (int)syscall(SYS_openat, AT_FDCWD, "/fifo", O_RDONLY);
	if (fd < 0)
		return 1;
	return read(fd, got, 4) == 4 && strcmp(got, "pipe") == 0 ? 0 : 2;
}

static void fifo(void)
{
	make_box();
	CHECK_EQ(run("fifo", box, false), 0);
}

static int target_stuck(int argc, char **argv)
{
	(void)argc;
	if (chroot(argv[0]) || chdir("/"))
		return 100;
	return syscall(SYS_openat, AT_FDCWD, "/fifo", O_RDONLY) == -1 ? errno : 101;
}

static int children_of_mine(void)
{
	return waitpid(-1, NULL, WNOHANG | __WALL) == 0;
}

/* Nobody ever writes: the request is late, or the target killed; nothing is left behind. */
static void stuck_fifo(bool killed)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int calls = 0, before, status = -1;

	o.timeout_ms = killed ? 0 : 200;
	o.default_errno = ETIME;
	make_box();
	sv = new_supervisor(&o);
	before = count_fds();
	CHECK_EQ(sluice_on_name(sv, "openat", open_for_it, &calls), 0);
	spawn_target(sv, filter_of(false, "openat", NULL), &child, "stuck", box);
	while (!children_of_mine() || sluice_dispatch(sv, 100) > 0 || calls == 0)
		;
	if (killed)
		kill(child.pid, SIGKILL);
	CHECK_EQ(sluice_wait(sv, &child, &status), 0);
	if (killed)
		CHECK_EQ(WTERMSIG(status), SIGKILL);
	else
		CHECK(WEXITSTATUS(status) == ETIME || calls > 1);
	for (int i = 0; i < 100 && (count_fds() > before || !children_of_mine() ||
					   sluice_active(sv));
		i++) {
		if (waitpid(-1, NULL, WNOHANG | __WALL) < 0 && count_fds() == before)
			break;
		sluice_dispatch(sv, 50);
	}
	CHECK_EQ(settled_fds(before), before);
	CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1);
	sluice_supervisor_free(sv);
}

static void late_fifo(void)
{
	stuck_fifo(false);
}

static void dead_fifo(void)
{
	stuck_fifo(true);
}

/* A lease that the target holds does not stop the loop for lease-break-time (45 s). */
static int target_lease(int argc, char **argv)
{
	int fd;

	(void)argc;
	if (chroot(argv[0]) || chdir("/"))
		return 100;
	signal(SIGIO, SIG_IGN);
	fd = open_unnoticed("/file", O_RDWR);
	if (fd < 0 || fcntl(fd, F_SETLEASE, F_WRLCK))
		return 101;
	alarm(1); /* the open waits in its helper, and we are not answered */
	syscall(SYS_openat, AT_FDCWD, "/file", O_RDONLY);
	return 102;
}

static void lease(void)
{
	uint64_t begin;

	make_box();
	begin = now_ns();
	CHECK_EQ(run("lease", box, false), 128 + SIGALRM);
	CHECK((now_ns() - begin) / 1000000000u < 30);
}

struct parent_case {
	const char *path, *last, *dir;
	int rc;
};

static const struct parent_case parents[] = {{"/dir/x", "x", "/dir", 0},
	{"/dir/x///", "x", "/dir", 0}, {"x", "x", "/dir/sub", 0}, {"../x", "x", "/dir", 0},
	{"/", ".", "/", 0}, {"..", ".", "/dir", 0}, {"/absolute", "absolute", "/", 0},
	{"/absolute/", "absolute", "/", 0}, {"l/", "l", "/dir/sub", 0},
	{"/absolute/x", NULL, NULL, -ENOTDIR}, {"/no/x", NULL, NULL, -ENOENT},
	{"/procself/../file", "file", "/proc", 0}, {NULL, NULL, NULL, 0}};

static int target_parents(int argc, char **argv)
{
	int bad = 0;

	(void)argc;
	if (chroot(argv[0]) || chdir("/dir/sub"))
		return 100;
	for (const struct parent_case *c = parents; c->path; c++) {
		long rc = syscall(SYS_openat, AT_FDCWD, c->path, O_RDONLY);

		if (rc == (c->rc ? -1 : 1))
			continue;
		printf("# %s: %ld, errno %d\n", c->path, rc, errno);
		bad++;
	}
	return bad;
}

static int check_parent(struct sluice_request *req, void *data)
{
	const struct parent_case *c = parents;
	char path[4096], last[256], want[4200];
	struct stat a, b;
	int fd;

	(void)data;
	if (sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path)) < 0)
		return -1;
	if (strstr(path, "/etc/") || strstr(path, ".so"))
		return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
	while (c->path && strcmp(c->path, path))
		c++;
	if (!c->path)
		return sluice_fail(req, ENOENT);
	fd = sluice_open_parent(req, sluice_arg_int(req, 0), path, last, sizeof(last));
	if (c->rc)
		return sluice_fail(req, fd == c->rc ? EXDEV : (printf("# %s: %d\n", path, fd), 0));
	snprintf(want, sizeof(want), "%s%s", box, c->dir);
	CHECK(fd >= 0 && fstat(fd, &a) == 0 && stat(want, &b) == 0);
	CHECK_EQ(a.st_ino, b.st_ino);
	CHECK(strcmp(last, c->last) == 0);
	close(fd);
	return sluice_reply(req, 1);
}

static void parent_of(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	char path[4200];

	make_box();
	snprintf(path, sizeof(path), "%s/proc", box);
	CHECK_EQ(mount("proc", path, "proc", 0, NULL), 0);
	CHECK_EQ(sluice_on_name(sv, "openat", check_parent, NULL), 0);
	spawn_target(sv, filter_of(false, "openat", NULL), &child, "parents", box);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

/* ---- the work that a path makes ---- */

#define DEEP 3000
#define UP   1300

static long steps_up;

/* In place of libc's, for libsluice too. */
int openat(int dir, const char *path, int flags, ...)
{
	unsigned mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, unsigned);
	va_end(ap);
	steps_up += strcmp(path, "..") == 0;
	return (int)syscall(SYS_openat, dir, path, flags | O_LARGEFILE, mode);
}

static int target_deep(int argc, char **argv)
{
	char path[4096] = "";

	(void)argc;
	if (chroot(argv[0]) || chdir("/dir/sub"))
		return 100;
	for (int i = 0; i < DEEP; i++)
		if (mkdir("d", 0755) || chdir("d"))
			return 101;
	for (int i = 0; i < UP; i++)
		strcat(path, "../");
	strcat(path, "file");
	return syscall(SYS_openat, AT_FDCWD, path, O_RDONLY) == -1 ? errno : 102;
}

static int climb(struct sluice_request *req, void *data)
{
	const char *how = data;
	char path[4096];
	int rc;

	if (sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path)) < 0)
		return -1;
	if (path[0] != '.')
		return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
	CHECK(sluice_root_fd(req) >= 0 && sluice_cwd_fd(req) >= 0); /* kept for the request */
	if (strcmp(how, "gone") == 0)
		kill(sluice_tgid(req), SIGKILL);
	if (strcmp(how, "late") == 0)
		CHECK_EQ(sluice_set_timeout(req, 1), 0);
	while (how[0] && sluice_alive(req) == 0)
		usleep(1000);
	steps_up = 0;
	rc = sluice_openat(req, AT_FDCWD, path, &(struct open_how){.flags = O_RDONLY});
	CHECK_EQ(rc, -ENOENT);
	if (how[0])
		CHECK(steps_up <= 300);
	else
		CHECK(steps_up >= UP && steps_up <= UP + DEEP + 10);
	return sluice_fail(req, EDOM);
}

static int climbed(const char *how)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int rc;

	make_box();
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, "openat", climb, (void *)(uintptr_t)how), 0);
	spawn_target(sv, filter_of(false, "openat", NULL), &child, "deep", box);
	rc = wait_target(sv, &child);
	sluice_supervisor_free(sv);
	return rc;
}

static void deep(void)
{
	CHECK_EQ(climbed(""), EDOM);
}

static void deep_for_nobody(void)
{
	CHECK_EQ(climbed("gone"), 128 + SIGKILL);
	CHECK_EQ(climbed("late"), EPERM);
}

/* ---- a directory that leaves the target's root while the target is in it ---- */

static int target_moved(int argc, char **argv)
{
	static const char *const paths[] = {"../../file", "../../none", "../../absolute",
		"../../absolute/none", "../../proc/../file", "../../dir/",
		"../../dev/self/root/file", NULL};
	int bad = 0;

	(void)argc;
	if (chroot(argv[0]) || chdir("/") || chroot("dir") || chdir("/sub"))
		return 100;
	bad += syscall(SYS_openat, AT_FDCWD, "../file", O_RDONLY) < 0; /* moves us */
	for (int i = 0; paths[i]; i++)
		if (syscall(SYS_openat, AT_FDCWD, paths[i], O_RDONLY) != -1 || errno != EXDEV) {
			fprintf(stderr, "# %s: errno %d\n", paths[i], errno);
			bad++;
		}
	return bad;
}

static int move_it(struct sluice_request *req, void *data)
{
	char path[4096], from[4200], to[4200];

	if (sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path)) < 0)
		return -1;
	if (path[0] != '.')
		return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
	if (strcmp(path, "../file") == 0) {
		int rc = open_for_it(req, data);

		snprintf(from, sizeof(from), "%s/dir/sub", box);
		snprintf(to, sizeof(to), "%s/proc/sub", box);
		CHECK_EQ(rename(from, to), 0);
		return rc;
	}
	return open_for_it(req, data);
}

static void moved(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	char path[4200];
	int calls = 0;

	make_box();
	sv = new_supervisor(NULL);
	snprintf(path, sizeof(path), "%s/dev", box);
	CHECK_EQ(mount("proc", path, "proc", 0, NULL), 0); /* out there, too */
	CHECK_EQ(sluice_on_name(sv, "openat", move_it, &calls), 0);
	spawn_target(sv, filter_of(false, "openat", NULL), &child, "moved", box);
	CHECK_EQ(wait_target(sv, &child), 0);
	CHECK(calls > 1);
	sluice_supervisor_free(sv);
}

static void beneath(void)
{
	int root = open("/", O_PATH), usr = open("/usr", O_PATH), bin = open("/usr/bin", O_PATH);

	CHECK_EQ(sluice_is_beneath(usr, bin), 1);
	CHECK_EQ(sluice_is_beneath(usr, usr), 1);
	CHECK_EQ(sluice_is_beneath(bin, usr), 0);
	CHECK_EQ(sluice_is_beneath(root, bin), 1);
	CHECK_EQ(sluice_is_beneath(-1, bin), 0);
	bin = open("/proc/self/exe", O_PATH); /* no directory */
	CHECK_EQ(sluice_is_beneath(bin, bin), 0);
}

const struct target_main targets[] = {{"rooted", target_rooted}, {"pid-ns", target_pid_ns},
	{"fifo", target_fifo}, {"stuck", target_stuck}, {"lease", target_lease},
	{"parents", target_parents}, {"deep", target_deep}, {"moved", target_moved}, {NULL, NULL}};
const struct test tests[] = {
	{"a chroot: links, .., creation, /proc/self, magic links", rooted},
	{"a pid namespace: each procfs' own numbers", pid_namespace},
	{"a FIFO waits for its writer, the loop does not", fifo},
	{"a FIFO without a writer: late, nothing left behind", late_fifo},
	{"a FIFO without a writer: target killed, nothing left behind", dead_fifo},
	{"a lease held by the target", lease},
	{"the directory of the last component", parent_of},
	{"up from deep below: each step once", deep},
	{"up from deep below, and nobody waits any more", deep_for_nobody},
	{"a directory moved out of the root leads nowhere and tells nothing", moved},
	{"beneath by identity", beneath},
	{NULL, NULL}};
