/* The command line against the tables.
 * SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

const char *const cli_color_choices[] = {"auto", "always", "never", NULL};

enum {
	COMMON_JSON,
	COMMON_COLOR,
	COMMON_HELP
};

/* The frame's own: their offset is one of these names, not a place in a command's
 * options. */
const struct cli_option cli_common_options[] = {
	[COMMON_JSON] = {.name = "json",
		.type = CLI_FLAG,
		.offset = COMMON_JSON,
		.help = "print the result as one JSON document"},
	[COMMON_COLOR] = {.name = "color",
		.value = "WHEN",
		.type = CLI_CHOICE,
		.offset = COMMON_COLOR,
		.word = CLI_WORD_CHOICE,
		.choices = cli_color_choices,
		.help = "use colours: auto (on a terminal, without NO_COLOR), always or "
			"never"},
	[COMMON_HELP] = {.letter = 'h',
		.name = "help",
		.type = CLI_FLAG,
		.offset = COMMON_HELP,
		.help = "print help and exit"},
	CLI_OPTIONS_END,
};

struct parse {
	struct cli *cli;
	char *options;
	int argc, at;
	char **argv;
	bool help;
	unsigned int color; /* of cli_color_choices, from 1 */
};

const struct cli_option *cli_option_at(const struct cli_command *command, unsigned int at)
{
	const struct cli_option *o = command->options;

	for (; o && o->name; o++)
		if (at-- == 0)
			return o;
	for (o = cli_common_options + !command->reports; o->name; o++)
		if (at-- == 0)
			return o;
	return NULL;
}

static bool is_common(const struct cli_option *o)
{
	return o >= cli_common_options && o <= cli_common_options + COMMON_HELP;
}

static const char *option_name(const void *command, unsigned int i)
{
	const struct cli_option *o = cli_option_at(command, i);

	return o ? o->name : NULL;
}

static const char *choice_name(const void *choices, unsigned int i)
{
	return ((const char *const *)choices)[i];
}

static const struct cli_option *by_name(
	const struct cli_command *command, const char *name, size_t length)
{
	const struct cli_option *o;

	for (unsigned int i = 0; (o = cli_option_at(command, i)); i++)
		if (strncmp(o->name, name, length) == 0 && !o->name[length])
			return o;
	return NULL;
}

static const struct cli_option *by_letter(const struct cli_command *command, char letter)
{
	const struct cli_option *o;

	for (unsigned int i = 0; (o = cli_option_at(command, i)); i++)
		if (o->letter == letter)
			return o;
	return NULL;
}

static int choose(
	struct parse *p, const struct cli_option *o, const char *value, unsigned int *out)
{
	const char *near;

	for (unsigned int i = 0; o->choices[i]; i++) {
		if (strcmp(o->choices[i], value) == 0) {
			*out = i + 1;
			return 0;
		}
	}
	near = cli_nearest(value, choice_name, o->choices);
	if (near) {
		cli_error(p->cli, "--%s: \"%s\" is no choice (did you mean \"%s\"?)",
			o->name, value, near);
	} else {
		char all[256] = "";

		for (unsigned int i = 0; o->choices[i]; i++) {
			size_t used = strlen(all);

			snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "",
				o->choices[i]);
		}
		cli_error(p->cli, "--%s: \"%s\" is no choice; there are: %s", o->name, value,
			all);
	}
	return -1;
}

static int number(
	struct parse *p, const struct cli_option *o, const char *value, uint64_t *out)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(value, &end, 0);
	if (errno || end == value || *end || !isdigit((unsigned char)*value)) {
		cli_error(p->cli, "--%s: \"%s\" is no number from 0 to 2^64-1", o->name,
			value);
		return -1;
	}
	*out = n;
	return 0;
}

static int add(struct parse *p, struct cli_list *list, const char *value)
{
	/* No command line holds more words than argc. */
	if (!list->items)
		list->items = calloc((size_t)p->argc + 1, sizeof(*list->items));
	if (!list->items) {
		cli_error(p->cli, "%s", strerror(ENOMEM));
		return -1;
	}
	list->items[list->n++] = value;
	return 0;
}

static int store_common(struct parse *p, const struct cli_option *o, const char *value)
{
	switch (o->offset) {
	case COMMON_JSON:
		p->cli->json = true;
		return 0;
	case COMMON_COLOR:
		return value ? choose(p, o, value, &p->color) : -1;
	default:
		p->help = true;
		return 0;
	}
}

static int store(struct parse *p, const struct cli_option *o, const char *value)
{
	void *to = p->options + o->offset;

	if (is_common(o))
		return store_common(p, o, value);
	switch (o->type) {
	case CLI_FLAG:
		*(bool *)to = true;
		return 0;
	case CLI_STRING:
		*(const char **)to = value;
		return 0;
	case CLI_LIST:
		return add(p, to, value);
	case CLI_NUMBER:
		return number(p, o, value, to);
	case CLI_CHOICE:
		return choose(p, o, value, to);
	}
	return -1;
}

/* The value of an option: behind it in its word, or the next word. */
static int take(struct parse *p, const struct cli_option *o, const char *rest)
{
	if (o->type == CLI_FLAG) {
		if (!rest)
			return store(p, o, NULL);
		cli_error(p->cli, "--%s takes no value", o->name);
		return -1;
	}
	if (!rest && p->at == p->argc) {
		cli_error(p->cli, "--%s needs a value: %s", o->name, o->value);
		return -1;
	}
	return store(p, o, rest ? rest : p->argv[p->at++]);
}

static int long_option(struct parse *p, const char *word)
{
	size_t length = strcspn(word, "=");
	const struct cli_option *o = by_name(p->cli->command, word, length);
	const char *near;
	char name[64];

	if (o)
		return take(p, o, word[length] ? word + length + 1 : NULL);
	snprintf(name, sizeof(name), "%.*s", (int)(length < 63 ? length : 63), word);
	near = cli_nearest(name, option_name, p->cli->command);
	if (near)
		cli_error(p->cli, "unknown option --%s (did you mean --%s?)", name, near);
	else
		cli_error(p->cli, "unknown option --%s", name);
	return -1;
}

static int letters(struct parse *p, const char *word)
{
	for (; *word; word++) {
		const struct cli_option *o = by_letter(p->cli->command, *word);

		if (!o) {
			cli_error(p->cli, "unknown option -%c", *word);
			return -1;
		}
		if (o->type != CLI_FLAG)
			return take(p, o, word[1] ? word + 1 : NULL);
		if (store(p, o, NULL) < 0)
			return -1;
	}
	return 0;
}

/* "-" is a file, and "-100" a number: of a descriptor, say. */
static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] && !isdigit((unsigned char)word[1]);
}

static int check_words(const struct cli *cli)
{
	const struct cli_positional *w = cli->command->words;
	int n = 0;

	for (; w && w->name; w++, n++) {
		if (n >= cli->argc && !w->optional) {
			cli_error(cli, "%s is missing: %s", w->name, w->help);
			return -1;
		}
		if (w->repeated)
			return 0;
	}
	if (cli->argc > n) {
		cli_error(cli, "\"%s\" is one word too many", cli->argv[n]);
		return -1;
	}
	return 0;
}

int cli_parse(struct cli *cli, const struct cli_command *command, int argc, char **argv,
	void *options)
{
	struct parse p = {.cli = cli, .options = options, .argc = argc, .argv = argv};
	int rc = 0;

	cli->command = command;
	cli->options = options;
	cli->argc = 0;
	cli->argv = argv; /* words move to the front: never past the one that is read */
	while (rc == 0 && p.at < argc) {
		char *word = argv[p.at++];

		if (strcmp(word, "--") == 0)
			break;
		if (!is_option(word)) {
			cli->argv[cli->argc++] = word;
			if (command->options_first)
				break;
		} else if (word[1] == '-') {
			rc = long_option(&p, word + 2);
		} else {
			rc = letters(&p, word + 1);
		}
		if (p.help)
			return 1;
	}
	while (rc == 0 && p.at < argc)
		cli->argv[cli->argc++] = argv[p.at++];
	if (p.color > 1)
		cli->color = p.color == 2;
	return rc < 0 ? rc : check_words(cli);
}

void cli_parse_free(const struct cli *cli, void *options)
{
	const struct cli_option *o = cli->command ? cli->command->options : NULL;

	for (; o && o->name; o++)
		if (o->type == CLI_LIST)
			free(((struct cli_list *)(void *)((char *)options + o->offset))
					->items);
}
