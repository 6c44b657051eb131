/* What a supervisor makes for a program that may not: device nodes that give nothing, and file
 * systems in memory. For "sluice serve" and for policies of "sluice run".
 * SPDX-License-Identifier: MIT */
#ifndef CLI_EMULATED_H
#define CLI_EMULATED_H

#include <sluice.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct emulated_node {
	const char *name;
	mode_t type;
	unsigned int device; /* as mknod(2) takes it */
};
/* Ends with a NULL name. */
extern const struct emulated_node emulated_nodes[];
/* The node that mknod(2) is to make with these arguments; NULL: another one. */
const struct emulated_node *emulated_node(mode_t mode, unsigned int device);

/* A tmpfs that is mounted with nosuid and nodev. */
struct emulated_tmpfs {
	uint64_t size; /* bytes */
	unsigned int mode;
	bool noexec;
};

/* What the arguments of mount(2) say, with @most bytes at most. 0; 1: this is no tmpfs, or has other
 * flags; -EINVAL: another option; the -errno of reading the target's memory. */
int emulated_tmpfs_read(
	struct sluice_request *request, uint64_t most, struct emulated_tmpfs *out);
/* A detached mount that belongs to @creds: a descriptor, which the caller closes, or -errno. */
int emulated_tmpfs_make(
	const struct emulated_tmpfs *wanted, const struct sluice_creds *creds);
/* Attach it to the folder @dir, in the mount namespace of this process. 0 or -errno. Makes system calls
 * only. */
int emulated_attach(int filesystem, int dir);
/* Why a supervisor must not mount a file system of this type; NULL: nothing is known of it. */
const char *emulated_unsound(const char *type);

/* Where files are files, and not what a kernel or a program makes up. */
bool emulated_is_ordinary(int dir);

#endif
