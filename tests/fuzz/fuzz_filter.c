/* Filters of any text. What is taken is written and read again: the same filter, the same text, the same
 * program, which the kernel takes and which does what the rules say. What is refused has a reason.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/bpf.h"
#include "filter/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROVED_MAX 256 /* instructions of a program that is proved: larger ones take long */

static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_condition(
	const struct sluice_filter_condition *a, const struct sluice_filter_condition *b)
{
	bool same = same_text(a->argument, b->argument) && a->op == b->op &&
		a->negate == b->negate && a->bits == b->bits && a->n_values == b->n_values;

	for (size_t i = 0; same && i < a->n_values; i++)
		same = same_text(a->values[i].name, b->values[i].name) &&
			a->values[i].number == b->values[i].number;
	return same;
}

static bool same_rule(const struct sluice_rule *a, const struct sluice_rule *b)
{
	bool same = a->action == b->action && same_text(a->call, b->call) && a->arch == b->arch &&
		a->nr == b->nr && a->flags == b->flags && a->n_conditions == b->n_conditions;

	for (size_t i = 0; same && i < a->n_conditions; i++)
		same = same_condition(&a->conditions[i], &b->conditions[i]);
	return same;
}

static bool same_settings(const struct sluice_filter *a, const struct sluice_filter *b)
{
	return a->default_action == b->default_action && a->badarch_action == b->badarch_action &&
		a->multiplexed == b->multiplexed && a->optimize == b->optimize &&
		a->all_archs == b->all_archs && a->newer == b->newer &&
		(!a->newer || a->newer_action == b->newer_action) && a->n_archs == b->n_archs &&
		memcmp(a->archs, b->archs, a->n_archs * sizeof(*a->archs)) == 0;
}

static void check_same(const struct sluice_filter *a, const struct sluice_filter *b)
{
	require(same_settings(a, b) && a->n_rules == b->n_rules);
	for (uint32_t i = 0; i < a->n_rules; i++) {
		const struct sluice_rule said = sc_rule_said(&a->rules[i]);
		const struct sluice_rule again = sc_rule_said(&b->rules[i]);

		require(same_rule(&said, &again));
	}
}

/* The filter that the text of @filter makes; its text is the same. */
static struct sluice_filter *read_again(const struct sluice_filter *filter)
{
	char *text = NULL, *twice = NULL;
	struct sluice_filter *again = NULL;

	require(sluice_filter_text(filter, &text) == 0);
	require(sluice_filter_parse(text, strlen(text), "again", &again, NULL) == 0);
	require(sluice_filter_text(again, &twice) == 0 && strcmp(text, twice) == 0);
	free(text);
	free(twice);
	return again;
}

static int compile(const struct sluice_filter *filter, struct sock_filter **insns, size_t *n)
{
	struct sluice_error error = {0};
	int rc = sluice_filter_compile(filter, insns, n, &error);

	require(rc == 0 || rc == -EOPNOTSUPP || rc == -E2BIG);
	require(rc == 0 || (error.code == -rc && *error.message));
	return rc;
}

static void check_programs(const struct sluice_filter *a, const struct sluice_filter *b)
{
	struct sock_filter *p = NULL, *q = NULL;
	size_t n = 0, m = 0;
	int rc = compile(a, &p, &n);

	require(compile(b, &q, &m) == rc && n == m);
	if (rc)
		return;
	require(memcmp(p, q, n * sizeof(*p)) == 0);
	require(sc_bpf_check(p, (uint32_t)n, NULL, NULL) == 0);
	rc = n <= PROVED_MAX ? sluice_filter_prove(a, p, n, NULL, NULL) : 0;
	require(rc == 0 || rc == -E2BIG);
	free(p);
	free(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sluice_filter *filter = NULL, *again;
	struct sluice_error error = {0};
	char *text = malloc(size ? size : 1); /* exactly: what is read behind it is seen */
	int rc;

	require(text);
	if (size)
		memcpy(text, data, size);
	rc = sluice_filter_parse(text, size, "fuzzed", &filter, &error);
	require((rc == 0) == (filter != NULL));
	if (filter) {
		again = read_again(filter);
		check_same(filter, again);
		check_programs(filter, again);
		sluice_filter_free(again);
	} else {
		require(error.code == -rc && *error.message && *error.where);
	}
	sluice_filter_free(filter);
	free(text);
	return 0;
}
