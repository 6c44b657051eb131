/* Which rule of a profile decides.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_EXPLAIN_H
#define CLI_EXPLAIN_H

#include "filter.h"
#include "profile.h"

/* Prints the entries of @profile that name the call of @data, with their places: those
 * that hold for its arguments, or all if @any_arguments. @verdict is what the filter
 * says. */
int cli_explain_rules(struct cli *cli, const struct cli_target *options, const char *file,
	const struct sluice_profile *profile, const struct seccomp_data *data,
	bool any_arguments, uint32_t verdict);

#endif
