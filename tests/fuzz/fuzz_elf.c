/* The static analysis of "sluice calls" on any bytes: the file, its functions, what they call. Nothing that
 * it needs is found, so that only the input decides.
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "calls/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_reached(const struct calls_program *p)
{
	for (uint32_t node = 0; node < p->n_nodes; node++) {
		char name[128];

		if (!p->nodes[node].reached)
			continue;
		calls_program_name(p, node, name, sizeof(name));
		require(*name);
		require(p->nodes[node].parent == UINT32_MAX || p->nodes[node].parent < p->n_nodes);
	}
	for (unsigned int nr = 0; nr < CALLS_NUMBERS; nr++)
		require(!p->made[nr] || p->maker[nr] < p->n_nodes);
	for (uint32_t i = 0; i < p->n_unresolved; i++)
		require(p->unresolved[i].node < p->n_nodes && *p->unresolved[i].why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct calls_program p = {.options = {.root = "/var/empty/nothing"}};
	int fd = memfd_create("elf", MFD_CLOEXEC);
	char path[64];

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (calls_program_add(&p, path))
		require(*p.message);
	else if (calls_program_reach(&p) == 0)
		check_reached(&p);
	calls_program_clear(&p);
	close(fd);
	return 0;
}
