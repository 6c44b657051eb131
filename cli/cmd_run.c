/* sluice run: run a program under a profile.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "confine.h"
#include "filter.h"
#include "util/cleanup.h"

struct options {
	const char *profile;
};

static int run(struct cli *cli)
{
	_cleanup_(confine_clear) struct confine c = {.cli = cli, .ruleset = -1};
	const struct options *o = cli->options;
	int rc;

	if (!o->profile)
		return cli_error(cli, "nothing to hold the program to: -p PROFILE");
	rc = confine_profile(&c, o->profile);
	return rc ? rc : confine_exec(&c);
}

static const struct cli_option options[] = {
	{.letter = 'p',
		.name = "profile",
		.value = "PROFILE",
		.type = CLI_STRING,
		.offset = offsetof(struct options, profile),
		.word = CLI_WORD_FILTER,
		.help = "the calls that the program may make: a profile or a BPF file"},
	CLI_OPTIONS_END,
};

static const struct cli_positional words[] = {
	{.name = "PROGRAM", .help = "what to run", .word = CLI_WORD_PROGRAM},
	{.name = "ARG",
		.help = "its arguments",
		.word = CLI_WORD_FILE,
		.optional = true,
		.repeated = true},
	CLI_WORDS_END,
};

static const struct cli_example examples[] = {
	{"sluice run -p true.json true", "run under the profile that record wrote"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_run = {
	.name = "run",
	.summary = "run a program under a profile",
	.options = options,
	.words = words,
	.examples = examples,
	.exits = {.yes = "the program's own status, or its signal",
		.trouble = "the program was not started, and standard error says why; "
			   "126 or 127: it could not be executed"},
	.options_size = sizeof(struct options),
	.options_first = true,
	.own_status = true,
	.run = run,
};
