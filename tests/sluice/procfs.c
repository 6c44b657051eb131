/* What util/procfs.c tells of a procfs, one of our own or one that others may mount on.
 * SPDX-License-Identifier: MIT */
#include "util/util.h"
#include "tap.h"

#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>

/* ---- texts ---- */

/* A descriptor that gives @text, @piece bytes at a time; 0: as many as are asked for. */
static int pieces(const char *text, size_t length, size_t piece)
{
	int pair[2], size = 1 << 20;

	if (!piece) {
		pair[0] = memfd_create("status", MFD_CLOEXEC);
		CHECK_EQ(pwrite(pair[0], text, length, 0), length);
		return pair[0];
	}
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	for (size_t at = 0; at < length; at += piece)
		CHECK(send(pair[0], text + at, length - at < piece ? length - at : piece, MSG_DONTWAIT) > 0);
	close(pair[0]);
	return pair[1];
}

static int pids_of(const char *text, size_t length, size_t piece, unsigned *pids)
{
	int fd = pieces(text, length, piece), rc;

	errno = 0;
	rc = sc_sluice_read_pids(fd, pids);
	close(fd);
	return rc;
}

#define PIDS(text, piece) pids_of(text, strlen(text), piece, pids)

static void fields(void)
{
	unsigned pids[MAX_LEVELS + 1], tgid = 9;
	int fd;

	CHECK_EQ(PIDS("Name:\tx\nNSpid:\t5\t77\nNSpgid:\t1\n", 0), 2);
	CHECK(pids[0] == 5 && pids[1] == 77);
	CHECK_EQ(PIDS("Name:\tx\nNSpid:\t4294967295\nNSpgid:\t1\n", 0), 1);
	CHECK_EQ(pids[0], 4294967295u);
	/* Cut anywhere. */
	for (size_t piece = 1; piece < 20; piece++) {
		CHECK_EQ(PIDS("a\nNSpid:\t123\t456\nb\n", piece), 2);
		CHECK(pids[0] == 123 && pids[1] == 456);
	}
	/* The last line need not end, and one that is named so in its middle is another. */
	CHECK_EQ(PIDS("a\nNSpid:\t123\t45", 0), 2);
	CHECK_EQ(PIDS("NSpid:\t1\nxNSpid:\t2\n", 0), -EPROTO);
	CHECK_EQ(PIDS("", 0), -EPROTO);
	CHECK_EQ(PIDS("\nNSpid:\n", 0), 0);
	fd = pieces("Tgid:\t8\nTgid:\t42\nNgid:\t0\n", 26, 3);
	CHECK_EQ(sc_sluice_read_tgid(fd, &tgid), 0);
	CHECK_EQ(tgid, 42);
	close(fd);
	tgid = 9;
	fd = pieces("Tgid:\t8\n", 8, 8);
	CHECK_EQ(sc_sluice_read_tgid(fd, &tgid), -EPROTO);
	close(fd);
	CHECK_EQ(sc_sluice_read_pids(fd, pids), -EBADF);
	CHECK_EQ(sc_sluice_read_tgid(fd, &tgid), -EBADF);
	CHECK_EQ(tgid, 9);
}

/* As many levels as there can be, and more are not written anywhere. */
static void levels(void)
{
	char text[1024] = "Name:\tx\nNSpid:";
	unsigned pids[MAX_LEVELS + 1] = {0};

	for (unsigned i = 1; i <= MAX_LEVELS + 3; i++) {
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "\t%u", 4194000 + i);
		CHECK_EQ(PIDS(text, 0), i < MAX_LEVELS ? i : MAX_LEVELS);
		CHECK_EQ(pids[i < MAX_LEVELS ? i - 1 : MAX_LEVELS - 1],
			4194000 + (i < MAX_LEVELS ? i : MAX_LEVELS));
		CHECK_EQ(pids[MAX_LEVELS], 0);
	}
}

/* Behind a line of groups of any length, whatever a read(2) gives. */
static void behind_groups(void)
{
	static const char field[] = "\nNSpid:\t4194303\t4194302\t1\nx\n";
	static char text[70000];
	unsigned pids[MAX_LEVELS];

	memset(text, '7', sizeof(text));
	for (size_t before = 1500; before < 6000; before++) {
		memcpy(text + before, field, sizeof(field) - 1);
		CHECK_EQ(pids_of(text, before + sizeof(field) - 1, before % 3 ? 0 : 1000, pids), 3);
		CHECK(pids[0] == 4194303 && pids[1] == 4194302 && pids[2] == 1);
		memset(text + before, '7', sizeof(field));
	}
	memcpy(text + 69000, field, sizeof(field) - 1);
	for (size_t piece = 0; piece <= 2000; piece += 1000) {
		CHECK_EQ(pids_of(text, 69000 + sizeof(field) - 1, piece, pids), 3);
		CHECK_EQ(pids_of(text, 69000, piece, pids), -EPROTO);
	}
}

/* No more is read than there is room for. */
static void room(void)
{
	static const char field[] = "\nNSpid:\t5\n";
	static char text[10000];
	unsigned pids[MAX_LEVELS];

	for (int second = 0; second < 2; second++) {
		int fd;

		memset(text, '7', sizeof(text));
		memcpy(text + (second ? 5000 : 10), field, sizeof(field) - 1);
		fd = pieces(text, sizeof(text), 0);
		CHECK_EQ(sc_sluice_read_pids(fd, pids), 1);
		CHECK_EQ(lseek(fd, 0, SEEK_CUR), second ? 4095 + 4095 - 512 : 4095);
		close(fd);
	}
}

/* ---- files ---- */

static const char *what_is(int fd, char *text, size_t size)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static int opened(const struct procfs *proc, const char *path, int flags)
{
	int fd;

	errno = ELOOP; /* of whatever was before */
	fd = sc_sluice_proc_open(proc, path, flags, 0);
	if (fd < 0)
		return fd;
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_PATH), flags & (O_ACCMODE | O_PATH));
	return fd;
}

static void open_and_close(const struct procfs *proc, const char *path, int flags)
{
	int fd = opened(proc, path, flags);

	if (fd < 0)
		printf("# %s\n", path);
	CHECK(fd >= 0);
	close(fd);
}

static void opens_with(const struct procfs *proc)
{
	char path[128], text[64];
	int before = count_fds(), input = dup(0), fd = memfd_create("sluice", MFD_CLOEXEC), again;

	for (int stdin_open = 1; stdin_open >= 0; stdin_open--) { /* then 0 is what it opens */
		open_and_close(proc, "uptime", O_RDONLY);
		open_and_close(proc, "self/status", O_RDONLY);
		open_and_close(proc, "self/status", O_PATH);
		open_and_close(proc, "self/task", O_PATH | O_DIRECTORY);
		open_and_close(proc, "thread-self/ns/pid", O_PATH);
		open_and_close(proc, "self/ns/pid", O_RDONLY);
		open_and_close(proc, "self/comm", O_WRONLY);
		CHECK_EQ(opened(proc, "self/nothing", O_RDONLY), -ENOENT);
		CHECK_EQ(opened(proc, "nothing", O_RDONLY), -ENOENT);
		CHECK_EQ(opened(proc, "nothing/status", O_RDONLY), -ENOENT);
		CHECK_EQ(opened(proc, "self/status", O_RDONLY | O_DIRECTORY), -ENOTDIR);
		CHECK_EQ(opened(proc, "self/status/x", O_RDONLY), -ENOTDIR);
		CHECK_EQ(count_fds(), before + 1 + stdin_open);
		if (stdin_open)
			close(0);
	}
	CHECK_EQ(dup2(input, 0), 0);
	close(input);
	snprintf(path, sizeof(path), "thread-self/fd/%d", fd);
	again = opened(proc, path, O_RDWR);
	CHECK(strcmp(what_is(again, text, sizeof(text)), "/memfd:sluice (deleted)") == 0);
	CHECK_EQ(write(again, "x", 1), 1);
	close(again);
	CHECK_EQ(opened(proc, path, O_RDONLY | O_NOFOLLOW), -ELOOP);
	close(fd);
}

static void files(void)
{
	struct procfs shared = {.fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)};
	struct procfs own = {.fd = shared.fd, .exclusive = true}, none = {.fd = -EXDEV};
	char path[80];

	opens_with(&shared);
	opens_with(&own);
	CHECK_EQ(sc_sluice_proc_open(&none, "self/status", O_RDONLY, 0), -EXDEV);
	/* How long the name of a directory may be; whoever has the procfs for himself has no limit. */
	memset(path, 'x', sizeof(path));
	path[65] = '\0';
	path[63] = '/';
	CHECK_EQ(sc_sluice_proc_open(&shared, path, O_RDONLY, 0), -ENOENT);
	path[63] = 'x';
	path[64] = '/';
	CHECK_EQ(sc_sluice_proc_open(&shared, path, O_RDONLY, 0), -ENAMETOOLONG);
	CHECK_EQ(sc_sluice_proc_open(&own, path, O_RDONLY, 0), -ENOENT);
}

static void own_mounts(int more)
{
	int flags = CLONE_NEWNS | more | (geteuid() ? CLONE_NEWUSER : 0);

	need_unshare(flags);
	CHECK_EQ(unshare(flags), 0);
	if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL))
		SKIP("no mounts");
}

static void mount_over(const char *what, const char *where)
{
	if (mount(what, where, NULL, MS_BIND, NULL))
		SKIP("%s cannot be mounted over", where);
}

/* What somebody has mounted there is not read, in whatever way it is named. */
static void mounted_over(void)
{
	struct procfs shared = {.fd = -1};
	char *dir = scratch_dir(), file[128];
	int self, before;

	snprintf(file, sizeof(file), "%s/proc", dir);
	close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	own_mounts(0);
	shared.fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	mount_over("/dev/null", "/proc/self/status");
	mount_over("/dev/null", "/proc/uptime");
	mount_over(dir, "/proc/self/fd");
	mount_over(dir, "/proc/tty");
	before = count_fds();
	CHECK_EQ(opened(&shared, "self/status", O_RDONLY), -EXDEV);
	CHECK_EQ(opened(&shared, "self/status", O_PATH), -EXDEV);
	CHECK_EQ(opened(&shared, "uptime", O_RDONLY), -EXDEV);
	CHECK_EQ(opened(&shared, "self/fd", O_PATH), -EXDEV);
	CHECK_EQ(opened(&shared, "self/fd/proc", O_PATH), -EXDEV);
	CHECK_EQ(opened(&shared, "tty", O_RDONLY), -EXDEV);
	CHECK_EQ(opened(&shared, "tty/proc", O_RDONLY), -EXDEV);
	self = opened(&shared, "self/task", O_PATH | O_DIRECTORY);
	CHECK(self >= 0);
	close(self);
	self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK_EQ(sc_sluice_open_there(self, "status", O_RDONLY), -1);
	CHECK_EQ(errno, EXDEV);
	close(self);
	CHECK_EQ(count_fds(), before);
	end_test();
}

static void there(void)
{
	int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = sc_sluice_open_there(self, "status", O_RDONLY);

	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(sc_sluice_open_there(self, "root", O_PATH), -1);
	CHECK_EQ(errno, ELOOP);
}

/* ---- which one it is ---- */

static void roots(void)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), null = open("/dev/null", O_RDONLY);
	int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int one = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC); /* number 1 of another file system */

	CHECK(sc_sluice_on_proc(proc) && sc_sluice_at_proc_root(proc));
	CHECK(sc_sluice_on_proc(self) && !sc_sluice_at_proc_root(self));
	CHECK(!sc_sluice_on_proc(null) && !sc_sluice_at_proc_root(null));
	CHECK(!sc_sluice_on_proc(-1) && !sc_sluice_at_proc_root(-1));
	CHECK(!sc_sluice_on_proc(one) && !sc_sluice_at_proc_root(one));
}

static void namespaces(void)
{
	struct procfs proc = {.fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)}, none = {.fd = -1};
	int before = count_fds(), flags = CLONE_NEWPID | (geteuid() ? CLONE_NEWUSER : 0);
	struct stat st;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	CHECK_EQ(stat("/proc/self/ns/net", &st), 0);
	CHECK_EQ(sc_sluice_namespace(&proc, "self", "net"), st.st_ino);
	CHECK_EQ(sc_sluice_namespace(&proc, pid, "net"), st.st_ino);
	CHECK_EQ(sc_sluice_namespace(&proc, "self", "nothing"), 0);
	CHECK_EQ(sc_sluice_namespace(&none, "self", "net"), 0);
	CHECK_EQ(count_fds(), before);
	CHECK(!sc_sluice_children_elsewhere(&proc));
	CHECK(sc_sluice_children_elsewhere(&none)); /* it may be */
	close(0);
	proc.exclusive = true;
	CHECK_EQ(sc_sluice_namespace(&proc, "self", "net"), st.st_ino);
	proc.exclusive = false;
	CHECK_EQ(sc_sluice_namespace(&proc, "self", "net"), st.st_ino);
	CHECK_EQ(fcntl(0, F_GETFD), -1);
	need_unshare(flags);
	CHECK_EQ(unshare(flags), 0);
	CHECK(sc_sluice_children_elsewhere(&proc));
	end_test();
}

static void take_away(const char *name)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), seccomp_syscall_resolve_name(name), 0), 0);
	CHECK_EQ(seccomp_load(f), 0);
	seccomp_release(f);
}

/* A mount of its own where the kernel gives one. */
static void pinned_alone(void)
{
	struct procfs proc = {.fd = -1};
	int fs = (int)syscall(SYS_fsopen, "proc", 0), before;

	if (fs < 0 || syscall(SYS_fsconfig, fs, SLUICE_FSCONFIG_CMD_CREATE, NULL, NULL, 0) ||
		syscall(SYS_fsmount, fs, 0, SLUICE_MOUNT_ATTRS) < 0)
		SKIP("no procfs of its own");
	before = count_fds();
	sc_sluice_proc_pin(&proc);
	CHECK(proc.fd >= 0 && proc.exclusive);
	CHECK_EQ(fcntl(proc.fd, F_GETFD), FD_CLOEXEC);
	CHECK(sc_sluice_at_proc_root(proc.fd));
	CHECK_EQ(count_fds(), before + 1);
	open_and_close(&proc, "self/status", O_RDONLY);
	sc_sluice_proc_unpin(&proc);
	CHECK_EQ(proc.fd, -ENOSYS);
	CHECK_EQ(count_fds(), before);
	sc_sluice_proc_unpin(&proc);
	CHECK_EQ(count_fds(), before);
	close(0);
	sc_sluice_proc_pin(&proc);
	CHECK(proc.fd >= 0 && proc.exclusive);
	sc_sluice_proc_unpin(&proc);
	CHECK_EQ(count_fds(), before - 1);
}

static void pin_with_others(bool may)
{
	int before = count_fds();
	struct procfs proc = {.fd = -1};

	take_away("fsopen");
	sc_sluice_proc_pin(&proc);
	CHECK(!proc.exclusive);
	if (may)
		CHECK(sc_sluice_at_proc_root(proc.fd) && fcntl(proc.fd, F_GETFD) == FD_CLOEXEC);
	else
		CHECK_EQ(proc.fd, -ENOSYS);
	CHECK_EQ(count_fds(), before + may);
	sc_sluice_proc_unpin(&proc);
	CHECK_EQ(proc.fd, -ENOSYS);
	CHECK_EQ(count_fds(), before);
}

static void pinned_with_others(void)
{
	pin_with_others(true);
}

static void pinned_as_first(void)
{
	struct procfs proc = {.fd = -1};

	take_away("fsopen");
	close(0);
	sc_sluice_proc_pin(&proc);
	CHECK_EQ(proc.fd, 0);
	CHECK_EQ(fcntl(0, F_GETFD), FD_CLOEXEC);
	sc_sluice_proc_unpin(&proc);
	CHECK_EQ(fcntl(0, F_GETFD), -1);
}

/* A directory with a file in it that looks so. */
static char *imitation(void)
{
	static const char status[] = "Name:\tx\nNSpid:\t5\nx\n";
	static char path[128];
	char inside[160];
	int fd;

	snprintf(path, sizeof(path), "%s", scratch_dir());
	snprintf(inside, sizeof(inside), "%s/self", path);
	CHECK_EQ(mkdir(inside, 0755), 0);
	snprintf(inside, sizeof(inside), "%s/self/status", path);
	fd = open(inside, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	CHECK_EQ(write(fd, status, sizeof(status) - 1), sizeof(status) - 1);
	close(fd);
	return path;
}

/* What is there is no procfs, is a directory of one, or says nothing about us. */
static void no_procfs(void)
{
	struct procfs proc = {.fd = -1};
	const char *looks_so = imitation();

	own_mounts(0);
	mount_over("/dev/null", "/proc/self/status");
	take_away("fsopen");
	sc_sluice_proc_pin(&proc);
	CHECK(proc.fd == -ENOSYS && !proc.exclusive);
	if (umount2("/proc/self/status", MNT_DETACH) || mount("/proc/self", "/proc", NULL, MS_BIND, NULL))
		SKIP("a directory cannot be mounted over /proc");
	sc_sluice_proc_pin(&proc);
	CHECK_EQ(proc.fd, -ENOSYS);
	umount2("/proc", MNT_DETACH);
	sc_sluice_proc_pin(&proc);
	CHECK(sc_sluice_at_proc_root(proc.fd)); /* the control */
	sc_sluice_proc_unpin(&proc);
	mount_over(looks_so, "/proc");
	sc_sluice_proc_pin(&proc);
	CHECK_EQ(proc.fd, -ENOSYS);
	/* The root of another file system has the same number. */
	if (mount("none", "/proc", "tmpfs", 0, NULL) == 0) {
		sc_sluice_proc_pin(&proc);
		CHECK_EQ(proc.fd, -ENOSYS);
	}
	end_test();
}

/* One of an outer pid namespace numbers other processes. */
static void outer_procfs(void)
{
	int status;
	pid_t pid;

	own_mounts(CLONE_NEWPID);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct procfs proc = {.fd = -1};
		int before = open("/dev/null", O_RDONLY), after;

		take_away("fsopen");
		close(before);
		sc_sluice_proc_pin(&proc);
		after = open("/dev/null", O_RDONLY);
		_exit(!(proc.fd == -ENOSYS && !proc.exclusive && after == before));
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	end_test();
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {
	{"lines of a status, in whatever pieces", fields},
	{"as many levels of pid namespaces as there can be", levels},
	{"a line behind many groups", behind_groups},
	{"room for lines", room},
	{"files and magic links, of a procfs of our own and of one with others", files},
	{"what is mounted over a part of it is not read", mounted_over},
	{"names in a directory of it", there},
	{"what its root is", roots},
	{"namespaces", namespaces},
	{"pinned: a mount of its own", pinned_alone},
	{"pinned: the one at /proc", pinned_with_others},
	{"pinned as descriptor 0", pinned_as_first},
	{"not pinned: what is no procfs at /proc", no_procfs},
	{"not pinned: the procfs of an outer pid namespace", outer_procfs},
	{NULL, NULL}};
