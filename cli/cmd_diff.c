/* sluice diff: what do two filters decide differently, call by call?
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "util/cleanup.h"
#include "util/vec.h"

/* Ranges of one call that are printed without --all. */
#define SHOWN 6u
/* Names of calls with one and the same difference, likewise. */
#define NAMES 12u

struct options {
	bool all;
};

/* A region's number: those of one call are neighbours, as regions ascend. */
struct difference {
	struct sluice_region region;
	uint32_t arch_first, arch_last;
	uint32_t nr_first, nr_last;
	bool odd; /* architecture or number are a pattern of bits, no range */
};

struct differences {
	struct difference *at;
	uint32_t n, cap;
};

static void differences_clear(struct differences *d)
{
	free(d->at);
}

static int add(const struct sluice_region *r, void *arg)
{
	struct differences *all = arg;
	struct difference *d;
	int rc = sc_reserve(all->at, all->cap, all->n, 1);

	if (rc < 0)
		return rc;
	d = &all->at[all->n++];
	*d = (struct difference){
		.region = *r, .arch_last = UINT32_MAX, .nr_last = UINT32_MAX};
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

static bool same_calls(const struct difference *x, const struct difference *y)
{
	return !x->odd && !y->odd && x->arch_first == y->arch_first &&
	       x->arch_last == y->arch_last && x->nr_first == y->nr_first &&
	       x->nr_last == y->nr_last;
}

/* ---- for people ------------------------------------------------------------------- */

static void print_range(const struct sluice_region *r, bool one_call)
{
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
	printf("%s%s -> %s\n", shown ? ": " : "", cli_verdict(r->a, a),
		cli_verdict(r->b, b));
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
			print_range(&d[k].region, d->arch_first == d->arch_last &&
							  d->nr_first == d->nr_last);
		if (n > SHOWN && !o->all)
			printf("    and %" PRIu32 " ranges more (--all)\n", n - SHOWN);
		fputs("    such as ", stdout);
		cli_input(&d->region.data, stdout);
		putchar('\n');
	}
}

/* ---- for programs ----------------------------------------------------------------- */

static void json_region(struct cli_json *j, const struct sluice_region *r)
{
	static const char *const names[] = {
		"arch", "nr", "ip", "a0", "a1", "a2", "a3", "a4", "a5"};
	char text[CLI_VERDICT_MAX];

	cli_json_object(j, NULL);
	cli_json_string(j, "a", cli_verdict(r->a, text));
	cli_json_string(j, "b", cli_verdict(r->b, text));
	cli_json_array(j, "conditions");
	for (unsigned int i = 0; i < r->n; i++) {
		const struct sluice_condition *c = &r->conditions[i];

		cli_json_object(j, NULL);
		cli_json_string(j, "field", names[c->field]);
		cli_json_format(j, "mask", "0x%" PRIx64, c->mask);
		cli_json_format(j, "first", "0x%" PRIx64, c->first);
		cli_json_format(j, "last", "0x%" PRIx64, c->last);
		cli_json_end(j);
	}
	cli_json_end(j);
	cli_input_json(j, "witness", &r->data);
	cli_json_end(j);
}

static void print_json(const struct differences *all)
{
	struct cli_json j = {.out = stdout};

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
			json_region(&j, &d[k].region);
		cli_json_end(&j);
		cli_json_end(&j);
	}
	cli_json_end(&j);
	cli_json_end(&j);
}

static int run(struct cli *cli)
{
	_cleanup_(cli_program_freep) struct sluice_program *a = NULL, *b = NULL;
	_cleanup_(differences_clear) struct differences all = {0};
	int rc = cli_filter(cli, cli->argv[0], &a);

	if (rc == 0)
		rc = cli_filter(cli, cli->argv[1], &b);
	if (rc)
		return rc;
	rc = sluice_program_compare(a, b, add, &all);
	if (rc < 0)
		return cli_proof_failed(cli, rc);
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
		.help = "print all ranges and names, not the first few"},
	CLI_OPTIONS_END,
};

static const struct cli_positional words[] = {
	{.name = "A", .help = "a profile, a BPF file or pid:N", .word = CLI_WORD_FILTER},
	{.name = "B", .help = "the other filter", .word = CLI_WORD_FILTER},
	CLI_WORDS_END,
};

static const struct cli_example examples[] = {
	{"sluice diff old.bpf new.bpf",
		"what the new filter lets happen, and what it refuses"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_diff = {
	.name = "diff",
	.summary = "say what two filters decide differently, call by call",
	.options = options,
	.words = words,
	.examples = examples,
	.exits = {.yes = "they decide every call alike",
		.no = "they do not, and the output says where",
		.trouble = "it cannot be told, and standard error says why"},
	.options_size = sizeof(struct options),
	.reports = true,
	.run = run,
};
