/* Messages of a hand-over: fixed heads, descriptors beside them.
 * SPDX-License-Identifier: MIT
 * Runs in the keeper too, where only bare system calls are safe (it was cloned from a process
 * that may have had threads in the middle of anything). */
#include "internal.h"

union control {
	char bytes[CMSG_SPACE(sizeof(int) * MESSAGE_FDS)];
	struct cmsghdr align;
};

int sc_sluice_send_message(int socket, const struct message *m, const int *fds, int count)
{
	struct iovec iov = {(void *)(uintptr_t)m, sizeof(*m)};
	union control control = {{0}};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (count) {
		h.msg_control = control.bytes;
		h.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
		__builtin_memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)count);
	}
	while (iov.iov_len) {
		long n = syscall(SYS_sendmsg, socket, &h, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		iov.iov_base = (char *)iov.iov_base + n; /* a stream may take part */
		iov.iov_len -= (size_t)n;
		h.msg_control = NULL;
		h.msg_controllen = 0;
	}
	return 0;
}

static void take_fds(struct msghdr *h, int *fds, int *count)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			__builtin_memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (*count < MESSAGE_FDS)
				fds[(*count)++] = fd;
			else
				syscall(SYS_close, fd);
		}
	}
}

/* One message and its descriptors, which are the caller's. 0, -EPIPE at the end, -errno;
 * on failure no descriptor is left. */
int sc_sluice_recv_message(int socket, struct message *m, int *fds, int *count)
{
	struct message got = {0};
	struct iovec iov = {&got, sizeof(got)};
	int rc = 0, n_fds = 0;

	while (iov.iov_len && !rc) {
		union control control = {{0}};
		struct msghdr h = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.bytes,
			.msg_controllen = sizeof(control.bytes)};
		long n = syscall(SYS_recvmsg, socket, &h, MSG_CMSG_CLOEXEC);

		/* ECONNRESET, once, says that the other side died without having read all;
		 * what it said before comes after that. */
		if (n < 0 && (errno == EINTR || errno == ECONNRESET))
			continue;
		if (n <= 0) {
			rc = n < 0 ? -errno : -EPIPE;
			break;
		}
		take_fds(&h, fds, &n_fds);
		if (h.msg_flags & MSG_CTRUNC)
			rc = -EMFILE;
		iov.iov_base = (char *)iov.iov_base + n;
		iov.iov_len -= (size_t)n;
	}
	if (!rc && (got.magic != JOURNAL_MAGIC || got.count > MESSAGE_FDS))
		rc = -EPROTO;
	if (rc) {
		while (n_fds)
			syscall(SYS_close, fds[--n_fds]);
		return rc;
	}
	*m = got;
	*count = n_fds;
	return 0;
}

/* Send everything and wait for the byte that says it arrived. Whether it was
 * taken is for the baton to say, whatever this returns. */
int sc_sluice_offer(int socket, uint32_t offer, int journal_fd, const struct kept *kept,
	const int *fds, uint32_t count)
{
	struct message m = {
		.magic = JOURNAL_MAGIC, .kind = M_JOURNAL, .total = count, .offer = offer};
	int rc = sc_sluice_send_message(socket, &m, &journal_fd, 1);
	char ack;

	for (uint32_t at = 0; at < count && !rc; at += m.count) {
		m.kind = M_LISTENERS;
		m.count = count - at < MESSAGE_FDS ? count - at : MESSAGE_FDS;
		__builtin_memcpy(m.kept, kept + at, m.count * sizeof(*kept));
		rc = sc_sluice_send_message(socket, &m, fds + at, (int)m.count);
	}
	while (!rc) {
		long n = syscall(SYS_recvfrom, socket, &ack, 1, 0, NULL, NULL);

		if (n == 1)
			return 0;
		if (n == 0)
			rc = -EPIPE;
		else if (errno != EINTR)
			rc = -errno;
	}
	return rc;
}
