/* What the notification tests share.
 * SPDX-License-Identifier: MIT */
#include "notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_ADDFD
#error "needs kernel headers of 5.9 or later"
#endif

/* New in 2.7: another libseccomp may lack it. */
extern int seccomp_notify_addfd(int fd, struct seccomp_notif_addfd *addfd)
	__attribute__((weak));

struct live_call *live_call(long nr, long arg0)
{
	struct live_call *call = live_shared(sizeof(*call));

	call->nr = nr;
	call->args[0] = arg0;
	return call;
}

void live_make_call(void *data)
{
	struct live_call *call = data;

	errno = 0;
	call->result = syscall(call->nr, call->args[0], call->args[1], call->args[2]);
	call->error = errno;
}

void live_expect(const struct live_call *call, long result, int error)
{
	CHECK_EQ(call->result, result);
	CHECK_EQ(call->error, error);
}

int live_listener(int nr)
{
	if (seccomp_api_get() < 5)
		SKIP("the kernel has no notifications (API level below 5)");
	return live_loaded(nr, SCMP_ACT_NOTIFY);
}

struct seccomp_notif live_receive(int listener)
{
	struct seccomp_notif *req, copy;
	int rc;

	CHECK_EQ(seccomp_notify_alloc(&req, NULL), 0);
	while ((rc = seccomp_notify_receive(listener, req)) == -ECANCELED &&
		errno == EINTR)
		;
	CHECK_EQ(rc, 0);
	copy = *req;
	seccomp_notify_free(req, NULL);
	return copy;
}

int live_respond(int listener, uint64_t id, long value, int error, uint32_t flags)
{
	struct seccomp_notif_resp resp = {
		.id = id, .val = value, .error = error, .flags = flags};

	return seccomp_notify_respond(listener, &resp);
}

int live_addfd(int listener, uint64_t id, int srcfd, int newfd, uint32_t flags)
{
	struct seccomp_notif_addfd addfd = {.id = id,
		.flags = flags | (newfd >= 0 ? SECCOMP_ADDFD_FLAG_SETFD : 0),
		.srcfd = srcfd,
		.newfd = newfd >= 0 ? newfd : 0};
	int rc;

	if (seccomp_notify_addfd)
		return seccomp_notify_addfd(listener, &addfd);
	rc = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd);
	return rc == -1 ? -ECANCELED : rc;
}

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

void live_send_fd(int socket, int fd)
{
	union control control = {0};
	char byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&msg);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	CHECK_EQ(sendmsg(socket, &msg, 0), 1);
}

int live_take_fd(int socket)
{
	union control control = {0};
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	int fd;

	CHECK_EQ(recvmsg(socket, &msg, MSG_CMSG_CLOEXEC), 1);
	CHECK(CMSG_FIRSTHDR(&msg) != NULL);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}
