/* sluice prove: are two filters the same on every input?
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "profile.h"
#include "regions.h"
#include "util/cleanup.h"

struct options {
	struct cli_target target;
	bool regions, kernel_view;
};

/* Names, ranges and verdicts in one line. */
static int print_region(const struct sluice_region *r, unsigned int view, void *unused)
{
	char a[CLI_VERDICT_MAX], b[CLI_VERDICT_MAX];

	(void)unused;
	for (unsigned int i = 0; i < r->n; i++) {
		cli_condition_word(&r->conditions[i]);
		putchar(' ');
	}
	printf("%s, %s%s\n", cli_verdict(r->a, a), cli_verdict(r->b, b),
		cli_view_text(view));
	return 0;
}

static int json_region(const struct sluice_region *r, unsigned int view, void *json)
{
	char a[CLI_VERDICT_MAX], b[CLI_VERDICT_MAX];

	cli_json_object(json, NULL);
	cli_conditions_json(json, r);
	if (view)
		cli_json_string(json, "view", cli_view_word(view));
	cli_json_string(json, "a", cli_verdict(r->a, a));
	cli_json_string(json, "b", cli_verdict(r->b, b));
	cli_input_json(json, "witness", &r->data);
	cli_json_end(json);
	return 0;
}

static void print_witness(const struct sluice_witness *w)
{
	const struct seccomp_data *d = &w->data;
	char a[CLI_VERDICT_MAX], b[CLI_VERDICT_MAX];

	printf("arch=0x%" PRIx32 " nr=%" PRIu32 " args=", d->arch, (uint32_t)d->nr);
	for (int i = 0; i < 6; i++)
		printf("%s0x%" PRIx64, i ? "," : "", (uint64_t)d->args[i]);
	if (d->instruction_pointer)
		printf(" ip=0x%" PRIx64, (uint64_t)d->instruction_pointer);
	printf(" A=%s B=%s\n", cli_verdict(w->a, a), cli_verdict(w->b, b));
}

static void json_witness(struct cli_json *j, const struct sluice_witness *w)
{
	char a[CLI_VERDICT_MAX], b[CLI_VERDICT_MAX];

	cli_input_json(j, "witness", &w->data);
	cli_json_string(j, "a", cli_verdict(w->a, a));
	cli_json_string(j, "b", cli_verdict(w->b, b));
}

struct question {
	struct cli *cli;
	const struct sluice_program *a, *b;
	struct cli_json json;
};

static int each_region(const struct sluice_region *r, void *data)
{
	struct question *q = data;

	return q->cli->json ? json_region(r, CLI_VIEW_NONE, &q->json)
			    : print_region(r, CLI_VIEW_NONE, NULL);
}

static int each_view(const struct sluice_region *r, unsigned int view, void *data)
{
	struct question *q = data;

	return q->cli->json ? json_region(r, view, &q->json)
			    : print_region(r, view, NULL);
}

/* 0, 1 with *@w, or CLI_TROUBLE, said. */
static int equal(const struct question *q, bool kernel_view, struct sluice_witness *w)
{
	int rc = kernel_view ? cli_view_equal(q->cli, q->a, q->b, w)
			     : sluice_program_equal(q->a, q->b, w);

	if (rc >= 0)
		return rc;
	return kernel_view ? CLI_TROUBLE : cli_proof_failed(q->cli, rc);
}

static int regions(struct question *q, bool kernel_view)
{
	int rc = kernel_view ? cli_view_compare(q->cli, q->a, q->b, each_view, q)
			     : sluice_program_compare(q->a, q->b, each_region, q);

	if (rc >= 0)
		return rc;
	return kernel_view ? CLI_TROUBLE : cli_proof_failed(q->cli, rc);
}

static int compare(struct question *q, const struct options *o)
{
	struct cli_json *j = &q->json;
	struct sluice_witness w;
	int rc = equal(q, o->kernel_view, &w);

	if (rc == CLI_TROUBLE)
		return rc;
	if (q->cli->json) {
		cli_json_object(j, NULL);
		cli_json_bool(j, "equal", rc == 0);
		if (rc > 0)
			json_witness(j, &w);
		if (o->regions)
			cli_json_array(j, "regions");
	}
	if (rc == 0 && !q->cli->json)
		puts("equal");
	else if (rc > 0 && o->regions)
		rc = regions(q, o->kernel_view);
	else if (rc > 0 && !q->cli->json)
		print_witness(&w);
	if (q->cli->json) {
		if (o->regions)
			cli_json_end(j);
		cli_json_end(j);
	}
	return rc;
}

static int run(struct cli *cli)
{
	_cleanup_(cli_program_freep) struct sluice_program *a = NULL, *b = NULL;
	const struct options *o = cli->options;
	struct question q = {.cli = cli, .json = CLI_JSON(stdout)};
	int rc = cli_filter(cli, &o->target, cli->argv[0], &a);

	if (rc == 0)
		rc = cli_filter(cli, &o->target, cli->argv[1], &b);
	q.a = a;
	q.b = b;
	return rc ? rc : compare(&q, o);
}

static const struct cli_option options[] = {
	{.name = "regions",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, regions),
		.help = "print all regions where they differ, not only one input"},
	CLI_KERNEL_VIEW_OPTION(struct options),
	CLI_TARGET_OPTIONS(struct options),
	CLI_OPTIONS_END,
};

static const struct cli_example examples[] = {
	{"sluice prove old.bpf new.bpf", "the first call that they decide differently"},
	{"sluice prove --regions old.bpf new.bpf", "all of them, as ranges"},
	{"sluice prove --kernel-view old.bpf wide.bpf",
		"does a program notice the difference?"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_prove = {
	.name = "prove",
	.summary = "prove that two filters decide all inputs alike",
	.options = options,
	.words = cli_two_filters,
	.examples = examples,
	.exits = {.yes = "the filters decide all calls alike",
		.no = "the filters differ, as printed",
		.trouble = "there is no answer, and standard error says why"},
	.options_size = sizeof(struct options),
	.reports = true,
	.run = run,
};
