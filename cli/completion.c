/* Completion scripts of the shells, from the tables.
 * SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>

#include "cli.h"

const char *const cli_shells[] = {"bash", "zsh", "fish", NULL};

/* What a word can be, as shell code. Names of calls and architectures are asked of the
 * tool itself when they are needed: they change with it. */
#define CALLS  "$(sluice syscalls --names 2>/dev/null)"
#define ARCHES "$(sluice syscalls --architectures 2>/dev/null)"

static void choices(const char *const *words, FILE *out)
{
	for (unsigned int i = 0; words[i]; i++)
		fprintf(out, "%s%s", i ? " " : "", words[i]);
}

/* ---- bash ------------------------------------------------------------------------- */

static void bash_word(enum cli_word word, const char *const *list, FILE *out)
{
	switch (word) {
	case CLI_WORD_ANY:
		fputs(":", out);
		return;
	case CLI_WORD_FILE:
	case CLI_WORD_FILTER:
		fputs("compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))", out);
		return;
	case CLI_WORD_DIR:
		fputs("compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))", out);
		return;
	case CLI_WORD_PROGRAM:
		fputs("COMPREPLY=($(compgen -c -- \"$cur\"))", out);
		return;
	case CLI_WORD_PID:
		fputs("COMPREPLY=($(compgen -W \"$(cd /proc && echo [0-9]*)\" -- "
		      "\"$cur\"))",
			out);
		return;
	case CLI_WORD_CALL:
		fputs("COMPREPLY=($(compgen -W \"" CALLS "\" -- \"$cur\"))", out);
		return;
	case CLI_WORD_ARCH:
		fputs("COMPREPLY=($(compgen -W \"" ARCHES "\" -- \"$cur\"))", out);
		return;
	case CLI_WORD_CHOICE:
		fputs("COMPREPLY=($(compgen -W \"", out);
		choices(list, out);
		fputs("\" -- \"$cur\"))", out);
		return;
	}
}

/* Options with a value: what completes it. */
static void bash_values(const struct cli_command *c, FILE *out)
{
	const struct cli_option *o;

	for (unsigned int i = 0; (o = cli_option_at(c, i)); i++) {
		if (o->type == CLI_FLAG)
			continue;
		fprintf(out, "\t%s:--%s", c->name, o->name);
		if (o->letter)
			fprintf(out, "|%s:-%c", c->name, o->letter);
		fputs(")\n\t\t", out);
		bash_word(o->word, o->choices, out);
		fputs("; return ;;\n", out);
	}
}

static void bash_command(const struct cli_command *c, FILE *out)
{
	const struct cli_positional *w = c->words;
	const struct cli_option *o;
	unsigned int n = 0;

	fprintf(out, "\t%s:-*)\n\t\tCOMPREPLY=($(compgen -W \"", c->name);
	for (unsigned int i = 0; (o = cli_option_at(c, i)); i++) {
		fprintf(out, "%s--%s", i ? " " : "", o->name);
		if (o->letter)
			fprintf(out, " -%c", o->letter);
	}
	fputs("\" -- \"$cur\")) ;;\n", out);
	for (; w && w->name; w++) {
		fprintf(out, w->repeated ? "\t%s:*)\n\t\t" : "\t%s:%u)\n\t\t", c->name,
			n++);
		bash_word(w->word, w->choices, out);
		fputs(" ;;\n", out);
	}
}

static void bash(FILE *out)
{
	fputs("# bash completion of sluice; made by \"sluice completion bash\"\n"
	      "_sluice()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} "
	      "prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tlocal command=${COMP_WORDS[1]} i words=0\n\tCOMPREPLY=()\n"
	      "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\tCOMPREPLY=($(compgen -W \"help",
		out);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		fprintf(out, " %s", (*c)->name);
	fputs(" --help --version\" -- \"$cur\"))\n\t\treturn\n\tfi\n"
	      "\tif [ \"$command\" = help ]; then\n\t\tCOMPREPLY=($(compgen -W \"",
		out);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		fprintf(out, "%s%s", c == cli_commands ? "" : " ", (*c)->name);
	fputs("\" -- \"$cur\"))\n\t\treturn\n\tfi\n"
	      "\t# \"--name=value\" comes as three words.\n"
	      "\tif [ \"$cur\" = = ]; then\n\t\tcur=\n"
	      "\telif [ \"$prev\" = = ]; "
	      "then\n\t\tprev=${COMP_WORDS[COMP_CWORD-2]}\n\tfi\n"
	      "\tcase $command:$prev in\n",
		out);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		bash_values(*c, out);
	fputs("\tesac\n\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
	      "\t\tcase $command:${COMP_WORDS[i]} in\n",
		out);
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		const struct cli_option *o;

		for (unsigned int i = 0; (o = cli_option_at(*c, i)); i++)
			if (o->type != CLI_FLAG) {
				fprintf(out, "\t\t%s:--%s", (*c)->name, o->name);
				if (o->letter)
					fprintf(out, "|%s:-%c", (*c)->name, o->letter);
				fputs(") [ \"${COMP_WORDS[i+1]}\" = = ] && ((i++)); "
				      "((i++)) ;;\n",
					out);
			}
	}
	fputs("\t\t*:-*) ;;\n\t\t*) ((words++)) ;;\n\t\tesac\n\tdone\n"
	      "\tcase $command:$cur in\n\t*:-*) words=$cur ;;\n\tesac\n"
	      "\tcase $command:$words in\n",
		out);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		bash_command(*c, out);
	fputs("\tesac\n}\ncomplete -F _sluice sluice\n", out);
}

/* ---- zsh -------------------------------------------------------------------------- */

/* Text inside '...' of a specification of _arguments: colons and brackets mean something.
 */
static void zsh_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\'", out);
		else if (strchr(":[]\\", *text))
			putc('\\', out);
		putc(*text, out);
	}
}

static void zsh_word(enum cli_word word, const char *const *list, FILE *out)
{
	switch (word) {
	case CLI_WORD_ANY:
		fputs(" ", out);
		return;
	case CLI_WORD_FILE:
	case CLI_WORD_FILTER:
		fputs("_files", out);
		return;
	case CLI_WORD_DIR:
		fputs("_files -/", out);
		return;
	case CLI_WORD_PROGRAM:
		fputs("_command_names -e", out);
		return;
	case CLI_WORD_PID:
		fputs("_pids", out);
		return;
	case CLI_WORD_CALL:
		fputs("($(sluice syscalls --names 2>/dev/null))", out);
		return;
	case CLI_WORD_ARCH:
		fputs("($(sluice syscalls --architectures 2>/dev/null))", out);
		return;
	case CLI_WORD_CHOICE:
		putc('(', out);
		choices(list, out);
		putc(')', out);
		return;
	}
}

static void zsh_option(const struct cli_option *o, FILE *out)
{
	const char *more = o->type == CLI_LIST ? "*" : "";

	fputs(" \\\n\t\t\t", out);
	if (o->letter && o->type == CLI_LIST)
		fprintf(out, "'*'{-%c+,--%s=}", o->letter, o->name);
	else if (o->letter)
		fprintf(out, "'(-%c --%s)'{-%c%s,--%s%s}", o->letter, o->name, o->letter,
			o->value ? "+" : "", o->name, o->value ? "=" : "");
	else
		fprintf(out, "'%s--%s%s'", more, o->name, o->value ? "=" : "");
	fputs("'[", out);
	zsh_text(o->help, out);
	putc(']', out);
	if (o->value) {
		putc(':', out);
		zsh_text(o->value, out);
		putc(':', out);
		zsh_word(o->word, o->choices, out);
	}
	putc('\'', out);
}

static void zsh_command(const struct cli_command *c, FILE *out)
{
	const struct cli_positional *w = c->words;
	const struct cli_option *o;
	unsigned int n = 1;

	fprintf(out, "\t\t%s)\n\t\t_arguments -s -S", c->name);
	for (unsigned int i = 0; (o = cli_option_at(c, i)); i++)
		zsh_option(o, out);
	for (; w && w->name; w++, n++) {
		fputs(" \\\n\t\t\t'", out);
		if (w->repeated)
			putc('*', out);
		else
			fprintf(out, "%u", n);
		fputs(w->optional ? "::" : ":", out);
		zsh_text(w->name, out);
		putc(':', out);
		zsh_word(w->word, w->choices, out);
		putc('\'', out);
	}
	fputs(" ;;\n", out);
}

static void zsh(FILE *out)
{
	fputs("#compdef sluice\n# made by \"sluice completion zsh\"\n_sluice()\n{\n"
	      "\tlocal -a commands\n\tcommands=(\n\t\t'help:print help on a command'\n",
		out);
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		fprintf(out, "\t\t'%s:", (*c)->name);
		zsh_text((*c)->summary, out);
		fputs("'\n", out);
	}
	fputs("\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe command commands\n"
	      "\t\t_arguments '--help[print help and exit]' "
	      "'--version[print the version and exit]'\n\t\treturn\n\tfi\n"
	      "\tlocal command=$words[2]\n\tshift words\n\t(( CURRENT-- ))\n"
	      "\tcase $command in\n\t\thelp)\n\t\t_describe command commands ;;\n",
		out);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		zsh_command(*c, out);
	fputs("\tesac\n}\nif [ \"$funcstack[1]\" = _sluice ]; then\n\t_sluice "
	      "\"$@\"\nelse\n"
	      "\tcompdef _sluice sluice\nfi\n",
		out);
}

/* ---- fish ------------------------------------------------------------------------- */

static void fish_text(const char *text, FILE *out)
{
	putc('\'', out);
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			putc('\\', out);
		putc(*text, out);
	}
	putc('\'', out);
}

/* Arguments of complete(1) that tell what a word can be; -r (a value is needed) comes
 * first. */
static void fish_word(enum cli_word word, const char *const *list, FILE *out)
{
	switch (word) {
	case CLI_WORD_ANY:
		fputs(" -f", out);
		return;
	case CLI_WORD_FILE:
	case CLI_WORD_FILTER:
		fputs(" -F", out);
		return;
	case CLI_WORD_DIR:
		fputs(" -f -a '(__fish_complete_directories)'", out);
		return;
	case CLI_WORD_PROGRAM:
		fputs(" -f -a '(__fish_complete_command)'", out);
		return;
	case CLI_WORD_PID:
		fputs(" -f -a '(__fish_complete_pids)'", out);
		return;
	case CLI_WORD_CALL:
		fputs(" -f -a '(sluice syscalls --names 2>/dev/null)'", out);
		return;
	case CLI_WORD_ARCH:
		fputs(" -f -a '(sluice syscalls --architectures 2>/dev/null)'", out);
		return;
	case CLI_WORD_CHOICE:
		fputs(" -f -a '", out);
		choices(list, out);
		putc('\'', out);
		return;
	}
}

static void fish_command(const struct cli_command *c, FILE *out)
{
	const struct cli_positional *w = c->words;
	const struct cli_option *o;

	fprintf(out, "complete -c sluice -n __fish_use_subcommand -f -a %s -d ", c->name);
	fish_text(c->summary, out);
	putc('\n', out);
	for (unsigned int i = 0; (o = cli_option_at(c, i)); i++) {
		fprintf(out,
			"complete -c sluice -n '__fish_seen_subcommand_from %s' -l %s",
			c->name, o->name);
		if (o->letter)
			fprintf(out, " -s %c", o->letter);
		if (o->value) {
			fputs(" -r", out);
			fish_word(o->word, o->choices, out);
		}
		fputs(" -d ", out);
		fish_text(o->help, out);
		putc('\n', out);
	}
	/* fish does not count words: it offers what any of them can be. */
	for (; w && w->name; w++) {
		fprintf(out, "complete -c sluice -n '__fish_seen_subcommand_from %s'",
			c->name);
		fish_word(w->word, w->choices, out);
		putc('\n', out);
	}
}

static void fish(FILE *out)
{
	fputs("# fish completion of sluice; made by \"sluice completion fish\"\n"
	      "complete -c sluice -f\n"
	      "complete -c sluice -n __fish_use_subcommand -l help -d 'print help and "
	      "exit'\n"
	      "complete -c sluice -n __fish_use_subcommand -l version -d 'print the "
	      "version "
	      "and exit'\n"
	      "complete -c sluice -n __fish_use_subcommand -a help -d 'print help on a "
	      "command'\n",
		out);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		fish_command(*c, out);
}

bool cli_completion(const char *shell, FILE *out)
{
	static void (*const makers[])(FILE *) = {bash, zsh, fish};

	for (unsigned int i = 0; cli_shells[i]; i++) {
		if (strcmp(cli_shells[i], shell) == 0) {
			makers[i](out);
			return true;
		}
	}
	return false;
}
