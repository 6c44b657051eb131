/* Files that commands read. All errors are said as FILE: what was found, what was expected.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <stdio.h>
#include <sys/types.h>

/* Open @path for reading; "-" is standard input. Only regular files and pipes are taken: a
 * device may never end. @expected: what it should be, for messages ("a profile"). The caller
 * closes the descriptor. -1: CLI_TROUBLE, said. */
int cli_input_open(const char *path, const char *expected);

/* The same as a stream; NULL: CLI_TROUBLE, said. */
FILE *cli_input_lines(const char *path, const char *expected);

/* Say that @path could not be read; @error is an errno. Returns CLI_TROUBLE. */
int cli_input_failed(const char *path, int error, const char *expected);

/* The same as text, without the name of the file. */
#define CLI_REASON_MAX 256
void cli_input_reason(int error, const char *expected, char reason[CLI_REASON_MAX]);

/* What messages call the file: "-" is "standard input". */
const char *cli_input_name(const char *path);

/* "a directory", by st_mode. */
const char *cli_file_kind(mode_t mode);

#endif
