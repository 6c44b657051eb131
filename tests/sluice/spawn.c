/* Spawning: whatever notifies, whatever the caller sets.
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static int target_work(int argc, char **argv)
{
	int pipe_fds[2], status = 0;
	char c = 0;
	pid_t pid;

	(void)argc;
	(void)argv;
	if (pipe(pipe_fds))
		return 1;
	pid = fork();
	if (pid == 0) {
		if (write(pipe_fds[1], "x", 1) != 1)
			_exit(3);
		close(pipe_fds[0]);
		_exit(0);
	}
	if (read(pipe_fds[0], &c, 1) != 1 || waitpid(pid, &status, 0) != pid)
		return 2;
	return c == 'x' && status == 0 ? 0 : 4;
}

/* Everything notifies: the call that starts the program, clone, write, close, exit. */
static void everything(void)
{
	for (int i = 0; i < 20; i++) {
		struct sluice_child child = SLUICE_CHILD_INIT;
		struct sluice_supervisor *sv = new_supervisor(NULL);
		struct sluice_statistics s = {.size = sizeof(s)};
		scmp_filter_ctx f = seccomp_init(SCMP_ACT_NOTIFY);

		CHECK(f);
		CHECK_EQ(sluice_on(sv, 0, SLUICE_ANY, continue_it, NULL), 0);
		spawn_target(sv, f, &child, "work", NULL);
		CHECK_EQ(wait_target(sv, &child), 0);
		sluice_statistics(sv, &s);
		CHECK(s.continued > 20);
		CHECK_EQ(s.continued, s.received);
		sluice_supervisor_free(sv);
	}
}

/* The first call after the load is execve, and a handler decides it. */
static int first_call(struct sluice_request *req, void *data)
{
	char path[4096];

	++*(int *)data;
	CHECK(strcmp(sluice_name(req), "execve") == 0);
	CHECK(sluice_read_string(req, sluice_arg(req, 0), path, sizeof(path)) > 0);
	CHECK(strcmp(path, self_path) == 0);
	return sluice_fail(req, EACCES);
}

static int let_exit(struct sluice_request *req, void *data)
{
	(void)data;
	CHECK(strcmp(sluice_name(req), "exit_group") == 0);
	return sluice_continue(req, SLUICE_CONTINUE_ARGS);
}

/* Its verdict on the two calls by which a child may wait depends on where they are made: at 0, which
 * nobody calls from, they are allowed. */
static void where_called(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, instruction_pointer)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	const struct sock_fprog program = {sizeof(code) / sizeof(*code), code};
	char *argv[] = {(char *)"true", NULL};
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;

	if (getenv("SLUICE_TEST_VALGRIND"))
		SKIP("valgrind makes calls of its own in the child");
	sv = new_supervisor(NULL);
	child.program = &program;
	CHECK_EQ(sluice_spawn(sv, NULL, argv, &child), 0);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

static void exec_refused(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_error error = {0};
	int calls = 0, status = 77;
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_NOTIFY);

	if (getenv("SLUICE_TEST_VALGRIND"))
		SKIP("valgrind makes calls of its own in the child");
	CHECK_EQ(sluice_on(sv, 0, SLUICE_ANY, let_exit, NULL), 0);
	CHECK_EQ(sluice_on(sv, 0, SYS_execve, first_call, &calls), 0);
	spawn_target(sv, f, &child, "work", NULL);
	child.error = &error;
	CHECK_EQ(sluice_wait(sv, &child, &status), -EACCES);
	CHECK(error.code == EACCES && strstr(error.message, "execute"));
	CHECK(calls == 1 && status == 77);
	sluice_supervisor_free(sv);
}

/* A shell, because the new user may not reach this program. */
static const char settings_script[] =
	"PATH=/usr/bin:/bin\n"
	"[ \"$(id -u):$(id -ru):$(id -g):$(id -rg):$(id -G)\" = 1234:1234:4321:4321:4321 ] || exit 1\n"
	"[ \"$(pwd)\" = /usr ] || exit 2\n"
	"[ \"$ONLY\" = this ] && [ -z \"$HOME\" ] || exit 3\n"
	"grep -q 'NoNewPrivs:.1' /proc/self/status || exit 4\n"
	"read -r line && [ \"$line\" = in ] || exit 5\n"
	"echo out && echo err >&2\n";

static void settings(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	char *env[] = {(char *)"ONLY=this", NULL}, got[8] = "";
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)settings_script, NULL};
	scmp_filter_ctx f = filter_of(false, MKDIR, NULL);
	int in[2], out[2], err[2], status;

	if (foreign_shell())
		SKIP("there is no shell of this architecture");
	if (geteuid() != 0)
		SKIP("setting uid and gid needs root");
	CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 &&
		pipe2(err, O_CLOEXEC) == 0);
	CHECK(write(in[1], "in\n", 3) == 3);
	child.stdin_fd = in[0];
	child.stdout_fd = out[1];
	child.stderr_fd = err[1];
	child.envp = env;
	child.cwd = "/usr";
	child.uid = 1234;
	child.gid = 4321;
	CHECK_EQ(sluice_spawn(sv, f, argv, &child), 0);
	seccomp_release(f);
	CHECK_EQ(sluice_wait(sv, &child, &status), 0);
	CHECK_EQ(status, 0);
	CHECK(read(out[0], got, 4) == 4 && strcmp(got, "out\n") == 0);
	CHECK(read(err[0], got, 4) == 4 && strcmp(got, "err\n") == 0);
	sluice_supervisor_free(sv);
}

/* The exit status of a shell as user 1234 that @child's other fields say more of. */
static int as_user(struct sluice_child *child, const char *script)
{
	struct sluice_supervisor *sv = new_supervisor(NULL);
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
	scmp_filter_ctx f = filter_of(false, MKDIR, NULL);
	int rc;

	child->uid = 1234;
	rc = sluice_spawn(sv, f, argv, child);
	if (!rc)
		rc = wait_target(sv, child);
	seccomp_release(f);
	sluice_supervisor_free(sv);
	return rc;
}

/* Another user with the groups of root is what nobody wants and many have written. */
static void groups(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	const gid_t list[2] = {77, 4321};
	const gid_t own[1] = {99};
	struct sluice_error error = {0};

	child.error = &error;
	CHECK_EQ(as_user(&child, "exit 0"), -EINVAL);
	CHECK(error.code == EINVAL && strstr(error.message, "keep_gid"));
	child.size = offsetof(struct sluice_child, groups); /* of an older header */
	child.keep_gid = true;
	CHECK_EQ(as_user(&child, "exit 0"), -EINVAL);
	if (foreign_shell())
		SKIP("there is no shell of this architecture");
	if (geteuid() != 0)
		SKIP("setting uid and gid needs root");
	child.gid = 4321;
	child.groups = list;
	child.n_groups = 2;
	CHECK_EQ(as_user(&child, "[ \"$(id -g):$(id -G)\" = 4321:4321 ]"), 0);
	child.size = offsetof(struct sluice_child, program); /* of one that is less old */
	CHECK_EQ(as_user(&child, "[ \"$(id -g):$(id -G)\" = '4321:4321 77' ]"), 0);
	CHECK_EQ(setgroups(1, own), 0);
	child.groups = NULL;
	CHECK_EQ(as_user(&child, "[ \"$(id -g):$(id -G)\" = 4321:4321 ]"), 0);
	child.gid = SLUICE_KEEP;
	CHECK_EQ(as_user(&child, "[ \"$(id -u):$(id -g):$(id -G)\" = '1234:0:0 99' ]"), 0);
	child.groups = list;
	CHECK_EQ(as_user(&child, "[ \"$(id -u):$(id -g):$(id -G)\" = '1234:0:0 77 4321' ]"), 0);
}

/* A service that is not root and has what it takes to change users. */
static void become_service(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	const uint32_t caps = 1u << CAP_SETUID | 1u << CAP_SETGID;
	struct __user_cap_data_struct data[2] = {{caps, caps, caps}, {0, 0, 0}};

	CHECK_EQ(prctl(PR_SET_KEEPCAPS, 1), 0);
	CHECK(setgroups(0, NULL) == 0 && setresgid(999, 999, 999) == 0 &&
		setresuid(999, 999, 999) == 0);
	CHECK_EQ(syscall(SYS_capset, &header, data), 0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETUID, 0, 0), 0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETGID, 0, 0), 0);
}

static void capabilities(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;

	if (foreign_shell())
		SKIP("the shell is a program of another architecture");
	if (geteuid() != 0)
		SKIP("setting uid and gid needs root");
	become_service();
	child.gid = 4321;
	CHECK_EQ(as_user(&child, "grep -q 'CapEff:.0*$' /proc/self/status && "
				 "grep -q 'CapAmb:.0*$' /proc/self/status"),
		0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_SETUID, 0, 0), 1); /* ours */
}

static void swapped_stdio(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)"echo one; echo two >&2", NULL};
	int out[2], keep = dup(1);
	scmp_filter_ctx f = filter_of(false, MKDIR, NULL);
	char got[16] = "";
	int status;

	if (foreign_shell())
		SKIP("there is no shell of this architecture");

	CHECK(pipe2(out, O_CLOEXEC) == 0);
	CHECK(dup2(out[1], 0) == 0); /* the caller's 0 is to be the child's 1 and 2 */
	child.stdin_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	child.stdout_fd = 0;
	child.stderr_fd = 0;
	CHECK_EQ(sluice_spawn(sv, f, argv, &child), 0);
	close(out[1]);
	close(0);
	seccomp_release(f);
	CHECK_EQ(sluice_wait(sv, &child, &status), 0);
	CHECK_EQ(status, 0);
	CHECK(read(out[0], got, 8) == 8 && strcmp(got, "one\ntwo\n") == 0);
	close(keep);
	sluice_supervisor_free(sv);
}

static void errors(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_error error = {0};
	char *nowhere[] = {(char *)"no-such-program-at-all", NULL};
	char *self[] = {self_path, NULL};
	scmp_filter_ctx f = filter_of(false, MKDIR, NULL);
	int before = count_fds();

	child.error = &error;
	CHECK_EQ(setenv("PATH", "/usr/bin:/bin", 1), 0); /* no directory that is closed to us */
	CHECK_EQ(sluice_spawn(sv, f, nowhere, &child), -ENOENT);
	CHECK(error.code == ENOENT && strstr(error.message, "PATH"));
	CHECK_EQ(sluice_spawn(sv, f, NULL, &child), -EINVAL);
	CHECK_EQ(sluice_spawn(sv, f, nowhere + 1, &child), -EINVAL); /* no name */
	child.cwd = "/no/such/dir";
	CHECK_EQ(sluice_spawn(sv, f, self, &child), -ENOENT);
	CHECK(strstr(error.message, "directory"));
	child.cwd = NULL;
	child.stdin_fd = 9999;
	CHECK_EQ(sluice_spawn(sv, f, self, &child), -EBADF);
	CHECK_EQ(child.pid, -1);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1); /* each was reaped */
	CHECK_EQ(settled_fds(before), before);
	seccomp_release(f);
	sluice_supervisor_free(sv);
}

static int target_nested(int argc, char **argv)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	scmp_filter_ctx f = filter_of(false, "rmdir", NULL);
	struct sluice_error error = {0};
	char *self[] = {self_path, NULL};

	(void)argc;
	(void)argv;
	child.error = &error;
	CHECK_EQ(sluice_spawn(sv, f, self, &child), -EBUSY);
	return strstr(error.message, "listener") ? 0 : 1;
}

static void inherited_listener(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);

	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "nested", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

static int target_signals(int argc, char **argv)
{
	struct sigaction usr1, usr2;
	sigset_t mask;

	(void)argc;
	(void)argv;
	sigaction(SIGUSR1, NULL, &usr1);
	sigaction(SIGUSR2, NULL, &usr2);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	return usr1.sa_handler == SIG_DFL && usr2.sa_handler == SIG_IGN &&
			sigismember(&mask, SIGHUP) && !sigismember(&mask, SIGTERM)
		? 0
		: 1;
}

static void on_signal(int sig)
{
	(void)sig;
}

static void signals(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	sigset_t mask, after;

	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "signals", NULL);
	sigprocmask(SIG_SETMASK, NULL, &after);
	CHECK(sigismember(&after, SIGHUP) && !sigismember(&after, SIGUSR1));
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

static int target_fds(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return count_fds() - 3;
}

static void nothing_leaks_in(void)
{
	struct sluice_options o = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int mine = 0;

	for (int fd = 3; fd < 256; fd++) /* what the test runner left open is not ours */
		mine += fcntl(fd, F_GETFD) == 0;
	o.keeper = true;
	sv = new_supervisor(&o);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "fds", NULL);
	CHECK_EQ(wait_target(sv, &child), mine);
	sluice_supervisor_free(sv);
}

static void many(void)
{
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct sluice_child child[64];
	int before;

	before = count_fds();
	CHECK_EQ(sluice_on(sv, 0, SLUICE_ANY, continue_it, NULL), 0);
	for (int i = 0; i < 64; i++) {
		child[i] = (struct sluice_child)SLUICE_CHILD_INIT;
		spawn_target(sv, filter_of(false, "write", "close", "execve", "clone", NULL),
			&child[i], "work", NULL);
	}
	CHECK_EQ(sluice_active(sv), 64);
	for (int i = 0; i < 64; i++)
		CHECK_EQ(wait_target(sv, &child[i]), 0);
	CHECK_EQ(sluice_run(sv), 0);
	CHECK_EQ(sluice_active(sv), 0);
	CHECK_EQ(settled_fds(before), before);
	sluice_supervisor_free(sv);
}

static void first_in_namespace(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWPID))
			_exit(errno == EPERM ? 77 : 1);
		sv = new_supervisor(NULL);
		CHECK_EQ(sluice_on(sv, 0, SLUICE_ANY, continue_it, NULL), 0);
		spawn_target(sv, filter_of(false, "execve", NULL), &child, "work", NULL);
		CHECK_EQ(wait_target(sv, &child), 0);
		sluice_supervisor_free(sv);
		_exit(0); /* a sanitizer's last look needs a namespace that lives */
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		SKIP("may not make pid namespaces");
	CHECK_EQ(status, 0);
}

/* The library's own descriptors must not be where the child's stdio goes. */
static void closed_stdio(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int null = fcntl(open("/dev/null", O_RDWR), F_DUPFD_CLOEXEC, 10);
	int out = fcntl(1, F_DUPFD_CLOEXEC, 10);

	fflush(stdout);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	child.stdin_fd = child.stdout_fd = child.stderr_fd = null;
	CHECK_EQ(sluice_on(sv, 0, SLUICE_ANY, continue_it, NULL), 0);
	spawn_target(sv, filter_of(false, "execve", NULL), &child, "work", NULL);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
	CHECK_EQ(dup2(out, 1), 1);
}

/* In any order, and where they are already. */
static void same_stdio(void)
{
	static const int orders[][3] = {{0, 1, 2}, {1, 0, 2}, {2, 2, 0}};

	for (int i = 0; i < 3; i++) {
		struct sluice_child child = SLUICE_CHILD_INIT;
		struct sluice_supervisor *sv = new_supervisor(NULL);

		child.stdin_fd = orders[i][0];
		child.stdout_fd = orders[i][1];
		child.stderr_fd = orders[i][2];
		CHECK_EQ(sluice_on(sv, 0, SLUICE_ANY, continue_it, NULL), 0);
		spawn_target(sv, filter_of(false, "execve", NULL), &child, "work", NULL);
		CHECK_EQ(wait_target(sv, &child), 0);
		sluice_supervisor_free(sv);
	}
}

static int kill_supervisor(struct sluice_request *req, void *data)
{
	(void)req;
	(void)data;
	kill(getpid(), SIGKILL);
	return 0;
}

/* TSan's thread in a target lives on when the leader ends without exit_group. */
#ifdef __SANITIZE_THREAD__
#define THREAD_OF_ITS_OWN true
#else
#define THREAD_OF_ITS_OWN false
#endif

/* A supervisor without a keeper that starts targets and is killed: by its handler of execve,
 * or @us microseconds after it began. */
static void spawn_and_die(int us, bool notify_exit)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	pid_t pid = fork();

	if (pid == 0) {
		sv = new_supervisor(NULL);
		CHECK_EQ(sluice_on_name(sv, "execve", us ? continue_it : kill_supervisor, NULL), 0);
		CHECK_EQ(sluice_on_name(sv, "exit_group", continue_it, NULL), 0);
		for (;;) {
			spawn_target(sv,
				filter_of(false, "execve", notify_exit ? "exit_group" : NULL, NULL),
				&child, "work", NULL);
			sluice_wait(sv, &child, NULL);
		}
	}
	if (us) {
		usleep((useconds_t)us);
		CHECK_EQ(kill(pid, SIGKILL), 0);
	}
	/* Whoever lost its parent is ours to wait for: a child that hangs shows here. */
	while (waitpid(-1, NULL, 0) >= 0 || errno == EINTR)
		;
	CHECK_EQ(errno, ECHILD);
}

static void killed_in_exec(void)
{
	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	if (getenv("SLUICE_TEST_VALGRIND"))
		SKIP("valgrind cannot go on after an execve that fails");
	spawn_and_die(0, false);
	spawn_and_die(0, true); /* nobody answers exit_group either */
}

/* A caller that adopts orphans has none to reap but what it started. */
static void subreaper(void)
{
	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	for (int i = 0; i < 20; i++) {
		struct sluice_child child = SLUICE_CHILD_INIT;
		struct sluice_supervisor *sv = new_supervisor(NULL);
		char *missing[] = {(char *)"/nonexistent", NULL};
		scmp_filter_ctx f = filter_of(false, "execve", NULL);

		CHECK_EQ(sluice_on_name(sv, "execve", continue_it, NULL), 0);
		CHECK_EQ(sluice_spawn(sv, f, missing, &child), -ENOENT);
		spawn_target(sv, f, &child, "work", NULL);
		CHECK_EQ(sluice_wait(sv, &child, NULL), 0);
		sluice_supervisor_free(sv);
		CHECK(waitpid(-1, NULL, __WALL) == -1 && errno == ECHILD);
	}
}

/* The target's user may have no second process. */
static void one_process(void)
{
	char *argv[] = {(char *)"true", NULL}; /* the tests' directory may be closed to that user */
	scmp_filter_ctx f = filter_of(false, "execve", NULL);
	struct rlimit one = {1, 1};
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);

	if (geteuid() != 0)
		SKIP("needs root, for another user");
	child.uid = child.gid = 60000 + (unsigned)getpid() % 4096; /* nobody else's */
	CHECK_EQ(setrlimit(RLIMIT_NPROC, &one), 0);
	CHECK_EQ(sluice_on_name(sv, "execve", continue_it, NULL), 0);
	CHECK_EQ(sluice_spawn(sv, f, argv, &child), 0);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
	seccomp_release(f);
}

static void killed_while_spawning(void)
{
	long rounds = scaled("SLUICE_KILLS", 20) * 5;

	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	srandom(9);
	if (getenv("SLUICE_TEST_VALGRIND"))
		SKIP("valgrind cannot go on after an execve that fails");
	for (long i = 0; i < rounds; i++) {
		still_going();
		spawn_and_die(1 + (int)(random() % 8000), i % 2 && !THREAD_OF_ITS_OWN);
	}
}

const struct target_main targets[] = {{"work", target_work}, {"nested", target_nested},
	{"signals", target_signals}, {"fds", target_fds}, {NULL, NULL}};
const struct test tests[] = {
	{"every call notifies, execve and exit included", everything},
	{"a filter that knows from where it is called", where_called},
	{"execve refused: the first call, with its errno", exec_refused},
	{"uid, gid, groups, directory, environment, stdio, no_new_privs", settings},
	{"another user's groups: said or refused", groups},
	{"another user has none of the caller's capabilities", capabilities},
	{"the caller's stdin as the child's stdout and stderr", swapped_stdio},
	{"errors before the program runs, each explained", errors},
	{"EBUSY from an inherited listener is explained", inherited_listener},
	{"signal handlers and mask", signals}, {"64 listeners at once", many},
	{"no descriptor of the library reaches the program", nothing_leaks_in},
	{"a caller without stdin, stdout and stderr", closed_stdio},
	{"the stdio of the supervisor in any order", same_stdio},
	{"the first process of a PID namespace", first_in_namespace},
	{"a caller that adopts orphans", subreaper}, {"a user who may have one process", one_process},
	{"killed while the child's execve waits: it ends", killed_in_exec},
	{"killed at any moment of a spawn: no child hangs", killed_while_spawning}, {NULL, NULL}};
