/* What container runtimes call between loading the filter and starting the program.
 * SPDX-License-Identifier: MIT
 *
 * Measured with strace -f of a container with and without no_new_privs, as uid 0 and 1000: runc 1.1.5 and
 * 1.3.6, crun 1.8.1. Other versions may call more. The threads of Go's runtime go on meanwhile; what they call is up to
 * time, so it is here whether it was seen or not. */
#include "runtimes.h"

#include <string.h>

const char *const runtime_names[] = {"none", "runc", "crun", NULL};

static const char runc[] =
	"runc calls it after it has loaded the filter, before it starts the program";
static const char go[] = "the Go runtime of runc may call it at any time";
static const char crun[] =
	"crun calls it after it has loaded the filter, before it starts the program";

static const struct {
	const char *runtime, *call, *reason;
} calls[] = {
	{"runc", "capget", runc},
	{"runc", "capset", runc},
	{"runc", "chdir", runc},
	{"runc", "close", runc},
	{"runc", "close_range", runc},
	{"runc", "execve", runc},
	{"runc", "faccessat2", runc},
	{"runc", "fchown", runc},
	{"runc", "fcntl", runc},
	{"runc", "fstat", runc},
	{"runc", "fstatfs", runc},
	{"runc", "getcwd", runc},
	{"runc", "getdents64", runc},
	{"runc", "getpid", runc},
	{"runc", "getppid", runc},
	{"runc", "newfstatat", runc},
	{"runc", "openat", runc},
	{"runc", "openat2", runc},
	{"runc", "prctl", runc},
	{"runc", "read", runc},
	{"runc", "setgid", runc},
	{"runc", "setgroups", runc},
	{"runc", "setuid", runc},
	{"runc", "statx", runc},
	{"runc", "write", runc},
	{"runc", "clone", go},
	{"runc", "epoll_ctl", go},
	{"runc", "epoll_pwait", go},
	{"runc", "futex", go},
	{"runc", "gettid", go},
	{"runc", "madvise", go},
	{"runc", "mmap", go},
	{"runc", "munmap", go},
	{"runc", "nanosleep", go},
	{"runc", "rt_sigaction", go},
	{"runc", "rt_sigprocmask", go},
	{"runc", "rt_sigreturn", go},
	{"runc", "sched_yield", go},
	{"runc", "sigaltstack", go},
	{"runc", "tgkill", go},
	{"crun", "capset", crun},
	{"crun", "close", crun},
	{"crun", "execve", crun},
	{"crun", "prctl", crun},
	{"crun", "rt_sigaction", crun},
	{"crun", "rt_sigprocmask", crun},
	{"crun", "setresgid", crun},
	{"crun", "setresuid", crun},
	{"crun", "write", crun},
};

const char *runtime_call(const char *runtime, unsigned int *iterator, const char **reason)
{
	while (*iterator < sizeof(calls) / sizeof(calls[0])) {
		unsigned int i = (*iterator)++;

		if (strcmp(calls[i].runtime, runtime) == 0) {
			*reason = calls[i].reason;
			return calls[i].call;
		}
	}
	return NULL;
}
