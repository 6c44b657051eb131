/* sluice prove: are two filters the same on every input?
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "filter.h"
#include "util/cleanup.h"

struct options {
	bool regions;
};

/* Names, ranges and verdicts in one line that a program can read as well. */
static void print_condition(const struct sluice_condition *c)
{
	static const char *const names[] = {
		"arch", "nr", "ip", "a0", "a1", "a2", "a3", "a4", "a5"};
	const uint64_t low = UINT32_MAX, high = low << 32;
	bool wide = c->field > SLUICE_FIELD_NR;
	uint64_t all = wide ? UINT64_MAX : low, mask = c->mask, first = c->first,
		 last = c->last;
	const char *half = "";
	bool decimal;

	/* One half of an argument alone. */
	if (wide && mask && !(mask & high)) {
		half = ".lo";
		all = low;
	} else if (wide && mask && !(mask & low)) {
		half = ".hi";
		all = low;
		mask >>= 32;
		first >>= 32;
		last >>= 32;
	}
	printf("%s%s", names[c->field], half);
	if (mask != all)
		printf("&0x%" PRIx64, mask);
	decimal = c->field == SLUICE_FIELD_NR && mask == all;
	printf(decimal ? "=%" PRIu64 : "=0x%" PRIx64, first);
	if (first != last)
		printf(decimal ? "..%" PRIu64 : "..0x%" PRIx64, last);
	putchar(' ');
}

static int print_region(const struct sluice_region *r, void *unused)
{
	char a[CLI_VERDICT_MAX], b[CLI_VERDICT_MAX];

	(void)unused;
	for (unsigned int i = 0; i < r->n; i++)
		print_condition(&r->conditions[i]);
	printf("%s, %s\n", cli_verdict(r->a, a), cli_verdict(r->b, b));
	return 0;
}

static int json_region(const struct sluice_region *r, void *json)
{
	char a[CLI_VERDICT_MAX], b[CLI_VERDICT_MAX];
	static const char *const names[] = {
		"arch", "nr", "ip", "a0", "a1", "a2", "a3", "a4", "a5"};

	cli_json_object(json, NULL);
	cli_json_array(json, "conditions");
	for (unsigned int i = 0; i < r->n; i++) {
		const struct sluice_condition *c = &r->conditions[i];

		cli_json_object(json, NULL);
		cli_json_string(json, "field", names[c->field]);
		cli_json_format(json, "mask", "0x%" PRIx64, c->mask);
		cli_json_format(json, "first", "0x%" PRIx64, c->first);
		cli_json_format(json, "last", "0x%" PRIx64, c->last);
		cli_json_end(json);
	}
	cli_json_end(json);
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

static int compare(struct cli *cli, const struct sluice_program *a,
	const struct sluice_program *b, bool regions)
{
	struct cli_json j = {.out = stdout};
	struct sluice_witness w;
	int rc = sluice_program_equal(a, b, &w);

	if (rc < 0)
		return cli_proof_failed(cli, rc);
	if (cli->json) {
		cli_json_object(&j, NULL);
		cli_json_bool(&j, "equal", rc == 0);
		if (rc > 0)
			json_witness(&j, &w);
		if (regions)
			cli_json_array(&j, "regions");
	}
	if (rc == 0 && !cli->json)
		puts("equal");
	else if (rc > 0 && regions)
		rc = sluice_program_compare(
			a, b, cli->json ? json_region : print_region, &j);
	else if (rc > 0 && !cli->json)
		print_witness(&w);
	if (cli->json) {
		if (regions)
			cli_json_end(&j);
		cli_json_end(&j);
	}
	return rc < 0 ? cli_proof_failed(cli, rc) : rc ? CLI_NO : CLI_YES;
}

static int run(struct cli *cli)
{
	_cleanup_(cli_program_freep) struct sluice_program *a = NULL, *b = NULL;
	const struct options *o = cli->options;
	int rc = cli_filter(cli, cli->argv[0], &a);

	if (rc == 0)
		rc = cli_filter(cli, cli->argv[1], &b);
	return rc ? rc : compare(cli, a, b, o->regions);
}

static const struct cli_option options[] = {
	{.name = "regions",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, regions),
		.help = "print every region where they differ, not one input"},
	CLI_OPTIONS_END,
};

static const struct cli_positional words[] = {
	{.name = "A", .help = "a profile, a BPF file or pid:N", .word = CLI_WORD_FILTER},
	{.name = "B", .help = "the other filter", .word = CLI_WORD_FILTER},
	CLI_WORDS_END,
};

static const struct cli_example examples[] = {
	{"sluice prove old.bpf new.bpf", "the first call that they decide differently"},
	{"sluice prove --regions old.bpf new.bpf", "all of them, as ranges"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_prove = {
	.name = "prove",
	.summary = "prove two filters equal on every input",
	.options = options,
	.words = words,
	.examples = examples,
	.exits = {.yes = "they decide every call alike",
		.no = "they do not, and the output shows it",
		.trouble = "it cannot be told, and standard error says why"},
	.options_size = sizeof(struct options),
	.reports = true,
	.run = run,
};
