/* JSON of the tool.
 * SPDX-License-Identifier: MIT */
#include "json.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "cli.h"
#include "util/cleanup.h"

int cli_json_read(const char *file, struct sc_json_error *error, struct sc_json **doc)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t size = 0;
	int rc = fd < 0 ? -errno : sc_json_slurp(fd, SC_JSON_MAX_BYTES, &text, &size);

	*error = (struct sc_json_error){0};
	if (!rc)
		rc = sc_json_read(text, size, error, doc);
	if (rc && !*error->message)
		snprintf(error->message, sizeof(error->message), "%s",
			rc == -E2BIG ? "found a file of more than 16 MiB" : strerror(-rc));
	return rc;
}

int cli_json_error(const char *file, const struct sc_json_error *error)
{
	return cli_error_at(file, error->line, error->column, "%s%s%s", error->path,
		*error->path ? ": " : "", error->message);
}

static void put_key(struct cli_json *j, const char *key)
{
	if (key)
		sc_json_put_key(&j->out, key);
}

static void open_value(struct cli_json *j, const char *key, bool array)
{
	uint64_t bit;

	assert(j->out.depth < 64);
	bit = UINT64_C(1) << j->out.depth;
	put_key(j, key);
	j->arrays = array ? j->arrays | bit : j->arrays & ~bit;
	sc_json_open(&j->out, array ? '[' : '{');
}

void cli_json_object(struct cli_json *j, const char *key)
{
	open_value(j, key, false);
}

void cli_json_array(struct cli_json *j, const char *key)
{
	open_value(j, key, true);
}

void cli_json_end(struct cli_json *j)
{
	assert(j->out.depth > 0);
	sc_json_close(&j->out, j->arrays >> (j->out.depth - 1) & 1 ? ']' : '}');
	if (j->out.depth == 0) {
		putc('\n', j->out.file);
		j->out.filled = false;
	}
}

void cli_json_string(struct cli_json *j, const char *key, const char *value)
{
	put_key(j, key);
	if (value)
		sc_json_put_string(&j->out, value);
	else
		sc_json_put_word(&j->out, "null");
}

void cli_json_format(struct cli_json *j, const char *key, const char *format, ...)
{
	char buf[512];
	va_list args;

	va_start(args, format);
	vsnprintf(buf, sizeof(buf), format, args);
	va_end(args);
	cli_json_string(j, key, buf);
}

void cli_json_number(struct cli_json *j, const char *key, int64_t value)
{
	put_key(j, key);
	sc_json_put_i64(&j->out, value);
}

void cli_json_bool(struct cli_json *j, const char *key, bool value)
{
	put_key(j, key);
	sc_json_put_word(&j->out, value ? "true" : "false");
}
