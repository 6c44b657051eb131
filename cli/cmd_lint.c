/* sluice lint: what is likely wrong in a profile, and repairing it.
 * SPDX-License-Identifier: MIT */
#include "filter.h"
#include "json.h"
#include "profile.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <sluice-program.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/vec.h"

#define SHOWN	 40u /* regions that a repair changed */
#define URI_SIZE (3 * PATH_MAX)

struct options {
	struct cli_target target;
	bool fix, sarif, quiet;
	const char *output;
};

struct report {
	struct cli *cli;
	const struct options *options;
	struct cli_json json;
	unsigned counts[4]; /* by severity */
};

static const char *const severities[] = {"", "note", "warning", "error"};

static void profile_freep(struct sluice_profile **p)
{
	sluice_profile_free(*p);
}

static void program_freep(struct sluice_program **p)
{
	sluice_program_free(*p);
}

/* ---- findings
 * --------------------------------------------------------------------------- */

static void print(const struct report *r, const struct sluice_finding *f)
{
	static const enum cli_color colors[] = {CLI_PLAIN, CLI_DIM, CLI_YELLOW, CLI_RED};

	printf("%s:%u:%u: %s%s%s: %s [%s]\n", f->file, f->line, f->column,
		cli_color(r->cli, colors[f->severity]), severities[f->severity],
		cli_color(r->cli, CLI_PLAIN), f->message, f->rule);
	if (*f->why)
		printf("    why: %s\n", f->why);
	if (*f->fix)
		printf("    fix: %s\n", f->fix);
}

static void print_json(struct report *r, const struct sluice_finding *f)
{
	struct cli_json *j = &r->json;

	cli_json_object(j, NULL);
	cli_json_string(j, "severity", severities[f->severity]);
	cli_json_string(j, "rule", f->rule);
	cli_json_string(j, "file", f->file);
	cli_json_number(j, "line", f->line);
	cli_json_number(j, "column", f->column);
	cli_json_string(j, "path", f->path);
	cli_json_string(j, "message", f->message);
	cli_json_string(j, "why", f->why);
	cli_json_string(j, "fix", f->fix);
	cli_json_end(j);
}

/* A file's name as a relative or absolute reference of RFC 3986: every other byte as %XX.
 */
static void uri_of(const char *file, char uri[URI_SIZE])
{
	size_t n = 0;

	for (; *file && n + 3 < URI_SIZE; file++) {
		const unsigned char c = (unsigned char)*file;

		if (strchr("-._~/", c) || (c < 0x80 && isalnum(c)))
			uri[n++] = *file;
		else
			n += (size_t)snprintf(uri + n, URI_SIZE - n, "%%%02X", c);
	}
	uri[n] = '\0';
}

/* A result of SARIF 2.1.0. */
static void print_sarif(struct report *r, const struct sluice_finding *f)
{
	struct cli_json *j = &r->json;
	char uri[URI_SIZE];

	uri_of(f->file, uri);

	cli_json_object(j, NULL);
	cli_json_string(j, "ruleId", f->rule);
	cli_json_string(j, "level", severities[f->severity]);
	cli_json_object(j, "message");
	cli_json_format(j, "text", "%s.%s%s%s%s%s", f->message, *f->why ? " Why: " : "",
		f->why, *f->fix ? ". Fix: " : "", f->fix, *f->why || *f->fix ? "." : "");
	cli_json_end(j);
	cli_json_array(j, "locations");
	cli_json_object(j, NULL);
	cli_json_object(j, "physicalLocation");
	cli_json_object(j, "artifactLocation");
	cli_json_string(j, "uri", uri);
	cli_json_end(j);
	cli_json_object(j, "region");
	cli_json_number(j, "startLine", f->line ? f->line : 1);
	cli_json_number(j, "startColumn", f->column ? f->column : 1);
	cli_json_end(j);
	cli_json_end(j);
	cli_json_end(j);
	cli_json_end(j);
	cli_json_end(j);
}

static void on_finding(const struct sluice_finding *f, void *data)
{
	struct report *r = data;

	r->counts[f->severity]++;
	if (r->options->quiet && f->severity == SLUICE_NOTE)
		return;
	if (r->options->sarif)
		print_sarif(r, f);
	else if (r->cli->json)
		print_json(r, f);
	else
		print(r, f);
}

static void begin(struct report *r)
{
	struct cli_json *j = &r->json;

	if (r->options->sarif) {
		cli_json_object(j, NULL);
		cli_json_string(
			j, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
		cli_json_string(j, "version", "2.1.0");
		cli_json_array(j, "runs");
		cli_json_object(j, NULL);
		cli_json_object(j, "tool");
		cli_json_object(j, "driver");
		cli_json_string(j, "name", "sluice lint");
		cli_json_string(j, "version", SLUICE_VERSION_TEXT);
		cli_json_end(j);
		cli_json_end(j);
		cli_json_array(j, "results");
	} else if (r->cli->json) {
		cli_json_array(j, NULL);
	}
}

static void end(struct report *r)
{
	for (unsigned n = r->options->sarif ? 4 : r->cli->json ? 1 : 0; n; n--)
		cli_json_end(&r->json);
}

/* ---- repair
 * ------------------------------------------------------------------------------ */

static int compile(const struct sluice_profile *p, const struct sluice_target *t,
	struct sluice_program **program)
{
	_cleanup_free_ struct sock_filter *insns = NULL;
	unsigned count = 0;
	int rc = sluice_profile_program(p, t, &insns, &count);

	return rc ? rc : sluice_program_new(insns, count, program, NULL);
}

static int on_region(const struct sluice_region *region, void *data)
{
	unsigned *n = data;
	char a[CLI_VERDICT_MAX], b[CLI_VERDICT_MAX];

	if (++*n > SHOWN)
		return 0;
	fputs("changed: ", stderr);
	for (unsigned i = 0; i < region->n; i++) {
		fputs(i ? ", " : "", stderr);
		cli_condition(&region->conditions[i], &region->data, stderr);
	}
	fprintf(stderr, ": %s -> %s\n", cli_verdict(region->a, a),
		cli_verdict(region->b, b));
	return 0;
}

/* What the repaired profile decides differently: all of it, by proof. */
static int prove(struct cli *cli, const struct sluice_profile *before,
	const struct sluice_profile *after, const struct sluice_target *t)
{
	_cleanup_(program_freep) struct sluice_program *a = NULL, *b = NULL;
	struct sluice_target quiet = *t;
	unsigned n = 0;
	int rc;

	quiet.report = NULL;
	rc = compile(before, &quiet, &a);
	if (!rc)
		rc = compile(after, &quiet, &b);
	if (rc)
		return cli_error(cli, "the repair cannot be compiled: %s", strerror(-rc));
	rc = sluice_program_compare(a, b, on_region, &n);
	if (rc < 0)
		return cli_error(cli, "what changed cannot be told: %s", strerror(-rc));
	if (n > SHOWN)
		fprintf(stderr, "changed: and %u more\n", n - SHOWN);
	fprintf(stderr, n ? "proved: nothing else is decided differently\n"
			  : "proved: every call is decided as before\n");
	return CLI_YES;
}

static int fix(struct cli *cli, const struct options *o, const struct sluice_profile *p,
	const struct sluice_target *t)
{
	_cleanup_(profile_freep) struct sluice_profile *fixed = NULL;
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int rc = sluice_profile_fix(p, t, cli_say_finding, NULL, &fixed), proved;

	if (rc >= 0)
		rc = sluice_profile_write(fixed, SLUICE_FORM_ANY, &text, &size);
	if (rc)
		return cli_error(cli, "nothing was repaired: %s", strerror(-rc));
	proved = prove(cli, p, fixed, t);
	return proved ? proved : cli_write_file(cli, o->output, text, size);
}

/* ---- command
 * ----------------------------------------------------------------------------- */

static int check(
	struct cli *cli, const struct options *o, const char *path, struct report *r)
{
	_cleanup_(profile_freep) struct sluice_profile *p = cli_read_profile(path, false);
	struct cli_target_lists lists;
	struct sluice_target t;
	int rc;

	if (!p || cli_target_fill(cli, &o->target, path, &lists, &t))
		return CLI_TROUBLE;
	if (o->fix)
		return fix(cli, o, p, &t);
	rc = sluice_profile_lint(p, &t, on_finding, r);
	return rc < 0 ? cli_error(cli, "%s: %s", path, strerror(-rc)) : CLI_YES;
}

static int run(struct cli *cli)
{
	const struct options *o = cli->options;
	struct report r = {.cli = cli, .options = o, .json = CLI_JSON(stdout)};
	int rc = CLI_YES;

	if (o->fix && (cli->argc != 1 || o->sarif || cli->json))
		return cli_error(cli, "--fix takes one profile, and no other report");
	if (o->sarif && cli->json)
		return cli_error(cli, "expected one of --sarif and --json");
	if (!o->fix)
		begin(&r);
	for (int i = 0; i < cli->argc && !rc; i++)
		rc = check(cli, o, cli->argv[i], &r);
	if (!o->fix)
		end(&r);
	if (rc)
		return rc;
	return r.counts[SLUICE_ERROR] || r.counts[SLUICE_WARNING] ? CLI_NO : CLI_YES;
}

static const struct cli_option options[] = {
	{0, "fix", NULL, CLI_FLAG, offsetof(struct options, fix),
		"write the repaired profile, and report what it decides "
		"differently",
		CLI_WORD_ANY, NULL},
	{'o', "output", "FILE", CLI_STRING, offsetof(struct options, output),
		"with --fix: write to this file (default: standard output)",
		CLI_WORD_FILE, NULL},
	{0, "sarif", NULL, CLI_FLAG, offsetof(struct options, sarif),
		"report as SARIF 2.1.0, for code scanning", CLI_WORD_ANY, NULL},
	{'q', "quiet", NULL, CLI_FLAG, offsetof(struct options, quiet),
		"do not print notes", CLI_WORD_ANY, NULL},
	CLI_TARGET_OPTIONS(struct options),
	CLI_OPTIONS_END,
};

static const struct cli_positional words[] = {
	{"PROFILE", "OCI, Docker, config.json or SeccompProfile; - is standard input",
		CLI_WORD_FILE, false, true, NULL},
	CLI_WORDS_END,
};

static const struct cli_example examples[] = {
	{"sluice lint wide.json",
		"a comparison that is wider than the kernel's argument"},
	{"sluice lint --fix -o fixed.json wide.json", "repair it"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_lint = {
	.name = "lint",
	.summary = "say what is probably wrong in a profile",
	.options = options,
	.words = words,
	.examples = examples,
	.exits = {.yes = "there are no errors or warnings, or the repaired profile was "
			 "written",
		.no = "there are errors or warnings",
		.trouble = "a profile could not be read or written"},
	.options_size = sizeof(struct options),
	.reports = true,
	.run = run,
};
