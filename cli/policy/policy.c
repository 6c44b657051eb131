/* A policy as flags and files say it.
 * SPDX-License-Identifier: MIT */
#include "policy.h"

#include <errno.h>
#include <sluice-calls.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/errnos.h"
#include "util/vec.h"

void policy_clear(struct policy *p)
{
	policy_names_stop(p);
	for (uint32_t i = 0; i < p->n_paths; i++) {
		free(p->paths[i].path);
		free(p->paths[i].where);
		free(p->paths[i].name);
		if (p->paths[i].fd >= 0)
			close(p->paths[i].fd);
		if (p->paths[i].folder >= 0)
			close(p->paths[i].folder);
	}
	for (uint32_t i = 0; i < p->n_peers; i++) {
		free(p->peers[i].text);
		free(p->peers[i].where);
	}
	for (uint32_t i = 0; i < p->n_calls; i++) {
		free(p->calls[i].name);
		free(p->calls[i].where);
	}
	for (uint32_t i = 0; i < p->n_ports; i++)
		free(p->ports[i].where);
	for (uint32_t i = 0; i < p->n_answered; i++)
		free(p->answered[i].text);
	free(p->answered);
	free(p->limits);
	for (uint32_t i = 0; i < p->n_grants; i++) {
		free(p->grants[i].name);
		free(p->grants[i].where);
	}
	for (uint32_t i = 0; i < p->n_variables; i++) {
		free(p->variables[i].name);
		free(p->variables[i].value);
		free(p->variables[i].where);
	}
	free(p->variables);
	free(p->grants);
	free(p->paths);
	free(p->peers);
	free(p->calls);
	free(p->ports);
}

int policy_error(const struct policy *p, const char *where, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (where[0] == '-')
		return cli_error(p->cli, "%s: %s", where, text);
	return cli_error_at(where, 0, 0, "%s", text);
}

int policy_add_path(
	struct policy *p, enum policy_access access, const char *path, const char *where)
{
	struct policy_path *new;

	if (!*path)
		return policy_error(p, where, "an empty path names nothing");
	if (sc_reserve(p->paths, p->cap_paths, p->n_paths, 1) < 0)
		return policy_error(p, where, "%s", strerror(ENOMEM));
	new = &p->paths[p->n_paths];
	*new = (struct policy_path){
		.path = strdup(path), .where = strdup(where), .access = access, .fd = -1, .folder = -1};
	if (!new->path || !new->where) {
		free(new->path);
		free(new->where);
		return policy_error(p, where, "%s", strerror(ENOMEM));
	}
	p->n_paths++;
	return 0;
}

/* The names that a native call or a group may have. */
static bool known(const char *name)
{
	uint64_t bit;
	int nr;

	return sluice_group(name, &bit) == 0 ||
	       sluice_call_nr(SCMP_ARCH_NATIVE, name, &nr) == 0;
}

int policy_add_call(struct policy *p, enum policy_verdict verdict, const char *name,
	const char *where)
{
	static const char *const done[] = {"allowed", NULL, "logged", "limited", "asked about"};
	const char *(*const check[])(const char *) = {
		policy_closed, NULL, policy_closed, policy_unlimited, policy_unasked};
	struct policy_call *new;
	const char *why;

	if (!known(name)) {
		const char *near = cli_nearest_call(name, SCMP_ARCH_NATIVE);

		return policy_error(p, where,
			"\"%s\" is neither a system call nor a group%s%s%s", name,
			near ? " (did you mean \"" : "", near ? near : "",
			near ? "\"?)" : "");
	}
	why = check[verdict] ? check[verdict](name) : NULL;
	if (why)
		return policy_error(
			p, where, "%s cannot be %s: %s", name, done[verdict], why);
	/* It forbids all other connections, too. */
	if (verdict == POLICY_ASK && strcmp(name, "connect") == 0)
		p->network = true;
	if (sc_reserve(p->calls, p->cap_calls, p->n_calls, 1) < 0)
		return policy_error(p, where, "%s", strerror(ENOMEM));
	new = &p->calls[p->n_calls];
	*new = (struct policy_call){.name = strdup(name),
		.where = strdup(where),
		.verdict = verdict,
		.limit = p->n_limits - 1};
	if (!new->name || !new->where) {
		free(new->name);
		free(new->where);
		return policy_error(p, where, "%s", strerror(ENOMEM));
	}
	p->n_calls++;
	return 0;
}

bool policy_asks(const struct policy *p, const char *call)
{
	for (uint32_t i = 0; i < p->n_calls; i++)
		if (p->calls[i].verdict == POLICY_ASK &&
			(!call || strcmp(p->calls[i].name, call) == 0))
			return true;
	return false;
}

int policy_set_ask_seconds(struct policy *p, uint64_t seconds, const char *where)
{
	if (!seconds || seconds > 86400)
		return policy_error(
			p, where, "%llu: a time from 1 to 86400 seconds is needed",
			(unsigned long long)seconds);
	p->ask_seconds = seconds;
	return 0;
}

int policy_set_errno(struct policy *p, const char *name, const char *where)
{
	char *end;
	long n = strtol(name, &end, 10);

	if (end == name || *end)
		n = sc_errno_number(name);
	if (n < 1 || n > 4095)
		return policy_error(
			p, where, "\"%s\" is no errno: a name, or 1 to 4095", name);
	p->errnum = (int)n;
	return 0;
}

int policy_add_variable(
	struct policy *p, const char *name, const char *value, const char *where)
{
	struct policy_variable *new;

	if (sc_reserve(p->variables, p->cap_variables, p->n_variables, 1) < 0)
		return policy_error(p, where, "%s", strerror(ENOMEM));
	new = &p->variables[p->n_variables++];
	*new = (struct policy_variable){
		.name = strdup(name), .value = strdup(value), .where = strdup(where)};
	return new->name && new->value && new->where
		       ? 0
		       : policy_error(p, where, "%s", strerror(ENOMEM));
}

int policy_set_environment(const struct policy *p)
{
	for (uint32_t i = 0; i < p->n_variables; i++)
		if (setenv(p->variables[i].name, p->variables[i].value, 0))
			return policy_error(p, p->variables[i].where, "%s", strerror(errno));
	return 0;
}
