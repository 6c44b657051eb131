/* Handlers by name: every number that a call has on the architectures that this kernel runs.
 * SPDX-License-Identifier: MIT */
#include "target/target.h"

#include "sluice-calls.h"

/* The other architectures whose programs a kernel runs. */
static const struct {
	uint32_t native, others[2];
} companions[] = {
	{SCMP_ARCH_X86_64, {SCMP_ARCH_X86, SCMP_ARCH_X32}},
	{SCMP_ARCH_AARCH64, {SCMP_ARCH_ARM}},
	{SCMP_ARCH_MIPS64, {SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64N32}},
	{SCMP_ARCH_MIPSEL64, {SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64N32}},
	{SCMP_ARCH_PPC64, {SCMP_ARCH_PPC}},
	{SCMP_ARCH_S390X, {SCMP_ARCH_S390}},
	{SCMP_ARCH_PARISC64, {SCMP_ARCH_PARISC}},
};

/* What is registered for a name, and whether that name is another one that does the same. */
struct wish {
	sluice_handler handler;
	void *data;
	bool sibling;
};

/* Through socketcall or ipc, where @arch has them. A handler of the multiplexer itself stays. */
static int on_packed(struct handlers *h, uint32_t arch, const char *name, const struct wish *wish)
{
	int pseudo, nr, rc;
	const struct multiplexer *m = sc_target_multiplexer(name, &pseudo);

	nr = m ? seccomp_syscall_resolve_name_arch(arch, m->name) : -1;
	if (nr < 0)
		return -ENOENT;
	rc = sc_core_on(h, arch, pseudo, wish->sibling, wish->handler, wish->data);
	return rc ? rc : sc_core_on_packed(h, arch, nr, m->unpack);
}

static int on_call(struct handlers *h, uint32_t arch, const char *name, const struct wish *wish)
{
	int nr = seccomp_syscall_resolve_name_arch(arch, name);
	int rc = on_packed(h, arch, name, wish);

	if (rc && rc != -ENOENT)
		return rc;
	/* Calls that an architecture multiplexes resolve to a pseudo number even where it also has
	 * them directly, and filters notify that number too. */
	if (nr < 0 && sluice_call_nr(arch, name, &nr))
		nr = -1;
	return nr < 0 ? rc
		      : sc_core_on(h, arch, nr, wish->sibling, wish->handler, wish->data);
}

static bool has_siblings(uint32_t arch)
{
	return sc_core_is_32bit(arch) || arch == SCMP_ARCH_MIPS64N32 ||
		arch == SCMP_ARCH_MIPSEL64N32;
}

/* The call @name of @arch, and those of a 32-bit ABI that do the same under another name. */
static int on_one(struct handlers *h, uint32_t arch, const char *name, const struct wish *wish)
{
	struct wish sibling = *wish;
	enum sluice_sibling_kind kind;
	unsigned iterator = 0;
	const char *other;
	int one, rc = on_call(h, arch, name, wish);

	sibling.sibling = true;
	while (has_siblings(arch) && (!rc || rc == -ENOENT) &&
		(other = sluice_sibling_next(arch, name, &iterator, &kind))) {
		if (kind != SLUICE_SIBLING_ABI)
			continue;
		one = on_call(h, arch, other, &sibling);
		if (one != -ENOENT)
			rc = one;
	}
	return rc;
}

/* As a kernel of @native has it: every number that @name has for programs that it runs. */
int sc_target_on_name(struct handlers *h, uint32_t native, const char *name,
	sluice_handler handler, void *data)
{
	const struct wish wish = {handler, data, false};
	int rc = on_one(h, native, name, &wish);

	if (rc && rc != -ENOENT)
		return rc;
	for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
		if (companions[i].native != native)
			continue;
		for (int k = 0; k < 2 && companions[i].others[k]; k++) {
			int one = on_one(h, companions[i].others[k], name, &wish);

			if (one != -ENOENT)
				rc = one;
			if (rc && rc != -ENOENT)
				return rc;
		}
	}
	return rc;
}

int sluice_on_name(struct sluice_supervisor *supervisor, const char *name,
	sluice_handler handler, void *data)
{
	return sc_target_on_name(&supervisor->handlers, seccomp_arch_native(), name, handler, data);
}
