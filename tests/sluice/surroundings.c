/* Surroundings that refuse what is usual: the outer filters of container engines, limits. Each
 * filter is loaded by the test's own process; its targets inherit it.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <linux/openat2.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static void refuse_calls(int errnum, const char *const *names)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	CHECK(f);
	for (; *names; names++)
		CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO((unsigned)errnum),
				 seccomp_syscall_resolve_name(*names), 0),
			0);
	CHECK_EQ(seccomp_load(f), 0);
	seccomp_release(f);
}

static void refuse(int errnum, const char *name)
{
	const char *const names[] = {name, NULL};

	refuse_calls(errnum, names);
}

/* What Docker's default profile has only with capabilities that it does not give. */
static const char *const gated[] = {"bpf", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick",
	"mount", "mount_setattr", "move_mount", "open_tree", "perf_event_open", "quotactl",
	"setdomainname", "sethostname", "setns", "syslog", "umount2", "unshare", "kcmp",
	"process_madvise", "open_by_handle_at", "acct", "pidfd_getfd", "userfaultfd", "keyctl",
	"add_key", "request_key", "process_vm_readv", "process_vm_writev", NULL};

/* ---- memory ---- */

static int target_memory(int argc, char **argv)
{
	char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char mine[16] = "before";

	(void)argc;
	(void)argv;
	if (two == MAP_FAILED || munmap(two + 4096, 4096))
		return 1;
	memset(two, 'y', 4096);
	strcpy(two + 4096 - 6, "edge!");
	if (syscall(SYS_mkdir, two + 4096 - 6, 0) != 5 || syscall(SYS_mkdir, "", 0) != 0)
		return 2;
	two[4095] = 'y';
	if (syscall(SYS_mkdir, two + 4000, 0) != -1 || errno != EFAULT)
		return 3;
	if (syscall(SYS_mkdir, NULL, 0) != -1 || errno != EFAULT)
		return 4;
	if (syscall(SYS_mkdir, -1L, 0) != -1 || errno != EFAULT)
		return 5;
	if (syscall(SYS_getrandom, two + 4090, 100, 0) != 6) /* as far as memory goes */
		return 6;
	if (syscall(SYS_getrandom, mine, sizeof(mine), 1) != 16 || strcmp(mine, "written"))
		return 7;
	if (syscall(SYS_getrandom, -1L, 4, 1) != -1 || errno != EFAULT)
		return 8;
	return syscall(SYS_getrandom, 16, 4, 0) == -1 && errno == EFAULT ? 0 : 9;
}

static int refused_errno; /* that the control must see */

/* The naive reader: what the outer filter refuses is all it has. */
static void control(struct sluice_request *req, uint64_t addr)
{
	struct iovec local, remote = {(void *)(uintptr_t)addr, 1};
	char byte;

	local = (struct iovec){&byte, 1};
	errno = 0;
	CHECK_EQ(process_vm_readv(sluice_tid(req), &local, 1, &remote, 1, 0), -1);
	CHECK_EQ(errno, refused_errno);
}

static int measure(struct sluice_request *req, void *data)
{
	char text[2048];
	ssize_t n;

	(void)data;
	control(req, sluice_arg(req, 0));
	n = sluice_read_string(req, sluice_arg(req, 0), text, sizeof(text));
	if (n >= 0)
		CHECK_EQ(strlen(text), n);
	CHECK_EQ(sluice_continue(req, SLUICE_CONTINUE_ARGS), -EPERM);
	return n < 0 ? sluice_fail(req, (int)n) : sluice_reply(req, n);
}

static int copy_or_write(struct sluice_request *req, void *data)
{
	char buffer[128] = "written";
	size_t size = (size_t)sluice_arg(req, 1);
	ssize_t n;

	(void)data;
	if (sluice_arg_int(req, 2) == 0)
		n = sluice_read(req, sluice_arg(req, 0), buffer, size);
	else
		n = sluice_write(req, sluice_arg(req, 0), buffer, size);
	return n < 0 ? sluice_fail(req, (int)n) : sluice_reply(req, n);
}

static void memory_without(int errnum)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int before;

	refused_errno = errnum;
	refuse(errnum, "process_vm_readv");
	before = count_fds();
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, MKDIR, measure, NULL), 0);
	CHECK_EQ(sluice_on_name(sv, "getrandom", copy_or_write, NULL), 0);
	spawn_target(sv, filter_of(false, MKDIR, "getrandom", NULL), &child, "memory", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
	CHECK_EQ(settled_fds(before), before);
}

static void memory_eperm(void)
{
	memory_without(EPERM);
}

static void memory_enosys(void)
{
	memory_without(ENOSYS);
}

/* No descriptor is left to open its memory with: that is said, and not what the filter says. */
static int measure_when_full(struct sluice_request *req, void *data)
{
	struct rlimit limit, none;
	char text[64];

	(void)data;
	control(req, sluice_arg(req, 0));
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){0, limit.rlim_max};
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	CHECK_EQ(sluice_read(req, sluice_arg(req, 0), text, 1), -EMFILE);
	CHECK_EQ(sluice_read_string(req, sluice_arg(req, 0), text, sizeof(text)), -EMFILE);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK(sluice_read_string(req, sluice_arg(req, 0), text, sizeof(text)) > 0);
	return sluice_reply(req, 7);
}

static void memory_when_full(void)
{
	refused_errno = EPERM;
	refuse(EPERM, "process_vm_readv");
	CHECK_EQ(answer_target("one", NULL, MKDIR, measure_when_full, NULL), 0);
}

/* A call that was interrupted, its memory still open: what was read is not given out. */
static int late(struct sluice_request *req, void *data)
{
	char text[64];

	CHECK(sluice_read_string(req, sluice_arg(req, 0), text, sizeof(text)) > 0);
	CHECK_EQ(kill(*(pid_t *)data, SIGKILL), 0);
	while (sluice_alive(req) == 0)
		usleep(1000);
	CHECK_EQ(sluice_read_string(req, sluice_arg(req, 0), text, sizeof(text)), -ENOENT);
	CHECK_EQ(sluice_read(req, sluice_arg(req, 0), text, 1), -ENOENT);
	CHECK_EQ(sluice_write(req, sluice_arg(req, 0), text, 1), -ENOENT);
	return sluice_fail(req, 0);
}

static int target_one_call(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return syscall(SYS_mkdir, "/nonexistent/x", 0) == 7 ? 0 : 1;
}

static void memory_of_the_dead(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;

	refuse(EPERM, "process_vm_readv");
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, MKDIR, late, &child.pid), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "one", NULL);
	CHECK_EQ(wait_target(sv, &child), 128 + SIGKILL);
	sluice_supervisor_free(sv);
}

/* ---- spawn ---- */

static int seven(struct sluice_request *req, void *data)
{
	char text[64];

	(void)data;
	CHECK(sluice_read_string(req, sluice_arg(req, 0), text, sizeof(text)) > 0);
	CHECK_EQ(strcmp(text, "/nonexistent/x"), 0);
	return sluice_reply(req, 7);
}

static void spawn_one(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;

	if (getenv("SLUICE_TEST_VALGRIND"))
		SKIP("valgrind makes calls of its own in the child");
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on(sv, 0, SLUICE_ANY, continue_it, NULL), 0);
	CHECK_EQ(sluice_on_name(sv, MKDIR, seven, NULL), 0);
	/* Every way to tell us anything is notified, too. */
	spawn_target(sv,
		filter_of(false, MKDIR, "execve", "sendmsg", "write", "close", "exit_group", NULL),
		&child, "one", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

static void no_getfd(int errnum)
{
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0), before;

	refuse(errnum, "pidfd_getfd");
	errno = 0;
	CHECK_EQ(syscall(SYS_pidfd_getfd, self, self, 0), -1); /* the only way there was */
	CHECK_EQ(errno, errnum);
	before = count_fds();
	for (int i = 0; i < 5; i++)
		spawn_one();
	CHECK_EQ(settled_fds(before), before);
}

static void spawn_eperm(void)
{
	no_getfd(EPERM);
}

static void spawn_enosys(void)
{
	no_getfd(ENOSYS);
}

static void under_gated(void)
{
	refuse_calls(EPERM, gated);
	refuse(ENOSYS, "clone3");
	spawn_one();
}

static void under_gated_as_user(void)
{
	if (geteuid() != 0)
		SKIP("needs root, to become an ordinary user");
	CHECK_EQ(setgid(54321), 0);
	CHECK_EQ(setuid(54321), 0);
	if (access(self_path, X_OK))
		SKIP("an ordinary user cannot execute this program");
	CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
	under_gated();
}

/* Another user's child, without CAP_SYS_PTRACE: as root is in a container. */
static void other_user(void)
{
	char *argv[] = {(char *)"true", NULL};
	struct sluice_child child = SLUICE_CHILD_INIT;
	scmp_filter_ctx f = filter_of(false, "execve", NULL);
	struct sluice_supervisor *sv;

	if (geteuid() != 0)
		SKIP("needs root, for another user");
	refuse(EPERM, "pidfd_getfd");
	sv = new_supervisor(NULL);
	child.uid = 54321;
	child.gid = 54321;
	CHECK_EQ(sluice_on_name(sv, "execve", continue_it, NULL), 0);
	CHECK_EQ(sluice_spawn(sv, f, argv, &child), 0);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
	seccomp_release(f);
}

static int target_no_children(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return waitpid(-1, NULL, 0) == -1 && errno == ECHILD ? 0 : 1;
}

static void first_in_namespace(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;

	if (SANITIZED)
		SKIP("LeakSanitizer cannot stop the first process of a pid namespace");
	if (unshare(CLONE_NEWPID))
		SKIP("may not make pid namespaces");
	refuse(EPERM, "pidfd_getfd");
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on(sv, 0, SLUICE_ANY, continue_it, NULL), 0);
	spawn_target(sv, filter_of(false, "execve", NULL), &child, "no-children", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

/* A caller that adopts orphans has none to reap but what it started. */
static void subreaper(void)
{
	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	refuse(EPERM, "pidfd_getfd");
	for (int i = 0; i < 10; i++) {
		spawn_one();
		CHECK(waitpid(-1, NULL, __WALL) == -1 && errno == ECHILD);
	}
}

/* Calls to read or write one byte. */
static void refuse_bytes(int nr)
{
	scmp_filter_ctx f;

	if (getenv("SLUICE_TEST_VALGRIND"))
		SKIP("valgrind makes such calls itself");
	f = seccomp_init(SCMP_ACT_ALLOW);
	CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), nr, 1, SCMP_A2(SCMP_CMP_EQ, 1)), 0);
	CHECK_EQ(seccomp_load(f), 0);
	seccomp_release(f);
}

/* The child cannot say that it loads its filter: nobody waits for that. */
static void no_write(void)
{
	refuse_bytes(SCMP_SYS(write));
	spawn_one();
}

/* The thread that closes the child's listener cannot hear when: the child ends, and runs nothing. */
static void no_read(void)
{
	char *argv[] = {(char *)"true", NULL};
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	scmp_filter_ctx f = filter_of(false, MKDIR, NULL);
	int rc;

	refuse_bytes(SCMP_SYS(read));
	rc = sluice_spawn(sv, f, argv, &child);
	if (!rc) /* where that thread is not also asked for the listener */
		rc = sluice_wait(sv, &child, NULL);
	CHECK_EQ(rc, -EIO);
	seccomp_release(f);
	sluice_supervisor_free(sv);
}

/* What changes the user is refused: the program does not run as the one that the caller is. */
static void no_change_of_user(void)
{
	static const char *const names[][2] = {{"setresuid", "setresuid32"}, {"setresgid", "setresgid32"},
		{"setgroups", "setgroups32"}, {"prctl", "prctl"}};
	char *argv[] = {(char *)"true", NULL};
	const gid_t groups[1] = {54321};

	if (geteuid() != 0)
		SKIP("needs root, for another user");
	for (int i = 0; i < 4; i++) {
		int status;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			const char *const refused[] = {names[i][0], names[i][1], NULL};
			struct sluice_child child = SLUICE_CHILD_INIT;
			struct sluice_supervisor *sv = new_supervisor(NULL);
			scmp_filter_ctx f = filter_of(false, MKDIR, NULL);
			struct sluice_error error = {0};

			child.uid = child.gid = 54321;
			child.groups = groups;
			child.n_groups = 1;
			child.error = &error;
			child.no_new_privs = 0;
			if (i < 3)
				refuse_calls(EPERM, refused);
			else
				refuse(EPERM, "prctl");
			CHECK_EQ(sluice_spawn(sv, f, argv, &child), -EPERM);
			CHECK(strstr(error.message, "user or group"));
			_exit(0);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
	}
}

/* The thread of the child that would send its listener cannot: the child ends, and says why. */
static void no_sending(void)
{
	static const char *const names[] = {"ppoll", "sendmsg", "read"};
	char *argv[] = {(char *)"true", NULL};

	for (int i = 0; i < 3; i++) {
		int status;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			struct sluice_child child = SLUICE_CHILD_INIT;
			struct sluice_supervisor *sv = new_supervisor(NULL);
			scmp_filter_ctx f = filter_of(false, MKDIR, NULL);
			struct sluice_error error = {0};

			child.error = &error;
			refuse(EPERM, "pidfd_getfd");
			if (i < 2)
				refuse(EPERM, names[i]);
			else
				refuse_bytes(SCMP_SYS(read));
			CHECK_EQ(sluice_spawn(sv, f, argv, &child), -EIO);
			CHECK_EQ(child.pid, -1);
			CHECK(strstr(error.message, names[i]));
			_exit(0);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
	}
}

/* ---- limits, and older kernels ---- */

/* A journal larger than a file may be: an error, and no signal, whose default is death. */
static void small_files(void)
{
	char *argv[] = {(char *)"true", NULL};
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = NULL;
	struct sluice_error error = {0};
	struct rlimit limit = {65536, 65536};
	scmp_filter_ctx f = filter_of(false, MKDIR, NULL);
	int status, fd, before = count_fds();
	pid_t pid = fork();

	if (pid == 0) { /* the control: what was done without a look */
		CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
		fd = memfd_create("control", 0);
		_exit(ftruncate(fd, 1 << 20) ? 1 : 0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
	o.error = child.error = &error;
	CHECK_EQ(sluice_supervisor_new(&o, &sv), -EFBIG);
	CHECK(error.code == EFBIG && strstr(error.message, "RLIMIT_FSIZE"));
	CHECK_EQ(settled_fds(before), before);
	o.max_pending = 16;
	CHECK_EQ(sluice_supervisor_new(&o, &sv), 0);
	CHECK_EQ(sluice_spawn(sv, f, argv, &child), 0);
	CHECK_EQ(wait_target(sv, &child), 0);
	limit.rlim_cur = 1024;
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
	CHECK_EQ(sluice_spawn(sv, f, argv, &child), -EFBIG);
	CHECK(error.code == EFBIG && strstr(error.message, "RLIMIT_FSIZE"));
	sluice_supervisor_free(sv);
	CHECK_EQ(settled_fds(before), before);
	seccomp_release(f);
}

static void no_memfd(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_supervisor *sv = NULL;
	struct sluice_error error = {0};

	o.error = &error;
	refuse(ENOSYS, "memfd_create");
	CHECK_EQ(sluice_supervisor_new(&o, &sv), -ENOSYS);
	CHECK(strstr(error.message, "memfd_create") && !strstr(error.message, "notifications"));
}

/* Kernels without notifications, and filters that refuse to be asked. */
static void no_notifications(void)
{
	static const struct {
		int errnum, rc;
		const char *says;
	} cases[] = {{EINVAL, -ENOSYS, "this kernel has no seccomp notifications"},
		{ENOSYS, -ENOSYS, "this kernel has no seccomp notifications"},
		{EOPNOTSUPP, -EOPNOTSUPP, "this kernel has no seccomp notifications"},
		{EPERM, -EPERM, "cannot set the supervisor up: Operation not permitted"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sluice_options o = SLUICE_OPTIONS_INIT;
		struct sluice_error error = {0};
		struct sluice_supervisor *sv = NULL;
		int status, before = count_fds();
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			o.error = &error;
			refuse(cases[i].errnum, "seccomp");
			CHECK_EQ(sluice_supervisor_new(&o, &sv), cases[i].rc);
			CHECK(sv == NULL && error.code == -cases[i].rc);
			CHECK(strncmp(error.message, cases[i].says, strlen(cases[i].says)) == 0);
			CHECK_EQ(sluice_supervisor_new(NULL, &sv), cases[i].rc);
			CHECK_EQ(count_fds(), before);
			_exit(0);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
	}
}

/* Before 5.3, once its target runs: who asks is in /proc. */
static int without_pidfd(struct sluice_request *req, void *data)
{
	struct sluice_creds creds = {.size = sizeof(creds)};

	refuse(ENOSYS, "pidfd_open");
	CHECK_EQ(sluice_tgid(req), ((struct sluice_child *)data)->pid);
	CHECK_EQ(sluice_creds(req, &creds), 0);
	CHECK_EQ(creds.euid, geteuid());
	CHECK_EQ(creds.fsgid, getegid());
	CHECK_EQ(sluice_pidfd(req), -ENOSYS);
	CHECK_EQ(sluice_get_fd(req, 0), -ENOSYS);
	return seven(req, data);
}

static void no_pidfd(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);

	CHECK_EQ(sluice_on_name(sv, MKDIR, without_pidfd, &child), 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "one", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

const struct target_main targets[] = {{"memory", target_memory}, {"one", target_one_call},
	{"no-children", target_no_children}, {NULL, NULL}};
const struct test tests[] = {
	{"memory where process_vm_readv is EPERM (Podman, CRI-O)", memory_eperm},
	{"memory where process_vm_readv is ENOSYS (gVisor)", memory_enosys},
	{"memory without process_vm_readv and without a descriptor", memory_when_full},
	{"nothing is read of a call that is gone, either", memory_of_the_dead},
	{"a target where pidfd_getfd is EPERM (Docker)", spawn_eperm},
	{"a target where pidfd_getfd is ENOSYS", spawn_enosys},
	{"a target below all that Docker refuses", under_gated},
	{"the same as an ordinary user", under_gated_as_user},
	{"another user's target without pidfd_getfd", other_user},
	{"the first process of a PID namespace without pidfd_getfd", first_in_namespace},
	{"a caller that adopts orphans without pidfd_getfd", subreaper},
	{"a spawn where write is EPERM", no_write},
	{"a spawn where its thread cannot read: an end", no_read},
	{"another user that cannot be had: an end", no_change_of_user},
	{"a listener that cannot be sent: an end", no_sending},
	{"files that may not be large: an error, no signal", small_files},
	{"no memfd_create: said so", no_memfd},
	{"no notifications: said so", no_notifications},
	{"who asks, where pidfd_open is ENOSYS (before 5.3)", no_pidfd},
	{NULL, NULL}};
