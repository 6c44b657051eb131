/* sluice merge: many profiles as one.
 * SPDX-License-Identifier: MIT */
#include "profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

struct options {
	struct cli_target target;
	bool unite, intersect, strict;
	const char *output;
	unsigned format;
};

static const char *const formats[] = {"oci", "docker", "config", "spo", "spo-json", NULL};

static void profile_freep(struct sluice_profile **p)
{
	sluice_profile_free(*p);
}

static void merger_freep(struct sluice_profile_merger **m)
{
	sluice_profile_merger_free(*m);
}

static int add_file(struct cli *cli, const struct options *o, const char *path,
	struct sluice_profile_merger *merger)
{
	_cleanup_(profile_freep) struct sluice_profile *p =
		cli_read_profile(path, o->strict);
	_cleanup_(profile_freep) struct sluice_profile *resolved = NULL;
	struct cli_target_lists lists;
	struct sluice_target t;
	char error[256] = "";
	int rc;

	if (!p || cli_target_fill(cli, &o->target, path, &lists, &t))
		return CLI_TROUBLE;
	rc = sluice_profile_resolve(p, &t, &resolved);
	if (!rc)
		rc = sluice_profile_merger_add(merger, resolved, error);
	if (rc)
		cli_error_at(path, 0, 0, "%s", *error ? error : strerror(-rc));
	return rc ? CLI_TROUBLE : CLI_YES;
}

static int put(struct cli *cli, const struct options *o, const struct sluice_profile *p)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int rc = sluice_profile_write(
		p, (enum sluice_profile_form)o->format, &text, &size);

	if (rc)
		return cli_error(
			cli, "this form cannot say the result: %s", strerror(-rc));
	return cli_write_file(cli, o->output, text, size);
}

static int run(struct cli *cli)
{
	const struct options *o = cli->options;
	_cleanup_(merger_freep) struct sluice_profile_merger *merger = NULL;
	_cleanup_(profile_freep) struct sluice_profile *p = NULL;
	char error[256] = "";
	int rc;

	if (o->unite == o->intersect)
		return cli_error(cli, "expected --union or --intersect");
	rc = sluice_profile_merger_new(
		o->unite ? SLUICE_PROFILE_UNION : SLUICE_PROFILE_INTERSECT, &merger);
	if (rc)
		return cli_error(cli, "%s", strerror(-rc));
	for (int i = 0; i < cli->argc; i++) {
		cli_progress(cli, (uint64_t)i, (uint64_t)cli->argc, cli->argv[i]);
		rc = add_file(cli, o, cli->argv[i], merger);
		if (rc) {
			cli_progress_end(cli);
			return rc;
		}
	}
	cli_progress_end(cli);
	rc = sluice_profile_merger_finish(merger, &p, error);
	if (rc)
		return cli_error(cli, "%s", *error ? error : strerror(-rc));
	return put(cli, o, p);
}

static const struct cli_option options[] = {
	{0, "union", NULL, CLI_FLAG, offsetof(struct options, unite),
		"permit what any of the profiles permits", CLI_WORD_ANY, NULL},
	{0, "intersect", NULL, CLI_FLAG, offsetof(struct options, intersect),
		"permit what all profiles permit", CLI_WORD_ANY, NULL},
	{'o', "output", "FILE", CLI_STRING, offsetof(struct options, output),
		"write to this file (default: standard output)", CLI_WORD_FILE,
		NULL},
	{0, "format", "FORM", CLI_CHOICE, offsetof(struct options, format),
		"the form of the result (default: that of the first profile)",
		CLI_WORD_CHOICE, formats},
	{0, "strict", NULL, CLI_FLAG, offsetof(struct options, strict),
		"refuse unknown names and keys", CLI_WORD_ANY, NULL},
	CLI_TARGET_OPTIONS(struct options),
	CLI_OPTIONS_END,
};

static const struct cli_positional words[] = {
	{"PROFILE", "OCI, Docker, config.json or SeccompProfile; - is standard input",
		CLI_WORD_FILE, false, true, NULL},
	CLI_WORDS_END,
};

static const struct cli_example examples[] = {
	{"sluice merge --union base.json app.json", "what either profile permits"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_merge = {
	.name = "merge",
	.summary = "merge profiles into one, exactly for all arguments",
	.options = options,
	.words = words,
	.examples = examples,
	.exits = {.yes = "the result was written",
		.trouble = "a profile cannot express the result, or could not be read"},
	.options_size = sizeof(struct options),
	.run = run,
};
