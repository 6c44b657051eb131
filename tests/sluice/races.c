/* The races of supervisors, each also run against a naive one (the control: a test that
 * it passes could not fail).
 * SPDX-License-Identifier: MIT */
#include "tap.h"

#include <linux/openat2.h>
#include <stdatomic.h>
#include <sys/time.h>

/* ---- a second thread rewrites the path while it is checked ---- */

static union {
	volatile uint32_t word;
	char text[16];
} changing = {.text = "good"};

static void *rewrite(void *data)
{
	uint32_t good, evil;

	(void)data;
	memcpy(&good, "good", 4);
	memcpy(&evil, "evil", 4);
	for (;;) {
		changing.word = good;
		for (volatile int i = 0; i < 300; i++)
			;
		changing.word = evil;
		for (volatile int i = 0; i < 300; i++)
			;
	}
	return NULL;
}

/* Exit status 1 if a call with an evil path was ever carried out. */
static int target_rewrite(int argc, char **argv)
{
	pthread_t t;
	int evil = 0, n = argc > 0 ? atoi(argv[0]) : 1000;

	pthread_create(&t, NULL, rewrite, NULL);
	for (int i = 0; i < n; i++)
		evil |= syscall(SYS_mkdir, changing.text, 0) == 666;
	return evil;
}

/* "Makes the directory" by saying which one it would have been. */
static int64_t act_on(const char *path)
{
	return strcmp(path, "evil") == 0 ? 666 : 0;
}

static int careful(struct sluice_request *req, void *data)
{
	char path[16];

	(void)data;
	if (sluice_read_string(req, sluice_arg(req, 0), path, sizeof(path)) < 0)
		return -1;
	if (strcmp(path, "good"))
		return sluice_fail(req, EACCES);
	sched_yield(); /* the other thread's chance, as with the naive one */
	return sluice_reply(req, act_on(path));
}

static int naive(struct sluice_request *req, void *data)
{
	char path[16], again[16];

	(void)data;
	if (sluice_read_string(req, sluice_arg(req, 0), path, sizeof(path)) < 0)
		return -1;
	if (strcmp(path, "good"))
		return sluice_fail(req, EACCES);
	sched_yield();
	/* Checked, and read again to act, as the kernel does after CONTINUE. */
	if (sluice_read_string(req, sluice_arg(req, 0), again, sizeof(again)) < 0)
		return -1;
	return sluice_reply(req, act_on(again));
}

static int run(sluice_handler handler, const char *call, const char *target, const char *arg,
	void *data, struct sluice_statistics *s)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	int rc, before = count_fds();

	CHECK_EQ(sluice_on_name(sv, call, handler, data), 0);
	spawn_target(sv, filter_of(false, call, NULL), &child, target, arg);
	rc = wait_target(sv, &child);
	CHECK_EQ(sluice_run(sv), 0);
	for (int i = 0; i < 100 && count_fds() != before; i++)
		sluice_dispatch(sv, 20);
	CHECK_EQ(settled_fds(before), before);
	if (s)
		sluice_statistics(sv, s);
	sluice_supervisor_free(sv);
	return rc;
}

static void rewritten_path(void)
{
	CHECK_EQ(run(careful, MKDIR, "rewrite", "20000", NULL, NULL), 0);
}

static void rewritten_path_control(void)
{
	for (int i = 0; i < 20; i++) /* it takes luck, which an attacker has in time */
		if (run(naive, MKDIR, "rewrite", "20000", NULL, NULL) == 1)
			return;
	CHECK(!"the naive supervisor was never fooled");
}

/* ---- killed, and its id reused, between receive and read ---- */

static char word[16] = "first";

static int target_reuse(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	syscall(SYS_mkdir, word, 0);
	return 0;
}

/* The stranger with the id of the dead: same program, same address, other content. */
static pid_t take_id(pid_t wanted)
{
	for (int tries = 0; tries < 1000; tries++) {
		char text[16];
		int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
		pid_t pid;

		CHECK(fd >= 0);
		snprintf(text, sizeof(text), "%d", (int)wanted - 1);
		CHECK(write(fd, text, strlen(text)) > 0);
		close(fd);
		pid = fork();
		if (pid == 0) {
			char *argv[] = {self_path, (char *)"--target", (char *)"stranger", NULL};

			execv(self_path, argv);
			_exit(1);
		}
		if (pid == wanted)
			return pid;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return -1;
}

static int target_stranger(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	strcpy(word, "stranger");
	pause();
	return 0;
}

struct reuse {
	struct sluice_child *child;
	pid_t stranger;
	char careful[16], naive[16];
	ssize_t rc;
	int cwd, mem;
	uint64_t addr;
};

static int read_after_reuse(struct sluice_request *req, void *data)
{
	struct reuse *r = data;
	uint64_t addr = sluice_arg(req, 0);
	struct iovec local = {r->naive, sizeof(r->naive) - 1};
	struct iovec remote = {(void *)(uintptr_t)addr, sizeof(r->naive) - 1};
	struct pollfd p = {.fd = r->child->pidfd, .events = POLLIN};
	pid_t tid = sluice_tid(req);

	CHECK(sluice_pidfd(req) >= 0); /* it is even cached */
	kill(r->child->pid, SIGKILL);
	CHECK_EQ(poll(&p, 1, 10000), 1);
	CHECK_EQ(waitpid(r->child->pid, NULL, 0), r->child->pid);
	r->stranger = take_id(tid);
	CHECK_EQ(r->stranger, tid);
	/* What the naive one sees, once the stranger has run. */
	for (int i = 0; i < 1000 && strcmp(r->naive, "stranger"); i++) {
		usleep(10000);
		process_vm_readv(tid, &local, 1, &remote, 1, 0);
	}
	r->rc = sluice_read_string(req, addr, r->careful, sizeof(r->careful));
	r->cwd = sluice_cwd_fd(req);
	r->addr = addr;
	r->mem = (int)sluice_write(req, addr, "overwritten", 12);
	return 0;
}

static void reused_id(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	struct reuse r = {.child = &child};
	struct iovec local, remote;
	char now[16] = "";

	isolate();
	if (access("/proc/sys/kernel/ns_last_pid", W_OK))
		SKIP("no ns_last_pid");
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, MKDIR, read_after_reuse, &r), 0);
	if (system("true")) /* position independent programs need the same layout */
		SKIP("no shell");
	child.error = NULL;
	CHECK(syscall(SYS_personality, 0x0040000 /* ADDR_NO_RANDOMIZE */) >= 0);
	spawn_target(sv, filter_of(false, MKDIR, NULL), &child, "reuse", NULL);
	while (!r.stranger)
		CHECK(sluice_dispatch(sv, 10000) >= 0);
	CHECK(strcmp(r.naive, "stranger") == 0); /* the control: it would have believed */
	CHECK_EQ(r.rc, -ENOENT);
	CHECK_EQ(r.cwd, -ENOENT);
	CHECK_EQ(r.mem, -ENOENT);
	local = (struct iovec){now, sizeof(now) - 1};
	remote = (struct iovec){(void *)(uintptr_t)r.addr, sizeof(now) - 1};
	CHECK(process_vm_readv(r.stranger, &local, 1, &remote, 1, 0) > 0);
	CHECK(strcmp(now, "stranger") == 0); /* nothing was written to it */
	kill(r.stranger, SIGKILL);
	waitpid(r.stranger, NULL, 0);
	sluice_child_release(&child);
	sluice_supervisor_free(sv);
}

/* ---- a symlink swapped during resolution ---- */

static int target_swap(int argc, char **argv)
{
	int escaped = 0, opened = 0, n = 3000;
	pid_t swapper;

	(void)argc;
	if (chroot(argv[0]) || chdir("/"))
		return 100;
	swapper = fork();
	if (swapper == 0)
		for (;;) /* "way" is now a directory, now a link that climbs out */
			if (syscall(SYS_renameat2, AT_FDCWD, "/way", AT_FDCWD, "/trap", 2))
				_exit(1);
	for (int i = 0; i < n; i++) {
		int fd = (int)syscall(SYS_openat, AT_FDCWD, "/way/secret", O_RDONLY);
		char c = 0;

		if (fd < 0)
			continue;
		opened++;
		escaped |= read(fd, &c, 1) == 1 && c == 'O';
		close(fd);
	}
	kill(swapper, SIGKILL);
	waitpid(swapper, NULL, 0);
	return opened == 0 ? 99 : escaped;
}

static int open_inside(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = O_RDONLY};
	char path[4096];
	int fd;

	(void)data;
	if (sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path)) < 0)
		return -1;
	fd = sluice_openat(req, sluice_arg_int(req, 0), path, &how);
	if (fd < 0)
		return sluice_fail(req, fd);
	sluice_reply_fd(req, fd, 0);
	close(fd);
	return 0;
}

/* Looks at the name for links, then joins it to the root and opens it. */
static int open_naively(struct sluice_request *req, void *data)
{
	char path[4096], joined[8192], part[4200];
	struct stat st;
	int fd;

	if (sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path)) < 0)
		return -1;
	if (strncmp(path, "/way/", 5))
		return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
	snprintf(part, sizeof(part), "%s/way", (char *)data);
	snprintf(joined, sizeof(joined), "%s%s", (char *)data, path);
	if (lstat(part, &st) || S_ISLNK(st.st_mode))
		return sluice_fail(req, EACCES);
	/* The worst schedule made likely: the swapper gets the processor until it has swapped. */
	for (int i = 0; i < 1000 && (lstat(part, &st) || !S_ISLNK(st.st_mode)); i++)
		sched_yield();
	fd = open(joined, O_RDONLY);
	if (fd < 0)
		return sluice_fail(req, errno);
	sluice_reply_fd(req, fd, 0);
	close(fd);
	return 0;
}

static char *swap_dir(void)
{
	static char root[128];
	char *base = scratch_dir(), command[1024];

	if (geteuid() != 0)
		SKIP("needs root");
	snprintf(root, sizeof(root), "%s/root", base);
	snprintf(command, sizeof(command),
		"cd %s && mkdir -p root/way root/climb out && echo Inside > root/way/secret && "
		"echo Outside > out/secret && ln -s %s/out root/trap",
		base, base);
	CHECK_EQ(system(command), 0);
	return root;
}

static void swapped_link(void)
{
	char *root = swap_dir();

	CHECK_EQ(run(open_inside, "openat", "swap", root, root, NULL), 0);
}

static void swapped_link_control(void)
{
	char *root = swap_dir();

	for (int i = 0; i < 20; i++)
		if (run(open_naively, "openat", "swap", root, root, NULL) == 1)
			return;
	CHECK(!"the naive supervisor was never fooled");
}

/* ---- signal storms, 50 us, at the supervisor and at the target ---- */

static void on_alarm(int sig)
{
	(void)sig;
}

static void storm(bool restart)
{
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = restart ? SA_RESTART : 0};
	struct itimerval t = {{0, 50}, {0, 50}};

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
}

static void calm(void)
{
	struct itimerval t = {{0, 0}, {0, 0}};

	setitimer(ITIMER_REAL, &t, NULL);
}

/* Calls that give a descriptor of a file that says 'h'; counts wrong answers. */
static int ask_for_fds(int n)
{
	int wrong = 0;

	for (int i = 0; i < n; i++) {
		int fd = (int)syscall(SYS_openat, AT_FDCWD, "/some/file", i);
		char c = 0;

		if (fd < 0 && (errno == EINTR || errno == ERANGE))
			continue;
		if (fd < 3 || pread(fd, &c, 1, 0) != 1 || c != 'h')
			wrong++;
		close(fd);
	}
	return wrong;
}

static int target_calm(int argc, char **argv)
{
	int n = argc > 0 ? atoi(argv[0]) : 1000, before = count_fds();

	return ask_for_fds(n) ? 1 : count_fds() != before ? 2 : 0;
}

static int target_storm(int argc, char **argv)
{
	int n = argc > 0 ? atoi(argv[0]) : 1000, wrong, before = count_fds();

	storm(true);
	wrong = ask_for_fds(n);
	calm();
	if (count_fds() != before) {
		printf("# %d descriptors became %d\n", before, count_fds());
		fflush(stdout);
	}
	/* Where many are lost no more can come, which is wrong as well. */
	return count_fds() != before ? 2 : wrong ? 1 : 0;
}

static int hello_fd = -1;

static int give_fd(struct sluice_request *req, void *data)
{
	char path[4096];
	ssize_t n = sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path));

	(void)data;
	if (n == -ENOENT)
		return 0;
	if (n < 0 || strcmp(path, "/some/file"))
		return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
	sluice_reply_fd(req, hello_fd, 0);
	return 0;
}

/* ADDFD_SEND with signals open, as everybody does it first. */
static int give_fd_naively(struct sluice_request *req, void *data)
{
	struct {
		uint64_t id;
		uint32_t flags, src, new, new_flags;
	} add = {sluice_id(req), 2, (uint32_t)hello_fd, 0, 0};
	char path[4096];

	if (sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path)) < 0 ||
		strcmp(path, "/some/file"))
		return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
	ioctl(*(int *)data, _IOC(_IOC_WRITE, '!', 3, 24), &add);
	sluice_reply(req, 0); /* or it has its answer */
	return 0;
}

static int storm_run(const char *target, bool at_us, sluice_handler handler, bool killable)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	char arg[32];
	int rc, listener, before;
	long n = scaled("SLUICE_STORM", 20000);

	hello_fd = memfd_create("file", MFD_CLOEXEC);
	CHECK(write(hello_fd, "hello", 5) == 5);
	before = count_fds();
	snprintf(arg, sizeof(arg), "%ld", n);
	CHECK_EQ(sluice_on_name(sv, "openat", handler, &listener), 0);
	child.wait_killable = killable;
	spawn_target(sv, filter_of(false, "openat", NULL), &child, target, arg);
	listener = listener_number();
	if (at_us)
		storm(false);
	/* Both ways of waiting: epoll's, and RECV's of a busy listener alone. */
	rc = killable ? serve_target(sv, &child) : wait_target(sv, &child);
	calm();
	CHECK_EQ(sluice_run(sv), 0);
	CHECK_EQ(settled_fds(before), before);
	sluice_supervisor_free(sv);
	return rc;
}

static void storm_at_supervisor(void)
{
	CHECK_EQ(storm_run("calm", true, give_fd, false), 0);
	CHECK_EQ(storm_run("calm", true, give_fd, true), 0);
}

static void storm_control(void)
{
	for (int i = 0; i < 20; i++)
		if (storm_run("calm", true, give_fd_naively, false) == 1)
			return;
	CHECK(!"no signal ever came at the wrong moment");
}

static void storm_at_target(void)
{
	CHECK_EQ(storm_run("storm", false, give_fd, false), 0);
	CHECK_EQ(storm_run("storm", false, give_fd, true), 0);
}

/* ADDFD, then SEND, as kernels before 5.14 need it: a signal at the target in between makes
 * the call come again, and the descriptor of the first time stays. */
static int give_fd_in_two_steps(struct sluice_request *req, void *data)
{
	static uint64_t dawdled_at;
	uint64_t call = sluice_arg(req, 2);
	struct {
		uint64_t id;
		uint32_t flags, src, new, new_flags;
	} add = {sluice_id(req), 0, (uint32_t)hello_fd, 0, 0};
	char path[4096];
	int fd;

	if (sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path)) < 0 ||
		strcmp(path, "/some/file"))
		return sluice_continue(req, SLUICE_CONTINUE_ADVISORY);
	fd = ioctl(*(int *)data, _IOC(_IOC_WRITE, '!', 3, 24), &add);
	if (call % 100 == 99 && call != dawdled_at) { /* bad luck made likely, once a call */
		dawdled_at = call;
		usleep(200);
	}
	return fd < 0 ? sluice_fail(req, EINTR) : sluice_reply(req, fd);
}

static void storm_at_target_control(void)
{
	for (int i = 0; i < 20; i++)
		if (storm_run("storm", false, give_fd_in_two_steps, false) == 2)
			return;
	CHECK(!"two steps never lost a descriptor");
}

static void storm_at_both(void)
{
	CHECK_EQ(storm_run("storm", true, give_fd, false), 0);
	CHECK_EQ(storm_run("storm", true, give_fd, true), 0);
}

const struct target_main targets[] = {{"rewrite", target_rewrite}, {"reuse", target_reuse},
	{"stranger", target_stranger}, {"swap", target_swap}, {"calm", target_calm},
	{"storm", target_storm}, {NULL, NULL}};
const struct test tests[] = {
	{"the path rewritten while it is checked", rewritten_path},
	{"control: a supervisor that reads twice acts on the evil path", rewritten_path_control},
	{"the target killed and its id reused before the read", reused_id},
	{"a symlink swapped during resolution", swapped_link},
	{"control: look and open by name escapes the root", swapped_link_control},
	{"a signal storm at the supervisor", storm_at_supervisor},
	{"control: ADDFD_SEND with signals open gives wrong answers", storm_control},
	{"a signal storm at the target", storm_at_target},
	{"control: ADDFD and SEND apart leak descriptors in the target", storm_at_target_control},
	{"a signal storm at both", storm_at_both},
	{NULL, NULL}};
