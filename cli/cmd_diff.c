/* sluice diff: what do two filters decide differently, call by call?
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "profile.h"
#include "regions.h"
#include "util/cleanup.h"
#include "util/vec.h"

/* Ranges of one call that are printed without --all. */
#define SHOWN 6u
/* Names of calls with one and the same difference, likewise. */
#define NAMES 12u

struct options {
	struct cli_target target;
	bool all, kernel_view;
};

/* A region's number: those of one call are neighbours, as regions ascend. */
struct difference {
	struct sluice_region region;
	unsigned int view; /* enum cli_view */
	uint32_t arch_first, arch_last;
	uint32_t nr_first, nr_last;
	uint32_t order; /* in which it came */
	bool odd;	/* architecture or number are a pattern of bits, no range */
};

struct differences {
	struct difference *at;
	uint32_t n, cap;
};

static void differences_clear(struct differences *d)
{
	free(d->at);
}

static int add(const struct sluice_region *r, unsigned int view, void *arg)
{
	struct differences *all = arg;
	struct difference *d;
	int rc = sc_reserve(all->at, all->cap, all->n, 1);

	if (rc < 0)
		return rc;
	d = &all->at[all->n++];
	*d = (struct difference){.region = *r,
		.view = view,
		.arch_last = UINT32_MAX,
		.nr_last = UINT32_MAX};
	for (unsigned int i = 0; i < r->n; i++) {
		const struct sluice_condition *c = &r->conditions[i];

		if (c->field > SLUICE_FIELD_NR)
			continue;
		d->odd = d->odd || c->mask != UINT32_MAX;
		if (c->field == SLUICE_FIELD_ARCH) {
			d->arch_first = (uint32_t)c->first;
			d->arch_last = (uint32_t)c->last;
		} else {
			d->nr_first = (uint32_t)c->first;
			d->nr_last = (uint32_t)c->last;
		}
	}
	return 0;
}

static int add_plain(const struct sluice_region *r, void *arg)
{
	return add(r, CLI_VIEW_NONE, arg);
}

static bool same_calls(const struct difference *x, const struct difference *y)
{
	return !x->odd && !y->odd && x->arch_first == y->arch_first &&
	       x->arch_last == y->arch_last && x->nr_first == y->nr_first &&
	       x->nr_last == y->nr_last;
}

/* By call; then as they came: at best, at worst. */
static int by_call(const void *a, const void *b)
{
	const struct difference *x = a, *y = b;

	if (x->arch_first != y->arch_first)
		return x->arch_first < y->arch_first ? -1 : 1;
	if (x->nr_first != y->nr_first)
		return x->nr_first < y->nr_first ? -1 : 1;
	if (x->nr_last != y->nr_last)
		return x->nr_last < y->nr_last ? -1 : 1;
	return (int)x->order - (int)y->order;
}

static bool same_region(const struct sluice_region *x, const struct sluice_region *y)
{
	if (x->a != y->a || x->b != y->b || x->n != y->n)
		return false;
	for (unsigned int i = 0; i < x->n; i++) {
		const struct sluice_condition *c = &x->conditions[i],
					      *d = &y->conditions[i];

		if (c->field != d->field || c->mask != d->mask || c->first != d->first ||
			c->last != d->last)
			return false;
	}
	return true;
}

/* What differs alike at best and at worst is said once. */
static void join_views(struct differences *all)
{
	uint32_t n = 0, call = 0;

	if (!all->n)
		return;
	for (uint32_t i = 0; i < all->n; i++)
		all->at[i].order = i;
	qsort(all->at, all->n, sizeof(*all->at), by_call);
	for (uint32_t i = 0; i < all->n; i++) {
		uint32_t k;

		if (!n || !same_calls(&all->at[call], &all->at[i]))
			call = n;
		for (k = call; k < n; k++)
			if (same_region(&all->at[k].region, &all->at[i].region))
				break;
		if (k < n)
			all->at[k].view |= all->at[i].view;
		else
			all->at[n++] = all->at[i];
	}
	all->n = n;
}

/* '+': b lets happen what a does not; '-': the other way; '~': anything else, or both. */
static char sign(const struct difference *d, uint32_t n)
{
	char all = 0;

	for (uint32_t i = 0; i < n; i++) {
		bool a = cli_lets(d[i].region.a), b = cli_lets(d[i].region.b);
		char one = (char)(!a && b ? '+' : a && !b ? '-' : '~');

		if (all && all != one)
			return '~';
		all = one;
	}
	return all;
}

/* ---- for people ------------------------------------------------------------------- */

static void print_range(const struct difference *d, bool one_call)
{
	const struct sluice_region *r = &d->region;
	char a[CLI_VERDICT_MAX], b[CLI_VERDICT_MAX];
	unsigned int shown = 0;

	fputs("    ", stdout);
	for (unsigned int i = 0; i < r->n; i++) {
		const struct sluice_condition *c = &r->conditions[i];

		if (c->field <= SLUICE_FIELD_NR && c->mask == UINT32_MAX)
			continue;
		fputs(shown++ ? ", " : "", stdout);
		cli_condition(c, one_call ? &r->data : NULL, stdout);
	}
	printf("%s%s -> %s%s\n", shown ? ": " : "", cli_verdict(r->a, a),
		cli_verdict(r->b, b), cli_view_text(d->view));
}

static void print_head(const struct cli *cli, char mark)
{
	enum cli_color color = mark == '+'   ? CLI_GREEN
			       : mark == '-' ? CLI_RED
					     : CLI_YELLOW;

	printf("%s%c%s ", cli_color(cli, color), mark, cli_color(cli, CLI_PLAIN));
}

/* The calls among the numbers of one architecture, and how many numbers are none. */
static void print_names(const struct difference *d, bool all)
{
	uint64_t n = (uint64_t)d->nr_last - d->nr_first + 1;
	unsigned int names = 0;
	uint32_t nr = d->nr_first;
	char name[CLI_CALL_MAX];

	for (bool more = cli_call_from(d->arch_first, &nr); more && nr <= d->nr_last;
		more = nr++ < UINT32_MAX && cli_call_from(d->arch_first, &nr)) {
		if (all || names < NAMES)
			printf("%s%s", names ? ", " : "",
				cli_call_name(d->arch_first, (int)nr, name));
		names++;
	}
	if (!all && names > NAMES)
		printf(" and %u calls more", names - NAMES);
	if (names < n && n == 1)
		printf("number %" PRIu32, d->nr_first);
	else if (names < n)
		printf("%s%" PRIu64 " numbers of %" PRIu32 "..%" PRIu32
		       " that are no call",
			names ? ", " : "", n - names, d->nr_first, d->nr_last);
}

static void print_calls(const struct difference *d, bool all)
{
	const struct cli_arch *a = cli_arch_of(d->arch_first, (int)d->nr_first);
	bool every = d->nr_first == 0 && d->nr_last == UINT32_MAX;

	if (!d->odd && d->arch_first == d->arch_last && a) {
		printf("%s ", a->name);
		if (every)
			fputs("every number", stdout);
		else
			print_names(d, all);
	} else {
		if (d->arch_first == d->arch_last)
			printf("architecture 0x%" PRIx32, d->arch_first);
		else
			printf("architectures 0x%" PRIx32 "..0x%" PRIx32, d->arch_first,
				d->arch_last);
		if (!every)
			printf(" numbers %" PRIu32 "..%" PRIu32, d->nr_first, d->nr_last);
	}
	putchar('\n');
}

static void print(const struct cli *cli, const struct differences *all)
{
	const struct options *o = cli->options;

	for (uint32_t i = 0, n; i < all->n; i += n) {
		const struct difference *d = &all->at[i];

		for (n = 1; i + n < all->n && same_calls(d, d + n); n++)
			;
		print_head(cli, sign(d, n));
		print_calls(d, o->all);
		for (uint32_t k = 0; k < n && (o->all || k < SHOWN); k++)
			print_range(&d[k], d->arch_first == d->arch_last &&
						   d->nr_first == d->nr_last);
		if (n > SHOWN && !o->all)
			printf("    and %" PRIu32 " ranges more (--all)\n", n - SHOWN);
		fputs("    such as ", stdout);
		cli_input(&d->region.data, stdout);
		putchar('\n');
	}
}

/* ---- for programs ----------------------------------------------------------------- */

static void json_region(struct cli_json *j, const struct difference *d)
{
	const struct sluice_region *r = &d->region;
	char text[CLI_VERDICT_MAX];

	cli_json_object(j, NULL);
	cli_json_string(j, "a", cli_verdict(r->a, text));
	cli_json_string(j, "b", cli_verdict(r->b, text));
	if (d->view)
		cli_json_string(j, "view", cli_view_word(d->view));
	cli_conditions_json(j, r);
	cli_input_json(j, "witness", &r->data);
	cli_json_end(j);
}

static void print_json(const struct differences *all)
{
	struct cli_json j = CLI_JSON(stdout);

	cli_json_object(&j, NULL);
	cli_json_bool(&j, "equal", all->n == 0);
	cli_json_array(&j, "differences");
	for (uint32_t i = 0, n; i < all->n; i += n) {
		const struct difference *d = &all->at[i];
		char name[CLI_CALL_MAX];

		for (n = 1; i + n < all->n && same_calls(d, d + n); n++)
			;
		cli_json_object(&j, NULL);
		cli_json_format(&j, "change", "%c", sign(d, n));
		cli_json_format(&j, "arch_first", "0x%" PRIx32, d->arch_first);
		cli_json_format(&j, "arch_last", "0x%" PRIx32, d->arch_last);
		cli_json_number(&j, "nr_first", d->nr_first);
		cli_json_number(&j, "nr_last", d->nr_last);
		if (d->arch_first == d->arch_last && d->nr_first == d->nr_last)
			cli_json_string(&j, "call",
				cli_call_name(d->arch_first, (int)d->nr_first, name));
		cli_json_array(&j, "regions");
		for (uint32_t k = 0; k < n; k++)
			json_region(&j, &d[k]);
		cli_json_end(&j);
		cli_json_end(&j);
	}
	cli_json_end(&j);
	cli_json_end(&j);
}

/* 0, or CLI_TROUBLE, said. */
static int compare(struct cli *cli, const struct sluice_program *a,
	const struct sluice_program *b, struct differences *all)
{
	const struct options *o = cli->options;
	int rc;

	if (o->kernel_view) {
		rc = cli_view_compare(cli, a, b, add, all);
		join_views(all);
		return rc < 0 ? CLI_TROUBLE : 0;
	}
	rc = sluice_program_compare(a, b, add_plain, all);
	return rc < 0 ? cli_proof_failed(cli, rc) : 0;
}

static int run(struct cli *cli)
{
	_cleanup_(cli_program_freep) struct sluice_program *a = NULL, *b = NULL;
	_cleanup_(differences_clear) struct differences all = {0};
	const struct options *o = cli->options;
	int rc = cli_filter(cli, &o->target, cli->argv[0], &a);

	if (rc == 0)
		rc = cli_filter(cli, &o->target, cli->argv[1], &b);
	if (rc == 0)
		rc = compare(cli, a, b, &all);
	if (rc)
		return rc;
	if (cli->json)
		print_json(&all);
	else if (all.n == 0)
		puts("equal");
	else
		print(cli, &all);
	return all.n ? CLI_NO : CLI_YES;
}

static const struct cli_option options[] = {
	{.name = "all",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, all),
		.help = "print all ranges and names, not only the first few"},
	CLI_KERNEL_VIEW_OPTION(struct options),
	CLI_TARGET_OPTIONS(struct options),
	CLI_OPTIONS_END,
};

static const struct cli_example examples[] = {
	{"sluice diff old.bpf new.bpf",
		"what the new filter permits and refuses"},
	{"sluice diff --kernel-view old.bpf wide.bpf",
		"the same, in what the kernel reads"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_diff = {
	.name = "diff",
	.summary = "show what two filters decide differently, call by call",
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
