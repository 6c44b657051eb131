/* A target without privileges that mounts, in user and mount namespaces of its own: the supervisor
 * looks through those mounts with permissions that the target lacks.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#define NOBODY    65534
#define CANNOT    70     /* a target's exit status: it may make no namespaces */
#define THE_CALL  "openat2" /* that no C library makes by itself */

static char box[128]; /* the supervisor's file system; also the target's argument */

static char *in_box(const char *name)
{
	static char path[4][512];
	static int n;

	n = (n + 1) % 4;
	snprintf(path[n], sizeof(path[n]), "%s/%s", box, name);
	return path[n];
}

static void make(const char *name, unsigned mode, const char *text)
{
	int fd;

	if (!text) {
		CHECK_EQ(mkdir(in_box(name), mode), 0);
		CHECK_EQ(chmod(in_box(name), mode), 0);
		return;
	}
	fd = open(in_box(name), O_WRONLY | O_CREAT, mode);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* "allowed" for targets; "closed", root's, with a file; "other", a file that is root's. */
static void make_box(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
	if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL))
		SKIP("no mount namespace");
	snprintf(box, sizeof(box), "%s", scratch_dir());
	CHECK_EQ(mount("box", box, "tmpfs", 0, "mode=0755"), 0);
	make("allowed", 0755, NULL);
	make("allowed/sub", 0755, NULL);
	make("allowed/sub/file", 0644, "public");
	make("allowed/point", 0755, NULL);
	make("allowed/file-point", 0644, "");
	make("closed", 0700, NULL);
	make("closed/file", 0600, "secret");
	make("other", 0600, "secret");
}

/* ---- the target's side ---- */

/* Nobody, who is root in namespaces of his own. */
static void become_nobody(char **argv)
{
	snprintf(box, sizeof(box), "%s", argv[0]);
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
		setresuid(NOBODY, NOBODY, NOBODY))
		_exit(100);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* /proc/self is ours again */
	if (open(in_box("other"), O_RDONLY) != -1 || errno != EACCES)
		_exit(101);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		_exit(CANNOT);
}

static int bind_on(const char *from, const char *to)
{
	if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) == 0)
		return 0;
	fprintf(stderr, "# bind %s on %s: %s\n", from, to, strerror(errno));
	_exit(102);
}

/* What the supervisor makes of @path: 0 and what is in the file, or the errno. */
static int ask(const char *path, char *text, size_t size)
{
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, O_RDONLY, 0);
	ssize_t n;

	if (fd < 0)
		return errno;
	n = read(fd, text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return 0;
}

static int expect(const char *path, int error, const char *text)
{
	char got[512] = "";
	int is = ask(path, got, sizeof(got));

	if (is == error && (error || !text || strncmp(got, text, strlen(text)) == 0))
		return 0;
	fprintf(stderr, "# %s: %d '%.60s', expected %d '%s'\n", path, is, got, error,
		text ? text : "");
	return 1;
}

static int target_binds(int argc, char **argv)
{
	char path[1024];
	int bad = 0;

	(void)argc;
	become_nobody(argv);
	bind_on("/", in_box("allowed/point"));
	bind_on(in_box("other"), in_box("allowed/file-point"));
	bad += expect(in_box("allowed/sub/file"), 0, "public");
	bad += expect(in_box("allowed/sub/../sub/file"), 0, "public");
	bad += expect(in_box("closed/file"), EACCES, NULL);
	snprintf(path, sizeof(path), "%s%s/closed/file", in_box("allowed/point"), box);
	bad += expect(path, EACCES, NULL);
	/* The same directory through the other mount is what it is. */
	snprintf(path, sizeof(path), "%s%s/allowed/sub/file", in_box("allowed/point"), box);
	bad += expect(path, 0, "public");
	bad += expect(in_box("allowed/file-point"), EXDEV, NULL);
	return bad;
}

static int target_steals(int argc, char **argv)
{
	char path[1024];

	(void)argc;
	become_nobody(argv);
	bind_on("/", in_box("allowed/point"));
	bind_on(in_box("other"), in_box("allowed/file-point"));
	snprintf(path, sizeof(path), "%s%s/closed/file", in_box("allowed/point"), box);
	return expect(path, 0, "secret") + expect(in_box("allowed/file-point"), 0, "secret");
}

/* ---- the supervisor's side ---- */

/* A supervisor that goes up through whatever is mounted. */
static int is_beneath_by_names(int ancestor, int fd)
{
	int cur = dup(fd), up;
	struct stat want, st, above;

	CHECK_EQ(fstat(ancestor, &want) | fstat(cur, &st), 0);
	for (;;) {
		if (st.st_dev == want.st_dev && st.st_ino == want.st_ino)
			break;
		up = openat(cur, "..", O_PATH | O_DIRECTORY);
		CHECK(up >= 0 && fstat(up, &above) == 0);
		close(cur);
		cur = up;
		if (above.st_dev == st.st_dev && above.st_ino == st.st_ino) {
			close(cur);
			return 0;
		}
		st = above;
	}
	close(cur);
	return 1;
}

struct judge {
	bool naive;
	int allowed, calls;
};

/* As sluice_openat(3) tells. */
static int open_beneath(struct sluice_request *req, void *data)
{
	struct judge *judge = data;
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC,
		.resolve = judge->naive ? 0 : RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
	char path[4096], last[256];
	int dir, fd = -1, rc;

	judge->calls++;
	rc = (int)sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path));
	if (rc < 0)
		return sluice_fail(req, rc);
	dir = sluice_open_parent(req, sluice_arg_int(req, 0), path, last, sizeof(last));
	if (dir < 0)
		return sluice_fail(req, dir);
	rc = judge->naive ? is_beneath_by_names(judge->allowed, dir)
			  : sluice_is_beneath(judge->allowed, dir);
	if (rc)
		fd = (int)syscall(SYS_openat2, dir, last, &how, sizeof(how));
	rc = rc ? errno : EACCES;
	close(dir);
	if (fd < 0)
		return sluice_fail(req, rc);
	sluice_reply_fd(req, fd, 0);
	close(fd);
	return 0;
}

static void run(const char *target, sluice_handler handler, void *data)
{
	int rc = answer_target(target, box, THE_CALL, handler, data);

	if (rc == CANNOT)
		SKIP("the target may make no namespaces");
	CHECK_EQ(rc, 0);
}

static void bound_below(const char *target, bool naive)
{
	struct judge judge = {.naive = naive};

	make_box();
	judge.allowed = open(in_box("allowed"), O_PATH | O_DIRECTORY);
	run(target, open_beneath, &judge);
	CHECK(judge.calls > 1);
}

static void bound(void)
{
	bound_below("binds", false);
}

static void bound_control(void)
{
	bound_below("steals", true);
}

/* In one namespace: beneath is a matter of one mount, whoever mounted. */
static void one_mount(void)
{
	int top, sub, point, file;

	make_box();
	top = open(in_box("allowed"), O_PATH);
	sub = open(in_box("allowed/sub"), O_PATH);
	point = open(in_box("allowed/point"), O_PATH);
	file = open(in_box("allowed/sub/file"), O_PATH);
	CHECK_EQ(sluice_is_beneath(top, sub), 1);
	CHECK_EQ(sluice_is_beneath(top, point), 1);
	CHECK_EQ(sluice_is_beneath(top, file), 0);
	CHECK_EQ(sluice_is_beneath(file, file), 0);
	CHECK_EQ(sluice_is_beneath(sub, top), 0);
	CHECK_EQ(mount("none", in_box("allowed/point"), "tmpfs", 0, NULL), 0);
	make("allowed/point/in", 0755, NULL);
	CHECK_EQ(sluice_is_beneath(top, open(in_box("allowed/point/in"), O_PATH)), 0);
	CHECK_EQ(sluice_is_beneath(open(in_box("allowed/point"), O_PATH),
			 open(in_box("allowed/point/in"), O_PATH)),
		1);
	CHECK_EQ(sluice_is_beneath(top, sub), 1);
	/* A copy of the mount: the same directories. */
	CHECK_EQ(unshare(CLONE_NEWNS), 0);
	CHECK_EQ(sluice_is_beneath(top, open(in_box("allowed/sub"), O_PATH)), 1);
}

/* For a supervisor that the kernel lets mount no procfs. */
static void give_up_mounting(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct caps[2];

	CHECK_EQ(syscall(SYS_capget, &head, caps), 0);
	caps[0].effective &= ~(1u << CAP_SYS_ADMIN);
	caps[0].permitted &= ~(1u << CAP_SYS_ADMIN);
	CHECK_EQ(syscall(SYS_capset, &head, caps), 0);
}

/* ---- the directory of another process in our own one's place ---- */

static const char *victim;

/* Its root is "closed", which nobody else may enter. */
static void make_victim(void)
{
	static char number[16];
	int ready[2];
	char c;
	pid_t pid;

	CHECK_EQ(pipe2(ready, O_CLOEXEC), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		CHECK_EQ(chroot(in_box("closed")) | chdir("/"), 0);
		CHECK_EQ(write(ready[1], "x", 1), 1);
		for (;;)
			pause();
	}
	CHECK_EQ(read(ready[0], &c, 1), 1);
	snprintf(number, sizeof(number), "%d", (int)pid);
	CHECK_EQ(symlink(number, in_box("victim")), 0); /* tells the target */
	victim = number;
}

static void find_victim(char *directory, size_t size)
{
	char number[16] = "";

	if (readlink(in_box("victim"), number, sizeof(number) - 1) <= 0)
		_exit(103);
	snprintf(directory, size, "/proc/%s", number);
}

/* Magic links themselves can be mounted, on files. */
static void bind_link(const char *directory, const char *name, const char *to)
{
	char link[64], path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", open(path, O_PATH | O_NOFOLLOW));
	if (mount(link, to, NULL, MS_BIND, NULL) == 0)
		return;
	fprintf(stderr, "# bind %s on %s: %s\n", path, to, strerror(errno));
	_exit(104);
}

static int target_impersonates(int argc, char **argv)
{
	char other[64], path[1024];
	int bad = 0;

	(void)argc;
	become_nobody(argv);
	find_victim(other, sizeof(other));
	snprintf(path, sizeof(path), "%s/root/file", other);
	if (open(path, O_RDONLY) != -1 || errno != EACCES)
		return 105;
	bad += expect(path, EACCES, NULL);
	bad += expect("/proc/self/root/proc/self/stat", 0, NULL);
	bad += expect("/proc/thread-self/root/proc/thread-self/root/proc/version", 0, "Linux");
	snprintf(path, sizeof(path), "/proc/%d/task/%d/root/proc/version", (int)getpid(),
		(int)getpid());
	bad += expect(path, 0, "Linux");
	bind_on(other, in_box("allowed/point"));
	bad += expect(in_box("allowed/point/root/file"), EACCES, NULL);
	bind_link(other, "root", in_box("allowed/file-point"));
	bad += expect(in_box("allowed/file-point/file"), EACCES, NULL);
	bind_link(other, "root", "/proc/self/environ");
	bad += expect("/proc/self/environ/file", EACCES, NULL);
	bind_on(other, "/proc/self/task");
	bad += expect("/proc/self/task/root/file", EACCES, NULL);
	bad += expect("/proc/thread-self/root/file", ENOENT, NULL);
	bad += expect("/proc/self/root/proc/version", 0, "Linux");
	snprintf(path, sizeof(path), "/proc/%d", (int)getpid());
	bind_on(other, path);
	snprintf(path, sizeof(path), "/proc/%d/root/file", (int)getpid());
	bad += expect(path, EACCES, NULL);
	return bad;
}

static int target_enters(int argc, char **argv)
{
	char other[64];

	(void)argc;
	become_nobody(argv);
	find_victim(other, sizeof(other));
	bind_on(other, "/proc/self/task");
	return expect("/proc/self/task/root/file", 0, "secret");
}

static int open_anything(struct sluice_request *req, void *data)
{
	char path[4096];
	int rc = (int)sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path));

	(void)data;
	if (rc >= 0)
		rc = sluice_open_reply(req, sluice_arg_int(req, 0), path,
			&(struct open_how){.flags = O_RDONLY}, 0);
	return rc < 0 ? sluice_fail(req, rc) : 0;
}

/* /proc/self of the target by its number, in its mounts, and then whatever is there. */
static int open_by_name(struct sluice_request *req, void *data)
{
	char path[4096], named[4200];
	int fd, rc = (int)sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path));

	(void)data;
	if (rc < 0 || strncmp(path, "/proc/self/", 11) != 0)
		return sluice_fail(req, EINVAL);
	snprintf(named, sizeof(named), "/proc/%d/root/proc/%d/%s", (int)sluice_tid(req),
		(int)sluice_tid(req), path + 11);
	fd = open(named, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sluice_fail(req, errno);
	sluice_reply_fd(req, fd, 0);
	close(fd);
	return 0;
}

static void impersonate(const char *target, sluice_handler handler)
{
	make_box();
	make_victim();
	run(target, handler, NULL);
	kill(atoi(victim), SIGKILL);
}

static void impersonated(void)
{
	impersonate("impersonates", open_anything);
}

static void impersonated_without_privileges(void)
{
	make_box();
	make_victim();
	give_up_mounting();
	run("impersonates", open_anything, NULL);
	kill(atoi(victim), SIGKILL);
}

static void impersonated_control(void)
{
	impersonate("enters", open_by_name);
}

/* ---- a file system over the target's directory in our /proc ---- */

/* A process that can mount where we might not be able to: over /proc/N for each N it reads. */
static int forger(void)
{
	int pair[2], number, fd;
	char path[64];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fflush(stdout);
	if (fork())
		return pair[0];
	close(pair[0]);
	while (read(pair[1], &number, sizeof(number)) == sizeof(number)) {
		snprintf(path, sizeof(path), "/proc/%d", number);
		CHECK_EQ(mount("none", path, "tmpfs", 0, "mode=0755"), 0);
		CHECK_EQ(chdir(path), 0);
		CHECK_EQ(symlink(in_box("closed"), "root"), 0);
		CHECK_EQ(symlink(in_box("closed"), "cwd"), 0);
		CHECK_EQ(symlink(in_box("closed/file"), "exe"), 0);
		fd = open("status", O_WRONLY | O_CREAT, 0644);
		dprintf(fd, "Umask:\t0000\nTgid:\t1\nUid:\t0\t0\t0\t0\nNSpid:\t1\n");
		close(fd);
		CHECK_EQ(write(pair[1], "x", 1), 1);
	}
	_exit(0);
}

struct forged {
	int forger, calls;
	bool can_mount;
};

static int look_at_it(struct sluice_request *req, void *data)
{
	struct forged *f = data;
	struct stat root, is, closed;
	char link[64], exe[4096];
	int tid = sluice_tid(req), fd;

	CHECK_EQ(stat("/", &root) | stat(in_box("closed"), &closed), 0);
	if (f->calls++) {
		CHECK_EQ(write(f->forger, &tid, sizeof(tid)), sizeof(tid));
		CHECK_EQ(read(f->forger, exe, sizeof(exe)), 1);
		/* The control: by its name, the target's root is what was mounted. */
		snprintf(link, sizeof(link), "/proc/%d/root", tid);
		CHECK_EQ(stat(link, &is), 0);
		CHECK(is.st_ino == closed.st_ino && is.st_dev == closed.st_dev);
	}
	fd = sluice_root_fd(req);
	if (f->calls == 1 || f->can_mount) {
		CHECK(fd >= 0 && fstat(fd, &is) == 0);
		CHECK(is.st_ino == root.st_ino && is.st_dev == root.st_dev);
		CHECK(sluice_exe(req, exe, sizeof(exe)) > 0 && strcmp(exe, self_path) == 0);
		CHECK_EQ(sluice_tgid(req), tid);
	} else {
		CHECK_EQ(fd, -EXDEV);
		CHECK_EQ(sluice_cwd_fd(req), -EXDEV);
		CHECK_EQ(sluice_exe(req, exe, sizeof(exe)), -EXDEV);
		CHECK_EQ(sluice_openat(req, AT_FDCWD, "/file",
				 &(struct open_how){.flags = O_RDONLY}),
			-EXDEV);
	}
	return sluice_fail(req, EDOM);
}

static int target_looked_at(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return ask("/", NULL, 0) + ask("/", NULL, 0) == 2 * EDOM ? 0 : 1;
}

static void forged_proc(bool can_mount)
{
	struct forged f = {.can_mount = can_mount};

	make_box();
	f.forger = forger();
	if (!can_mount)
		give_up_mounting();
	run("looked-at", look_at_it, &f);
	CHECK_EQ(f.calls, 2);
}

static void forged(void)
{
	int fs = (int)syscall(430 /* fsopen */, "proc", 1);

	if (fs < 0)
		SKIP("the kernel mounts no procfs for us: %s", strerror(errno));
	close(fs);
	forged_proc(true);
}

static void forged_without_privileges(void)
{
	forged_proc(false);
}

const struct target_main targets[] = {{"looked-at", target_looked_at},
	{"impersonates", target_impersonates}, {"enters", target_enters},
	
	{"binds", target_binds}, {"steals", target_steals}, {NULL, NULL}};
const struct test tests[] = {
	{"beneath: through one mount only", one_mount},
	{"a target that binds / and a file below what it is allowed", bound},
	{"another process' directory mounted over the target's own", impersonated},
	{"the same where the supervisor has no /proc of its own",
		impersonated_without_privileges},
	{"control: a supervisor that goes by names enters that process' root",
		impersonated_control},
	{"a file system over /proc/N: what is under it counts", forged},
	{"the same where the supervisor has no /proc of its own: refused",
		forged_without_privileges},
	{"control: a supervisor that goes up through mounts is led out", bound_control},
	{NULL, NULL}};
