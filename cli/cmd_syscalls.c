/* sluice syscalls: names, numbers, prototypes, kernels and groups.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <seccomp.h>
#include <sluice-calls.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "input.h"
#include "util/cleanup.h"

struct options {
	const char *arch, *since, *group, *profile;
	bool names, architectures, groups;
};

static int version(struct cli *cli, const char *text, unsigned int *out)
{
	*out = cli_kernel_version(text);
	return *out ? 0 : cli_error(cli, "\"%s\" is no version of Linux: 6.8", text);
}

static void print_prototype(const struct sluice_call_info *c)
{
	bool first = true;

	printf("%s(", c->name);
	for (unsigned int i = 0; i < c->n_args; i++) {
		const struct sluice_arg_info *a = &c->args[i];
		const char *half = a->part == SLUICE_PART_LOW	 ? ".lo"
				   : a->part == SLUICE_PART_HIGH ? ".hi"
								 : "";
		size_t n = strlen(a->ctype);

		if (a->part == SLUICE_PART_PAD)
			printf("%spad", first ? "" : ", ");
		else
			printf("%s%s%s%s%s", first ? "" : ", ", a->ctype,
				n && a->ctype[n - 1] == '*' ? "" : " ", a->name, half);
		first = false;
	}
	fputs(c->has_prototype ? first ? "void)" : ")" : "?)", stdout);
}

static void print_since(unsigned int since, char buf[16])
{
	if (since)
		snprintf(buf, 16, "%u.%u", since >> 16, since & 0xffff);
	else
		snprintf(buf, 16, "-");
}

static void print_line(const struct sluice_call_info *c)
{
	char since[16];

	print_since(c->since, since);
	printf("%5d %-6s ", c->nr, since);
	print_prototype(c);
	putchar('\n');
}

static void print_groups(const struct sluice_call_info *c)
{
	const char *name;

	fputs("  groups:", stdout);
	for (unsigned int i = 0; (name = sluice_group_at(i)); i++)
		if (c->groups >> i & 1)
			printf(" %s", name);
	putchar('\n');
}

/* Everything about one call: its prototype, groups, and number where there is one. */
static void print_call(const struct sluice_call_info *c)
{
	const struct cli_arch *a;
	char since[16];

	print_prototype(c);
	putchar('\n');
	print_groups(c);
	for (unsigned int i = 0; (a = cli_arch_at(i)); i++) {
		struct sluice_call_info other = {.size = sizeof(other)};

		if (sluice_call_info(a->token, c->name, &other) < 0)
			continue;
		print_since(other.since, since);
		if (other.nr < 0)
			printf("  %-12s through a multiplexer, since %s\n", a->name,
				since);
		else
			printf("  %-12s %d, since %s\n", a->name, other.nr, since);
	}
}

static void json_call(struct cli_json *j, const struct sluice_call_info *c)
{
	const char *name;
	char since[16];

	print_since(c->since, since);
	cli_json_object(j, NULL);
	cli_json_string(j, "name", c->name);
	cli_json_number(j, "nr", c->nr);
	cli_json_string(j, "since", c->since ? since : NULL);
	cli_json_array(j, "arguments");
	for (unsigned int i = 0; i < c->n_args; i++) {
		cli_json_object(j, NULL);
		cli_json_string(j, "name", c->args[i].name);
		cli_json_string(j, "type", c->args[i].ctype);
		cli_json_number(j, "bits", c->args[i].bits);
		cli_json_string(j, "constants", c->args[i].set);
		cli_json_end(j);
	}
	cli_json_end(j);
	cli_json_array(j, "groups");
	for (unsigned int i = 0; (name = sluice_group_at(i)); i++)
		if (c->groups >> i & 1)
			cli_json_string(j, NULL, name);
	cli_json_end(j);
	cli_json_end(j);
}

struct wanted {
	const struct cli_arch *arch;
	unsigned int since;
	uint64_t groups;		      /* 0: any */
	const struct sluice_profile *profile; /* what it names is left out */
};

static void profile_freep(struct sluice_profile **p)
{
	sluice_profile_free(*p);
}

static bool named(const struct sluice_profile *p, const char *name)
{
	struct sluice_profile_entry e = {.size = sizeof(e)};

	for (unsigned int i = 0; sluice_profile_entry(p, i, &e) == 0; i++)
		for (unsigned int k = 0; k < e.n_names; k++)
			if (strcmp(e.names[k], name) == 0)
				return true;
	return false;
}

static bool matches(const struct wanted *w, const struct sluice_call_info *c)
{
	return (!w->since || c->since >= w->since) &&
	       (!w->groups || (c->groups & w->groups)) &&
	       !(w->profile && named(w->profile, c->name));
}

/* A call as one that a list has. */
static void print_listed(
	const struct cli *cli, struct cli_json *j, const struct sluice_call_info *c)
{
	const struct options *o = cli->options;

	if (cli->json)
		json_call(j, c);
	else if (o->names)
		puts(c->name);
	else
		print_line(c);
}

static int list(struct cli *cli, const struct wanted *w)
{
	struct cli_json j = CLI_JSON(stdout);
	unsigned int iterator = 0;
	const char *name;
	bool any = false;

	if (cli->json)
		cli_json_array(&j, NULL);
	while ((name = sluice_call_next(w->arch->token, &iterator))) {
		struct sluice_call_info c = {.size = sizeof(c)};

		if (sluice_call_info(w->arch->token, name, &c) < 0 || !matches(w, &c))
			continue;
		any = true;
		print_listed(cli, &j, &c);
	}
	if (cli->json)
		cli_json_end(&j);
	return any ? CLI_YES : CLI_NO;
}

/* A call by name or number: its information, or CLI_TROUBLE, said. */
static int find(struct cli *cli, const struct cli_arch *arch, const char *text,
	struct sluice_call_info *c)
{
	const char *near;
	char *end;
	long nr;

	errno = 0;
	nr = strtol(text, &end, 0);
	if (end != text && !*end) {
		if (!errno && nr >= INT_MIN && nr <= INT_MAX &&
			sluice_call_info_nr(arch->token, (int)nr, c) == 0)
			return 0;
		return cli_error(cli, "%s has no call with number %s", arch->name, text);
	}
	if (sluice_call_info(arch->token, text, c) == 0)
		return 0;
	near = cli_nearest_call(text, arch->token);
	if (near)
		return cli_error(cli, "%s has no call \"%s\" (did you mean \"%s\"?)",
			arch->name, text, near);
	return cli_error(cli, "%s has no call \"%s\"", arch->name, text);
}

static int show(struct cli *cli, const struct wanted *w)
{
	const struct options *o = cli->options;
	struct cli_json j = CLI_JSON(stdout);
	bool any = false;
	int rc = 0;

	if (cli->json)
		cli_json_array(&j, NULL);
	for (int i = 0; rc == 0 && i < cli->argc; i++) {
		struct sluice_call_info c = {.size = sizeof(c)};

		rc = find(cli, w->arch, cli->argv[i], &c);
		if (rc || !matches(w, &c))
			continue;
		any = true;
		if (cli->json || o->names)
			print_listed(cli, &j, &c);
		else
			print_call(&c);
	}
	if (cli->json)
		cli_json_end(&j);
	return rc ? rc : any ? CLI_YES : CLI_NO;
}

static void print_word(const struct cli *cli, struct cli_json *j, const char *word)
{
	if (cli->json)
		cli_json_string(j, NULL, word);
	else
		puts(word);
}

static int simple_lists(const struct cli *cli)
{
	const struct options *o = cli->options;
	struct cli_json j = CLI_JSON(stdout);
	const struct cli_arch *a;
	const char *name;

	if (cli->json)
		cli_json_array(&j, NULL);
	if (o->architectures)
		for (unsigned int i = 0; (a = cli_arch_at(i)); i++)
			print_word(cli, &j, a->name);
	if (o->groups)
		for (unsigned int i = 0; (name = sluice_group_at(i)); i++)
			print_word(cli, &j, name);
	if (cli->json)
		cli_json_end(&j);
	return CLI_YES;
}

static int run(struct cli *cli)
{
	_cleanup_(cli_program_freep) struct sluice_program *program = NULL;
	_cleanup_(profile_freep) struct sluice_profile *profile = NULL;
	const struct options *o = cli->options;
	struct wanted w = {0};
	int rc = cli_arch(cli, o->arch, &w.arch);

	if (rc == 0 && o->since)
		rc = version(cli, o->since, &w.since);
	if (rc == 0 && o->group && sluice_group(o->group, &w.groups) < 0)
		rc = cli_error(
			cli, "there is no group \"%s\": --groups lists them", o->group);
	if (rc == 0 && o->profile)
		rc = cli_filter_or_profile(cli, NULL, o->profile, &program, &profile);
	if (rc == 0 && o->profile && !profile)
		rc = cli_error_at(cli_input_name(o->profile), 0, 0,
			"found a filter, which names no calls, expected a profile");
	if (rc)
		return rc;
	w.profile = profile;
	if (o->architectures || o->groups)
		return simple_lists(cli);
	return cli->argc ? show(cli, &w) : list(cli, &w);
}

static const struct cli_option options[] = {
	CLI_CALL_ARCH_OPTION(
		struct options, "the architecture (default: this machine's)"),
	{.letter = 's',
		.name = "since",
		.value = "VERSION",
		.type = CLI_STRING,
		.offset = offsetof(struct options, since),
		.word = CLI_WORD_ANY,
		.help = "only calls that are new in this version of Linux or later"},
	{.letter = 'g',
		.name = "group",
		.value = "GROUP",
		.type = CLI_STRING,
		.offset = offsetof(struct options, group),
		.word = CLI_WORD_ANY,
		.help = "only calls of a group: @network-io, file"},
	{.letter = 'p',
		.name = "profile",
		.value = "FILE",
		.type = CLI_STRING,
		.offset = offsetof(struct options, profile),
		.word = CLI_WORD_FILE,
		.help = "only calls that this profile does not name"},
	{.letter = 'n',
		.name = "names",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, names),
		.help = "print only the names"},
	{.name = "architectures",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, architectures),
		.help = "print the names of all architectures"},
	{.name = "groups",
		.type = CLI_FLAG,
		.offset = offsetof(struct options, groups),
		.help = "print the names of all groups"},
	CLI_OPTIONS_END,
};

static const struct cli_positional words[] = {
	{.name = "CALL",
		.help = "a name or a number; all calls if none is given",
		.word = CLI_WORD_CALL,
		.optional = true,
		.repeated = true},
	CLI_WORDS_END,
};

static const struct cli_example examples[] = {
	{"sluice syscalls openat2", "its arguments, groups and numbers"},
	{"sluice syscalls --since 6.10", "the newest calls"},
	{"sluice syscalls --since 6.17 --profile web.json",
		"new calls that a profile does not name"},
	{"sluice syscalls --names --group @clock", "the members of a group"},
	{NULL, NULL},
};

const struct cli_command cli_cmd_syscalls = {
	.name = "syscalls",
	.summary = "list system calls: numbers, arguments, kernels, groups",
	.options = options,
	.words = words,
	.examples = examples,
	.exits = {.yes = "the calls were printed",
		.no = "no call matches",
		.trouble = "there is no such call, architecture, group or version"},
	.options_size = sizeof(struct options),
	.reports = true,
	.run = run,
};
