/* sluice doctor: what this kernel and this process can do, and what that means.
 * SPDX-License-Identifier: MIT */
#include "doctor.h"
#include "json.h"

static const char *const states[] = {"yes", "partly", "no", "unknown"};

static const char *meaning(const struct doctor_probe *p, const struct doctor_finding *f)
{
	return f->state == DOCTOR_YES	    ? p->good
	       : f->state == DOCTOR_UNKNOWN ? ""
					    : p->bad;
}

static void print(const struct cli *cli, const struct doctor_probe *p,
	const struct doctor_finding *f)
{
	static const enum cli_color colors[] = {
		CLI_GREEN, CLI_YELLOW, CLI_RED, CLI_YELLOW};
	const char *what = meaning(p, f);

	printf("%-18s %s%-8s%s %s\n", p->name, cli_color(cli, colors[f->state]),
		states[f->state], cli_color(cli, CLI_PLAIN), f->value);
	if (*what)
		printf("%18s %8s %s\n", "", "", what);
}

static void print_json(
	struct cli_json *j, const struct doctor_probe *p, const struct doctor_finding *f)
{
	cli_json_object(j, NULL);
	cli_json_string(j, "name", p->name);
	cli_json_string(j, "state", states[f->state]);
	cli_json_string(j, "value", f->value);
	cli_json_string(j, "means", meaning(p, f));
	cli_json_end(j);
}

static int run(struct cli *cli)
{
	struct cli_json j = CLI_JSON(stdout);
	int rc = CLI_YES;

	if (cli->json)
		cli_json_array(&j, NULL);
	for (const struct doctor_probe *p = doctor_probes; p->name; p++) {
		struct doctor_finding f = {0};

		p->probe(&f);
		if (f.state == DOCTOR_NO || f.state == DOCTOR_PARTLY)
			rc = CLI_NO;
		if (cli->json)
			print_json(&j, p, &f);
		else
			print(cli, p, &f);
	}
	if (cli->json)
		cli_json_end(&j);
	return rc;
}

static const struct cli_example examples[] = {
	{"sluice doctor --json", "the same for a program"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_doctor = {
	.name = "doctor",
	.summary = "say what this kernel and this process can do",
	.examples = examples,
	.exits = {.yes = "every command works here",
		.no = "some command is limited here",
		.trouble = "the command line was wrong"},
	.reports = true,
	.run = run,
};
