/* What util/ does for all rooms, by itself: errors, processes, what is a listener.
 * SPDX-License-Identifier: MIT */
#include "util/util.h"
#include "tap.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static void refuse(const char *name, int error)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO((unsigned)error), seccomp_syscall_resolve_name(name), 0), 0);
	CHECK_EQ(seccomp_load(f), 0);
	seccomp_release(f);
}

/* ---- error.c ---- */

static void errors(void)
{
	struct sluice_error e;
	char longer[sizeof(e.message) + 10];

	memset(&e, 'x', sizeof(e));
	memset(longer, 'y', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	CHECK_EQ(sc_sluice_error(&e, -EXDEV, "%s %d", "no", 7), -EXDEV);
	CHECK_EQ(e.code, EXDEV);
	CHECK(strcmp(e.message, "no 7") == 0 && e.where[0] == '\0');
	CHECK_EQ(sc_sluice_error(&e, -EPERM, "%s", longer), -EPERM);
	CHECK_EQ(strlen(e.message), sizeof(e.message) - 1);
	CHECK_EQ(sc_sluice_error(NULL, -EIO, "%s", "nobody reads it"), -EIO);
}

static void now(void)
{
	for (int i = 0; i < 1000; i++) {
		uint64_t before = now_ns(), t = sc_sluice_now();

		CHECK(before <= t && t <= now_ns());
	}
}

static void filled(void)
{
	char out[9] = "12345678";

	CHECK_EQ(sc_sluice_fill(out, 3, "abcd", 4), -EINVAL);
	CHECK_EQ(sc_sluice_fill(out, 0, "abcd", 4), -EINVAL);
	CHECK(strcmp(out, "12345678") == 0);
	CHECK_EQ(sc_sluice_fill(out, 4, "abcd", 4), 0);
	CHECK(strcmp(out, "abcd5678") == 0);
	CHECK_EQ(sc_sluice_fill(out, 7, "ABCD", 4), 0);
	CHECK(memcmp(out, "ABCD\0\0\0008", 9) == 0);
}

static void file_sizes(void)
{
	struct rlimit l = {1000, RLIM_INFINITY};

	CHECK_EQ(getrlimit(RLIMIT_FSIZE, &l), 0);
	if (l.rlim_cur == RLIM_INFINITY)
		CHECK(sc_sluice_fits(0) && sc_sluice_fits((uint64_t)INT64_MAX));
	l.rlim_cur = 1000;
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &l), 0);
	CHECK(sc_sluice_fits(0) && sc_sluice_fits(999) && sc_sluice_fits(1000));
	CHECK(!sc_sluice_fits(1001) && !sc_sluice_fits(UINT64_MAX));
}

/* ---- notify.c ---- */

static int target_asks(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (int i = 0; i < 100; i++)
		if (syscall(SYS_mkdir, "x", 7) != 77)
			return 1;
	return 0;
}

/* A target that asks, and its listener; the supervisor only starts it. */
static struct seccomp_notif ask(struct sluice_child *child, int *listener)
{
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct seccomp_notif n = {0};

	*child = (struct sluice_child)SLUICE_CHILD_INIT;
	spawn_target(sv, filter_of(false, MKDIR, NULL), child, "asks", NULL);
	*listener = listener_number();
	CHECK_EQ(ioctl(*listener, SECCOMP_IOCTL_NOTIF_RECV, &n), 0);
	return n;
}

static void answers(void)
{
	struct seccomp_notif_sizes sizes = {0};
	struct sluice_child child;
	int listener, other = eventfd(0, EFD_CLOEXEC), status;
	struct seccomp_notif n = ask(&child, &listener);

	CHECK_EQ(sc_sluice_notif_sizes(&sizes), 0);
	CHECK(sizes.seccomp_notif >= sizeof(struct seccomp_notif) &&
		sizes.seccomp_notif_resp >= sizeof(struct seccomp_notif_resp));
	CHECK_EQ(sc_sluice_valid(listener, n.id), 0);
	CHECK_EQ(sc_sluice_valid(listener, n.id ^ 1), -ENOENT);
	CHECK_EQ(sc_sluice_valid(other, n.id), -ENOENT);
	CHECK_EQ(sc_sluice_send(listener, n.id ^ 1, 77, 0, 0), -ENOENT);
	CHECK_EQ(sc_sluice_send(listener, n.id, 77, -EPERM, SECCOMP_USER_NOTIF_FLAG_CONTINUE), -EINVAL);
	CHECK_EQ(sc_sluice_send(other, n.id, 77, 0, 0), -ENOTTY);
	CHECK_EQ(sc_sluice_valid(listener, n.id), 0);
	/* A second answer, mostly before the target has looked at the first one. */
	for (int i = 0; i < 100; i++) {
		uint64_t id = n.id;

		if (i)
			CHECK_EQ(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, memset(&n, 0, sizeof(n))), 0);
		CHECK(!i == (id == n.id));
		CHECK_EQ(sc_sluice_send(listener, n.id, 77, 0, 0), 0);
		CHECK_EQ(sc_sluice_send(listener, n.id, 78, 0, 0), -ENOENT);
	}
	CHECK_EQ(waitpid(child.pid, &status, 0), child.pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(sc_sluice_valid(listener, n.id), -ENOENT);
}

static void same(void)
{
	int a = eventfd(0, EFD_CLOEXEC), b = eventfd(0, EFD_CLOEXEC), again = dup(a);
	int file = memfd_create("file", MFD_CLOEXEC), before = count_fds();
	struct rlimit old, full;

	CHECK_EQ(sc_sluice_same_file(a, again), 1);
	CHECK_EQ(sc_sluice_same_file(a, a), 1);
	CHECK_EQ(sc_sluice_same_file(a, b), 0);
	CHECK_EQ(sc_sluice_same_file(b, again), 0);
	CHECK_EQ(sc_sluice_same_file(file, file), 1);
	CHECK(sc_sluice_same_file(a, -1) < 0);
	refuse("kcmp", ENOSYS);
	for (int stdin_open = 1; stdin_open >= 0; stdin_open--) {
		CHECK_EQ(sc_sluice_same_file(a, again), 1);
		CHECK_EQ(sc_sluice_same_file(a, a), 1);
		CHECK_EQ(sc_sluice_same_file(a, b), 0);
		CHECK_EQ(sc_sluice_same_file(b, again), 0);
		/* What cannot be told. */
		CHECK(sc_sluice_same_file(file, file) < 0);
		CHECK(sc_sluice_same_file(a, file) < 0);
		CHECK(sc_sluice_same_file(a, -1) < 0);
		CHECK(sc_sluice_same_file(-1, a) < 0);
		CHECK_EQ(count_fds(), before - !stdin_open);
		close(0);
	}
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	full = (struct rlimit){(rlim_t)file + 2, old.rlim_max};
	for (int fd = 0; fd < file; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			CHECK_EQ(dup2(b, fd), fd);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &full), 0);
	CHECK(sc_sluice_same_file(a, again) < 0); /* room for the set, not for the number */
	full.rlim_cur--;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &full), 0);
	CHECK(sc_sluice_same_file(a, again) < 0);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	for (int fd = 0; fd <= file; fd++)
		CHECK(fcntl(fd, F_GETFD) >= 0);
	CHECK_EQ(sc_sluice_same_file(a, again), 1);
}

static int listener_of_ours(void)
{
	scmp_filter_ctx f = filter_of(false, MKDIR, NULL);
	int fd;

	CHECK_EQ(seccomp_load(f), 0);
	fd = fcntl(seccomp_notify_fd(f), F_DUPFD_CLOEXEC, 20);
	seccomp_release(f);
	return fd;
}

static const int numbers[] = {30, 99, 100, 101, 110, 999};
#define NUMBERS (int)(sizeof(numbers) / sizeof(*numbers))

/* With nothing else at numbers that a mistake in its digits could make of it. */
static bool is_listener_at(int proc, int fd, int number)
{
	bool is;

	CHECK(fcntl(number, F_GETFD) < 0);
	CHECK_EQ(dup2(fd, number), number);
	is = sc_sluice_is_listener(proc, number);
	close(number);
	return is;
}

static void listeners(void)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), listener = listener_of_ours();
	int other = eventfd(0, EFD_CLOEXEC), before = count_fds();

	CHECK(sc_sluice_is_listener(proc, listener) && sc_sluice_is_listener(-1, listener));
	CHECK(!sc_sluice_is_listener(proc, other) && !sc_sluice_is_listener(-1, other));
	CHECK(!sc_sluice_is_listener(proc, 700) && !sc_sluice_is_listener(-1, 700));
	for (int i = 0; i < NUMBERS; i++)
		CHECK(is_listener_at(proc, listener, numbers[i]));
	CHECK_EQ(count_fds(), before);
	refuse("ioctl", ENOENT); /* as a file of a peer may say: its name alone tells */
	for (int stdin_open = 1; stdin_open >= 0; stdin_open--) {
		for (int i = 0; i < NUMBERS; i++) {
			CHECK(!is_listener_at(proc, other, numbers[i]));
			CHECK(is_listener_at(-1, other, numbers[i]));
			CHECK(is_listener_at(proc, listener, numbers[i]));
		}
		CHECK_EQ(count_fds(), before - !stdin_open);
		close(0);
	}
}

/* A name of the same length, and one that is longer. */
static void names(void)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (unsigned length = 24; length <= 26; length++) {
		char path[32] = "/tmp/sluice", tail[] = "XXXXXX";
		int fd;

		memset(path + strlen(path), 'x', length - strlen(path) - strlen(tail));
		strcpy(path + length - strlen(tail), tail);
		fd = mkostemp(path, O_CLOEXEC);
		CHECK(fd >= 0 && strlen(path) == length);
		fflush(stdout);
		if (length == 24)
			refuse("ioctl", ENOENT);
		CHECK(!sc_sluice_is_listener(proc, fd));
		CHECK_EQ(unlink(path), 0);
		close(fd);
	}
}

/* The directory of descriptors cannot be opened: the name is found without, or is not known. */
static void names_when_full(void)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), other = eventfd(0, EFD_CLOEXEC);
	struct rlimit old, full;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	full = (struct rlimit){0, old.rlim_max};
	refuse("ioctl", ENOENT);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &full), 0);
	CHECK(!sc_sluice_is_listener(proc, other));
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	refuse("openat2", ENOSYS);
	CHECK(!sc_sluice_is_listener(proc, other));
	refuse("openat2", EPERM); /* the first of two that says something is the last one */
	CHECK(sc_sluice_is_listener(proc, other));
}

/* ---- process.c ---- */

static void *deep(void *data)
{
	int status;
	pid_t pid = sc_sluice_fork_hidden(0, NULL); /* the lock is free again */

	(void)data;
	if (pid == 0)
		_exit(prctl(PR_GET_DUMPABLE) == 0 ? 3 : 4);
	CHECK_EQ(waitpid(pid, &status, __WALL), pid);
	CHECK_EQ(WEXITSTATUS(status), 3);
	return NULL;
}

static void hidden(void)
{
	int status, pidfd = -1, before;
	pid_t pid;

	CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
	deep(NULL);
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
	pid = sc_sluice_fork_hidden(0, &pidfd);
	if (pid == 0) {
		deep(NULL);
		_exit(5);
	}
	CHECK(pid > 0 && pidfd >= 0);
	CHECK_EQ(waitpid(-1, &status, 0), -1); /* the program's own wait(2) does not see it */
	CHECK_EQ(errno, ECHILD);
	CHECK_EQ(waitpid(pid, &status, __WALL), pid);
	CHECK_EQ(WEXITSTATUS(status), 5);
	CHECK_EQ(poll(&(struct pollfd){pidfd, POLLIN, 0}, 1, 0), 1);
	close(pidfd);
	before = count_fds();
	CHECK_EQ(sc_sluice_fork_hidden(CLONE_THREAD, &pidfd), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
	CHECK_EQ(count_fds(), before);
	CHECK_EQ(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), 0);
	deep(NULL);
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 0); /* as the program wants it */
}

static void *mask_of_thread(void *data)
{
	pthread_sigmask(SIG_BLOCK, NULL, data);
	return data;
}

static void threads(void)
{
	sigset_t mine, after, its;
	pthread_t t;
	void *result;

	sigemptyset(&mine);
	sigaddset(&mine, SIGUSR2);
	CHECK_EQ(pthread_sigmask(SIG_SETMASK, &mine, NULL), 0);
	CHECK_EQ(sc_sluice_thread(&t, mask_of_thread, &its), 0);
	CHECK_EQ(pthread_join(t, &result), 0);
	CHECK(result == &its);
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &after), 0);
	for (int sig = 1; sig < 32; sig++) {
		CHECK_EQ(sigismember(&after, sig), sig == SIGUSR2);
		CHECK_EQ(sigismember(&its, sig), sig != SIGKILL && sig != SIGSTOP);
	}
}

#define MOST 40

/* Which of the numbers 0 to MOST are open after all but @keep were closed. */
static uint64_t left(const int *keep, unsigned count)
{
	int status, pair[2];
	uint64_t open = 0;
	pid_t pid;

	CHECK_EQ(pipe2(pair, O_CLOEXEC), 0);
	CHECK(pair[1] < MOST);
	pid = fork();
	if (pid == 0) {
		int null = fcntl(pair[1], F_DUPFD, 1000);
		int out = fcntl(pair[1], F_DUPFD, 4094), most = fcntl(pair[1], F_DUPFD, 4095), kept[8];

		for (int fd = 0; fd <= MOST; fd++)
			dup2(null, fd);
		for (unsigned i = 0; i < count; i++)
			kept[i] = keep[i];
		kept[count] = out;
		sc_sluice_close_others(kept, count + 1);
		for (int fd = 0; fd <= MOST; fd++)
			open |= (uint64_t)(fcntl(fd, F_GETFD) >= 0) << fd;
		if (fcntl(1000, F_GETFD) >= 0 || (most >= 0 && fcntl(most, F_GETFD) >= 0))
			open |= 1ull << 63;
		_exit(write(out, &open, sizeof(open)) != sizeof(open));
	}
	close(pair[1]);
	CHECK_EQ(read(pair[0], &open, sizeof(open)), sizeof(open));
	close(pair[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	return open;
}

#define LEFT(...) left((const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static void others(void)
{
	struct rlimit l;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &l), 0);
	if (l.rlim_max < 4097)
		SKIP("RLIMIT_NOFILE is below 4097");
	l.rlim_cur = 4097;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &l), 0);
	for (int old = 0; old < 2; old++) {
		CHECK_EQ(left(NULL, 0), 0);
		CHECK_EQ(LEFT(-1, -7), 0);
		CHECK_EQ(LEFT(0), 1);
		CHECK_EQ(LEFT(1), 2);
		CHECK_EQ(LEFT(7, -1, 3), 1 << 7 | 1 << 3);
		CHECK_EQ(LEFT(3, 4, 5, 0), 0x39);
		CHECK_EQ(LEFT(MOST, 0, 2, 2), 1ull << MOST | 5);
		refuse("close_range", ENOSYS); /* before 5.9 */
	}
}

/* What the other end of each hears when all are closed: the process that had them is gone. */
static void discarded(void)
{
	int fds[7], ends[6], before, pair[2], guard = eventfd(0, EFD_CLOEXEC);

	signal(SIGHUP, SIG_DFL); /* of a child with an exit signal, which it is not to have */
	for (int kind = 0; kind < 4; kind++) { /* files, sockets, both, sockets where 0 is free */
		before = count_fds();
		for (int i = 0; i < 6; i++) {
			bool is_socket = kind % 2 || (kind == 2 && i % 2);

			CHECK_EQ(is_socket ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)
					   : pipe2(pair, O_CLOEXEC), 0);
			ends[i] = pair[0];
			fds[i] = pair[1];
		}
		fds[6] = guard; /* not to be closed */
		if (kind == 3 && before-- > 0)
			close(0);
		errno = EINTR; /* of whatever was before */
		sc_sluice_discard(fds, 6);
		for (int i = 0; i < 6; i++) /* sockets are closed here, too */
			CHECK(fcntl(fds[i], F_GETFD) < 0 || kind == 0 || (kind == 2 && i % 2 == 0));
		for (int i = 0; i < 6; i++) {
			char byte;

			CHECK_EQ(poll(&(struct pollfd){ends[i], POLLIN, 0}, 1, -1), 1);
			CHECK_EQ(read(ends[i], &byte, 1), 0);
			CHECK(fcntl(fds[i], F_GETFD) < 0);
			close(ends[i]);
		}
		CHECK_EQ(fcntl(guard, F_GETFD), FD_CLOEXEC);
		CHECK_EQ(count_fds(), before);
		CHECK_EQ(waitpid(-1, NULL, __WALL), -1); /* and no child is left to be reaped */
		CHECK_EQ(errno, ECHILD);
	}
	sc_sluice_discard(NULL, 0);
	CHECK_EQ(count_fds(), before);
}

/* No pipe is to be had: then at least nobody waits for what lingers. */
static void discarded_when_full(void)
{
	struct linger linger = {1, 3600};
	socklen_t size = sizeof(linger);
	struct rlimit old, full;
	int pair[2], both[2], again, before;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	CHECK_EQ(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	again = dup(pair[0]);
	CHECK_EQ(setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	memcpy(both, pair, sizeof(both)); /* one of which is none of its business */
	before = count_fds();
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	full = (struct rlimit){0, old.rlim_max};
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &full), 0);
	sc_sluice_discard(both, 1);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	CHECK(fcntl(pair[0], F_GETFD) < 0 && fcntl(0, F_GETFD) >= 0);
	CHECK_EQ(count_fds(), before - 1);
	CHECK_EQ(getsockopt(again, SOL_SOCKET, SO_LINGER, &linger, &size), 0);
	CHECK_EQ(linger.l_onoff, 0);
	CHECK_EQ(getsockopt(pair[1], SOL_SOCKET, SO_LINGER, &linger, &size), 0);
	CHECK_EQ(linger.l_onoff, 1);
}

/* Nor is it known how the process ended that was to be the last: the same. */
static void discarded_unseen(void)
{
	struct linger linger = {1, 3600};
	socklen_t size = sizeof(linger);
	int pair[2], again, status;
	pid_t pid;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	CHECK_EQ(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	again = dup(pair[0]);
	fflush(stdout);
	pid = fork();
	if (pid == 0) { /* which ends at once: LeakSanitizer waits for a child at the end */
		refuse("wait4", ECHILD);
		sc_sluice_discard(pair, 1);
		_exit(fcntl(pair[0], F_GETFD) >= 0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(getsockopt(again, SOL_SOCKET, SO_LINGER, &linger, &size), 0);
	CHECK_EQ(linger.l_onoff, 0);
	close(pair[0]);
	close(again);
}

static void ring(int sig)
{
	(void)sig;
}

static atomic_bool over;

static void *ring_often(void *data)
{
	while (!atomic_load(&over)) {
		pthread_kill(*(pthread_t *)data, SIGUSR1);
		usleep(100);
	}
	return NULL;
}

/* A signal while it waits for its child is no reason to do without that. */
static void discarded_amid_signals(void)
{
	struct sigaction sa = {.sa_handler = ring};
	struct linger linger = {1, 3600};
	socklen_t size = sizeof(linger);
	pthread_t self = pthread_self(), t;

	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	CHECK_EQ(pthread_create(&t, NULL, ring_often, &self), 0);
	for (int i = 0; i < 100; i++) {
		int pair[2], again;

		CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		CHECK_EQ(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
		again = dup(pair[0]);
		sc_sluice_discard(pair, 1);
		CHECK_EQ(getsockopt(again, SOL_SOCKET, SO_LINGER, &linger, &size), 0);
		CHECK(linger.l_onoff == 1 && linger.l_linger == 3600);
		close(again);
		close(pair[1]);
	}
	atomic_store(&over, true);
	CHECK_EQ(pthread_join(t, NULL), 0);
}

const struct target_main targets[] = {{"asks", target_asks}, {NULL, NULL}};
const struct test tests[] = {
	{"errors for people", errors},
	{"the time", now},
	{"structures that begin with their size", filled},
	{"how large a file may be", file_sizes},
	{"answers to a listener", answers},
	{"two descriptors of one file, without kcmp(2) too", same},
	{"what is a listener, at any number", listeners},
	{"names that are as long as a listener's", names},
	{"a name where the directory of descriptors cannot be opened", names_when_full},
	{"a child that nobody traces", hidden},
	{"threads without signals", threads},
	{"all others are closed, with and without close_range(2)", others},
	{"descriptors that are discarded", discarded},
	{"the same where there is no descriptor for a pipe", discarded_when_full},
	{"the same where nobody says how a child ended", discarded_unseen},
	{"the same amid signals", discarded_amid_signals},
	{NULL, NULL}};
