/* A profile in memory, as every format says it.
 * SPDX-License-Identifier: MIT
 *
 * Text belongs to the profile: it points into the document that was read or into @pool.
 * What the profile says and this has no field for is kept as JSON text in "extras" and
 * written again. */
#ifndef SC_PROFILE_MODEL_H
#define SC_PROFILE_MODEL_H

#include "json/json.h"
#include "sluice-profile.h"

#define SC_PROFILE_ARGS 6 /* of a system call */

#pragma GCC visibility push(hidden)

struct sc_place {
	uint32_t line, column; /* 0: not read from a text */
};

struct sc_word {
	const char *text;
	struct sc_place at;
};

struct sc_words {
	const char **texts;
	struct sc_place *places;
	uint32_t n, cap;
};

struct sc_extra {
	const char *key, *json; /* one line of JSON */
};

struct sc_extras {
	struct sc_extra *items;
	uint32_t n, cap;
};

struct sc_action {
	const char *name;	/* SCMP_ACT_* as it was written */
	const char *errno_name; /* containers-common's "errno", or NULL */
	uint32_t value;		/* of seccomp.h; ERRNO and TRACE without their data */
	uint32_t errno_ret;	/* where has_errno */
	bool has_errno;
	struct sc_place at, errno_at;
};

struct sc_arg {
	uint64_t value, value_two;
	uint32_t index, op; /* enum scmp_compare */
	struct sc_place at, value_at, two_at;
};

/* includes or excludes */
struct sc_condition {
	struct sc_words caps, arches;
	const char *min_kernel; /* as written, or NULL */
	unsigned kernel;	/* major << 16 | minor */
};

struct sc_entry {
	struct sc_words names;
	struct sc_action action;
	struct sc_arg *args;
	uint32_t n_args, cap_args;
	const char *comment; /* or NULL */
	struct sc_condition includes, excludes;
	struct sc_extras extras;
	struct sc_place at;
	uint32_t index; /* in the list that was read, for paths */
};

struct sc_arch_map {
	struct sc_word arch;
	struct sc_words subs;
};

struct sluice_profile {
	enum sluice_profile_form form;
	struct sc_json *doc;		  /* what was read, or NULL */
	const struct sc_json_token *spec; /* the seccomp object in it */
	char *prefix;			  /* of paths: "linux.seccomp." */
	struct sc_action action;	  /* the default */
	struct sc_words arches, flags;
	struct sc_arch_map *maps;
	uint32_t n_maps, cap_maps;
	const char *listener, *metadata; /* or NULL */
	struct sc_entry *entries;
	uint32_t n, cap;
	struct sc_extras extras;
	struct sc_chunk *pool;
};

/* model.c */
struct sluice_profile *sc_profile_new(void);
/* A copy of text in the profile's pool; NULL: no memory. */
const char *sc_profile_text(struct sluice_profile *p, const char *text, size_t length);
int sc_words_add(struct sc_words *words, const char *text, struct sc_place at);
int sc_extras_add(struct sc_extras *extras, const char *key, const char *json);
/* A new entry behind the others; NULL: no memory. */
struct sc_entry *sc_profile_new_entry(struct sluice_profile *p);
int sc_entry_add_arg(struct sc_entry *e, const struct sc_arg *arg);
void sc_entry_free(struct sc_entry *e);
/* All of @from but the list of entries, as a profile of its own. */
int sc_profile_copy_head(const struct sluice_profile *from, struct sluice_profile **copy);
/* One entry behind the others of @to. */
int sc_profile_copy_entry(struct sluice_profile *to, const struct sc_entry *from);
bool sc_condition_is_empty(const struct sc_condition *c);
bool sc_entry_is_conditional(const struct sc_entry *e);
/* The action with its errno; EPERM where none was said. */
uint32_t sc_action_value(const struct sc_action *action);
/* Whether this action (without its data) has an errno, or another number, that goes with it. */
static inline bool sc_takes_errno(uint32_t value)
{
	return value == SCMP_ACT_ERRNO(0) || value == SCMP_ACT_TRACE(0);
}

/* words.c: what profiles call things. */
struct sc_name_value {
	const char *name;
	uint32_t value;
};
extern const struct sc_name_value sc_profile_actions[], sc_profile_ops[],
	sc_profile_flags[];
extern const char *const sc_profile_arches[];
bool sc_value_of(const struct sc_name_value *table, const char *name, uint32_t *value);
const char *sc_name_of(const struct sc_name_value *table, uint32_t value);
/* SCMP_ARCH_* of "SCMP_ARCH_X86_64", 0 where this libseccomp knows none; and back. */
uint32_t sc_arch_of_profile(const char *name);
const char *sc_arch_profile_name(uint32_t arch);
/* SCMP_ARCH_* of the names in includes and excludes ("amd64"), 0 where there is none. */
uint32_t sc_arch_of_engine(const char *name);
bool sc_call_is_known(const char *name);

/* "EPERM" or "1"; 0 where it is neither. */
uint32_t sc_errno_of(const char *name);

/* near.c: the right word that is nearest to a wrong one, NULL if none is near. */
const char *sc_near_in(const char *word, const struct sc_name_value *table);
const char *sc_near_of(const char *word, const char *const *words);
#define SC_NEAR_CALLS 256 /* looks of one pass: many wrong names cost no more */
const char *sc_near_call(const char *word, unsigned *left, char found[64]);

/* lint and others: the path of an entry or of a part of it, "" behind it for the whole.
 */
void sc_entry_path(const struct sluice_profile *p, const struct sc_entry *e,
	const char *rest, char path[160]);

#pragma GCC visibility pop

#endif
