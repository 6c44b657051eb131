/* sluice record: run a program, and write the profile of what it called.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#ifdef __GLIBC__
#include <gnu/libc-version.h>
#define LIBC "glibc", gnu_get_libc_version()
#else
#define LIBC "another libc", "than glibc"
#endif

#include "filter.h"
#include "live.h"
#include "paths.h"
#include "possible.h"
#include "profile.h"
#include "recording.h"
#include "runtimes.h"
#include "util/cleanup.h"

#define TICK	256 /* calls between two looks at the clock */
#define UNNAMED 16  /* numbers that are named one by one */
#define IDLE	2   /* ticks: the second one comes by time, whatever woke for the first */
#define PATIENCE                                                                         \
	16384 /* calls for which a line that the program has begun is let alone */

struct options {
	struct cli_target target;
	const char *output, *merge, *paths;
	unsigned int runtime;
	bool args, exact, diff_fail, quiet, possible;
};

struct record {
	struct cli *cli;
	const struct options *options;
	struct sluice_profile *base;	 /* --merge, as it was read */
	struct sluice_profile *resolved; /* the same for this machine */
	struct recording recording;
	struct paths paths;
	uint64_t shown, looked,
		ticked; /* calls: as shown, at the last look, at the last tick */
	uint32_t native;
	unsigned int idle; /* ticks without a call */
	bool writing; /* the last call writes to the terminal, and may not have done so
			 yet */
	bool midline; /* what it wrote last was not the end of a line */
};

static void record_clear(struct record *r)
{
	sluice_profile_free(r->base);
	sluice_profile_free(r->resolved);
	recording_clear(&r->recording);
	paths_clear(&r->paths);
}

/* Program and counter share a terminal: what the program writes begins in an empty line,
 * and the counter does not take the place of a question that it asks. */
static void share_line(struct record *r, struct sluice_request *request)
{
	int nr = sluice_nr(request);
	char last = '\n';
	uint64_t n;

	r->writing = false;
	if ((nr != SCMP_SYS(write) && nr != SCMP_SYS(writev)) ||
		sluice_arch(request) != r->native ||
		(sluice_arg(request, 0) != STDOUT_FILENO &&
			sluice_arg(request, 0) != STDERR_FILENO))
		return;
	r->writing = true;
	cli_progress_hide(r->cli);
	n = nr == SCMP_SYS(write) ? sluice_arg(request, 2) : 0;
	if (n && sluice_read(request, sluice_arg(request, 1) + n - 1, &last, 1) != 1)
		last = '\n';
	r->midline = last != '\n';
}

static int note(struct sluice_request *request, void *data)
{
	struct record *r = data;

	recording_note(&r->recording, request);
	if (r->options->paths)
		paths_note(&r->paths, paths_use_of(sluice_name(request)), request);
	if (r->cli->progress && !r->options->quiet)
		share_line(r, request);
	return sluice_continue(request, SLUICE_CONTINUE_ADVISORY);
}

static void tick(void *data)
{
	struct record *r = data;
	uint64_t total = r->recording.total;
	char text[48];

	r->idle = total == r->ticked ? r->idle + 1 : 0;
	r->ticked = total;
	if (!r->cli->progress || r->options->quiet || total == r->shown ||
		((total - r->looked < TICK || r->writing) && r->idle < IDLE) ||
		(r->midline && total - r->shown < PATIENCE))
		return;
	r->looked = total;
	snprintf(text, sizeof(text), "calls, %" PRIu32 " different", r->recording.n);
	if (cli_progress(r->cli, total, 0, text))
		r->shown = total;
}

/* ---- the filter: calls of the profile need no notification
 * ------------------------------ */

static bool doubled(const struct scmp_arg_cmp *args, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int k = 0; k < i; k++)
			if (args[i].arg == args[k].arg)
				return true;
	return false;
}

/* Each program makes one of these and ends with another: that shows what is executed. */
static bool marks(const char *name)
{
	return strcmp(name, "execve") == 0 || strcmp(name, "execveat") == 0 ||
	       strcmp(name, "exit_group") == 0;
}

static int let_run(const struct record *r, scmp_filter_ctx filter, unsigned int index,
	const struct sluice_profile_entry *e)
{
	const struct sluice_profile *p = r->resolved;
	struct scmp_arg_cmp args[6];
	unsigned int n = 0;

	if (e->n_args > 6)
		return 0;
	while (n < e->n_args && sluice_profile_arg(p, index, n, &args[n]) == 0)
		n++;
	/* What libseccomp cannot say in one rule stays slow. */
	if (n != e->n_args || doubled(args, n))
		return 0;
	for (unsigned int k = 0; k < e->n_names; k++) {
		int rc, nr = seccomp_syscall_resolve_name(e->names[k]);

		if (nr < 0 || !cli_live_only_allowed(p, e->names[k]) ||
			(r->recording.programs && marks(e->names[k])) ||
			(r->options->paths && paths_use_of(e->names[k])))
			continue;
		rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, nr, n, args);
		if (rc && rc != -EEXIST)
			return rc;
	}
	return 0;
}

static scmp_filter_ctx make_filter(const struct record *r)
{
	_cleanup_(cli_filter_releasep) scmp_filter_ctx filter = cli_live_notify_all();
	struct sluice_profile_entry e = {.size = sizeof(e)};
	int rc = filter ? 0 : -ENOMEM;

	for (unsigned int i = 0;
		!rc && r->resolved && sluice_profile_entry(r->resolved, i, &e) == 0; i++)
		if (e.action == SCMP_ACT_ALLOW)
			rc = let_run(r, filter, i, &e);
	if (rc) {
		cli_error(r->cli, "cannot make the filter: %s", strerror(-rc));
		return NULL;
	}
	return steal_ptr(filter);
}

/* ---- the profile
 * -------------------------------------------------------------------------- */

static int read_base(struct record *r)
{
	_cleanup_(cli_program_freep) struct sluice_program *program = NULL;
	struct cli_target_lists lists;
	struct sluice_target target;
	const char *file = r->options->merge;
	int rc;

	if (!file)
		return r->options->diff_fail
			       ? cli_error(r->cli, "--diff-fail needs the profile to "
						   "compare with: --merge FILE")
			       : 0;
	rc = cli_filter_or_profile(r->cli, &r->options->target, file, &program, &r->base);
	if (rc)
		return rc;
	if (!r->base)
		return cli_error_at(file, 0, 0, "found a filter, expected a profile");
	if (sluice_profile_default(r->base) == SCMP_ACT_ALLOW)
		return cli_error_at(file, 0, 0,
			"it allows what it does not name: there is nothing to record");
	if (cli_target_fill(r->cli, &r->options->target, file, &lists, &target))
		return CLI_TROUBLE;
	rc = sluice_profile_resolve(r->base, &target, &r->resolved);
	return rc ? cli_error_at(file, 0, 0, "%s", strerror(-rc)) : 0;
}

/* Words of the command line, as far as they fit. */
static void join(const struct cli *cli, char *out, size_t size)
{
	size_t at = 0;

	*out = 0;
	for (int i = 0; i < cli->argc && at < size - 1; i++) {
		int n = snprintf(out + at, size - at, "%s%s", i ? " " : "", cli->argv[i]);

		at += n < 0 ? 0 : (size_t)n;
	}
	if (at >= size)
		memcpy(out + size - 4, "...", 4);
}

/* Where the entries come from: command, machine, time. */
static void provenance(const struct cli *cli, char *out, size_t size)
{
	time_t now = time(NULL);
	char command[200], when[32] = "";
	struct utsname u;
	struct tm tm;

	join(cli, command, sizeof(command));
	if (gmtime_r(&now, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (uname(&u))
		memset(&u, 0, sizeof(u));
	snprintf(out, size,
		"recorded (sluice " SLUICE_VERSION_TEXT "): %s; %s %s %s; %s %s; %s",
		command, u.sysname, u.release, u.machine, LIBC, when);
}

static int write_profile(struct record *r, const struct recorded_list *list)
{
	_cleanup_free_ char *text = NULL;
	enum sluice_profile_form form = SLUICE_FORM_DOCKER; /* which has comments */
	char what[512];
	size_t size;
	int rc = 0;

	provenance(r->cli, what, sizeof(what));
	if (!r->base)
		rc = sluice_profile_new(SCMP_ACT_ERRNO(EPERM), &r->base);
	else if (sluice_profile_form(r->base) != SLUICE_FORM_OCI)
		form = SLUICE_FORM_ANY;
	if (!rc)
		rc = recorded_write(list, &r->recording, what, r->base);
	if (!rc)
		rc = sluice_profile_write(r->base, form, &text, &size);
	if (rc)
		return cli_error(r->cli, "cannot make the profile: %s", strerror(-rc));
	return cli_write_file(r->cli, r->options->output, text, size);
}

/* ---- the table
 * ------------------------------------------------------------------------------ */

static unsigned int count(const struct recorded_list *list, bool seen)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < list->n; i++)
		n += (list->calls[i].count > 0) == seen && !list->calls[i].known;
	return n;
}

static void print_added(const struct recorded_list *list)
{
	for (uint32_t i = 0; i < list->n; i++) {
		const struct recorded *c = &list->calls[i];

		if (!c->count && !c->known)
			fprintf(stderr, "%10s  %-24s %s: %s\n", "added", c->name, c->kind,
				c->reason);
	}
}

static bool listed(
	const struct record *r, const struct recorded_list *list, const char *name)
{
	if (r->resolved && recorded_allows(r->resolved, name))
		return true;
	for (uint32_t i = 0; i < list->n; i++)
		if (strcmp(list->calls[i].name, name) == 0)
			return true;
	return false;
}

/* The program chooses the names of its files. */
static void print_row(const char *what, const char *name, const char *file)
{
	_cleanup_free_ char *text = strdup(file);

	if (text)
		cli_printable_line(text);
	fprintf(stderr, "%10s  %-24s %s\n", what, name, text ? text : "");
}

/* Calls of the machine's own ABI that the programs can make, and did not; and how many
 * they cannot make. */
static void print_possible(const struct record *r, const struct recorded_list *list)
{
	_cleanup_free_ struct possible *p = calloc(1, sizeof(*p));
	unsigned int possible = 0, impossible = 0, it = 0;
	const char *name;

	if (!p) {
		cli_error(r->cli, "%s", strerror(ENOMEM));
		return;
	}
	for (uint32_t i = 0; i < r->recording.n_exes; i++)
		possible_add(r->cli, r->recording.exes[i], p);
	while ((name = sluice_call_next(SCMP_ARCH_NATIVE, &it))) {
		int nr = seccomp_syscall_resolve_name(name);

		if (nr < 0 || nr >= POSSIBLE_MAX || listed(r, list, name))
			continue;
		possible += p->by[nr] != NULL;
		impossible += !p->by[nr];
		if (p->by[nr] && !r->options->quiet)
			print_row("possible", name, p->by[nr]);
	}
	fprintf(stderr, "%u possible and never made, %s%u impossible, by %u program%s\n",
		possible, p->more ? "at most " : "", impossible, r->recording.n_exes,
		r->recording.n_exes == 1 ? "" : "s");
	if (p->more)
		cli_warn(r->cli, "some calls and objects are known at run time only: see "
				 "sluice calls PROGRAM");
}

static void print_unnamed(const struct record *r)
{
	uint32_t first = r->recording.n_named, n = r->recording.n - first;

	for (uint32_t i = 0; i < n && i < UNNAMED; i++) {
		const struct seen *s = &r->recording.seen[first + i];

		cli_warn(r->cli,
			"number %d of architecture 0x%" PRIx32 " was called %" PRIu64
			" times; it has no name and is not in the profile",
			s->nr, s->arch, s->count);
	}
	if (n > UNNAMED)
		cli_warn(r->cli, "the same for %" PRIu32 " more numbers without a name",
			n - UNNAMED);
}

static void print_table(const struct record *r, const struct recorded_list *list)
{
	unsigned int fresh = count(list, true), added = count(list, false);

	if (!r->options->quiet) {
		fprintf(stderr, "%10s  %-24s %s\n", "calls", "name", "first made by");
		for (uint32_t i = 0; i < list->n; i++) {
			const struct recorded *c = &list->calls[i];

			if (c->count)
				fprintf(stderr, "%10" PRIu64 "%s %-24s %s\n", c->count,
					c->known || !r->options->merge ? " " : "+",
					c->name, c->by ? c->by : "(start)");
		}
		print_added(list);
	}
	fprintf(stderr,
		"%" PRIu64 " calls noted, %u different%s; %u added that belong to them\n",
		r->recording.total, fresh, r->options->merge ? " and new" : "", added);
	if (r->options->possible)
		print_possible(r, list);
	print_unnamed(r);
}

static int finish(struct record *r, int status)
{
	_cleanup_(recorded_clear) struct recorded_list list = {0};
	int rc = r->recording.failed;

	cli_progress_end(r->cli);
	recording_sort(&r->recording);
	if (!rc)
		rc = recorded_make(&r->recording, r->resolved, r->options->exact, &list);
	if (rc)
		return cli_error(
			r->cli, "not everything could be noted: %s", strerror(-rc));
	print_table(r, &list);
	rc = write_profile(r, &list);
	if (!rc && r->options->paths)
		rc = paths_write(r->cli, &r->paths, r->options->paths, r->options->quiet);
	if (rc)
		return rc;
	return r->options->diff_fail && count(&list, true) ? CLI_NO : status;
}

/* One of the two documents would be lost, or both unreadable. */
static bool same_output(const char *a, const char *b)
{
	_cleanup_free_ char *x = NULL, *y = NULL;
	struct stat st;

	if (cli_to_stdout(a) || cli_to_stdout(b))
		return cli_to_stdout(a) && cli_to_stdout(b);
	if (stat(a, &st) == 0 && !S_ISREG(st.st_mode))
		return false;
	x = realpath(a, NULL);
	y = realpath(b, NULL);
	return strcmp(x ? x : a, y ? y : b) == 0;
}

static int check_outputs(struct cli *cli, const struct options *o)
{
	int rc;

	if (o->paths && same_output(o->output, o->paths))
		return cli_error(cli, "--output and --paths go to the same file");
	/* Before anything runs: what cannot be written is known at once. */
	rc = cli_writable(o->output);
	return !rc && o->paths ? cli_writable(o->paths) : rc;
}

static int run(struct cli *cli)
{
	_cleanup_(record_clear) struct record r = {
		.cli = cli, .options = cli->options, .native = seccomp_arch_native()};
	_cleanup_(cli_supervisor_freep) struct sluice_supervisor *supervisor = NULL;
	_cleanup_(cli_filter_releasep) scmp_filter_ctx filter = NULL;
	struct sluice_options wanted = SLUICE_OPTIONS_INIT;
	struct cli_live live = {.cli = cli, .tick = tick, .data = &r, .ruleset = -1};
	int status, rc = read_base(&r);

	if (!rc)
		rc = check_outputs(cli, r.options);
	if (!rc && r.options->paths && r.options->merge)
		rc = paths_read(&r.paths, r.options->paths);
	if (rc)
		return rc;
	if (r.options->possible && !possible_known())
		return cli_error(cli, "--static: this build lacks libcapstone");
	if (r.options->runtime)
		r.recording.runtime = runtime_names[r.options->runtime - 1];
	r.recording.args = r.options->args;
	r.recording.programs = r.options->possible;
	filter = make_filter(&r);
	if (!filter)
		return CLI_TROUBLE;
	wanted.receive_waits = true;
	rc = sluice_supervisor_new(&wanted, &supervisor);
	if (rc == 0)
		rc = sluice_on(supervisor, SCMP_ARCH_NATIVE, SLUICE_ANY, note, &r);
	if (rc)
		return cli_error(cli, "cannot supervise: %s", strerror(-rc));
	live.supervisor = supervisor;
	rc = cli_live_run(&live, filter, &status);
	return rc ? rc : finish(&r, status);
}

static const struct cli_option options[] = {
	{.letter = 'o',
		.name = "output",
		.value = "FILE",
		.type = CLI_STRING,
		.offset = offsetof(struct options, output),
		.word = CLI_WORD_FILE,
		.help = "write the profile to this file (default: standard output)"},
	{.name = "merge",
		.value = "FILE",
		.type = CLI_STRING,
		.offset = offsetof(struct options, merge),
		.word = CLI_WORD_FILE,
		.help = "extend this profile; calls that it allows are not stopped"},
	{.name = "args",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, args),
		.help = "allow calls only with the constants that were seen as "
			"arguments, if these are few"},
	{.name = "paths",
		.value = "FILE",
		.type = CLI_STRING,
		.offset = offsetof(struct options, paths),
		.word = CLI_WORD_FILE,
		.help = "write the files that the program used to this file, as a policy "
			"for "
			"sluice run --policy"},
	{.name = "for",
		.value = "RUNTIME",
		.type = CLI_CHOICE,
		.offset = offsetof(struct options, runtime),
		.word = CLI_WORD_CHOICE,
		.choices = runtime_names,
		.help = "also allow what this container runtime itself calls under the "
			"profile: runc or crun (default: none)"},
	{.name = "exact",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, exact),
		.help = "add only calls that were seen"},
	{.name = "static",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, possible),
		.help = "report calls that the programs can make, as their files say, "
			"and did not"},
	{.name = "diff-fail",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, diff_fail),
		.help = "exit with status 1 if a call is not in the profile of --merge"},
	{.letter = 'q',
		.name = "quiet",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, quiet),
		.help = "print no table and no progress; the summary is still printed"},
	CLI_TARGET_OPTIONS(struct options),
	CLI_OPTIONS_END,
};

static const struct cli_positional words[] = {
	CLI_PROGRAM_WORDS(.optional = false),
	CLI_WORDS_END,
};

static const struct cli_example examples[] = {
	{"sluice record -o true.json true", "make a profile from one run"},
	{"sluice record -q -o cat.json --paths cat.policy cat some",
		"record the files, too"},
	{"sluice record --merge true.json --diff-fail -o true.json true",
		"does it call anything new?"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_record = {
	.name = "record",
	.summary = "run a program and write a profile of its system calls",
	.options = options,
	.words = words,
	.examples = examples,
	.exits = {.yes = "the program exited with 0; else its own status, or 128+N "
			 "after signal N",
		.no = "with --diff-fail: a call was new; else the program's",
		.trouble =
			"the profile could not be made, and standard error says why; 126 "
			"or 127: the program could not be executed"},
	.options_size = sizeof(struct options),
	.options_first = true,
	.own_status = true,
	.run = run,
};
