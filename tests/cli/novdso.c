/* A machine whose vdso(7) is of no use, as with another clocksource or in an emulator:
 * novdso PROGRAM... executes it, and hides the vDSO from it and from all that it executes
 * itself, so that the C library makes system calls. SPDX-License-Identifier: MIT */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where its stack begins; 0: not known on this machine. */
static unsigned long stack_of(pid_t pid)
{
#if defined(__x86_64__) || defined(__aarch64__)
	struct user_regs_struct regs;
	struct iovec iov = {&regs, sizeof(regs)};

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov))
		return 0;
#ifdef __x86_64__
	return regs.rsp;
#else
	return regs.sp;
#endif
#else
	(void)pid;
	return 0;
#endif
}

/* After execve(2): count, arguments, 0, environment, 0, pairs of the auxiliary vector
 * (elf(5), getauxval(3)). */
static int hide(pid_t pid)
{
	unsigned long at = stack_of(pid), type;

	if (!at)
		return -1;
	errno = 0;
	at += (1 + (unsigned long)ptrace(PTRACE_PEEKDATA, pid, at, 0) + 1) * sizeof(long);
	while (ptrace(PTRACE_PEEKDATA, pid, at, 0) && !errno)
		at += sizeof(long);
	at += sizeof(long);
	while ((type = (unsigned long)ptrace(PTRACE_PEEKDATA, pid, at, 0)) && !errno) {
		if (type == AT_SYSINFO_EHDR)
			return ptrace(PTRACE_POKEDATA, pid, at, AT_IGNORE) ? -1 : 0;
		at += 2 * sizeof(long);
	}
	return errno ? -1 : 0;
}

int main(int argc, char **argv)
{
	int status, first;
	pid_t pid = argc > 1 ? fork() : -1, got;

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &first, 0) != pid || !WIFSTOPPED(first) ||
		ptrace(PTRACE_SETOPTIONS, pid, 0,
			PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
				PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL))
		return 125;
	got = pid;
	status = first;
	for (;;) {
		int sig = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;

		if (!WIFSTOPPED(status)) {
			if (got == pid)
				return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
							   : WEXITSTATUS(status);
		} else {
			if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8) &&
				hide(got))
				return 125;
			/* Events, and the stop that every new task begins with. */
			if (sig == SIGTRAP || sig == SIGSTOP)
				sig = 0;
			ptrace(PTRACE_CONT, got, 0, sig);
		}
		got = waitpid(-1, &status, __WALL);
		if (got < 0)
			return 125;
	}
}
