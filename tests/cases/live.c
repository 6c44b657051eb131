/* Makes a row's call with the filter really loaded, in a child.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

#define X32_BIT 0x40000000

enum stage { BEGUN, LOADED, TRAPPED, RETURNED };

struct report {
	enum stage stage;
	int load_rc;
	long ret;
	int trap_data;
};

static volatile struct report *report;

/* Calls that do nothing to us whatever their arguments are, and numbers that no kernel has. */
static bool is_harmless(uint32_t token, uint32_t nr)
{
	static const uint32_t wide[] = {39, 102, 104, 107, 108, 110, 186};
	static const uint32_t narrow[] = {20, 24, 47, 49, 50, 64, 199, 200, 201, 202, 224};
	const uint32_t *list = token == SCMP_ARCH_X86 ? narrow : wide;
	size_t n = token == SCMP_ARCH_X86 ? sizeof(narrow) / 4 : sizeof(wide) / 4;

	if (nr == UINT32_MAX)
		return true;
	if (token != SCMP_ARCH_X86)
		nr &= ~(uint32_t)X32_BIT;
	for (size_t i = 0; i < n; i++)
		if (nr == list[i])
			return true;
	return nr >= 600 && nr < X32_BIT;
}

#ifdef __x86_64__
static long call_64(uint32_t nr, const uint64_t args[6])
{
	register long r10 __asm__("r10") = (long)args[3];
	register long r8 __asm__("r8") = (long)args[4];
	register long r9 __asm__("r9") = (long)args[5];
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"((uint64_t)nr), "D"(args[0]), "S"(args[1]), "d"(args[2]),
			 "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

/* The 32-bit entry is open to 64-bit processes. Argument 5 (ebp) stays as it is: rows that
 * look at it are not run. */
static long call_32(uint32_t nr, const uint64_t args[6])
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"((uint64_t)nr), "b"(args[0]), "c"(args[1]), "d"(args[2]),
			 "S"(args[3]), "D"(args[4])
			 : "r8", "r9", "r10", "r11", "memory");
	return (int)ret;
}

#else
/* The rows to run are about x86's calls: elsewhere can_run() lets none through. */
static long call_64(uint32_t nr, const uint64_t args[6])
{
	(void)nr, (void)args;
	return -ENOSYS;
}
#define call_32 call_64
#endif

static bool fits_32(const uint64_t args[6])
{
	for (unsigned int i = 0; i < 6; i++)
		if (args[i] >> 32)
			return false;
	return args[5] == 0;
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	report->trap_data = info->si_errno;
	report->stage = TRAPPED;
	_exit(0); /* the filter may kill us for it; the report is written */
}

static void child(const struct lib *lib, const struct scenario *s, unsigned int at,
	uint32_t nr)
{
	const struct op *op = &s->ops[at];
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER};
	scmp_filter_ctx ctx[N_CONTEXTS + 1] = {NULL};

	alarm(60);
	if (s->unproved)
		unsetenv("SECCOMP_SELF_CHECK");
	/* Where CTL_NNP is 0, nobody but root may load, or who has given up privileges before. */
	if (geteuid() != 0)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	sigaction(SIGSYS, &action, NULL);
	run_until(lib, s, at, ctx);
	report->load_rc = lib->load(ctx[op->ctx]);
	if (!report->load_rc) {
		report->stage = LOADED;
		report->ret = op->token == SCMP_ARCH_X86 ? call_32(nr, op->args) :
							   call_64(nr, op->args);
		report->stage = RETURNED;
	}
	_exit(0);
}

/* What the kernel was seen to do, as the action that does it. ALLOW, LOG and a TRACE
 * without a tracer cannot be told apart where a call does not exist: @expected decides. */
static uint32_t action_seen(uint32_t expected, int status)
{
	bool passes = expected == SCMP_ACT_ALLOW || expected == SCMP_ACT_LOG;

	if (report->stage == TRAPPED)
		return SCMP_ACT_TRAP | (uint32_t)(report->trap_data & 0xffff);
	if (report->stage == LOADED && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return expected == SCMP_ACT_KILL ? expected : SCMP_ACT_KILL_PROCESS;
	if (report->stage != RETURNED)
		return ~expected;
	if ((expected & 0xffff0000) == SCMP_ACT_ERRNO(0) && report->ret <= 0)
		return SCMP_ACT_ERRNO((uint32_t)-report->ret);
	if ((expected & 0xffff0000) == SCMP_ACT_TRACE(0) && report->ret == -ENOSYS)
		return expected;
	if (passes && (report->ret >= 0 || report->ret == -ENOSYS))
		return expected;
	return report->ret < 0 ? SCMP_ACT_ERRNO((uint32_t)-report->ret) : SCMP_ACT_ALLOW;
}

/* Not every x86_64 kernel has the 32-bit entry: without it the call is a fault. */
static bool has_entry_32(void)
{
#ifdef __x86_64__
	static int known = -1;
	const uint64_t none[6] = {0};
	int status = 0;
	pid_t pid;

	if (known >= 0)
		return known;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(call_32(20 /* getpid */, none) > 0 ? 0 : 1);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	known = pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return known;
#else
	return false;
#endif
}

static bool can_run(const struct lib *lib, const struct op *op, uint32_t *nr)
{
	int number = op->name[0] ? lib->resolve_name_arch(op->token, op->name) : op->nr;
	bool x86 = op->token == SCMP_ARCH_X86;

	*nr = (uint32_t)number;
#ifndef __x86_64__
	return false;
#endif
	if (op->kind != OP_ROW || op->expect || op->expect_value == SCMP_ACT_NOTIFY)
		return false;
	if (!x86 && op->token != SCMP_ARCH_X86_64 && op->token != SCMP_ARCH_X32)
		return false;
	return is_harmless(op->token, *nr) &&
	       (!x86 || (fits_32(op->args) && has_entry_32()));
}

int run_live(const struct lib *lib, const struct scenario *s, unsigned int at,
	uint32_t *value)
{
	uint32_t nr;
	int status;
	pid_t pid;

	if (!can_run(lib, &s->ops[at], &nr))
		return -EOPNOTSUPP;
	if (!report)
		report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED)
		return -errno;
	*report = (struct report){.stage = BEGUN};
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child(lib, s, at, nr);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (report->load_rc)
		return report->load_rc;
	*value = action_seen(s->ops[at].expect_value, status);
	return report->stage == BEGUN ? -ECHILD : 0;
}
