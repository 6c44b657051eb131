/* Functions of a test program that the library calls in place of the C library's, or of its own. A program with
 * the shared library exports them; a static program is linked with --wrap for each of them (meson.build).
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_INPLACE_H
#define SLUICE_INPLACE_H

#include "tap.h"

#include <dlfcn.h>

#ifdef ARCHIVES
#define IN_PLACE_OF(name)  __wrap_##name
#define REAL(name)	   __real_##name
#define DECLARE_REAL(name) extern __typeof__(name) __real_##name, __wrap_##name
#else
#define IN_PLACE_OF(name)  name
#define REAL(name)	   (*(__typeof__(&name) *)find_real(#name, &(void *){NULL}))
#define DECLARE_REAL(name) extern __typeof__(name) name

static inline void **find_real(const char *name, void **out)
{
	*out = dlsym(RTLD_NEXT, name);
	CHECK(*out);
	return out;
}
#endif

#endif
