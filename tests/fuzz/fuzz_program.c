/* Programs of any bytes and of any text. The first byte chooses. What is taken as a
 * program is one that the kernel takes, and its listing gives the same bytes; what is
 * refused has a reason. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <sluice-program.h>

#include "bpf/bpf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(struct sluice_program *p)
{
	struct sluice_program *q = NULL;
	struct seccomp_data d = {.nr = 1, .arch = 0xc000003e};
	const struct sock_filter *f, *g;
	char *text = NULL;
	size_t length, n, m;
	FILE *out = open_memstream(&text, &length);

	f = sluice_program_instructions(p, 0, &n);
	require(f && sc_bpf_check(f, (uint32_t)n, NULL, NULL) == 0);
	sluice_program_run(p, &d);
	require(sluice_program_trace(p, 0, &d, NULL, 0, NULL) <= n);
	require(out && sluice_program_print(p, 0, out) == 0);
	fclose(out);
	require(sluice_program_assemble(text, length, &q, NULL) == 0);
	g = sluice_program_instructions(q, 0, &m);
	require(m == n && memcmp(f, g, n * sizeof(*f)) == 0);
	sluice_program_free(q);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sock_filter insns[SLUICE_PROGRAM_MAX + 1];
	struct sluice_error error = {0};
	struct sluice_program *p = NULL;
	size_t n;
	int rc;

	if (size == 0)
		return 0;
	if (data[0] & 1) {
		rc = sluice_program_assemble(
			(const char *)data + 1, size - 1, &p, &error);
	} else {
		n = (size - 1) / sizeof(*insns);
		if (n > SLUICE_PROGRAM_MAX + 1)
			n = SLUICE_PROGRAM_MAX + 1;
		memcpy(insns, data + 1, n * sizeof(*insns));
		rc = sluice_program_new(insns, n, &p, &error);
	}
	require((rc == 0) == (p != NULL));
	if (p)
		check(p);
	else
		require(error.code == -rc && *error.message);
	sluice_program_free(p);
	return 0;
}
