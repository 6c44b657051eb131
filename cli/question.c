/* The call that a command line asks about, and the instructions that answer.
 * SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <seccomp.h>
#include <sluice-calls.h>
#include <string.h>

#include "filter.h"

/* Where a word stands for memory, the filter sees an address: this one. */
#define ADDRESS 0x1000

struct argument {
	const struct cli *cli;
	const struct cli_arch *arch;
	const char *call;
	const struct sluice_arg_info *info; /* NULL: nobody knows what it is */
};

/* The constants that an argument takes; NULL: it takes none. */
static const char *set_of(const struct sluice_arg_info *info)
{
	return info->type == SLUICE_ARG_SIGNAL ? "signal" : info->set;
}

static const char *set_name(const void *argument, unsigned int i)
{
	const struct argument *a = argument;
	const char *name = NULL;
	unsigned int at = 0;
	uint64_t value;

	do
		name = sluice_constant_next(a->arch->token, set_of(a->info), &at, &value);
	while (name && i--);
	return name;
}

/* A constant of the argument's set: flags, families, signals. */
static int constant(const struct argument *a, const char *name, uint64_t *out)
{
	const char *near;

	if (a->info->type == SLUICE_ARG_DIRFD && strcmp(name, "AT_FDCWD") == 0) {
		*out = (uint64_t)-100; /* linux/fcntl.h */
		return 0;
	}
	if (!set_of(a->info))
		return cli_error(a->cli, "\"%s\": %s of %s is a number", name,
			a->info->name, a->call);
	if (sluice_constant_value(a->arch->token, set_of(a->info), name, out) == 0)
		return 0;
	near = cli_nearest(name, set_name, a);
	if (near)
		return cli_error(a->cli,
			"\"%s\" is no constant of %s (did you mean \"%s\"?)", name,
			a->info->name, near);
	return cli_error(a->cli, "\"%s\" is no constant of %s", name, a->info->name);
}

static bool is_memory(const struct sluice_arg_info *info)
{
	switch (info->type) {
	case SLUICE_ARG_PATH:
	case SLUICE_ARG_STRING:
	case SLUICE_ARG_ADDRESS:
	case SLUICE_ARG_IN:
	case SLUICE_ARG_OUT:
	case SLUICE_ARG_INOUT:
	case SLUICE_ARG_SOCKADDR:
	case SLUICE_ARG_SOCKADDR_OUT:
	case SLUICE_ARG_IOVEC:
	case SLUICE_ARG_MSGHDR:
	case SLUICE_ARG_STRINGS:
	case SLUICE_ARG_ENVIRONMENT:
		return true;
	default:
		return false;
	}
}

static bool is_number(const char *text)
{
	return isdigit((unsigned char)text[*text == '-']);
}

/* "O_RDWR|O_CREAT|0x10" */
static int joined(const struct argument *a, const char *text, uint64_t *out)
{
	uint64_t all = 0;

	for (const char *s = text;; s++) {
		size_t n = strcspn(s, "|");
		char word[64];
		uint64_t value = 0;
		int rc;

		if (n == 0 || n >= sizeof(word))
			return cli_error(a->cli,
				"\"%s\" is no value of an argument: constants and "
				"numbers, with | between them",
				text);
		memcpy(word, s, n);
		word[n] = '\0';
		rc = is_number(word) ? cli_value(a->cli, word, &value)
				     : constant(a, word, &value);
		if (rc)
			return rc;
		all |= value;
		s += n;
		if (!*s)
			break;
	}
	*out = all;
	return 0;
}

static int argument_of_word(const struct argument *a, const char *text, uint64_t *out)
{
	if (!a->info || (is_number(text) && !strchr(text, '|')))
		return cli_value(a->cli, text, out);
	if (is_memory(a->info) && !set_of(a->info)) {
		*out = ADDRESS;
		return 0;
	}
	return joined(a, text, out);
}

int cli_call_of_words(const struct cli *cli, const char *arch_name,
	const struct cli_arch **found, struct seccomp_data *out)
{
	struct sluice_call_info info = {.size = sizeof(info)};
	struct argument a = {.cli = cli};
	struct seccomp_data d = {0};
	int nr, rc = cli_arch(cli, arch_name, &a.arch);
	bool known;

	if (rc == 0)
		rc = cli_call(cli, a.arch, cli->argv[1], &nr);
	if (rc)
		return rc;
	if (cli->argc > 8)
		return cli_error(cli, "a call has at most six arguments");
	known = sluice_call_info_nr(a.arch->token, nr, &info) == 0 && info.has_prototype;
	a.call = cli->argv[1];
	for (int i = 2; rc == 0 && i < cli->argc; i++) {
		uint64_t value = 0;

		a.info = known && i - 2 < (int)info.n_args &&
					 info.args[i - 2].part == SLUICE_PART_WHOLE
				 ? &info.args[i - 2]
				 : NULL;
		rc = argument_of_word(&a, cli->argv[i], &value);
		d.args[i - 2] = value;
	}
	if (rc)
		return rc;
	d.arch = a.arch->audit;
	d.nr = nr;
	d.instruction_pointer = out->instruction_pointer;
	*out = d;
	*found = a.arch;
	return 0;
}

void cli_path(const struct sluice_program *p, unsigned int filter,
	const struct seccomp_data *d, const char *indent, const char *head)
{
	uint32_t path[SLUICE_PROGRAM_MAX], verdict;
	size_t n = sluice_program_trace(p, filter, d, path, SLUICE_PROGRAM_MAX, &verdict);
	char text[128], comment[128], name[CLI_VERDICT_MAX];

	printf("filter %u: %zu %s, %s\n", filter, n, head, cli_verdict(verdict, name));
	for (size_t i = 0; i < n; i++) {
		sluice_program_text(p, filter, path[i], text, sizeof(text));
		if (sluice_program_comment(p, filter, path[i], comment, sizeof(comment)))
			printf("%s%04" PRIu32 ": %-32s # %s\n", indent, path[i], text,
				comment);
		else
			printf("%s%04" PRIu32 ": %s\n", indent, path[i], text);
	}
}
