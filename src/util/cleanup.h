/* Scope-bound ownership: _cleanup_() frees on every way out, steal_ptr() hands over.
 * SPDX-License-Identifier: MIT */
#ifndef SC_UTIL_CLEANUP_H
#define SC_UTIL_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* The pointer's value, leaving NULL behind: the caller owns it from here on. */
#define steal_ptr(p)                                                                     \
	__extension__({                                                                  \
		__typeof__(p) stolen_ = (p);                                             \
		(p) = NULL;                                                              \
		stolen_;                                                                 \
	})

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#define _cleanup_free_  _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)

#endif
