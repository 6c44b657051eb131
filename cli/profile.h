/* What the commands that read profiles share: options of the target, findings on stderr.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_PROFILE_H
#define CLI_PROFILE_H

#include "cli.h"

#include <sluice-profile.h>

/* Members of a command's options; CLI_TARGET_OPTIONS(struct ...) are their rows. Where
 * --arch is that of a call, CLI_TARGET_OPTIONS_CALL(). */
struct cli_target {
	unsigned as;
	struct cli_list caps, arches;
	const char *machine, *kernel;
};

extern const char *const cli_runtimes[];

#define CLI_TARGET_OPTIONS_OF(type, archs)                                               \
	{0, "as", "RUNTIME", CLI_CHOICE, offsetof(type, target.as),                      \
		"compile a profile as this runtime does (default: runc)",                \
		CLI_WORD_CHOICE, cli_runtimes},                                          \
		{0, "cap", "CAPABILITY", CLI_LIST, offsetof(type, target.caps),          \
			"the container has this capability; commas between several, or " \
			"all",                                                           \
			CLI_WORD_ANY, NULL},                                             \
		{0, "kernel", "VERSION", CLI_STRING, offsetof(type, target.kernel),      \
			"the kernel of the container (default: this one)",               \
			CLI_WORD_ANY, NULL},                                             \
		{0, "machine", "ARCH", CLI_STRING, offsetof(type, target.machine),       \
			"the machine of the container (default: this one)",              \
			CLI_WORD_ARCH, NULL},                                            \
	{                                                                                \
		0, archs, "ARCH", CLI_LIST, offsetof(type, target.arches),               \
			"the architectures (default: those of the profile)",             \
			CLI_WORD_ARCH, NULL                                              \
	}
#define CLI_TARGET_OPTIONS(type)      CLI_TARGET_OPTIONS_OF(type, "arch")
#define CLI_TARGET_OPTIONS_CALL(type) CLI_TARGET_OPTIONS_OF(type, "filter-arch")

#define CLI_TARGET_MOST 64

/* What sluice_target points at. */
struct cli_target_lists {
	const char *caps[CLI_TARGET_MOST];
	uint32_t arches[CLI_TARGET_MOST];
	char text[2048];
};

/* From the options (NULL: none); -1 after an error that was said. */
int cli_target_fill(struct cli *cli, const struct cli_target *options, const char *file,
	struct cli_target_lists *lists, struct sluice_target *target);

/* "5.10" as major << 16 | minor; 0: it is no version. */
unsigned cli_kernel_version(const char *text);

/* A finding as FILE:LINE:COLUMN: on stderr. */
void cli_say_finding(const struct sluice_finding *finding, void *data);

/* Why sluice_profile_program() gave none: @rc is its -errno. */
const char *cli_no_program(int rc);

/* Read a profile, "-" is the standard input; NULL after an error that was said. */
struct sluice_profile *cli_read_profile(const char *path, bool strict);

/* Call @word for each part of the list's words between commas. -1 as soon as it says so.
 */
int cli_each_word(const struct cli_list *list, int (*word)(const char *word, void *data),
	void *data);

#endif
