/* A whole supervisor: its birth of options or of a predecessor, its end. The only room that knows
 * all others.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_LIFE_H
#define SLUICE_LIFE_H

#include "keep/keep.h"
#include "oci/oci.h"
#include "path/path.h"
#include "target/target.h"

int sc_life_new(const struct settings *set, struct journal *predecessor,
	struct sluice_supervisor **out);
void sc_life_abandon(struct sluice_supervisor *sv);

#endif
