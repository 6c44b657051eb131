/* Live: what the kernel reads of a register is what the prototype says. Each call is made
 * with a value, with another that has another result (so the kernel does read it), and
 * with the first below a high word of garbage, which has to change nothing. Then a filter
 * that compares as wide as the prototype says denies it with garbage and without; one
 * that compares the whole register is walked around, which is why the width matters.
 * widths [PROGRAM]: for x86, that is compat_target.c.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice-calls.h"
#include "widths.h"

static char buffer[4096] __attribute__((aligned(4096)));

static const struct trial trials[] = {
	{"socket", "family", AF_UNIX, 9999, {AF_UNIX, SOCK_STREAM, 0}},
	{"socket", "type", SOCK_STREAM, 77, {AF_UNIX, SOCK_STREAM, 0}},
	{"socket", "protocol", 0, 99, {AF_UNIX, SOCK_STREAM, 0}},
	{"socketpair", "family", AF_UNIX, 9999, {AF_UNIX, SOCK_STREAM, 0, MEMORY}},
	{"openat", "dfd", (uint32_t)AT_FDCWD, 9999, {0, PATH, 0}},
	{"openat", "flags", O_DIRECTORY, O_WRONLY, {(uint32_t)AT_FDCWD, PATH, 0}},
	{"faccessat", "mode", 0, 99, {(uint32_t)AT_FDCWD, PATH, 0}},
	{"unlinkat", "flag", 0, 1, {(uint32_t)AT_FDCWD, MEMORY, 0}},
	{"clone", "clone_flags", 0x10000, SIGCHLD, {0}},
	{"prctl", "option", 3, 9999, {0}},
	{"fcntl", "fd", FD, 9999, {FD, F_GETFD}},
	{"fcntl", "cmd", F_GETFD, 9999, {FD, F_GETFD}},
	{"ioctl", "fd", FD, 9999, {FD, 0x5451}},
	{"ioctl", "cmd", 0x5451, 0x9999, {FD, 0x5451, MEMORY}},
	{"kill", "pid", PID, 0x7ffffff0, {PID, 0}},
	{"kill", "sig", 0, 99, {PID, 0}},
	{"tgkill", "tgid", PID, 0x7ffffff0, {PID, PID, 0}},
	{"lseek", "fd", FD, 9999, {FD, 0, 0}},
	{"lseek", "whence", SEEK_SET, 99, {FD, 0, 0}},
	{"dup3", "flags", O_CLOEXEC, 1, {FD, 100, O_CLOEXEC}},
	{"pipe2", "flags", O_CLOEXEC, 1, {MEMORY, O_CLOEXEC}},
	{"eventfd2", "flags", O_CLOEXEC, 2, {0, O_CLOEXEC}},
	{"epoll_create1", "flags", O_CLOEXEC, 1, {O_CLOEXEC}},
	{"inotify_init1", "flags", O_CLOEXEC, 1, {O_CLOEXEC}},
	{"memfd_create", "flags", 1, 0x8000, {PATH, 1}},
	{"timerfd_create", "clockid", 1, 99, {1, 0}},
	{"timerfd_create", "flags", 0, 1, {1, 0}},
	{"getrandom", "flags", 1, 99, {MEMORY, 8, 1}},
	{"getpriority", "which", 0, 99, {0, 0}},
	{"getrusage", "who", 0, 99, {0, MEMORY}},
	{"clock_gettime", "which_clock", 0, 99, {0, MEMORY}},
	{"accept4", "flags", 0, 1, {FD, 0, 0, 0}},
	{"madvise", "behavior", 0, 99, {MEMORY, 4096, 0}},
	{"msync", "flags", 1, 0x99, {MEMORY, 4096, 1}},
	{"mmap", "fd", FD, 9999, {0, 4096, 1, 2, FD, 0}},
	{"flock", "cmd", 8, 0x40, {FD, 8}},
	{"membarrier", "cmd", 0, 9999, {0, 0, 0}},
	{"waitid", "which", 0, 99, {0, 0, 0, 5, 0}},
	{"waitid", "options", 5, 0x999, {0, 0, 0, 5, 0}},
	{"sched_getscheduler", "pid", 0, 0x7ffffff0, {0}},
	{"umount2", "flags", 0, 0x999, {MEMORY, 0}},
};
#define N_TRIALS (sizeof(trials) / sizeof(trials[0]))

static uint64_t meant(uint64_t value, int fd)
{
	return compat_meant(value, buffer, getpid(), fd);
}

/* The errno of the call with argument @index as @value; 0: it was carried out. */
static int make(int nr, const struct trial *t, unsigned index, uint64_t value, int fd)
{
	uint64_t a[6];
	long result;

	for (unsigned i = 0; i < 6; i++)
		a[i] = meant(t->args[i], fd);
	a[index] = value;
	errno = 0;
	result = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (result == 0 && nr == SYS_clone)
		_exit(0);
	return result == -1 ? errno : 0;
}

/* 0, or a sentence in @why. */
static int judge(const struct trial *t, const struct sluice_call_info *call,
	unsigned index, char *why, size_t size)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), plain, other, garbage;
	uint64_t value = meant(t->value, fd);
	uint64_t mask = (UINT64_C(1) << call->args[index].bits) - 1;
	scmp_filter_ctx ctx;

	plain = make(call->nr, t, index, value, fd);
	other = make(call->nr, t, index, t->other, fd);
	garbage = make(call->nr, t, index, value | GARBAGE, fd);
	if (plain == other)
		return snprintf(why, size, "two values have one result: %d", plain);
	if (plain != garbage)
		return snprintf(
			why, size, "the high word is read: %d, not %d", garbage, plain);
	/* By the width, and by the whole register, which has another errno. */
	ctx = seccomp_init(SCMP_ACT_ALLOW);
	if (!ctx ||
		seccomp_rule_add(ctx, SCMP_ACT_ERRNO(DENIED), call->nr, 1,
			SCMP_CMP64(index, SCMP_CMP_MASKED_EQ, mask, value & mask)) ||
		seccomp_load(ctx))
		return snprintf(why, size, "the filter is not loaded");
	if (make(call->nr, t, index, value, fd) != DENIED)
		return snprintf(why, size, "the rule does not deny");
	if (make(call->nr, t, index, value | GARBAGE, fd) != DENIED)
		return snprintf(why, size, "garbage walks around the rule");
	if (make(call->nr, t, index, t->other, fd) == DENIED)
		return snprintf(why, size, "another value is denied, too");
	seccomp_release(ctx);
	return 0;
}

/* In a child: filters are for ever. */
static bool try_one(const struct trial *t, char *why, size_t size)
{
	struct sluice_call_info call = {.size = sizeof(call)};
	int index, pipefd[2], status;
	ssize_t n;
	pid_t pid;

	if (sluice_call_info(0, t->call, &call) ||
		(index = sluice_arg_index(&call, t->argument, 0)) < 0 ||
		call.args[index].bits >= 64) {
		snprintf(why, size, "the tables say nothing of it, or 64 bits");
		return false;
	}
	if (pipe(pipefd) || (pid = fork()) < 0)
		return false;
	if (pid == 0) {
		memset(why, 0, size);
		judge(t, &call, (unsigned)index, why, size);
		_exit(write(pipefd[1], why, size) == (ssize_t)size ? 0 : 1);
	}
	close(pipefd[1]);
	n = read(pipefd[0], why, size);
	close(pipefd[0]);
	waitpid(pid, &status, 0);
	if (n != (ssize_t)size || status != 0) {
		snprintf(why, size, "the child ended by %#x", (unsigned)status);
		return false;
	}
	return why[0] == 0;
}

int main(int argc, char **argv)
{
	bool good = true;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%zu\n", N_TRIALS + compat_tests(N_TRIALS));
	for (size_t i = 0; i < N_TRIALS; i++) {
		const struct trial *t = &trials[i];
		char why[200] = "";
		bool ok;

		if (sluice_call_nr(0, t->call, &(int){0}) == -ENOENT) {
			printf("ok %zu - %s, %s # SKIP %s: not a call of this machine\n",
				i + 1, t->call, t->argument, t->call);
			continue;
		}
		ok = try_one(t, why, sizeof(why));
		printf("%sok %zu - %s, %s\n", ok ? "" : "not ", i + 1, t->call,
			t->argument);
		if (!ok)
			printf("# %s\n", why);
		good = good && ok;
	}
	good &= compat_run(argc > 1 ? argv[1] : NULL, trials, N_TRIALS, N_TRIALS + 1);
	return !good;
}
