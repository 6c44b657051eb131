/* The naive evaluator: rules kept as they were said, judged by looking at every one.
 * SPDX-License-Identifier: MIT */
#include "oracle.h"

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

struct chain {
	uint32_t action;
	unsigned int n;
	struct oracle_cmp cmp[6]; /* ascending by argument; a = mask, b = datum */
};

struct call {
	int nr;
	unsigned int n;
	struct chain *chains; /* in insertion order; one without comparisons is alone */
};

struct arch {
	uint32_t token;
	unsigned int n;
	struct call *calls;
};

struct oracle {
	uint32_t otherwise, badarch, nnp, tsync, tskip;
	unsigned int n;
	struct arch arch[ORACLE_ARCHES];
	struct oracle *before; /* what reject goes back to */
};

static void *xrealloc(void *p, size_t size)
{
	p = realloc(p, size ? size : 1);
	if (!p)
		abort();
	return p;
}

static void *xcopy(const void *p, size_t size)
{
	void *copy = xrealloc(NULL, size);

	if (size)
		memcpy(copy, p, size);
	return copy;
}

static void arch_copy(struct arch *to, const struct arch *from)
{
	*to = *from;
	to->calls = xcopy(from->calls, from->n * sizeof(*from->calls));
	for (unsigned int i = 0; i < to->n; i++)
		to->calls[i].chains = xcopy(to->calls[i].chains,
			to->calls[i].n * sizeof(struct chain));
}

static void arch_free(struct arch *a)
{
	for (unsigned int i = 0; i < a->n; i++)
		free(a->calls[i].chains);
	free(a->calls);
}

static void arches_copy(struct oracle *to, const struct oracle *from)
{
	to->n = from->n;
	for (unsigned int i = 0; i < to->n; i++)
		arch_copy(&to->arch[i], &from->arch[i]);
}

static void arches_free(struct oracle *o)
{
	while (o->n)
		arch_free(&o->arch[--o->n]);
}

static void drop_copies(struct oracle *o)
{
	while (o->before) {
		struct oracle *copy = o->before;

		o->before = copy->before;
		arches_free(copy);
		free(copy);
	}
}

static bool action_ok(uint32_t action)
{
	uint32_t data = action & 0xffff;

	switch (action & 0xffff0000) {
	case 0x00050000: /* ERRNO */
		return data < 4095;
	case 0x7ff00000: /* TRACE */
	case 0x00030000: /* TRAP, since TRAPX with data */
		return true;
	case 0x00000000: /* KILL_THREAD */
	case 0x80000000: /* KILL_PROCESS */
	case 0x7fc00000: /* NOTIFY */
	case 0x7ffc0000: /* LOG */
	case 0x7fff0000: /* ALLOW */
		return data == 0;
	}
	return false;
}

struct oracle *oracle_new(uint32_t otherwise)
{
	struct oracle *o;

	if (!action_ok(otherwise))
		return NULL;
	o = xrealloc(NULL, sizeof(*o));
	memset(o, 0, sizeof(*o));
	oracle_reset(o, otherwise);
	return o;
}

int oracle_reset(struct oracle *o, uint32_t otherwise)
{
	if (!o || !action_ok(otherwise))
		return -EINVAL;
	drop_copies(o);
	arches_free(o);
	*o = (struct oracle){.otherwise = otherwise, .badarch = SCMP_ACT_KILL, .nnp = 1};
	o->n = 1;
	o->arch[0].token = oracle_native()->token;
	return 0;
}

void oracle_free(struct oracle *o)
{
	if (!o)
		return;
	drop_copies(o);
	arches_free(o);
	free(o);
}

int oracle_begin(struct oracle *o)
{
	struct oracle *copy;

	if (!o || !o->n)
		return -EINVAL;
	copy = xcopy(o, sizeof(*o));
	arches_copy(copy, o);
	o->before = copy;
	return 0;
}

/* Attributes are not part of what a transaction takes back. */
void oracle_reject(struct oracle *o)
{
	struct oracle *before = o ? o->before : NULL;

	if (!before)
		return;
	arches_free(o);
	memcpy(o->arch, before->arch, sizeof(o->arch));
	o->n = before->n;
	o->before = before->before;
	free(before);
}

int oracle_commit(struct oracle *o)
{
	struct oracle *before = o ? o->before : NULL;

	if (!o || !o->n)
		return -EINVAL;
	if (before) {
		o->before = before->before;
		arches_free(before);
		free(before);
	}
	return 0;
}

static int arch_find(const struct oracle *o, uint32_t token)
{
	for (unsigned int i = 0; i < o->n; i++)
		if (o->arch[i].token == token)
			return (int)i;
	return -1;
}

static bool big_endian(uint32_t token)
{
	return oracle_arches[oracle_arch_index(token)].big_endian;
}

int oracle_arch_exist(const struct oracle *o, uint32_t token)
{
	token = token ? token : oracle_native()->token;
	if (!o || oracle_arch_index(token) < 0)
		return -EINVAL;
	return arch_find(o, token) < 0 ? -EEXIST : 0;
}

int oracle_arch_add(struct oracle *o, uint32_t token)
{
	int rc = oracle_arch_exist(o, token);

	token = token ? token : oracle_native()->token;
	if (rc != -EEXIST)
		return rc ? rc : -EEXIST;
	if (o->n && big_endian(o->arch[0].token) != big_endian(token))
		return -EDOM;
	o->arch[o->n++] = (struct arch){.token = token};
	return 0;
}

int oracle_arch_remove(struct oracle *o, uint32_t token)
{
	int rc = oracle_arch_exist(o, token);

	token = token ? token : oracle_native()->token;
	if (rc)
		return rc;
	rc = arch_find(o, token);
	arch_free(&o->arch[rc]);
	memmove(&o->arch[rc], &o->arch[rc + 1], (--o->n - (unsigned int)rc) * sizeof(*o->arch));
	return 0;
}

bool oracle_has_arches(const struct oracle *o)
{
	return o->n != 0;
}

int oracle_attr_set(struct oracle *o, uint32_t attr, uint32_t value)
{
	if (!o || !o->n)
		return -EINVAL;
	switch (attr) {
	case SCMP_FLTATR_ACT_DEFAULT:
		return -EACCES;
	case SCMP_FLTATR_ACT_BADARCH:
		if (!action_ok(value))
			return -EINVAL;
		o->badarch = value;
		return 0;
	case SCMP_FLTATR_CTL_NNP:
		o->nnp = !!value;
		return 0;
	case SCMP_FLTATR_CTL_TSYNC:
		o->tsync = !!value;
		return 0;
	case SCMP_FLTATR_API_TSKIP:
		o->tskip = !!value;
		return 0;
	case SCMP_FLTATR_CTL_OPTIMIZE:
		return value == 1 || value == 2 ? 0 : -EOPNOTSUPP;
	case SCMP_FLTATR_CTL_LOG:
	case SCMP_FLTATR_CTL_SSB:
	case SCMP_FLTATR_API_SYSRAWRC:
	case 10: /* CTL_WAITKILL, newer than Debian's header */
		return 0;
	}
	return -EINVAL;
}

int oracle_merge(struct oracle *dst, struct oracle *src)
{
	if (!dst || !src || !dst->n || !src->n || dst->otherwise != src->otherwise ||
		dst->nnp != src->nnp || dst->tsync != src->tsync)
		return -EINVAL;
	if (big_endian(dst->arch[0].token) != big_endian(src->arch[0].token))
		return -EDOM;
	for (unsigned int i = 0; i < src->n; i++)
		if (arch_find(dst, src->arch[i].token) >= 0)
			return -EEXIST;
	for (unsigned int i = 0; i < src->n; i++)
		arch_copy(&dst->arch[dst->n++], &src->arch[i]);
	oracle_free(src);
	return 0;
}

/* The row of a native number or of a pseudo number; -1 when nobody knows it. */
static int name_of(int nr)
{
	int native = oracle_arch_index(oracle_native()->token);

	for (unsigned int i = 0; i < oracle_n_names; i++)
		if (oracle_names[i].nr[native] == nr)
			return (int)i;
	return -1;
}

/* The call's number on the architecture, and what names it. A bare number is the native
 * architecture's own; nobody can say what it is elsewhere. */
static int translate(int nr, uint32_t token, int *out, int *row)
{
	*out = nr;
	*row = name_of(nr);
	if (nr == -1)
		return 0;
	if (*row >= 0)
		*out = oracle_names[*row].nr[oracle_arch_index(token)];
	return *row >= 0 || token == oracle_native()->token ? 0 : -EFAULT;
}

int oracle_priority(const struct oracle *o, int nr)
{
	int out, row, rc = 0;

	if (!o || !o->n || (nr < 0 && nr > -100 && !(nr == -1 && o->tskip)))
		return -EINVAL;
	for (unsigned int i = 0; i < o->n && !rc; i++)
		rc = translate(nr, o->arch[i].token, &out, &row);
	return rc;
}

static bool same(const struct oracle_cmp *x, const struct oracle_cmp *y)
{
	return x->arg == y->arg && x->op == y->op && x->a == y->a && x->b == y->b;
}

static int group(int op)
{
	return op == SCMP_CMP_LT || op == SCMP_CMP_LE ? 1 :
	       op == SCMP_CMP_GT || op == SCMP_CMP_GE ? 2 : 0;
}

/* A comparison is two steps: 0, on the high words, and 1, on the low ones. */
static uint32_t word(uint64_t value, unsigned int step)
{
	return (uint32_t)(step ? value : value >> 32);
}

/* Does @x go before @y whatever came first? */
static bool before(const struct oracle_cmp *x, const struct oracle_cmp *y, unsigned int step)
{
	if (x->arg != y->arg)
		return x->arg > y->arg;
	if (group(x->op) != group(y->op))
		return group(x->op) < group(y->op);
	return group(x->op) == 1 ? word(x->b, step) < word(y->b, step)
				 : word(x->b, step) > word(y->b, step);
}

/* Is it one step? EQ and NE ask the same, and where nobody looks at the high words MASKED_EQ
 * does there, too. */
static bool same_step(const struct oracle_cmp *x, const struct oracle_cmp *y, unsigned int step)
{
	if (x->arg != y->arg || group(x->op) != group(y->op) ||
		word(x->b, step) != word(y->b, step) || word(x->a, step) != word(y->a, step))
		return false;
	if (step == 1 && group(x->op))
		return x->op == y->op;
	if (step == 1)
		return (x->op == SCMP_CMP_MASKED_EQ) == (y->op == SCMP_CMP_MASKED_EQ);
	return !word(x->a, 0) || (x->op == SCMP_CMP_MASKED_EQ) == (y->op == SCMP_CMP_MASKED_EQ);
}

static bool holds(const struct oracle_cmp *c, const uint64_t args[6])
{
	uint64_t v = args[c->arg] & c->a; /* the mask also cuts a 32-bit architecture's words */

	switch (c->op) {
	case SCMP_CMP_NE:
		return v != c->b;
	case SCMP_CMP_LT:
		return v < c->b;
	case SCMP_CMP_LE:
		return v <= c->b;
	case SCMP_CMP_GE:
		return v >= c->b;
	case SCMP_CMP_GT:
		return v > c->b;
	}
	return v == c->b; /* EQ, MASKED_EQ */
}

/* The rule as this architecture sees it: truncated, comparisons that always hold gone. */
static void chain_make(struct chain *c, bool wide, uint32_t action, unsigned int n,
	const struct oracle_cmp *cmps)
{
	uint64_t all = wide ? UINT64_MAX : UINT32_MAX;

	*c = (struct chain){.action = action};
	for (unsigned int arg = 0; arg < 6; arg++)
		for (unsigned int i = 0; i < n; i++) {
			struct oracle_cmp x = cmps[i];

			if (x.arg != arg)
				continue;
			if (x.op == SCMP_CMP_MASKED_EQ) {
				x.a &= all;
				x.b &= x.a;
			} else {
				x.b = x.a & all;
				x.a = all;
			}
			if (!((x.op == SCMP_CMP_MASKED_EQ && x.a == 0) ||
				    (x.op == SCMP_CMP_GE && x.b == 0) ||
				    (x.op == SCMP_CMP_LE && x.b == all)))
				c->cmp[c->n++] = x;
		}
}

static bool is_prefix(const struct chain *p, const struct chain *c)
{
	for (unsigned int i = 0; i < p->n; i++)
		if (i >= c->n || !same(&p->cmp[i], &c->cmp[i]))
			return false;
	return true;
}

static int call_add(struct arch *a, int nr, const struct chain *c)
{
	struct call *call = NULL;
	unsigned int kept = 0;
	bool placed = false;

	for (unsigned int i = 0; i < a->n; i++)
		if (a->calls[i].nr == nr)
			call = &a->calls[i];
	if (!call) {
		a->calls = xrealloc(a->calls, (a->n + 1) * sizeof(*a->calls));
		call = &a->calls[a->n++];
		*call = (struct call){.nr = nr};
	}
	for (unsigned int i = 0; i < call->n; i++) {
		const struct chain *old = &call->chains[i];

		if (old->n == c->n && is_prefix(old, c) && c->n)
			return old->action == c->action ? 0 : -EEXIST;
		if (is_prefix(old, c))
			return 0; /* the shorter covers it; without comparisons, anything */
		if (c->n && is_prefix(c, old) && old->action != c->action)
			return -EEXIST;
	}
	call->chains = xrealloc(call->chains, (call->n + 1) * sizeof(*c));
	for (unsigned int i = 0; i < call->n; i++) {
		if (!is_prefix(c, &call->chains[i]))
			call->chains[kept++] = call->chains[i];
		else if (!placed) /* it takes the place of the first that it covers */
			call->chains[kept++] = *c, placed = true;
	}
	if (!placed)
		call->chains[kept++] = *c;
	call->n = kept;
	return 0;
}

static int arch_rule_add(struct arch *a, uint32_t action, int nr,
	bool exact, unsigned int n, const struct oracle_cmp *cmps)
{
	int at = oracle_arch_index(a->token), here, row, code, rc;
	struct oracle_cmp mux[7];
	unsigned int n_mux = 1;
	struct chain c;

	rc = translate(nr, a->token, &here, &row);
	if (rc)
		return rc;
	code = row >= 0 ? oracle_mux_code(here) : -1;
	chain_make(&c, oracle_arches[at].wide, action, n, cmps);
	if (code < 0 || oracle_names[row].direct[at] == -2) /* nothing multiplexes it here */
		return here >= 0 || here == -1 ? call_add(a, here, &c) : exact ? -EDOM : 0;
	if (exact && n)
		return -EINVAL;
	if (oracle_names[row].direct[at] >= 0)
		rc = call_add(a, oracle_names[row].direct[at], &c);
	if (rc)
		return rc;
	/* socketcall(2) takes an int; ipc(2) an int too, whose upper half is a version. */
	if (here <= -200)
		mux[0] = (struct oracle_cmp){0, SCMP_CMP_MASKED_EQ, 0xffff, (uint64_t)code};
	else if (oracle_arches[at].wide)
		mux[0] = (struct oracle_cmp){0, SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint64_t)code};
	else
		mux[0] = (struct oracle_cmp){0, SCMP_CMP_EQ, (uint64_t)code, 0};
	for (unsigned int i = 0; i < n; i++)
		if (cmps[i].arg != 0)
			mux[n_mux++] = cmps[i];
	chain_make(&c, oracle_arches[at].wide, action, n_mux, mux);
	here = (here > -200 ? 102 : 117) + (strncmp(oracle_arches[at].name, "mips", 4) ? 0 : 4000);
	return call_add(a, here, &c);
}

int oracle_rule_add(struct oracle *o, uint32_t action, int nr, bool exact, unsigned int n,
	const struct oracle_cmp *cmps)
{
	unsigned int seen = 0;
	int rc;

	if (!o || !o->n || n > 6 || !action_ok(action))
		return -EINVAL;
	if (nr < 0 && nr > -100 && !(nr == -1 && o->tskip))
		return -EINVAL;
	if (action == o->otherwise)
		return -EACCES;
	if (exact && o->n > 1)
		return -EOPNOTSUPP;
	for (unsigned int i = 0; i < n; i++) {
		if (cmps[i].arg > 5 || seen & 1u << cmps[i].arg || cmps[i].op < SCMP_CMP_NE ||
			cmps[i].op > SCMP_CMP_MASKED_EQ)
			return -EINVAL;
		seen |= 1u << cmps[i].arg;
	}
	oracle_begin(o);
	rc = 0;
	for (unsigned int i = 0; i < o->n && !rc; i++)
		rc = arch_rule_add(&o->arch[i], action, nr, exact, n, cmps);
	if (rc)
		oracle_reject(o);
	else
		oracle_commit(o);
	return rc;
}

/* The first match among the @n chains at @left, which share their first @depth steps.
 * The different steps at @depth are tried in canonical order, ties as they came. Eats @left;
 * behind it is room for the deeper levels. */
static const struct chain *first_match(const struct chain **left, unsigned int n,
	unsigned int depth, const uint64_t args[6])
{
	const struct chain **with = left + n, *found;
	unsigned int at = depth / 2, step = depth % 2;

	while (n) {
		const struct oracle_cmp *best;
		unsigned int n_with = 0, n_left = 0;

		if (left[0]->n == at)
			return left[0];
		best = &left[0]->cmp[at];
		for (unsigned int i = 1; i < n; i++)
			if (before(&left[i]->cmp[at], best, step))
				best = &left[i]->cmp[at];
		for (unsigned int i = 0; i < n; i++) {
			if (!same_step(&left[i]->cmp[at], best, step))
				left[n_left++] = left[i];
			else if (step == 0 || holds(&left[i]->cmp[at], args))
				with[n_with++] = left[i];
		}
		found = first_match(with, n_with, depth + 1, args);
		if (found)
			return found;
		n = n_left;
	}
	return NULL;
}

static bool has_rule(const struct oracle *o, int at, int nr)
{
	for (unsigned int i = 0; at >= 0 && i < o->arch[at].n; i++)
		if (o->arch[at].calls[i].nr == nr && o->arch[at].calls[i].n > 0)
			return true;
	return false;
}

/* Whose number is it? x32 and x86_64 have one audit arch; x32 has the numbers from its bit on.
 * -1 is everybody's, as a tracer skips a call with it: x86_64's where x32 has no rule. */
static const struct arch *arch_of(const struct oracle *o, uint32_t audit, uint32_t nr)
{
	bool x32 = audit == SCMP_ARCH_X86_64 && nr >= 0x40000000;
	int at = arch_find(o, x32 ? SCMP_ARCH_X32 : audit), own = arch_find(o, audit);

	if (nr == UINT32_MAX && (at < 0 || (has_rule(o, own, -1) && !has_rule(o, at, -1))))
		at = own;
	return at < 0 ? NULL : &o->arch[at];
}

uint32_t oracle_verdict(const struct oracle *o, uint32_t audit, uint32_t nr,
	const uint64_t args[6])
{
	const struct arch *a = arch_of(o, audit, nr);

	if (!a)
		return o->badarch;
	for (unsigned int i = 0; i < a->n; i++) {
		const struct call *call = &a->calls[i];
		const struct chain **all, *found;

		if ((uint32_t)call->nr != nr)
			continue;
		all = xrealloc(NULL, 14 * call->n * sizeof(struct chain *));
		for (unsigned int k = 0; k < call->n; k++)
			all[k] = &call->chains[k];
		found = first_match(all, call->n, 0, args);
		free(all);
		return found ? found->action : o->otherwise;
	}
	return o->otherwise;
}
