/* What the files that read profiles share.
 * SPDX-License-Identifier: MIT */
#ifndef SC_PROFILE_READING_H
#define SC_PROFILE_READING_H

#include "model.h"

#pragma GCC visibility push(hidden)

struct sc_reading {
	const struct sluice_profile_options *options;
	struct sluice_profile *p;
	const struct sc_json *doc;
	bool yaml;
	unsigned looks; /* for names that are near to unknown ones; SC_NEAR_CALLS at first
			 */
	struct sc_json_trail trail; /* of the last finding */
	bool containers; /* Docker's superset was met: a key of it */
};

/* Report something at @token. Returns -EINVAL for errors, and for warnings where the
 * options are strict; else 0.
 * @fix may be "". */
__attribute__((format(printf, 6, 7))) int sc_reading_say(struct sc_reading *r,
	enum sluice_severity severity, const char *rule,
	const struct sc_json_token *token, const char *fix, const char *format, ...);

/* An error: "found what stands there, expected @expected (did you mean @near?)". */
int sc_reading_unexpected(struct sc_reading *r, const struct sc_json_token *token,
	const char *expected, const char *near);

struct sc_place sc_reading_place(const struct sc_json_token *token);

/* The string at @token, or NULL after an error. */
const char *sc_reading_string(
	struct sc_reading *r, const struct sc_json_token *token, const char *expected);

/* A list of strings, or null. */
int sc_reading_words(struct sc_reading *r, const struct sc_json_token *token,
	const char *expected, struct sc_words *words);

/* An action and the errno beside it. */
int sc_reading_action(struct sc_reading *r, const struct sc_json_token *token,
	struct sc_action *action);
int sc_reading_errno(struct sc_reading *r, const struct sc_json_token *token,
	struct sc_action *action);
int sc_reading_errno_name(struct sc_reading *r, const struct sc_json_token *token,
	struct sc_action *action);

/* A key that nothing here knows: a warning, and kept. @known ends with NULL. */
int sc_reading_extra(struct sc_reading *r, const struct sc_json_token *key,
	const struct sc_json_token *value, const char *const *known,
	struct sc_extras *extras);

/* read_entry.c: the list "syscalls". */
int sc_reading_entries(struct sc_reading *r, const struct sc_json_token *list);

/* yaml_read.c: YAML as a document of JSON's kind. As sc_json_read(); -EOPNOTSUPP where
 * the library was built without libyaml. */
int sc_yaml_read(
	const char *text, size_t size, struct sc_json_error *error, struct sc_json **out);

/* The lines of comment right above the token's line, in the pool of @p; *@comment is left
 * alone where there are none. 0 or -ENOMEM. */
int sc_yaml_comment(struct sluice_profile *p, const struct sc_json_token *token,
	const char **comment);

#pragma GCC visibility pop

#endif
