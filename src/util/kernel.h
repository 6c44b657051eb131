/* The version of a kernel in text: "6.12", as major << 16 | minor.
 * SPDX-License-Identifier: MIT */
#ifndef SC_UTIL_KERNEL_H
#define SC_UTIL_KERNEL_H

#include <ctype.h>
#include <stdlib.h>

/* Reads the version that @text begins with. There is no sign and no space in it. Returns what
 * is behind it; NULL: there is none, or one that is beyond 255.65535. */
static inline const char *sc_kernel_version(const char *text, unsigned int *version)
{
	unsigned long major, minor;
	char *end;

	if (!isdigit((unsigned char)*text))
		return NULL;
	major = strtoul(text, &end, 10);
	if (*end != '.' || !isdigit((unsigned char)end[1]))
		return NULL;
	minor = strtoul(end + 1, &end, 10);
	if (major > 255 || minor > 65535)
		return NULL;
	*version = (unsigned int)(major << 16 | minor);
	return end;
}

#endif
