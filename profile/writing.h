/* What the files that write profiles share.
 * SPDX-License-Identifier: MIT */
#ifndef SC_PROFILE_WRITING_H
#define SC_PROFILE_WRITING_H

#include "model.h"

#pragma GCC visibility push(hidden)

/* The seccomp object. @docker: names of errors; @comments: as members. */
void sc_put_profile(struct sc_json_out *out, const struct sluice_profile *p, bool docker,
	bool comments);

/* The resource in @json as YAML, with the comments of @p. */
int sc_yaml_write(const struct sluice_profile *p, const struct sc_json_out *json,
	char **text, size_t *size);

#pragma GCC visibility pop

#endif
