/* What a sweep found, as a table.
 * SPDX-License-Identifier: MIT */
#include "sweep.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "proc.h"
#include "util/cleanup.h"

struct sweep {
	const struct injecting *in;
	scmp_filter_ctx filter;
	const struct sweep_options *options;
	struct sweep_run *base, *run;
	struct cli_json json;
	uint64_t runs, same, crashes, hangs, leaks, lost;
	uint64_t missing;      /* runs in which the call never came */
	uint64_t incomparable; /* runs whose descriptors were not seen */
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
		if (!run->hung && !run->lost && run->signal == crashes[i])
			sig = crashes[i];
	for (unsigned int i = 0; i < s->in->n_injections; i++)
		if (s->in->injections[i].signal == sig)
			return 0;
	return sig;
}

static bool comparable(const struct sweep_run *run)
{
	return !run->hung && !run->lost && !run->files.cut && !run->files.unseen;
}

/* A name of s->run->files that was open more often than in the undisturbed run: from 0
 * on; UINT32_MAX: none. */
static uint32_t next_leak(const struct sweep *s, uint32_t from)
{
	if (!comparable(s->run) || !comparable(s->base))
		return UINT32_MAX;
	return sweep_files_more(&s->run->files, &s->base->files, from);
}

/* ---- rows
 * ---------------------------------------------------------------------------------- */

/* Names of files may be hostile: they forge no rows. */
static void print_finding(
	const char *word, const char *detail, const struct sweep_run *run, uint64_t only)
{
	_cleanup_free_ char *safe = strdup(detail);
	const char *call = *run->probe.text ? run->probe.text : "(before that call)";
	int n;

	if (safe)
		cli_printable_line(safe);
	n = printf("%s%s%s", word, *detail ? ": " : "", safe ? safe : "?");
	printf("%*s %6" PRIu64 "  %s\n", n < 24 ? 24 - n : 0, "", only, call);
}

static void json_row(struct sweep *s, uint64_t only, int crash)
{
	struct cli_json *j = &s->json;
	char sig[32];

	cli_json_object(j, NULL);
	cli_json_number(j, "occurrence", (int64_t)only);
	cli_json_string(j, "call", *s->run->probe.text ? s->run->probe.text : NULL);
	cli_json_bool(j, "hang", s->run->hung);
	cli_json_bool(j, "supervisor_killed", s->run->lost);
	if (!s->run->hung && !s->run->lost)
		cli_json_number(j, "status", s->run->status);
	if (crash)
		signal_text(crash, sig, sizeof(sig));
	cli_json_string(j, "crash", crash ? sig : NULL);
	cli_json_array(j, "leaks");
	for (uint32_t i = next_leak(s, 0); i != UINT32_MAX; i = next_leak(s, i + 1))
		cli_json_string(j, NULL, sweep_files_name(&s->run->files, i));
	cli_json_end(j);
	cli_json_end(j);
}

static void print_row(const struct sweep *s, uint64_t only, int crash)
{
	const struct sweep_run *run = s->run;
	bool found = crash || run->hung || run->lost;
	char detail[64] = "";

	if (crash) {
		signal_text(crash, detail, sizeof(detail));
		print_finding("crash", detail, run, only);
	} else if (run->hung) {
		snprintf(detail, sizeof(detail), "%.1f s", run->seconds);
		print_finding("hang", detail, run, only);
	} else if (run->lost) {
		print_finding("supervisor killed", "", run, only);
	}
	for (uint32_t i = next_leak(s, 0); i != UINT32_MAX; i = next_leak(s, i + 1)) {
		print_finding("leak", sweep_files_name(&run->files, i), run, only);
		found = true;
	}
	if (found || !s->options->verbose)
		return;
	snprintf(detail, sizeof(detail), "%d", run->status);
	if (!*run->probe.text)
		printf("%-24s %6" PRIu64 "\n", "never came", only);
	else
		print_finding(run->status == s->base->status ? "same status" : "status",
			detail, run, only);
}

static void count(struct sweep *s, uint64_t only)
{
	int crash = crash_of(s, s->run);

	s->runs++;
	s->crashes += crash != 0;
	s->hangs += s->run->hung;
	s->leaks += next_leak(s, 0) != UINT32_MAX;
	s->lost += s->run->lost;
	s->incomparable += !s->run->hung && !s->run->lost && !comparable(s->run);
	s->missing += !s->run->hung && !s->run->lost && !*s->run->probe.text;
	s->same += !s->run->hung && !s->run->lost && s->run->status == s->base->status;
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
	int rc, crash;
	char sig[32];

	cli_progress(s->in->cli, 0, 0, "runs: the undisturbed one");
	rc = sweep_run_once(
		s->in, s->filter, s->options, 0, (double)s->options->timeout, s->base);
	cli_progress_end(s->in->cli);
	if (rc)
		return rc;
	if (s->base->lost)
		return cli_error(s->in->cli, "the program ends its own supervisor");
	if (s->base->hung)
		return cli_error(s->in->cli,
			"the undisturbed run did not end in %" PRIu64
			" s; does it leave a process behind?",
			s->options->timeout);
	crash = crash_of(s, s->base);
	if (crash) {
		signal_text(crash, sig, sizeof(sig));
		return cli_error(
			s->in->cli, "the program crashes without any change: %s", sig);
	}
	if (!s->base->probe.met)
		return cli_error(s->in->cli,
			"the program makes no call that the expressions change");
	return 0;
}

static void warn(const struct sweep *s)
{
	if (s->missing)
		cli_warn(s->in->cli,
			"%" PRIu64
			" times the call to change never came: the program does "
			"not make the same calls in every run",
			s->missing);
	if (!comparable(s->base) || s->incomparable)
		cli_warn(s->in->cli, "descriptors of %s run were not compared: %s",
			comparable(s->base) ? "some" : "the undisturbed",
			s->base->files.unseen || s->run->files.unseen
				? "a process does not let them be seen"
				: "there are too many");
}

static void summary(struct sweep *s, int rc)
{
	struct cli_json *j = &s->json;

	warn(s);
	if (s->in->cli->json) {
		cli_json_end(j);
		cli_json_bool(j, "complete", rc == 0);
		cli_json_number(j, "crashes", (int64_t)s->crashes);
		cli_json_number(j, "hangs", (int64_t)s->hangs);
		cli_json_number(j, "leaks", (int64_t)s->leaks);
		cli_json_number(j, "supervisors_killed", (int64_t)s->lost);
		cli_json_number(j, "never_came", (int64_t)s->missing);
		cli_json_number(j, "not_compared", (int64_t)s->incomparable);
		cli_json_end(j);
		return;
	}
	printf("%" PRIu64 " of %" PRIu64 " runs: %" PRIu64
	       " with the undisturbed status %d, %" PRIu64 " crashed, %" PRIu64
	       " hung, %" PRIu64 " left descriptors open\n",
		s->runs, s->base->probe.met, s->same, s->base->status, s->crashes,
		s->hangs, s->leaks);
}

/* Seconds for a run, if nobody said how many: one delay is on purpose. */
static double usual(const struct sweep *s)
{
	double limit = 5 + 10 * s->base->seconds;

	for (unsigned int i = 0; i < s->in->n_injections; i++)
		limit += (double)s->in->injections[i].delay_ns / 1e9;
	return limit;
}

static int each(struct sweep *s)
{
	double limit = (double)s->options->timeout;

	if (!s->options->timeout)
		limit = usual(s);
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
		.json = CLI_JSON(stdout)};
	int rc;

	if (!base || !run)
		return cli_error(in->cli, "%s", strerror(ENOMEM));
	if (!cli_proc_is_ours())
		return cli_error(
			in->cli, "/proc is of another pid namespace than this process");
	sweep_begin();
	rc = begin(&s);
	if (rc)
		return rc;
	rc = each(&s);
	cli_progress_end(in->cli);
	summary(&s, rc);
	if (rc)
		return rc;
	if (s.missing == s.runs)
		return cli_error(in->cli, "in no run the call to change came");
	return s.crashes || s.hangs || s.leaks || s.lost ? CLI_NO : CLI_YES;
}
