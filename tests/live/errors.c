/* Every system call of the kernel layer fails once with every error that it may meet: the
 * return code and errno are right, and nothing leaks.
 * SPDX-License-Identifier: MIT */
#include "notify.h"

#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int errors[] = {EINTR, EAGAIN, EPERM, ENOSYS, EBUSY, ENOMEM, EFAULT, EACCES};
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

/* Runs @body in a child for each error: a broken call stays broken. */
static void each_error(void (*body)(int error))
{
	for (size_t i = 0; i < ERRORS; i++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			body(errors[i]);
			_exit(0);
		}
		live_wait_ok(pid);
	}
}

static void load_refused(uint32_t action, int error)
{
	scmp_filter_ctx ctx = live_filter(SCMP_SYS(getpgid), action);
	int fds = live_open_fds();

	CHECK_ERR(seccomp_load(ctx), -ECANCELED, error);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1), 0);
	CHECK_ERR(seccomp_load(ctx), -error, error);
	CHECK_EQ(live_open_fds(), fds);
	CHECK(seccomp_notify_fd(ctx) < 0);
	CHECK_EQ(syscall(SYS_getpgid, 0L), getpgrp());
	seccomp_release(ctx);
}

static void break_attach(int error)
{
	if (seccomp_api_get() < 2)
		SKIP("the kernel has no seccomp(2)");
	live_break(SYS_seccomp, 0, SECCOMP_SET_MODE_FILTER, error);
	load_refused(SCMP_ACT_ERRNO(1), error);
}

static void break_attach_notify(int error)
{
	if (seccomp_api_get() < 5)
		SKIP("the kernel has no notifications (API level below 5)");
	live_break(SYS_seccomp, 0, SECCOMP_SET_MODE_FILTER, error);
	load_refused(SCMP_ACT_NOTIFY, error);
}

static void break_nnp(int error)
{
	seccomp_api_get();
	live_break(SYS_prctl, 0, PR_SET_NO_NEW_PRIVS, error);
	load_refused(SCMP_ACT_ERRNO(1), error);
}

static void break_prctl(int error)
{
	CHECK_EQ(seccomp_api_set(1), 0);
	live_break(SYS_prctl, 0, PR_SET_SECCOMP, error);
	load_refused(SCMP_ACT_ERRNO(1), error);
}

/* No seccomp(2), or a sandbox around us that hides it. */
static void break_probes(int error)
{
	scmp_filter_ctx ctx;

	live_break(SYS_seccomp, -1, 0, error);
	errno = 123;
	CHECK_EQ(seccomp_api_get(), 1);
	CHECK_EQ(errno, 123);
	ctx = live_filter(SCMP_SYS(getpgid), SCMP_ACT_ERRNO(20));
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1), -EOPNOTSUPP);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_WAITKILL, 1), 0);
	CHECK_EQ(seccomp_notify_alloc(NULL, NULL), -EOPNOTSUPP);
	CHECK_EQ(seccomp_load(ctx), 0);
	CHECK_ERR(syscall(SYS_getpgid, 0L), -1, 20);
}

/* An option that was accepted and cannot be had any more fails the load: not dropped. */
static void option_lost(void)
{
	scmp_filter_ctx ctx = live_filter(SCMP_SYS(getpgid), SCMP_ACT_ERRNO(20));

	if (seccomp_api_get() < 3)
		SKIP("the kernel has no LOG flag (API level below 3)");
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1), 0);
	CHECK_EQ(seccomp_api_set(1), 0);
	CHECK_ERR(seccomp_load(ctx), -ECANCELED, EOPNOTSUPP);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1), 0);
	CHECK_ERR(seccomp_load(ctx), -EOPNOTSUPP, EOPNOTSUPP);
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	CHECK_EQ(syscall(SYS_getpgid, 0L), getpgrp());
}

/* WAITKILL is a wish about a listener: it fails the load of a filter that makes one. */
static void waitkill_lost(void)
{
	scmp_filter_ctx ctx;

	if (seccomp_api_get() < 5)
		SKIP("the kernel has no notifications (API level below 5)");
	CHECK_EQ(seccomp_api_set(6), 0);
	ctx = live_filter(SCMP_SYS(getpgid), SCMP_ACT_NOTIFY);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_WAITKILL, 1), 0);
	CHECK_ERR(seccomp_load(ctx), -ECANCELED, EOPNOTSUPP);
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	CHECK_EQ(syscall(SYS_getpgid, 0L), getpgrp());
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_WAITKILL, 0), 0);
	CHECK_EQ(seccomp_load(ctx), 0);
	CHECK(seccomp_notify_fd(ctx) >= 0);
}

/* The two that libseccomp 2.6.1 answers otherwise: -EFAULT, and a crash. */
static void nothing_there(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	CHECK_EQ(seccomp_notify_fd(ctx), -1);
	CHECK_EQ(seccomp_attr_get(ctx, SCMP_FLTATR_CTL_NNP, NULL), -EINVAL);
	seccomp_release(ctx);
}

/* A level that the program has set, down to which notifications are there or not. */
static void level_forbids(void)
{
	struct seccomp_notif_addfd addfd = {0};
	struct seccomp_notif_resp *resp = NULL;
	struct seccomp_notif *req = NULL;
	unsigned int level = seccomp_api_get();

	for (unsigned int l = 1; l < 5; l++) {
		CHECK_EQ(seccomp_api_set(l), 0);
		CHECK_EQ(seccomp_notify_alloc(&req, &resp), -EOPNOTSUPP);
		CHECK(req == NULL && resp == NULL);
		CHECK_EQ(seccomp_notify_receive(-1, req), -EOPNOTSUPP);
		CHECK_EQ(seccomp_notify_respond(-1, resp), -EOPNOTSUPP);
		CHECK_EQ(seccomp_notify_id_valid(-1, 1), -EOPNOTSUPP);
		CHECK_EQ(seccomp_notify_addfd(-1, &addfd), -EOPNOTSUPP);
	}
	CHECK_EQ(seccomp_reset(NULL, 0), 0);
	CHECK_EQ(seccomp_api_get(), level);
	if (level < 5)
		SKIP("the kernel has no notifications (API level below 5)");
	CHECK_EQ(seccomp_notify_alloc(&req, &resp), 0);
	CHECK_ERR(seccomp_notify_receive(-1, req), -ECANCELED, EBADF);
	CHECK_ERR(seccomp_notify_respond(-1, resp), -ECANCELED, EBADF);
	CHECK_EQ(seccomp_notify_id_valid(-1, 1), -ENOENT);
	seccomp_notify_free(req, resp);
}

/* No descriptor is a listener there: what is none says so, a wrong number stays one. */
static void no_listeners(void)
{
	struct seccomp_notif req;
	struct seccomp_notif_resp resp = {0};

	live_break(SYS_seccomp, 1, 8 /* NEW_LISTENER */, EINVAL);
	CHECK_ERR(seccomp_notify_receive(-1, &req), -ECANCELED, EBADF);
	CHECK_ERR(seccomp_notify_respond(-1, &resp), -ECANCELED, EBADF);
	CHECK_EQ(seccomp_notify_id_valid(-1, 1), -ENOENT);
	live_break(SYS_ioctl, 0, 100, ENOTTY);
	CHECK_EQ(seccomp_notify_receive(100, &req), -EOPNOTSUPP);
	CHECK_EQ(seccomp_notify_respond(100, &resp), -EOPNOTSUPP);
	CHECK_EQ(seccomp_notify_id_valid(100, 1), -EOPNOTSUPP);
	live_break(SYS_ioctl, 0, 101, EINVAL);
	CHECK_EQ(seccomp_notify_receive(101, &req), -EOPNOTSUPP);
	live_break(SYS_ioctl, 0, 102, EIO);
	CHECK_ERR(seccomp_notify_receive(102, &req), -ECANCELED, EIO);
}

static void break_sizes(int error)
{
	struct seccomp_notif *req = NULL;
	struct seccomp_notif_resp *resp = NULL;

	if (seccomp_api_get() < 5)
		SKIP("the kernel has no notifications (API level below 5)");
	live_break(SYS_seccomp, 0, SECCOMP_GET_NOTIF_SIZES, error);
	CHECK_ERR(seccomp_notify_alloc(&req, &resp), -ECANCELED, error);
	CHECK(req == NULL && resp == NULL);
}

/* Kernels before 5.0 have no such operation. */
static void no_sizes(void)
{
	struct seccomp_notif *req = NULL;
	struct seccomp_notif_resp *resp = NULL;

	if (seccomp_api_get() < 5)
		SKIP("the kernel has no notifications (API level below 5)");
	live_break(SYS_seccomp, 0, SECCOMP_GET_NOTIF_SIZES, EINVAL);
	CHECK_EQ(seccomp_notify_alloc(&req, &resp), -EOPNOTSUPP);
	CHECK(req == NULL && resp == NULL);
}

/* Before 5.7 a filter had a listener or was for all threads. */
static void no_listener_with_tsync(void)
{
	scmp_filter_ctx ctx = live_filter(SCMP_SYS(getpgid), SCMP_ACT_ERRNO(1));

	if (seccomp_api_get() < 5)
		SKIP("the kernel has no notifications (API level below 5)");
	CHECK_EQ(seccomp_api_set(5), 0);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1), 0);
	CHECK_EQ(seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(getsid), 0), -EINVAL);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 0), 0);
	CHECK_EQ(seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(getsid), 0), 0);
	seccomp_release(ctx);
}

/* A file that takes nothing and says nothing: not tried for ever. */
static void write_nothing(void)
{
	scmp_filter_ctx ctx = live_filter(SCMP_SYS(getpgid), SCMP_ACT_ERRNO(1));
	int ends[2];

	CHECK_EQ(pipe(ends), 0);
	live_break(SYS_write, 0, (uint32_t)ends[1], 0);
	CHECK_ERR(seccomp_export_bpf(ctx, ends[1]), -ECANCELED, EIO);
	CHECK_ERR(seccomp_export_pfc(ctx, ends[1]), -ECANCELED, EIO);
}

static uint32_t broken_ioctl;

/* A target that never gets an answer is ended with the test's process group. */
static void break_ioctl(int error)
{
	int fd = live_listener(SCMP_SYS(getpgid)), fds = live_open_fds();
	struct seccomp_notif req;
	uint64_t id;

	live_fork(fd, live_make_call, live_call(SYS_getpgid, 0));
	id = live_receive(fd).id;
	live_break(SYS_ioctl, 1, broken_ioctl, error);
	if (broken_ioctl == (uint32_t)SECCOMP_IOCTL_NOTIF_RECV)
		CHECK_ERR(seccomp_notify_receive(fd, &req), -ECANCELED, error);
	if (broken_ioctl == (uint32_t)SECCOMP_IOCTL_NOTIF_SEND)
		CHECK_ERR(live_respond(fd, id, 0, 0, 0), -ECANCELED, error);
	if (broken_ioctl == (uint32_t)SECCOMP_IOCTL_NOTIF_ADDFD)
		CHECK_ERR(live_addfd(fd, id, fd, -1, 0), -ECANCELED, error);
	if (broken_ioctl == (uint32_t)SECCOMP_IOCTL_NOTIF_ID_VALID)
		CHECK_ERR(seccomp_notify_id_valid(fd, id), -ENOENT, error);
	CHECK_EQ(live_open_fds(), fds);
}

static void attach_fails(void)
{
	each_error(break_attach);
}

static void attach_notify_fails(void)
{
	each_error(break_attach_notify);
}

static void nnp_fails(void)
{
	each_error(break_nnp);
}

static void prctl_fails(void)
{
	each_error(break_prctl);
}

static void probes_fail(void)
{
	each_error(break_probes);
}

static void sizes_fail(void)
{
	each_error(break_sizes);
}

static void each_ioctl_error(uint32_t number)
{
	broken_ioctl = number;
	each_error(break_ioctl);
}

static void receive_fails(void)
{
	each_ioctl_error(SECCOMP_IOCTL_NOTIF_RECV);
}

static void respond_fails(void)
{
	each_ioctl_error(SECCOMP_IOCTL_NOTIF_SEND);
}

static void addfd_fails(void)
{
	each_ioctl_error(SECCOMP_IOCTL_NOTIF_ADDFD);
}

static void id_valid_fails(void)
{
	each_ioctl_error(SECCOMP_IOCTL_NOTIF_ID_VALID);
}

/* Kernels from 5.0 to 5.7 know ID_VALID by its old number alone. */
static void id_valid_old_number(void)
{
	int fd = live_listener(SCMP_SYS(getpgid));
	pid_t pid = live_fork(fd, live_make_call, live_call(SYS_getpgid, 0));
	uint64_t id = live_receive(fd).id;

	live_break(SYS_ioctl, 1, SECCOMP_IOW(2, __u64), EINVAL);
	CHECK_EQ(seccomp_notify_id_valid(fd, id), 0);
	CHECK_EQ(seccomp_notify_id_valid(fd, id + 1), -ENOENT);
	CHECK_EQ(live_respond(fd, id, 0, 0, 0), 0);
	live_wait_ok(pid);
}

const struct live_test live_errors[] = {
	{"errors: seccomp(2) refuses the filter", attach_fails},
	{"errors: seccomp(2) refuses the listener", attach_notify_fails},
	{"errors: NO_NEW_PRIVS refused", nnp_fails},
	{"errors: prctl(2) refuses the filter", prctl_fails},
	{"errors: seccomp(2) fails altogether: level 1, through prctl(2)", probes_fail},
	{"errors: an option that cannot be had fails the load", option_lost},
	{"errors: WAITKILL that cannot be had fails the load of a listener", waitkill_lost},
	{"errors: no listener yet, nowhere to store a value", nothing_there},
	{"errors: a level below 5 forbids notifications", level_forbids},
	{"errors: descriptors on a kernel without listeners", no_listeners},
	{"errors: alloc", sizes_fail},
	{"errors: alloc on a kernel without notifications", no_sizes},
	{"errors: NOTIFY for all threads on a kernel before 5.7", no_listener_with_tsync},
	{"errors: write(2) writes nothing", write_nothing},
	{"errors: receive", receive_fails},
	{"errors: respond", respond_fails},
	{"errors: addfd", addfd_fails},
	{"errors: id_valid", id_valid_fails},
	{"errors: id_valid on a kernel that knows only the old number",
		id_valid_old_number},
	{NULL, NULL},
};
