/* A writer of JSON for reports. Always valid: bytes that are no UTF-8 become U+FFFD.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CLI_JSON_DEPTH 16

/* Start from {.out = stdout}. A @key of NULL is for elements of an array and for the
 * outermost value. Numbers above 2^53 should be written as strings: many readers lose
 * bits. */
struct cli_json {
	FILE *out;
	unsigned int depth;
	bool filled[CLI_JSON_DEPTH];
	bool array[CLI_JSON_DEPTH];
};

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
