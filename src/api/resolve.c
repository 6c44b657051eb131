/* The version, architecture names and system call names of the public API.
 * SPDX-License-Identifier: MIT */
#include <seccomp.h>
#include <string.h>

#include "api/api.h"
#include "arch/arch.h"

SC_PUBLIC const struct scmp_version *seccomp_version(void)
{
	static const struct scmp_version version = {
		.major = SCMP_VER_MAJOR,
		.minor = SCMP_VER_MINOR,
		.micro = SCMP_VER_MICRO,
	};

	return &version;
}

SC_PUBLIC uint32_t seccomp_arch_resolve_name(const char *arch_name)
{
	const struct sc_arch *arch = arch_name ? sc_arch_by_name(arch_name) : NULL;

	return arch ? arch->token : 0;
}

SC_PUBLIC uint32_t seccomp_arch_native(void)
{
	return sc_arch_native()->token;
}

static const struct sc_arch *arch_of_token(uint32_t token)
{
	return token == SCMP_ARCH_NATIVE ? sc_arch_native() : sc_arch_by_token(token);
}

/* strdup(), but of a fixed size: half its time. */
static char *copy_name(int row)
{
	char *copy = malloc(SC_SYSCALL_NAME_SIZE);

	if (copy)
		memcpy(copy, sc_syscall_name(row), SC_SYSCALL_NAME_SIZE);
	return copy;
}

SC_PUBLIC char *seccomp_syscall_resolve_num_arch(uint32_t arch_token, int num)
{
	const struct sc_arch *arch = arch_of_token(arch_token);
	int row;

	if (!arch)
		return NULL;
	row = sc_syscall_by_nr(arch, num);
	/* libseccomp takes numbers without the base of x32 and mips, too. */
	if (row < 0 && num >= 0 && num < arch->base)
		row = sc_syscall_by_nr(arch, arch->base + num);
	return row < 0 ? NULL : copy_name(row);
}

static __attribute__((noinline)) int resolve_foreign(uint32_t arch_token, const char *name)
{
	const struct sc_arch *arch = arch_of_token(arch_token);

	return arch && name ? sc_syscall_resolve(arch, name) : __NR_SCMP_ERROR;
}

SC_PUBLIC int seccomp_syscall_resolve_name_arch(uint32_t arch_token, const char *name)
{
	if (arch_token == SCMP_ARCH_NATIVE && name)
		return sc_syscall_resolve_native(name);
	return resolve_foreign(arch_token, name);
}

SC_PUBLIC int seccomp_syscall_resolve_name_rewrite(uint32_t arch_token, const char *name)
{
	const struct sc_arch *arch = arch_of_token(arch_token);
	int row = arch && name ? sc_syscall_by_name(name) : -1;
	struct sc_mux mux;

	if (row < 0)
		return __NR_SCMP_ERROR;
	return sc_mux_lookup(arch, row, &mux) ? mux.nr : sc_syscall_nr(arch, row);
}

SC_PUBLIC int seccomp_syscall_resolve_name(const char *name)
{
	return seccomp_syscall_resolve_name_arch(SCMP_ARCH_NATIVE, name);
}
