/* Errors that name the rule.
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "filter/rule.h"

__attribute__((format(printf, 5, 0))) static void put(struct sluice_error *error, int rc,
	const char *where, size_t at, const char *format, va_list args)
{
	error->code = -rc;
	vsnprintf(error->message + at, sizeof(error->message) - at, format, args);
	snprintf(error->where, sizeof(error->where), "%s", where ? where : "");
}

int sc_filter_error(struct sluice_error *error, int rc, const char *where, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (error)
		put(error, rc, where, 0, format, args);
	va_end(args);
	return rc;
}

int sc_filter_rule_error(struct sluice_error *error, int rc, const struct sluice_filter *filter,
	uint32_t rule, const char *format, ...)
{
	char action[SC_BPF_ACTION_MAX];
	struct sluice_rule said;
	va_list args;
	int n;

	if (!error)
		return rc;
	said = sc_rule_said(&filter->rules[rule]);
	sc_bpf_action(said.action, action);
	if (said.call)
		n = snprintf(error->message, sizeof(error->message), "rule %u (%s %.64s): ",
			rule + 1, action, said.call);
	else
		n = snprintf(error->message, sizeof(error->message), "rule %u (%s %d): ", rule + 1,
			action, said.nr);
	va_start(args, format);
	put(error, rc, said.where, n > 0 ? (size_t)n : 0, format, args);
	va_end(args);
	return rc;
}
