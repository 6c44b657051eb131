/* Numbers of processes: those of another pid namespace are nobody's here, and who may trace what belongs to us.
 * SPDX-License-Identifier: MIT
 *
 * The supervisors here make namespaces for themselves first, so nothing of the machine changes. */
#include "tap.h"

#include <dirent.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/un.h>

/* ---- a hand-over from one pid namespace to another ---- */

#define SECRET ((char *)0x10000000)

static void map_secret(const char *text)
{
	CHECK(mmap(SECRET, 4096, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == SECRET);
	strcpy(SECRET, text);
}

static int target_asks(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	map_secret("/target");
	syscall(SYS_mkdir, SECRET, 0700);
	return errno == EACCES ? 0 : 1;
}

static int hold(struct sluice_request *req, void *data)
{
	*(struct sluice_request **)data = sluice_defer(req);
	return 0;
}

/* In the inner namespace, whose init it is. */
static void predecessor(int socket)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_request *req = NULL;
	int status;

	CHECK_EQ(sluice_on_name(sv, MKDIR, hold, &req), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "asks", NULL);
	while (!req)
		sluice_dispatch(sv, 1000);
	CHECK(sluice_tid(req) > 1 && sluice_tid(req) < 50);
	CHECK_EQ(sluice_hand_over(sv, socket), 0);
	CHECK_EQ(waitpid(child.pid, &status, 0), child.pid);
	_exit(WEXITSTATUS(status));
}

static int not_done(struct sluice_request *req, void *data)
{
	(void)req;
	(void)data;
	CHECK(false);
	return 0;
}

/* Its number in here is 0, which in many calls means this process. */
static void nothing_else(struct sluice_request *req)
{
	struct sluice_privileges p = {.size = sizeof(p)};
	struct sluice_unix_address out = {.size = sizeof(out)};
	struct open_how how = {.flags = O_RDONLY};
	struct sockaddr_storage ss = {.ss_family = AF_UNIX};
	char text[64];
	gid_t groups[64];

	CHECK_EQ(sluice_read_string(req, (uintptr_t)SECRET, text, sizeof(text)), -ESRCH);
	CHECK_EQ(sluice_pidfd(req), -ESRCH);
	CHECK_EQ(sluice_get_fd(req, 0), -ESRCH);
	CHECK_EQ(sluice_path_fd(req, 0), -ESRCH);
	CHECK_EQ(sluice_root_fd(req), -ESRCH);
	CHECK_EQ(sluice_mem_fd(req), -ESRCH);
	CHECK_EQ(sluice_exe_fd(req), -ESRCH);
	CHECK_EQ(sluice_exe(req, text, sizeof(text)), -ESRCH);
	CHECK_EQ(sluice_groups(req, groups, 64), -ESRCH);
	CHECK_EQ(sluice_privileges(req, &p), -ESRCH);
	CHECK_EQ(sluice_namespace_fd(req, CLONE_NEWNET), -ESRCH);
	CHECK_EQ(sluice_openat(req, AT_FDCWD, "/", &how), -ESRCH);
	CHECK_EQ(sluice_openat(req, 0, "x", &how), -ESRCH);
	CHECK_EQ(sluice_act_as_target(req, not_done, NULL), -ESRCH);
	strcpy(((struct sockaddr_un *)&ss)->sun_path, "/x");
	CHECK_EQ(sluice_unix_address(req, &ss, sizeof(struct sockaddr_un), false, &out), -ESRCH);
}

static int show(struct sluice_request *req, void *data)
{
	struct sluice_creds creds = {.size = sizeof(creds)};
	char text[16];

	CHECK(sluice_replayed(req));
	CHECK_EQ(sluice_tid(req), 0);
	CHECK_EQ(sluice_read(req, (uintptr_t)SECRET, text, 8), -ESRCH);
	CHECK_EQ(sluice_write(req, (uintptr_t)SECRET, "HACKED", 7), -ESRCH);
	CHECK_EQ(sluice_tgid(req), -ESRCH);
	CHECK_EQ(sluice_creds(req, &creds), -ESRCH);
	CHECK_EQ(sluice_cwd_fd(req), -ESRCH);
	nothing_else(req);
	++*(int *)data;
	return sluice_fail(req, EACCES);
}

static int keep_secret(void)
{
	map_secret("/bystander");
	for (int i = 0; i < 100; i++)
		usleep(10000);
	return strcmp(SECRET, "/bystander") != 0;
}

/* Processes with the numbers that the target may have in the inner namespace. */
static void make_bystanders(pid_t *pids)
{
	for (int i = 0; i < 8; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(keep_secret());
	}
}

static int successor(void)
{
	int pair[2], shown = 0, status;
	pid_t bystanders[8], inner;
	struct sluice_supervisor *sv;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	make_bystanders(bystanders);
	CHECK(unshare(CLONE_NEWPID) == 0);
	inner = fork();
	if (inner == 0)
		predecessor(pair[0]);
	CHECK_EQ(sluice_take_over(pair[1], &sv), 0);
	CHECK_EQ(sluice_on_name(sv, MKDIR, show, &shown), 0);
	while (!shown)
		sluice_dispatch(sv, 1000);
	CHECK_EQ(waitpid(inner, &status, 0), inner);
	CHECK_EQ(status, 0);
	for (int i = 0; i < 8; i++) {
		CHECK_EQ(waitpid(bystanders[i], &status, 0), bystanders[i]);
		CHECK_EQ(status, 0);
	}
	sluice_supervisor_free(sv);
	return 0;
}

static void other_pids(void)
{
	int status;
	pid_t pid;

	if (geteuid() != 0 || unshare(CLONE_NEWPID))
		SKIP("no pid namespace");
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(successor());
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

/* ---- a procfs of the outer namespace, where the target's own number is somebody else's ---- */

/* The number that "self" in the procfs of the outer namespace has for us. */
static void outer_number(char *number, size_t size)
{
	ssize_t n = readlink("/proc/self", number, size - 1);

	CHECK(n > 0);
	number[n] = '\0';
}

/* Who "self" is for the supervisor, which must be us. */
static int check_self(void)
{
	char number[16], stat[64] = "";
	int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/stat", O_RDONLY);

	outer_number(number, sizeof(number));
	if (fd < 0 || read(fd, stat, sizeof(stat) - 1) <= 0)
		return 1;
	strcat(number, " ");
	if (strncmp(stat, number, strlen(number)) == 0)
		return 0;
	fprintf(stderr, "# %.60s, not %s\n", stat, number);
	return 2;
}

/* It is init of its namespace: number 1, which the machine's is outside. Then a child of it whose
 * number in there is that of its parent outside: both are in one namespace. */
static int target_numbers(int argc, char **argv)
{
	char number[16];
	int status;
	pid_t pid = 0;

	(void)argc;
	(void)argv;
	if (getpid() != 1)
		return 100;
	if (check_self())
		return 101;
	outer_number(number, sizeof(number));
	while (pid < atoi(number)) {
		fflush(stdout);
		pid = fork();
		if (pid == 0)
			_exit(getpid() == atoi(number) ? check_self() : 0);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			return 102;
	}
	return pid == atoi(number) ? 0 : 103;
}

/* ---- a procfs of the target's own namespace, and its threads ---- */

static char *room; /* where the procfs is, and a directory for each thread */

/* Whether @link below "proc" leads to the file with @text in it; or, without it, is refused. */
static int leads(const char *link, const char *text)
{
	char path[256], got[8] = "";
	long fd;

	snprintf(path, sizeof(path), "%s/proc/%s/cwd/file", room, link);
	fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
	if (!text ? fd < 0 && errno == EACCES
		  : fd >= 0 && read((int)fd, got, sizeof(got) - 1) > 0 && strcmp(got, text) == 0)
		return 0;
	fprintf(stderr, "# %s: '%s', errno %d\n", link, got, errno);
	return 1;
}

static void *second_thread(void *data)
{
	char path[128], task[32];

	snprintf(path, sizeof(path), "%s/two", room);
	snprintf(task, sizeof(task), "self/task/%ld", syscall(SYS_gettid));
	if (unshare(CLONE_FS) || chdir(path))
		return NULL;
	*(bool *)data = leads("thread-self", "two") + leads(task, "two") + leads("self", "one") +
			leads("self/task/1", NULL) == 0;
	return NULL;
}

static int target_threads(int argc, char **argv)
{
	char path[128];
	bool good = false;
	pthread_t t;

	room = argv[0];
	snprintf(path, sizeof(path), "%s/one", room);
	if (argc < 1 || getpid() != 1 || unshare(CLONE_NEWNS) || chdir(path))
		return 100;
	snprintf(path, sizeof(path), "%s/proc", room);
	if (mount("proc", path, "proc", 0, NULL))
		return 101;
	if (leads("self", "one") + leads("thread-self", "one") + leads("self/task/1", "one"))
		return 102;
	if (pthread_create(&t, NULL, second_thread, &good) || pthread_join(t, NULL))
		return 103;
	return !good;
}

static void make_room(void)
{
	static const char *const names[] = {"one", "two", "proc"};
	char path[128];
	int fd;

	room = scratch_dir();
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", room, names[i]);
		CHECK_EQ(mkdir(path, 0755), 0);
		snprintf(path, sizeof(path), "%s/%s/file", room, names[i]);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		CHECK(fd >= 0 && write(fd, names[i], strlen(names[i])) > 0);
		close(fd);
	}
}

static int on_self(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = O_RDONLY};
	char path[4096];
	int rc = (int)sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path));

	(void)data;
	if (rc < 0)
		return sluice_fail(req, -rc);
	if (strcmp(path, "/proc/self/stat") != 0 && (!room || strncmp(path, room, strlen(room)) != 0))
		return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
	rc = sluice_open_reply(req, AT_FDCWD, path, &how, 0);
	return rc ? sluice_fail(req, rc) : 0;
}

static void in_its_namespace(const char *target)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int rc;

	isolate(); /* where numbers are small */
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, "openat", on_self, NULL), 0);
	if (unshare(CLONE_NEWPID))
		SKIP("no pid namespace");
	spawn_target(sv, filter_of(false, "openat", NULL), &child, target, room);
	rc = wait_target(sv, &child);
	CHECK_EQ(rc, 0);
	end_test();
}

static void own_numbers(void)
{
	in_its_namespace("numbers");
}

static void own_threads(void)
{
	make_room();
	in_its_namespace("threads");
}

/* In a procfs of its own namespace: numbers of two digits there, and others outside. */
static int target_inside(int argc, char **argv)
{
	int status = 0, fd;
	pid_t pid = 0;

	(void)argc;
	(void)argv;
	if (getpid() != 1 || unshare(CLONE_NEWNS) || mount("proc", "/proc", "proc", 0, NULL))
		return 100;
	while (pid < 21 && !status) {
		pid = fork();
		if (pid == 0) {
			fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/thread-self/root/proc/self/stat",
				O_RDONLY);
			_exit(fd < 0 ? errno : 0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return 101;
	}
	return WEXITSTATUS(status);
}

static int on_thread(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = O_RDONLY};
	char path[4096];
	int rc = (int)sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path));

	if (rc > 0 && strncmp(path, "/proc/thread-self", 17) != 0)
		return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
	++*(int *)data;
	rc = rc < 0 ? rc : sluice_open_reply(req, AT_FDCWD, path, &how, 0);
	return rc ? sluice_fail(req, rc) : 0;
}

static void inner_numbers(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int calls = 0;

	isolate();
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, "openat", on_thread, &calls), 0);
	if (unshare(CLONE_NEWPID))
		SKIP("no pid namespace");
	spawn_target(sv, filter_of(false, "openat", NULL), &child, "inside", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	CHECK(calls > 5); /* a sanitizer's thread takes every other number */
	end_test();
}

static void keeper_inside(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_error error = {0};
	struct sluice_supervisor *sv = NULL;

	if (geteuid() != 0 || unshare(CLONE_NEWPID))
		SKIP("no pid namespace");
	o.keeper = true;
	o.error = &error;
	CHECK_EQ(sluice_supervisor_new(&o, &sv), -EREMOTE);
	CHECK(strstr(error.message, "CLONE_NEWPID"));
}

/* ---- helpers ---- */

static int wait_at_fifo(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = O_RDONLY};
	char path[4096];

	CHECK(sluice_read_string(req, sluice_arg(req, 0), path, sizeof(path)) > 0);
	CHECK_EQ(sluice_open_reply(req, AT_FDCWD, path, &how, 0), 0);
	++*(int *)data;
	return 0;
}

static int target_fifo(int argc, char **argv)
{
	(void)argc;
	syscall(SYS_mkdir, argv[0], 0);
	return 0;
}

/* As a target with the supervisor's user would: can @pid be traced? */
static bool can_trace(pid_t pid)
{
	int status;
	pid_t tracer = fork();

	if (tracer == 0)
		_exit(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0 ? 0 : errno == EPERM || errno == ESRCH ? 1 : 2);
	CHECK_EQ(waitpid(tracer, &status, 0), tracer);
	CHECK(WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status) == 0;
}

static pid_t other_child(pid_t known)
{
	char path[64], text[256] = "";
	FILE *f;
	long pid;
	char *at = text;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "r");
	if (!f)
		SKIP("no /proc/.../children");
	CHECK(fgets(text, sizeof(text), f));
	fclose(f);
	while ((pid = strtol(at, &at, 10)) > 0)
		if (pid != known)
			return (pid_t)pid;
	return 0;
}

/* All of the machine: with another user's nobody may do that anyway. */
static int traceable_keepers(int *keepers)
{
	struct dirent *e;
	DIR *d = opendir("/proc");
	int n = 0;

	for (*keepers = 0; (e = readdir(d));) {
		char path[300], name[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		f = strspn(e->d_name, "0123456789") ? fopen(path, "r") : NULL;
		if (!f)
			continue;
		if (fgets(name, sizeof(name), f) && strcmp(name, "sluice-keeper\n") == 0) {
			++*keepers;
			n += can_trace(atoi(e->d_name));
		}
		fclose(f);
	}
	closedir(d);
	return n;
}

static void hidden_helper(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	char path[256];
	int waiting = 0, keepers;
	pid_t plain, helper;

	snprintf(path, sizeof(path), "%s/fifo", scratch_dir());
	CHECK(mkfifo(path, 0666) == 0 && chmod(path, 0666) == 0 && chmod(scratch_dir(), 0755) == 0);
	if (geteuid() == 0)
		CHECK(setresgid(1234, 1234, 1234) == 0 && setresuid(1234, 1234, 1234) == 0);
	if (access(self_path, X_OK))
		SKIP("another user cannot run this program where it is");
	CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
	plain = fork();
	if (plain == 0)
		for (;;)
			pause();
	if (!can_trace(plain)) /* the control */
		SKIP("nobody may trace here (Yama?)");
	CHECK(kill(plain, SIGKILL) == 0 && waitpid(plain, NULL, 0) == plain);
	o.keeper = true;
	sv = new_supervisor(&o);
	do /* it may not have its name yet */
		CHECK_EQ(traceable_keepers(&keepers), 0);
	while (!keepers);
	CHECK_EQ(sluice_on_name(sv, MKDIR, wait_at_fifo, &waiting), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "fifo", path);
	while (!waiting)
		sluice_dispatch(sv, 1000);
	helper = other_child(child.pid);
	CHECK(helper > 0);
	CHECK(!can_trace(helper));
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 1); /* we ourselves are as we were */
	CHECK(kill(child.pid, SIGKILL) == 0);
	wait_target(sv, &child);
	sluice_supervisor_free(sv);
}

const struct target_main targets[] = {
	{"asks", target_asks}, {"fifo", target_fifo}, {"numbers", target_numbers},
	{"threads", target_threads}, {"inside", target_inside}, {NULL, NULL}};
const struct test tests[] = {
	{"a hand-over to another pid namespace: nobody is taken for the target", other_pids},
	{"numbers of another pid namespace: \"self\" is the target, not who has its number", own_numbers},
	{"a procfs of the target's namespace: what a thread's own links lead to", own_threads},
	{"threads of a pid namespace, by their numbers there", inner_numbers},
	{"no keeper in the targets' pid namespace", keeper_inside},
	{"neither the keeper nor the helper that opens a FIFO can be traced", hidden_helper}, {NULL, NULL}};
