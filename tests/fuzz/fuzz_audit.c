/* Logs of the audit system on any bytes, as "sluice why --audit" reads them.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "refusals.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *nowhere;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	nowhere = fopen("/dev/null", "we");
	return nowhere ? 0 : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct refusals all = {.file = "fuzzed"};
	int fd = memfd_create("log", MFD_CLOEXEC);
	struct cli cli = {0};
	char path[64];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* Every text is a log; a byte of NUL is in none. */
	if ((refusals_of_audit(&cli, path, &all) != 0) != (memchr(data, 0, size) != NULL))
		abort();
	for (uint32_t i = 0; i < all.n; i++)
		if (!all.items[i].count || !all.items[i].text)
			abort();
	refusals_print(&all, false, nowhere);
	refusals_print(&all, true, nowhere);
	refusals_clear(&all);
	close(fd);
	return 0;
}
