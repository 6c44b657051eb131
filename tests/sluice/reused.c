/* Numbers that two have: a thread that has ended and another target, before the supervisor has heard of the end;
 * and processes of two pid namespaces. What is one's is not said of the other.
 * SPDX-License-Identifier: MIT */
#include "target/target.h"
#include "tap.h"

#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>

static int id_file(int flags)
{
	return open("/proc/sys/kernel/ns_last_pid", flags | O_CLOEXEC);
}

static void *ask_and_wait(void *data)
{
	int *tid = data;
	char byte;

	*tid = (int)syscall(SYS_gettid);
	CHECK_EQ(syscall(SYS_mkdirat, 1, NULL, 0), 7);
	CHECK_EQ(read(0, &byte, 1), 1); /* until the supervisor has handled that */
	return NULL;
}

/* The next process gets @wanted, most probably. */
static void choose_next(pid_t wanted)
{
	int fd = id_file(O_WRONLY);
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)wanted - 1);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) > 0);
	close(fd);
}

/* A child with the number @wanted, which nobody has. */
static pid_t with_number(pid_t wanted)
{
	for (int tries = 0; tries < 1000; tries++) {
		pid_t pid;

		choose_next(wanted);
		pid = fork();
		if (pid == 0)
			_exit(getpid() != wanted ? 0 : syscall(SYS_mkdirat, 2, NULL, 0) == 8 ? 0 : 1);
		if (pid == wanted)
			return pid;
		CHECK_EQ(waitpid(pid, NULL, 0), pid);
	}
	return -1;
}

static int target_family(int argc, char **argv)
{
	pthread_t thread;
	int tid, status;
	pid_t pid;

	(void)argc;
	(void)argv;
	CHECK_EQ(pthread_create(&thread, NULL, ask_and_wait, &tid), 0);
	pthread_join(thread, NULL);
	while (syscall(SYS_tgkill, getpid(), tid, 0) == 0)
		usleep(1000);
	pid = with_number(tid);
	CHECK_EQ(pid, tid);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status ? 1 : 0;
}

/* Whom a pidfd of ours names. */
static int named_by(int pidfd)
{
	char path[64], line[128];
	int pid = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	f = fopen(path, "r");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "Pid: %d", &pid);
	fclose(f);
	return pid;
}

struct seen {
	pid_t tid, tgid;
	int calls;
};

static int look(struct sluice_request *req, void *data)
{
	struct seen *seen = data;
	pid_t tid = sluice_tid(req), tgid = sluice_tgid(req);

	CHECK(tgid > 0);
	CHECK(sluice_pidfd(req) >= 0);
	CHECK_EQ(++seen->calls, sluice_arg_int(req, 0));
	if (seen->calls == 1) {
		CHECK(tid != tgid);
		*seen = (struct seen){tid, tgid, 1};
		return sluice_reply(req, 7);
	}
	CHECK_EQ(tid, seen->tid); /* or this tries nothing */
	CHECK_EQ(tgid, tid);
	CHECK_EQ(named_by(sluice_pidfd(req)), tid);
	return sluice_reply(req, 8);
}

/* Where no other program takes a number, and ours can be chosen. */
static void need_numbers(void)
{
	int fd;

	isolate();
	fd = id_file(O_WRONLY);
	if (fd < 0)
		SKIP("no ns_last_pid");
	close(fd);
}

static void another(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	struct pollfd p = {.events = POLLIN};
	struct seen seen = {0, 0, 0};
	int input[2];

	need_numbers();
	CHECK_EQ(pipe2(input, O_CLOEXEC), 0);
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, "mkdirat", look, &seen), 0);
	child.stdin_fd = input[0];
	spawn_target(sv, filter_of(false, "mkdirat", NULL), &child, "family", NULL);
	p.fd = listener_number();
	while (seen.calls < 1)
		CHECK(sluice_dispatch(sv, 10000) >= 0);
	CHECK_EQ(write(input[1], "", 1), 1);
	/* The second call comes; the end of the thread has been there before, and nobody has looked. */
	CHECK_EQ(poll(&p, 1, 60000), 1);
	while (seen.calls < 2)
		CHECK(sluice_dispatch(sv, 10000) >= 0);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

/* ---- numbers at both ends of the table of threads ---- */

static int target_stays(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	syscall(SYS_mkdirat, 1, NULL, 0);
	pause();
	return 1;
}

static int keep(struct sluice_request *req, void *data)
{
	CHECK(sluice_pidfd(req) >= 0);
	*(pid_t *)data = sluice_tid(req);
	return sluice_reply(req, 0);
}

/* A target with the number @wanted, or another one; it is gone with the supervisor. */
static pid_t kept(pid_t wanted)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	int before = count_fds();
	struct sluice_supervisor *sv = new_supervisor(NULL);
	pid_t pid = 0;

	CHECK_EQ(sluice_on_name(sv, "mkdirat", keep, &pid), 0);
	choose_next(wanted);
	spawn_target(sv, filter_of(false, "mkdirat", NULL), &child, "stays", NULL);
	while (!pid)
		CHECK(sluice_dispatch(sv, 10000) >= 0);
	CHECK_EQ(pid, child.pid);
	sluice_supervisor_free(sv);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	sluice_child_release(&child);
	CHECK_EQ(settled_fds(before), before);
	return pid;
}

static void both_ends(void)
{
	static const pid_t numbers[] = {1024, 1279}; /* the rests are 0 and 255 */

	need_numbers();
	for (int i = 0; i < 2; i++) {
		int tries = 0;

		while (kept(numbers[i]) != numbers[i])
			CHECK(++tries < 100);
	}
}

/* ---- a procfs of a pid namespace that the target is not in ---- */

/* The first process in there: mounts the procfs, and starts processes until one has the number of @target. */
static void others(const char *directory, pid_t target, int ready)
{
	pid_t pid = 0;

	CHECK_EQ(mount("proc", directory, "proc", 0, NULL), 0);
	while (pid < target) {
		pid = fork();
		if (pid == 0 && getpid() != target)
			_exit(0);
		if (pid == 0) {
			CHECK(chdir("/usr") == 0 && write(ready, "", 1) == 1);
			for (;;)
				pause();
		}
		if (pid != target)
			CHECK_EQ(waitpid(pid, NULL, 0), pid);
	}
	for (;;)
		pause();
}

static int target_elsewhere(int argc, char **argv)
{
	static const struct {
		const char *name;
		int error;
	} links[] = {{"self", ENOENT}, {"thread-self", ENOENT}, {NULL, EACCES}}; /* NULL: the number */
	pid_t me = getpid(), pid;
	char path[256], number[16], byte;
	int ready[2];

	if (argc < 1 || pipe(ready) || unshare(CLONE_NEWPID))
		return 1;
	pid = fork();
	if (pid == 0)
		others(argv[0], me, ready[1]);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		return 2;
	snprintf(number, sizeof(number), "%d", (int)me);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s/cwd", argv[0], links[i].name ? links[i].name : number);
		if (access(path, F_OK) != (links[i].name ? -1 : 0)) /* as the kernel sees it */
			return 3;
		if (syscall(SYS_mkdir, path, 0) != -1 || errno != links[i].error)
			return 4 + i;
	}
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	return 0;
}

static int open_it(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY};
	char path[256];
	int fd;

	(void)data;
	CHECK(sluice_read_string(req, sluice_arg(req, 0), path, sizeof(path)) > 0);
	fd = sluice_openat(req, AT_FDCWD, path, &how);
	if (fd < 0)
		return sluice_fail(req, fd);
	close(fd);
	return sluice_reply(req, 0);
}

static void elsewhere(void)
{
	char *directory = scratch_dir();

	isolate(); /* where numbers are small */
	CHECK_EQ(answer_target("elsewhere", directory, MKDIR, open_it, NULL), 0);
}

/* ---- its number as a procfs says it ---- */

static int target_asks(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return syscall(SYS_mkdirat, -1, NULL, 0) == 7 ? 0 : 1;
}

static int find_it(struct sluice_request *req, void *data)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int none = open("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct own_pid who = {5, 6, false};

	(void)data;
	CHECK_EQ(sc_target_own_pid(req, none, &who), -ENOENT);
	CHECK(who.tgid == 5 && who.tid == 6 && !who.ours);
	CHECK_EQ(sc_target_own_pid(req, -1, &who), -ENOENT);
	CHECK_EQ(sc_target_own_pid(req, proc, &who), 0);
	CHECK(who.tgid == (unsigned)sluice_tgid(req) && who.tid == (unsigned)sluice_tid(req) && who.ours);
	close(proc);
	close(none);
	return sluice_reply(req, 7);
}

static void own_number(void)
{
	CHECK_EQ(answer_target("asks", NULL, "mkdirat", find_it, NULL), 0);
}

const struct target_main targets[] = {{"family", target_family}, {"stays", target_stays}, {"elsewhere", target_elsewhere},
	{"asks", target_asks}, {NULL, NULL}};
const struct test tests[] = {
	{"another target with the number of a thread that is known", another},
	{"numbers at both ends of the table of threads", both_ends},
	{"a process with the target's number in another pid namespace, by its procfs", elsewhere},
	{"the number in a directory that is no procfs, and in one", own_number},
	{NULL, NULL}};
