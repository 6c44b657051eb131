/* What the kernel lets this process do, asked without changing anything.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor.h"

#ifndef PTRACE_SECCOMP_GET_FILTER
#define PTRACE_SECCOMP_GET_FILTER 0x420c
#endif
/* The same on every architecture since 5.3. */
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif
#define LANDLOCK_VERSION 1u

/* The first line of a file of /proc. False: it cannot be read, errno says why. */
static bool first_line(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(buf, (int)size, f);

	if (ok)
		buf[strcspn(buf, "\n")] = '\0';
	if (f)
		fclose(f);
	return ok;
}

/* The value of a line of /proc/self/status, base @base; 0 where there is none. */
static unsigned long long own_status(const char *field, int base)
{
	FILE *f = fopen("/proc/self/status", "re");
	size_t n = strlen(field);
	unsigned long long value = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, field, n) == 0 && line[n] == ':')
			value = strtoull(line + n + 1, NULL, base);
	if (f)
		fclose(f);
	return value;
}

static void say(struct doctor_finding *f, enum doctor_state state, const char *value)
{
	f->state = state;
	snprintf(f->value, sizeof(f->value), "%s", value);
}

static void probe_kernel(struct doctor_finding *f)
{
	struct utsname u;

	if (uname(&u) < 0)
		say(f, DOCTOR_UNKNOWN, strerror(errno));
	else
		snprintf(f->value, sizeof(f->value), "%.60s %.60s %.60s", u.sysname,
			u.release, u.machine);
}

static void probe_api(struct doctor_finding *f)
{
	unsigned int level = seccomp_api_get();

	f->state = level >= 5 ? DOCTOR_YES : level ? DOCTOR_PARTLY : DOCTOR_NO;
	snprintf(f->value, sizeof(f->value), "%u of 7", level);
}

static void probe_listeners(struct doctor_finding *f)
{
	uint32_t action = SECCOMP_RET_USER_NOTIF;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0)
		say(f, DOCTOR_YES, "yes");
	else
		say(f, DOCTOR_NO,
			errno == EPERM ? "a filter refuses it" : "not in this kernel");
}

static void probe_landlock(struct doctor_finding *f)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION);

	if (abi > 0)
		snprintf(f->value, sizeof(f->value), "ABI %ld", abi);
	else if (errno == EPERM)
		say(f, DOCTOR_NO, "a filter refuses it");
	else
		say(f, DOCTOR_NO,
			errno == EOPNOTSUPP ? "disabled when the system was booted"
					    : "not in this kernel");
}

static void probe_yama(struct doctor_finding *f)
{
	static const char *const scopes[] = {"any process of the same user",
		"descendants only", "with CAP_SYS_PTRACE only", "nobody"};
	char line[32];
	int scope = 0;

	if (first_line("/proc/sys/kernel/yama/ptrace_scope", line, sizeof(line)))
		scope = (int)strtol(line, NULL, 10);
	if (scope < 0 || scope > 3)
		scope = 3;
	f->state = scope <= 1 || geteuid() == 0 ? DOCTOR_YES : DOCTOR_PARTLY;
	if (scope == 3)
		f->state = DOCTOR_NO;
	say(f, f->state, scopes[scope]);
}

static void probe_jit(struct doctor_finding *f)
{
	char jit[32], harden[32];

	if (!first_line("/proc/sys/net/core/bpf_jit_enable", jit, sizeof(jit))) {
		say(f, DOCTOR_UNKNOWN,
			errno == ENOENT ? "no compiler in this kernel, or a network "
					  "namespace that hides it"
					: "only root may read it");
		return;
	}
	if (!first_line("/proc/sys/net/core/bpf_jit_harden", harden, sizeof(harden)))
		snprintf(harden, sizeof(harden), "?");
	f->state = strtol(jit, NULL, 10) ? DOCTOR_YES : DOCTOR_PARTLY;
	snprintf(f->value, sizeof(f->value), "%s, hardening %s",
		strtol(jit, NULL, 10) ? "on" : "off", harden);
}

static void probe_filters(struct doctor_finding *f)
{
	unsigned long long mode = own_status("Seccomp", 10);

	if (mode == 0) {
		say(f, DOCTOR_YES, "none");
		return;
	}
	f->state = DOCTOR_PARTLY;
	snprintf(f->value, sizeof(f->value), "%llu (mode %llu)",
		own_status("Seccomp_filters", 10), mode);
}

static void probe_privileges(struct doctor_finding *f)
{
	if (own_status("CapEff", 16) >> 21 & 1)
		say(f, DOCTOR_YES, "CAP_SYS_ADMIN: filters without no_new_privs");
	else
		say(f, DOCTOR_YES, "none: filters with no_new_privs");
}

/* Of a call that is there and allowed @rc is 0 or more, or errno is @expected. */
static void judge(struct doctor_finding *f, long rc, int expected)
{
	if (rc >= 0 || errno == expected) {
		say(f, DOCTOR_YES, "yes");
	} else if (errno == ENOSYS) {
		say(f, DOCTOR_NO, "not in this kernel, or refused with ENOSYS");
	} else {
		f->state = DOCTOR_NO;
		snprintf(f->value, sizeof(f->value), "refused (%s)", strerror(errno));
	}
}

static void probe_pidfd_getfd(struct doctor_finding *f)
{
	judge(f, syscall(SYS_pidfd_getfd, -1, 0, 0), EBADF);
}

static void probe_vm_readv(struct doctor_finding *f)
{
	char from = 1, to = 0;
	struct iovec local = {&to, 1}, remote = {&from, 1};

	judge(f, process_vm_readv(getpid(), &local, 1, &remote, 1, 0), 0);
}

static int wait_for(pid_t pid, int *status)
{
	pid_t rc;

	do
		rc = waitpid(pid, status, WUNTRACED);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

static void probe_userns(struct doctor_finding *f)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) < 0 ? errno : 0);
	if (pid < 0 || wait_for(pid, &status) < 0 || !WIFEXITED(status)) {
		say(f, DOCTOR_UNKNOWN, "a child could not be asked");
		return;
	}
	if (WEXITSTATUS(status) == 0) {
		say(f, DOCTOR_YES, "yes");
		return;
	}
	f->state = DOCTOR_NO;
	snprintf(f->value, sizeof(f->value), "refused (%s)",
		strerror(WEXITSTATUS(status)));
}

/* A child with a filter that allows everything, stopped for its tracer. */
static void filtered_child(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = {1, &allow};

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		_exit(1);
	raise(SIGSTOP);
	_exit(0);
}

/* The very request of disasm pid:N, on a child of our own. */
static void probe_get_filter(struct doctor_finding *f)
{
	int status = 0;
	pid_t pid = fork();
	long rc;

	if (pid == 0)
		filtered_child();
	if (pid < 0 || wait_for(pid, &status) < 0 || !WIFSTOPPED(status)) {
		say(f, DOCTOR_NO, "a child could not be traced");
		return;
	}
	rc = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, 0L, NULL);
	if (rc > 0)
		say(f, DOCTOR_YES, "yes");
	else
		say(f, DOCTOR_NO,
			errno == EACCES || errno == EPERM
				? "needs CAP_SYS_ADMIN, and no filter in force"
				: "not in this kernel");
	kill(pid, SIGKILL);
	wait_for(pid, &status);
}

const struct doctor_probe doctor_probes[] = {
	{"kernel", probe_kernel, "", ""},
	{"seccomp interface", probe_api, "every kind of filter can be loaded",
		"run, record and why miss what newer kernels have; compile, prove, diff "
		"and sim do not need it"},
	{"listeners", probe_listeners,
		"run, record, why, inject and serve can answer calls",
		"run with rules on paths, record, why, inject and serve do not work "
		"here"},
	{"Landlock", probe_landlock,
		"run needs no supervisor for rules on files, ports and signals",
		"run asks a supervisor about each path, or refuses such rules"},
	{"Yama", probe_yama, "supervisors can inspect their targets",
		"pid:N is refused, and supervisors read memory of descendants only with "
		"CAP_SYS_PTRACE"},
	{"filter compiler", probe_jit, "filters run as machine code",
		"filters are interpreted: calls cost more"},
	{"filters in force", probe_filters, "no filter restricts this process",
		"they restrict sluice, too; pid:N does not work for a process that has a "
		"filter"},
	{"privileges", probe_privileges, "", ""},
	{"pidfd_getfd", probe_pidfd_getfd,
		"supervisors can take descriptors of their targets",
		"serve and run with rules on sockets do not work here: Docker's default "
		"profile refuses it"},
	{"process_vm_readv", probe_vm_readv,
		"supervisors can read the memory of their targets",
		"supervisors read through /proc/PID/mem, which is slower: some engines' "
		"default profiles refuse it"},
	{"user namespaces", probe_userns, "targets can be isolated without root",
		"targets can be isolated by root only"},
	{"filters of others", probe_get_filter,
		"pid:N works: disasm, sim, prove, diff, explain",
		"pid:N does not work in disasm, sim, prove, diff and explain"},
	{NULL, NULL, NULL, NULL},
};
