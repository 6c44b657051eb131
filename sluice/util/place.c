/* What is at the path of a socket that is to be made.
 * SPDX-License-Identifier: MIT */
#include "util/util.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* 0: a socket that no process has bound any more. */
static int check_left_behind(const char *path)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;

	if (lstat(path, &st) || !S_ISSOCK(st.st_mode) ||
		strlen(path) >= sizeof(address.sun_path))
		return -EADDRINUSE;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	/* connect(2) of a datagram socket says ECONNREFUSED if no process has bound the
	 * file, and that only. One of the type that is bound there would also say so
	 * before the other one listens, and would be a connection that the other one has
	 * to accept. */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return -EADDRINUSE;
	return errno == ECONNREFUSED ? 0 : errno == EACCES ? -EACCES : -EADDRINUSE;
}

/* 0: nothing of anybody's is at @path: nothing at all, or such a socket. -EACCES: a socket
 * to which we may not connect, so that this cannot be told. What cannot be looked at is for
 * bind(2) to say. */
int sc_sluice_check_free(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? 0 : check_left_behind(path);
}

/* A socket that no process has bound any more goes. Whatever else is there stays: bind(2)
 * says so. */
int sc_sluice_clear(const char *path)
{
	if (check_left_behind(path) == 0 && unlink(path))
		return -errno;
	return 0;
}

int sc_sluice_note(const char *path, struct place_id *id)
{
	struct stat st;

	if (lstat(path, &st))
		return -errno;
	*id = (struct place_id){st.st_dev, st.st_ino};
	return 0;
}

static bool is(const struct stat *st, const struct place_id *id)
{
	return st->st_dev == id->device && st->st_ino == id->inode;
}

bool sc_sluice_is_there(const char *path, const struct place_id *id)
{
	struct stat st;

	return lstat(path, &st) == 0 && is(&st, id);
}

/* Unless somebody is seen to have put another file there meanwhile. */
void sc_sluice_remove(const char *path, const struct place_id *id)
{
	struct stat st;

	if (lstat(path, &st) || is(&st, id))
		unlink(path);
}
