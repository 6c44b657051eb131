/* Errors for people, and the clock.
 * SPDX-License-Identifier: MIT */
#include "util/util.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

/* Fill @error (or not, if NULL) and return @rc. */
int sc_sluice_error(struct sluice_error *error, int rc, const char *format, ...)
{
	va_list args;

	if (!error)
		return rc;
	error->code = -rc;
	error->where[0] = '\0';
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	return rc;
}

uint64_t sc_sluice_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int sc_sluice_fill(void *out, size_t room, const void *full, size_t size)
{
	if (room < size)
		return -EINVAL;
	memcpy(out, full, size);
	memset((char *)out + size, 0, room - size);
	return 0;
}

/* Whether a file, a memfd too, may have @size bytes. To find out by trying is SIGXFSZ. */
bool sc_sluice_fits(uint64_t size)
{
	struct rlimit limit;

	/* No limit is the largest number. */
	return getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur >= size;
}
