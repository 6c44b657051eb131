/* The filters of running processes.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sluice-program.h>

#include "../skipping.h"

/* Each filter answers one number of its own, and all of them number 9999. */
static struct sock_filter filters[3][6] = {
	{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 9999, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 9001, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 11),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)},
	{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 9999, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 2),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 9002, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 12),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)},
	{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 9999, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 3),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 9003, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 13),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)},
};

/* A child with @n of them that has told us what the kernel says to the four numbers, and
 * waits. */
static pid_t target(int n, int errors[4])
{
	static const long numbers[4] = {9999, 9001, 9002, 9003};
	int pipes[2], found[4];
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		for (int i = 0; i < n; i++) {
			struct sock_fprog prog = {6, filters[i]};

			if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
				_exit(1);
		}
		for (int i = 0; i < 4; i++)
			found[i] = syscall(numbers[i]) < 0 ? errno : 0;
		if (write(pipes[1], found, sizeof(found)) != sizeof(found))
			_exit(1);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	assert_int_equal(read(pipes[0], found, sizeof(found)), sizeof(found));
	close(pipes[0]);
	close(pipes[1]);
	memcpy(errors, found, sizeof(found));
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* NULL: the kernel does not tell. */
static struct sluice_program *filters_of(pid_t pid)
{
	struct sluice_program *p = NULL;
	struct sluice_error error = {0};
	int rc = sluice_program_of(pid, 20000, &p, &error);

	if (rc == -EACCES || rc == -EOPNOTSUPP || rc == -EPERM) {
		end(pid);
		print_message("# %s\n", error.message);
		return NULL;
	}
	if (rc)
		fail_msg("%s", error.message);
	return p;
}

/* The order is the kernel's, and so is what they say together. */
static void test_order(void **state)
{
	static const int numbers[4] = {9999, 9001, 9002, 9003};
	int errors[4];
	pid_t pid = target(3, errors);
	struct sluice_program *p = filters_of(pid);
	size_t n;

	(void)state;
	if (!p)
		SKIP_TEST("the kernel tells filters to CAP_SYS_ADMIN alone");
	assert_int_equal(sluice_program_filters(p), 3);
	for (unsigned int i = 0; i < 3; i++) {
		const struct sock_filter *f = sluice_program_instructions(p, i, &n);

		assert_int_equal(n, 6);
		assert_memory_equal(f, filters[2 - i], sizeof(filters[0]));
	}
	for (int i = 0; i < 4; i++) {
		struct seccomp_data d = {.nr = numbers[i]};
		uint32_t verdict = sluice_program_run(p, &d);

		assert_int_equal(verdict & SECCOMP_RET_ACTION_FULL, SECCOMP_RET_ERRNO);
		assert_int_equal(verdict & SECCOMP_RET_DATA, errors[i]);
	}
	sluice_program_free(p);
	end(pid);
}

/* One program that says what three say is proved equal to them. */
static void test_proved(void **state)
{
	static const char text[] = "ld nr\njeq #9999, a, b\na: ret ERRNO(3)\n"
				   "b: jeq #9001, c, d\nc: ret ERRNO(11)\n"
				   "d: jeq #9002, e, f\ne: ret ERRNO(12)\n"
				   "f: jeq #9003, g, h\ng: ret ERRNO(13)\nh: ret ALLOW\n";
	struct sluice_program *one, *other;
	struct sluice_witness w;
	int errors[4];
	pid_t pid = target(3, errors), two = target(2, errors);
	struct sluice_program *p = filters_of(pid), *q = filters_of(two);

	(void)state;
	if (!p || !q)
		SKIP_TEST("the kernel tells filters to CAP_SYS_ADMIN alone");
	assert_int_equal(sluice_program_assemble(text, strlen(text), &one, NULL), 0);
	assert_int_equal(sluice_program_equal(p, one, &w), 0);
	assert_int_equal(sluice_program_equal(one, p, &w), 0);
	assert_int_equal(sluice_program_equal(p, q, &w), 1);
	assert_int_equal(sluice_program_run(p, &w.data), w.a);
	assert_int_equal(sluice_program_run(q, &w.data), w.b);
	assert_int_equal(
		sluice_program_assemble("ret KILL_PROCESS", 16, &other, NULL), 0);
	assert_int_equal(sluice_program_equal(p, other, NULL), 1);
	sluice_program_free(one);
	sluice_program_free(other);
	sluice_program_free(p);
	sluice_program_free(q);
	end(pid);
	end(two);
}

static void test_none(void **state)
{
	struct seccomp_data d = {.nr = 1};
	struct sluice_program *p, *allow;
	int errors[4];
	pid_t pid = target(0, errors);
	int rc = sluice_program_of(pid, 0, &p, NULL);

	(void)state;
	assert_int_equal(rc, 0);
	assert_int_equal(sluice_program_filters(p), 0);
	assert_int_equal(sluice_program_run(p, &d), SECCOMP_RET_ALLOW);
	assert_int_equal(sluice_program_assemble("ret ALLOW", 9, &allow, NULL), 0);
	assert_int_equal(sluice_program_equal(p, allow, NULL), 0);
	sluice_program_free(p);
	sluice_program_free(allow);
	end(pid);
	assert_int_equal(sluice_program_of(pid, 0, &p, NULL), -ESRCH);
	assert_int_equal(sluice_program_of(0, 0, &p, NULL), -ESRCH);
	assert_int_equal(sluice_program_of(-1, 0, &p, NULL), -ESRCH);
}

static char state_of(pid_t pid)
{
	char path[64], line[256], *paren;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f) || !(paren = strrchr(line, ')'))) {
		if (f)
			fclose(f);
		return '?';
	}
	fclose(f);
	return paren[2];
}

static bool becomes(pid_t pid, char want)
{
	for (int i = 0; i < 2000; i++) {
		if (state_of(pid) == want)
			return true;
		usleep(5000);
	}
	return false;
}

/* Asking changes nothing: who slept sleeps on, who was stopped stays so, no child is left
 * and no SIGCHLD comes. */
static void test_undisturbed(void **state)
{
	int errors[4];
	pid_t pid = target(1, errors);
	struct sluice_program *p = filters_of(pid);
	sigset_t chld, pending;

	(void)state;
	if (!p)
		SKIP_TEST("the kernel tells filters to CAP_SYS_ADMIN alone");
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sluice_program_free(p);
	assert_true(becomes(pid, 'S'));
	kill(pid, SIGSTOP);
	assert_true(becomes(pid, 'T'));
	sigprocmask(SIG_BLOCK, &chld, NULL);
	while (sigtimedwait(&chld, NULL, &(struct timespec){0, 100000000}) > 0)
		;
	p = filters_of(pid);
	sluice_program_free(p);
	sigpending(&pending);
	assert_false(sigismember(&pending, SIGCHLD));
	sigprocmask(SIG_UNBLOCK, &chld, NULL);
	assert_true(becomes(pid, 'T'));
	kill(pid, SIGCONT);
	assert_true(becomes(pid, 'S'));
	end(pid);
	assert_int_equal(waitpid(-1, NULL, __WALL), -1);
}

/* A parent in vfork(2) does not stop for a tracer before its child is gone. */
__attribute__((noreturn)) static int wait_long(void *unused)
{
	(void)unused;
	for (;;)
		pause();
}

static void ring(int number)
{
	(void)number;
}

/* Signals of the caller neither end the wait nor make it longer. */
static void test_late(void **state)
{
	const struct itimerval often = {{0, 20000}, {0, 20000}}, never = {{0, 0}, {0, 0}};
	static char stack[65536];
	struct sock_fprog prog = {6, filters[0]};
	struct sluice_program *p = NULL;
	struct sluice_error error = {0};
	pid_t pid = fork();
	int rc;

	(void)state;
	if (pid == 0) {
		setpgid(0, 0);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
			_exit(1);
		clone(wait_long, stack + sizeof(stack) - 64, CLONE_VFORK | SIGCHLD, NULL);
		_exit(0);
	}
	assert_true(becomes(pid, 'D'));
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = ring}, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	rc = sluice_program_of(pid, 300, &p, &error);
	setitimer(ITIMER_REAL, &never, NULL);
	signal(SIGALRM, SIG_DFL);
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (rc == -EACCES || rc == -EPERM)
		SKIP_TEST(error.message);
	assert_int_equal(rc, -ETIMEDOUT);
	assert_int_equal(error.code, ETIMEDOUT);
}

/* Who has a filter is given none. */
static void test_filtered_caller(void **state)
{
	struct sock_fprog prog = {6, filters[0]};
	struct sluice_program *p;
	int errors[4], status;
	pid_t pid = target(1, errors), caller = fork();

	(void)state;
	if (caller == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
			_exit(100);
		_exit(-sluice_program_of(pid, 20000, &p, NULL));
	}
	assert_int_equal(waitpid(caller, &status, 0), caller);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == EACCES || WEXITSTATUS(status) == EPERM);
	end(pid);
}

/* A filter of so many instructions is read whole. */
static void test_length(size_t length)
{
	static struct sock_filter insns[SLUICE_PROGRAM_MAX];
	struct sock_fprog prog = {(unsigned short)length, insns};
	const struct sock_filter *f;
	struct sluice_program *p;
	size_t n;
	int pipes[2];
	char byte;
	pid_t pid;

	for (size_t i = 0; i < length; i++)
		insns[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, (uint32_t)i);
	insns[length - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) || write(pipes[1], "f", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	close(pipes[0]);
	p = filters_of(pid);
	if (!p)
		SKIP_TEST("the kernel tells filters to CAP_SYS_ADMIN alone");
	assert_int_equal(sluice_program_filters(p), 1);
	f = sluice_program_instructions(p, 0, &n);
	assert_int_equal(n, length);
	assert_memory_equal(f, insns, length * sizeof(*insns));
	sluice_program_free(p);
	end(pid);
}

static void test_shortest(void **state)
{
	(void)state;
	test_length(1);
}

static void test_longest(void **state)
{
	(void)state;
	test_length(SLUICE_PROGRAM_MAX);
}

/* A helper that ends without a word: ptrace(2) is its end. Nobody waits for the time to be over. */
static void test_helper_killed(void **state)
{
	static struct sock_filter kills[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog prog = {4, kills};
	struct sluice_program *p;
	int errors[4], status;
	pid_t pid = target(1, errors), caller = fork();

	(void)state;
	if (caller == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
			_exit(100);
		_exit(-sluice_program_of(pid, 20000, &p, NULL));
	}
	assert_int_equal(waitpid(caller, &status, 0), caller);
	end(pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ESRCH);
}

static void refuse(pid_t pid, int rc, const char *why)
{
	struct sluice_program *p = (void *)filters;
	struct sluice_error error = {0};
	char message[200];

	snprintf(message, sizeof(message), "process %d: %s", (int)pid, why);
	assert_int_equal(sluice_program_of(pid, 20000, &p, &error), rc);
	assert_int_equal(error.code, -rc);
	assert_string_equal(error.message, message);
	assert_ptr_equal(p, filters);
	assert_int_equal(sluice_program_of(pid, 20000, &p, NULL), rc);
}

/* Strict mode has no filter, and allows four calls. */
static void test_strict(void **state)
{
	int pipes[2], never[2];
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(pipe(never), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0 && write(pipes[1], "s", 1) == 1)
			(void)!read(never[0], &byte, 1); /* till it is killed */
		syscall(SYS_exit, 1);
	}
	close(pipes[1]);
	close(never[0]);
	if (read(pipes[0], &byte, 1) != 1) {
		end(pid);
		close(never[1]);
		close(pipes[0]);
		SKIP_TEST("a filter already there forbids strict mode");
	}
	refuse(pid, -EOPNOTSUPP, "it is in strict mode, which has no filter");
	end(pid);
	close(never[1]);
	close(pipes[0]);
}

/* A thread has one tracer. */
static void test_traced(void **state)
{
	int errors[4];
	pid_t pid = target(1, errors);

	(void)state;
	assert_int_equal(ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0);
	refuse(pid, -EPERM, "it may not be traced, or somebody traces it already");
	end(pid);
}

/* Where no descriptors are left: for /proc, and for both ends of the pipe. */
static void test_no_descriptors(void **state)
{
	int errors[4], status, left;
	pid_t pid = target(1, errors), caller = fork();
	struct sluice_program *p;

	(void)state;
	if (caller == 0) {
		left = dup(0);
		close(left);
		for (int n = 0; n < 2; n++) {
			setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)(left + n), (rlim_t)(left + 1)});
			if (sluice_program_of(pid, 20000, &p, NULL) != -EMFILE)
				_exit(1 + n);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(caller, &status, 0), caller);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	end(pid);
}

/* In a mount namespace of our own /proc has a file alone: what it says of @pid. -1: no such namespace here. */
static int with_status(pid_t pid, const char *line, struct sluice_error *error)
{
	struct sluice_program *p;
	char path[64];
	int fd;

	if (unshare(CLONE_NEWNS)) {
		snprintf(path, sizeof(path), "0 %u 1", (unsigned int)geteuid());
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
			return -1;
		fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, path, strlen(path)) < 0 || close(fd))
			return -1;
	}
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		mount("none", "/proc", "tmpfs", 0, NULL) || mkdir(path, 0700))
		return -1;
	strcat(path, "/status");
	if (!line)
		return symlink("status", path) ? -1 : -sluice_program_of(pid, 20000, &p, error);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, strlen(line)) < 0 || close(fd))
		return -1;
	return -sluice_program_of(pid, 20000, &p, error);
}

/* A kernel that says nothing of filters, one that does not give them, and a file that cannot be read. */
static void test_kernels(void **state)
{
	static const struct {
		const char *line;
		int error;
	} kernels[] = {{"Name:\tx\nThreads:\t1\n", EOPNOTSUPP}, {"Seccomp:\t2\n", EOPNOTSUPP},
		{"Seccomp:\t1\n", EOPNOTSUPP}, {"Seccomp:\t0\n", 0}, {NULL, ELOOP}};
	int errors[4], status;

	(void)state;
	for (size_t i = 0; i < sizeof(kernels) / sizeof(*kernels); i++) {
		/* It has no filter, so the kernel answers EINVAL to who asks for one. */
		pid_t pid = target(0, errors), caller = fork();

		if (caller == 0) {
			struct sluice_error error = {0};
			int rc = with_status(pid, kernels[i].line, &error);

			_exit(rc == -1 ? 100 : rc == EPERM || rc == EACCES ? 101 : rc != kernels[i].error || error.code != rc);
		}
		assert_int_equal(waitpid(caller, &status, 0), caller);
		end(pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 100)
			SKIP_TEST("no user and mount namespaces here");
		if (WEXITSTATUS(status) == 101 && i == 1)
			continue; /* a caller without CAP_SYS_ADMIN learns nothing */
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_proved),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_undisturbed),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_filtered_caller),
		cmocka_unit_test(test_shortest),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_helper_killed),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_traced),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_kernels),
	};

	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
