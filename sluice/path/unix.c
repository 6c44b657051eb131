/* Addresses of AF_UNIX sockets: what the target's means, as an address for us.
 * SPDX-License-Identifier: MIT
 *
 * A path in such an address is looked up from the working directory and the root of who calls, and an
 * abstract name in the network namespace of the socket, which is that of who made it: the same bytes
 * mean something else here. Sources: unix(7), net/unix/af_unix.c.
 *
 * thread-self, because a thread may have descriptors of its own: the same number in the table of its
 * process is another file. */
#include "path/path.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>

#define HEAD offsetof(struct sockaddr_un, sun_path)

/* The path in @address ends with a NUL, or where the address ends. */
static int copy_path(const struct sockaddr_un *address, socklen_t length, char *path)
{
	size_t n = length - HEAD;

	if (n > sizeof(address->sun_path))
		return -EINVAL;
	memcpy(path, address->sun_path, n);
	path[n] = '\0';
	return 0;
}

static int abstract(struct sluice_request *req, const struct sockaddr_un *address,
	socklen_t length, struct sluice_unix_address *out)
{
	if (!sc_path_same_namespace(req, "net"))
		return -EREMOTE;
	out->address = *address;
	out->length = length;
	return sc_core_id_valid(req);
}

/* connect(2), sendto(2): the socket itself. */
static int existing(struct sluice_request *req, const char *path, struct sluice_unix_address *out)
{
	struct open_how how = {.flags = O_PATH};
	_cleanup_close_ int fd = sluice_openat(req, AT_FDCWD, path, &how);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ECONNREFUSED;
	snprintf(out->address.sun_path, sizeof(out->address.sun_path),
		"/proc/thread-self/fd/%d", fd);
	out->fd = steal_fd(&fd);
	return 0;
}

/* bind(2): a new name in its directory, with the slash behind it that the kernel refuses. */
static int created(struct sluice_request *req, const char *path, struct sluice_unix_address *out)
{
	char last[256];
	_cleanup_close_ int fd = sluice_open_parent(req, AT_FDCWD, path, last, sizeof(last));
	int n;

	if (fd < 0)
		return fd;
	n = snprintf(out->address.sun_path, sizeof(out->address.sun_path),
		"/proc/thread-self/fd/%d/%s%s", fd, last,
		path[strlen(path) - 1] == '/' ? "/" : "");
	if ((size_t)n >= sizeof(out->address.sun_path))
		return -ENAMETOOLONG;
	out->fd = steal_fd(&fd);
	return 0;
}

int sluice_unix_address(struct sluice_request *request, const struct sockaddr_storage *address,
	socklen_t length, bool create, struct sluice_unix_address *out)
{
	struct sluice_unix_address a = {.size = out->size, .fd = -1};
	struct sockaddr_un un;
	char path[sizeof(un.sun_path) + 1];
	int rc;

	if (out->size < sizeof(a))
		return -EINVAL;
	memcpy(&un, address, sizeof(un));
	if (length <= HEAD || un.sun_family != AF_UNIX)
		return -EINVAL;
	a.address.sun_family = AF_UNIX;
	a.length = sizeof(a.address);
	rc = copy_path(&un, length, path);
	if (!rc && !path[0])
		rc = abstract(request, &un, length, &a);
	else if (!rc)
		rc = create ? created(request, path, &a) : existing(request, path, &a);
	return rc ? rc : sc_sluice_fill(out, out->size, &a, sizeof(a));
}
