/* What the tool says to people: errors, colours, progress.
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdarg.h>
#include <time.h>

#include "cli.h"
#include "util/near.h"

static void prefix(const struct cli *cli)
{
	if (cli && cli->command)
		fprintf(stderr, "sluice %s: ", cli->command->name);
	else
		fputs("sluice: ", stderr);
}

int cli_error(const struct cli *cli, const char *format, ...)
{
	va_list args;

	prefix(cli);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	putc('\n', stderr);
	return CLI_TROUBLE;
}

void cli_warn(const struct cli *cli, const char *format, ...)
{
	va_list args;

	prefix(cli);
	fputs("warning: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	putc('\n', stderr);
}

int cli_error_at(
	const char *file, unsigned int line, unsigned int column, const char *format, ...)
{
	va_list args;

	fputs(file, stderr);
	if (line)
		fprintf(stderr, ":%u", line);
	if (line && column)
		fprintf(stderr, ":%u", column);
	fputs(": ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	putc('\n', stderr);
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

void cli_progress(struct cli *cli, uint64_t done, uint64_t total, const char *what)
{
	int64_t now;

	if (!cli->progress)
		return;
	now = now_ms();
	if (cli->progress_at && now - cli->progress_at < 100)
		return;
	cli->progress_at = now;
	fprintf(stderr, "\r\033[K%" PRIu64, done);
	if (total)
		fprintf(stderr, " of %" PRIu64, total);
	/* A long name does not wrap: the line could not be cleared again. */
	fprintf(stderr, ": %.50s", what);
	fflush(stderr);
}

void cli_progress_end(struct cli *cli)
{
	if (!cli->progress_at)
		return;
	cli->progress_at = 0;
	fputs("\r\033[K", stderr);
	fflush(stderr);
}
