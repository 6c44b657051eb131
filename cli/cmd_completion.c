/* sluice completion: what a shell needs to complete the command line.
 * SPDX-License-Identifier: MIT */
#include "cli.h"

static const char *shell_name(const void *unused, unsigned int i)
{
	(void)unused;
	return cli_shells[i];
}

static int run(struct cli *cli)
{
	const char *near;

	if (cli_completion(cli->argv[0], stdout))
		return CLI_YES;
	near = cli_nearest(cli->argv[0], shell_name, NULL);
	return cli_error(cli, "no completion for \"%s\" (%s%s%s)", cli->argv[0],
		near ? "did you mean \"" : "bash, zsh, fish", near ? near : "",
		near ? "\"?" : "");
}

static const struct cli_positional words[] = {
	{.name = "SHELL",
		.help = "bash, zsh or fish",
		.word = CLI_WORD_CHOICE,
		.choices = cli_shells},
	CLI_WORDS_END,
};

static const struct cli_example examples[] = {
	{"sluice completion bash >completion.bash",
		"for ~/.local/share/bash-completion/completions/sluice"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_completion = {
	.name = "completion",
	.summary = "print the completion script of a shell",
	.words = words,
	.examples = examples,
	.exits = {.yes = "the script was printed",
		.trouble = "sluice has no completion for this shell"},
	.run = run,
};
