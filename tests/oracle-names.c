/* What the judge knows of architectures and system calls.
 * SPDX-License-Identifier: MIT */
#include "oracle.h"

#include <stdlib.h>
#include <string.h>

/* In the order of the numbers in oracle-names.inc. */
const struct oracle_arch oracle_arches[ORACLE_ARCHES] = {
	{"x86", 0x40000003, false, false},
	{"x86_64", 0xc000003e, true, false},
	{"x32", 0x4000003e, false, false},
	{"arm", 0x40000028, false, false},
	{"aarch64", 0xc00000b7, true, false},
	{"loongarch64", 0xc0000102, true, false},
	{"m68k", 0x00000004, false, true},
	{"mips", 0x00000008, false, true},
	{"mips64", 0x80000008, true, true},
	{"mips64n32", 0xa0000008, false, true},
	{"mipsel", 0x40000008, false, false},
	{"mipsel64", 0xc0000008, true, false},
	{"mipsel64n32", 0xe0000008, false, false},
	{"parisc", 0x0000000f, false, true},
	{"parisc64", 0x8000000f, true, true},
	{"ppc", 0x00000014, false, true},
	{"ppc64", 0x80000015, true, true},
	{"ppc64le", 0xc0000015, true, false},
	{"riscv64", 0xc00000f3, true, false},
	{"s390", 0x00000016, false, true},
	{"s390x", 0x80000016, true, true},
	{"sh", 0x4000002a, false, false},
	{"sheb", 0x0000002a, false, true},
};

#define NO_MUX                                                                           \
	-2, -2, -2, -2, -2, -2, -2, -2, -2, -2, -2, -2, -2, -2, -2, -2, -2, -2, -2, -2,  \
		-2, -2, -2

static const struct oracle_name known[] = {
#include "oracle-names.inc"
};

struct oracle_name *oracle_names;
unsigned int oracle_n_names;

__attribute__((constructor)) static void learn_known(void)
{
	for (unsigned int i = 0; i < sizeof(known) / sizeof(*known); i++)
		oracle_learn(&known[i]);
}

void oracle_learn(const struct oracle_name *name)
{
	unsigned int i = 0;

	while (i < oracle_n_names && strcmp(oracle_names[i].name, name->name) != 0)
		i++;
	if (i == oracle_n_names) {
		oracle_names = realloc(oracle_names, ++oracle_n_names * sizeof(*name));
		if (!oracle_names)
			abort();
	}
	oracle_names[i] = *name;
}

int oracle_arch_index(uint32_t token)
{
	for (int i = 0; i < ORACLE_ARCHES; i++)
		if (oracle_arches[i].token == token)
			return i;
	return -1;
}

/* Written beside src/arch/native.h, not after it: two that would have to err alike. */
static const char native_name[] =
#if defined(__ILP32__) && defined(__x86_64__)
	"x32";
#elif defined(__x86_64__)
	"x86_64";
#elif defined(__i386__)
	"x86";
#elif defined(__aarch64__)
	"aarch64";
#elif defined(__arm__)
	"arm";
#elif defined(__riscv)
	"riscv64";
#elif defined(__loongarch64)
	"loongarch64";
#elif defined(__m68k__)
	"m68k";
#elif defined(__hppa__)
	"parisc";
#elif defined(__s390x__)
	"s390x";
#elif defined(__s390__)
	"s390";
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
	"ppc64le";
#elif defined(__powerpc64__)
	"ppc64";
#elif defined(__powerpc__)
	"ppc";
#elif defined(__sh__) && defined(__LITTLE_ENDIAN__)
	"sh";
#elif defined(__sh__)
	"sheb";
#elif defined(__MIPSEL__) && defined(_ABIO32) && _MIPS_SIM == _ABIO32
	"mipsel";
#elif defined(__MIPSEL__) && defined(_ABIN32) && _MIPS_SIM == _ABIN32
	"mipsel64n32";
#elif defined(__MIPSEL__)
	"mipsel64";
#elif defined(__mips__) && defined(_ABIO32) && _MIPS_SIM == _ABIO32
	"mips";
#elif defined(__mips__) && defined(_ABIN32) && _MIPS_SIM == _ABIN32
	"mips64n32";
#elif defined(__mips__)
	"mips64";
#endif

const struct oracle_arch *oracle_native(void)
{
	const struct oracle_arch *a = oracle_arches;

	while (strcmp(a->name, native_name) != 0)
		a++;
	return a;
}

uint32_t oracle_audit(uint32_t token)
{
	return token == 0x4000003e ? 0xc000003e : token;
}

/* The pseudo numbers of multiplexed calls are -100 - code and -200 - code. */
int oracle_mux_code(int pseudo)
{
	if (pseudo <= -101 && pseudo >= -120)
		return -100 - pseudo;
	if ((pseudo <= -201 && pseudo >= -204) || (pseudo <= -211 && pseudo >= -214) ||
		(pseudo <= -221 && pseudo >= -224))
		return -200 - pseudo;
	return -1;
}
