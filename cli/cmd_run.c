/* sluice run: run a program under a profile.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "confine.h"
#include "filter.h"
#include "live.h"
#include "policy/policy.h"
#include "profile.h"
#include "refusing.h"
#include "util/cleanup.h"

struct options {
	struct cli_target target;
	const char *profile, *policy, *preset, *presets, *errnum, *output;
	struct cli_list ro, rw, exec, hide, sockets, connect, bind, allow, deny, log, limit, ask, mknod, mount;
	uint64_t ask_timeout;
	bool plan, why, best_effort, fake_root;
};

/* ---- what flags say -----------------------------------------------------------------
 */

static int add_paths(struct policy *p, const struct cli_list *list,
	enum policy_access access, const char *where)
{
	int rc = 0;

	for (unsigned int i = 0; i < list->n && !rc; i++)
		rc = policy_add_path(p, access, list->items[i], where);
	return rc;
}

static int add_calls(struct policy *p, const struct cli_list *list,
	enum policy_verdict verdict, const char *where)
{
	int rc = 0;

	for (unsigned int i = 0; i < list->n && !rc; i++)
		rc = policy_add_call(p, verdict, list->items[i], where);
	return rc;
}

static int add_grants(struct policy *p, const struct cli_list *list, enum policy_gift gift,
	const char *where)
{
	int rc = 0;

	for (unsigned int i = 0; i < list->n && !rc; i++)
		rc = policy_add_grant(p, gift, list->items[i], where);
	return rc;
}

static int read_flags(struct policy *p, const struct options *o)
{
	int rc = add_paths(p, &o->ro, POLICY_READ, "--ro");

	rc = rc ? rc : add_paths(p, &o->rw, POLICY_WRITE, "--rw");
	rc = rc ? rc : add_paths(p, &o->exec, POLICY_EXECUTE, "--exec");
	rc = rc ? rc : add_paths(p, &o->hide, POLICY_HIDE, "--hide");
	rc = rc ? rc : add_paths(p, &o->sockets, POLICY_SOCKET, "--unix");
	rc = rc ? rc : add_calls(p, &o->allow, POLICY_ALLOW, "--allow");
	rc = rc ? rc : add_calls(p, &o->deny, POLICY_DENY, "--deny");
	rc = rc ? rc : add_calls(p, &o->log, POLICY_LOG, "--log");
	rc = rc ? rc : add_calls(p, &o->ask, POLICY_ASK, "--ask");
	for (unsigned int i = 0; i < o->limit.n && !rc; i++)
		rc = policy_add_limit(p, o->limit.items[i], "--limit");
	if (!rc && o->ask_timeout)
		rc = policy_set_ask_seconds(p, o->ask_timeout, "--ask-timeout");
	rc = rc ? rc : add_grants(p, &o->mknod, POLICY_NODE, "--mknod");
	rc = rc ? rc : add_grants(p, &o->mount, POLICY_MOUNT, "--mount");
	if (!rc && o->fake_root)
		rc = policy_add_grant(p, POLICY_ROOT, "", "--fake-root");
	for (unsigned int i = 0; i < o->connect.n && !rc; i++)
		rc = policy_add_connect(p, o->connect.items[i], "--connect");
	for (unsigned int i = 0; i < o->bind.n && !rc; i++)
		rc = policy_add_bind(p, o->bind.items[i], "--bind");
	if (!rc && o->errnum)
		rc = policy_set_errno(p, o->errnum, "--errno");
	return rc;
}

/* ---- the program --------------------------------------------------------------------
 */

static int supervise(
	struct confine *c, struct policy *p, const struct policy_plan *plan)
{
	_cleanup_(cli_supervisor_freep) struct sluice_supervisor *supervisor = NULL;
	struct sluice_options options = SLUICE_OPTIONS_INIT;
	struct cli_live live = {.cli = c->cli, .ruleset = c->ruleset, .confines = true};
	struct sock_fprog program;
	int status = 0, rc = confine_merge(c, &program);

	if (rc)
		return rc;
	options.workers = 64; /* so many connections may be waited for at once */
	options.forbid_continue = !plan->limits && !plan->asks && !plan->made;
	rc = sluice_supervisor_new(&options, &supervisor);
	if (rc == 0)
		rc = policy_answer(p, plan, supervisor);
	if (rc) {
		rc = cli_error(c->cli, "cannot supervise: %s", strerror(-rc));
	} else {
		live.supervisor = supervisor;
		live.program = &program;
		rc = cli_live_run(&live, NULL, &status);
	}
	free(program.filter);
	return rc ? rc : status;
}

/* Under the profile, and the policy's filter, without loading them. */
static int explain(struct confine *c, const struct options *o)
{
	_cleanup_(refusing_clear) struct refusing w = {.cli = c->cli,
		.live = {.cli = c->cli, .ruleset = c->ruleset},
		.alone = c->policy.len ? c->profile : NULL,
		.refusals = {.file = o->profile}};
	struct sock_fprog merged = {0};
	int rc = refusing_open(&w, o->output);

	if (rc)
		return rc;
	w.profile = steal_ptr(c->source);
	w.refusals.profile = w.profile;
	if (!w.alone) {
		w.program = steal_ptr(c->profile);
		return refusing_close(&w, o->output, refusing_run(&w));
	}
	rc = confine_merge(c, &merged);
	if (rc == 0)
		rc = sluice_program_new(merged.filter, merged.len, &w.program, NULL);
	free(merged.filter);
	if (rc < 0)
		return cli_error(c->cli, "%s", strerror(-rc));
	return rc ? rc : refusing_close(&w, o->output, refusing_run(&w));
}

static int prepare(struct confine *c, struct policy *p, const struct options *o)
{
	int rc = o->preset ? policy_preset(p, o->presets, o->preset) : 0;

	if (rc == 0 && o->policy)
		rc = policy_read(p, o->policy);
	if (rc == 0)
		rc = read_flags(p, o);
	if (rc == 0 && o->profile)
		rc = confine_profile(c, &o->target, o->profile);
	return rc;
}

static int run(struct cli *cli)
{
	_cleanup_(confine_clear) struct confine c = {.cli = cli, .ruleset = -1};
	_cleanup_(policy_clear) struct policy p = {.cli = cli};
	const struct options *o = cli->options;
	struct policy_plan plan;
	int rc = prepare(&c, &p, o);

	if (rc == 0 && !o->plan)
		rc = policy_own_mounts(&p);
	if (rc == 0)
		rc = policy_make_plan(&p, o->best_effort, &plan);
	if (rc)
		return rc;
	if (!plan.any && !p.n_calls && !p.n_grants && !c.profile)
		return cli_error(cli, "nothing to hold the program to: -p PROFILE, "
				      "--policy FILE, or rules");
	if (!o->why && (o->output || cli->json))
		return cli_error(cli, "%s is for the report of --why",
			o->output ? "--output" : "--json");
	if (o->plan) {
		policy_print(&p, &plan, stdout);
		return 0;
	}
	if (!cli->argc)
		return cli_error(cli, "a program to run is missing");
	rc = policy_set_environment(&p);
	if (rc == 0)
		rc = policy_filter(&p, &plan, &c.policy);
	if (rc == 0)
		rc = policy_ruleset(&p, &plan, &c.ruleset);
	if (rc)
		return rc;
	c.hint = plan.files
			 ? ": is it in a folder of --ro or --exec, and its interpreter?"
			 : NULL;
	if (o->why && (!c.profile || policy_supervised(&plan)))
		return cli_error(cli, "--why explains a profile: give -p PROFILE, and no rules "
				      "that --plan has a supervisor for");
	if (o->why)
		return explain(&c, o);
	return policy_supervised(&plan) ? supervise(&c, &p, &plan) : confine_exec(&c);
}

#define FLAG_LIST(flag, member, words, kind, text)                                       \
	{                                                                                \
		.name = (flag), .value = (words), .type = CLI_LIST,                          \
		.offset = offsetof(struct options, member), .word = (kind), .help = (text)  \
	}
#define FLAG_TEXT(flag, member, words, kind, text)                                       \
	{                                                                                \
		.name = (flag), .value = (words), .type = CLI_STRING,                        \
		.offset = offsetof(struct options, member), .word = (kind), .help = (text)  \
	}

static const struct cli_option options[] = {
	{.letter = 'p',
		.name = "profile",
		.value = "PROFILE",
		.type = CLI_STRING,
		.offset = offsetof(struct options, profile),
		.word = CLI_WORD_FILTER,
		.help = "the calls that the program may make: a profile or a BPF file"},
	FLAG_TEXT("policy", policy, "FILE", CLI_WORD_FILE,
		"rules of a JSON file, in its object \"sluice\""),
	FLAG_TEXT("preset", preset, "NAME", CLI_WORD_ANY,
		"rules that come with sluice: compiler, tests or agent"),
	FLAG_TEXT("presets", presets, "FILE", CLI_WORD_FILE,
		"take the preset from this file"),
	FLAG_LIST("ro", ro, "PATH", CLI_WORD_FILE,
		"may read this file, or all files in this folder"),
	FLAG_LIST("rw", rw, "PATH", CLI_WORD_FILE,
		"may read, write, make and remove there"),
	FLAG_LIST("exec", exec, "PATH", CLI_WORD_FILE,
		"may execute and read there, and execute nowhere else; without it, what "
		"can be read can be executed"),
	FLAG_LIST("hide", hide, "PATH", CLI_WORD_FILE,
		"may not read this, though it lies in a folder of --ro or --exec"),
	FLAG_LIST("connect", connect, "HOST:PORT", CLI_WORD_ANY,
		"may connect there: a name, an address, ADDRESS/PREFIX or *, and a port "
		"or *; the word \"none\" forbids all connections"),
	FLAG_LIST("bind", bind, "PORT", CLI_WORD_ANY,
		"may listen on this TCP port; 0 is any free one"),
	FLAG_LIST("unix", sockets, "PATH", CLI_WORD_FILE,
		"may connect to this Unix socket, or to those in this folder"),
	FLAG_LIST("allow", allow, "CALL", CLI_WORD_CALL,
		"may make this call, though --deny has it in a group"),
	FLAG_LIST("deny", deny, "CALL", CLI_WORD_CALL,
		"may not make this call, or those of a group such as @clock"),
	FLAG_LIST("log", log, "CALL", CLI_WORD_CALL,
		"the kernel logs this call, and lets it happen"),
	FLAG_LIST("limit", limit, "CALL=N/s", CLI_WORD_ANY,
		"may make this call N times a second (/m: a minute, /h: an hour); then it "
		"fails with EAGAIN, or with the errno behind a colon"),
	FLAG_LIST("ask", ask, "CALL", CLI_WORD_CALL,
		"ask on the terminal before this call; connect: before connections that no "
		"--connect allows"),
	{.name = "ask-timeout",
		.value = "SECONDS",
		.type = CLI_NUMBER,
		.offset = offsetof(struct options, ask_timeout),
		.word = CLI_WORD_ANY,
		.help = "no answer for this time is no (default: 30)"},
	FLAG_LIST("mknod", mknod, "DEVICE", CLI_WORD_ANY,
		"may make this device node in folders of --rw: null, zero, full, random, "
		"urandom, tty or whiteout; needs root"),
	FLAG_LIST("mount", mount, "TYPE", CLI_WORD_ANY,
		"may mount file systems of this type below folders of --rw: tmpfs; needs "
		"CAP_SYS_ADMIN"),
	{.name = "fake-root",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, fake_root),
		.help = "tell the program that it is root; chown and setuid succeed and do "
			"nothing"},
	FLAG_TEXT("errno", errnum, "E", CLI_WORD_ANY,
		"the errno of calls that the filter or the supervisor refuses "
		"(default: EPERM)"),
	{.name = "plan",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, plan),
		.help = "say which mechanism enforces which rule, and run nothing"},
	{.name = "why",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, why),
		.help = "say at the end which calls were refused, by which rule, as sluice why "
			"does"},
	{.letter = 'o',
		.name = "output",
		.value = "FILE",
		.type = CLI_STRING,
		.offset = offsetof(struct options, output),
		.word = CLI_WORD_FILE,
		.help = "write the report of --why to this file (default: standard error)"},
	{.name = "best-effort",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, best_effort),
		.help = "run the program although this kernel cannot enforce every rule, "
			"and say what is missing"},
	CLI_TARGET_OPTIONS(struct options),
	CLI_OPTIONS_END,
};

static const struct cli_positional words[] = {
	CLI_PROGRAM_WORDS(.optional = true),
	CLI_WORDS_END,
};

static const struct cli_example examples[] = {
	{"sluice run -p true.json true", "run under the profile that record wrote"},
	{"sluice run --connect 127.0.0.0/8:443 --deny @clock --plan",
		"which mechanism enforces what?"},
	{"sluice run --ro / --rw open sh -c 'echo a > open/a; echo b > b'",
		"write in one folder only"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_run = {
	.name = "run",
	.summary = "run a program under a profile or a policy",
	.options = options,
	.words = words,
	.examples = examples,
	.exits = {.yes = "the program exited with 0; else its own status or signal "
			 "(with a supervisor: 128+N after signal N)",
		.trouble = "the program was not started, and standard error says why; "
			   "126 or 127: it could not be executed"},
	.options_size = sizeof(struct options),
	.reports = true,
	.options_first = true,
	.own_status = true,
	.run = run,
};
