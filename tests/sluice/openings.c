/* Opens that wait, in processes of their own: what they open, and how they end.
 * SPDX-License-Identifier: MIT */
#include "inplace.h"
#include "opening.h"

#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

/* ---- a FIFO that turns into the supervisor's terminal ---- */

/* A test is its group's leader: a session needs a child, which goes on with the test. */
static void new_session(void)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid) {
		waitpid(pid, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	CHECK(setsid() > 0);
}

static void get_a_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), fd;

	snprintf(box, sizeof(box), "%s", scratch_dir());
	CHECK_EQ(mkfifo(in_box("way"), 0600), 0);
	CHECK_EQ(symlink("/dev/tty", in_box("trap")), 0);
	if (master < 0 || grantpt(master) || unlockpt(master))
		SKIP("no pseudo-terminals");
	new_session();
	fd = open(ptsname(master), O_RDWR);
	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) || open("/dev/tty", O_RDWR) < 0)
		SKIP("no controlling terminal");
}

static int swap(void)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, in_box("way"), AT_FDCWD, in_box("trap"),
		2 /* RENAME_EXCHANGE */);
}

static int is_terminal(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode);
}

/* Without a terminal of its own. Exit status 1 if it got one. */
static int target_swaps(int argc, char **argv)
{
	int fd = -1, pipes = 0, bad = 0;
	pid_t swapper;

	(void)argc;
	snprintf(box, sizeof(box), "%s", argv[0]);
	if (setsid() < 0 || open(in_box("way"), O_RDWR) < 0) /* the helper's open is short */
		return 100;
	swapper = fork();
	if (swapper == 0)
		for (;;)
			swap();
	for (int i = 0; i < 2000 || !pipes; i++) {
		fd = ask("way", O_WRONLY);
		bad |= fd >= 0 && is_terminal(fd);
		pipes += fd >= 0;
		close(fd);
	}
	kill(swapper, SIGKILL);
	return bad;
}

static int target_trusts(int argc, char **argv)
{
	int fd;

	(void)argc;
	snprintf(box, sizeof(box), "%s", argv[0]);
	if (setsid() < 0)
		return 100;
	fd = ask("way", O_WRONLY);
	return fd >= 0 && is_terminal(fd) ? 1 : 0;
}

/* The control: looks, and then opens what the name says by then. */
static int look_twice(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = O_WRONLY};
	char path[4096];
	int fd;

	(void)data;
	CHECK(sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path)) > 0);
	CHECK_EQ(sluice_openat(req, AT_FDCWD, path, &how), -EAGAIN);
	CHECK_EQ(swap(), 0);
	CHECK_EQ(sluice_openat(req, AT_FDCWD, path, &how), -ENXIO); /* as it should */
	fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	CHECK(fd >= 0);
	sluice_reply_fd(req, fd, 0);
	close(fd);
	return 0;
}

static void swapped(void)
{
	get_a_terminal();
	CHECK_EQ(run("swaps", open_it, NULL), 0);
}

static void swapped_control(void)
{
	get_a_terminal();
	CHECK_EQ(run("trusts", look_twice, NULL), 1);
}

/* ---- who launched it ends ---- */

static int target_reads(int argc, char **argv)
{
	char text[8] = "";
	int fd;

	(void)argc;
	snprintf(box, sizeof(box), "%s", argv[0]);
	fd = ask("fifo", O_RDONLY);
	if (fd < 0)
		return errno;
	return read(fd, text, 4) == 4 && strcmp(text, "pipe") == 0 ? 0 : 100;
}

/* What this thread has forked besides process @but. */
static pid_t find_helper(pid_t but)
{
	char path[64], text[4096] = "";
	pid_t found = 0;
	int fd;
	char *at = text;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)syscall(SYS_gettid));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	while (*at >= '0' && *at <= '9') {
		pid_t pid = (pid_t)strtol(at, &at, 10);

		if (pid != but)
			found = pid;
		at += *at == ' ';
	}
	return found;
}

/* The text of a file of that process; false: it cannot be had. */
static bool read_proc(pid_t pid, const char *name, char text[256])
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, 255);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return n > 0;
}

static bool sleeps(pid_t pid)
{
	char text[256], *at;

	at = read_proc(pid, "stat", text) ? strrchr(text, ')') : NULL;
	return at && at[1] == ' ' && at[2] == 'S';
}

/* A helper cannot be traced: only root sees in which call it is. Others see that it sleeps, and
 * goes on to sleep. */
static bool in_open(pid_t pid)
{
	char text[256];

	if (read_proc(pid, "syscall", text))
		return atoi(text) == SYS_openat;
	for (int i = 0; i < 100; i++) {
		if (!sleeps(pid))
			return false;
		usleep(1000);
	}
	return true;
}

/* Until it waits in its open. */
static pid_t await_helper(pid_t but)
{
	pid_t helper;

	while (!(helper = find_helper(but)) || !in_open(helper))
		usleep(1000);
	return helper;
}

/* Whether we can see when a process of ours does. */
static void need_proc(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	if (access(path, R_OK) || access("/proc/self/syscall", R_OK))
		SKIP("no /proc/.../children or syscall");
}

static pthread_t holder;

static void *open_here(void *data)
{
	CHECK_EQ(open_it(data, NULL), 0);
	await_helper(0);
	return NULL;
}

static int open_elsewhere(struct sluice_request *req, void *data)
{
	(void)data;
	CHECK_EQ(pthread_create(&holder, NULL, open_here, sluice_defer(req)), 0);
	CHECK_EQ(pthread_join(holder, NULL), 0); /* and is gone */
	return 0;
}

static void launcher_ended(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int fd;

	need_proc();
	make_fifo();
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, THE_CALL, open_elsewhere, NULL), 0);
	spawn_target(sv, filter_of(false, THE_CALL, NULL), &child, "reads", box);
	while (!holder)
		CHECK(sluice_dispatch(sv, -1) >= 0);
	fd = open(in_box("fifo"), O_RDWR);
	CHECK_EQ(write(fd, "pipe", 4), 4);
	CHECK_EQ(wait_target(sv, &child), 0);
	sluice_supervisor_free(sv);
}

/* Killed, the supervisor takes its helper along, which then has nobody to send to. */
static void supervisor_killed(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	int told[2], pidfd, calls = 0;
	pid_t helper, pid;
	struct pollfd p;

	need_proc();
	make_fifo();
	CHECK_EQ(pipe2(told, O_CLOEXEC), 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct sluice_supervisor *sv = new_supervisor(NULL);

		CHECK_EQ(sluice_on_name(sv, THE_CALL, open_it, &calls), 0);
		spawn_target(sv, filter_of(false, THE_CALL, NULL), &child, "reads", box);
		while (!calls)
			CHECK(sluice_dispatch(sv, -1) >= 0);
		helper = await_helper(child.pid);
		CHECK_EQ(write(told[1], &helper, sizeof(helper)), sizeof(helper));
		for (;;)
			pause();
	}
	close(told[1]);
	CHECK_EQ(read(told[0], &helper, sizeof(helper)), sizeof(helper));
	pidfd = (int)syscall(SYS_pidfd_open, helper, 0);
	CHECK(pidfd >= 0);
	kill(pid, SIGKILL);
	p = (struct pollfd){.fd = pidfd, .events = POLLIN};
	CHECK_EQ(poll(&p, 1, -1), 1); /* or the test's limit ends us */
}

/* ---- what goes wrong in a helper ---- */

#define NO_DRIVER makedev(511, 77) /* of the numbers that the kernel gives to drivers that have none; the last */

/* Exit status 0 if the device has no driver, the next open is lost with its helper, and the one after that
 * is as ever. */
static int target_three(int argc, char **argv)
{
	(void)argc;
	snprintf(box, sizeof(box), "%s", argv[0]);
	if (access(in_box("device"), F_OK) == 0 && (ask("device", O_RDWR) != -1 || errno != ENXIO))
		return 101;
	if (ask("fifo", O_RDONLY) != -1 || errno != EIO)
		return 102;
	return target_reads(argc, argv);
}

/* The error of a helper's open is the target's. One that is killed while it opens has opened nothing, and
 * takes no other with it. */
static void failing_helpers(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int calls = 0, before, fd, device;
	pid_t helper;

	need_proc();
	make_fifo();
	/* Where a device of that number has a driver after all, it is none. */
	device = mknod(in_box("device"), S_IFCHR | 0600, NO_DRIVER) == 0;
	if (device && (open(in_box("device"), O_RDWR | O_CLOEXEC) != -1 || errno != ENXIO))
		device = unlink(in_box("device"));
	before = count_fds();
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, THE_CALL, open_it, &calls), 0);
	spawn_target(sv, filter_of(false, THE_CALL, NULL), &child, "three", box);
	while (calls < 1 + device)
		CHECK(sluice_dispatch(sv, -1) >= 0);
	helper = await_helper(child.pid);
	CHECK_EQ(kill(helper, SIGKILL), 0);
	while (calls < 2 + device)
		CHECK(sluice_dispatch(sv, -1) >= 0);
	CHECK(await_helper(child.pid) != helper);
	fd = open(in_box("fifo"), O_RDWR | O_CLOEXEC);
	CHECK_EQ(write(fd, "pipe", 4), 4);
	CHECK_EQ(wait_target(sv, &child), 0);
	close(fd);
	sluice_supervisor_free(sv);
	CHECK_EQ(settled_fds(before), before);
	CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD); /* both were reaped */
	if (!device)
		SKIP("no device without a driver: the rest is as it should be");
}

/* ---- cancelled while a worker is still setting it up ---- */

DECLARE_REAL(sluice_on_cancel);

static atomic_int rounds, cancelled_in;
static pid_t to_kill;
static int cancel_error;
static void (*real_cancel)(struct sluice_request *, void *);

static void note_cancel(struct sluice_request *req, void *data)
{
	real_cancel(req, data);
	atomic_store(&cancelled_in, atomic_load(&rounds) + 1);
}

/* In place of the library's, for its own use too: to a worker that registered its helper, the target
 * dies here, and does not return before the loop has cleaned up. */
int IN_PLACE_OF(sluice_on_cancel)(struct sluice_request *req,
	void (*cancel)(struct sluice_request *, void *), void *data)
{
	int rc;

	if (cancel_error)
		return cancel_error;
	real_cancel = cancel;
	rc = REAL(sluice_on_cancel)(req, to_kill ? note_cancel : cancel, data);
	if (rc || !to_kill)
		return rc;
	CHECK_EQ(kill(to_kill, SIGKILL), 0);
	to_kill = 0;
	while (!atomic_load(&cancelled_in) ||
		atomic_load(&rounds) < atomic_load(&cancelled_in) + 2)
		usleep(1000);
	return rc;
}

static int open_in_vain(struct sluice_request *req, void *data)
{
	pid_t target = sluice_tgid(req);

	CHECK(target > 0);
	cancel_error = -ENOMEM;
	CHECK_EQ(open_it(req, data), 0);
	cancel_error = 0;
	CHECK(find_helper(target) > 0); /* to wait for its end is not the caller's */
	return 0;
}

static int open_by_worker(struct sluice_request *req, void *data)
{
	to_kill = sluice_tgid(req);
	return sluice_work(req, open_it, data);
}

static void cancelled_early(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int calls = 0, before;
	pid_t reaped = 0;

	make_fifo();
	before = count_fds();
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, THE_CALL, open_by_worker, &calls), 0);
	spawn_target(sv, filter_of(false, THE_CALL, NULL), &child, "reads", box);
	while (!atomic_load(&cancelled_in) || sluice_active(sv) ||
		atomic_load(&rounds) < atomic_load(&cancelled_in) + 4) {
		CHECK(sluice_dispatch(sv, 10) >= 0);
		atomic_fetch_add(&rounds, 1);
		if (!reaped) /* before Linux 6.11 its listener ends by that */
			reaped = waitpid(child.pid, NULL, WNOHANG);
	}
	if (!reaped)
		reaped = waitpid(child.pid, NULL, 0);
	CHECK_EQ(reaped, child.pid);
	sluice_child_release(&child);
	sluice_supervisor_free(sv);
	CHECK_EQ(calls, 1);
	CHECK_EQ(settled_fds(before), before);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG | __WALL), -1); /* the helper was reaped */
}

static void given_up(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int calls = 0, before;

	need_proc();
	make_fifo();
	before = count_fds();
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, THE_CALL, open_in_vain, &calls), 0);
	spawn_target(sv, filter_of(false, THE_CALL, NULL), &child, "reads", box);
	CHECK_EQ(wait_target(sv, &child), EIO);
	CHECK_EQ(calls, 1);
	while (find_helper(0))
		CHECK(sluice_dispatch(sv, 10) >= 0);
	sluice_supervisor_free(sv);
	CHECK_EQ(settled_fds(before), before);
}

const struct target_main targets[] = {{"swaps", target_swaps}, {"trusts", target_trusts},
	{"reads", target_reads}, {"three", target_three}, {NULL, NULL}};
const struct test tests[] = {
	{"a FIFO exchanged for /dev/tty during the open", swapped},
	{"the thread that launched a helper ends, the helper goes on", launcher_ended},
	{"a supervisor is killed: its helper ends too", supervisor_killed},
	{"an open that fails in a helper, and a helper that is killed", failing_helpers},
	{"cancelled while a worker is setting the helper up", cancelled_early},
	{"control: who looks twice opens the supervisor's terminal", swapped_control},
	{"a helper that cannot be watched is given up, and reaped by the loop", given_up},
	{NULL, NULL}};
