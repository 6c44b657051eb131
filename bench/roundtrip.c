/* A notification there and back: through each library, through ioctl(2) alone, and what
 * two threads on one CPU need at least, a futex(2) there and back.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

#define TRIPS 500

enum command {
	WAIT,
	CALL,
	PING,
	END
};

/* Between the supervising thread and the one under the filter. */
struct shared {
	int listener;
	_Atomic uint32_t command, ball;
};

static void futex_wait(_Atomic uint32_t *at, uint32_t value)
{
	while (atomic_load(at) == value)
		syscall(SYS_futex, at, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_set(_Atomic uint32_t *at, uint32_t value)
{
	atomic_store(at, value);
	syscall(SYS_futex, at, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* getppid() is asked about, everything else allowed. */
static int listen_to_getppid(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {.len = 4, .filter = insns};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
}

static void *target(void *arg)
{
	struct shared *s = arg;

	s->listener = listen_to_getppid();
	futex_set(&s->ball, 1);
	for (;;) {
		uint32_t command;

		futex_wait(&s->command, WAIT);
		command = atomic_exchange(&s->command, WAIT);
		for (uint32_t i = 0; i < TRIPS && command == CALL; i++)
			if (syscall(SYS_getppid) != 4711)
				die("a notification got another answer");
		for (uint32_t i = 0; i < TRIPS && command == PING; i++) {
			futex_wait(&s->ball, 2 * i);
			futex_set(&s->ball, 2 * i + 2);
		}
		if (command == END)
			return NULL;
	}
}

static double trips(struct shared *s, const struct lib *lib, struct seccomp_notif *req,
	struct seccomp_notif_resp *resp)
{
	double begin;

	futex_set(&s->command, CALL);
	begin = now_us();
	for (unsigned int i = 0; i < TRIPS; i++) {
		int rc;

		memset(req, 0, sizeof(*req));
		rc = lib ? lib->notify_receive(s->listener, req)
			 : ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, req);
		if (rc < 0)
			die("cannot receive: %d", rc);
		memset(resp, 0, sizeof(*resp));
		resp->id = req->id;
		resp->val = 4711;
		rc = lib ? lib->notify_respond(s->listener, resp)
			 : ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SEND, resp);
		if (rc < 0)
			die("cannot respond: %d", rc);
	}
	return (now_us() - begin) / TRIPS;
}

static double pings(struct shared *s)
{
	double begin;

	atomic_store(&s->ball, 0);
	futex_set(&s->command, PING);
	begin = now_us();
	for (uint32_t i = 0; i < TRIPS; i++) {
		futex_set(&s->ball, 2 * i + 1);
		futex_wait(&s->ball, 2 * i + 1);
	}
	return (now_us() - begin) / TRIPS;
}

void bench_roundtrip(const struct lib lib[LIBS], unsigned int rounds)
{
	static const char *const names[] = {"ours", "theirs", "ioctl", "futex"};
	struct samples samples[LIBS + 2] = {0};
	struct seccomp_notif_resp *resp;
	struct seccomp_notif *req;
	struct shared s = {0};
	pthread_t thread;

	for (unsigned int i = LIBS; i-- > 0;)
		if (lib[i].notify_alloc(&req, &resp) < 0)
			die("no notifications on this kernel");
	if (pthread_create(&thread, NULL, target, &s) != 0)
		die("no thread");
	futex_wait(&s.ball, 0);
	if (s.listener < 0)
		die("no listener");
	for (unsigned int r = 0; r < rounds; r++) {
		for (unsigned int i = 0; i <= LIBS; i++)
			samples_add(&samples[i],
				trips(&s, i < LIBS ? &lib[i] : NULL, req, resp));
		samples_add(&samples[LIBS + 1], pings(&s));
	}
	futex_set(&s.command, END);
	pthread_join(thread, NULL);
	for (unsigned int i = 0; i < LIBS + 2; i++)
		samples_print(&samples[i], "us",
			"\"what\": \"roundtrip\", \"lib\": \"%s\"", names[i]);
}
