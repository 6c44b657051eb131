/* sluice explain: why does a filter decide a call as it does?
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <sluice-calls.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "graph.h"
#include "regions.h"
#include "util/cleanup.h"
#include "util/vec.h"

/* Ranges of one verdict that are printed without --all. */
#define SHOWN 12u

struct options {
	struct cli_target target;
	const char *arch;
	bool dot, svg, all;
};

struct question {
	const struct cli_arch *arch;
	struct seccomp_data data;
	bool has_args;
};

struct ranges {
	struct sluice_region *at;
	uint32_t n, cap;
};

static void ranges_clear(struct ranges *r)
{
	free(r->at);
}

static int add(const struct sluice_region *region, void *arg)
{
	struct ranges *r = arg;
	int rc = sc_reserve(r->at, r->cap, r->n, 1);

	if (rc == 0)
		r->at[r->n++] = *region;
	return rc;
}

static uint32_t count(const struct ranges *r, uint32_t verdict)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->n; i++)
		n += r->at[i].a == verdict;
	return n;
}

/* The verdict that is said last, as "otherwise": the one with the most ranges. */
static uint32_t commonest(const struct ranges *r)
{
	uint32_t verdict = r->at[0].a, most = 0;

	for (uint32_t i = 0; i < r->n && most <= r->n - i; i++) {
		uint32_t n = count(r, r->at[i].a);

		if (n > most) {
			most = n;
			verdict = r->at[i].a;
		}
	}
	return verdict;
}

static void print_conditions(const struct sluice_region *r)
{
	for (unsigned int i = 0; i < r->n; i++) {
		fputs(i ? ", " : "", stdout);
		cli_condition(&r->conditions[i], &r->data, stdout);
	}
	if (r->n == 0)
		fputs("whatever its arguments are", stdout);
}

/* The ranges of one verdict, below its name. */
static void print_verdict(const struct cli *cli, const struct ranges *r, uint32_t verdict)
{
	const struct options *o = cli->options;
	uint32_t n = 0, all = count(r, verdict);
	char name[CLI_VERDICT_MAX];

	printf("  %s%s%s\n", cli_color(cli, cli_lets(verdict) ? CLI_GREEN : CLI_RED),
		cli_verdict(verdict, name), cli_color(cli, CLI_PLAIN));
	for (uint32_t i = 0; i < r->n; i++) {
		if (r->at[i].a != verdict || (n++ >= SHOWN && !o->all))
			continue;
		fputs("    ", stdout);
		print_conditions(&r->at[i]);
		putchar('\n');
	}
	if (all > SHOWN && !o->all)
		printf("    and %" PRIu32 " ranges more (--all)\n", all - SHOWN);
}

static bool seen(const struct ranges *r, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (r->at[k].a == r->at[i].a)
			return true;
	return false;
}

static void print_ranges(const struct cli *cli, const struct ranges *r)
{
	const struct options *o = cli->options;
	uint32_t last = commonest(r);
	char name[CLI_VERDICT_MAX];

	for (uint32_t i = 0; i < r->n; i++)
		if ((r->at[i].a != last || o->all || r->n == 1) && !seen(r, i))
			print_verdict(cli, r, r->at[i].a);
	if (r->n > 1 && !o->all)
		printf("  %s%s%s\n    otherwise\n",
			cli_color(cli, cli_lets(last) ? CLI_GREEN : CLI_RED),
			cli_verdict(last, name), cli_color(cli, CLI_PLAIN));
}

/* The prototype, and how much of each register the kernel looks at. */
static void print_prototype(const struct question *q)
{
	struct sluice_call_info c = {.size = sizeof(c)};

	if (sluice_call_info_nr(q->arch->token, q->data.nr, &c) < 0 || !c.has_prototype)
		return;
	for (unsigned int i = 0; i < c.n_args; i++)
		printf("  a%u %s: %s, the kernel reads %u bits%s\n", i, c.args[i].name,
			c.args[i].ctype, c.args[i].bits,
			c.args[i].is_signed ? ", signed" : "");
}

static void print(const struct cli *cli, const struct sluice_program *p,
	const struct question *q, const struct ranges *r)
{
	char name[CLI_VERDICT_MAX], call[CLI_CALL_MAX];

	printf("%s%s %s%s, number %d\n", cli_color(cli, CLI_BOLD), q->arch->name,
		cli_call_name(q->data.arch, q->data.nr, call), cli_color(cli, CLI_PLAIN),
		q->data.nr);
	print_prototype(q);
	print_ranges(cli, r);
	if (!q->has_args && r->n > 1)
		return;
	cli_input(&q->data, stdout);
	printf(": %s\n", cli_verdict(sluice_program_run(p, &q->data), name));
	for (uint32_t i = 0; i < r->n && r->n > 1; i++) {
		if (!cli_region_holds(&r->at[i], &q->data))
			continue;
		fputs("  because ", stdout);
		print_conditions(&r->at[i]);
		putchar('\n');
	}
	for (unsigned int f = 0; f < sluice_program_filters(p); f++)
		cli_path(p, f, &q->data, "  ", "instructions run");
}

static void json_range(struct cli_json *j, const struct sluice_region *r)
{
	char name[CLI_VERDICT_MAX];

	cli_json_object(j, NULL);
	cli_json_string(j, "verdict", cli_verdict(r->a, name));
	cli_conditions_json(j, r);
	cli_json_end(j);
}

static void print_json(
	const struct sluice_program *p, const struct question *q, const struct ranges *r)
{
	struct cli_json j = CLI_JSON(stdout);
	char name[CLI_VERDICT_MAX];

	cli_json_object(&j, NULL);
	cli_json_string(&j, "arch", q->arch->name);
	cli_input_json(&j, "input", &q->data);
	cli_json_string(
		&j, "verdict", cli_verdict(sluice_program_run(p, &q->data), name));
	cli_json_array(&j, "ranges");
	for (uint32_t i = 0; i < r->n; i++)
		json_range(&j, &r->at[i]);
	cli_json_end(&j);
	cli_json_end(&j);
}

/* One graph a filter. */
static int draw(struct cli *cli, const struct sluice_program *p, const struct question *q)
{
	const struct options *o = cli->options;

	if (sluice_program_filters(p) != 1)
		return cli_error(cli, "a graph is of one filter, and there are %u",
			sluice_program_filters(p));
	_cleanup_(cli_graph_clear) struct cli_graph g = {0};
	if (cli_graph(p, 0, q->data.arch, q->data.nr, &g) < 0)
		return cli_error(cli, "%s", strerror(ENOMEM));
	if (o->dot)
		cli_graph_dot(&g, stdout);
	else
		cli_graph_svg(&g, stdout);
	return CLI_YES;
}

static void profile_freep(struct sluice_profile **p)
{
	sluice_profile_free(*p);
}

static int run(struct cli *cli)
{
	_cleanup_(profile_freep) struct sluice_profile *profile = NULL;
	_cleanup_(cli_program_freep) struct sluice_program *p = NULL;
	_cleanup_(ranges_clear) struct ranges r = {0};
	const struct options *o = cli->options;
	struct question q = {0};
	int rc;

	if (o->dot + o->svg + cli->json > 1)
		return cli_error(cli, "expected one of --dot, --svg and --json");
	rc = cli_call_of_words(cli, o->arch, &q.arch, &q.data);
	q.has_args = cli->argc > 2;
	if (rc == 0)
		rc = cli_filter_or_profile(cli, &o->target, cli->argv[0], &p, &profile);
	if (rc)
		return rc;
	if (o->dot || o->svg)
		return draw(cli, p, &q);
	rc = sluice_program_ranges(p, q.data.arch, q.data.nr, add, &r);
	if (rc < 0)
		return cli_proof_failed(cli, rc);
	if (cli->json)
		print_json(p, &q, &r);
	else
		print(cli, p, &q, &r);
	if (profile && !cli->json)
		rc = cli_explain_rules(cli, &o->target, cli->argv[0], profile, &q.data,
			!q.has_args && r.n > 1, sluice_program_run(p, &q.data));
	return rc;
}

static const struct cli_option options[] = {
	CLI_CALL_ARCH_OPTION(
		struct options, "the architecture of the call (default: this machine's)"),
	{.name = "all",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, all),
		.help = "print all ranges of arguments"},
	{.name = "dot",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, dot),
		.help = "print the decision graph of the call for dot(1)"},
	{.name = "svg",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, svg),
		.help = "print the decision graph of the call as a picture"},
	CLI_TARGET_OPTIONS_CALL(struct options),
	CLI_OPTIONS_END,
};

static const struct cli_example examples[] = {
	{"sluice explain old.bpf socket", "which arguments lead to which verdict"},
	{"sluice explain old.bpf socket AF_NETLINK SOCK_RAW", "why this call is refused"},
	{"sluice explain --svg old.bpf socket >socket.svg", "the same as a picture"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_explain = {
	.name = "explain",
	.summary = "show how a filter decides a call, and why",
	.options = options,
	.words = cli_filter_and_call,
	.examples = examples,
	.exits = {.yes = "the call was explained",
		.trouble = "there is no such filter or call, or the proof is over its "
			   "limits"},
	.options_size = sizeof(struct options),
	.reports = true,
	.run = run,
};
