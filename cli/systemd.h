/* Profiles as systemd says them.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_SYSTEMD_H
#define CLI_SYSTEMD_H

#include "profile.h"

/* Lines for the section [Service] of a unit (systemd.exec(5)): SystemCallArchitectures=,
 * SystemCallFilter= and SystemCallErrorNumber= that decide as the profile does for
 * @target, without a cut-off. The caller frees *@text. 0; CLI_TROUBLE, said: systemd
 * cannot express it. */
int cli_systemd(struct cli *cli, const struct sluice_profile *profile,
	const struct sluice_target *target, char **text, size_t *size);

#endif
