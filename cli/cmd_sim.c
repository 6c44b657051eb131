/* sluice sim: what does a filter say to one call?
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "filter.h"
#include "profile.h"
#include "util/cleanup.h"

struct options {
	struct cli_target target;
	const char *arch;
	uint64_t ip;
	bool trace;
};

/* The instructions of one filter that ran. */
static void json_path(const struct sluice_program *p, unsigned int filter,
	const struct seccomp_data *d, struct cli_json *j)
{
	uint32_t path[SLUICE_PROGRAM_MAX], verdict;
	size_t n = sluice_program_trace(p, filter, d, path, SLUICE_PROGRAM_MAX, &verdict);
	char text[128], name[CLI_VERDICT_MAX];

	cli_json_object(j, NULL);
	cli_json_string(j, "verdict", cli_verdict(verdict, name));
	cli_json_number(j, "instructions", (int64_t)n);
	cli_json_array(j, "path");
	for (size_t i = 0; i < n; i++) {
		sluice_program_text(p, filter, path[i], text, sizeof(text));
		cli_json_format(j, NULL, "%04" PRIu32 ": %s", path[i], text);
	}
	cli_json_end(j);
	cli_json_end(j);
}

static void report(const struct cli *cli, const struct sluice_program *p,
	const struct seccomp_data *d, uint32_t verdict)
{
	const struct options *o = cli->options;
	unsigned int n = sluice_program_filters(p);
	struct cli_json j = CLI_JSON(stdout);
	char name[CLI_VERDICT_MAX];

	if (!cli->json) {
		for (unsigned int i = 0; o->trace && i < n; i++)
			cli_path(p, i, d, " ", "instructions");
		puts(cli_verdict(verdict, name));
		return;
	}
	cli_json_object(&j, NULL);
	cli_json_string(&j, "verdict", cli_verdict(verdict, name));
	cli_input_json(&j, "input", d);
	if (o->trace) {
		cli_json_array(&j, "filters");
		for (unsigned int i = 0; i < n; i++)
			json_path(p, i, d, &j);
		cli_json_end(&j);
	}
	cli_json_end(&j);
}

static int run(struct cli *cli)
{
	_cleanup_(cli_program_freep) struct sluice_program *p = NULL;
	const struct options *o = cli->options;
	struct seccomp_data d = {.instruction_pointer = o->ip};
	const struct cli_arch *arch;
	uint32_t verdict;
	int rc = cli_call_of_words(cli, o->arch, &arch, &d);

	if (rc == 0)
		rc = cli_filter(cli, &o->target, cli->argv[0], &p);
	if (rc)
		return rc;
	verdict = sluice_program_run(p, &d);
	report(cli, p, &d, verdict);
	return cli_lets(verdict) ? CLI_YES : CLI_NO;
}

static const struct cli_option options[] = {
	CLI_CALL_ARCH_OPTION(
		struct options, "the architecture of the call (default: this machine's)"),
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
	CLI_TARGET_OPTIONS_CALL(struct options),
	CLI_OPTIONS_END,
};

static const struct cli_example examples[] = {
	{"sluice sim old.bpf socket AF_NETLINK SOCK_RAW",
		"may a netlink socket be made?"},
	{"sluice sim --cap=SYS_ADMIN web.json openat AT_FDCWD /etc/passwd "
	 "'O_RDWR|O_CREAT' 0644",
		"what does a profile say for a container with a capability?"},
	{"sluice sim --trace old.bpf mkdir", "the instructions that decide"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_sim = {
	.name = "sim",
	.summary = "run a filter for one call",
	.options = options,
	.words = cli_filter_and_call,
	.examples = examples,
	.exits = {.yes = "the filter permits the call (ALLOW or LOG)",
		.no = "it does not, or another process decides",
		.trouble = "there is no such filter or call"},
	.options_size = sizeof(struct options),
	.reports = true,
	.run = run,
};
