/* What a sweep found, as a table.
 * SPDX-License-Identifier: MIT */
#include "sweep.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "util/cleanup.h"

struct sweep {
	const struct injecting *in;
	scmp_filter_ctx filter;
	const struct sweep_options *options;
	struct sweep_run *base, *run;
	struct cli_json json;
	uint64_t runs, same, crashes, hangs, leaks, missing;
};

static const int crashes[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGSYS, SIGTRAP};

static void signal_text(int sig, char *out, size_t size)
{
	size_t n = sluice_constant_text(
		SCMP_ARCH_NATIVE, "signal", (uint64_t)sig, out, size);

	if (n == 0 || n >= size)
		snprintf(out, size, "signal %d", sig);
}

/* The signal of a crash that no expression asked for, or 0. */
static int crash_of(const struct sweep *s, const struct sweep_run *run)
{
	int sig = 0;

	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		if (!run->hung && run->status == 128 + crashes[i])
			sig = crashes[i];
	for (unsigned int i = 0; i < s->in->n_injections; i++)
		if (s->in->injections[i].signal == sig)
			return 0;
	return sig;
}

/* ---- descriptors
 * --------------------------------------------------------------------------- */

static const char *next_file(const struct sweep_run *run, const char *at)
{
	at = at ? at + strlen(at) + 1 : run->files;
	return at < run->files + run->files_size ? at : NULL;
}

static unsigned int times(const struct sweep_run *run, const char *name)
{
	unsigned int n = 0;

	for (const char *at = NULL; (at = next_file(run, at));)
		n += strcmp(at, name) == 0;
	return n;
}

/* What was open at an end more often than in the undisturbed run; each name once: call
 * with NULL, then with the last result. */
static const char *next_leak(const struct sweep *s, const char *last)
{
	const char *at = last;

	if (s->run->hung || s->run->cut || s->base->cut)
		return NULL;
	while ((at = next_file(s->run, at))) {
		const char *before = NULL;

		if (times(s->run, at) <= times(s->base, at))
			continue;
		while ((before = next_file(s->run, before)) != at &&
			strcmp(before, at) != 0)
			;
		if (before == at)
			return at;
	}
	return NULL;
}

/* ---- rows
 * ---------------------------------------------------------------------------------- */

static void print_word(
	const char *word, const char *detail, const char *call, uint64_t only)
{
	char left[64];
	_cleanup_free_ char *safe = strdup(detail);

	if (safe)
		cli_printable(safe);
	snprintf(left, sizeof(left), "%s%s%s", word, *detail ? ": " : "",
		safe ? safe : "?");
	printf("%-24s %6" PRIu64 "  %s\n", left, only,
		*call ? call : "(before that call)");
}

static void json_row(struct sweep *s, uint64_t only, int crash)
{
	struct cli_json *j = &s->json;
	char sig[32];

	cli_json_object(j, NULL);
	cli_json_number(j, "occurrence", (int64_t)only);
	cli_json_string(j, "call", *s->run->probe.text ? s->run->probe.text : NULL);
	cli_json_bool(j, "hang", s->run->hung);
	if (!s->run->hung)
		cli_json_number(j, "status", s->run->status);
	if (crash)
		signal_text(crash, sig, sizeof(sig));
	cli_json_string(j, "crash", crash ? sig : NULL);
	cli_json_array(j, "leaks");
	for (const char *at = NULL; (at = next_leak(s, at));)
		cli_json_string(j, NULL, at);
	cli_json_end(j);
	cli_json_end(j);
}

static void print_row(const struct sweep *s, uint64_t only, int crash)
{
	const struct sweep_run *run = s->run;
	bool found = crash || run->hung;
	char detail[64] = "";

	if (crash) {
		signal_text(crash, detail, sizeof(detail));
		print_word("crash", detail, run->probe.text, only);
	} else if (run->hung) {
		snprintf(detail, sizeof(detail), "%.1f s", run->seconds);
		print_word("hang", detail, run->probe.text, only);
	}
	for (const char *at = NULL; (at = next_leak(s, at)); found = true)
		print_word("leak", at, run->probe.text, only);
	if (found || !s->options->verbose)
		return;
	snprintf(detail, sizeof(detail), "%d", run->status);
	if (!*run->probe.text)
		print_word("never came", "", " ", only);
	else
		print_word(run->status == s->base->status ? "same status" : "status",
			detail, run->probe.text, only);
}

static void count(struct sweep *s, uint64_t only)
{
	int crash = crash_of(s, s->run);

	s->runs++;
	s->crashes += crash != 0;
	s->hangs += s->run->hung;
	s->leaks += next_leak(s, NULL) != NULL;
	s->missing += !s->run->hung && !*s->run->probe.text;
	s->same += !s->run->hung && s->run->status == s->base->status;
	cli_progress_end(s->in->cli);
	if (s->in->cli->json)
		json_row(s, only, crash);
	else
		print_row(s, only, crash);
	fflush(stdout);
}

/* ---- all of it
 * ----------------------------------------------------------------------------- */

static int undisturbed(struct sweep *s)
{
	int rc = sweep_run_once(s->in, s->filter, s->options, 0, 0, s->base);

	if (rc)
		return rc;
	if (crash_of(s, s->base))
		return cli_error(s->in->cli,
			"the program crashes without any change: "
			"status %d",
			s->base->status);
	if (!s->base->probe.met)
		return cli_error(s->in->cli,
			"the program makes no call that the expressions change");
	return 0;
}

static void summary(struct sweep *s, int rc)
{
	struct cli_json *j = &s->json;

	if (s->in->cli->json) {
		cli_json_end(j);
		cli_json_bool(j, "complete", rc == 0);
		cli_json_number(j, "crashes", (int64_t)s->crashes);
		cli_json_number(j, "hangs", (int64_t)s->hangs);
		cli_json_number(j, "leaks", (int64_t)s->leaks);
		cli_json_end(j);
		return;
	}
	printf("%" PRIu64 " of %" PRIu64 " runs: %" PRIu64
	       " with the undisturbed status %d, "
	       "%" PRIu64 " crashed, %" PRIu64 " hung, %" PRIu64
	       " left descriptors open\n",
		s->runs, s->base->probe.met, s->same, s->base->status, s->crashes,
		s->hangs, s->leaks);
	if (s->missing)
		cli_warn(s->in->cli,
			"%" PRIu64
			" times the call to change never came: the program does "
			"not make the same calls in every run",
			s->missing);
	if (s->base->cut)
		cli_warn(s->in->cli, "too many descriptors to compare");
}

static int each(struct sweep *s)
{
	double limit = (double)s->options->timeout;

	if (!s->options->timeout)
		limit = 5 + 10 * s->base->seconds;
	for (uint64_t only = 1; only <= s->base->probe.met; only++) {
		int rc;

		cli_progress(s->in->cli, only, s->base->probe.met, "runs");
		rc = sweep_run_once(s->in, s->filter, s->options, only, limit, s->run);
		if (rc)
			return rc;
		count(s, only);
	}
	return 0;
}

static int begin(struct sweep *s)
{
	struct cli_json *j = &s->json;
	int rc = undisturbed(s);

	if (rc || !s->in->cli->json)
		return rc;
	cli_json_object(j, NULL);
	cli_json_object(j, "undisturbed");
	cli_json_number(j, "status", s->base->status);
	cli_json_number(j, "occurrences", (int64_t)s->base->probe.met);
	cli_json_end(j);
	cli_json_array(j, "runs");
	return 0;
}

int sweep(const struct injecting *in, scmp_filter_ctx filter,
	const struct sweep_options *options)
{
	_cleanup_(sweep_run_free) struct sweep_run *base = sweep_run_new();
	_cleanup_(sweep_run_free) struct sweep_run *run = sweep_run_new();
	struct sweep s = {.in = in,
		.filter = filter,
		.options = options,
		.base = base,
		.run = run,
		.json = {.out = stdout}};
	int rc;

	if (!base || !run)
		return cli_error(in->cli, "%s", strerror(ENOMEM));
	sweep_begin();
	rc = begin(&s);
	if (rc)
		return rc;
	rc = each(&s);
	cli_progress_end(in->cli);
	summary(&s, rc);
	if (rc)
		return rc;
	return s.crashes || s.hangs || s.leaks ? CLI_NO : CLI_YES;
}
