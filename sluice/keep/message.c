/* Messages of a hand-over: fixed heads, descriptors beside them.
 * SPDX-License-Identifier: MIT
 * Runs in the keeper too, where only bare system calls are safe (it was cloned from a process
 * that may have had threads in the middle of anything). */
#include "keep/keep.h"

int sc_keep_send(int socket, const struct message *m, const int *fds, int count)
{
	return sc_sluice_send_rights(socket, m, sizeof(*m), fds, (unsigned)count);
}

/* One message and its descriptors, which are the caller's. 0, -EPIPE at the end, -errno;
 * on failure no descriptor is left. */
int sc_keep_recv(int socket, struct message *m, int *fds, int *count)
{
	struct message got = {0};
	unsigned n = 0;
	int rc = sc_sluice_recv_rights(socket, &got, sizeof(got), fds, MESSAGE_FDS, &n);

	if (!rc && (got.magic != JOURNAL_MAGIC || got.count > MESSAGE_FDS)) {
		while (n)
			syscall(SYS_close, fds[--n]);
		rc = -EPROTO;
	}
	if (rc)
		return rc;
	*m = got;
	*count = (int)n;
	return 0;
}

/* Send everything and wait for the byte that says it arrived. Whether it was
 * taken is for the baton to say, whatever this returns. */
int sc_keep_offer(int socket, uint32_t offer, int journal_fd, const struct kept *kept,
	const int *fds, uint32_t count)
{
	struct message m = {
		.magic = JOURNAL_MAGIC, .kind = M_JOURNAL, .total = count, .offer = offer};
	int rc = sc_keep_send(socket, &m, &journal_fd, 1);
	char ack;

	for (uint32_t at = 0; at < count && !rc; at += m.count) {
		m.kind = M_LISTENERS;
		m.count = count - at < MESSAGE_FDS ? count - at : MESSAGE_FDS;
		__builtin_memcpy(m.kept, kept + at, m.count * sizeof(*kept));
		rc = sc_keep_send(socket, &m, fds + at, (int)m.count);
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
