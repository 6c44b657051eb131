/* Any bytes as a name, a number and an architecture: what resolves must resolve back.
 * SPDX-License-Identifier: MIT */
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void fail(const char *what, uint32_t token, const char *name, int nr)
{
	fprintf(stderr, "%s: arch 0x%08x name %s number %d\n", what, token, name, nr);
	abort();
}

static void try_name(uint32_t token, const char *name)
{
	int nr = seccomp_syscall_resolve_name_arch(token, name);
	int rewritten = seccomp_syscall_resolve_name_rewrite(token, name);
	char *back;

	if ((nr == __NR_SCMP_ERROR) != (rewritten == __NR_SCMP_ERROR))
		fail("known and unknown", token, name, nr);
	if (nr == __NR_SCMP_ERROR)
		return;
	back = seccomp_syscall_resolve_num_arch(token, nr);
	if (!back || seccomp_syscall_resolve_name_arch(token, back) != nr)
		fail("does not resolve back", token, name, nr);
	free(back);
}

static void try_number(uint32_t token, int nr)
{
	char *name = seccomp_syscall_resolve_num_arch(token, nr), *again;
	int back;

	if (!name)
		return;
	back = seccomp_syscall_resolve_name_arch(token, name);
	again = seccomp_syscall_resolve_num_arch(token, back);
	if (!again || strcmp(again, name) != 0)
		fail("does not resolve back", token, name, nr);
	free(again);
	free(name);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const struct sc_arch *arch;
	uint32_t token;
	char *name;
	int nr;

	if (size < 5)
		return 0;
	arch = data[0] < sc_arch_count ? sc_arch_at(data[0]) : NULL;
	memcpy(&nr, data + 1, sizeof(nr));
	token = arch ? arch->token : (uint32_t)nr;
	data += 5;
	size -= 5;
	name = malloc(size + 1); /* exactly: reading behind it shows */
	if (!name)
		abort();
	memcpy(name, data, size);
	name[size] = '\0';
	if (seccomp_arch_resolve_name(name) && !sc_arch_by_name(name))
		fail("an architecture", token, name, nr);
	if (arch) {
		try_name(token, name);
		try_number(token, nr);
	} else if (!sc_arch_by_token(token) && token != SCMP_ARCH_NATIVE &&
		seccomp_syscall_resolve_name_arch(token, name) != __NR_SCMP_ERROR) {
		fail("an unknown architecture", token, name, nr);
	}
	free(name);
	return 0;
}
