/* Descriptors beside messages, by themselves.
 * SPDX-License-Identifier: MIT */
#include "util/util.h"
#include "tap.h"

#include <stdatomic.h>
#include <sys/eventfd.h>

static union {
	char bytes[4 * CMSG_SPACE(sizeof(int) * 2)];
	struct cmsghdr align;
} control;

static struct cmsghdr *put(struct msghdr *h, struct cmsghdr *after, int level, int type, const int *fds,
	size_t count)
{
	struct cmsghdr *c = after ? (struct cmsghdr *)((char *)after + CMSG_ALIGN(after->cmsg_len))
				  : (struct cmsghdr *)control.bytes;

	*c = (struct cmsghdr){.cmsg_level = level, .cmsg_type = type};
	c->cmsg_len = CMSG_LEN(sizeof(*fds) * count);
	memcpy(CMSG_DATA(c), fds, sizeof(*fds) * count);
	h->msg_controllen = (size_t)((char *)c - control.bytes) + CMSG_SPACE(sizeof(*fds) * count);
	return c;
}

/* Other things beside a message are none, and what has no place is closed. */
static void rights(void)
{
	struct msghdr h = {.msg_control = control.bytes};
	int fds[3], got[3] = {-7, -7, -7};
	struct cmsghdr *c;

	for (int i = 0; i < 3; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC);
	CHECK_EQ(sc_sluice_rights(&h, got, 3), 0);
	c = put(&h, NULL, SOL_SOCKET, SCM_RIGHTS + 1, fds, 1);
	put(&h, c, SOL_SOCKET + 1, SCM_RIGHTS, fds, 1);
	CHECK_EQ(sc_sluice_rights(&h, got, 0), 0);
	CHECK_EQ(sc_sluice_rights(&h, got, 3), 0);
	CHECK_EQ(got[0], -7);
	CHECK(fcntl(fds[0], F_GETFD) >= 0);
	c = put(&h, c, SOL_SOCKET, SCM_RIGHTS, fds, 1);
	put(&h, c, SOL_SOCKET, SCM_RIGHTS, fds + 1, 2);
	CHECK_EQ(sc_sluice_rights(&h, got, 3), 3);
	CHECK(memcmp(fds, got, sizeof(fds)) == 0);
	got[2] = -7;
	CHECK_EQ(sc_sluice_rights(&h, got, 2), 2);
	CHECK(got[1] == fds[1] && got[2] == -7);
	CHECK(fcntl(fds[1], F_GETFD) >= 0 && fcntl(fds[2], F_GETFD) < 0);
	CHECK_EQ(sc_sluice_rights(&h, got, 0), 0);
	CHECK(fcntl(fds[0], F_GETFD) < 0 && fcntl(fds[1], F_GETFD) < 0);
}

static char large[1 << 20], received[1 << 20];

static void *send_large(void *data)
{
	int *socket = data, fds[2] = {socket[0], socket[1]};

	CHECK_EQ(sc_sluice_send_rights(socket[0], large, sizeof(large), fds, 2), 0);
	CHECK_EQ(sc_sluice_send_rights(socket[0], "ab", 2, fds, 1), 0);
	CHECK_EQ(sc_sluice_send_rights(socket[0], "cd", 2, NULL, 0), 0);
	CHECK_EQ(sc_sluice_send_rights(socket[0], "ef", 2, fds, 2), 0);
	return NULL;
}

/* A stream takes and gives a part at a time; what comes beside it comes once. */
static void in_parts(void)
{
	int pair[2], fds[4], more[3], before, other = eventfd(0, EFD_CLOEXEC);
	unsigned n = 9;
	pthread_t t;

	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (char)(i / 1000 + i);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	before = count_fds();
	CHECK_EQ(pthread_create(&t, NULL, send_large, pair), 0);
	CHECK_EQ(sc_sluice_recv_rights(pair[1], received, sizeof(received), fds, 4, &n), 0);
	CHECK(memcmp(large, received, sizeof(large)) == 0);
	CHECK_EQ(n, 2);
	CHECK_EQ(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(count_fds(), before + 2);
	close(fds[0]);
	close(fds[1]);
	/* Of three messages those of all. */
	CHECK_EQ(pthread_join(t, NULL), 0);
	CHECK_EQ(sc_sluice_recv_rights(pair[1], received, 6, fds, 4, &n), 0);
	CHECK(memcmp(received, "abcdef", 6) == 0);
	CHECK_EQ(n, 3);
	CHECK_EQ(count_fds(), before + 3);
	/* As many as there is room for, of both together. */
	CHECK_EQ(sc_sluice_send_rights(pair[0], "x", 1, fds, 1), 0);
	CHECK_EQ(sc_sluice_send_rights(pair[0], "y", 1, fds, 2), 0);
	more[2] = -7;
	CHECK_EQ(sc_sluice_recv_rights(pair[1], received, 2, more, 2, &n), 0);
	CHECK(n == 2 && more[2] == -7);
	CHECK_EQ(count_fds(), before + 5);
	close(more[0]);
	close(more[1]);
	/* The other side has ended: no signal, and nothing is left of what came in part. */
	for (int i = 0; i < 3; i++)
		CHECK_EQ(dup3(other, fds[i], O_CLOEXEC), fds[i]);
	CHECK_EQ(sc_sluice_send_rights(pair[0], "x", 1, fds, 3), 0);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close(pair[0]);
	n = 9;
	CHECK_EQ(sc_sluice_recv_rights(pair[1], received, 2, fds, 4, &n), -EPIPE);
	CHECK_EQ(n, 9);
	CHECK_EQ(count_fds(), before - 1);
	CHECK_EQ(sc_sluice_send_rights(pair[1], "x", 1, NULL, 0), -EPIPE);
	CHECK_EQ(sc_sluice_recv_rights(before + 100, received, 2, fds, 4, &n), -EBADF);
	CHECK_EQ(sc_sluice_send_rights(before + 100, "x", 1, NULL, 0), -EBADF);
	CHECK_EQ(sc_sluice_recv_rights(pair[1], received, 0, fds, 4, &n), 0);
	CHECK_EQ(n, 0);
}

/* Who dies without having read all: what was said before is heard. */
static void reset(void)
{
	int pair[2], fds[1];
	unsigned n;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	CHECK_EQ(write(pair[1], "unread", 6), 6);
	CHECK_EQ(write(pair[0], "last", 4), 4);
	close(pair[0]);
	CHECK_EQ(sc_sluice_recv_rights(pair[1], received, 4, fds, 1, &n), 0);
	CHECK(memcmp(received, "last", 4) == 0);
	CHECK_EQ(sc_sluice_recv_rights(pair[1], received, 1, fds, 1, &n), -EPIPE);
}

static void ring(int sig)
{
	(void)sig;
}

struct bell {
	int socket, given;
	pthread_t whose;
};

static void *ring_and_send(void *data)
{
	struct bell *bell = data;
	int fds[2] = {bell->given, bell->given};

	for (int i = 0; i < 200; i++) {
		pthread_kill(bell->whose, SIGUSR1);
		usleep(100);
		if (i == 100)
			CHECK_EQ(sc_sluice_send_rights(bell->socket, "x", 1, fds, 2), 0);
	}
	CHECK_EQ(sc_sluice_send_rights(bell->socket, "y", 1, fds, 1), 0);
	return NULL;
}

/* Signals in between. */
static void interrupted(void)
{
	struct sigaction sa = {.sa_handler = ring};
	struct bell bell = {.whose = pthread_self()};
	int pair[2], fds[4];
	unsigned n = 0;
	pthread_t t;

	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	bell.socket = bell.given = pair[0];
	CHECK_EQ(pthread_create(&t, NULL, ring_and_send, &bell), 0);
	CHECK_EQ(sc_sluice_recv_rights(pair[1], received, 2, fds, 4, &n), 0);
	CHECK_EQ(n, 3);
	CHECK(memcmp(received, "xy", 2) == 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
}

static atomic_bool read_it;

static void *ring_and_read(void *data)
{
	struct bell *bell = data;

	while (!atomic_load(&read_it)) {
		pthread_kill(bell->whose, SIGUSR1);
		usleep(100);
	}
	while (read(bell->socket, received, sizeof(received)) > 0)
		;
	return NULL;
}

static void *wait_a_little(void *data)
{
	for (int i = 0; i < 100; i++)
		usleep(1000);
	atomic_store(&read_it, true);
	return data;
}

/* Nobody reads for a while, and nothing of the message can be sent. */
static void interrupted_sender(void)
{
	struct sigaction sa = {.sa_handler = ring};
	struct bell bell = {.whose = pthread_self()};
	pthread_t t, waits;
	int pair[2];

	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	while (send(pair[0], large, 1000, MSG_DONTWAIT) > 0)
		;
	while (send(pair[0], large, 1, MSG_DONTWAIT) > 0)
		;
	bell.socket = pair[1];
	CHECK_EQ(pthread_create(&t, NULL, ring_and_read, &bell), 0);
	CHECK_EQ(pthread_create(&waits, NULL, wait_a_little, NULL), 0);
	CHECK_EQ(sc_sluice_send_rights(pair[0], "x", 1, pair, 1), 0);
	CHECK_EQ(pthread_join(waits, NULL), 0);
	CHECK_EQ(shutdown(pair[0], SHUT_WR), 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {
	{"what comes beside a message", rights},
	{"a stream in parts, with descriptors beside it", in_parts},
	{"a peer that dies with something unread", reset},
	{"signals while a message comes", interrupted},
	{"signals while a message goes", interrupted_sender},
	{NULL, NULL}};
