/* Functions of a library that is loaded when it is needed.
 * SPDX-License-Identifier: MIT */
#ifndef SC_UTIL_SYMBOL_H
#define SC_UTIL_SYMBOL_H

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

/* Sets the pointer to a function that @function points at. False: the library has none of this name;
 * nothing is set. */
static inline bool sc_symbol(void *library, const char *name, void *function)
{
	void *found = dlsym(library, name);

	if (found)
		memcpy(function, &found, sizeof(found));
	return found;
}

#endif
