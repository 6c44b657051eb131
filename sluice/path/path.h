/* Paths of the target: where they lead in its root, and opening what is there. Sees the core and the
 * target.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_PATH_H
#define SLUICE_PATH_H

#include "target/target.h"

#include <linux/openat2.h>

/* ---- walk.c: where a path of the target leads ---- */

struct place {
	int dir;                /* holds @last */
	int item;               /* what is there (O_PATH), or -1 */
	bool must_be_dir;       /* the path ended in a slash */
	char last[256];
};
enum { W_NO_FOLLOW = 1, W_NO_SYMLINKS = 2, W_NO_MAGIC = 4 };
int sc_path_walk(struct sluice_request *req, int start, const char *path, unsigned flags,
	struct place *out);

/* ---- namespace.c ---- */

/* Whether the target and this thread share their namespace of @kind ("net"); false if that is not
 * known. */
bool sc_path_same_namespace(struct sluice_request *req, const char *kind);
int sc_path_check_namespaces(struct sluice_request *req, const struct place *place,
	uint64_t flags);

/* ---- open.c ---- */

int sc_path_open(struct sluice_request *request, int dirfd, const char *path,
	const struct open_how *how, int *waits);
int sc_path_reopen(const struct sluice_supervisor *sv, int item, uint64_t flags,
	unsigned mode);

/* ---- helper.c ---- */

int sc_path_begin(struct sluice_supervisor *sv);
void sc_path_stop(struct sluice_supervisor *sv);

#endif
