/* The right word that somebody meant.
 * SPDX-License-Identifier: MIT */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>

#include "util/near.h"

const char *sc_near_in(const char *word, const struct sc_name_value *t)
{
	struct sc_near near = {.word = word};

	for (; t->name; t++)
		sc_near_look(&near, t->name);
	return near.found;
}

const char *sc_near_of(const char *word, const char *const *words)
{
	struct sc_near near = {.word = word};

	for (; *words; words++)
		sc_near_look(&near, *words);
	return near.found;
}

/* Every name of this machine's and of the table that all architectures share. */
const char *sc_near_call(const char *word, unsigned *left, char found[64])
{
	static const uint32_t arches[] = {
		SCMP_ARCH_NATIVE, SCMP_ARCH_X86, SCMP_ARCH_AARCH64};
	struct sc_near near = {.word = word};

	if (!*left)
		return NULL;
	--*left;
	for (size_t a = 0; a < sizeof(arches) / sizeof(*arches); a++)
		for (int nr = 0; nr < 520; nr++) {
			char *name = seccomp_syscall_resolve_num_arch(arches[a], nr);

			if (name && sc_near_look(&near, name)) {
				snprintf(found, 64, "%s", name);
				near.found = found;
			}
			free(name);
		}
	return near.found;
}
