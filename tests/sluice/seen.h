/* An OCI server that counts the containers that it saw, for tests of peers that nobody vouches for.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_SEEN_H
#define SLUICE_SEEN_H

#include "runtime.h"

extern char path[128]; /* of the server */

struct seen {
	int calls, rc; /* how many containers came; what each is answered */
};

struct sluice_supervisor *serve(struct seen *seen, bool keeper);
/* An honest container is served, and everything ends. */
void finish(struct sluice_supervisor *sv, struct seen *seen);

#endif
