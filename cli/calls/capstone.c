/* Loading libcapstone.
 * SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

#include "calls/capstone.h"

#define TEXT(x)	 TEXT_(x)
#define TEXT_(x) #x

static bool find(void *library, const char *name, void *function)
{
	void *found = dlsym(library, name);

	memcpy(function, &found, sizeof(found));
	return found;
}

const struct calls_capstone *calls_capstone(void)
{
	static struct calls_capstone c;
	static bool tried, good;
	void *library;

	if (tried)
		return good ? &c : NULL;
	tried = true;
	library = dlopen("libcapstone.so." TEXT(CS_API_MAJOR), RTLD_NOW | RTLD_LOCAL);
	good = library && find(library, "cs_open", &c.open) &&
	       find(library, "cs_close", &c.close) && find(library, "cs_option", &c.option) &&
	       find(library, "cs_malloc", &c.malloc) && find(library, "cs_free", &c.free) &&
	       find(library, "cs_disasm_iter", &c.disasm_iter) &&
	       find(library, "cs_regs_access", &c.regs_access) &&
	       find(library, "cs_insn_group", &c.insn_group);
	return good ? &c : NULL;
}
