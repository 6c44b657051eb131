/* sluice inject: run a program, and let system calls of it fail.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "filter.h"
#include "sweep.h"
#include "util/cleanup.h"

struct options {
	struct cli_list expressions;
	const char *seed, *log, *replay;
	uint64_t timeout, only;
	bool verbose, quiet, sweep, no_leaks;
};

static int read_expressions(struct injecting *in, const struct cli_list *list)
{
	if (list->n == 0 && in->replay.n)
		return 0;
	if (list->n == 0)
		return cli_error(in->cli, "nothing is injected: -e inject=SET:error=E");
	if (list->n > INJECTIONS_MAX)
		return cli_error(in->cli, "more than %d expressions", INJECTIONS_MAX);
	in->injections = calloc(list->n, sizeof(*in->injections));
	if (!in->injections)
		return cli_error(in->cli, "%s", strerror(ENOMEM));
	for (unsigned int i = 0; i < list->n; i++) {
		if (injection_parse(in->cli, list->items[i], &in->injections[i]))
			return CLI_TROUBLE;
		in->n_injections++;
	}
	return 0;
}

/* Said where chances are taken, so that the same run can be had again. */
static int choose_seed(struct injecting *in, const char *text)
{
	bool chances = false;

	if (text)
		return cli_value(in->cli, text, &in->seed);
	for (unsigned int i = 0; i < in->n_injections; i++)
		chances = chances || in->injections[i].chance != UINT32_MAX;
	if (!chances)
		return 0;
	if (getrandom(&in->seed, sizeof(in->seed), 0) != sizeof(in->seed))
		return cli_error(in->cli, "no random seed: %s", strerror(errno));
	fprintf(stderr, "sluice inject: --seed=0x%" PRIx64 "\n", in->seed);
	return 0;
}

static void check_replay(const struct injecting *in)
{
	uint32_t missing = 0;

	for (uint32_t i = 0; i < in->replay.n; i++)
		missing += in->replay.entries[i].injection.happened == 0;
	if (missing)
		cli_warn(in->cli,
			"the program made other calls: %" PRIu32 " of %" PRIu32
			" injections did not happen again",
			missing, in->replay.n);
}

/* @only: of the calls that are to be changed, change that one; 0: all. */
static int once(struct injecting *in, scmp_filter_ctx filter, uint64_t only, bool quiet)
{
	struct cli_live live = {.cli = in->cli, .ruleset = -1};
	struct injecting_probe probe = {.only = only};
	int status, rc;

	in->probe = only ? &probe : NULL;
	rc = injecting_run(in, filter, &live, &status);
	if (rc)
		return rc;
	if (only && probe.met < only && !quiet)
		cli_warn(in->cli, "there were only %" PRIu64 " such calls", probe.met);
	for (unsigned int i = 0; i < in->n_injections && !only && !quiet; i++)
		if (!in->injections[i].happened)
			cli_warn(in->cli, "%s: this never happened",
				in->injections[i].text);
	if (!quiet)
		check_replay(in);
	return status;
}

static int check(const struct cli *cli, const struct options *o)
{
	if (!o->sweep && (o->timeout || o->no_leaks || cli->json))
		return cli_error(cli, "%s needs --sweep",
			o->timeout    ? "--timeout"
			: o->no_leaks ? "--no-leaks"
				      : "--json");
	if (o->sweep && (o->log || o->replay))
		return cli_error(cli, "--sweep and %s exclude each other",
			o->log ? "--log" : "--replay");
	if (o->replay && (o->expressions.n || o->seed || o->only))
		return cli_error(cli, "--replay takes all from its file: no -e, --seed or --only");
	if (o->sweep && (o->only || o->quiet))
		return cli_error(cli, "--sweep and %s exclude each other",
			o->only ? "--only" : "--quiet");
	return 0;
}

static int run(struct cli *cli)
{
	const struct options *o = cli->options;
	const struct sweep_options sweeping = {
		.timeout = o->timeout, .no_leaks = o->no_leaks, .verbose = o->verbose};
	_cleanup_(injecting_clear) struct injecting in = {
		.cli = cli, .verbose = o->verbose && !o->sweep, .ends = o->sweep};
	_cleanup_(cli_filter_releasep) scmp_filter_ctx filter = NULL;
	int rc = check(cli, o);

	if (rc == 0 && o->replay)
		rc = replay_read(cli, &in.replay, o->replay);
	if (rc == 0)
		rc = read_expressions(&in, &o->expressions);
	if (rc == 0)
		rc = choose_seed(&in, o->seed);
	if (rc == 0 && o->log)
		rc = replay_log(&in.replay, o->log);
	if (rc)
		return rc;
	rc = injecting_prepare(&in, &filter);
	if (rc)
		return cli_error(cli, "cannot make the filter: %s", strerror(-rc));
	return o->sweep ? sweep(&in, filter, &sweeping)
			: once(&in, filter, o->only, o->quiet);
}

static const struct cli_option options[] = {
	{.letter = 'e',
		.name = "expression",
		.value = "EXPR",
		.type = CLI_LIST,
		.offset = offsetof(struct options, expressions),
		.word = CLI_WORD_ANY,
		.help = "inject=SET:WHAT[:WHEN] or fault=SET[:WHEN], as strace has them"},
	{.name = "seed",
		.value = "N",
		.type = CLI_STRING,
		.offset = offsetof(struct options, seed),
		.word = CLI_WORD_ANY,
		.help = "the seed of prob=, to repeat the run that printed it"},
	{.name = "log",
		.value = "FILE",
		.type = CLI_STRING,
		.offset = offsetof(struct options, log),
		.word = CLI_WORD_FILE,
		.help = "write to this file what is injected, for --replay"},
	{.name = "replay",
		.value = "FILE",
		.type = CLI_STRING,
		.offset = offsetof(struct options, replay),
		.word = CLI_WORD_FILE,
		.help = "inject what --log wrote, into the same calls of the same processes, in "
			"place of -e"},
	{.letter = 'v',
		.name = "verbose",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, verbose),
		.help = "print each call that is changed"},
	{.letter = 'q',
		.name = "quiet",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, quiet),
		.help = "do not report expressions that never matched"},
	{.name = "sweep",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, sweep),
		.help = "run the program once for each call that the expressions change, "
			"and report crashes, hangs and leaks"},
	{.name = "timeout",
		.value = "SECONDS",
		.type = CLI_NUMBER,
		.offset = offsetof(struct options, timeout),
		.word = CLI_WORD_ANY,
		.help = "with --sweep: a run that takes longer counts as hung (default: "
			"5 plus ten times the undisturbed run)"},
	{.name = "only",
		.value = "N",
		.type = CLI_NUMBER,
		.offset = offsetof(struct options, only),
		.word = CLI_WORD_ANY,
		.help = "change only the call that --sweep prints with this number"},
	{.name = "no-leaks",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, no_leaks),
		.help = "a sweep does not report descriptors that are left open"},
	CLI_OPTIONS_END,
};

static const struct cli_positional words[] = {
	CLI_PROGRAM_WORDS(.optional = false),
	CLI_WORDS_END,
};

static const struct cli_example examples[] = {
	{"sluice inject -e inject=mkdir:error=ENOSPC mkdir d", "no space is left"},
	{"sluice inject -v -e 'fault=%file:path=*.txt:error=EIO' cat mine.txt",
		"files with this name cannot be read"},
	{"sluice inject --sweep -v -e 'inject=openat:path=*.txt:error=EACCES' cat "
	 "mine.txt",
		"test how the program handles a file that it may not open"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_inject = {
	.name = "inject",
	.summary = "run a program and make its system calls fail",
	.options = options,
	.words = words,
	.examples = examples,
	.exits = {.yes = "the program exited with 0; else its own status, or 128+N "
			 "after signal N; with --sweep: nothing was found",
		.no = "with --sweep: a run crashed, hung, left descriptors open or "
		      "killed its supervisor; else the program's",
		.trouble =
			"an expression is wrong or nothing can be injected; 126 or 127: "
			"the program could not be executed"},
	.options_size = sizeof(struct options),
	.reports = true,
	.options_first = true,
	.own_status = true,
	.run = run,
};
