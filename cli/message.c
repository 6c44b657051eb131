/* What the tool says to people: errors, colours, progress.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <sluice-calls.h>
#include <stdarg.h>
#include <time.h>

#include "cli.h"
#include "json/json.h"
#include "util/cleanup.h"
#include "util/near.h"

static void prefix(const struct cli *cli)
{
	if (cli && cli->command)
		fprintf(stderr, "sluice %s: ", cli->command->name);
	else
		fputs("sluice: ", stderr);
}

/* Of three bytes: what orders text from right to left, and ends of lines of Unicode. With
 * them a path shows another path. */
static bool reorders(const unsigned char *at)
{
	if (at[0] != 0xe2)
		return false;
	return at[1] == 0x80 ? at[2] == 0x8e || at[2] == 0x8f ||
				       (at[2] >= 0xa8 && at[2] <= 0xae)
			     : at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9;
}

void cli_printable(char *text)
{
	const char *end = text + strlen(text);

	while (text < end) {
		unsigned int step = sc_json_utf8(text, end);
		unsigned char c = (unsigned char)text[0], d = (unsigned char)text[1];
		/* C0 and DEL, C1, and what is no character at all. */
		bool good = step && c >= 0x20 && c != 0x7f && !(c == 0xc2 && d < 0xa0) &&
			    !(step == 3 && reorders((const unsigned char *)text));

		if (!good && c != '\n' && c != '\t')
			memset(text, '?', step ? step : 1);
		text += step ? step : 1;
	}
}

void cli_printable_line(char *text)
{
	cli_printable(text);
	for (; *text; text++)
		if (*text == '\n' || *text == '\t')
			*text = '?';
}

static void say_name(const char *name)
{
	_cleanup_free_ char *text = strdup(name);

	if (text)
		cli_printable_line(text);
	fputs(text ? text : strerror(ENOMEM), stderr);
}

/* Messages have words of files in them, which may be hostile; nothing in them moves a
 * cursor. */
__attribute__((format(printf, 1, 0))) static void say(const char *format, va_list args)
{
	_cleanup_free_ char *text = NULL;

	if (vasprintf(&text, format, args) < 0) {
		text = NULL;
		fputs(strerror(ENOMEM), stderr);
	} else {
		cli_printable_line(text);
		fputs(text, stderr);
	}
	putc('\n', stderr);
}

int cli_error(const struct cli *cli, const char *format, ...)
{
	va_list args;

	prefix(cli);
	va_start(args, format);
	say(format, args);
	va_end(args);
	return CLI_TROUBLE;
}

void cli_warn(const struct cli *cli, const char *format, ...)
{
	va_list args;

	prefix(cli);
	fputs("warning: ", stderr);
	va_start(args, format);
	say(format, args);
	va_end(args);
}

int cli_error_at(
	const char *file, unsigned int line, unsigned int column, const char *format, ...)
{
	va_list args;

	say_name(file);
	if (line)
		fprintf(stderr, ":%u", line);
	if (line && column)
		fprintf(stderr, ":%u", column);
	fputs(": ", stderr);
	va_start(args, format);
	say(format, args);
	va_end(args);
	return CLI_TROUBLE;
}

const char *cli_nearest(const char *word,
	const char *(*next)(const void *arg, unsigned int i), const void *arg)
{
	struct sc_near near = {.word = word};
	const char *candidate;

	for (unsigned int i = 0; (candidate = next(arg, i)); i++)
		sc_near_look(&near, candidate);
	return near.found;
}

const char *cli_nearest_call(const char *word, uint32_t arch)
{
	struct sc_near near = {.word = word};
	unsigned int iterator = 0;
	const char *name;

	while ((name = sluice_call_next(arch, &iterator)))
		sc_near_look(&near, name);
	return near.found;
}

const char *cli_color(const struct cli *cli, enum cli_color color)
{
	static const char *const escapes[] = {"\033[0m", "\033[1m", "\033[2m", "\033[31m",
		"\033[32m", "\033[33m", "\033[34m"};

	return cli->color ? escapes[color] : "";
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool cli_progress(struct cli *cli, uint64_t done, uint64_t total, const char *what)
{
	int64_t now;

	if (!cli->progress)
		return false;
	now = now_ms();
	if (cli->progress_at && now - cli->progress_at < 100)
		return false;
	cli->progress_at = now;
	cli->progress_shown = true;
	fprintf(stderr, "\r\033[K%" PRIu64, done);
	if (total)
		fprintf(stderr, " of %" PRIu64, total);
	/* A long name does not wrap: the line could not be cleared again. */
	fprintf(stderr, ": %.50s", what);
	fflush(stderr);
	return true;
}

void cli_progress_hide(struct cli *cli)
{
	if (!cli->progress_shown)
		return;
	cli->progress_shown = false;
	fputs("\r\033[K", stderr);
	fflush(stderr);
}

void cli_progress_end(struct cli *cli)
{
	cli_progress_hide(cli);
	cli->progress_at = 0;
}
