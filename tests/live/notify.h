/* What the notification tests share.
 * SPDX-License-Identifier: MIT */
#ifndef LIVE_NOTIFY_H
#define LIVE_NOTIFY_H

#include "live.h"

/* A call to make in a target, and what came of it. Lies in shared memory. */
struct live_call {
	long nr, args[3];
	long result;
	int error;
};

struct live_call *live_call(long nr, long arg0);
void live_make_call(void *call);
void live_expect(const struct live_call *call, long result, int error);

/* Skips where the kernel has no notifications. */
int live_listener(int nr);
/* One notification; EINTR is retried. */
struct seccomp_notif live_receive(int listener);
/* 0 or what seccomp_notify_respond() says. */
int live_respond(int listener, uint64_t id, long value, int error, uint32_t flags);

/* Installs @srcfd in the target, through the library where it can: the number there, or
 * -ECANCELED with errno. @newfd -1: the lowest free one. */
int live_addfd(int listener, uint64_t id, int srcfd, int newfd, uint32_t flags);

/* Passes a descriptor over a socket, and takes one. */
void live_send_fd(int socket, int fd);
int live_take_fd(int socket);

#endif
