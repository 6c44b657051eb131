/* Loading: attributes, threads, return codes.
 * SPDX-License-Identifier: MIT */
#include "live.h"

#include <errno.h>
#include <linux/filter.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 8

static void api_level(void)
{
	unsigned int level = seccomp_api_get();

	CHECK(level >= 1 && level <= 7);
	CHECK_EQ(seccomp_api_set(0), -EINVAL);
	CHECK_EQ(seccomp_api_set(8), -EINVAL);
	CHECK_EQ(seccomp_api_get(), level);
	for (unsigned int l = 1; l <= level; l++) {
		CHECK_EQ(seccomp_api_set(l), 0);
		CHECK_EQ(seccomp_api_get(), l);
	}
}

static void lower_level(void)
{
	struct seccomp_notif *req;
	struct seccomp_notif_resp *resp;
	struct seccomp_notif notif;
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	CHECK_EQ(seccomp_api_set(1), 0);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1), -EOPNOTSUPP);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1), -EOPNOTSUPP);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_SSB, 1), -EOPNOTSUPP);
	CHECK_EQ(seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(getsid), 0), -EINVAL);
	CHECK_EQ(seccomp_notify_alloc(&req, &resp), -EOPNOTSUPP);
	CHECK_EQ(seccomp_notify_receive(0, &notif), -EOPNOTSUPP);
	CHECK_EQ(seccomp_notify_id_valid(0, 0), -EOPNOTSUPP);
	/* Through prctl(2), as on a kernel before 3.17. */
	live_loaded(SCMP_SYS(getpgid), SCMP_ACT_ERRNO(21));
	CHECK_ERR(syscall(SYS_getpgid, 0L), -1, 21);
	CHECK_EQ(prctl(PR_GET_SECCOMP, 0, 0, 0, 0), SECCOMP_MODE_FILTER);
}

static void *get_level(void *start)
{
	while (!__atomic_load_n((int *)start, __ATOMIC_SEQ_CST))
		sched_yield();
	return (void *)(uintptr_t)seccomp_api_get();
}

static void level_in_threads(void)
{
	pthread_t threads[THREADS];
	int start = 0;
	void *first = NULL, *level;

	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, get_level, &start), 0);
	__atomic_store_n(&start, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < THREADS; i++) {
		CHECK_EQ(pthread_join(threads[i], &level), 0);
		if (i == 0)
			first = level;
		CHECK(level == first && level != NULL);
	}
}

static void nnp_on(void)
{
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	live_loaded(SCMP_SYS(getpgid), SCMP_ACT_ERRNO(1));
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
}

static void nnp_off_as_root(void)
{
	scmp_filter_ctx ctx = live_filter(SCMP_SYS(getpgid), SCMP_ACT_ERRNO(22));

	if (geteuid() != 0)
		SKIP("not root");
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0), 0);
	CHECK_EQ(seccomp_load(ctx), 0);
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	CHECK_ERR(syscall(SYS_getpgid, 0L), -1, 22);
}

static void nnp_off_as_user(void)
{
	scmp_filter_ctx ctx = live_filter(SCMP_SYS(getpgid), SCMP_ACT_ERRNO(22));

	if (geteuid() == 0)
		CHECK_EQ(setuid(65534), 0);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0), 0);
	CHECK_ERR(seccomp_load(ctx), -ECANCELED, EACCES);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1), 0);
	CHECK_ERR(seccomp_load(ctx), -EACCES, EACCES);
	CHECK_EQ(syscall(SYS_getpgid, 0L), getpgrp());
	/* Nothing has happened to the context. */
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 1), 0);
	CHECK_EQ(seccomp_load(ctx), 0);
	CHECK_ERR(syscall(SYS_getpgid, 0L), -1, 22);
}

static pthread_barrier_t before, after;

static void *denied_after_load(void *data)
{
	intptr_t denied;

	(void)data;
	pthread_barrier_wait(&before);
	pthread_barrier_wait(&after);
	errno = 0;
	denied = syscall(SYS_getpgid, 0L) == -1 && errno == 23;
	return (void *)denied;
}

static void load_among_threads(int tsync)
{
	scmp_filter_ctx ctx = live_filter(SCMP_SYS(getpgid), SCMP_ACT_ERRNO(23));
	pthread_t threads[THREADS];
	void *denied;

	if (seccomp_api_get() < 2)
		SKIP("the kernel has no TSYNC (API level below 2)");
	pthread_barrier_init(&before, NULL, THREADS + 1);
	pthread_barrier_init(&after, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, denied_after_load, NULL), 0);
	pthread_barrier_wait(&before);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, tsync), 0);
	CHECK_EQ(seccomp_load(ctx), 0);
	pthread_barrier_wait(&after);
	for (int i = 0; i < THREADS; i++) {
		CHECK_EQ(pthread_join(threads[i], &denied), 0);
		CHECK_EQ((intptr_t)denied, tsync);
	}
	CHECK_ERR(syscall(SYS_getpgid, 0L), -1, 23);
}

static void tsync_on(void)
{
	load_among_threads(1);
}

static void tsync_off(void)
{
	load_among_threads(0);
}

static void *diverge(void *data)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = {1, &allow};

	(void)data;
	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0), 0);
	pthread_barrier_wait(&before);
	pthread_barrier_wait(&after);
	return NULL;
}

/* A thread with a filter of its own cannot be synchronised. */
static void tsync_fails(uint32_t action)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	pthread_t thread;
	int fds;

	pthread_barrier_init(&before, NULL, 2);
	pthread_barrier_init(&after, NULL, 2);
	CHECK_EQ(pthread_create(&thread, NULL, diverge, NULL), 0);
	pthread_barrier_wait(&before);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1), 0);
	CHECK_EQ(seccomp_rule_add(ctx, action, SCMP_SYS(getpgid), 0), 0);
	fds = live_open_fds();
	CHECK_ERR(seccomp_load(ctx), -ECANCELED, ESRCH);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1), 0);
	CHECK_EQ(seccomp_load(ctx), -ESRCH);
	CHECK_EQ(live_open_fds(), fds);
	CHECK_EQ(syscall(SYS_getpgid, 0L), getpgrp());
	pthread_barrier_wait(&after);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void tsync_refused(void)
{
	if (seccomp_api_get() < 2)
		SKIP("the kernel has no TSYNC (API level below 2)");
	tsync_fails(SCMP_ACT_ERRNO(1));
}

static void tsync_notify_refused(void)
{
	if (seccomp_api_get() < 6)
		SKIP("the kernel has no TSYNC with NOTIFY (API level below 6)");
	tsync_fails(SCMP_ACT_NOTIFY);
}

static void log_and_ssb(void)
{
	scmp_filter_ctx ctx = live_filter(SCMP_SYS(getpgid), SCMP_ACT_ERRNO(24));

	if (seccomp_api_get() < 4)
		SKIP("the kernel has no LOG or SSB flag (API level below 4)");
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1), 0);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_SSB, 1), 0);
	CHECK_EQ(seccomp_load(ctx), 0);
	CHECK_ERR(syscall(SYS_getpgid, 0L), -1, 24);
}

/* The loading thread may do nothing but end: not even give memory back with brk(2), which
 * the C library does now and then when much of it is freed. */
static void load_and_exit(void *data)
{
	const unsigned int rules = *(unsigned int *)data;
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);

	CHECK_EQ(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(exit_group), 0), 0);
	for (unsigned int i = 0; i < rules; i++)
		CHECK_EQ(
			seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(getpgid), 2,
				SCMP_A0(SCMP_CMP_EQ, 7 * i), SCMP_A1(SCMP_CMP_EQ, 3 * i)),
			0);
	seccomp_load(ctx);
	syscall(SYS_exit_group, 0);
}

static void strict_filter(void)
{
	for (unsigned int rules = 0; rules < 500; rules += 10)
		live_wait_ok(live_fork(-1, load_and_exit, &rules));
}

static void forced_level(void)
{
	scmp_filter_ctx ctx = live_filter(SCMP_SYS(getpgid), SCMP_ACT_ERRNO(25));

	/* What the kernel lacks is refused by it, whatever the level pretends: TSYNC is
	 * made unknown here. */
	live_break(SYS_seccomp, 1, 1, EINVAL);
	CHECK_EQ(seccomp_api_set(2), 0);
	CHECK_EQ(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1), 0);
	CHECK_ERR(seccomp_load(ctx), -ECANCELED, EINVAL);
	CHECK_EQ(syscall(SYS_getpgid, 0L), getpgrp());
}

const struct live_test live_load[] = {
	{"API level: get and set", api_level},
	{"API level 1: what it lacks is refused, the rest works", lower_level},
	{"API level: probed by 8 threads at once", level_in_threads},
	{"API level forced over the kernel's: load fails", forced_level},
	{"a filter that allows nothing else lets load return", strict_filter},
	{"NNP on by default", nnp_on},
	{"NNP off as root", nnp_off_as_root},
	{"NNP off as a user: EACCES, raw and not", nnp_off_as_user},
	{"TSYNC over 8 threads", tsync_on},
	{"without TSYNC only the caller", tsync_off},
	{"TSYNC refused: ESRCH, raw and not", tsync_refused},
	{"TSYNC with NOTIFY refused: no listener leaks", tsync_notify_refused},
	{"LOG and SSB flags", log_and_ssb},
	{NULL, NULL},
};
