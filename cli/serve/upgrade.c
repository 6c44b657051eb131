/* How one process takes over from another: from one that lives, through a socket beside
 * the path of the keeper; from one that was killed, through the keeper.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "proc.h"
#include "serve/serve.h"
#include "util/cleanup.h"

#define DRAIN_MS 3000

void serve_upgrade_path(
	const struct serve *s, const char *suffix, char path[SERVE_PATH_MAX])
{
	snprintf(path, SERVE_PATH_MAX, "%s%s", s->keeper, suffix);
}

/* What listens there is believed, as a keeper is. */
static int connect_living(const struct serve *s)
{
	struct timeval limit = {15, 0};
	char path[SERVE_PATH_MAX];
	int fd;

	serve_upgrade_path(s, ".next", path);
	fd = sluice_keeper_connect(path);
	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

/* *@supervisor stays NULL if there is nobody to take over from. */
int serve_take_over(struct serve *s, struct sluice_supervisor **supervisor)
{
	_cleanup_close_ int fd = -1;

	if (!s->keeper)
		return 0;
	fd = connect_living(s);
	if (fd < 0)
		fd = sluice_keeper_connect(s->keeper);
	if (fd == -ENOENT || fd == -ECONNREFUSED)
		return 0;
	return fd < 0 ? fd : sluice_take_over(fd, supervisor);
}

int serve_upgrade_open(const struct serve *s)
{
	char path[SERVE_PATH_MAX];

	serve_upgrade_path(s, ".next", path);
	return serve_listen(path, SOCK_SEQPACKET, true);
}

/* A target must not become the supervisor. It has a filter and cannot take it off. */
static bool may_take_over(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	char text[16];

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return false;
	return (peer.uid == 0 || peer.uid == geteuid()) && peer.pid > 0 &&
	       cli_proc_status(peer.pid, "Seccomp", text, sizeof(text)) &&
	       strcmp(text, "0") == 0;
}

/* Nothing new is received meanwhile. */
bool serve_drain(struct serve *s)
{
	for (int i = 0; i < DRAIN_MS && atomic_load(&s->working); i++)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	return !atomic_load(&s->working);
}

int serve_upgrade(struct serve *s, int fd)
{
	_cleanup_close_ int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	struct timeval limit = {5, 0};
	int rc;

	if (peer < 0)
		return -errno;
	if (!may_take_over(peer)) {
		cli_warn(s->cli, "%s.next: somebody who may not take over is sent away",
			s->keeper);
		return -EPERM;
	}
	setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(peer, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	serve_drain(s);
	rc = sluice_hand_over(s->supervisor, peer);
	if (rc)
		cli_warn(s->cli, "nobody took over: %s", strerror(-rc));
	return rc;
}
