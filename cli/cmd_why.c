/* sluice why: which calls of a program does a profile refuse, and for what reason?
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "profile.h"
#include "refusing.h"
#include "util/cleanup.h"

struct options {
	struct cli_target target;
	const char *profile, *audit, *output;
};

static int read_profile(struct refusing *w, const struct options *o)
{
	const char *file = o->profile;
	int rc =
		cli_filter_or_profile(w->cli, &o->target, file, &w->program, &w->profile);

	w->refusals.file = file;
	w->refusals.profile = w->profile;
	return rc;
}

static int audit(struct refusing *w, const char *path)
{
	int rc = refusals_of_audit(w->cli, path, &w->refusals);

	if (rc)
		return rc;
	refusals_print(&w->refusals, w->cli->json, w->report ? w->report : stdout);
	w->answered = true;
	return w->refusals.n ? CLI_NO : CLI_YES;
}

static int answer(struct refusing *w, const struct options *o)
{
	int rc = o->profile ? read_profile(w, o) : 0;

	if (rc == 0)
		rc = refusing_open(w, o->output);
	if (rc)
		return rc;
	rc = o->audit ? audit(w, o->audit) : refusing_run(w);
	return refusing_close(w, o->output, rc);
}

static int run(struct cli *cli)
{
	_cleanup_(refusing_clear) struct refusing w = {
		.cli = cli, .live = {.cli = cli, .ruleset = -1}};
	const struct options *o = cli->options;

	if (o->audit && cli->argc)
		return cli_error(
			cli, "--audit reads what has happened: no program is run");
	if (!o->audit && !cli->argc)
		return cli_error(cli, "a program to run is missing, or --audit FILE");
	if (!o->audit && !o->profile)
		return cli_error(cli, "the profile is missing: -p PROFILE");
	return answer(&w, o);
}

static const struct cli_option options[] = {
	{.letter = 'p',
		.name = "profile",
		.value = "PROFILE",
		.type = CLI_STRING,
		.offset = offsetof(struct options, profile),
		.word = CLI_WORD_FILTER,
		.help = "the profile or BPF file"},
	{.name = "audit",
		.value = "FILE",
		.type = CLI_STRING,
		.offset = offsetof(struct options, audit),
		.word = CLI_WORD_FILE,
		.help = "run no program, read this log of the audit system"},
	{.letter = 'o',
		.name = "output",
		.value = "FILE",
		.type = CLI_STRING,
		.offset = offsetof(struct options, output),
		.word = CLI_WORD_FILE,
		.help = "write the report to this file (default: standard error; with "
			"--audit: standard output)"},
	CLI_TARGET_OPTIONS(struct options),
	CLI_OPTIONS_END,
};

static const struct cli_positional words[] = {
	CLI_PROGRAM_WORDS(.optional = true),
	CLI_WORDS_END,
};

static const struct cli_example examples[] = {
	{"sluice why -p true.json mkdir d", "what does the profile refuse?"},
	{"sluice why --audit audit.log", "what did the kernel say?"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_why = {
	.name = "why",
	.summary = "say which calls of a program a profile refuses, and why",
	.options = options,
	.words = words,
	.examples = examples,
	.exits = {.yes = "the program exited with 0; else its own status, 128+N after "
			 "signal N, 128+31 if the profile kills it; with --audit: no "
			 "line was found",
		.no = "with --audit: refused calls were found",
		.trouble = "there is no answer; 126 or 127: the program could not be "
			   "executed"},
	.options_size = sizeof(struct options),
	.reports = true,
	.options_first = true,
	.own_status = true,
	.run = run,
};
