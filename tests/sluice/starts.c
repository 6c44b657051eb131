/* A spawn as a tracer sees it: every process of it stops at each system call, and is
 * looked at there until the program runs. SPDX-License-Identifier: MIT */
#include "tap.h"

#include <grp.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#define VICTIM 1234

/* Who takes part: [0] is the supervisor, [1] the child that becomes the target. Memory of
 * one that ended is nobody's: kcmp(2) calls that of two such equal. */
static struct {
	pid_t pid;
	bool seen, ended; /* its first stop; PTRACE_EVENT_EXIT, after which it has no
			     memory */
} parts[16];
static unsigned n_parts;
static bool executed; /* the child runs the program */
static bool over;     /* the supervisor has ended */

static struct {
	unsigned stops; /* of the child, before the program */
	/* Pairs of the child and another: one memory and one user, one memory and two
	 * users, two memories. */
	unsigned same, mixed, other;
	unsigned open; /* how often VICTIM could have traced one */
} found;

static unsigned part(pid_t pid)
{
	unsigned i = 0;

	while (i < n_parts && parts[i].pid != pid)
		i++;
	if (i == n_parts) {
		CHECK(n_parts < sizeof(parts) / sizeof(*parts));
		parts[i].pid = pid;
		parts[i].seen = parts[i].ended = false;
		n_parts++;
	}
	return i;
}

/* What the status of @pid says of its user and groups. */
static const char *user_of(pid_t pid, char *text, size_t size)
{
	char path[64];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	CHECK(f);
	n = fread(text, 1, size - 1, f);
	fclose(f);
	text[n] = '\0';
	CHECK(strstr(text, "\nUid:") && strstr(text, "\nNStgid:"));
	*strstr(text, "\nNStgid:") = '\0';
	return strstr(text, "\nUid:");
}

/* Who has the child's memory has its user. */
static void compare_memory(void)
{
	char one[4096], two[4096];
	pid_t child = parts[1].pid;

	found.stops++;
	for (unsigned i = 0; i < n_parts; i++) {
		long rc;

		if (i == 1 || parts[i].ended)
			continue;
		rc = syscall(SYS_kcmp, child, parts[i].pid, (long)KCMP_VM, 0L, 0L);
		CHECK(rc >= 0);
		if (rc == 0 && strcmp(user_of(child, one, sizeof(one)),
				       user_of(parts[i].pid, two, sizeof(two))) == 0)
			found.same++;
		else if (rc == 0)
			found.mixed++;
		else
			found.other++;
	}
}

static int on_stop(pid_t pid, int status, void (*look)(void));

/* A stop or an end. */
static void on_wait(pid_t pid, int status, void (*look)(void))
{
	if (WIFSTOPPED(status)) {
		long sig = on_stop(pid, status, look);

		/* It may have been killed meanwhile. */
		CHECK(ptrace(PTRACE_SYSCALL, pid, 0, sig) == 0 || errno == ESRCH);
		return;
	}
	parts[part(pid)].seen = parts[part(pid)].ended = true;
	if (pid == parts[0].pid) { /* it has reaped the child by then */
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		over = true;
	}
}

/* Whoever has been started has stopped once, before anybody is looked at. */
static void await_beginnings(void)
{
	int status;

	for (unsigned i = 0; i < n_parts; i++)
		while (!parts[i].seen) {
			CHECK_EQ(waitpid(parts[i].pid, &status, __WALL), parts[i].pid);
			on_wait(parts[i].pid, status, await_beginnings);
		}
}

/* One of those that the tracer follows stopped; how it goes on. */
static int on_stop(pid_t pid, int status, void (*look)(void))
{
	unsigned who = part(pid);
	unsigned long message;
	int sig = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
		event == PTRACE_EVENT_CLONE) {
		CHECK_EQ(ptrace(PTRACE_GETEVENTMSG, pid, 0, &message), 0);
		part((pid_t)message);
		return 0;
	}
	if (event == PTRACE_EVENT_EXIT)
		parts[who].ended = true;
	if (event == PTRACE_EVENT_EXEC && who == 1)
		executed = true;
	if (who == 1 && !executed && sig == (SIGTRAP | 0x80)) {
		await_beginnings();
		look();
	}
	if (!parts[who].seen && sig == SIGSTOP) { /* how one that is followed begins */
		parts[who].seen = true;
		return 0;
	}
	return event || sig == (SIGTRAP | 0x80) ? 0 : sig;
}

static void follow(void (*look)(void))
{
	int status;
	pid_t pid;

	while (!over) {
		pid = waitpid(-1, &status, __WALL);
		CHECK(pid > 0);
		on_wait(pid, status, look);
	}
	CHECK(executed);
}

/* Runs @supervise in a process of its own and looks at each stop of the child that it
 * spawns. */
static void trace(void (*supervise)(void), void (*look)(void))
{
	long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
		       PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACESYSGOOD |
		       PTRACE_O_EXITKILL;
	int status;
	pid_t pid;

	memset(&found, 0, sizeof(found));
	n_parts = 0;
	executed = over = false;
	pid = fork();
	if (pid == 0) {
		CHECK_EQ(ptrace(PTRACE_TRACEME, 0, 0, 0), 0);
		raise(SIGSTOP);
		supervise();
		_exit(0); /* LeakSanitizer cannot look at one that is traced */
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	parts[part(pid)].seen = true;
	CHECK_EQ(ptrace(PTRACE_SETOPTIONS, pid, 0, options), 0);
	CHECK_EQ(ptrace(PTRACE_SYSCALL, pid, 0, 0), 0);
	follow(look);
}

static void need_trace(void)
{
	int status;
	pid_t pid;

	if (geteuid() != 0)
		SKIP("needs root");
	if (getenv("SLUICE_TEST_VALGRIND"))
		SKIP("would look at valgrind");
	pid = fork();
	if (pid == 0)
		_exit(ptrace(PTRACE_TRACEME, 0, 0, 0) != 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (status)
		SKIP("no ptrace(2)");
}

/* ---- who shares memory with the child ---- */

static void spawn_as(unsigned user)
{
	char *argv[] = {(char *)"true", NULL};
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	scmp_filter_ctx f = filter_of(false, MKDIR, NULL);

	child.uid = child.gid = user;
	CHECK_EQ(sluice_spawn(sv, f, argv, &child), 0);
	CHECK_EQ(wait_target(sv, &child), 0);
	seccomp_release(f);
	sluice_supervisor_free(sv);
}

static void spawn_as_victim(void)
{
	spawn_as(VICTIM);
}

/* A thread of the child's, which has VICTIM's user as soon as the child has. */
static void one_user(void)
{
	need_trace();
	if (syscall(SYS_kcmp, getpid(), getpid(), (long)KCMP_VM, 0L, 0L) != 0)
		SKIP("no kcmp(2)");
	trace(spawn_as_victim, compare_memory);
	CHECK(found.stops > 0 && found.same > 0 && found.other > 0);
	CHECK_EQ(found.mixed, 0);
}

/* ---- who may trace it ---- */

static volatile int here = 4711; /* what others read in a copy of this process */

/* Whether a process of VICTIM's user, which is not traced and has no privilege, may read
 * there, as ptrace(2) and pidfd_getfd(2) may. */
static bool victim_reads(pid_t pid)
{
	int status, copy = 0;
	struct iovec local = {&copy, sizeof(copy)},
		     remote = {(void *)(uintptr_t)&here, sizeof(here)};
	pid_t reader = fork();

	if (reader == 0) {
		CHECK_EQ(setgroups(0, NULL), 0);
		CHECK_EQ(setresgid(VICTIM, VICTIM, VICTIM), 0);
		CHECK_EQ(setresuid(VICTIM, VICTIM, VICTIM), 0);
		if (process_vm_readv(pid, &local, 1, &remote, 1, 0) == sizeof(copy))
			_exit(copy == here ? 1 : 2);
		_exit(errno == EPERM ? 0 : 3);
	}
	CHECK_EQ(waitpid(reader, &status, 0), reader);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
	return WEXITSTATUS(status) == 1;
}

static void try_to_trace(void)
{
	found.stops++;
	for (unsigned i = 1; i < n_parts; i++)
		if (!parts[i].ended && victim_reads(parts[i].pid))
			found.open++;
}

static void become_victim(void)
{
	CHECK_EQ(setgroups(0, NULL), 0);
	CHECK_EQ(setresgid(VICTIM, VICTIM, VICTIM), 0);
	CHECK_EQ(setresuid(VICTIM, VICTIM, VICTIM), 0);
	CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0); /* as if VICTIM had started us */
}

static void victim_spawns(void)
{
	become_victim();
	spawn_as(SLUICE_KEEP);
}

/* The control: at home, where nobody is whom the supervisor does not trust. */
static void need_open_control(void)
{
	need_trace();
	trace(victim_spawns, try_to_trace);
	if (found.open == 0)
		SKIP("no process may trace another of its user (Yama?)");
}

static void hidden_as_another_user(void)
{
	char value = '1';
	int fd = open("/proc/sys/fs/suid_dumpable", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, &value, 1) != 1 || value == '1')
		SKIP("fs.suid_dumpable lets everybody trace who changes its user");
	close(fd);
	need_open_control();
	trace(spawn_as_victim, try_to_trace);
	CHECK(found.stops > 0);
	CHECK_EQ(found.open, 0);
}

static void first_in_namespace(void)
{
	CHECK_EQ(unshare(CLONE_NEWPID), 0);
	victim_spawns();
}

static int inhabited = -1; /* a pid namespace, in which VICTIM's processes may be */

static void second_in_namespace(void)
{
	CHECK_EQ(setns(inhabited, CLONE_NEWPID), 0);
	victim_spawns();
}

static void inhabit(void)
{
	char path[64];
	int way[2];
	pid_t init;

	CHECK_EQ(pipe(way), 0);
	CHECK_EQ(unshare(CLONE_NEWPID), 0);
	init = fork();
	if (init == 0) {
		close(way[1]);
		_exit(read(way[0], path, 1) < 0); /* lives as long as we */
	}
	close(way[0]);
	snprintf(path, sizeof(path), "/proc/self/ns/pid_for_children");
	inhabited = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(init > 0 && inhabited >= 0);
	CHECK_EQ(setns(open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC), CLONE_NEWPID), 0);
}

/* Where targets of the same user live nobody may take what the child holds before it has
 * its filter. */
static void hidden_in_namespace(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWPID) != 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (status)
		SKIP("may not make pid namespaces");
	need_open_control();
	trace(first_in_namespace, try_to_trace);
	CHECK(found.stops > 0);
	CHECK_EQ(found.open, 0);
	inhabit();
	trace(second_in_namespace, try_to_trace);
	CHECK(found.stops > 0);
	CHECK_EQ(found.open, 0);
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {
	{"who shares memory with another user's child has its user", one_user},
	{"nobody may trace another user's child before its program runs",
		hidden_as_another_user},
	{"nor one in a pid namespace where its user's processes live",
		hidden_in_namespace},
	{NULL, NULL}};
