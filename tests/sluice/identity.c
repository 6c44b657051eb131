/* Acting with the ids of the target: whose a new file is, what may be opened, and that
 * the thread is afterwards what it was. SPDX-License-Identifier: MIT */
#include "tap.h"

#include <dirent.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/un.h>

#define VICTIM 1234
#define GROUP  777

enum {
	OPEN,
	CREATE,
	WRITE,
	CONNECT
};

/* ---- targets ---- */

static void become_victim(void)
{
	const gid_t groups[] = {GROUP};

	CHECK_EQ(setgroups(1, groups), 0);
	CHECK_EQ(setresgid(VICTIM, VICTIM, VICTIM), 0);
	CHECK_EQ(setresuid(VICTIM, VICTIM, VICTIM), 0);
}

/* What the supervisor says of @path: 0 or an errno. */
static int ask(int dirfd, const char *path, int what)
{
	return syscall(SYS_mkdirat, dirfd, path, what) == 0 ? 0 : errno;
}

static int expect(int dirfd, const char *path, int what, int error)
{
	int got = ask(dirfd, path, what);

	if (got != error)
		printf("# %s: %s, not %s\n", path, strerror(got), strerror(error));
	return got != error;
}

/* The kernel lets a process look at itself, whatever ids its thread has. */
static int directory_of_supervisor(void)
{
	static const char *const names[] = {"maps", "smaps", "fdinfo/0", "fd", "task"};
	char path[64];
	int bad = 0;

	for (int i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)getppid(), names[i]);
		bad += expect(AT_FDCWD, path, OPEN, EACCES);
	}
	return bad;
}

/* By the number of a thread, which no listing of /proc shows. */
static int directory_of_thread(void)
{
	struct dirent *d;
	char path[300];
	int bad = 1;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)getppid());
	dir = opendir(path);
	CHECK(dir);
	while ((d = readdir(dir)))
		if (atoi(d->d_name) > 0 && atoi(d->d_name) != (int)getppid()) {
			snprintf(path, sizeof(path), "/proc/%s/maps", d->d_name);
			bad = expect(AT_FDCWD, path, OPEN, EACCES);
		}
	closedir(dir);
	return bad;
}

static int target_user(int argc, char **argv)
{
	int dir = open(argv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC), bad;
	char through[64];

	(void)argc;
	snprintf(through, sizeof(through), "/proc/self/fd/%d/of-group", dir);
	CHECK(dir >= 0 && chdir(argv[0]) == 0);
	become_victim(); /* and by that not dumpable: much of /proc/PID is root's */
	bad = expect(AT_FDCWD, "new", CREATE, 0) + expect(dir, "newer", CREATE, 0) +
	      expect(dir, "of-root", OPEN, EACCES) + expect(dir, "of-group", OPEN, 0) +
	      expect(dir, "of-group", WRITE, EACCES) +
	      expect(dir, "closed/any", OPEN, EACCES) +
	      expect(dir, "closed/any", CREATE, EACCES) +
	      expect(dir, "of-victim", OPEN, 0) + expect(AT_FDCWD, through, OPEN, 0) +
	      expect(AT_FDCWD, "/proc/sys/kernel/hostname", WRITE, EREMOTE) +
	      directory_of_supervisor() + directory_of_thread();
	if (access("/proc/keys", F_OK) == 0)
		bad += expect(AT_FDCWD, "/proc/keys", OPEN, EREMOTE);
	prctl(PR_SET_DUMPABLE, 1);
	return bad + expect(dir, "newest", CREATE, 0) +
	       expect(dir, "of-root", OPEN, EACCES);
}

static void drop_caps(uint64_t caps)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	CHECK_EQ(syscall(SYS_capget, &header, data), 0);
	for (int i = 0; i < 2; i++) {
		data[i].effective &= ~(uint32_t)(caps >> (32 * i));
		data[i].permitted &= ~(uint32_t)(caps >> (32 * i));
	}
	CHECK_EQ(syscall(SYS_capset, &header, data), 0);
}

static int target_root(int argc, char **argv)
{
	(void)argc;
	CHECK_EQ(chdir(argv[0]), 0);
	if (expect(AT_FDCWD, "of-victim", OPEN, 0))
		return 1;
	drop_caps(1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH);
	return expect(AT_FDCWD, "of-victim", OPEN, EACCES) +
	       expect(AT_FDCWD, "of-root", OPEN, 0) +
	       expect(AT_FDCWD, "/proc/sys/kernel/hostname", WRITE, EREMOTE);
}

/* Whose user and group opened it is what counts there, and a thread that acts keeps its own. */
static int target_cgroup(int argc, char **argv)
{
	(void)argc;
	CHECK_EQ(chdir(argv[0]), 0);
	return expect(AT_FDCWD, "groups/cgroup.procs", WRITE, EREMOTE) +
	       expect(AT_FDCWD, "groups/cgroup.procs", OPEN, 0);
}

/* All capabilities, and none that counts here. */
static int target_namespace(int argc, char **argv)
{
	(void)argc;
	CHECK_EQ(chdir(argv[0]), 0);
	if (unshare(CLONE_NEWUSER))
		return 77;
	return expect(AT_FDCWD, "of-victim", OPEN, EACCES) +
	       expect(AT_FDCWD, "of-root", OPEN, 0);
}

static int target_one(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	become_victim();
	return syscall(SYS_mkdirat, AT_FDCWD, "x", 0) == 7 ? 0 : 1;
}

/* ---- the supervisor ---- */

/* What a thread is, as the kernel says. */
struct self {
	int uid, gid, n;
	gid_t groups[64];
	struct __user_cap_data_struct caps[2];
};

static void look_at_self(struct self *self)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};

	memset(self, 0, sizeof(*self));
	self->uid = setfsuid((uid_t)-1);
	self->gid = setfsgid((gid_t)-1);
	self->n = getgroups(64, self->groups);
	CHECK_EQ(syscall(SYS_capget, &header, self->caps), 0);
}

struct job {
	char path[256];
	int what;
	uint64_t allowed; /* capabilities */
};

static int not_again(struct sluice_request *req, void *data)
{
	(void)req;
	(void)data;
	CHECK(false);
	return 0;
}

static int connect_to(struct sluice_request *req, const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sluice_unix_address to = {.size = sizeof(to)};
	struct sockaddr_storage ss = {0};
	int fd, rc;

	strcpy(un.sun_path, path);
	memcpy(&ss, &un, sizeof(un));
	rc = sluice_unix_address(req, &ss, sizeof(un), false, &to);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	rc = connect(fd, (struct sockaddr *)&to.address, to.length) ? -errno : 5;
	close(fd);
	close(to.fd);
	return rc;
}

static int act(struct sluice_request *req, void *data)
{
	static const uint64_t flags[] = {
		O_RDONLY, O_CREAT | O_EXCL | O_WRONLY, O_WRONLY, 0};
	struct job *job = data;
	struct open_how how = {.flags = flags[job->what]};
	struct self self;
	struct stat st;
	int fd;

	if (job->what == CREATE)
		how.mode = 0600;
	look_at_self(&self);
	CHECK_EQ(self.caps[0].effective & ~(uint32_t)job->allowed, 0);
	CHECK_EQ(self.caps[1].effective & ~(uint32_t)(job->allowed >> 32), 0);
	CHECK_EQ(sluice_act_as_target(req, not_again, NULL), -EBUSY);
	if (job->what == CONNECT)
		return connect_to(req, job->path);
	fd = sluice_openat(req, sluice_arg_int(req, 0), job->path, &how);
	if (fd < 0)
		return fd;
	CHECK_EQ(fstat(fd, &st), 0);
	close(fd);
	if (job->what == CREATE)
		CHECK(st.st_uid == VICTIM && st.st_gid == VICTIM);
	return 5;
}

static int in_worker(struct sluice_request *req, void *data)
{
	struct job job = {.what = sluice_arg_int(req, 2)};
	struct sluice_privileges p = {.size = sizeof(p)};
	struct self before, after;
	int rc;

	(void)data;
	CHECK_EQ(sluice_privileges(req, &p), 0);
	job.allowed = p.same_user_namespace ? p.effective : 0;
	CHECK(sluice_read_string(req, sluice_arg(req, 1), job.path, sizeof(job.path)) >
		0);
	look_at_self(&before);
	rc = sluice_act_as_target(req, act, &job);
	look_at_self(&after);
	CHECK_EQ(memcmp(&before, &after, sizeof(before)), 0);
	CHECK(rc == 5 || rc < 0);
	return rc < 0 ? sluice_fail(req, rc) : sluice_reply(req, 0);
}

static int to_worker(struct sluice_request *req, void *data)
{
	return sluice_work(req, in_worker, data);
}

static void put(
	const char *dir, const char *name, unsigned user, unsigned group, unsigned mode)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && fchown(fd, user, group) == 0 && fchmod(fd, mode) == 0);
	close(fd);
}

static void put_server(const char *dir, const char *name, unsigned mode)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/%s", dir, name);
	CHECK_EQ(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	CHECK(listen(fd, 5) == 0 && chmod(un.sun_path, mode) == 0);
}

static char *make_files(void)
{
	char *dir = scratch_dir(), path[256];

	CHECK_EQ(chmod(dir, 0777), 0);
	put(dir, "of-root", 0, 0, 0600);
	put(dir, "of-group", 0, GROUP, 0640);
	put(dir, "of-victim", VICTIM, VICTIM, 0600);
	snprintf(path, sizeof(path), "%s/closed", dir);
	CHECK_EQ(mkdir(path, 0700), 0);
	put(path, "any", VICTIM, VICTIM, 0666);
	put_server(dir, "socket", 0777);
	put_server(dir, "socket-of-root", 0700);
	return dir;
}

static char *box; /* the files that are made already */

static int run(const char *target)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int rc;

	if (geteuid() != 0)
		SKIP("needs root, to act as somebody else");
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, "mkdirat", to_worker, NULL), 0);
	spawn_target(sv, filter_of(false, "mkdirat", NULL), &child, target, box ? box : make_files());
	rc = wait_target(sv, &child);
	sluice_supervisor_free(sv);
	return rc;
}

static void another_user(void)
{
	need_cap(CAP_SYS_PTRACE); /* to read the memory of another user */
	CHECK_EQ(run("user"), 0);
}

static void less_than_root(void)
{
	CHECK_EQ(run("root"), 0);
}

static void control_groups(void)
{
	char path[256];

	if (geteuid() != 0)
		SKIP("needs root, to act as somebody else");
	if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL))
		SKIP("no mount namespace");
	box = make_files();
	snprintf(path, sizeof(path), "%s/groups", box);
	if (mkdir(path, 0755) || mount("none", path, "cgroup2", 0, NULL))
		SKIP("no control groups: %s", strerror(errno));
	CHECK_EQ(run("cgroup"), 0);
}

static void user_namespace(void)
{
	int rc = run("namespace");

	if (rc == 77)
		SKIP("may not make user namespaces");
	CHECK_EQ(rc, 0);
}

/* ---- fails closed ---- */

static int without_privilege(struct sluice_request *req, void *data)
{
	struct self before, after;

	(void)data;
	drop_caps(1u << CAP_SETGID); /* groups, the first step */
	look_at_self(&before);
	CHECK_EQ(sluice_act_as_target(req, not_again, NULL), -EPERM);
	look_at_self(&after);
	CHECK_EQ(memcmp(&before, &after, sizeof(before)), 0);
	return sluice_reply(req, 7);
}

static int without_setuid(struct sluice_request *req, void *data)
{
	struct self before, after;

	(void)data;
	drop_caps(1u << CAP_SETUID); /* a later one: the groups come back */
	look_at_self(&before);
	CHECK_EQ(sluice_act_as_target(req, not_again, NULL), -EPERM);
	look_at_self(&after);
	CHECK_EQ(memcmp(&before, &after, sizeof(before)), 0);
	return sluice_reply(req, 7);
}

static void put_text(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) > 0);
	close(fd);
}

static bool no_namespace;

/* From here the target's ids have no number. */
static int unmapped(struct sluice_request *req, void *data)
{
	(void)data;
	if (unshare(CLONE_NEWUSER)) {
		no_namespace = true;
		return sluice_reply(req, 7);
	}
	put_text("/proc/self/uid_map", "0 0 1");
	put_text("/proc/self/setgroups", "deny");
	put_text("/proc/self/gid_map", "0 0 1");
	CHECK_EQ(sluice_act_as_target(req, not_again, NULL), -EOVERFLOW);
	return sluice_reply(req, 7);
}

static void one(sluice_handler handler)
{
	if (geteuid() != 0)
		SKIP("needs root, to become somebody else");
	CHECK_EQ(answer_target("one", NULL, "mkdirat", handler, NULL), 0);
}

static void no_setgid(void)
{
	one(without_privilege);
}

static void no_setuid(void)
{
	one(without_setuid);
}

static void no_number(void)
{
	one(unmapped);
	if (no_namespace)
		SKIP("may not make user namespaces");
}

/* Each of its ids alone, and a supervisor's namespace that has a number only for 0. */
static int target_ids(int argc, char **argv)
{
	unsigned uid, gid, group;
	int groups;

	if (argc < 1)
		return 1;
	groups = sscanf(argv[0], "%u %u %u", &uid, &gid, &group) - 2;
	CHECK_EQ(setgroups((size_t)groups, &group), 0);
	CHECK_EQ(setresgid(gid, gid, gid), 0);
	CHECK_EQ(setresuid(uid, uid, uid), 0);
	return syscall(SYS_mkdirat, AT_FDCWD, "x", 0) == 9 ? 0 : 1;
}

static int nine(struct sluice_request *req, void *data)
{
	(void)data;
	return sluice_reply(req, 9) ? 1 : 9;
}

/* @data: what comes of it. */
static int from_inside(struct sluice_request *req, void *data)
{
	int expected = *(int *)data;

	CHECK_EQ(setgroups(0, NULL), 0);
	CHECK_EQ(unshare(CLONE_NEWUSER), 0);
	put_text("/proc/self/uid_map", "0 0 1");
	put_text("/proc/self/setgroups", "deny");
	put_text("/proc/self/gid_map", "0 0 1");
	CHECK_EQ(sluice_act_as_target(req, expected < 0 ? not_again : nine, NULL), expected);
	return expected < 0 ? sluice_reply(req, 9) : 0;
}

/* Where the groups are the same, the group alone is what cannot be changed. */
static int without_setgid(struct sluice_request *req, void *data)
{
	struct self before, after;

	(void)data;
	CHECK_EQ(setgroups(0, NULL), 0);
	drop_caps(1u << CAP_SETGID);
	look_at_self(&before);
	CHECK_EQ(sluice_act_as_target(req, not_again, NULL), -EPERM);
	look_at_self(&after);
	CHECK_EQ(memcmp(&before, &after, sizeof(before)), 0);
	return sluice_reply(req, 9);
}

static void no_setgid_alone(void)
{
	if (geteuid() != 0)
		SKIP("needs root, to become somebody else");
	CHECK_EQ(answer_target("ids", "0 1234", "mkdirat", without_setgid, NULL), 0);
}

static void one_by_one(void)
{
	static const struct {
		const char *ids;
		int rc;
	} cases[] = {{"0 0", 9}, {"0 0 777", -EOVERFLOW}, {"0 1234", -EOVERFLOW},
		{"1234 0", -EOVERFLOW}, {NULL, 0}};

	if (geteuid() != 0)
		SKIP("needs root, to become somebody else");
	need_unshare(CLONE_NEWUSER);
	for (int i = 0; cases[i].ids; i++) {
		int rc = cases[i].rc, status;
		pid_t pid;

		fflush(stdout);
		pid = fork(); /* there is no way back from a namespace */
		if (pid == 0)
			_exit(answer_target("ids", cases[i].ids, "mkdirat", from_inside, &rc));
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		if (status)
			printf("# %s\n", cases[i].ids);
		CHECK_EQ(status, 0);
	}
}

/* An ordinary user's targets have its ids: nothing changes, and nothing is needed. */
static int target_plain(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return syscall(SYS_mkdirat, AT_FDCWD, "x", 0) == 9 ? 0 : 1;
}

static int as_it_is(struct sluice_request *req, void *data)
{
	(void)data;
	CHECK_EQ(sluice_act_as_target(req, nine, NULL), 9);
	return 0;
}

static void own_user(void)
{
	if (geteuid() == 0)
		drop_caps(~UINT64_C(0));
	if (access(self_path, X_OK))
		SKIP("root without capabilities cannot execute this program");
	CHECK_EQ(answer_target("plain", NULL, "mkdirat", as_it_is, NULL), 0);
}

/* A filter around the supervisor, of a container say, that does not let it tell its own id. */
static int without_call(struct sluice_request *req, void *data)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	CHECK(filter);
	CHECK_EQ(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), *(const int *)data, 0), 0);
	CHECK_EQ(seccomp_load(filter), 0);
	seccomp_release(filter);
	CHECK_EQ(sluice_act_as_target(req, not_again, NULL), -EPERM);
	return sluice_reply(req, 9);
}

static void refused_calls(void)
{
#ifdef SYS_setfsuid32 /* ids of 32 bits */
	int calls[] = {SYS_setfsuid32, SYS_setfsgid32};
#else
	int calls[] = {SYS_setfsuid, SYS_setfsgid};
#endif

	for (int i = 0; i < 2; i++) {
		int status;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0)
			_exit(answer_target("plain", NULL, "mkdirat", without_call, &calls[i]));
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
	}
}

const struct target_main targets[] = {{"user", target_user}, {"root", target_root},
	{"namespace", target_namespace}, {"one", target_one}, {"plain", target_plain},
	{"ids", target_ids},
	{"cgroup", target_cgroup},
	{NULL, NULL}};
const struct test tests[] = {
	{"another user's files: its own when made, refused where it may not",
		another_user},
	{"a root that lacks capabilities", less_than_root},
	{"files of control groups are not opened for writing", control_groups},
	{"capabilities in a user namespace count for nothing here", user_namespace},
	{"without CAP_SETGID nothing is done", no_setgid},
	{"nor where only the group differs", no_setgid_alone},
	{"without CAP_SETUID the groups come back", no_setuid},
	{"ids that this user namespace does not map are refused", no_number},
	{"one of them is enough, and those that it maps are taken", one_by_one},
	{"the same ids need no privilege", own_user},
	{"where setfsuid(2) or setfsgid(2) is refused nothing is done", refused_calls}, {NULL, NULL}};
