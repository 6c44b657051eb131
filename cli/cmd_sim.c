/* sluice sim: what does a filter say to one call?
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "filter.h"
#include "util/cleanup.h"

struct options {
	const char *arch;
	uint64_t ip;
	bool trace;
};

static int input(struct cli *cli, const struct options *o, struct seccomp_data *d)
{
	const struct cli_arch *arch;
	int nr, rc = cli_arch(cli, o->arch, &arch);

	if (rc == 0)
		rc = cli_call(cli, arch, cli->argv[1], &nr);
	for (int i = 2; rc == 0 && i < cli->argc; i++) {
		uint64_t value;

		if (i == 8)
			return cli_error(cli, "a call has at most six arguments");
		rc = cli_value(cli, cli->argv[i], &value);
		if (rc == 0)
			d->args[i - 2] = value;
	}
	if (rc)
		return rc;
	d->arch = arch->audit;
	d->nr = nr;
	d->instruction_pointer = o->ip;
	return 0;
}

/* The instructions of one filter that ran. */
static void trace(const struct sluice_program *p, unsigned int filter,
	const struct seccomp_data *d, struct cli_json *j)
{
	uint32_t path[SLUICE_PROGRAM_MAX], verdict;
	size_t n = sluice_program_trace(p, filter, d, path, SLUICE_PROGRAM_MAX, &verdict);
	char text[128], comment[128], name[CLI_VERDICT_MAX];

	if (j) {
		cli_json_object(j, NULL);
		cli_json_string(j, "verdict", cli_verdict(verdict, name));
		cli_json_number(j, "instructions", (int64_t)n);
		cli_json_array(j, "path");
	} else {
		printf("filter %u: %zu instructions, %s\n", filter, n,
			cli_verdict(verdict, name));
	}
	for (size_t i = 0; i < n; i++) {
		sluice_program_text(p, filter, path[i], text, sizeof(text));
		if (j) {
			cli_json_format(j, NULL, "%04" PRIu32 ": %s", path[i], text);
			continue;
		}
		if (sluice_program_comment(p, filter, path[i], comment, sizeof(comment)))
			printf(" %04" PRIu32 ": %-32s # %s\n", path[i], text, comment);
		else
			printf(" %04" PRIu32 ": %s\n", path[i], text);
	}
	if (j) {
		cli_json_end(j);
		cli_json_end(j);
	}
}

static void report(const struct cli *cli, const struct sluice_program *p,
	const struct seccomp_data *d, uint32_t verdict)
{
	const struct options *o = cli->options;
	unsigned int n = sluice_program_filters(p);
	struct cli_json j = {.out = stdout};
	char name[CLI_VERDICT_MAX];

	if (!cli->json) {
		for (unsigned int i = 0; o->trace && i < n; i++)
			trace(p, i, d, NULL);
		puts(cli_verdict(verdict, name));
		return;
	}
	cli_json_object(&j, NULL);
	cli_json_string(&j, "verdict", cli_verdict(verdict, name));
	cli_input_json(&j, "input", d);
	if (o->trace) {
		cli_json_array(&j, "filters");
		for (unsigned int i = 0; i < n; i++)
			trace(p, i, d, &j);
		cli_json_end(&j);
	}
	cli_json_end(&j);
}

static int run(struct cli *cli)
{
	_cleanup_(cli_program_freep) struct sluice_program *p = NULL;
	struct seccomp_data d = {0};
	uint32_t verdict;
	int rc = input(cli, cli->options, &d);

	if (rc == 0)
		rc = cli_filter(cli, cli->argv[0], &p);
	if (rc)
		return rc;
	verdict = sluice_program_run(p, &d);
	report(cli, p, &d, verdict);
	return cli_lets(verdict) ? CLI_YES : CLI_NO;
}

static const struct cli_option options[] = {
	{.letter = 'a',
		.name = "arch",
		.value = "ARCH",
		.type = CLI_STRING,
		.offset = offsetof(struct options, arch),
		.word = CLI_WORD_ARCH,
		.help = "the call's architecture, by default this machine's"},
	{.name = "ip",
		.value = "ADDRESS",
		.type = CLI_NUMBER,
		.offset = offsetof(struct options, ip),
		.word = CLI_WORD_ANY,
		.help = "the instruction pointer of the caller"},
	{.letter = 't',
		.name = "trace",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, trace),
		.help = "print the instructions that run"},
	CLI_OPTIONS_END,
};

static const struct cli_positional words[] = {
	{.name = "FILTER",
		.help = "a profile, a BPF file or pid:N",
		.word = CLI_WORD_FILTER},
	{.name = "CALL",
		.help = "a system call, by name or number",
		.word = CLI_WORD_CALL},
	{.name = "ARG",
		.help = "its arguments: decimal, 0x or negative; 0 if not given",
		.optional = true,
		.repeated = true},
	CLI_WORDS_END,
};

static const struct cli_example examples[] = {
	{"sluice sim old.bpf socket 16 3", "may a netlink socket be made?"},
	{"sluice sim --trace old.bpf mkdir", "the instructions that decide"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_sim = {
	.name = "sim",
	.summary = "run a filter on one call",
	.options = options,
	.words = words,
	.examples = examples,
	.exits = {.yes = "the call happens (ALLOW or LOG)",
		.no = "it does not, or somebody else decides",
		.trouble = "the filter or the call is none"},
	.options_size = sizeof(struct options),
	.reports = true,
	.run = run,
};
