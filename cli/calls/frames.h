/* The functions that .eh_frame describes.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_CALLS_FRAMES_H
#define CLI_CALLS_FRAMES_H

#include "calls/functions.h"

typedef int (*calls_frame_add)(const struct calls_elf *elf, struct calls_functions *functions,
	uint64_t start, uint64_t end);

/* @add for each of them. 0, or what @add failed with. A damaged table ends early. */
int calls_frames(const struct calls_elf *elf, calls_frame_add add, struct calls_functions *functions);

#endif
