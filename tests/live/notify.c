/* Notifications: received, answered, refused, continued, with descriptors.
 * SPDX-License-Identifier: MIT */
#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUND_TRIPS 10000

static void allocated(void)
{
	struct seccomp_notif *req = NULL;
	struct seccomp_notif_resp *resp = NULL;
	const struct seccomp_notif no_req = {0};
	const struct seccomp_notif_resp no_resp = {0};

	if (seccomp_api_get() < 5)
		SKIP("the kernel has no notifications (API level below 5)");
	CHECK_EQ(seccomp_notify_alloc(&req, &resp), 0);
	CHECK(memcmp(req, &no_req, sizeof(no_req)) == 0);
	CHECK(memcmp(resp, &no_resp, sizeof(no_resp)) == 0);
	seccomp_notify_free(req, resp);
	seccomp_notify_free(NULL, NULL);
}

static void received(void)
{
	int fd = live_listener(SCMP_SYS(getpgid));
	struct live_call *call = live_call(SYS_getpgid, 0x12345678);
	pid_t pid = live_fork(fd, live_make_call, call);
	uint32_t arch = seccomp_arch_native();
	struct seccomp_notif req;

	/* Dirty on purpose: a kernel from 5.5 on refuses that, so receive must zero it.
	 */
	memset(&req, 0xff, sizeof(req));
	CHECK_EQ(seccomp_notify_receive(fd, &req), 0);
	CHECK_EQ(req.pid, pid);
	CHECK_EQ(req.flags, 0);
	CHECK_EQ(req.data.nr, SYS_getpgid);
	CHECK_EQ(req.data.arch, arch == SCMP_ARCH_X32 ? SCMP_ARCH_X86_64 : arch);
	CHECK_EQ(req.data.args[0], 0x12345678);
	CHECK(req.data.instruction_pointer != 0);
	CHECK_EQ(seccomp_notify_id_valid(fd, req.id), 0);
	CHECK_EQ(seccomp_notify_id_valid(fd, req.id + 1), -ENOENT);
	CHECK_EQ(live_respond(fd, req.id, 4242, 0, 0), 0);
	live_wait_ok(pid);
	live_expect(call, 4242, 0);
	CHECK_EQ(seccomp_notify_id_valid(fd, req.id), -ENOENT);
	CHECK_ERR(live_respond(fd, req.id, 1, 0, 0), -ECANCELED, ENOENT);
}

static void refused(void)
{
	int fd = live_listener(SCMP_SYS(getpgid));
	struct live_call *call = live_call(SYS_getpgid, 0);
	pid_t pid = live_fork(fd, live_make_call, call);

	CHECK_EQ(live_respond(fd, live_receive(fd).id, 0, -EXDEV, 0), 0);
	live_wait_ok(pid);
	live_expect(call, -1, EXDEV);
}

static void continued(void)
{
	/* Before the filter: where the kernel has no getpgrp, libc's is a getpgid. */
	pid_t group = getpgrp();
	int fd = live_listener(SCMP_SYS(getpgid));
	struct live_call *call = live_call(SYS_getpgid, 0);
	pid_t pid = live_fork(fd, live_make_call, call);
	uint64_t id = live_receive(fd).id;

	live_need_kernel(5, 5, "CONTINUE");
	/* A value makes no sense beside CONTINUE, and no other flag exists. */
	CHECK_ERR(live_respond(fd, id, 1, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE),
		-ECANCELED, EINVAL);
	CHECK_ERR(live_respond(fd, id, 0, 0, 2), -ECANCELED, EINVAL);
	CHECK_EQ(live_respond(fd, id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE), 0);
	live_wait_ok(pid);
	live_expect(call, group, 0);
}

/* Opens nothing itself: what dup(2) returns is the supervisor's. */
static void dup_and_stat(void *data)
{
	struct live_call *call = data;
	struct stat st;

	live_make_call(call);
	if (call->result < 0)
		return;
	CHECK_EQ(fstat((int)call->result, &st), 0);
	CHECK(S_ISFIFO(st.st_mode));
	call->args[2] = fcntl((int)call->result, F_GETFD);
}

static uint64_t target_of_addfd(int fd, struct live_call *call, pid_t *pid)
{
	*pid = live_fork(fd, dup_and_stat, call);
	return live_receive(fd).id;
}

static void addfd(void)
{
	int fd = live_listener(SCMP_SYS(dup)), ends[2], there;
	struct live_call *call = live_call(SYS_dup, 0);
	pid_t pid;
	uint64_t id;

	live_need_kernel(5, 9, "ADDFD");
	CHECK_EQ(pipe(ends), 0);
	id = target_of_addfd(fd, call, &pid);
	there = live_addfd(fd, id, ends[0], -1, 0);
	CHECK(there >= 0);
	CHECK_EQ(live_respond(fd, id, there, 0, 0), 0);
	live_wait_ok(pid);
	live_expect(call, there, 0);

	id = target_of_addfd(fd, call, &pid);
	CHECK_EQ(live_addfd(fd, id, ends[0], 50, 0), 50);
	CHECK_EQ(live_respond(fd, id, 50, 0, 0), 0);
	live_wait_ok(pid);
	live_expect(call, 50, 0);
	CHECK_EQ(call->args[2], 0);
}

static void addfd_wrong(void)
{
	int fd = live_listener(SCMP_SYS(dup)), ends[2];
	struct live_call *call = live_call(SYS_dup, 0);
	pid_t pid;
	uint64_t id;

	live_need_kernel(5, 9, "ADDFD");
	CHECK_EQ(pipe(ends), 0);
	id = target_of_addfd(fd, call, &pid);
	CHECK_ERR(live_addfd(fd, id + 1, ends[0], -1, 0), -ECANCELED, ENOENT);
	CHECK_ERR(live_addfd(fd, id, 777, -1, 0), -ECANCELED, EBADF);
	CHECK_ERR(live_addfd(fd, id, ends[0], -1, 0x80), -ECANCELED, EINVAL);
	CHECK_ERR(live_addfd(ends[0], id, ends[0], -1, 0), -ECANCELED, ENOTTY);
	CHECK_EQ(live_respond(fd, id, 0, -EPERM, 0), 0);
	live_wait_ok(pid);
	live_expect(call, -1, EPERM);
}

static void addfd_send(void)
{
	const uint32_t send = 2; /* SECCOMP_ADDFD_FLAG_SEND, 5.14 */
	int fd = live_listener(SCMP_SYS(dup)), ends[2], there;
	struct live_call *call = live_call(SYS_dup, 0);
	pid_t pid;
	uint64_t id;

	live_need_kernel(5, 14, "ADDFD_SEND");
	CHECK_EQ(pipe(ends), 0);
	id = target_of_addfd(fd, call, &pid);
	there = live_addfd(fd, id, ends[0], -1, send);
	CHECK(there >= 0);
	live_wait_ok(pid);
	live_expect(call, there, 0);
}

static void call_often(void *data)
{
	struct live_call *call = data;

	for (long i = 0; i < ROUND_TRIPS; i++) {
		call->args[0] = i;
		live_make_call(call);
		CHECK_EQ(call->result, i % 1000);
	}
}

static void round_trips(void)
{
	int fd = live_listener(SCMP_SYS(getpgid)), fds = live_open_fds();
	pid_t pid = live_fork(fd, call_often, live_call(SYS_getpgid, 0));
	struct seccomp_notif *req;
	struct seccomp_notif_resp *resp;

	CHECK_EQ(seccomp_notify_alloc(&req, &resp), 0);
	for (long i = 0; i < ROUND_TRIPS; i++) {
		CHECK_EQ(seccomp_notify_receive(fd, req), 0);
		CHECK_EQ(req->data.args[0], i);
		*resp = (struct seccomp_notif_resp){.id = req->id, .val = i % 1000};
		CHECK_EQ(seccomp_notify_respond(fd, resp), 0);
	}
	live_wait_ok(pid);
	seccomp_notify_free(req, resp);
	CHECK_EQ(live_open_fds(), fds);
}

static void any_order(void)
{
	int fd = live_listener(SCMP_SYS(getpgid));
	struct live_call *calls[4];
	struct seccomp_notif reqs[4];
	pid_t pids[4];

	for (int i = 0; i < 4; i++) {
		calls[i] = live_call(SYS_getpgid, 100 + i);
		pids[i] = live_fork(fd, live_make_call, calls[i]);
	}
	for (int i = 0; i < 4; i++)
		reqs[i] = live_receive(fd);
	for (int i = 3; i >= 0; i--)
		CHECK_EQ(live_respond(fd, reqs[i].id, reqs[i].data.args[0] * 2, 0, 0), 0);
	for (int i = 0; i < 4; i++) {
		live_wait_ok(pids[i]);
		live_expect(calls[i], 200 + 2 * i, 0);
	}
}

static int go[2];

/* Lives before the filter does. */
static void *call_when_told(void *call)
{
	char byte;

	CHECK_EQ(read(go[0], &byte, 1), 1);
	live_make_call(call);
	return NULL;
}

static void tsync_notify(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	struct live_call *call = live_call(SYS_getpgid, 3);
	int fd;
	struct seccomp_notif req;
	pthread_t thread;

	if (seccomp_api_get() < 6)
		SKIP("the kernel has no TSYNC with NOTIFY (API level below 6)");
	CHECK_EQ(pipe(go), 0);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1), 0);
	CHECK_EQ(seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(getpgid), 0), 0);
	CHECK_EQ(pthread_create(&thread, NULL, call_when_told, call), 0);
	CHECK_EQ(seccomp_load(ctx), 0);
	fd = seccomp_notify_fd(ctx);
	CHECK(fd >= 0);
	CHECK_EQ(write(go[1], "", 1), 1);
	req = live_receive(fd);
	CHECK(req.pid != (uint32_t)getpid());
	CHECK_EQ(live_respond(fd, req.id, 5, 0, 0), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	live_expect(call, 5, 0);
}

static void descriptor_0(void)
{
	struct live_call *call = live_call(SYS_getpgid, 0);
	scmp_filter_ctx ctx = live_filter(SCMP_SYS(getpgid), SCMP_ACT_NOTIFY);
	pid_t pid;

	if (seccomp_api_get() < 5)
		SKIP("the kernel has no notifications (API level below 5)");
	close(0);
	CHECK_EQ(seccomp_load(ctx), 0);
	CHECK_EQ(seccomp_notify_fd(ctx), 0);
	pid = live_fork(0, live_make_call, call);
	CHECK_EQ(live_respond(0, live_receive(0).id, 17, 0, 0), 0);
	live_wait_ok(pid);
	live_expect(call, 17, 0);
}

static void load_and_hand_over(void *data)
{
	const int *sockets = data;
	int fd = live_listener(SCMP_SYS(getpgid));

	live_send_fd(sockets[1], fd);
	close(fd);
	CHECK_EQ(syscall(SYS_getpgid, 0L), 271);
}

static int foreign_listener(pid_t *pid)
{
	int sockets[2], fd;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	*pid = live_fork(-1, load_and_hand_over, sockets);
	close(sockets[1]);
	fd = live_take_fd(sockets[0]);
	close(sockets[0]);
	return fd;
}

/* This process never makes a filter nor asks for a level. */
static void pure_supervisor(void)
{
	pid_t pid;
	int fd;
	struct seccomp_notif req;

	live_need_kernel(5, 0, "notifications");
	fd = foreign_listener(&pid);
	req = live_receive(fd);
	CHECK_EQ(req.pid, pid);
	CHECK_EQ(seccomp_notify_id_valid(fd, req.id), 0);
	CHECK_EQ(live_respond(fd, req.id, 271, 0, 0), 0);
	live_wait_ok(pid);
}

static void targets_gone(void)
{
	pid_t pid;
	int fd;
	struct pollfd p = {.events = POLLIN};

	live_need_kernel(5, 9, "EPOLLHUP");
	p.fd = fd = foreign_listener(&pid);
	CHECK_EQ(live_respond(fd, live_receive(fd).id, 271, 0, 0), 0);
	live_wait_ok(pid);
	CHECK_EQ(poll(&p, 1, -1), 1);
	CHECK(p.revents & POLLHUP);
	CHECK(!(p.revents & POLLIN));
}

static void listener_closed(void)
{
	int fd = live_listener(SCMP_SYS(getpgid));
	struct live_call *received_call = live_call(SYS_getpgid, 0);
	struct live_call *pending_call = live_call(SYS_getpgid, 0);
	struct live_call *later_call = live_call(SYS_getpgid, 0);
	pid_t pids[2];

	pids[0] = live_fork(fd, live_make_call, received_call);
	live_receive(fd);
	pids[1] = live_fork(fd, live_make_call, pending_call);
	live_await(fd);
	close(fd);
	live_wait_ok(pids[0]);
	live_wait_ok(pids[1]);
	live_wait_ok(live_fork(-1, live_make_call, later_call));
	live_expect(received_call, -1, ENOSYS);
	live_expect(pending_call, -1, ENOSYS);
	live_expect(later_call, -1, ENOSYS);
}

static void not_a_listener(void)
{
	struct seccomp_notif req;
	int ends[2];

	if (seccomp_api_get() < 5)
		SKIP("the kernel has no notifications (API level below 5)");
	CHECK_EQ(pipe(ends), 0);
	CHECK_ERR(seccomp_notify_receive(-1, &req), -ECANCELED, EBADF);
	CHECK_ERR(live_respond(-1, 1, 0, 0, 0), -ECANCELED, EBADF);
	CHECK_ERR(seccomp_notify_id_valid(-1, 1), -ENOENT, EBADF);
	CHECK_ERR(seccomp_notify_receive(ends[0], &req), -ECANCELED, ENOTTY);
	CHECK_ERR(live_respond(ends[0], 1, 0, 0, 0), -ECANCELED, ENOTTY);
	CHECK_ERR(seccomp_notify_id_valid(ends[0], 1), -ENOENT, ENOTTY);
}

static int raw_listener(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getsid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {4, filter};

	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
}

/* Such as a container manager's, inherited. */
static void second_listener(void)
{
	scmp_filter_ctx ctx = live_filter(SCMP_SYS(getpgid), SCMP_ACT_NOTIFY);
	int foreign, fds, fd;

	if (seccomp_api_get() < 5)
		SKIP("the kernel has no notifications (API level below 5)");
	foreign = raw_listener();
	CHECK(foreign >= 0);
	fds = live_open_fds();
	CHECK_ERR(seccomp_load(ctx), -ECANCELED, EBUSY);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1), 0);
	CHECK_ERR(seccomp_load(ctx), -EBUSY, EBUSY);
	CHECK_EQ(live_open_fds(), fds);
	CHECK_EQ(syscall(SYS_getpgid, 0L), getpgrp());
	/* Where the first is closed, a new one can be. */
	close(foreign);
	CHECK_EQ(seccomp_load(ctx), 0);
	fd = seccomp_notify_fd(ctx);
	CHECK(fd >= 0);
	CHECK_EQ(live_open_fds(), fds);
}

static void second_context(void)
{
	int fd = live_listener(SCMP_SYS(getpgid)), fds = live_open_fds();
	scmp_filter_ctx second = live_filter(SCMP_SYS(getsid), SCMP_ACT_NOTIFY);
	scmp_filter_ctx third = live_filter(SCMP_SYS(getsid), SCMP_ACT_ERRNO(1));
	struct live_call *call = live_call(SYS_getpgid, 0);
	pid_t pid;

	/* A chain of filters has one listener; the process keeps reporting it. */
	CHECK_EQ(seccomp_load(second), 0);
	CHECK_EQ(seccomp_notify_fd(second), fd);
	CHECK_EQ(seccomp_load(third), 0);
	CHECK_EQ(seccomp_notify_fd(third), fd);
	CHECK_EQ(live_open_fds(), fds);
	pid = live_fork(fd, live_make_call, call);
	CHECK_EQ(live_respond(fd, live_receive(fd).id, 6, 0, 0), 0);
	live_wait_ok(pid);
	live_expect(call, 6, 0);
	/* Forgetting it closes it. */
	CHECK_EQ(seccomp_reset(NULL, SCMP_ACT_ALLOW), 0);
	CHECK_EQ(live_open_fds(), fds - 1);
	CHECK(seccomp_notify_fd(second) < 0);
}

const struct live_test live_notify[] = {
	{"notify: alloc gives zeroed structures", allocated},
	{"notify: received and answered", received},
	{"notify: refused", refused},
	{"notify: continued", continued},
	{"notify: ADDFD, then the answer", addfd},
	{"notify: ADDFD in the wrong", addfd_wrong},
	{"notify: ADDFD_SEND", addfd_send},
	{"notify: 10000 round trips", round_trips},
	{"notify: answered in any order", any_order},
	{"notify: TSYNC", tsync_notify},
	{"notify: descriptor 0 is a listener", descriptor_0},
	{"notify: a process that never made a filter", pure_supervisor},
	{"notify: the listener hangs up after the last target", targets_gone},
	{"notify: listener closed: ENOSYS for pending and later calls", listener_closed},
	{"notify: errors on what is no listener", not_a_listener},
	{"notify: a foreign listener: EBUSY, raw and not", second_listener},
	{"notify: a second context reports the same listener", second_context},
	{NULL, NULL},
};
