/* What profiles call actions, comparisons, architectures, capabilities and errors.
 * SPDX-License-Identifier: MIT */
#include "model.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/errnos.h"

/* The first of equal values is written where a value has to get a name. */
const struct sc_name_value sc_profile_actions[] = {
	{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
	{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)},
	{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
	{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
	{"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0)},
	{"SCMP_ACT_LOG", SCMP_ACT_LOG},
	{"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY},
	{NULL, 0},
};

const struct sc_name_value sc_profile_ops[] = {
	{"SCMP_CMP_NE", SCMP_CMP_NE},
	{"SCMP_CMP_LT", SCMP_CMP_LT},
	{"SCMP_CMP_LE", SCMP_CMP_LE},
	{"SCMP_CMP_EQ", SCMP_CMP_EQ},
	{"SCMP_CMP_GE", SCMP_CMP_GE},
	{"SCMP_CMP_GT", SCMP_CMP_GT},
	{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
	{NULL, 0},
};

const struct sc_name_value sc_profile_flags[] = {
	{"SECCOMP_FILTER_FLAG_TSYNC", 1},
	{"SECCOMP_FILTER_FLAG_LOG", 2},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", 4},
	{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 32},
	{NULL, 0},
};


/* What container engines call machines: Go's names, and those of further ABIs. */
static const struct sc_name_value engine_arches[] = {
	{"amd64", SCMP_ARCH_X86_64},
	{"x86", SCMP_ARCH_X86},
	{"386", SCMP_ARCH_X86},
	{"x32", SCMP_ARCH_X32},
	{"arm", SCMP_ARCH_ARM},
	{"arm64", SCMP_ARCH_AARCH64},
	{"mips", SCMP_ARCH_MIPS},
	{"mips64", SCMP_ARCH_MIPS64},
	{"mips64n32", SCMP_ARCH_MIPS64N32},
	{"mipsel", SCMP_ARCH_MIPSEL},
	{"mipsle", SCMP_ARCH_MIPSEL},
	{"mips64le", SCMP_ARCH_MIPSEL64},
	{"mipsel64", SCMP_ARCH_MIPSEL64},
	{"mipsel64n32", SCMP_ARCH_MIPSEL64N32},
	{"ppc", SCMP_ARCH_PPC},
	{"ppc64", SCMP_ARCH_PPC64},
	{"ppc64le", SCMP_ARCH_PPC64LE},
	{"s390", SCMP_ARCH_S390},
	{"s390x", SCMP_ARCH_S390X},
	{"riscv64", SCMP_ARCH_RISCV64},
#ifdef SCMP_ARCH_LOONGARCH64
	{"loong64", SCMP_ARCH_LOONGARCH64},
#endif
	{NULL, 0},
};

bool sc_value_of(const struct sc_name_value *t, const char *name, uint32_t *value)
{
	while (t->name && strcmp(t->name, name) != 0)
		t++;
	if (!t->name)
		return false;
	*value = t->value;
	return true;
}

const char *sc_name_of(const struct sc_name_value *t, uint32_t value)
{
	while (t->name && t->value != value)
		t++;
	return t->name;
}

uint32_t sc_arch_of_profile(const char *name)
{
	static const char prefix[] = "SCMP_ARCH_";
	char lower[32];
	size_t n;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return 0;
	name += sizeof(prefix) - 1;
	n = strlen(name);
	if (n >= sizeof(lower) || !n)
		return 0;
	for (size_t i = 0; i <= n; i++) {
		if (islower((unsigned char)name[i]))
			return 0; /* both runtimes know capital letters alone */
		lower[i] = (char)tolower((unsigned char)name[i]);
	}
	return seccomp_arch_resolve_name(lower);
}

const char *const sc_profile_arches[] = {"SCMP_ARCH_X86", "SCMP_ARCH_X86_64",
	"SCMP_ARCH_X32", "SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64", "SCMP_ARCH_MIPS",
	"SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL",
	"SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64",
	"SCMP_ARCH_PPC64LE", "SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_PARISC",
	"SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64", "SCMP_ARCH_LOONGARCH64",
	"SCMP_ARCH_M68K", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB", NULL};

const char *sc_arch_profile_name(uint32_t arch)
{
	for (const char *const *name = sc_profile_arches; *name; name++)
		if (sc_arch_of_profile(*name) == arch)
			return *name;
	return NULL;
}

uint32_t sc_arch_of_engine(const char *name)
{
	uint32_t arch = 0;

	sc_value_of(engine_arches, name, &arch);
	return arch;
}

bool sc_call_is_known(const char *name)
{
	return *name && seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

uint32_t sc_errno_of(const char *name)
{
	char *end;
	unsigned long n = (unsigned long)sc_errno_number(name);

	if (n || !isdigit((unsigned char)*name))
		return (uint32_t)n;
	n = strtoul(name, &end, 10);
	return *end || n > 4095 ? 0 : (uint32_t)n;
}
