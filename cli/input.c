/* Files that commands read: opened in one way, and what is wrong with them said in one way.
 * SPDX-License-Identifier: MIT */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "util/cleanup.h"

const char *cli_file_kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR: return "a directory";
	case S_IFSOCK: return "a socket";
	case S_IFIFO: return "a pipe";
	case S_IFCHR:
	case S_IFBLK: return "a device";
	default: return "a file";
	}
}

const char *cli_input_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}

void cli_input_reason(int error, const char *expected, char reason[CLI_REASON_MAX])
{
	const char *more = error == EACCES || error == EPERM ? ", readable by you" : "";

	snprintf(reason, CLI_REASON_MAX, "%s: expected %s%s", strerror(error), expected, more);
}

int cli_input_failed(const char *path, int error, const char *expected)
{
	char reason[CLI_REASON_MAX];

	cli_input_reason(error, expected, reason);
	return cli_error_at(cli_input_name(path), 0, 0, "%s", reason);
}

/* What open(2) of a socket says helps nobody. */
static int not_opened(const char *path, int error, const char *expected)
{
	struct stat st;

	if (error == ENXIO && stat(path, &st) == 0)
		return cli_error_at(path, 0, 0, "found %s, expected %s",
			cli_file_kind(st.st_mode), expected);
	return cli_input_failed(path, error, expected);
}

int cli_input_open(const char *path, const char *expected)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (strcmp(path, "-") == 0) {
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			cli_input_failed(path, errno, expected);
		return steal_fd(&fd);
	}
	/* A FIFO that nobody writes to is empty, and not waited for. A device never ends. */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		not_opened(path, errno, expected);
		return -1;
	}
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode)) {
		cli_error_at(path, 0, 0, "found %s, expected %s", cli_file_kind(st.st_mode), expected);
		return -1;
	}
	if (S_ISFIFO(st.st_mode) && fcntl(fd, F_SETFL, O_RDONLY) < 0) {
		cli_input_failed(path, errno, expected);
		return -1;
	}
	return steal_fd(&fd);
}

FILE *cli_input_lines(const char *path, const char *expected)
{
	int fd = cli_input_open(path, expected);
	FILE *in = fd < 0 ? NULL : fdopen(fd, "r");

	if (fd >= 0 && !in) {
		cli_input_failed(path, errno, expected);
		close(fd);
	}
	return in;
}
