/* What programs can call, found in their files as sluice-calls(1) does: for record
 * --static. SPDX-License-Identifier: MIT */
#ifndef CLI_POSSIBLE_H
#define CLI_POSSIBLE_H

#include "cli.h"

#define POSSIBLE_MAX 1024 /* no architecture here has a higher number */

struct possible {
	const char *
		by[POSSIBLE_MAX]; /* the first program that can make this call, or NULL */
	bool more; /* perhaps others, too: numbers or objects that are known at run time
		      only */
};

/* Whether this build can find out. */
bool possible_known(void);
/* Add what the program @path can make on the machine's own ABI. @path has to outlive *@p.
 * A program that cannot be read is said on stderr, and leaves more possible. */
void possible_add(struct cli *cli, const char *path, struct possible *p);

#endif
