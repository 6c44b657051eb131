/* Makes the manual pages: pages NAME.mdoc >PAGE. NAME is "sluice" or a command's.
 *
 * A page is a command's table and its prose: the file begins with the text of
 * DESCRIPTION, and its further sections (.Sh) follow what the table says of options and
 * exit status. Only the build runs this. SPDX-License-Identifier: MIT */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* groff 1.22 (Debian 12) titles pages "BSD General Commands Manual" without this. */
#define VOLUME ".ds doc-volume-operating-system sluice\n"

/* Text of mdoc: a backslash is "\e", a hyphen that is typed is "\-", and no line begins
 * with a dot or an apostrophe by accident. */
static void text(const char *s, FILE *out)
{
	if (*s == '.' || *s == '\'')
		fputs("\\&", out);
	for (; *s; s++) {
		if (*s == '\\')
			fputs("\\e", out);
		else if (*s == '-')
			fputs("\\-", out);
		else
			putc(*s, out);
	}
}

/* An argument of a macro: quoted. */
static void argument(const char *s, FILE *out)
{
	putc('"', out);
	for (; *s; s++) {
		if (*s == '"')
			fputs("\\(dq", out);
		else if (*s == '\\')
			fputs("\\e", out);
		else
			putc(*s, out);
	}
	putc('"', out);
}

static void head(const char *name, const char *summary, FILE *out)
{
	fputs(".\\\" SPDX-License-Identifier: MIT\n.\\\" Made from cli/cmd_*.c and "
	      "cli/*.mdoc.\n"
	      ".Dd " SLUICE_PAGES_DATE "\n" VOLUME ".Dt ",
		out);
	for (const char *p = name; *p; p++)
		putc(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p, out);
	fprintf(out, " 1\n.Os sluice " SLUICE_VERSION_TEXT "\n.Sh NAME\n.Nm %s\n.Nd ",
		name);
	text(summary, out);
	putc('\n', out);
}

static void flags(const struct cli_option *o, FILE *out)
{
	if (o->letter)
		fprintf(out, "Fl %c , ", o->letter);
	fprintf(out, "Fl \\-%s", o->name);
	if (o->value) {
		fputs(" Ns = Ns Ar ", out);
		argument(o->value, out);
	}
}

static void synopsis(const struct cli_command *c, FILE *out)
{
	const struct cli_positional *w = c->words;
	const struct cli_option *o;

	fprintf(out, ".Sh SYNOPSIS\n.Nm sluice %s\n", c->name);
	for (unsigned int i = 0; (o = cli_option_at(c, i)); i++) {
		fputs(".Op ", out);
		flags(o, out);
		putc('\n', out);
	}
	for (; w && w->name; w++) {
		fputs(w->optional ? ".Op Ar " : ".Ar ", out);
		argument(w->name, out);
		fputs(w->repeated ? " ...\n" : "\n", out);
	}
}

static void options(const struct cli_command *c, FILE *out)
{
	const struct cli_positional *w = c->words;
	const struct cli_option *o;

	fputs(".Pp\nThe options and arguments are:\n.Bl -tag -width Ds\n", out);
	for (; w && w->name; w++) {
		fputs(".It Ar ", out);
		argument(w->name, out);
		putc('\n', out);
		text(w->help, out);
		fputs(".\n", out);
	}
	for (unsigned int i = 0; (o = cli_option_at(c, i)); i++) {
		fputs(".It ", out);
		flags(o, out);
		putc('\n', out);
		text(o->help, out);
		fputs(".\n", out);
	}
	fputs(".El\n", out);
}

static void exits(const struct cli_command *c, FILE *out)
{
	const char *when[] = {c->exits.yes, c->exits.no, c->exits.trouble};

	fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n", out);
	for (int i = 0; i < 3; i++) {
		if (!when[i])
			continue;
		fprintf(out, ".It %d\n", i);
		text(when[i], out);
		fputs(".\n", out);
	}
	fputs(".El\n", out);
}

static void commands(FILE *out)
{
	fputs(".Pp\nThe commands are:\n.Bl -tag -width Ds\n", out);
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		fprintf(out, ".It Xr sluice-%s 1\n", (*c)->name);
		text((*c)->summary, out);
		fputs(".\n", out);
	}
	fputs(".El\n", out);
}

/* The prose, with what the table says between its first part and its sections. */
static int page(const struct cli_command *c, FILE *prose, FILE *out)
{
	char line[1024];
	bool done = false;

	fputs(".Sh DESCRIPTION\n", out);
	while (fgets(line, sizeof(line), prose)) {
		if (strncmp(line, ".\\\"", 3) == 0)
			continue;
		if (!done && strncmp(line, ".Sh ", 4) == 0) {
			if (c) {
				options(c, out);
				exits(c, out);
			} else {
				commands(out);
			}
			done = true;
		}
		fputs(line, out);
	}
	if (!done) {
		fputs("pages: the prose has no section, at least EXAMPLES is needed\n",
			stderr);
		return 1;
	}
	return ferror(prose) || fflush(out) ? 1 : 0;
}

static void whole(const struct cli_command *c, const char *name, FILE *out)
{
	char title[64];

	snprintf(title, sizeof(title), "sluice%s%s", c ? "-" : "", c ? name : "");
	head(title, c ? c->summary : "seccomp filters, profiles and supervisors", out);
	if (c)
		synopsis(c, out);
	else
		fputs(".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar option ...\n"
		      ".Op Ar argument ...\n.Nm\n.Fl \\-help | \\-version\n",
			out);
}

int main(int argc, char **argv)
{
	const struct cli_command *c = NULL;
	FILE *prose;
	char *name;
	int rc;

	if (argc != 2 || !(prose = fopen(argv[1], "re"))) {
		fputs("usage: pages NAME.mdoc\n", stderr);
		return 2;
	}
	name = basename(argv[1]);
	name[strcspn(name, ".")] = '\0';
	if (strcmp(name, "sluice") != 0) {
		c = cli_command_by_name(name);
		if (!c) {
			fprintf(stderr, "pages: there is no command %s\n", name);
			return 2;
		}
	}
	whole(c, name, stdout);
	rc = page(c, prose, stdout);
	fclose(prose);
	return rc;
}
