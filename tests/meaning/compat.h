/* What a 32-bit program is asked to call, and how that ended.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_MEANING_COMPAT_H
#define TESTS_MEANING_COMPAT_H

#include <stdint.h>

#define GARBAGE UINT64_C(0x5a5a5a5a00000000)

/* Stand for the buffer, the path ".", the process, and a file. */
#define MEMORY 0x11111
#define PID    0x22222
#define FD     0x33333
#define PATH   0x44444

/* What @value stands for. */
static inline uint64_t compat_meant(uint64_t value, const void *buffer, int pid, int fd)
{
	switch (value) {
	case MEMORY:
		return (uintptr_t)buffer;
	case PATH:
		return (uintptr_t) ".";
	case PID:
		return (uint64_t)pid;
	case FD:
		return (uint64_t)fd;
	default:
		return value;
	}
}

/* Descriptors of the program. */
enum { COMPAT_ASKED = 3, COMPAT_FILE = 4, COMPAT_ENDED = 5 };

/* The call is made with argument @index as @value, as @value below GARBAGE, and as @other. Aligned
 * alike on all ABIs. */
struct compat_asked {
	uint64_t value, other, args[6];
	int32_t nr, index;
};

/* The errno of each; 0: it was carried out. */
struct compat_ended {
	int32_t plain, garbage, other;
};

#endif
