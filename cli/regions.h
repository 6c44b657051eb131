/* Regions of inputs, as several commands print them, and the kernel's view of filters.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_REGIONS_H
#define CLI_REGIONS_H

#include <sluice-filter.h>

#include "filter.h"

/* "a0" of enum sluice_field. */
const char *cli_field(unsigned int field);

/* "conditions": [...] */
void cli_conditions_json(struct cli_json *j, const struct sluice_region *region);

/* A condition in one word that a program can read as well: "a0.lo=0x10". To stdout. */
void cli_condition_word(const struct sluice_condition *c);

/* Does @data lie in the region? */
bool cli_region_holds(
	const struct sluice_region *region, const struct seccomp_data *data);

/* Why is an input a difference in the kernel's view: the caller chooses what the kernel
 * ignores, and gets at best or at worst the verdicts that are said. */
enum cli_view {
	CLI_VIEW_NONE = 0, /* it is one, whoever looks */
	CLI_VIEW_BEST = 1,
	CLI_VIEW_WORST = 2, /* may be added to CLI_VIEW_BEST */
};

/* The row of --kernel-view. */
#define CLI_KERNEL_VIEW_OPTION(type)                                                     \
	{                                                                                \
		0, "kernel-view", NULL, CLI_FLAG, offsetof(type, kernel_view),           \
			"leave out what the kernel does not read of arguments",          \
			CLI_WORD_ANY, NULL                                               \
	}

/* " (at best)"; "" where both are so. */
const char *cli_view_text(unsigned int view);
/* "best", "worst", "both"; NULL: CLI_VIEW_NONE. */
const char *cli_view_word(unsigned int view);

/* 0: equal as far as the kernel reads; 1 with *@witness if not; negative: no answer, said
 * on stderr. */
int cli_view_equal(const struct cli *cli, const struct sluice_program *a,
	const struct sluice_program *b, struct sluice_witness *witness);

/* Each region where they are not. Returns as above, or the result of @each. */
int cli_view_compare(const struct cli *cli, const struct sluice_program *a,
	const struct sluice_program *b,
	int (*each)(const struct sluice_region *region, unsigned int view, void *data),
	void *data);

#endif
