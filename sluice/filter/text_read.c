/* A filter of text: one setting or rule a line. sluice_filter_new(3) has the form.
 * SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/filter.h"
#include "filter/rule.h"
#include "util/cleanup.h"
#include "util/kernel.h"
#include "util/vec.h"

#define WORDS_MAX  4096 /* of a line */
#define LINE_MAX_BYTES 65536
#define ARCHS_MAX  32

struct reader {
	struct sluice_filter_options options;
	struct sluice_filter *filter;
	struct sluice_error *error;
	uint32_t archs[ARCHS_MAX];
	uint32_t seen; /* settings, a bit each */
	const char *name;
	unsigned int line;
	char *words[WORDS_MAX];
	unsigned int n_words, at;
	char where[96];
};

static int wrong(struct reader *r, int rc, const char *what, const char *word)
{
	return sc_filter_error(r->error, rc, r->where, "%s%s%.80s%s", what, word ? ": \"" : "",
		word ? word : "", word ? "\"" : "");
}

static const char *next(struct reader *r)
{
	return r->at < r->n_words ? r->words[r->at++] : NULL;
}

static bool next_is(struct reader *r, const char *word)
{
	if (r->at == r->n_words || strcmp(r->words[r->at], word) != 0)
		return false;
	r->at++;
	return true;
}

/* @line in words, with an end behind each: { } and , are words of their own. @copy has room for
 * twice the line. */
static int split(struct reader *r, const char *line, size_t length, char *copy)
{
	bool inside = false;
	char *to = copy;

	r->n_words = r->at = 0;
	for (size_t i = 0; i < length; i++) {
		char c = line[i];
		bool alone = c == '{' || c == '}' || c == ',';

		if (c == '#')
			break;
		if ((unsigned char)c < ' ' && c != '\t' && c != '\r')
			return wrong(r, -EINVAL, "the line has a control character", NULL);
		if (inside && (alone || isspace((unsigned char)c))) {
			*to++ = '\0';
			inside = false;
		}
		if (isspace((unsigned char)c))
			continue;
		if (!inside) {
			if (r->n_words == WORDS_MAX)
				return wrong(r, -EINVAL, "the line has too many words", NULL);
			r->words[r->n_words++] = to;
		}
		*to++ = c;
		inside = !alone;
		if (alone)
			*to++ = '\0';
	}
	*to = '\0';
	return 0;
}

/* A number, negative ones in two's complement. */
static bool number_of(const char *word, uint64_t *out)
{
	const char *digits = word + (*word == '-');
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)*digits))
		return false;
	errno = 0;
	n = strtoull(digits, &end, 0);
	if (*end || errno || (*word == '-' && n > (UINT64_C(1) << 63)))
		return false;
	*out = *word == '-' ? -(uint64_t)n : n;
	return true;
}

/* A number, or names that are looked up where the rule is added. The name is the reader's. */
static int value_of(struct reader *r, const char *word, struct sluice_value *out)
{
	*out = (struct sluice_value){0};
	if (!word || !*word)
		return wrong(r, -EINVAL, "a value is missing", NULL);
	if (number_of(word, &out->number))
		return 0;
	if (!isalpha((unsigned char)*word) && *word != '_')
		return wrong(r, -EINVAL, "this is no number and no name", word);
	out->name = word;
	return 0;
}

static int action_of(struct reader *r, const char *word, uint32_t *out)
{
	if (!word)
		return wrong(r, -EINVAL, "an action is missing", NULL);
	if (!sc_bpf_action_parse(word, out) || !sc_filter_action_valid(*out))
		return wrong(r, -EINVAL, "this is no action", word);
	return 0;
}

/* ---- settings ---- */

static int read_archs(struct reader *r)
{
	const char *word;

	while ((word = next(r))) {
		const struct sc_arch *arch = sc_arch_by_name(word);

		if (!arch)
			return wrong(r, -EINVAL, "this is no architecture", word);
		if (r->options.n_archs == ARCHS_MAX)
			return wrong(r, -EINVAL, "there are too many architectures", NULL);
		r->archs[r->options.n_archs++] = arch->token;
	}
	r->options.archs = r->archs;
	return r->options.n_archs ? 0 : wrong(r, -EINVAL, "an architecture is missing", NULL);
}

static int read_multiplexed(struct reader *r)
{
	static const char *const words[] = {"error", "refuse", "allow"};

	for (unsigned int i = 0; i < 3; i++)
		if (next_is(r, words[i])) {
			r->options.multiplexed = (enum sluice_multiplexed)i;
			return 0;
		}
	return wrong(r, -EINVAL, "multiplexed calls are error, refuse or allow", next(r));
}

static int read_optimize(struct reader *r)
{
	const char *word = next(r);

	if (!word || (strcmp(word, "1") != 0 && strcmp(word, "2") != 0))
		return wrong(r, -EINVAL, "optimize is 1 or 2", word);
	r->options.optimize = word[0] - '0';
	return 0;
}

enum setting {
	DEFAULT,
	BADARCH,
	ARCH,
	MULTIPLEXED,
	OPTIMIZE,
	N_SETTINGS
};

static const char *const settings[] = {"default", "badarch", "arch", "multiplexed", "optimize"};

static int read_setting(struct reader *r, enum setting setting)
{
	if (r->filter)
		return wrong(r, -EINVAL, "settings stand before the rules", settings[setting]);
	if (r->seen & 1U << setting)
		return wrong(r, -EINVAL, "the setting stands there twice", settings[setting]);
	r->seen |= 1U << setting;
	switch (setting) {
	case DEFAULT:
		return action_of(r, next(r), &r->options.default_action);
	case BADARCH:
		return action_of(r, next(r), &r->options.badarch_action);
	case ARCH:
		return read_archs(r);
	case MULTIPLEXED:
		return read_multiplexed(r);
	default:
		return read_optimize(r);
	}
}

static int ready(struct reader *r)
{
	int rc = r->filter ? 0 : sluice_filter_new(&r->options, &r->filter, r->error);

	if (rc && r->error)
		snprintf(r->error->where, sizeof(r->error->where), "%s", r->where);
	return rc;
}

static int read_newer(struct reader *r)
{
	const char *word = next(r);
	unsigned int version;
	const char *end = word ? sc_kernel_version(word, &version) : NULL;
	uint32_t action = 0;
	int rc;

	if (!end || *end)
		return wrong(r, -EINVAL, "a kernel's version is like 6.12", word);
	rc = action_of(r, next(r), &action);
	if (!rc)
		rc = ready(r);
	if (rc)
		return rc;
	if (r->filter->newer)
		return wrong(r, -EINVAL, "the setting stands there twice", "newer");
	return version >> 16 && sluice_filter_newer(r->filter, version, action) == 0
		? 0 : wrong(r, -EINVAL, "there is no such kernel", word);
}

/* ---- rules ---- */

static int read_set(struct reader *r, struct sluice_filter_condition *c,
	struct sluice_value **values)
{
	uint32_t cap = 0, n = 0;
	int rc;

	do {
		if (sc_reserve(*values, cap, n, 1))
			return wrong(r, -ENOMEM, "no memory", NULL);
		rc = value_of(r, next(r), &(*values)[n++]);
	} while (!rc && next_is(r, ","));
	if (!rc && !next_is(r, "}"))
		rc = wrong(r, -EINVAL, "a set ends with }", NULL);
	c->op = SLUICE_OP_IN;
	c->n_values = n;
	return rc;
}

static int read_range(struct reader *r, struct sluice_filter_condition *c,
	struct sluice_value *values, bool is_signed)
{
	char *word = r->at < r->n_words ? r->words[r->at++] : NULL;
	char *dots = word ? strstr(word, "..") : NULL;
	int rc;

	if (!dots)
		return wrong(r, -EINVAL, "a range is like 1..5", word);
	*dots = '\0';
	rc = value_of(r, word, &values[0]);
	if (!rc)
		rc = value_of(r, dots + 2, &values[1]);
	c->op = is_signed ? SLUICE_OP_SRANGE : SLUICE_OP_RANGE;
	c->n_values = 2;
	return rc;
}

static int read_operator(struct reader *r, struct sluice_filter_condition *c,
	struct sluice_value **values)
{
	static const struct {
		const char *word;
		enum sluice_op op;
	} plain[] = {{"==", SLUICE_OP_EQ}, {"!=", SLUICE_OP_EQ}, {"any", SLUICE_OP_ANY_BITS},
		{"all", SLUICE_OP_ALL_BITS}, {"only", SLUICE_OP_ONLY_BITS}};
	const char *word = next(r);
	int rc;

	if (word && strcmp(word, "in") == 0 && next_is(r, "{"))
		return read_set(r, c, values);
	*values = calloc(2, sizeof(**values));
	if (!*values)
		return wrong(r, -ENOMEM, "no memory", NULL);
	if (word && (strcmp(word, "in") == 0 || strcmp(word, "sin") == 0))
		return read_range(r, c, *values, word[0] == 's');
	if (word && strcmp(word, "&") == 0) {
		c->op = SLUICE_OP_MASKED;
		c->n_values = 2;
		rc = value_of(r, next(r), &(*values)[0]);
		if (!rc && !next_is(r, "=="))
			rc = wrong(r, -EINVAL, "behind a mask stands == and a value", NULL);
		return rc ? rc : value_of(r, next(r), &(*values)[1]);
	}
	for (size_t i = 0; word && i < sizeof(plain) / sizeof(*plain); i++) {
		if (strcmp(word, plain[i].word) != 0)
			continue;
		c->op = plain[i].op;
		c->n_values = 1;
		if (word[0] == '!')
			c->negate = !c->negate;
		return value_of(r, next(r), *values);
	}
	return wrong(r, -EINVAL, "an operator is ==, !=, in, sin, &, any, all or only", word);
}

/* [not] ARGUMENT[:BITS] OPERATOR ... */
static int read_condition(struct reader *r, struct sluice_filter_condition *c,
	struct sluice_value **values)
{
	char *word, *colon;
	uint64_t bits;
	int rc;

	c->negate = next_is(r, "not");
	if (r->at == r->n_words)
		return wrong(r, -EINVAL, "a condition is missing", NULL);
	word = r->words[r->at++];
	colon = strchr(word, ':');
	if (colon) {
		*colon = '\0';
		if (!number_of(colon + 1, &bits) || bits == 0 || bits > 64)
			return wrong(r, -EINVAL, "a width is 8, 16, 32 or 64", colon + 1);
		c->bits = (unsigned int)bits;
	}
	c->argument = word;
	rc = read_operator(r, c, values);
	c->values = *values;
	return rc;
}

/* NAME, @GROUP, * or NUMBER, each with /ARCHITECTURE or without. */
static int read_call(struct reader *r, struct sluice_rule *rule)
{
	char *word = r->at < r->n_words ? r->words[r->at++] : NULL, *slash;
	const struct sc_arch *arch;
	uint64_t nr;

	if (!word)
		return wrong(r, -EINVAL, "a call is missing", NULL);
	slash = strchr(word, '/');
	if (slash) {
		*slash = '\0';
		arch = sc_arch_by_name(slash + 1);
		if (!arch)
			return wrong(r, -EINVAL, "this is no architecture", slash + 1);
		rule->arch = arch->token;
	}
	if (number_of(word, &nr)) {
		if (nr > INT32_MAX)
			return wrong(r, -EINVAL, "there is no such number", word);
		rule->nr = (int)nr;
	} else {
		rule->call = word;
	}
	return 0;
}

static int read_rule(struct reader *r)
{
	struct sluice_filter_condition conditions[SC_CONDITIONS_MAX] = {0};
	struct sluice_value *values[SC_CONDITIONS_MAX] = {0};
	struct sluice_rule rule = {.size = sizeof(rule), .where = r->where};
	int rc = action_of(r, next(r), &rule.action);

	if (!rc)
		rc = read_call(r, &rule);
	if (!rc && next_is(r, "exact"))
		rule.flags = SLUICE_RULE_EXACT;
	if (!rc && next_is(r, "if"))
		do {
			size_t n = rule.n_conditions;

			if (n == SC_CONDITIONS_MAX) {
				rc = wrong(r, -EINVAL, "a rule has at most 14 conditions", NULL);
				break;
			}
			rc = read_condition(r, &conditions[n], &values[n]);
			rule.n_conditions++;
		} while (!rc && next_is(r, "and"));
	rule.conditions = conditions;
	if (!rc && r->at < r->n_words)
		rc = wrong(r, -EINVAL, "this is not understood", r->words[r->at]);
	if (!rc)
		rc = ready(r);
	if (!rc)
		rc = sluice_filter_add(r->filter, &rule, r->error);
	for (size_t i = 0; i < SC_CONDITIONS_MAX; i++)
		free(values[i]);
	return rc;
}

static int read_line(struct reader *r, const char *line, size_t length)
{
	_cleanup_free_ char *copy = malloc(2 * length + 1);
	int rc;

	if (!copy)
		return wrong(r, -ENOMEM, "no memory", NULL);
	if (length > LINE_MAX_BYTES)
		return wrong(r, -EINVAL, "the line is too long", NULL);
	rc = split(r, line, length, copy);
	if (rc || !r->n_words)
		return rc;
	if (next_is(r, "newer")) {
		rc = read_newer(r);
	} else {
		for (unsigned int i = 0; i < N_SETTINGS; i++)
			if (next_is(r, settings[i])) {
				rc = read_setting(r, (enum setting)i);
				goto ends;
			}
		return read_rule(r);
	}
ends:
	if (!rc && r->at < r->n_words)
		rc = wrong(r, -EINVAL, "this is not understood", r->words[r->at]);
	return rc;
}

int sluice_filter_parse(const char *text, size_t length, const char *name,
	struct sluice_filter **filter, struct sluice_error *error)
{
	const struct sluice_filter_options defaults = SLUICE_FILTER_OPTIONS_INIT;
	_cleanup_free_ struct reader *r = calloc(1, sizeof(*r));
	const char *end;
	int rc = 0;

	if (!r)
		return sc_filter_error(error, -ENOMEM, name, "no memory");
	if (!text || !filter)
		return sc_filter_error(error, -EINVAL, name, "there is no text");
	end = text + length;
	r->options = defaults;
	r->error = error;
	while (text < end && !rc) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((newline ? newline : end) - text);

		snprintf(r->where, sizeof(r->where), "%.80s:%u", name ? name : "", ++r->line);
		rc = read_line(r, text, n);
		text += n + (newline != NULL);
	}
	if (!rc)
		rc = ready(r);
	if (rc)
		sluice_filter_free(r->filter);
	else
		*filter = r->filter;
	return rc;
}
