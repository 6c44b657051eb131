/* Descriptors beside messages (SCM_RIGHTS). Bare.
 * SPDX-License-Identifier: MIT */
#include "util/util.h"

union control {
	char bytes[CMSG_SPACE(sizeof(int) * MAX_RIGHTS)];
	struct cmsghdr align;
};

/* What came beside a message: up to @room into @fds, the rest is closed. Returns how many. */
unsigned sc_sluice_rights(struct msghdr *h, int *fds, unsigned room)
{
	unsigned n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			__builtin_memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (n < room)
				fds[n++] = fd;
			else
				syscall(SYS_close, fd);
		}
	}
	return n;
}

/* All @size bytes, @fds beside the first. A stream may take part at a time. */
int sc_sluice_send_rights(int socket, const void *data, size_t size, const int *fds, unsigned count)
{
	struct iovec iov[] = {{(void *)(uintptr_t)data, size}};
	union control control;
	struct msghdr h = {.msg_iov = iov, .msg_iovlen = COUNT(iov)};
	struct cmsghdr *c;

	if (count) {
		__builtin_memset(&control, 0, sizeof(control));
		h.msg_control = control.bytes;
		h.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * count);
		__builtin_memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
	}
	while (iov->iov_len) {
		long n = syscall(SYS_sendmsg, socket, &h, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		iov->iov_base = (char *)iov->iov_base + n;
		iov->iov_len -= (size_t)n;
		h.msg_control = NULL;
		h.msg_controllen = 0;
	}
	return 0;
}

/* Exactly @size bytes and the descriptors beside them, which are the caller's. 0, -EPIPE at the
 * end, -errno; on failure no descriptor is left. */
int sc_sluice_recv_rights(int socket, void *data, size_t size, int *fds, unsigned room,
	unsigned *count)
{
	struct iovec iov[] = {{data, size}};
	unsigned n_fds = 0;
	int rc = 0;

	while (iov->iov_len && !rc) {
		union control control;
		struct msghdr h = {.msg_iov = iov,
			.msg_iovlen = COUNT(iov),
			.msg_control = control.bytes,
			.msg_controllen = CMSG_SPACE(sizeof(int) * room)};
		long n = syscall(SYS_recvmsg, socket, &h, MSG_CMSG_CLOEXEC);

		/* ECONNRESET, once, says that the other side died without having read all;
		 * what it said before comes after that. */
		if (n < 0 && (errno == EINTR || errno == ECONNRESET))
			continue;
		if (n <= 0) {
			rc = n < 0 ? -errno : -EPIPE;
			break;
		}
		n_fds += sc_sluice_rights(&h, fds + n_fds, room - n_fds);
		if (h.msg_flags & MSG_CTRUNC)
			rc = -EMFILE;
		iov->iov_base = (char *)iov->iov_base + n;
		iov->iov_len -= (size_t)n;
	}
	while (rc && n_fds)
		syscall(SYS_close, fds[--n_fds]);
	if (!rc)
		*count = n_fds;
	return rc;
}
