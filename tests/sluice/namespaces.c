/* Targets in namespaces of their own: what would be somebody else's there is refused.
 * SPDX-License-Identifier: MIT
 *
 * The supervisors here make namespaces for themselves first, so nothing of the machine changes. */
#include "tap.h"

#include <grp.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

#define FORWARD "/proc/sys/net/ipv4/ip_forward"
#define PARENT	"/proc/sys/net/ipv4/new"

/* ARG: "own" (namespaces of its own) or "same". Exit: 0, or the errno of what did not open. */
static int open_files(const char *where, const char *const *paths)
{
	if (strcmp(where, "own") == 0 && unshare(CLONE_NEWNET | CLONE_NEWIPC))
		return 255;
	for (; *paths; paths++) {
		int fd = (int)syscall(SYS_openat, AT_FDCWD, *paths, O_WRONLY);

		if (fd < 0)
			return errno;
		if (write(fd, "1", 1) != 1)
			return 254;
		close(fd);
	}
	return 0;
}

static int target_net(int argc, char **argv)
{
	static const char *const paths[] = {FORWARD, NULL};

	(void)argc;
	return open_files(argv[0], paths);
}

static int target_shm(int argc, char **argv)
{
	static const char *const paths[] = {"/proc/self/../sys/kernel/shmmni", NULL};

	(void)argc;
	return open_files(argv[0], paths);
}

/* A new name there: its directory. */
static int target_parent(int argc, char **argv)
{
	static const char *const paths[] = {PARENT, NULL};

	(void)argc;
	return open_files(argv[0], paths);
}

/* By a descriptor of the directory. */
static int target_below(int argc, char **argv)
{
	int dir;

	(void)argc;
	if (strcmp(argv[0], "own") == 0 && unshare(CLONE_NEWNET | CLONE_NEWIPC))
		return 255;
	dir = (int)syscall(SYS_openat, AT_FDCWD, "/proc/sys/net/ipv4", O_RDONLY | O_DIRECTORY);
	return dir < 0 ? errno : 0;
}

static int target_tun(int argc, char **argv)
{
	int fd;

	(void)argc;
	if (strcmp(argv[0], "own") == 0 && unshare(CLONE_NEWNET | CLONE_NEWIPC))
		return 255;
	fd = (int)syscall(SYS_openat, AT_FDCWD, argv[1], O_RDWR);
	return fd < 0 ? errno : 0;
}

/* What has no other meaning elsewhere goes on working. */
static int target_plain(int argc, char **argv)
{
	static const char *const paths[] = {"/proc/meminfo", "/proc/self/status", "/proc/net/dev",
		"/proc/uptime"};

	(void)argc;
	if (strcmp(argv[0], "own") == 0 && unshare(CLONE_NEWNET | CLONE_NEWIPC))
		return 255;
	for (int i = 0; i < 4; i++) {
		int fd = (int)syscall(SYS_openat, AT_FDCWD, paths[i], O_RDONLY);

		if (fd < 0)
			return errno;
		close(fd);
	}
	return 0;
}

/* What the supervisor may open of itself, and its target may not. */
static int target_supervisor(int argc, char **argv)
{
	static const char *const names[] = {"maps", "environ", "mem", "fd"};
	int refused = 0, other = 0;

	(void)argc;
	(void)argv;
	for (int i = 0; i < 4; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/%s", (int)getppid(), names[i]);
		if (syscall(SYS_openat, AT_FDCWD, path, O_RDONLY) >= 0)
			continue;
		refused += errno == EACCES;
		other += errno != EACCES;
	}
	return other ? 255 : refused;
}

/* A part of a procfs in a place where nothing tells which part it is. */
static int target_bound(int argc, char **argv)
{
	char path[64];
	int fd;

	(void)argc;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)getppid());
	if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) ||
		mount(path, argv[0], NULL, MS_BIND, NULL))
		return 255;
	fd = (int)syscall(SYS_openat, AT_FDCWD, argv[0], O_RDONLY);
	return fd < 0 ? errno : 0;
}

/* The keys of a user namespace. */
static int target_keys(int argc, char **argv)
{
	int fd;

	(void)argc;
	if (strcmp(argv[0], "own") == 0 && unshare(CLONE_NEWUSER))
		return 255;
	fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/keys", O_RDONLY);
	return fd < 0 ? errno : 0;
}

static bool is_ours(const char *path)
{
	return strncmp(path, "/proc/", 6) == 0 || strstr(path, "/tun-device") ||
		strstr(path, "/bound-file");
}

static int on_open(struct sluice_request *req, void *data)
{
	bool naive = *(bool *)data;
	struct open_how how = {.flags = (uint64_t)sluice_arg_int(req, 2)};
	char path[4096], name[256];
	ssize_t n = sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path));
	int rc, fd;

	if (n < 0)
		return sluice_fail(req, (int)n);
	if (!is_ours(path))
		return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
	if (naive) {
		fd = open(path, (int)how.flags | O_CLOEXEC);
		rc = fd < 0 ? sluice_fail(req, errno) : sluice_reply_fd(req, fd, 0);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	if (strcmp(path, PARENT) == 0) {
		rc = sluice_open_parent(req, sluice_arg_int(req, 0), path, name, sizeof(name));
		return sluice_fail(req, rc < 0 ? rc : close(rc) + EDOM);
	}
	rc = sluice_open_reply(req, sluice_arg_int(req, 0), path, &how, 0);
	return rc ? sluice_fail(req, rc) : 0;
}

static char forward_value(void)
{
	int fd = open(FORWARD, O_RDONLY | O_CLOEXEC);
	char c = '?';

	CHECK(fd >= 0 && read(fd, &c, 1) == 1);
	close(fd);
	return c;
}

static void need_namespaces(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS))
		SKIP("no namespaces: %s", strerror(errno));
	if (access(FORWARD, W_OK))
		SKIP("no writable /proc/sys");
}

/* The exit status of the target @name, whose opens the supervisor makes. */
static int run(const char *name, const char *where, bool naive)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int status;

	CHECK_EQ(sluice_on_name(sv, "openat", on_open, &naive), 0);
	spawn_target(sv, filter_of(false, "openat", NULL), &child, name, where);
	status = wait_target(sv, &child);
	sluice_supervisor_free(sv);
	return status;
}

static void sysctls(void)
{
	need_namespaces();
	CHECK_EQ(run("net", "own", false), EREMOTE);
	CHECK_EQ(forward_value(), '0');
	CHECK_EQ(run("shm", "own", false), EREMOTE);
	CHECK_EQ(run("below", "own", false), EREMOTE);
	CHECK_EQ(run("parent", "own", false), EREMOTE);
	CHECK_EQ(run("parent", "same", false), EDOM);
	CHECK_EQ(run("plain", "own", false), 0);
	CHECK_EQ(run("plain", "same", false), 0);
	CHECK_EQ(run("below", "same", false), 0);
	CHECK_EQ(run("net", "same", false), 0); /* it is the same for both */
	CHECK_EQ(forward_value(), '1');
}

static void sysctls_control(void)
{
	need_namespaces();
	CHECK_EQ(forward_value(), '0');
	CHECK_EQ(run("net", "own", true), 0);
	CHECK_EQ(forward_value(), '1'); /* the supervisor's, by a target with another one */
}

static void supervisor_itself(void)
{
	char path[256];

	CHECK_EQ(run("supervisor", "same", false), 4);
	CHECK_EQ(run("supervisor", "same", true), 0); /* the control */
	if (geteuid() != 0)
		SKIP("needs root, to mount a part of it elsewhere");
	need_unshare(CLONE_NEWNS);
	snprintf(path, sizeof(path), "%s/bound-file", scratch_dir());
	CHECK(close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0);
	CHECK_EQ(run("bound", path, false), EREMOTE);
}

static void keys(void)
{
	if (access("/proc/keys", R_OK))
		SKIP("no /proc/keys");
	need_unshare(CLONE_NEWUSER);
	CHECK_EQ(run("keys", "own", false), EREMOTE);
	CHECK_EQ(run("keys", "own", true), 0); /* the control */
	CHECK_EQ(run("keys", "same", false), 0);
}

static int no_proc(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_reply(req, sluice_groups(req, NULL, 0) == -ENOSYS ? 7 : 8);
}

static int target_seven(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return syscall(SYS_mkdir, "x", 0) == 7 ? 0 : 1;
}

/* In the procfs of another pid namespace the target's number is somebody else's. What says which namespace
 * it is stands behind the groups of this process. */
static void other_procfs(void)
{
	static gid_t groups[900];
	int status;
	pid_t pid;

	if (geteuid() != 0)
		SKIP("needs root");
	need_unshare(CLONE_NEWPID);
	for (unsigned i = 0; i < 900; i++)
		groups[i] = 4000000000u + i;
	CHECK_EQ(chmod(scratch_dir(), 0755), 0);
	CHECK_EQ(unshare(CLONE_NEWPID), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		CHECK(setgroups(900, groups) == 0 && setresgid(1234, 1234, 1234) == 0 &&
			setresuid(1234, 1234, 1234) == 0);
		if (access(self_path, X_OK))
			_exit(77);
		_exit(answer_target("seven", NULL, "mkdir", no_proc, NULL));
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		SKIP("another user cannot run this program where it is");
	CHECK_EQ(status, 0);
}

static void tun(void)
{
	struct sluice_child child;
	static const char *const where[] = {"own", "same"};
	static const int expected[] = {EREMOTE, 0};
	char path[256];
	bool naive = false;

	need_namespaces();
	snprintf(path, sizeof(path), "%s/tun-device", scratch_dir());
	if (mknod(path, S_IFCHR | 0600, makedev(10, 200)))
		SKIP("no devices here");
	if (open(path, O_RDWR | O_CLOEXEC) < 0)
		SKIP("no tun driver: %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		struct sluice_supervisor *sv = new_supervisor(NULL);
		char *argv[] = {self_path, (char *)"--target", (char *)"tun", (char *)where[i],
			path, NULL};
		scmp_filter_ctx f = filter_of(false, "openat", NULL);

		child = (struct sluice_child)SLUICE_CHILD_INIT;
		CHECK_EQ(sluice_on_name(sv, "openat", on_open, &naive), 0);
		CHECK_EQ(sluice_spawn(sv, f, argv, &child), 0);
		seccomp_release(f);
		CHECK_EQ(wait_target(sv, &child), expected[i]);
		sluice_supervisor_free(sv);
	}
}

const struct target_main targets[] = {{"net", target_net}, {"shm", target_shm},
	{"below", target_below}, {"parent", target_parent}, {"tun", target_tun}, {"plain", target_plain},
	{"supervisor", target_supervisor}, {"bound", target_bound}, {"keys", target_keys}, {"seven", target_seven},
	{NULL, NULL}};
const struct test tests[] = {
	{"/proc/sys of another namespace is refused, the rest of /proc is not", sysctls},
	{"control: who opens it by name changes its own", sysctls_control},
	{"a tun device for another network namespace is refused", tun},
	{"the supervisor's own directory in /proc is refused", supervisor_itself},
	{"/proc/keys of another user namespace is refused", keys},
	{"the procfs of another pid namespace is none, whatever groups we have", other_procfs}, {NULL, NULL}};
