/* What container runtimes call under the filter of a container.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_RUNTIMES_H
#define CLI_RUNTIMES_H

/* "none" and the runtimes that are known; ends with NULL. */
extern const char *const runtime_names[];
/* The calls of a runtime, one after the other: start with *@iterator 0. NULL at the end, and for "none". */
const char *runtime_call(const char *runtime, unsigned int *iterator, const char **reason);

#endif
