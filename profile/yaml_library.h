/* libyaml, loaded when the first text in YAML comes: most profiles are JSON, and a program that reads
 * those starts sooner without it.
 * SPDX-License-Identifier: MIT */
#ifndef SC_PROFILE_YAML_LIBRARY_H
#define SC_PROFILE_YAML_LIBRARY_H

#include <yaml.h>

#pragma GCC visibility push(hidden)

struct sc_yaml_library {
	__typeof__(yaml_parser_initialize) *initialize;
	__typeof__(yaml_parser_set_encoding) *set_encoding;
	__typeof__(yaml_parser_set_input_string) *set_input_string;
	__typeof__(yaml_parser_parse) *parse;
	__typeof__(yaml_event_delete) *event_delete;
	__typeof__(yaml_parser_delete) *parser_delete;
};

/* For ever; any thread may ask. NULL: it cannot be loaded, and dlerror(3) says why. */
const struct sc_yaml_library *sc_yaml_library(void);

#pragma GCC visibility pop

#endif
