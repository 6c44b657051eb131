/* sluice: one executable, a file a command.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const char *command_name(const void *unused, unsigned int i)
{
	(void)unused;
	return cli_commands[i] ? cli_commands[i]->name : NULL;
}

static int unknown(const char *name)
{
	const char *near = cli_nearest(name, command_name, NULL);

	if (near)
		return cli_error(NULL, "unknown command \"%s\" (did you mean \"%s\"?)",
			name, near);
	return cli_error(NULL, "unknown command \"%s\": sluice --help lists them", name);
}

/* A descriptor that is closed would be given to the first file that is opened. What stands in its place
 * can be used as little: reading the input and writing a result fail. */
static int sane_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return -1;
	return 0;
}

static bool color_wanted(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
	       !(term && strcmp(term, "dumb") == 0);
}

static int run(const struct cli_command *command, int argc, char **argv)
{
	struct cli cli = {.progress = isatty(STDERR_FILENO), .color = color_wanted()};
	void *options = calloc(1, command->options_size ? command->options_size : 1);
	int rc;

	if (!options)
		return cli_error(NULL, "%s", strerror(ENOMEM));
	rc = cli_parse(&cli, command, argc, argv, options);
	if (rc > 0) {
		cli_help_command(command, stdout);
		rc = CLI_YES;
	} else if (rc < 0) {
		fprintf(stderr, "sluice %s --help says what it takes\n", command->name);
		rc = CLI_TROUBLE;
	} else {
		rc = command->run(&cli);
		cli_progress_end(&cli);
	}
	cli_parse_free(&cli, options);
	free(options);
	return rc;
}

static int help(const char *name)
{
	const struct cli_command *command = name ? cli_command_by_name(name) : NULL;

	if (name && !command)
		return unknown(name);
	if (command)
		cli_help_command(command, stdout);
	else
		cli_help(stdout);
	return CLI_YES;
}

static int dispatch(int argc, char **argv)
{
	const struct cli_command *command;

	if (argc < 2) {
		cli_help(stderr);
		return CLI_TROUBLE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help(NULL);
	if (strcmp(argv[1], "help") == 0)
		return help(argv[2]);
	if (strcmp(argv[1], "--version") == 0)
		return puts("sluice " SLUICE_VERSION_TEXT) < 0 ? CLI_TROUBLE : CLI_YES;
	command = cli_command_by_name(argv[1]);
	return command ? run(command, argc - 2, argv + 2) : unknown(argv[1]);
}

int main(int argc, char **argv)
{
	int rc;

	if (sane_descriptors() < 0)
		return CLI_TROUBLE;
	rc = dispatch(argc, argv);
	/* A result that could not be written is no result. */
	if (fflush(stdout) || ferror(stdout))
		return cli_error(NULL, "standard output: %s", strerror(errno));
	return rc;
}
