/* Policy files, a line each: "default ACTION", "arch NAME", "rule ACTION CALL [An OP VALUE
 * [VALUE]]...", "probe CLASS CALL ARGUMENT"; # begins a comment.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const char *const ops[] = {"", "NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"};

/* Where a file is read. */
struct reader {
	const char *path;
	unsigned int line;
	char *rest;
	const struct lib *lib, *other;
};

static char *word(struct reader *r)
{
	char *at = strtok_r(NULL, " \t\n", &r->rest);

	if (!at)
		die("%s:%u: a word is missing", r->path, r->line);
	return at;
}

static uint64_t number(struct reader *r)
{
	return strtoull(word(r), NULL, 0);
}

static uint32_t action(struct reader *r)
{
	const char *name = word(r);

	if (strcmp(name, "ALLOW") == 0)
		return SCMP_ACT_ALLOW;
	if (strcmp(name, "ERRNO") == 0)
		return SCMP_ACT_ERRNO((uint32_t)number(r));
	if (strcmp(name, "KILL_PROCESS") == 0)
		return SCMP_ACT_KILL_PROCESS;
	die("%s:%u: action %s", r->path, r->line, name);
}

/* A call's number, __NR_SCMP_ERROR when one of the libraries does not know it. */
static int call(struct reader *r, const char *name)
{
	int nr = r->lib->resolve_name(SCMP_ARCH_NATIVE, name);

	if (r->other && r->other->resolve_name(SCMP_ARCH_NATIVE, name) != nr)
		return __NR_SCMP_ERROR;
	return nr;
}

static uint32_t arch(struct reader *r)
{
	const char *name = word(r);

	if (strcmp(name, "x86") == 0)
		return SCMP_ARCH_X86;
	if (strcmp(name, "x32") == 0)
		return SCMP_ARCH_X32;
	if (strcmp(name, "x86_64") == 0)
		return SCMP_ARCH_X86_64;
	die("%s:%u: architecture %s", r->path, r->line, name);
}

static void read_rule(struct reader *r, struct policy *policy)
{
	struct rule rule = {.action = action(r)};
	const char *name = word(r);
	char *at;

	rule.nr = call(r, name);
	snprintf(rule.name, sizeof(rule.name), "%s", name);
	while ((at = strtok_r(NULL, " \t\n", &r->rest))) {
		struct scmp_arg_cmp *arg = &rule.args[rule.n++];
		const char *op = word(r);

		if (rule.n > 6 || at[0] != 'A' || at[1] < '0' || at[1] > '5')
			die("%s:%u: %s", r->path, r->line, at);
		arg->arg = (unsigned int)(at[1] - '0');
		for (unsigned int i = 1; i < sizeof(ops) / sizeof(*ops); i++)
			if (strcmp(op, ops[i]) == 0)
				arg->op = (enum scmp_compare)i;
		arg->datum_a = number(r);
		if (arg->op == SCMP_CMP_MASKED_EQ)
			arg->datum_b = number(r);
	}
	if (rule.nr == __NR_SCMP_ERROR)
		return;
	policy->rules = reallocarray(policy->rules, policy->n_rules + 1, sizeof(rule));
	if (!policy->rules)
		die("no memory");
	policy->rules[policy->n_rules++] = rule;
}

static void read_line(struct reader *r, struct policy *policy, const char *what)
{
	if (strcmp(what, "default") == 0) {
		policy->otherwise = action(r);
	} else if (strcmp(what, "arch") == 0 && policy->n_arches < 8) {
		policy->arches[policy->n_arches++] = arch(r);
	} else if (strcmp(what, "rule") == 0) {
		read_rule(r, policy);
	} else if (strcmp(what, "probe") == 0 && policy->n_probes < 4) {
		struct probe *probe = &policy->probes[policy->n_probes++];

		snprintf(probe->class, sizeof(probe->class), "%s", word(r));
		probe->nr = call(r, word(r));
		probe->arg = number(r);
	} else {
		die("%s:%u: %s", r->path, r->line, what);
	}
}

void policy_read(struct policy *policy, const char *path, const struct lib *lib,
	const struct lib *other)
{
	struct reader r = {.path = path, .lib = lib, .other = other};
	const char *base = strrchr(path, '/');
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	if (!file)
		die("%s: %s", path, strerror(errno));
	*policy = (struct policy){.otherwise = SCMP_ACT_ALLOW};
	base = base ? base + 1 : path;
	snprintf(policy->name, sizeof(policy->name), "%.*s", (int)strcspn(base, "."),
		base);
	while (getline(&line, &size, file) > 0) {
		char *what;

		r.line++;
		line[strcspn(line, "#")] = '\0';
		what = strtok_r(line, " \t\n", &r.rest);
		if (what)
			read_line(&r, policy, what);
	}
	free(line);
	fclose(file);
}

scmp_filter_ctx policy_build(
	const struct policy *policy, const struct lib *lib, unsigned int optimize)
{
	scmp_filter_ctx ctx = lib->init(policy->otherwise);

	if (!ctx)
		die("seccomp_init(): no context");
	for (unsigned int i = 0; i < policy->n_arches; i++)
		if (lib->arch_add(ctx, policy->arches[i]) < 0)
			die("%s: no architecture %x", lib->name, policy->arches[i]);
	if (optimize != 1)
		lib->attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, optimize);
	for (unsigned int i = 0; i < policy->n_rules; i++) {
		const struct rule *rule = &policy->rules[i];
		int rc = lib->rule_add(ctx, rule->action, rule->nr, rule->n, rule->args);

		/* A pseudo call may exist on no architecture: all the same to both. */
		if (rc < 0 && rule->nr >= 0)
			die("%s: %s: rule %u of call %d: %d", policy->name, lib->name, i,
				rule->nr, rc);
	}
	return ctx;
}
