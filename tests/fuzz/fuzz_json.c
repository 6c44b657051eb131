/* The JSON reader on any bytes. What it takes is written and read again: the same text
 * comes out; every token has a place and a path. What it refuses has a place and a
 * reason.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_tokens(const struct sc_json *doc)
{
	uint32_t line = 1, step = doc->n / 64 + 1;

	for (uint32_t i = 0; i < doc->n; i += step) {
		const struct sc_json_token *t = &doc->tokens[i];
		char path[160], what[112];
		uint64_t u;
		int64_t s;

		require(t->line >= line && t->at <= doc->length &&
			t->column >= 1);
		line = t->line;
		sc_json_path(doc, t, NULL, path, sizeof(path));
		sc_json_describe(doc, t, what, sizeof(what));
		require(strlen(path) < sizeof(path) && *what);
		if (!sc_json_u64(doc, t, &u) && !sc_json_i64(doc, t, &s))
			require(u == (uint64_t)s);
		if (sc_json_string(doc, t))
			require(strlen(sc_json_string(doc, t)) == t->length);
	}
}

static struct sc_json_out written(const struct sc_json *doc, unsigned indent)
{
	struct sc_json_out out = {.indent = indent};

	sc_json_put_copy(&out, doc, sc_json_root(doc));
	require(out.error == 0);
	return out;
}

static void check_written(const struct sc_json *doc)
{
	struct sc_json_out first = written(doc, 0), pretty = written(doc, 3), second;
	struct sc_json *again = NULL;

	require(sc_json_read(pretty.text, pretty.length, NULL, &again) == 0);
	require(again->n == doc->n);
	second = written(again, 0);
	require(first.length == second.length &&
		!memcmp(first.text, second.text, first.length));
	sc_json_free(again);
	free(first.text);
	free(pretty.text);
	free(second.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sc_json_error error = {0};
	struct sc_json *doc = NULL;
	char *text =
		malloc(size ? size : 1); /* exactly: what is read behind it is seen */
	int rc;

	require(text);
	if (size)
		memcpy(text, data, size);
	rc = sc_json_read(text, size, &error, &doc);
	require(rc == 0 || rc == -EINVAL || rc == -E2BIG);
	if (rc) {
		require(error.code == rc && *error.message && error.line && error.column);
		require(memchr(error.path, '\0', sizeof(error.path)));
	} else {
		check_tokens(doc);
		check_written(doc);
	}
	sc_json_free(doc);
	free(text);
	return 0;
}
