/* OCI peers that send descriptors of no use: to close them takes a process for each message, so
 * that a connection ends where there are too many.
 * SPDX-License-Identifier: MIT */
#include "seen.h"

/* @count messages, each with a descriptor that is no listener, between the parts of a
 * document, and one more listener behind them. */
static void send_strange(struct box *box, struct box *last, int count)
{
	int socket = dial(path), null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	CHECK_EQ(send_fds(socket, document, 1, &box->listener, 1), 1);
	for (int i = 0; i < count; i++)
		CHECK_EQ(send_fds(socket, " ", 1, &null, 1), 1);
	CHECK_EQ(send_fds(socket, " ", 1, &last->listener, 1), 1);
	CHECK(send_fds(socket, document + 1, strlen(document) - 1, NULL, 0) > 0);
	close(socket);
	close(null);
	close(box->listener);
	close(last->listener);
}

/* To close what it sends takes a process for each message. */
static void too_strange(void)
{
	struct seen seen = {0, 0};
	struct sluice_supervisor *sv = serve(&seen, false);
	int before = count_fds();

	for (int count = 2; count < 50; count += 30) {
		struct box box = new_box(), last = new_box();

		send_strange(&box, &last, count);
		CHECK_EQ(open_box(&box, sv), count == 2 ? 0 : EXDEV);
		CHECK_EQ(open_box(&last, sv), count == 2 ? EXDEV : ENOSYS);
		CHECK_EQ(seen.calls, 1);
		while (sluice_active(sv))
			CHECK(sluice_dispatch(sv, 20) >= 0);
	}
	CHECK_EQ(settled_fds(before), before);
	finish(sv, &seen);
}

/* So it is for the keeper, which gets what has not been read. */
static void too_strange_to_keep(void)
{
	struct seen seen = {0, 0};

	for (int count = 2; count < 50; count += 30) {
		struct sluice_supervisor *sv = serve(&seen, true);
		struct box box = new_box(), last = new_box();

		send_strange(&box, &last, count);
		sluice_supervisor_free(sv);
		CHECK_EQ(open_box(&box, NULL), EXDEV);
		CHECK_EQ(open_box(&last, NULL), count == 2 ? EXDEV : ENOSYS);
	}
	CHECK_EQ(seen.calls, 0);
}

const struct target_main targets[] = {{NULL, NULL}};
const struct test tests[] = {{"32 messages with a descriptor each", too_strange},
	{"the same, unread, for the keeper", too_strange_to_keep}, {NULL, NULL}};
