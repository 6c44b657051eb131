/* The kernel layer from inside: what only it can be asked, and the errors that the public
 * API narrows. SPDX-License-Identifier: MIT */
#include "kernel/kernel.h"
#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sock_filter notify_getpgid[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
static const struct sock_fprog prog = {4, notify_getpgid};
static const struct sc_kernel_load with_listener = {.nnp = true, .notify = true};

static int load_listener(void)
{
	int fd = -7;

	if (!sc_kernel_has(SC_KERNEL_NOTIFY))
		SKIP("the kernel has no notifications");
	CHECK_EQ(sc_kernel_load(&prog, &with_listener, &fd), 0);
	CHECK(fd >= 0);
	return fd;
}

static void shared_listener(void)
{
	struct sc_kernel_load how = with_listener;
	int first = load_listener(), second = -7, fds = live_open_fds();

	how.waitkill = sc_kernel_has(SC_KERNEL_WAITKILL);
	how.tsync = sc_kernel_has(SC_KERNEL_TSYNC_ESRCH);
	CHECK_EQ(sc_kernel_load(&prog, &how, &second), 0);
	CHECK_EQ(second, first);
	CHECK_EQ(live_open_fds(), fds);
}

static void new_listener_after_close(void)
{
	int first = load_listener(), second;

	close(first);
	CHECK_EQ(dup2(1, first), first);
	second = load_listener();
	CHECK(second != first);
	CHECK_EQ(sc_kernel_listener(-1), second);
	CHECK_EQ(sc_kernel_listener(first), first);
}

static void no_listener_asked(void)
{
	const struct sc_kernel_load how = {.nnp = true};
	int fd = -7;

	CHECK_EQ(sc_kernel_load(&prog, &how, &fd), 0);
	CHECK_EQ(fd, -1);
	CHECK_EQ(sc_kernel_listener(-1), -1);
}

static void dropped(void)
{
	int fd = load_listener(), fds = live_open_fds();

	CHECK_EQ(sc_kernel_listener(-1), fd);
	CHECK_EQ(sc_kernel_listener(fd), fd);
	errno = 99;
	sc_kernel_listener_drop();
	sc_kernel_listener_drop();
	CHECK_EQ(errno, 99);
	CHECK_EQ(live_open_fds(), fds - 1);
	CHECK_EQ(sc_kernel_listener(-1), -1);
	CHECK_EQ(sc_kernel_listener(fd), -1);
	/* The number is good again once a listener has it. */
	CHECK_EQ(load_listener(), fd);
	CHECK_EQ(sc_kernel_listener(fd), fd);
}

/* The caller closed it, and the number is somebody else's now. */
static void dropped_reused(void)
{
	int fd = load_listener(), ends[2];

	CHECK_EQ(pipe(ends), 0);
	CHECK_EQ(dup2(ends[0], fd), fd);
	sc_kernel_listener_drop();
	CHECK(fcntl(fd, F_GETFD) != -1);
	CHECK_EQ(sc_kernel_listener(-1), -1);
}

static void nothing_changed(void)
{
	struct sc_kernel_load how = {.nnp = true};
	bool *const options[] = {
		&how.tsync, &how.log, &how.ssb, &how.notify};
	int fd = -7;

	CHECK_EQ(sc_kernel_api_set(1), 0);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		*options[i] = true;
		CHECK_EQ(sc_kernel_load(&prog, &how, &fd), -EOPNOTSUPP);
		*options[i] = false;
	}
	CHECK_EQ(fd, -7);
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	/* TSYNC and a listener each, not both: level 5. */
	CHECK_EQ(sc_kernel_api_set(5), 0);
	how.waitkill = how.notify = true;
	CHECK_EQ(sc_kernel_load(&prog, &how, &fd), -EOPNOTSUPP);
	how.waitkill = false;
	how.tsync = how.notify = true;
	CHECK_EQ(sc_kernel_load(&prog, &how, &fd), -EOPNOTSUPP);
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
}

static void bad_program(void)
{
	struct sock_filter endless = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
	const struct sock_fprog bad = {1, &endless}, nowhere = {1, (void *)8};
	const struct sc_kernel_load how = {.nnp = true};
	int fd = -7, fds = live_open_fds();

	CHECK_EQ(sc_kernel_load(&bad, &how, &fd), -EINVAL);
	CHECK_EQ(sc_kernel_load(&nowhere, &how, &fd), -EFAULT);
	CHECK_EQ(sc_kernel_load(&bad, &with_listener, &fd), -EINVAL);
	CHECK_EQ(fd, -7);
	CHECK_EQ(live_open_fds(), fds);
}

static const struct {
	enum sc_kernel_feature feature;
	uint32_t op, flags; /* the probe to break */
	unsigned int level; /* what is left then */
} probes[] = {
	{SC_KERNEL_TSYNC, SECCOMP_SET_MODE_FILTER, 1, 1},
	{SC_KERNEL_LOG_FLAG, SECCOMP_SET_MODE_FILTER, 2, 2},
	{SC_KERNEL_LOG_ACTION, SECCOMP_GET_ACTION_AVAIL, 0, 2},
	{SC_KERNEL_KILL_PROCESS, SECCOMP_GET_ACTION_AVAIL, 0, 2},
	{SC_KERNEL_SSB, SECCOMP_SET_MODE_FILTER, 4, 3},
	{SC_KERNEL_NOTIFY, SECCOMP_SET_MODE_FILTER, 8, 4},
	{SC_KERNEL_NOTIFY, SECCOMP_GET_NOTIF_SIZES, 0, 4},
	{SC_KERNEL_TSYNC_ESRCH, SECCOMP_SET_MODE_FILTER, 16, 5},
	{SC_KERNEL_WAITKILL, SECCOMP_SET_MODE_FILTER, 40, 6},
};

static void break_one_probe(void *index)
{
	size_t i = *(size_t *)index;

	if (probes[i].op == SECCOMP_SET_MODE_FILTER)
		live_break(SYS_seccomp, 1, probes[i].flags, EINVAL);
	else
		live_break(SYS_seccomp, 0, probes[i].op, EINVAL);
	/* Cached until asked again. */
	CHECK(sc_kernel_has(probes[i].feature));
	sc_kernel_reprobe();
	CHECK(!sc_kernel_has(probes[i].feature));
	CHECK_EQ(sc_kernel_api_get(), probes[i].level);
	/* A gap in the levels takes nothing else away. */
	for (int f = 0; f < SC_KERNEL_FEATURES; f++)
		if (probes[i].op == SECCOMP_SET_MODE_FILTER &&
			f != (int)probes[i].feature)
			CHECK(sc_kernel_has(f));
}

static void gaps(void)
{
	if (sc_kernel_api_get() < 7)
		SKIP("the kernel has gaps of its own (API level below 7)");
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		live_wait_ok(live_fork(-1, break_one_probe, &i));
}

static void *probe_often(void *unused)
{
	(void)unused;
	for (int i = 0; i < 1000; i++) {
		sc_kernel_reprobe();
		CHECK(sc_kernel_has(SC_KERNEL_SYSCALL));
		CHECK(sc_kernel_api_get() >= 2);
	}
	return NULL;
}

static void probing_threads(void)
{
	pthread_t threads[16];

	if (sc_kernel_api_get() < 2)
		SKIP("the kernel has no seccomp(2)");
	for (int i = 0; i < 16; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, probe_often, NULL), 0);
	for (int i = 0; i < 16; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static void sizes(void)
{
	size_t req = 0, resp = 0;

	if (!sc_kernel_has(SC_KERNEL_NOTIFY))
		SKIP("the kernel has no notifications");
	CHECK_EQ(sc_notify_sizes(&req, &resp), 0);
	CHECK(req >= sizeof(struct seccomp_notif));
	CHECK(resp >= sizeof(struct seccomp_notif_resp));
}

const struct live_test live_layer[] = {
	{"layer: a second listener is the first", shared_listener},
	{"layer: a closed listener makes room", new_listener_after_close},
	{"layer: no listener unless asked for", no_listener_asked},
	{"layer: a dropped listener is closed and forgotten", dropped},
	{"layer: a reused descriptor is not closed", dropped_reused},
	{"layer: nothing changes when an option cannot be had", nothing_changed},
	{"layer: the kernel's own errors", bad_program},
	{"layer: a probe that fails costs its feature and the levels above", gaps},
	{"layer: probed by 16 threads again and again", probing_threads},
	{"layer: sizes", sizes},
	{NULL, NULL},
};
