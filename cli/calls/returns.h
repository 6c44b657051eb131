/* Functions that do not return, as abort(3): what stands behind a call of one is not reached by it.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_CALLS_RETURNS_H
#define CLI_CALLS_RETURNS_H

#include "calls/functions.h"
#include "calls/ops.h"

struct calls_returns {
	const struct calls_elf *elf;
	const struct calls_machine *machine;
	const struct calls_functions *functions;
	uint8_t *known; /* of each function; all zero at first */
};

/* Whether the function at @address may return. True in doubt. */
bool calls_returns(struct calls_returns *returns, uint64_t address);
void calls_returns_clear(struct calls_returns *returns);

#endif
