/* JSON of the tool: documents that are read, and reports that are written.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "json/json.h"

/* Reads the document in @file, or in what it names: a FIFO without a writer is empty. The caller frees
 * *@doc. 0, or -errno with the sentence in *@error: without a place where the file cannot be read. */
int cli_json_read(const char *file, struct sc_json_error *error, struct sc_json **doc);
/* "FILE:LINE:COLUMN: PATH: MESSAGE" on stderr. Returns CLI_TROUBLE. */
int cli_json_error(const char *file, const struct sc_json_error *error);

/* A report. Start from CLI_JSON(stdout). A @key of NULL is for elements of an array and for the outermost value.
 * Numbers above 2^53 should be written as strings: many readers lose bits. */
struct cli_json {
	struct sc_json_out out;
	uint64_t arrays; /* bit N: what is open at depth N is an array */
};
#define CLI_JSON(stream) {.out = {.file = (stream), .indent = 2}}

void cli_json_object(struct cli_json *j, const char *key);
void cli_json_array(struct cli_json *j, const char *key);
/* Ends the innermost object or array; a newline follows the outermost. */
void cli_json_end(struct cli_json *j);

void cli_json_string(
	struct cli_json *j, const char *key, const char *value); /* NULL: null */
void cli_json_format(struct cli_json *j, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void cli_json_number(struct cli_json *j, const char *key, int64_t value);
void cli_json_bool(struct cli_json *j, const char *key, bool value);

#endif
