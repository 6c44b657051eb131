/* Which handler a call has: a small hash of (architecture, number).
 * SPDX-License-Identifier: MIT */
#include "core/core.h"

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
const struct handler *sc_core_find(const struct handlers *h, uint32_t arch, int nr)
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
const struct handler *sc_core_find_call(const struct handlers *h,
	const struct seccomp_data *call)
{
	return call->nr < 0 ? &h->any : sc_core_find(h, call->arch, call->nr);
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
static struct handler *get(struct handlers *h, uint32_t arch, int nr)
{
	struct handler *slot;

	if (arch == SCMP_ARCH_X32) /* as the kernel reports it */
		arch = SCMP_ARCH_X86_64;
	if (grow(h))
		return NULL;
	slot = probe(h->slots, h->size, arch, nr);
	if (!slot->arch) {
		h->used++;
		*slot = (struct handler){.arch = arch, .nr = nr};
	}
	return slot;
}

/* Who asked for this call comes before who asked for one that does the same, in whatever order
 * they came. */
static void settle(struct handler *slot)
{
	slot->call = slot->own ? slot->own : slot->sibling ? slot->sibling : slot->unpack;
	slot->data = slot->own ? slot->own_data : slot->sibling_data;
}

/* NULL removes. @sibling: @handler was registered for a name that does the same. */
int sc_core_on(struct handlers *h, uint32_t arch, int nr, bool sibling, sluice_handler handler,
	void *data)
{
	struct handler *slot = get(h, arch, nr);

	if (!slot)
		return -ENOMEM;
	if (sibling) {
		slot->sibling = handler;
		slot->sibling_data = data;
	} else {
		slot->own = handler;
		slot->own_data = data;
	}
	settle(slot);
	return 0;
}

/* What serves a multiplexer that has no handler of its own. */
int sc_core_on_packed(struct handlers *h, uint32_t arch, int nr, sluice_handler unpack)
{
	struct handler *slot = get(h, arch, nr);

	if (!slot)
		return -ENOMEM;
	slot->unpack = unpack;
	settle(slot);
	return 0;
}

int sluice_on(struct sluice_supervisor *supervisor, uint32_t arch, int nr,
	sluice_handler handler, void *data)
{
	struct handlers *h = &supervisor->handlers;

	if (nr == SLUICE_ANY) {
		h->any = (struct handler){.call = handler, .data = data};
		return 0;
	}
	if (nr < 0) /* a pseudo number: this architecture does not have the call */
		return -EINVAL;
	return sc_core_on(h, arch == SCMP_ARCH_NATIVE ? seccomp_arch_native() : arch, nr, false,
		handler, data);
}
