/* More threads at a FIFO than there may be helpers, and what becomes of helpers that wait.
 * SPDX-License-Identifier: MIT */
#include "opening.h"

#include <pthread.h>
#include <stdatomic.h>

#define CROWD 140
#define MOST  128 /* of one listener while others have none, or one */

static atomic_int refused;

static void *wait_there(void *data)
{
	int fd = ask("fifo", O_RDONLY);

	(void)data;
	if (fd < 0 && errno == EAGAIN)
		atomic_fetch_add(&refused, 1);
	return (void *)(long)(fd < 0 ? -errno : fd);
}

static int target_crowd(int argc, char **argv)
{
	pthread_t t[CROWD];
	int opened = 0;

	(void)argc;
	snprintf(box, sizeof(box), "%s", argv[0]);
	for (int i = 0; i < CROWD; i++)
		if (pthread_create(&t[i], NULL, wait_there, NULL))
			return 100;
	while (atomic_load(&refused) < CROWD - MOST)
		usleep(1000);
	if (open(in_box("fifo"), O_WRONLY) < 0)
		return 101;
	for (int i = 0; i < CROWD; i++) {
		void *result;

		pthread_join(t[i], &result);
		opened += (long)result >= 0;
	}
	return opened == MOST && atomic_load(&refused) == CROWD - MOST ? 0 : 102;
}

static int target_waits(int argc, char **argv)
{
	(void)argc;
	snprintf(box, sizeof(box), "%s", argv[0]);
	return ask("fifo", O_RDONLY);
}

static void crowd(void)
{
	int calls = 0;

	make_fifo();
	CHECK_EQ(run("crowd", open_it, &calls), 0);
	CHECK_EQ(calls, CROWD);
}

/* The helper of another listener makes none less: twice 127 and this one are fewer than there may be. */
static void crowd_beside_one(void)
{
	struct sluice_child other = SLUICE_CHILD_INIT, child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	int calls = 0;

	make_fifo();
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, THE_CALL, open_it, &calls), 0);
	spawn_target(sv, filter_of(false, THE_CALL, NULL), &other, "waits", box);
	while (!calls)
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	spawn_target(sv, filter_of(false, THE_CALL, NULL), &child, "crowd", box);
	CHECK_EQ(wait_target(sv, &child), 0);
	CHECK(wait_target(sv, &other) < 128); /* it got a descriptor */
	CHECK_EQ(calls, CROWD + 1);
	sluice_supervisor_free(sv);
}

/* Who reads from the program's pipe hears of its end, however long a helper waits. */
static void nothing_of_ours(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv = new_supervisor(NULL);
	struct pollfd p = {.events = POLLIN};
	int calls = 0, ends[2];

	make_fifo();
	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	CHECK_EQ(sluice_on_name(sv, THE_CALL, open_it, &calls), 0);
	spawn_target(sv, filter_of(false, THE_CALL, NULL), &child, "waits", box);
	while (!calls)
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	close(ends[1]);
	p.fd = ends[0];
	CHECK_EQ(poll(&p, 1, 20000), 1);
	CHECK(p.revents & POLLHUP);
	CHECK_EQ(kill(child.pid, SIGKILL), 0);
	CHECK_EQ(wait_target(sv, &child), 128 + SIGKILL);
	sluice_supervisor_free(sv);
}

/* Freed while helpers wait: none is left, nor a descriptor, nor a child to wait for. The library gives them a second
 * to end; on a machine that is slower, those that are left end, too. */
static void freed(void)
{
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_supervisor *sv;
	uint64_t begun, took;
	int calls = 0, before, status;

	make_fifo();
	before = count_fds();
	sv = new_supervisor(NULL);
	CHECK_EQ(sluice_on_name(sv, THE_CALL, open_it, &calls), 0);
	spawn_target(sv, filter_of(false, THE_CALL, NULL), &child, "crowd", box);
	while (calls < 100)
		CHECK(sluice_dispatch(sv, 1000) >= 0);
	begun = now_ns();
	sluice_supervisor_free(sv);
	took = now_ns() - begun;
	CHECK_EQ(kill(child.pid, SIGKILL), 0);
	CHECK_EQ(waitpid(child.pid, &status, 0), child.pid);
	while (took >= 1000000000u && waitpid(-1, NULL, __WALL) > 0)
		;
	CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
	sluice_child_release(&child);
	CHECK_EQ(settled_fds(before), before);
}

const struct target_main targets[] = {{"crowd", target_crowd}, {"waits", target_waits}, {NULL, NULL}};
const struct test tests[] = {
	{"a helper keeps nothing of the program's open", nothing_of_ours},
	{"a supervisor is freed: its helpers are reaped", freed},
	{"as many helpers as may be, and no more", crowd},
	{"the same beside one of another listener", crowd_beside_one},
	{NULL, NULL}};
