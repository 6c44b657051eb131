/* Which handler a call has: a small hash of (architecture, number).
 * SPDX-License-Identifier: MIT */
#include "internal.h"

static unsigned hash(uint32_t arch, int nr)
{
	return ((uint32_t)nr ^ arch * 0x9e3779b1u) * 0x85ebca6bu >> 7;
}

static struct handler *probe(struct handler *slots, unsigned size, uint32_t arch, int nr)
{
	unsigned i = hash(arch, nr);

	for (;; i++) {
		struct handler *h = &slots[i & (size - 1)];

		if ((h->arch == arch && h->nr == nr) || h->arch == 0)
			return h;
	}
}

/* Never NULL: without one, the handler of everything (whose call may be NULL). */
const struct handler *sc_sluice_find(const struct handlers *h, uint32_t arch, int nr)
{
	if (h->size) {
		const struct handler *found = probe(h->slots, h->size, arch, nr);

		if (found->arch && found->call)
			return found;
	}
	return &h->any;
}

/* The handler of a call as it came. Pseudo numbers say what is carried: whatever a target puts
 * in the register, no call has one. */
const struct handler *sc_sluice_find_call(const struct handlers *h,
	const struct seccomp_data *call)
{
	return call->nr < 0 ? &h->any : sc_sluice_find(h, call->arch, call->nr);
}

static int grow(struct handlers *h)
{
	unsigned size = h->size ? h->size * 2 : 64;
	struct handler *slots;

	if (h->used * 2 < h->size)
		return 0;
	slots = calloc(size, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (unsigned i = 0; i < h->size; i++)
		if (h->slots[i].arch)
			*probe(slots, size, h->slots[i].arch, h->slots[i].nr) = h->slots[i];
	free(h->slots);
	h->slots = slots;
	h->size = size;
	return 0;
}

/* The slot of (@arch, @nr), made if need be; NULL: no memory. */
static struct handler *slot_for(struct handlers *h, uint32_t arch, int nr)
{
	struct handler *slot;

	if (grow(h))
		return NULL;
	slot = probe(h->slots, h->size, arch, nr);
	if (!slot->arch) {
		h->used++;
		*slot = (struct handler){.arch = arch, .nr = nr};
	}
	return slot;
}

int sluice_on(struct sluice_supervisor *supervisor, uint32_t arch, int nr,
	sluice_handler handler, void *data)
{
	struct handlers *h = &supervisor->handlers;
	struct handler *slot;

	if (nr == SLUICE_ANY) {
		h->any = (struct handler){.call = handler, .data = data};
		return 0;
	}
	if (nr < 0) /* a pseudo number: this architecture does not have the call */
		return -EINVAL;
	if (arch == SCMP_ARCH_NATIVE)
		arch = seccomp_arch_native();
	if (arch == SCMP_ARCH_X32) /* as the kernel reports it */
		arch = SCMP_ARCH_X86_64;
	slot = slot_for(h, arch, nr);
	if (!slot)
		return -ENOMEM;
	slot->call = handler ? handler : slot->unpack;
	slot->data = data;
	return 0;
}

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
	const struct multiplexer *m = sc_sluice_multiplexer(name, &pseudo);
	struct handler *slot;

	nr = m ? seccomp_syscall_resolve_name_arch(arch, m->name) : -1;
	if (nr < 0)
		return -ENOENT;
	slot = slot_for(&sv->handlers, arch, pseudo);
	if (!slot)
		return -ENOMEM;
	slot->call = handler;
	slot->data = data;
	slot = slot_for(&sv->handlers, arch, nr);
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
