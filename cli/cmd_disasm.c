/* sluice disasm: filters as text.
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "filter.h"
#include "profile.h"
#include "util/cleanup.h"

struct options {
	struct cli_target target;
	const char *pid, *filter;
	bool raw;
};

static void json_filter(
	struct cli_json *j, const struct sluice_program *p, unsigned int filter)
{
	char text[128], comment[128];
	const struct sock_filter *insns;
	size_t n;

	insns = sluice_program_instructions(p, filter, &n);
	cli_json_array(j, NULL);
	for (size_t i = 0; i < n; i++) {
		sluice_program_text(p, filter, i, text, sizeof(text));
		sluice_program_comment(p, filter, i, comment, sizeof(comment));
		cli_json_object(j, NULL);
		cli_json_number(j, "line", (int64_t)i);
		cli_json_number(j, "code", insns[i].code);
		cli_json_number(j, "jt", insns[i].jt);
		cli_json_number(j, "jf", insns[i].jf);
		cli_json_number(j, "k", insns[i].k);
		cli_json_string(j, "text", text);
		if (*comment)
			cli_json_string(j, "comment", comment);
		cli_json_end(j);
	}
	cli_json_end(j);
}

static int print_filter(struct cli *cli, const struct sluice_program *p, unsigned int i)
{
	const struct options *o = cli->options;
	const struct sock_filter *insns;
	size_t n;
	int rc;

	if (o->raw) {
		insns = sluice_program_instructions(p, i, &n);
		return fwrite(insns, sizeof(*insns), n, stdout) == n ? 0 : CLI_TROUBLE;
	}
	if (sluice_program_filters(p) > 1)
		printf("; filter %u of %u%s\n", i, sluice_program_filters(p),
			i ? "" : ": loaded last, runs first");
	rc = sluice_program_print(p, i, stdout);
	return rc < 0 ? cli_error(cli, "%s", strerror(-rc)) : 0;
}

static int print(struct cli *cli, const struct sluice_program *p, unsigned int first,
	unsigned int last)
{
	const struct options *o = cli->options;
	struct cli_json j = CLI_JSON(stdout);
	int rc = 0;

	if (o->raw && last - first != 1)
		return cli_error(cli,
			"--raw writes one filter, and there are %u: --filter=N",
			last - first);
	if (o->raw && isatty(STDOUT_FILENO))
		return cli_error(cli, "--raw does not write to a terminal");
	if (cli->json) {
		cli_json_object(&j, NULL);
		cli_json_array(&j, "filters");
		for (unsigned int i = first; i < last; i++)
			json_filter(&j, p, i);
		cli_json_end(&j);
		cli_json_end(&j);
		return CLI_YES;
	}
	for (unsigned int i = first; rc == 0 && i < last; i++)
		rc = print_filter(cli, p, i);
	return rc;
}

static int load(struct cli *cli, const struct options *o, struct sluice_program **p)
{
	char name[32];
	pid_t pid;

	if (!o->pid == !cli->argc)
		return cli_error(cli, "one filter is needed: a file, pid:N or --pid=N");
	if (!o->pid)
		return cli_filter(cli, &o->target, cli->argv[0], p);
	if (!cli_pid(o->pid, true, &pid))
		return cli_error(cli, "--pid: \"%s\" is no process", o->pid);
	snprintf(name, sizeof(name), "pid:%d", (int)pid);
	return cli_filter(cli, NULL, name, p);
}

static int run(struct cli *cli)
{
	_cleanup_(cli_program_freep) struct sluice_program *p = NULL;
	const struct options *o = cli->options;
	uint64_t only = 0;
	unsigned int n;
	int rc = o->filter ? cli_value(cli, o->filter, &only) : 0;

	if (rc == 0)
		rc = load(cli, o, &p);
	if (rc)
		return rc;
	n = sluice_program_filters(p);
	if (n == 0 && !cli->json)
		return CLI_NO; /* cli_filter() has said it */
	if (o->filter && only >= n)
		return cli_error(cli, "there is no filter %s: %u filters, from 0 on",
			o->filter, n);
	rc = o->filter ? print(cli, p, (unsigned int)only, (unsigned int)only + 1)
		       : print(cli, p, 0, n);
	return rc ? rc : n == 0 ? CLI_NO : CLI_YES;
}

static const struct cli_option options[] = {
	{.letter = 'p',
		.name = "pid",
		.value = "N",
		.type = CLI_STRING,
		.offset = offsetof(struct options, pid),
		.word = CLI_WORD_PID,
		.help = "the filters of a process, as pid:N"},
	{.letter = 'f',
		.name = "filter",
		.value = "N",
		.type = CLI_STRING,
		.offset = offsetof(struct options, filter),
		.word = CLI_WORD_ANY,
		.help = "print only this filter: 0 is the newest, which runs first"},
	{.name = "raw",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, raw),
		.help = "write the filter's bytes, as a BPF file"},
	CLI_TARGET_OPTIONS(struct options),
	CLI_OPTIONS_END,
};

static const struct cli_positional words[] = {
	{.name = "FILTER",
		.help = "a profile, a BPF file or pid:N",
		.word = CLI_WORD_FILTER,
		.optional = true},
	CLI_WORDS_END,
};

static const struct cli_example examples[] = {
	{"sluice disasm old.bpf", "a filter as text"},
	{"sluice disasm old.bpf | sluice asm | cmp - old.bpf", "and back"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_disasm = {
	.name = "disasm",
	.summary = "print a filter, or all filters of a process, as text",
	.options = options,
	.words = words,
	.examples = examples,
	.exits = {.yes = "the filter was printed",
		.no = "the process has no filter",
		.trouble = "the file or process does not exist, or the file is no filter"},
	.options_size = sizeof(struct options),
	.reports = true,
	.run = run,
};
