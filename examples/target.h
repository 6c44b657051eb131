/* What a supervisor does with its target: start it under a filter, read its memory,
 * resolve its paths. Used by notify-mkdir.c. SPDX-License-Identifier: MIT */
#ifndef EXAMPLE_TARGET_H
#define EXAMPLE_TARGET_H

#include <seccomp.h>
#include <sys/types.h>

/* Starts @argv under @ctx, which has NOTIFY rules. Returns the listener or -1 with errno.
 */
int target_spawn(scmp_filter_ctx ctx, char *const argv[], pid_t *pid);

/* Copies the string at @addr: its length, or -errno (-ENAMETOOLONG: no NUL within @size).
 */
ssize_t target_read_string(pid_t tid, uint64_t addr, char *buf, size_t size);

/* Opens the directory in which @path's last component lies, as the target sees it:
 * @path from the target's root, or from its @dirfd. Cuts @path in two, *@last is the
 * second half. Returns an O_PATH descriptor or -errno; -EXDEV where a relative path
 * leaves its directory. */
int target_open_parent(pid_t tid, int dirfd, char *path, char **last);

/* The target's umask, or -errno. */
int target_umask(pid_t tid);

#endif
