/* Loading libcapstone.
 * SPDX-License-Identifier: MIT */
#include "calls/capstone.h"

#include "util/symbol.h"

#define TEXT(x)	 TEXT_(x)
#define TEXT_(x) #x

const struct calls_capstone *calls_capstone(void)
{
	static struct calls_capstone c;
	static bool tried, good;
	void *library;

	if (tried)
		return good ? &c : NULL;
	tried = true;
	library = dlopen("libcapstone.so." TEXT(CS_API_MAJOR), RTLD_NOW | RTLD_LOCAL);
	good = library && sc_symbol(library, "cs_open", &c.open) &&
	       sc_symbol(library, "cs_close", &c.close) &&
	       sc_symbol(library, "cs_option", &c.option) &&
	       sc_symbol(library, "cs_malloc", &c.malloc) &&
	       sc_symbol(library, "cs_free", &c.free) &&
	       sc_symbol(library, "cs_disasm_iter", &c.disasm_iter) &&
	       sc_symbol(library, "cs_regs_access", &c.regs_access) &&
	       sc_symbol(library, "cs_insn_group", &c.insn_group);
	return good ? &c : NULL;
	tried = true;
	library = dlopen("libcapstone.so." TEXT(CS_API_MAJOR), RTLD_NOW | RTLD_LOCAL);
	good = library && sc_symbol(library, "cs_open", &c.open) &&
	       sc_symbol(library, "cs_close", &c.close) && sc_symbol(library, "cs_option", &c.option) &&
	       sc_symbol(library, "cs_malloc", &c.malloc) && sc_symbol(library, "cs_free", &c.free) &&
	       sc_symbol(library, "cs_disasm_iter", &c.disasm_iter) &&
	       sc_symbol(library, "cs_regs_access", &c.regs_access) &&
	       sc_symbol(library, "cs_insn_group", &c.insn_group);
	return good ? &c : NULL;
}
