/* The known ways in which libseccomp differs. A predicate looks at the rule set alone: it says
 * that the set has what that class needs, so a difference elsewhere is of no class. The judge
 * has agreed with us before anything is classified.
 * SPDX-License-Identifier: MIT */
#include "classes.h"

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

static bool is_rule(const struct op *op)
{
	return op->kind == OP_RULE || op->kind == OP_RULE_EXACT;
}

static bool any_cmp(const struct scenario *s, bool (*is)(const struct oracle_cmp *))
{
	for (unsigned int i = 0; i < s->n_ops; i++)
		for (unsigned int k = 0; is_rule(&s->ops[i]) && k < s->ops[i].n_cmps; k++)
			if (is(&s->ops[i].cmps[k]))
				return true;
	return false;
}

/* On some architecture: 32 bits see only the low word. */
static bool always_holds(const struct oracle_cmp *c)
{
	switch (c->op) {
	case SCMP_CMP_GE:
		return (uint32_t)c->a == 0;
	case SCMP_CMP_LE:
		return (uint32_t)c->a == UINT32_MAX;
	case SCMP_CMP_MASKED_EQ:
		return (uint32_t)c->a == 0;
	}
	return false;
}

static bool is_ordering(const struct oracle_cmp *c)
{
	return c->op == SCMP_CMP_LT || c->op == SCMP_CMP_LE || c->op == SCMP_CMP_GT ||
	       c->op == SCMP_CMP_GE;
}

static bool is_inverted(const struct oracle_cmp *c)
{
	return c->op == SCMP_CMP_NE || is_ordering(c);
}

/* Two rules that libseccomp may have to share nodes between. */
static unsigned int n_conditional(const struct scenario *s)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < s->n_ops; i++)
		n += is_rule(&s->ops[i]) && s->ops[i].n_cmps;
	return n;
}

static bool several_arguments(const struct scenario *s)
{
	unsigned int seen = 0;

	for (unsigned int i = 0; i < s->n_ops; i++)
		for (unsigned int k = 0; is_rule(&s->ops[i]) && k < s->ops[i].n_cmps; k++)
			seen |= 1u << (s->ops[i].cmps[k].arg & 31);
	return seen & (seen - 1);
}

static bool changes_arches(const struct op *op)
{
	return op->kind == OP_ARCH_ADD || op->kind == OP_ARCH_REMOVE || op->kind == OP_MERGE;
}

/* After a change of architectures a rule fails: the change goes too. */
static bool failed_rule_undoes(const struct scenario *s, const struct outcome *want)
{
	bool changed = false;

	for (unsigned int i = 0; i < s->n_ops; i++) {
		changed |= changes_arches(&s->ops[i]) && want[i].rc == 0;
		if (changed && is_rule(&s->ops[i]) && want[i].rc < 0)
			return true;
	}
	return false;
}

/* An architecture goes from among several, and a rule follows. */
static bool rule_after_remove(const struct scenario *s, const struct outcome *want)
{
	bool removed = false;

	for (unsigned int i = 0; i < s->n_ops; i++) {
		removed |= s->ops[i].kind == OP_ARCH_REMOVE && want[i].rc == 0;
		if (removed && is_rule(&s->ops[i]))
			return true;
	}
	return false;
}

static bool always(const struct scenario *s, const struct outcome *want)
{
	(void)want;
	return any_cmp(s, always_holds);
}

static bool mixed(const struct scenario *s, const struct outcome *want)
{
	(void)want;
	return any_cmp(s, is_inverted) && several_arguments(s) && n_conditional(s) > 1;
}

static bool ordering(const struct scenario *s, const struct outcome *want)
{
	(void)want;
	return any_cmp(s, is_ordering) && n_conditional(s) > 1;
}

static const struct oracle_name *named(const struct op *op)
{
	for (unsigned int i = 0; i < oracle_n_names && op->name[0]; i++)
		if (strcmp(oracle_names[i].name, op->name) == 0)
			return &oracle_names[i];
	return NULL;
}

/* Has the call no number of its own on an architecture that the script names (or x86_64)? */
static bool absent_somewhere(const struct scenario *s, const struct oracle_name *name)
{
	for (unsigned int i = 0; i < s->n_ops; i++) {
		uint32_t token = s->ops[i].kind == OP_INIT     ? SCMP_ARCH_X86_64 :
				 s->ops[i].kind == OP_ARCH_ADD ? s->ops[i].token : 0;
		int at = oracle_arch_index(token);

		if (at >= 0 && name->nr[at] < 0 && name->direct[at] < 0)
			return true;
	}
	return false;
}

/* A priority without a rule, or a rule for a call that an architecture lacks. */
static bool empty_entry(const struct scenario *s, const struct outcome *want)
{
	(void)want;
	for (unsigned int i = 0; i < s->n_ops; i++) {
		const struct op *op = &s->ops[i];
		const struct oracle_name *name = named(op);

		if (op->kind == OP_PRIORITY)
			return true;
		if (is_rule(op) && name && absent_somewhere(s, name))
			return true;
	}
	return false;
}

static const struct {
	const char *name;
	bool (*is)(const struct scenario *, const struct outcome *);
	bool crashes; /* seen as a crash or a hang alone */
} classes[] = {
	{"failed-rule-undoes", failed_rule_undoes, false},
	{"always-holds", always, false},
	{"mixed-two-args", mixed, false},
	{"ordering-64", ordering, false},
	{"empty-entry", empty_entry, false},
	{"arch-remove-crash", rule_after_remove, true},
};

#define N_CLASSES ((int)(sizeof(classes) / sizeof(*classes)))

static int class_of(const struct scenario *s, const struct outcome *want, bool crashed)
{
	for (int i = 0; i < N_CLASSES; i++)
		if (crashed >= classes[i].crashes && classes[i].is(s, want))
			return i;
	return CLASS_UNLISTED;
}

int classify(const struct scenario *s, const struct outcome *want, const struct outcome *got)
{
	for (unsigned int i = 0; i < s->n_ops; i++)
		if (want[i].rc != MISSING && !outcome_equal(&s->ops[i], &want[i], &got[i]))
			return class_of(s, want, got[i].rc == NOT_REACHED);
	return CLASS_EQUAL;
}

int classify_crash(const struct scenario *s)
{
	struct outcome *want = calloc(s->n_ops + 1, sizeof(*want));
	int class;

	if (!want)
		abort();
	run_oracle(s, want);
	class = class_of(s, want, true);
	free(want);
	return class;
}

const char *class_name(int class)
{
	return classes[class].name;
}

bool class_is_listed(const char *known, const char *name)
{
	char line[256];
	bool found = false;
	FILE *in = fopen(known, "re");

	while (in && !found && fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		found = strncmp(line, "### ", 4) == 0 && strcmp(line + 4, name) == 0;
	}
	if (in)
		fclose(in);
	return found;
}

unsigned int class_report(const char *known, const uint64_t by_class[MAX_CLASSES],
	unsigned int first)
{
	unsigned int failed = 0;

	for (int i = 0; i < N_CLASSES; i++) {
		bool ok = !by_class[i] || class_is_listed(known, classes[i].name);

		if (!by_class[i])
			continue;
		printf("%s %u - class %s is described\n", ok ? "ok" : "not ok", first++,
			classes[i].name);
		failed += !ok;
	}
	printf("1..%u\n", first - 1);
	return failed;
}
