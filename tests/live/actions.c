/* Every action does what it says.
 * SPDX-License-Identifier: MIT */
#include "live.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* siginfo's si_code, asm-generic/siginfo.h */
#endif

static void errno_denied(void)
{
	const int errors[] = {0, 1, EACCES, 42, ENOSYS, 4094};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

		/* One argument value each: the filters pile up in this process. */
		CHECK_EQ(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(errors[i]),
				 SCMP_SYS(getpgid), 1, SCMP_A0(SCMP_CMP_EQ, i + 1)),
			0);
		CHECK_EQ(seccomp_load(ctx), 0);
		seccomp_release(ctx);
		CHECK_ERR(
			syscall(SYS_getpgid, (long)i + 1), errors[i] ? -1 : 0, errors[i]);
	}
	CHECK_EQ(syscall(SYS_getpgid, 0L), getpgrp());
}

static void arguments_checked(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	CHECK_EQ(
		seccomp_rule_add(ctx, SCMP_ACT_ERRNO(40), SCMP_SYS(getpriority), 2,
			SCMP_A0(SCMP_CMP_GT, 6), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf0, 0x20)),
		0);
	CHECK_EQ(seccomp_load(ctx), 0);
	seccomp_release(ctx);
	CHECK_ERR(syscall(SYS_getpriority, 7L, 0x2fL), -1, 40);
	CHECK_ERR(syscall(SYS_getpriority, 8L, 0x125L), -1, 40);
	CHECK_ERR(syscall(SYS_getpriority, 7L, 0x30L), -1, EINVAL);
	CHECK_ERR(syscall(SYS_getpriority, 6L, 0x2fL), -1, EINVAL);
}

/* What carries the call is one call, whatever stands where the kernel does not look. */
static void multiplexed(void)
{
#if defined(SYS_ipc) && defined(SYS_socketcall)
	const long shmget = 23, socket = 1; /* linux/ipc.h, linux/net.h */

	live_loaded(SCMP_SYS(shmget), SCMP_ACT_ERRNO(45));
	CHECK_ERR(syscall(SYS_ipc, shmget, 0L, 4096L, 0600L, 0L, 0L), -1, 45);
	CHECK_ERR(syscall(SYS_ipc, shmget | 1 << 16, 0L, 4096L, 0600L, 0L, 0L), -1, 45);
	CHECK_ERR(syscall(SYS_ipc, shmget | 0x7fff0000, 0L, 4096L, 0600L, 0L, 0L), -1, 45);
	live_loaded(SCMP_SYS(socket), SCMP_ACT_ERRNO(46));
	CHECK_ERR(syscall(SYS_socketcall, socket, NULL), -1, 46);
#if __SIZEOF_LONG__ == 8
	CHECK_ERR(syscall(SYS_socketcall, 1L << 32 | socket, NULL), -1, 46);
	CHECK_ERR(syscall(SYS_ipc, 1L << 32 | shmget, 0L, 4096L, 0600L, 0L, 0L), -1, 45);
#endif
#else
	SKIP("no call carries others on this ABI");
#endif
}

static void default_denies(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EXDEV));

	CHECK_EQ(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(exit_group), 0), 0);
	CHECK_EQ(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(getsid), 0), 0);
	CHECK_EQ(seccomp_load(ctx), 0);
	CHECK_ERR(syscall(SYS_getpgid, 0L), -1, EXDEV);
	CHECK_ERR(syscall(SYS_close, 0L), -1, EXDEV);
	CHECK(syscall(SYS_getsid, 0L) >= 0);
	/* A sanitizer's own exit handlers would meet the filter too. */
	syscall(SYS_exit_group, 0L);
}

static void strictest_wins(void)
{
	live_loaded(SCMP_SYS(getpgid), SCMP_ACT_ERRNO(11));
	live_loaded(SCMP_SYS(getpgid), SCMP_ACT_LOG);
	live_loaded(SCMP_SYS(getsid), SCMP_ACT_LOG);
	live_loaded(SCMP_SYS(getsid), SCMP_ACT_ERRNO(12));
	CHECK_ERR(syscall(SYS_getpgid, 0L), -1, 11);
	CHECK_ERR(syscall(SYS_getsid, 0L), -1, 12);
}

static void log_allows(void)
{
	if (seccomp_api_get() < 3)
		SKIP("the kernel has no LOG action (API level below 3)");
	live_loaded(SCMP_SYS(getpgid), SCMP_ACT_LOG);
	CHECK_EQ(syscall(SYS_getpgid, 0L), getpgrp());
}

static void *call_getpgid(void *returned)
{
	syscall(SYS_getpgid, 0L);
	*(volatile int *)returned = 1;
	return NULL;
}

static void die_in_thread(void *data)
{
	uint32_t action = *(uint32_t *)data;
	int returned = 0;
	pthread_t thread;

	live_loaded(SCMP_SYS(getpgid), action);
	CHECK_EQ(pthread_create(&thread, NULL, call_getpgid, &returned), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(returned, 0);
	_exit(33);
}

static void kill_process(void)
{
	uint32_t action = SCMP_ACT_KILL_PROCESS;

	if (seccomp_api_get() < 3)
		SKIP("the kernel has no KILL_PROCESS action (API level below 3)");
	CHECK_EQ(live_wait(live_fork(-1, die_in_thread, &action)), -SIGSYS);
}

/* Threads that vanish confuse a runtime that keeps books on them, and one that has a
 * thread of its own leaves no process with one. */
static void need_plain_threads(void)
{
#ifdef __SANITIZE_THREAD__
	SKIP("ThreadSanitizer keeps threads of its own");
#endif
}

static void kill_thread(void)
{
	uint32_t action = SCMP_ACT_KILL_THREAD;

	need_plain_threads();
	/* The thread is gone without a trace, its process goes on. */
	CHECK_EQ(live_wait(live_fork(-1, die_in_thread, &action)), 33);
}

static void die_alone(void *data)
{
	live_loaded(SCMP_SYS(getpgid), *(uint32_t *)data);
	syscall(SYS_getpgid, 0L);
}

static void kill_only_thread(void)
{
	uint32_t action = SCMP_ACT_KILL;

	need_plain_threads();
	CHECK_EQ(live_wait(live_fork(-1, die_alone, &action)), -SIGSYS);
}

static siginfo_t trapped;

static void on_trap(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	trapped = *info;
}

static void check_trap(uint32_t action, int data)
{
	struct sigaction act = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
	uint32_t arch = seccomp_arch_native();

	/* The kernel knows no audit arch of x32's own. */
	if (arch == SCMP_ARCH_X32)
		arch = SCMP_ARCH_X86_64;
	CHECK_EQ(sigaction(SIGSYS, &act, NULL), 0);
	live_loaded(SCMP_SYS(getpgid), action);
	syscall(SYS_getpgid, 0L);
	CHECK_EQ(trapped.si_signo, SIGSYS);
	CHECK_EQ(trapped.si_code, SYS_SECCOMP);
	CHECK_EQ(trapped.si_syscall, SYS_getpgid);
	CHECK_EQ((uint32_t)trapped.si_arch, arch);
	CHECK_EQ(trapped.si_errno, data);
	CHECK(trapped.si_call_addr != NULL);
}

static void trap(void)
{
	check_trap(SCMP_ACT_TRAP, 0);
}

static void trap_with_data(void)
{
	uint32_t action = 0x00030000U | 1234; /* SCMP_ACT_TRAPX(1234), new in 2.7 */
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = seccomp_rule_add(ctx, action, SCMP_SYS(getpgid), 0);

	seccomp_release(ctx);
#ifndef SCMP_ACT_TRAPX
	if (rc == -EINVAL)
		SKIP("this libseccomp has no SCMP_ACT_TRAPX");
#endif
	CHECK_EQ(rc, 0);
	check_trap(action, 1234);
}

static void trap_uncaught(void)
{
	uint32_t action = SCMP_ACT_TRAP;

	CHECK_EQ(live_wait(live_fork(-1, die_alone, &action)), -SIGSYS);
}

static void trace_untraced(void)
{
	live_loaded(SCMP_SYS(getpgid), SCMP_ACT_TRACE(7));
	CHECK_ERR(syscall(SYS_getpgid, 0L), -1, ENOSYS);
}

static void be_traced(void *result)
{
	CHECK_EQ(ptrace(PTRACE_TRACEME, 0, NULL, NULL), 0);
	raise(SIGSTOP);
	live_loaded(SCMP_SYS(getpgid), SCMP_ACT_TRACE(4711));
	*(long *)result = syscall(SYS_getpgid, 0L);
}

static void trace_traced(void)
{
	long *result = live_shared(sizeof(*result));
	unsigned long message = 0;
	pid_t pid = live_fork(-1, be_traced, result);
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSTOPPED(status));
	CHECK_EQ(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESECCOMP), 0);
	CHECK_EQ(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status >> 8, SIGTRAP | PTRACE_EVENT_SECCOMP << 8);
	CHECK_EQ(ptrace(PTRACE_GETEVENTMSG, pid, NULL, &message), 0);
	CHECK_EQ(message, 4711);
	CHECK_EQ(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	live_wait_ok(pid);
	CHECK_EQ(*result, getpgrp());
}

#ifdef __x86_64__
/* The x32 range is BADARCH's, whether or not the kernel has x32: filters come first. */
static void x32_range(void)
{
	scmp_filter_ctx ctx;

#ifdef __ILP32__
	SKIP("an x32 program: its own range is the x32 one");
#endif
	ctx = live_filter(SCMP_SYS(getsid), SCMP_ACT_ERRNO(30));
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(77)), 0);
	CHECK_EQ(seccomp_load(ctx), 0);
	CHECK_ERR(syscall(0x40000000L | SYS_getsid, 0L), -1, 77);
	CHECK_ERR(syscall(0x40000000L | SYS_getpgid, 0L), -1, 77);
	CHECK_ERR(syscall(0x7fffffffL, 0L), -1, 77);
	CHECK_ERR(syscall(SYS_getsid, 0L), -1, 30);
	CHECK_ERR(syscall(-1L), -1, ENOSYS); /* no call at all, so no bad one */
}

static void x32_native(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (syscall(0x40000000L | SYS_getsid, 0L) == -1 && errno == ENOSYS)
		SKIP("the kernel has no x32");
	CHECK_EQ(seccomp_arch_add(ctx, seccomp_arch_native() == SCMP_ARCH_X32
					       ? SCMP_ARCH_X86_64
					       : SCMP_ARCH_X32),
		0);
	CHECK_EQ(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(31), SCMP_SYS(getsid), 0), 0);
	CHECK_EQ(seccomp_load(ctx), 0);
	CHECK_ERR(syscall(0x40000000L | (SYS_getsid & 0xffff), 0L), -1, 31);
	CHECK_EQ(syscall(0x40000000L | (SYS_getpgid & 0xffff), 0L), getpgrp());
}

/* The kernel's 32-bit entry, open to 64-bit code too; arguments arrive untruncated. */
static long int80(long nr, uint64_t arg)
{
	uint64_t rc;

	__asm__ volatile("int $0x80"
			 : "=a"(rc)
			 : "a"((uint64_t)nr), "b"(arg)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int32_t)rc;
}

static void int80_works(void *data)
{
	(void)data;
	CHECK(int80(20 /* getpid */, 0) == getpid());
}

static void i386_entry(void)
{
	const long getsid_i386 = 147, getpgid_i386 = 132, ipc_i386 = 117, shmget = 23;
	const uint64_t high = (uint64_t)1 << 32;
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (live_wait(live_fork(-1, int80_works, NULL)) == -SIGSEGV)
		SKIP("the kernel has no 32-bit entry");
	CHECK_EQ(seccomp_arch_add(ctx, SCMP_ARCH_X86), 0);
	CHECK_EQ(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(32), SCMP_SYS(getsid), 1,
			 SCMP_A0(SCMP_CMP_EQ, 5)),
		0);
	CHECK_EQ(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(33), SCMP_SYS(shmget), 0), 0);
	CHECK_EQ(seccomp_load(ctx), 0);
	CHECK_EQ(int80(getsid_i386, 5), -32);
	/* The kernel acts on the low word alone: so must the filter. */
	CHECK_EQ(int80(getsid_i386, 5 | high), -32);
	CHECK_EQ(int80(getpgid_i386, 0), getpgrp());
	CHECK_EQ(int80(ipc_i386, shmget), -33);
	CHECK_EQ(int80(ipc_i386, shmget | 1 << 16), -33);
	CHECK_ERR(syscall(SYS_getsid, 5L), -1, 32);
#ifndef __ILP32__
	errno = 0;
	CHECK(syscall(SYS_getsid, 5L | high) != -1 || errno != 32);
#endif
}

static void bad_arch(void)
{
	scmp_filter_ctx ctx = live_filter(SCMP_SYS(getsid), SCMP_ACT_ERRNO(30));

	if (live_wait(live_fork(-1, int80_works, NULL)) == -SIGSEGV)
		SKIP("the kernel has no 32-bit entry");
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(55)), 0);
	CHECK_EQ(seccomp_load(ctx), 0);
	CHECK_EQ(int80(20, 0), -55);
	CHECK_ERR(syscall(SYS_getsid, 0L), -1, 30);
}
#endif

const struct live_test live_actions[] = {
	{"ERRNO: a denied call gives the errno asked for", errno_denied},
	{"ERRNO: arguments decide", arguments_checked},
	{"ERRNO: a multiplexed call under every version and high word", multiplexed},
	{"ERRNO as the default action denies the rest", default_denies},
	{"the strictest of several filters wins", strictest_wins},
	{"LOG lets the call through", log_allows},
	{"KILL_PROCESS ends all threads", kill_process},
	{"KILL_THREAD ends one thread", kill_thread},
	{"KILL ends a process of one thread", kill_only_thread},
	{"TRAP: si_syscall, si_arch, si_call_addr", trap},
	{"TRAPX: the data arrives in si_errno", trap_with_data},
	{"TRAP without a handler ends the process", trap_uncaught},
	{"TRACE without a tracer: ENOSYS", trace_untraced},
	{"TRACE: the tracer gets the message", trace_traced},
#ifdef __x86_64__
	{"x86_64: the x32 range goes to BADARCH", x32_range},
	{"x32: a filter for both sees the bit", x32_native},
	{"i386: int 0x80 from 64-bit code, high words ignored", i386_entry},
	{"x86_64: a call of an architecture not in the filter is BADARCH's", bad_arch},
#endif
	{NULL, NULL},
};
