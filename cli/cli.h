/* The frame of the tool: a command is one table.
 *
 * A file cmd_NAME.c defines "const struct cli_command cli_cmd_NAME" and stands in the
 * list of cli/meson.build. Parsing, --help, the manual page and the completions of the
 * shells are made from that table alone, so they cannot say different things. The prose
 * of the page is cli/NAME.mdoc.
 *
 * Results go to stdout; errors, warnings and progress go to stderr.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What a command answers; its page says what each means for it. */
enum {
	CLI_YES = 0,	/* yes, equal, done */
	CLI_NO = 1,	/* no, different, findings */
	CLI_TROUBLE = 2 /* it could not be found out; stderr says why */
};

/* What a word on the command line stands for: how shells complete it. */
enum cli_word {
	CLI_WORD_ANY,  /* no completion */
	CLI_WORD_FILE, /* any file */
	CLI_WORD_DIR,
	CLI_WORD_FILTER, /* a profile, a BPF file, or pid:N */
	CLI_WORD_CALL,	 /* the name of a system call */
	CLI_WORD_ARCH, /* the name of an architecture, as seccomp_arch_resolve_name(3) */
	CLI_WORD_PID,
	CLI_WORD_PROGRAM, /* an executable in PATH */
	CLI_WORD_CHOICE,  /* one of the choices of the table */
};

/* Where the value of an option goes: to the member at @offset of the command's options.
 */
enum cli_type {
	CLI_FLAG,   /* bool: true */
	CLI_STRING, /* const char *: a word of argv; the last one wins */
	CLI_LIST,   /* struct cli_list: each use adds a word */
	CLI_NUMBER, /* uint64_t, decimal, 0x or 0; the last one wins */
	CLI_CHOICE, /* unsigned: 1 + index into the choices; 0 if not given */
};

/* Words in the order of the command line. They point into argv. */
struct cli_list {
	const char **items;
	unsigned int n;
};

/* An option. A table of them ends with CLI_OPTIONS_END. */
struct cli_option {
	char letter;	   /* 'o' for -o, or 0 */
	const char *name;  /* "output" for --output */
	const char *value; /* what help calls its value ("FILE"); NULL for CLI_FLAG */
	enum cli_type type;
	size_t offset;
	const char *help;	    /* one sentence, lower case, no full stop */
	enum cli_word word;	    /* of the value */
	const char *const *choices; /* CLI_CHOICE: ends with NULL */
};
#define CLI_OPTIONS_END                                                                  \
	{                                                                                \
		.name = NULL                                                             \
	}

/* A word that is no option. A table of them ends with CLI_WORDS_END. */
struct cli_positional {
	const char *name; /* "PROFILE" */
	const char *help;
	enum cli_word word;
	bool optional; /* so are all that follow */
	bool repeated; /* the last one only: once or more often */
	const char *const *choices;
};
#define CLI_WORDS_END                                                                    \
	{                                                                                \
		.name = NULL                                                             \
	}

/* A line that a reader can type. Its page shows it in EXAMPLES, with its output; tests
 * run it. */
struct cli_example {
	const char *command; /* without the prompt; a table ends with NULL */
	const char *what;
};

/* When the command answers CLI_YES, CLI_NO, CLI_TROUBLE; NULL: it never does. */
struct cli_exits {
	const char *yes, *no, *trouble;
};

/* State of one run; the frame makes it. */
struct cli {
	const struct cli_command *command;
	bool json;     /* --json */
	bool color;    /* stdout takes colours */
	bool progress; /* stderr is a terminal */
	int argc;      /* words that are no options */
	char **argv;
	const void *options;
	int64_t progress_at; /* ms: when progress was last shown, 0 never */
	bool progress_shown; /* it is in the terminal's line */
};

struct cli_command {
	const char *name;
	const char
		*summary; /* one line, lower case, no full stop: "compare two filters" */
	const struct cli_option *options;
	const struct cli_positional *words;
	const struct cli_example *examples;
	struct cli_exits exits;
	size_t options_size; /* sizeof the structure that options write to; zeroed first
			      */
	bool reports;	     /* --json is an option of it */
	bool options_first; /* the first word that is no option ends the options: run, why
			     */
	bool own_status;    /* run() may return any status: that of a program it ran */
	int (*run)(struct cli *cli);
};

/* All commands in alphabetic order; ends with NULL. */
extern const struct cli_command *const cli_commands[];
const struct cli_command *cli_command_by_name(const char *name);

/* Options that every command has, and --json (first) that those have which report. */
extern const struct cli_option cli_common_options[];
extern const char *const cli_color_choices[];

/* The options of a command, its own first: call with @at = 0, 1, ... until NULL. */
const struct cli_option *cli_option_at(
	const struct cli_command *command, unsigned int at);

/* options.c: fills @cli from the words after the command's name. @options is the zeroed
 * structure of the command. 0; 1: help was asked for; -1: wrong usage, said on stderr.
 * cli_parse_free() frees lists, whatever was returned. */
int cli_parse(struct cli *cli, const struct cli_command *command, int argc, char **argv,
	void *options);
void cli_parse_free(const struct cli *cli, void *options);

/* help.c */
void cli_help(FILE *out);
void cli_help_command(const struct cli_command *command, FILE *out);
/* "sluice prove [OPTION]... A B" without the options that it has. */
void cli_usage(const struct cli_command *command, FILE *out);
/* "-o, --output=FILE" */
void cli_option_text(const struct cli_option *option, char *buf, size_t size);

/* completion.c: the script of "bash", "zsh" or "fish". False: no such shell. */
extern const char *const cli_shells[];
bool cli_completion(const char *shell, FILE *out);

/* message.c. Each ends its line. */

/* "sluice prove: ..." Returns CLI_TROUBLE. */
int cli_error(const struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Replace what is no printable character of UTF-8 by question marks, but for tabs and ends of
 * lines. */
void cli_printable(char *text);
/* The same without tabs and ends of lines: a name in a row of a table. What these functions say has
 * passed it. */
void cli_printable_line(char *text);
/* "FILE:LINE:COLUMN: ..."; a line or column of 0 is left out. Returns CLI_TROUBLE. */
int cli_error_at(const char *file, unsigned int line, unsigned int column,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
/* As cli_error(), but "warning: ", and nothing is returned. */
void cli_warn(const struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* output.c: does the result go to standard output? NULL and "-" say so. */
bool cli_to_stdout(const char *path);
/* Write @size bytes, also where signals come meanwhile. 0 or an errno. */
int cli_write_all(int fd, const char *bytes, size_t size);
/* Write @size bytes to @path, or to standard output. A regular file is
 * replaced at once or not at all. CLI_YES; CLI_TROUBLE after an error that was said. */
int cli_write_file(struct cli *cli, const char *path, const void *bytes, size_t size);
/* Can this be expected to work? For commands whose result comes late. Nothing is left behind.
 * CLI_YES; CLI_TROUBLE after an error that was said. */
int cli_writable(const char *path);

/* The nearest of the words that @next gives (NULL ends them), for "did you mean"; NULL if
 * none is near. @next is called with 0, 1, ... */
const char *cli_nearest(const char *word,
	const char *(*next)(const void *arg, unsigned int i), const void *arg);
/* The same of the calls of an architecture (SCMP_ARCH_*). */
const char *cli_nearest_call(const char *word, uint32_t arch);

/* Colours of stdout: the escape, or "" where there are none. */
enum cli_color {
	CLI_PLAIN,
	CLI_BOLD,
	CLI_DIM,
	CLI_RED,
	CLI_GREEN,
	CLI_YELLOW,
	CLI_BLUE,
};
const char *cli_color(const struct cli *cli, enum cli_color color);

/* "reading 312 of 1000: FILE" in one line of a terminal, ten times a second at most;
 * nothing elsewhere. @total may be 0 (unknown). Returns whether it was shown.
 * cli_progress_end() clears it: call it before any other output. cli_progress_hide()
 * clears it, too, and leaves the limit of ten times a second as it is. */
bool cli_progress(struct cli *cli, uint64_t done, uint64_t total, const char *what);
void cli_progress_hide(struct cli *cli);
void cli_progress_end(struct cli *cli);

#endif
