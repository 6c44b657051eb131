/* sluice calls: the system calls that a program can make.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "calls/program.h"
#include "cli.h"
#include "json.h"
#include "util/cleanup.h"

#define CHAIN 64 /* functions between a start and a call that are shown */

struct options {
	const char *why, *root, *cache;
	bool no_cache;
};

struct report {
	struct cli *cli;
	const struct options *options;
	struct calls_program program;
	char *cache;
};

static uint32_t token(const struct report *r)
{
	return r->program.objects[0]->elf.machine == EM_AARCH64 ? SCMP_ARCH_AARCH64
								: SCMP_ARCH_X86_64;
}

static void progress(void *data, uint32_t done, uint32_t total)
{
	cli_progress(data, done, total, "reading functions");
}

/* From the start to the function that makes the call. */
static uint32_t chain(const struct report *r, uint32_t node, uint32_t *out)
{
	uint32_t n = 0;

	for (; node != UINT32_MAX && n < CHAIN; node = r->program.nodes[node].parent)
		out[n++] = node;
	return n;
}

static void print_chain(const struct report *r, uint32_t node)
{
	uint32_t nodes[CHAIN], n = chain(r, node, nodes);
	char name[256];

	for (uint32_t i = n; i-- > 0;) {
		calls_program_name(&r->program, nodes[i], name, sizeof(name));
		printf("%*s%s\n", (int)(2 * (n - 1 - i)), "", name);
	}
}

static void json_chain(const struct report *r, struct cli_json *j, uint32_t node)
{
	uint32_t nodes[CHAIN], n = chain(r, node, nodes);
	char name[256];

	cli_json_array(j, "chain");
	for (uint32_t i = n; i-- > 0;) {
		calls_program_name(&r->program, nodes[i], name, sizeof(name));
		cli_json_string(j, NULL, name);
	}
	cli_json_end(j);
}

struct call {
	char *name;
	int nr;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct call *)a)->name, ((const struct call *)b)->name);
}

/* The calls with their names, sorted; a number without a name stays a number. */
static uint32_t name_calls(const struct report *r, struct call *out)
{
	uint32_t n = 0;

	for (int nr = 0; nr < CALLS_NUMBERS; nr++) {
		if (!r->program.made[nr])
			continue;
		out[n].nr = nr;
		out[n].name = seccomp_syscall_resolve_num_arch(token(r), nr);
		if (!out[n].name && asprintf(&out[n].name, "%d", nr) < 0)
			out[n].name = NULL;
		n += out[n].name != NULL;
	}
	if (n)
		qsort(out, n, sizeof(*out), by_name);
	return n;
}

static void print_unresolved(const struct report *r)
{
	char name[256];

	for (uint32_t i = 0; i < r->program.n_unresolved; i++) {
		const struct calls_unresolved *u = &r->program.unresolved[i];

		calls_program_name(&r->program, u->node, name, sizeof(name));
		cli_warn(r->cli, "a call at %#llx in %s cannot be told: %s",
			(unsigned long long)u->site, name, u->why);
	}
	if (r->program.made_32)
		cli_warn(r->cli, "32-bit calls (int 0x80) are made; they are not listed");
	for (uint32_t i = 0; i < r->program.n_objects; i++)
		if (r->program.objects[i]->loads)
			cli_warn(r->cli, "%s loads objects at run time: name them behind the program",
				r->program.objects[i]->path);
}

static void json_report(const struct report *r, const struct call *calls, uint32_t n)
{
	struct cli_json j = CLI_JSON(stdout);
	char name[256];

	cli_json_object(&j, NULL);
	cli_json_array(&j, "calls");
	for (uint32_t i = 0; i < n; i++) {
		cli_json_object(&j, NULL);
		cli_json_string(&j, "name", calls[i].name);
		cli_json_number(&j, "number", calls[i].nr);
		json_chain(r, &j, r->program.maker[calls[i].nr]);
		cli_json_end(&j);
	}
	cli_json_end(&j);
	cli_json_array(&j, "unresolved");
	for (uint32_t i = 0; i < r->program.n_unresolved; i++) {
		const struct calls_unresolved *u = &r->program.unresolved[i];

		calls_program_name(&r->program, u->node, name, sizeof(name));
		cli_json_object(&j, NULL);
		cli_json_string(&j, "function", name);
		cli_json_number(&j, "address", (int64_t)u->site);
		cli_json_string(&j, "why", u->why);
		cli_json_end(&j);
	}
	cli_json_end(&j);
	cli_json_bool(&j, "calls_32", r->program.made_32);
	cli_json_array(&j, "loads");
	for (uint32_t i = 0; i < r->program.n_objects; i++)
		if (r->program.objects[i]->loads)
			cli_json_string(&j, NULL, r->program.objects[i]->path);
	cli_json_end(&j);
	cli_json_array(&j, "objects");
	for (uint32_t i = 0; i < r->program.n_objects; i++)
		cli_json_string(&j, NULL, r->program.objects[i]->path);
	cli_json_end(&j);
	cli_json_end(&j);
}

static int why(const struct report *r)
{
	int nr = seccomp_syscall_resolve_name_arch(token(r), r->options->why);
	struct cli_json j = CLI_JSON(stdout);

	if (nr < 0)
		return cli_error(r->cli, "this architecture has no call \"%s\"", r->options->why);
	if (nr >= CALLS_NUMBERS || !r->program.made[nr]) {
		if (r->cli->json)
			printf("null\n");
		else
			fprintf(stderr, "%s is not made\n", r->options->why);
		print_unresolved(r);
		return CLI_NO;
	}
	if (!r->cli->json) {
		print_chain(r, r->program.maker[nr]);
		return CLI_YES;
	}
	cli_json_object(&j, NULL);
	cli_json_string(&j, "name", r->options->why);
	json_chain(r, &j, r->program.maker[nr]);
	cli_json_end(&j);
	return CLI_YES;
}

static int list(const struct report *r)
{
	struct call calls[CALLS_NUMBERS];
	uint32_t n = name_calls(r, calls);

	if (r->cli->json)
		json_report(r, calls, n);
	for (uint32_t i = 0; i < n; i++) {
		if (!r->cli->json)
			puts(calls[i].name);
		free(calls[i].name);
	}
	if (!r->cli->json)
		print_unresolved(r);
	return r->program.n_unresolved || r->program.made_32 || r->program.n_loading ? CLI_NO : CLI_YES;
}

static void clear(struct report *r)
{
	calls_program_clear(&r->program);
	free(r->cache);
}

static int run(struct cli *cli)
{
	_cleanup_(clear) struct report r = {.cli = cli, .options = cli->options};

	if (!r.options->no_cache && !r.options->cache)
		r.cache = calls_cache_directory();
	r.program.options = (struct calls_options){.root = r.options->root,
		.cache = r.options->no_cache ? NULL : r.options->cache ? r.options->cache : r.cache,
		.progress = progress,
		.progress_data = cli};
	for (int i = 0; i < cli->argc; i++) {
		int rc = calls_program_add(&r.program, cli->argv[i]);

		cli_progress_end(cli);
		if (rc)
			return cli_error_at(r.program.file ? r.program.file : cli->argv[i], 0, 0,
				"%s", r.program.message);
	}
	if (calls_program_reach(&r.program))
		return cli_error(cli, "%s", strerror(ENOMEM));
	return r.options->why ? why(&r) : list(&r);
}

static const struct cli_option options[] = {
	{'w', "why", "CALL", CLI_STRING, offsetof(struct options, why),
		"show how the program reaches CALL", CLI_WORD_CALL, NULL},
	{0, "root", "DIR", CLI_STRING, offsetof(struct options, root),
		"look for libraries below DIR", CLI_WORD_DIR, NULL},
	{0, "cache", "DIR", CLI_STRING, offsetof(struct options, cache),
		"keep the cache in DIR", CLI_WORD_DIR, NULL},
	{0, "no-cache", NULL, CLI_FLAG, offsetof(struct options, no_cache),
		"do not use a cache", CLI_WORD_ANY, NULL},
	CLI_OPTIONS_END,
};

static const struct cli_positional words[] = {
	{.name = "ELF", .help = "a program, and further objects that it loads",
		.word = CLI_WORD_FILE, .repeated = true},
	CLI_WORDS_END,
};

static const struct cli_example examples[] = {
	{"sluice calls --why write /bin/true", "how the program reaches a call"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_calls = {
	.name = "calls",
	.summary = "list the system calls that a program can make",
	.options = options,
	.words = words,
	.examples = examples,
	.exits = {.yes = "all calls were found; with --why: the program can make the call",
		.no = "some calls are unknown, as standard error says; with --why: it cannot",
		.trouble = "a file cannot be read or analysed"},
	.options_size = sizeof(struct options),
	.reports = true,
	.run = run,
};
