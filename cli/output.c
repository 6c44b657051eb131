/* Files that commands write: whole or not at all.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "util/cleanup.h"

int cli_write_all(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

/* The same, and close @fd. */
static int fill(int fd, const char *bytes, size_t size)
{
	int rc = cli_write_all(fd, bytes, size);

	if (close(fd) && !rc)
		rc = errno;
	return rc;
}

/* A device or a FIFO stays what it is, and so does a file in a folder that takes no other. */
static int write_in_place(const char *path, const char *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);

	return fd < 0 ? errno : fill(fd, bytes, size);
}

/* A new file beside @path, whose name goes to @other, for the caller to free. -errno if there is
 * none; -ENOMEM without a name. */
static int open_beside(const char *path, char **other)
{
	int fd;

	if (asprintf(other, "%s.XXXXXX", path) < 0) {
		*other = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(*other, O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Beside @path, and then in its place. @old is what is there, or NULL. */
static int replace(const char *path, const struct stat *old, const char *bytes, size_t size)
{
	_cleanup_free_ char *other = NULL;
	int fd = open_beside(path, &other), rc;
	mode_t mode;

	if (!other)
		return ENOMEM;
	if (fd < 0)
		return write_in_place(path, bytes, size);
	mode = umask(0);
	umask(mode);
	mode = old ? old->st_mode & 0777 : 0666 & ~mode;
	/* Not everybody may give a file away: then it is the caller's. */
	rc = old && fchown(fd, old->st_uid, old->st_gid) && errno != EPERM ? errno : 0;
	if (!rc && fchmod(fd, mode))
		rc = errno;
	if (rc)
		close(fd);
	else
		rc = fill(fd, bytes, size);
	if (!rc && rename(other, path))
		rc = errno;
	if (rc)
		unlink(other);
	return rc;
}

/* A file beside @path, which replaces it later. 0 or an errno. */
static int try_beside(const char *path)
{
	_cleanup_free_ char *other = NULL;
	int fd = open_beside(path, &other);

	if (fd < 0)
		return -fd;
	close(fd);
	unlink(other);
	return 0;
}

/* To open a FIFO or a device may wait, or end what reads it: for these the mode has to do. */
static int try_in_place(const char *path)
{
	_cleanup_free_ char *made = NULL;
	struct stat st;
	int fd;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) ? errno : 0;
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && errno == ENOENT) {
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
		made = fd < 0 ? NULL : realpath(path, NULL);
	}
	if (fd < 0)
		return errno;
	close(fd);
	if (made)
		unlink(made);
	return 0;
}

bool cli_to_stdout(const char *path)
{
	return !path || strcmp(path, "-") == 0;
}

int cli_writable(const char *path)
{
	_cleanup_free_ char *real = path ? realpath(path, NULL) : NULL;
	struct stat st;
	int rc = 0;

	if (cli_to_stdout(path))
		return CLI_YES;
	/* As cli_write_file() does it: where no other file can be made, the file itself is written. */
	if (stat(path, &st) && errno != ENOENT)
		rc = errno;
	else if ((real && !S_ISREG(st.st_mode)) || try_beside(real ? real : path))
		rc = try_in_place(path);
	return rc ? cli_error_at(path, 0, 0, "%s", strerror(rc)) : CLI_YES;
}

int cli_write_file(struct cli *cli, const char *path, const void *bytes, size_t size)
{
	/* Links stay, what they name is replaced. */
	_cleanup_free_ char *real = path ? realpath(path, NULL) : NULL;
	struct stat st;
	int rc;

	if (cli_to_stdout(path)) {
		fflush(stdout);
		rc = cli_write_all(STDOUT_FILENO, bytes, size);
		return rc ? cli_error(cli, "standard output: %s", strerror(rc)) : CLI_YES;
	}
	if (real && stat(real, &st) == 0 && S_ISREG(st.st_mode))
		rc = replace(real, &st, bytes, size);
	else if (!real && lstat(path, &st) && errno == ENOENT)
		rc = replace(path, NULL, bytes, size);
	else
		rc = write_in_place(path, bytes, size);
	return rc ? cli_error_at(path, 0, 0, "%s", strerror(rc)) : CLI_YES;
}
