/* Notifications when targets or supervisors are interrupted or die.
 * SPDX-License-Identifier: MIT */
#include "notify.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void killed_before_receive(void)
{
	int fd = live_listener(SCMP_SYS(getpgid));
	pid_t pid = live_fork(fd, live_make_call, live_call(SYS_getpgid, 0));
	struct seccomp_notif req;

	live_await(fd);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(live_wait(pid), -SIGKILL);
	CHECK_ERR(seccomp_notify_receive(fd, &req), -ECANCELED, ENOENT);
}

static void killed_after_receive(void)
{
	int fd = live_listener(SCMP_SYS(getpgid)), fds;
	pid_t pid = live_fork(fd, live_make_call, live_call(SYS_getpgid, 0));
	struct seccomp_notif req = live_receive(fd);

	CHECK_EQ(seccomp_notify_id_valid(fd, req.id), 0);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(live_wait(pid), -SIGKILL);
	CHECK_EQ(seccomp_notify_id_valid(fd, req.id), -ENOENT);
	CHECK_ERR(live_respond(fd, req.id, 0, 0, 0), -ECANCELED, ENOENT);
	fds = live_open_fds();
	live_need_kernel(5, 9, "ADDFD");
	CHECK_ERR(live_addfd(fd, req.id, fd, -1, 0), -ECANCELED, ENOENT);
	CHECK_EQ(live_open_fds(), fds);
}

static void ignore(int sig)
{
	(void)sig;
}

static void handle_usr1(int flags)
{
	struct sigaction act = {.sa_handler = ignore, .sa_flags = flags};

	CHECK_EQ(sigaction(SIGUSR1, &act, NULL), 0);
}

static void call_interruptible(void *call)
{
	handle_usr1(0);
	live_make_call(call);
}

static void call_restarting(void *call)
{
	handle_usr1(SA_RESTART);
	live_make_call(call);
}

/* On mips a call that seccomp answered itself ends without the restart logic, so that the
 * kernel's inner ERESTARTSYS comes out (arch/mips/kernel/scall*.S, seen on 6.1). */
#ifdef __mips__
#define INTERRUPTED 512
#else
#define INTERRUPTED EINTR
#endif

static void interrupted_before_receive(void)
{
	int fd = live_listener(SCMP_SYS(getpgid));
	struct live_call *call = live_call(SYS_getpgid, 0);
	pid_t pid = live_fork(fd, call_interruptible, call);
	struct seccomp_notif req;

	live_await(fd);
	CHECK_EQ(kill(pid, SIGUSR1), 0);
	live_wait_ok(pid);
	live_expect(call, -1, INTERRUPTED);
	CHECK_ERR(seccomp_notify_receive(fd, &req), -ECANCELED, ENOENT);
}

static void interrupted_after_receive(void)
{
	int fd = live_listener(SCMP_SYS(getpgid));
	struct live_call *call = live_call(SYS_getpgid, 0);
	pid_t pid = live_fork(fd, call_interruptible, call);
	struct seccomp_notif req = live_receive(fd);

	CHECK_EQ(kill(pid, SIGUSR1), 0);
	live_wait_ok(pid);
	live_expect(call, -1, INTERRUPTED);
	CHECK_EQ(seccomp_notify_id_valid(fd, req.id), -ENOENT);
	CHECK_ERR(live_respond(fd, req.id, 0, 0, 0), -ECANCELED, ENOENT);
}

static void restarted(void)
{
	if (INTERRUPTED != EINTR)
		SKIP("mips does not restart calls that seccomp answered");
	int fd = live_listener(SCMP_SYS(getpgid));
	struct live_call *call = live_call(SYS_getpgid, 0);
	pid_t pid = live_fork(fd, call_restarting, call);
	struct seccomp_notif first = live_receive(fd), second;

	CHECK_EQ(kill(pid, SIGUSR1), 0);
	second = live_receive(fd);
	CHECK(second.id != first.id);
	CHECK_ERR(live_respond(fd, first.id, 1, 0, 0), -ECANCELED, ENOENT);
	CHECK_EQ(live_respond(fd, second.id, 2, 0, 0), 0);
	live_wait_ok(pid);
	live_expect(call, 2, 0);
}

static int load_waitkill(void)
{
	scmp_filter_ctx ctx;
	int fd;

	if (seccomp_api_get() < 7)
		SKIP("the kernel has no WAITKILL (API level below 7)");
	ctx = live_filter(SCMP_SYS(getpgid), SCMP_ACT_NOTIFY);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_WAITKILL, 1), 0);
	CHECK_EQ(seccomp_load(ctx), 0);
	fd = seccomp_notify_fd(ctx);
	CHECK(fd >= 0);
	seccomp_release(ctx);
	return fd;
}

static void waitkill(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	int fd = load_waitkill();
	struct live_call *call = live_call(SYS_getpgid, 0);
	pid_t pid = live_fork(fd, call_interruptible, call);
	uint64_t id = live_receive(fd).id;

	/* Without the attribute the first signal would end the call (see above); the
	 * target gets time to let it. */
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(kill(pid, SIGUSR1), 0);
		CHECK_EQ(nanosleep(&ms, NULL), 0);
		CHECK_EQ(seccomp_notify_id_valid(fd, id), 0);
	}
	CHECK_EQ(live_respond(fd, id, 77, 0, 0), 0);
	live_wait_ok(pid);
	live_expect(call, 77, 0);
}

static void waitkill_killed(void)
{
	int fd = load_waitkill();
	pid_t pid = live_fork(fd, live_make_call, live_call(SYS_getpgid, 0));
	uint64_t id = live_receive(fd).id;

	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(live_wait(pid), -SIGKILL);
	CHECK_EQ(seccomp_notify_id_valid(fd, id), -ENOENT);
}

static void waitkill_without_notify(void)
{
	scmp_filter_ctx ctx;

	if (seccomp_api_get() < 7)
		SKIP("the kernel has no WAITKILL (API level below 7)");
	ctx = live_filter(SCMP_SYS(getpgid), SCMP_ACT_ERRNO(19));
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_WAITKILL, 1), 0);
	CHECK_EQ(seccomp_load(ctx), 0);
	CHECK_ERR(syscall(SYS_getpgid, 0L), -1, 19);
}

/* Sends signals until it is killed. */
static void pester(void *data)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	for (;;) {
		kill(*(pid_t *)data, SIGUSR1);
		nanosleep(&pause, NULL);
	}
}

static void receive_interrupted(void)
{
	int fd = live_listener(SCMP_SYS(getpgid));
	struct live_call *call = live_call(SYS_getpgid, 0);
	pid_t self = getpid(), pest, pid;
	struct seccomp_notif req;

	handle_usr1(0);
	pest = live_fork(fd, pester, &self);
	CHECK_ERR(seccomp_notify_receive(fd, &req), -ECANCELED, EINTR);
	/* Nothing is lost by it. */
	pid = live_fork(fd, live_make_call, call);
	while (live_respond(fd, live_receive(fd).id, 8, 0, 0) != 0)
		CHECK_EQ(errno, EINTR);
	CHECK_EQ(kill(pest, SIGKILL), 0);
	CHECK_EQ(live_wait(pest), -SIGKILL);
	live_wait_ok(pid);
	live_expect(call, 8, 0);
}

const struct live_test live_signals[] = {
	{"notify: target killed before receive: ENOENT", killed_before_receive},
	{"notify: target killed after receive: ENOENT", killed_after_receive},
	{"notify: target interrupted before receive: ENOENT", interrupted_before_receive},
	{"notify: target interrupted after receive: ENOENT", interrupted_after_receive},
	{"notify: SA_RESTART brings the call again under a new id", restarted},
	{"notify: receive interrupted: EINTR, nothing lost", receive_interrupted},
	{"WAITKILL: signals wait for the answer", waitkill},
	{"WAITKILL: SIGKILL does not wait", waitkill_killed},
	{"WAITKILL without NOTIFY loads", waitkill_without_notify},
	{NULL, NULL},
};
