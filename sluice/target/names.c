/* Handlers by name: every number that a call has on the architectures that this kernel runs.
 * SPDX-License-Identifier: MIT */
#include "target/target.h"

/* The other architectures whose programs a kernel runs. */
static const struct {
	uint32_t native, others[2];
} companions[] = {
	{SCMP_ARCH_X86_64, {SCMP_ARCH_X86, SCMP_ARCH_X32}},
	{SCMP_ARCH_AARCH64, {SCMP_ARCH_ARM, 0}},
	{SCMP_ARCH_MIPS64, {SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64N32}},
	{SCMP_ARCH_MIPSEL64, {SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64N32}},
	{SCMP_ARCH_PPC64, {SCMP_ARCH_PPC, 0}},
	{SCMP_ARCH_S390X, {SCMP_ARCH_S390, 0}},
	{SCMP_ARCH_PARISC64, {SCMP_ARCH_PARISC, 0}},
};

/* Calls that an architecture multiplexes (socketcall, ipc) resolve to a pseudo number even
 * where it also has them directly, and filters notify that number too: look for it. */
static int direct_number(uint32_t arch, const char *name)
{
	int base = arch == SCMP_ARCH_X32 ? 0x40000000 : 0;

	if (arch == SCMP_ARCH_MIPS || arch == SCMP_ARCH_MIPSEL)
		base = 4000;
	for (int nr = base; nr < base + 1024; nr++) {
		_cleanup_free_ char *found = seccomp_syscall_resolve_num_arch(arch, nr);

		if (found && strcmp(found, name) == 0)
			return nr;
	}
	return -ENOENT;
}

/* Through socketcall or ipc, where @arch has them. A handler of the multiplexer itself stays. */
static int on_packed(struct sluice_supervisor *sv, uint32_t arch, const char *name,
	sluice_handler handler, void *data)
{
	int pseudo, nr;
	const struct multiplexer *m = sc_target_multiplexer(name, &pseudo);
	struct handler *slot;

	nr = m ? seccomp_syscall_resolve_name_arch(arch, m->name) : -1;
	if (nr < 0)
		return -ENOENT;
	slot = sc_core_handler(&sv->handlers, arch, pseudo);
	if (!slot)
		return -ENOMEM;
	slot->call = handler;
	slot->data = data;
	slot = sc_core_handler(&sv->handlers, arch, nr);
	if (!slot)
		return -ENOMEM;
	slot->unpack = m->unpack;
	if (!slot->call)
		slot->call = m->unpack;
	return 0;
}

static int on_one(struct sluice_supervisor *sv, uint32_t arch, const char *name,
	sluice_handler handler, void *data)
{
	int nr = seccomp_syscall_resolve_name_arch(arch, name);
	int rc = on_packed(sv, arch, name, handler, data);

	if (rc && rc != -ENOENT)
		return rc;
	if (nr < 0 && nr != __NR_SCMP_ERROR)
		nr = direct_number(arch, name);
	return nr < 0 ? rc : sluice_on(sv, arch, nr, handler, data);
}

int sluice_on_name(struct sluice_supervisor *supervisor, const char *name,
	sluice_handler handler, void *data)
{
	uint32_t native = seccomp_arch_native();
	int rc = on_one(supervisor, native, name, handler, data);

	if (rc && rc != -ENOENT)
		return rc;
	for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
		if (companions[i].native != native)
			continue;
		for (int k = 0; k < 2 && companions[i].others[k]; k++) {
			int one = on_one(supervisor, companions[i].others[k], name, handler,
				data);

			if (one != -ENOENT)
				rc = one;
			if (rc && rc != -ENOENT)
				return rc;
		}
	}
	return rc;
}
