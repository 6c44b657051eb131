/* The known ways in which libseccomp differs. A predicate looks at the rules of the call that
 * the difference is about: it says that they have what that class needs, so a difference
 * elsewhere is of no class. The judge has agreed with us before anything is classified.
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

/* A difference: at this line of that rule set; the whole of it when no line is known. */
struct difference {
	const struct scenario *s;
	const struct op *at;
	const struct outcome *want;
};

/* A call by name, or by the number that it has on x86_64. */
static const struct oracle_name *named(const struct op *op)
{
	int native = oracle_arch_index(SCMP_ARCH_X86_64);

	for (unsigned int i = 0; i < oracle_n_names; i++)
		if (op->name[0] ? strcmp(oracle_names[i].name, op->name) == 0
				: oracle_names[i].nr[native] == op->nr)
			return &oracle_names[i];
	return NULL;
}

static int multiplexer_of(const struct oracle_name *name, int arch)
{
	for (unsigned int i = 0; i < oracle_n_names; i++)
		if (oracle_mux_code(name->nr[arch]) >= 0 &&
			strcmp(oracle_names[i].name, name->nr[arch] > -200 ? "socketcall"
									   : "ipc") == 0)
			return oracle_names[i].nr[arch];
	return -1;
}

/* Can a rule for @rule see a call of that number there? */
static bool has_number(const struct op *rule, int nr, int arch)
{
	const struct oracle_name *name = named(rule);

	if (!name)
		return rule->nr == nr;
	return name->nr[arch] == nr || name->direct[arch] == nr ||
	       (nr >= 0 && multiplexer_of(name, arch) == nr);
}

/* Do two rules meet on some architecture? */
static bool share_a_number(const struct op *rule, const struct op *other)
{
	const struct oracle_name *name = named(other);

	if (!name)
		return has_number(rule, other->nr, oracle_arch_index(SCMP_ARCH_X86_64));
	for (int arch = 0; arch < ORACLE_ARCHES; arch++)
		if (has_number(rule, name->nr[arch], arch) ||
			(name->direct[arch] >= 0 && has_number(rule, name->direct[arch], arch)) ||
			(multiplexer_of(name, arch) >= 0 &&
				has_number(rule, multiplexer_of(name, arch), arch)))
			return true;
	return false;
}

/* Is that line a rule of the call at which they differ? */
static bool concerns(const struct difference *d, const struct op *op)
{
	const struct op *at = d->at;
	int arch;

	if (!is_rule(op))
		return false;
	if (at && is_rule(at))
		return share_a_number(op, at);
	if (!at || at->kind != OP_ROW)
		return true;
	arch = oracle_arch_index(at->token);
	return at->name[0] ? share_a_number(op, at) : arch < 0 || has_number(op, at->nr, arch);
}

static bool any_cmp(const struct difference *d, bool (*is)(const struct oracle_cmp *))
{
	for (unsigned int i = 0; i < d->s->n_ops; i++)
		for (unsigned int k = 0; concerns(d, &d->s->ops[i]) && k < d->s->ops[i].n_cmps; k++)
			if (is(&d->s->ops[i].cmps[k]))
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
static unsigned int n_conditional(const struct difference *d)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < d->s->n_ops; i++)
		n += concerns(d, &d->s->ops[i]) && d->s->ops[i].n_cmps;
	return n;
}

static bool several_arguments(const struct difference *d)
{
	unsigned int seen = 0;

	for (unsigned int i = 0; i < d->s->n_ops; i++)
		for (unsigned int k = 0; concerns(d, &d->s->ops[i]) && k < d->s->ops[i].n_cmps; k++)
			seen |= 1u << (d->s->ops[i].cmps[k].arg & 31);
	return seen & (seen - 1);
}

static bool changes_arches(const struct op *op)
{
	return op->kind == OP_ARCH_ADD || op->kind == OP_ARCH_REMOVE || op->kind == OP_MERGE;
}

/* After a change of architectures a rule fails or a transaction is rejected: the change goes too. */
static bool failed_rule_undoes(const struct difference *d)
{
	const struct scenario *s = d->s;
	bool changed = false;

	for (unsigned int i = 0; i < s->n_ops; i++) {
		changed |= changes_arches(&s->ops[i]) && d->want[i].rc == 0;
		if (changed && ((is_rule(&s->ops[i]) && d->want[i].rc < 0) ||
				       s->ops[i].kind == OP_REJECT))
			return true;
	}
	return false;
}

/* An architecture goes from among several, and a rule follows. */
static bool rule_after_remove(const struct difference *d)
{
	const struct scenario *s = d->s;
	bool removed = false;

	for (unsigned int i = 0; i < s->n_ops; i++) {
		removed |= s->ops[i].kind == OP_ARCH_REMOVE && d->want[i].rc == 0;
		if (removed && is_rule(&s->ops[i]))
			return true;
	}
	return false;
}

static bool always(const struct difference *d)
{
	return any_cmp(d, always_holds);
}

static bool mixed(const struct difference *d)
{
	return any_cmp(d, is_inverted) && several_arguments(d) && n_conditional(d) > 1;
}

/* Two comparisons of one argument, of different rules, that @fit. */
static bool any_pair(const struct difference *d,
	bool (*fit)(const struct oracle_cmp *, const struct oracle_cmp *))
{
	for (unsigned int i = 0; i < d->s->n_ops; i++)
		for (unsigned int k = 0; k < d->s->n_ops; k++) {
			const struct op *a = &d->s->ops[i], *b = &d->s->ops[k];

			if (i == k || !concerns(d, a) || !concerns(d, b))
				continue;
			for (unsigned int x = 0; x < a->n_cmps; x++)
				for (unsigned int y = 0; y < b->n_cmps; y++)
					if (a->cmps[x].arg == b->cmps[y].arg &&
						fit(&a->cmps[x], &b->cmps[y]))
						return true;
		}
	return false;
}

static bool orders_with_other_high(const struct oracle_cmp *x, const struct oracle_cmp *y)
{
	return is_ordering(x) && x->a >> 32 != y->a >> 32;
}

static bool ordering(const struct difference *d)
{
	return any_pair(d, orders_with_other_high);
}

static bool both_ne_with_one_high(const struct oracle_cmp *x, const struct oracle_cmp *y)
{
	return x->op == SCMP_CMP_NE && y->op == SCMP_CMP_NE && x->a != y->a &&
	       x->a >> 32 == y->a >> 32;
}

static bool is_less(const struct oracle_cmp *c)
{
	return c->op == SCMP_CMP_LT || c->op == SCMP_CMP_LE;
}

static bool order_one_way_with_one_high(const struct oracle_cmp *x, const struct oracle_cmp *y)
{
	return is_ordering(x) && is_ordering(y) && is_less(x) == is_less(y) && x->a != y->a &&
	       x->a >> 32 == y->a >> 32;
}

static bool ordering_high_word(const struct difference *d)
{
	return any_pair(d, order_one_way_with_one_high);
}

/* A transaction is rejected that nobody has begun. */
static bool reject_alone(const struct difference *d)
{
	unsigned int open[N_CONTEXTS + 1] = {0};

	for (unsigned int i = 0; i < d->s->n_ops; i++) {
		const struct op *op = &d->s->ops[i];

		if (op->kind == OP_REJECT && !open[op->ctx])
			return true;
		if (op->kind == OP_BEGIN)
			open[op->ctx]++;
		else if ((op->kind == OP_REJECT || op->kind == OP_COMMIT) && open[op->ctx])
			open[op->ctx]--;
	}
	return false;
}

static bool ne_high_word(const struct difference *d)
{
	return any_pair(d, both_ne_with_one_high);
}

/* Has the call no number of its own on the native or another architecture of the script? */
static bool absent_somewhere(const struct scenario *s, const struct oracle_name *name)
{
	for (unsigned int i = 0; i < s->n_ops; i++) {
		uint32_t token = s->ops[i].kind == OP_INIT     ? oracle_native()->token :
				 s->ops[i].kind == OP_ARCH_ADD ? s->ops[i].token : 0;
		int at = oracle_arch_index(token);

		if (at >= 0 && name->nr[at] < 0 && name->direct[at] < 0)
			return true;
	}
	return false;
}

/* A priority without a rule, or a rule for a call that an architecture lacks. */
static bool empty_entry(const struct difference *d)
{
	for (unsigned int i = 0; i < d->s->n_ops; i++) {
		const struct op *op = &d->s->ops[i];
		const struct oracle_name *name = op->name[0] ? named(op) : NULL;

		if (op->kind == OP_PRIORITY)
			return true;
		if (is_rule(op) && name && absent_somewhere(d->s, name))
			return true;
	}
	return false;
}

/* Argument 0 of socketcall or ipc with bits that the kernel does not read. */
static bool multiplexer_word(const struct difference *d)
{
	const struct op *at = d->at;
	int arch = at && at->kind == OP_ROW ? oracle_arch_index(at->token) : -1;
	uint64_t unread = arch >= 0 && oracle_arches[arch].wide ? UINT64_MAX << 32 : 0;

	for (unsigned int i = 0; arch >= 0 && i < d->s->n_ops; i++) {
		const struct op *op = &d->s->ops[i];
		const struct oracle_name *name = is_rule(op) ? named(op) : NULL;

		if (!name || multiplexer_of(name, arch) != at->nr)
			continue;
		if (at->args[0] & (unread | (name->nr[arch] > -200 ? 0 : 0xffff0000)))
			return true;
	}
	return false;
}

static const struct {
	const char *name;
	bool (*is)(const struct difference *);
	bool crashes; /* seen as a crash or a hang alone */
} classes[] = {
	{"failed-rule-undoes", failed_rule_undoes, false},
	{"multiplexer-word", multiplexer_word, false},
	{"always-holds", always, false},
	{"ne-high-word", ne_high_word, false},
	{"mixed-two-args", mixed, false},
	{"ordering-64", ordering, false},
	{"ordering-high-word", ordering_high_word, false},
	{"empty-entry", empty_entry, false},
	{"arch-remove-crash", rule_after_remove, true},
	{"reject-crash", reject_alone, true},
};

#define N_CLASSES ((int)(sizeof(classes) / sizeof(*classes)))

static int class_of(const struct difference *d, bool crashed)
{
	for (int i = 0; i < N_CLASSES; i++)
		if (crashed >= classes[i].crashes && classes[i].is(d))
			return i;
	return CLASS_UNLISTED;
}

int classify(const struct scenario *s, const struct outcome *want, const struct outcome *got)
{
	for (unsigned int i = 0; i < s->n_ops; i++) {
		struct difference d = {s, &s->ops[i], want};

		if (want[i].rc != MISSING && !outcome_equal(&s->ops[i], &want[i], &got[i]))
			return class_of(&d, got[i].rc == NOT_REACHED);
	}
	return CLASS_EQUAL;
}

int classify_crash(const struct scenario *s)
{
	struct outcome *want = calloc(s->n_ops + 1, sizeof(*want));
	int class;

	if (!want)
		abort();
	run_oracle(s, want);
	class = class_of(&(struct difference){s, NULL, want}, true);
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
