/* A program all of whose openat(2) calls a supervisor makes: opens PROGRAM [ARG]... The number of them goes to
 * descriptor 3, if it is open. For comparison with rules that Landlock enforces (bench/agent.py).
 * SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "sluice.h"

/* What openat(2) takes; it ignores the rest, and openat2(2) refuses it. */
#define FLAGS                                                                            \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK |     \
		O_DSYNC | O_ASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW |  \
		O_NOATIME | O_CLOEXEC | O_SYNC | O_PATH | O_TMPFILE)

static int on_open(struct sluice_request *request, void *data)
{
	struct open_how how = {.flags = sluice_arg(request, 2) & FLAGS};
	char path[PATH_MAX];
	ssize_t n = sluice_read_string(request, sluice_arg(request, 1), path, sizeof(path));
	int rc;

	(void)data;
	if (n < 0)
		return sluice_fail(request, (int)n);
	if (how.flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))
		how.mode = sluice_arg(request, 3) & 07777;
	rc = sluice_open_reply(request, (int)sluice_arg(request, 0), path, &how,
		how.flags & O_CLOEXEC ? SLUICE_FD_CLOEXEC : 0);
	return rc ? sluice_fail(request, rc) : 0;
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_statistics seen = {.size = sizeof(seen)};
	struct sluice_supervisor *supervisor;
	int status;

	child.wait_killable = true;
	if (argc < 2 || !filter ||
		seccomp_rule_add(filter, SCMP_ACT_NOTIFY, SCMP_SYS(openat), 0) ||
		sluice_supervisor_new(NULL, &supervisor) ||
		sluice_on_name(supervisor, "openat", on_open, NULL) ||
		sluice_spawn(supervisor, filter, argv + 1, &child) ||
		sluice_wait(supervisor, &child, &status)) {
		fputs("opens: it cannot be supervised\n", stderr);
		return 125;
	}
	sluice_statistics(supervisor, &seen);
	dprintf(3, "%" PRIu64 "\n", seen.received);
	sluice_supervisor_free(supervisor);
	seccomp_release(filter);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
