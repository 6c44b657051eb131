/* --help, from the tables.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "cli.h"

#define COLUMNS 80

const struct cli_command *cli_command_by_name(const char *name)
{
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

void cli_option_text(const struct cli_option *o, char *buf, size_t size)
{
	char letter[8] = "";

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	snprintf(buf, size, "%s--%s%s%s", letter, o->name, o->value ? "=" : "",
		o->value ? o->value : "");
}

void cli_usage(const struct cli_command *command, FILE *out)
{
	const struct cli_positional *w = command->words;
	unsigned int open = 0;

	fprintf(out, "sluice %s [OPTION]...", command->name);
	for (; w && w->name; w++) {
		fprintf(out, w->optional ? " [%s" : " %s", w->name);
		open += w->optional;
		if (w->repeated)
			fputs("...", out);
	}
	while (open--)
		putc(']', out);
}

/* @text from @column on, wrapped. */
static void wrap(const char *text, unsigned int column, FILE *out)
{
	unsigned int at = column;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (at > column && at + 1 + n > COLUMNS) {
			fprintf(out, "\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			putc(' ', out);
			at++;
		}
		fwrite(text, 1, n, out);
		at += (unsigned int)n;
		text += n;
		text += strspn(text, " ");
	}
	putc('\n', out);
}

static void entry(const char *left, const char *right, unsigned int column, FILE *out)
{
	int width = (int)column - 2;

	if ((int)strlen(left) > width - 2)
		fprintf(out, "  %s\n%*s", left, (int)column, "");
	else
		fprintf(out, "  %-*s", width, left);
	wrap(right, column, out);
}

static void exits(const struct cli_command *command, FILE *out)
{
	const struct cli_exits *e = &command->exits;

	fputs("\nExit status:\n", out);
	if (e->yes)
		entry("0", e->yes, 6, out);
	if (e->no)
		entry("1", e->no, 6, out);
	if (e->trouble)
		entry("2", e->trouble, 6, out);
}

void cli_help_command(const struct cli_command *command, FILE *out)
{
	const struct cli_positional *w = command->words;
	const struct cli_example *e = command->examples;
	const struct cli_option *o;
	char left[128];

	fputs("Usage: ", out);
	cli_usage(command, out);
	fprintf(out, "\n%s\n", command->summary);
	if (w && w->name)
		fputs("\nArguments:\n", out);
	for (; w && w->name; w++)
		entry(w->name, w->help, 24, out);
	fputs("\nOptions:\n", out);
	for (unsigned int i = 0; (o = cli_option_at(command, i)); i++) {
		cli_option_text(o, left, sizeof(left));
		entry(left, o->help, 24, out);
	}
	exits(command, out);
	if (e && e->command)
		fputs("\nExamples:\n", out);
	for (; e && e->command; e++)
		fprintf(out, "  %s\n      # %s\n", e->command, e->what);
	fprintf(out, "\nThe manual page is sluice-%s(1).\n", command->name);
}

void cli_help(FILE *out)
{
	fputs("Usage: sluice COMMAND [OPTION]... [ARGUMENT]...\n"
	      "seccomp filters, profiles and supervisors\n\nCommands:\n",
		out);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		entry((*c)->name, (*c)->summary, 16, out);
	fputs("\nsluice COMMAND --help says what a command takes; so does sluice help "
	      "COMMAND.\nOptions of sluice itself:\n",
		out);
	entry("-h, --help", "print help and exit", 20, out);
	entry("--version", "print the version and exit", 20, out);
	fputs("\nThe manual page is sluice(1).\n", out);
}
