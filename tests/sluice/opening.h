/* What the tests of opens that wait have in common: a target that asks for a file in a directory, and the handler that
 * opens it.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_SLUICE_OPENING_H
#define TESTS_SLUICE_OPENING_H

#include "tap.h"

#include <linux/openat2.h>

#define THE_CALL "openat2" /* that no C library makes by itself */

static char box[128]; /* also the target's argument */

static inline char *in_box(const char *name)
{
	static _Thread_local char path[4][512];
	static _Thread_local int n;

	n = (n + 1) % 4;
	snprintf(path[n], sizeof(path[n]), "%s/%s", box, name);
	return path[n];
}

static inline int ask(const char *name, int flags)
{
	return (int)syscall(SYS_openat2, AT_FDCWD, in_box(name), flags, 0);
}

static inline int open_it(struct sluice_request *req, void *data)
{
	struct open_how how = {.flags = (uint64_t)sluice_arg_int(req, 2)};
	char path[4096];
	int rc = (int)sluice_read_string(req, sluice_arg(req, 1), path, sizeof(path));

	still_going(); /* a helper each: thousands take minutes on an emulated machine */
	if (data)
		++*(int *)data;
	if (rc >= 0)
		rc = sluice_open_reply(req, sluice_arg_int(req, 0), path, &how, 0);
	return rc < 0 ? sluice_fail(req, rc) : 0;
}

static inline int run(const char *target, sluice_handler handler, void *data)
{
	return answer_target(target, box, THE_CALL, handler, data);
}

static inline void make_fifo(void)
{
	snprintf(box, sizeof(box), "%s", scratch_dir());
	CHECK_EQ(mkfifo(in_box("fifo"), 0600), 0);
}

#endif
