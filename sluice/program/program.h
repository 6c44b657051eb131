/* A program as the library keeps it.
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_PROGRAM_PROGRAM_H
#define SLUICE_PROGRAM_PROGRAM_H

#include <sluice-program.h>

#include "bpf/bpf.h"
#include "bpf/prove.h"

struct sluice_program {
	uint32_t n; /* filters, the newest first */
	struct sc_prog *filters;
};

#define SC_PROGRAM_BYTES (SLUICE_PROGRAM_MAX * sizeof(struct sock_filter))

/* Room for @n filters that are still to be filled. NULL: no memory. */
struct sluice_program *sc_program_alloc(uint32_t n);

/* Copies and checks the @i-th. 0, -EINVAL or -ENOMEM; @error says why. */
int sc_program_fill(struct sluice_program *program, uint32_t i,
	const struct sock_filter *insns, size_t count, struct sluice_error *error);

/* Fills @error (may be NULL) and returns -@code. @where may be NULL. */
int sc_program_fail(struct sluice_error *error, int code, const char *where,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A region of the engine as callers see it. */
void sc_program_region(const struct sc_region *region, struct sluice_region *out);

static inline void sc_program_freep(struct sluice_program **program)
{
	sluice_program_free(*program);
}

#endif
