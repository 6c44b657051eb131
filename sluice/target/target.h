/* The target: who it is, what its memory says. Sees the core.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_TARGET_H
#define SLUICE_TARGET_H

#include "core/core.h"

/* ---- process.c ---- */

int sc_target_begin(struct sluice_supervisor *sv);
void sc_target_stop(struct sluice_supervisor *sv);
int sc_target_proc(struct sluice_request *req, const char *what, int flags);
int sc_target_dir(struct sluice_request *req, int target_fd);
int sc_target_status(struct sluice_request *req, const char *field, unsigned *out, int n);

/* ---- memory.c ---- */

int sc_target_read_exact(struct sluice_request *req, uint64_t addr, void *buf, size_t size);
int sc_target_write_exact(struct sluice_request *req, uint64_t addr, const void *buf, size_t size);

/* ---- capture.c ---- */

bool sc_target_narrow(const struct sluice_request *req); /* pointers of 4 bytes */

/* ---- identity.c ---- */

/* Whether this thread acts as a target (sluice_act_as_target()). */
bool sc_target_acting(void);
/* Its own capabilities for what is asked of a procfs about the target, because after a change of user a process' own
 * files are root's there. What raise() returns is for lower(), which returns 0 or -ENOTRECOVERABLE. */
bool sc_target_raise(void);
int sc_target_lower(bool raised);
/* So a file of a target in our procfs, or where a magic link there leads. */
int sc_target_proc_open(const struct procfs *proc, const char *path, int flags);

/* ---- self.c: the target as a procfs of its own names it ---- */

struct own_pid {
	unsigned tgid, tid;     /* as that procfs numbers them */
	bool ours;              /* which is as ours does */
};
int sc_target_own_pid(struct sluice_request *req, int proc, struct own_pid *out);

/* ---- names.c ---- */

int sc_target_on_name(struct handlers *h, uint32_t native, const char *name,
	sluice_handler handler, void *data);

/* ---- unpack.c ---- */

struct multiplexer {
	const char *name;
	sluice_handler unpack;
};
const struct multiplexer *sc_target_multiplexer(const char *name, int *pseudo);

#endif
