/* What the tool says to people: errors, colours, progress.
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "cli.h"

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

#define LONGEST 48

/* Levenshtein's distance, where a swap of neighbours counts once; LONGEST for long words.
 */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int rows[3][LONGEST + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n >= LONGEST || m >= LONGEST)
		return LONGEST;
	for (size_t k = 0; k <= m; k++)
		rows[0][k] = (unsigned int)k;
	for (size_t i = 1; i <= n; i++) {
		unsigned int *row = rows[i % 3];
		const unsigned int *up = rows[(i + 2) % 3], *two = rows[(i + 1) % 3];

		row[0] = (unsigned int)i;
		for (size_t k = 1; k <= m; k++) {
			unsigned int best = up[k - 1] + (a[i - 1] != b[k - 1]);

			if (up[k] + 1 < best)
				best = up[k] + 1;
			if (row[k - 1] + 1 < best)
				best = row[k - 1] + 1;
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] &&
				a[i - 2] == b[k - 1] && two[k - 2] + 1 < best)
				best = two[k - 2] + 1;
			row[k] = best;
		}
	}
	return rows[n % 3][m];
}

const char *cli_nearest(const char *word,
	const char *(*next)(const void *arg, unsigned int i), const void *arg)
{
	unsigned int best = (unsigned int)strlen(word) / 3 + 1;
	const char *nearest = NULL, *candidate;

	for (unsigned int i = 0; (candidate = next(arg, i)); i++) {
		unsigned int d = distance(word, candidate);

		if (d < best || (d == best && !nearest)) {
			best = d;
			nearest = candidate;
		}
	}
	return nearest;
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
