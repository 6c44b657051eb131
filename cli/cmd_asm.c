/* sluice asm: text to a filter.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filter.h"
#include "input.h"
#include "util/cleanup.h"

/* A listing has at most 100 bytes an instruction; comments may be longer. */
#define TEXT_MAX (4u << 20)
#define EXPECTED "the text of a filter, as sluice disasm prints it"

struct options {
	const char *output;
};

/* All of it, in a buffer that the caller frees. */
static int read_text(const char *path, char **out, size_t *length)
{
	_cleanup_close_ int fd = cli_input_open(path, EXPECTED);
	_cleanup_free_ char *text = malloc(TEXT_MAX + 1);
	size_t n = 0;

	if (fd < 0)
		return CLI_TROUBLE;
	if (!text)
		return cli_input_failed(path, ENOMEM, EXPECTED);
	while (n <= TEXT_MAX) {
		ssize_t rc = read(fd, text + n, TEXT_MAX + 1 - n);

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc < 0)
			return cli_input_failed(path, errno, EXPECTED);
		if (rc == 0)
			break;
		n += (size_t)rc;
	}
	if (n > TEXT_MAX)
		return cli_error_at(cli_input_name(path), 0, 0,
			"found more than 4 MB, expected " EXPECTED);
	if (!n)
		return cli_error_at(cli_input_name(path), 0, 0,
			"found an empty file, expected " EXPECTED);
	*out = steal_ptr(text);
	*length = n;
	return 0;
}

static int write_program(
	struct cli *cli, const char *path, const struct sluice_program *p)
{
	const struct sock_filter *insns;
	size_t n;

	if (cli_to_stdout(path) && isatty(STDOUT_FILENO))
		return cli_error(
			cli, "a filter is not written to a terminal: use -o FILE");
	insns = sluice_program_instructions(p, 0, &n);
	return cli_write_file(cli, path, insns, n * sizeof(*insns));
}

static int run(struct cli *cli)
{
	_cleanup_(cli_program_freep) struct sluice_program *p = NULL;
	const struct options *o = cli->options;
	const char *path = cli->argc ? cli->argv[0] : "-";
	_cleanup_free_ char *text = NULL;
	struct sluice_error error = {0};
	size_t length = 0;
	int rc = read_text(path, &text, &length);

	if (rc)
		return rc;
	if (sluice_program_assemble(text, length, &p, &error) < 0) {
		const char *name = cli_input_name(path);
		char *end = error.where;
		unsigned long line = strtoul(error.where, &end, 10), column = 0;

		if (*end == ':')
			column = strtoul(end + 1, &end, 10);
		if (column && !*end)
			return cli_error_at(name, (unsigned int)line, (unsigned int)column, "%s",
				error.message);
		if (*error.where)
			return cli_error_at(
				name, 0, 0, "%s: %s", error.where, error.message);
		return cli_error_at(name, 0, 0, "%s", error.message);
	}
	return write_program(cli, o->output, p);
}

static const struct cli_option options[] = {
	{.letter = 'o',
		.name = "output",
		.value = "FILE",
		.type = CLI_STRING,
		.offset = offsetof(struct options, output),
		.word = CLI_WORD_FILE,
		.help = "write the filter to this file (default: standard output)"},
	CLI_OPTIONS_END,
};

static const struct cli_positional words[] = {
	{.name = "FILE",
		.help = "the text (default, and -: standard input)",
		.word = CLI_WORD_FILE,
		.optional = true},
	CLI_WORDS_END,
};

static const struct cli_example examples[] = {
	{"sluice asm -o mine.bpf mine.txt", "assemble a filter, and try it"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_asm = {
	.name = "asm",
	.summary = "make a filter from text, as disasm prints it",
	.options = options,
	.words = words,
	.examples = examples,
	.exits = {.yes = "the filter was written",
		.trouble = "the text is wrong, or the kernel would refuse the filter"},
	.options_size = sizeof(struct options),
	.run = run,
};
