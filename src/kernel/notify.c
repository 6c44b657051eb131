/* The ioctls of a listener.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/kernel.h"
#include "kernel/uapi.h"

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

int sc_notify_sizes(size_t *req, size_t *resp)
{
	struct seccomp_notif_sizes sizes;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == -1)
		return -errno;
	*req = larger(sizes.seccomp_notif, sizeof(struct seccomp_notif));
	*resp = larger(sizes.seccomp_notif_resp, sizeof(struct seccomp_notif_resp));
	return 0;
}

int sc_notify_receive(int fd, struct seccomp_notif *req)
{
	/* The ioctl's number holds this size: a kernel that writes more has another
	 * number, and @req may be a plain structure on the caller's stack. */
	memset(req, 0, sizeof(*req));
	return ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, req) == -1 ? -errno : 0;
}

int sc_notify_respond(int fd, const struct seccomp_notif_resp *resp)
{
	return ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, resp) == -1 ? -errno : 0;
}

static int id_valid_once(int fd, uint64_t id)
{
	if (ioctl(fd, SC_NOTIF_ID_VALID, &id) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	return ioctl(fd, SC_NOTIF_ID_VALID_5_0, &id) == -1 ? -errno : 0;
}

int sc_notify_id_valid(int fd, uint64_t id)
{
	int rc = -EINTR;

	/* The kernel waits for the listener's lock interruptibly, and holds it for less
	 * than a microsecond: the bound only ends what would go on for ever. */
	for (int tries = 0; rc == -EINTR && tries < 100; tries++)
		rc = id_valid_once(fd, id);
	return rc;
}

int sc_notify_addfd(int fd, const void *addfd)
{
	int installed = ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, addfd);

	return installed == -1 ? -errno : installed;
}
