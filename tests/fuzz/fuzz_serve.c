/* Policies of "sluice serve" on any bytes: what is read has sound rules only.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "serve/serve.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *nowhere;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	nowhere = fopen("/dev/null", "we");
	return nowhere ? 0 : -1;
}

static void look_at(const struct serve_policy *p)
{
	for (uint32_t i = 0; i < p->n_folders; i++)
		if (p->folders[i][0] != '/' || !p->folders[i][1] || strstr(p->folders[i], "/../"))
			abort();
	for (uint32_t i = 0; i < p->n_rules; i++) {
		const struct serve_rule *r = &p->rules[i];

		if (serve_rule(p, r->call) != r ||
			(r->kind == SERVE_REFUSE && (r->value < 1 || r->value > 4095)) ||
			(r->kind == SERVE_VALUE && r->value < 0 && r->value >= -4095))
			abort();
	}
	if (!p->mount_size || !p->mounts || p->limit_errno < 1 || p->limit_errno > 4095)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("policy", MFD_CLOEXEC);
	struct serve_policy *policy = NULL;
	struct cli cli = {0};
	struct serve s = {.cli = &cli};
	FILE *said = stderr;
	uint32_t mistakes = 0;
	char path[64];
	int rc;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	stderr = nowhere;
	rc = serve_read(&s, path, "fuzzed", &mistakes, &policy);
	stderr = said;
	if (rc || (mistakes == 0) != (policy != NULL))
		abort();
	if (policy)
		look_at(policy);
	serve_policy_unref(policy);
	free(s.counts);
	close(fd);
	return 0;
}
