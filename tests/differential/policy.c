/* Random rule sets: few calls, arguments and data, so that rules collide; data on the
 * boundaries of words; probes on every datum and its neighbours, word by word.
 * SPDX-License-Identifier: MIT */
#include "policy.h"

#include <seccomp.h>
#include <string.h>

#define COUNT(a)    (sizeof(a) / sizeof(*(a)))
#define FEW_DATA    4
#define MAX_DATA    12
#define MAX_CALLS   3
#define FEW_PROBES  48 /* of one call on one architecture */
#define MAX_PROBES  200
#define MAX_POINTS  1280
/* One in so many has many rules, for one call: on those the others often do not return. */
#define MANY_OURS   50
#define MANY_THEIRS 250

struct maker {
	uint64_t state;
	struct scenario *s;
	uint32_t otherwise;
	bool big_endian, swapped; /* swapped: not native's */
	bool native_only, transactions, skip;
	bool overlaps; /* rules are masks of one value of one argument */
	bool many; /* rules for one call, enough that it is indexed */
	int calls[MAX_CALLS]; /* rows of oracle_names, or -number where nobody names it */
	uint64_t data[MAX_DATA], masks[2];
	unsigned int args[3];
	unsigned int depth; /* of transactions */
};

static uint64_t next(struct maker *m) /* splitmix64 */
{
	uint64_t z = m->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint32_t below(struct maker *m, uint32_t n)
{
	return (uint32_t)(next(m) >> 32) % n;
}

static bool chance(struct maker *m, uint32_t percent)
{
	return below(m, 100) < percent;
}

static uint64_t boundary(struct maker *m)
{
	static const uint64_t some[] = {0, 1, 2, 3, 5, 10, 0xf, 0x10, 0xff, 0x7fffffff,
		0x80000000, 0xfffffffe, 0xffffffff, 0x100000000, 0x100000001, 0x100000005,
		0x1ffffffff, 0x200000000, 0x200000003, 0x123456789abc, 0x7fffffffffffffff,
		0x8000000000000000, 0xffffffff00000000, 0xfffffffffffffffe,
		0xffffffffffffffff};

	if (chance(m, 15))
		return next(m);
	if (chance(m, 10))
		return 1ull << below(m, 64);
	return some[below(m, COUNT(some))];
}

static uint64_t mask(struct maker *m)
{
	static const uint64_t some[] = {0xf, 7, 1, 0xff, 0xfffffffffffffff7, 0xffffffff,
		0xffffffff00000000, 0xffffffffffffffff, 0x100000000, 0x8000000000000000,
		0x300000003, 0};

	return chance(m, 10) ? next(m) : some[below(m, COUNT(some))];
}

static uint32_t action(struct maker *m)
{
	static const uint32_t some[] = {SCMP_ACT_ERRNO(1), SCMP_ACT_ERRNO(1), SCMP_ACT_ERRNO(2),
		SCMP_ACT_ERRNO(2), SCMP_ACT_ERRNO(3), SCMP_ACT_ALLOW, SCMP_ACT_LOG, SCMP_ACT_TRAP,
		SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL};

	return some[below(m, COUNT(some))];
}

static struct op *append(struct maker *m, enum op_kind kind, uint8_t ctx)
{
	struct op *op = script_append(m->s);

	op->kind = kind;
	op->ctx = ctx;
	return op;
}

static uint32_t arch(struct maker *m)
{
	static const uint32_t usual[] = {SCMP_ARCH_X86, SCMP_ARCH_X86_64, SCMP_ARCH_X32,
		SCMP_ARCH_AARCH64};

	if (!m->big_endian && chance(m, 50))
		return usual[below(m, COUNT(usual))];
	for (;;) {
		const struct oracle_arch *a = &oracle_arches[below(m, ORACLE_ARCHES)];
		bool since_26 = a->token == 0xc0000102 || a->token == 4 ||
				a->token == 0x4000002a || a->token == 0x2a;

		if (a->big_endian == m->big_endian && (m->transactions || !since_26))
			return a->token;
	}
}

static void set_call(struct maker *m, struct op *op)
{
	int call = m->calls[below(m, MAX_CALLS)];

	if (call < 0)
		op->nr = -call;
	else
		snprintf(op->name, sizeof(op->name), "%s", oracle_names[call].name);
}

/* Comparisons that nearly all hold at once: which rule is first is all that tells. */
static void set_overlap(struct maker *m, struct op *op)
{
	struct oracle_cmp *c = &op->cmps[op->n_cmps++];

	c->arg = m->args[0];
	c->op = chance(m, 20) ? SCMP_CMP_EQ : chance(m, 15) ? SCMP_CMP_NE : SCMP_CMP_MASKED_EQ;
	c->a = chance(m, 80) ? m->data[0] : m->data[1];
	if (c->op == SCMP_CMP_MASKED_EQ) {
		c->b = c->a;
		c->a = mask(m);
		if (chance(m, 40))
			c->a = c->a << 32 | (uint32_t)mask(m);
	}
}

static void set_cmps(struct maker *m, struct op *op)
{
	unsigned int n = chance(m, m->many ? 1 : 8) ? 0 : 1 + below(m, 100) / 45;
	unsigned int first = below(m, 3);

	if (n && m->overlaps) {
		set_overlap(m, op);
		return;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct oracle_cmp *c = &op->cmps[op->n_cmps++];

		c->arg = m->args[(first + i) % 3];
		c->op = (int)(1 + below(m, 7));
		c->a = m->data[below(m, m->many ? MAX_DATA : FEW_DATA)];
		if (c->op == SCMP_CMP_MASKED_EQ) {
			c->b = c->a;
			c->a = m->masks[below(m, 2)];
		}
	}
	if (chance(m, 2) && n) /* now and then a mistake */
		op->cmps[n - 1].arg = chance(m, 50) ? 6 : op->cmps[0].arg;
}

static void rule(struct maker *m, uint8_t ctx)
{
	struct op *op = append(m, chance(m, 5) ? OP_RULE_EXACT : OP_RULE, ctx);

	op->action = action(m);
	set_call(m, op);
	if (m->skip && chance(m, 25)) {
		op->name[0] = '\0';
		op->nr = -1;
	}
	set_cmps(m, op);
}

static void transaction(struct maker *m)
{
	if (!m->transactions)
		return;
	if (m->depth && chance(m, 60)) {
		append(m, chance(m, 50) ? OP_COMMIT : OP_REJECT, 0);
		m->depth--;
	} else {
		append(m, OP_BEGIN, 0);
		m->depth++;
	}
}

static void merge(struct maker *m)
{
	append(m, OP_INIT, 1)->action = chance(m, 95) ? m->otherwise : SCMP_ACT_LOG;
	append(m, OP_ARCH_REMOVE, 1);
	append(m, OP_ARCH_ADD, 1)->token = arch(m);
	for (uint32_t n = below(m, 3); n; n--)
		rule(m, 1);
	append(m, OP_MERGE, 0)->other = 1;
}

/* What may happen between two rules. */
static void between(struct maker *m)
{
	uint32_t what = below(m, 100);

	if (what < 10)
		transaction(m);
	else if (what < 13)
		append(m, OP_ARCH_ADD, 0)->token = arch(m);
	else if (what < 15)
		append(m, OP_ARCH_REMOVE, 0)->token = arch(m);
	else if (what < 19)
		merge(m);
	else if (what < 24) {
		struct op *op = append(m, OP_PRIORITY, 0);

		set_call(m, op);
		op->arg = below(m, 256);
	} else if (what < 26 && m->transactions)
		append(m, OP_PRECOMPUTE, 0);
	else if (what < 29) {
		struct op *op = append(m, OP_ATTR_SET, 0);

		op->attr = SCMP_FLTATR_ACT_BADARCH;
		op->arg = action(m);
	}
}

static void choose(struct maker *m)
{
	static const int bare[] = {1000, 1001, 1002};

	m->otherwise = chance(m, 40) ? SCMP_ACT_ALLOW : action(m);
	m->native_only = chance(m, 50);
	m->swapped = !m->native_only && chance(m, 35);
	m->big_endian = oracle_native()->big_endian != m->swapped;
	for (unsigned int i = 0; i < MAX_CALLS; i++)
		m->calls[i] = m->native_only && chance(m, 60) ?
				      -bare[i] : (int)below(m, oracle_n_names);
	for (unsigned int i = 1; m->many && i < MAX_CALLS; i++)
		m->calls[i] = m->calls[0];
	for (unsigned int i = 0; i < (m->many ? MAX_DATA : FEW_DATA); i++)
		m->data[i] = i && chance(m, 30) ? m->data[i - 1] + below(m, 3) - 1 : boundary(m);
	for (unsigned int i = 0; i < 2; i++)
		m->masks[i] = mask(m);
	m->args[0] = below(m, 6);
	m->args[1] = (m->args[0] + 1 + below(m, 2)) % 6;
	m->args[2] = (m->args[1] + 1 + below(m, 2)) % 6;
}

static void build(struct maker *m)
{
	append(m, OP_INIT, 0)->action = m->otherwise;
	if (chance(m, 25)) {
		struct op *op = append(m, OP_ATTR_SET, 0);

		op->attr = SCMP_FLTATR_CTL_OPTIMIZE;
		op->arg = 2;
	}
	if (m->skip) {
		struct op *op = append(m, OP_ATTR_SET, 0);

		op->attr = SCMP_FLTATR_API_TSKIP;
		op->arg = 1;
	}
	if (!m->native_only) {
		if (m->swapped || chance(m, 30))
			append(m, OP_ARCH_REMOVE, 0);
		for (uint32_t n = 1 + below(m, 3); n; n--)
			append(m, OP_ARCH_ADD, 0)->token = arch(m);
	}
	for (uint32_t n = m->many ? 20 + below(m, 41) : 1 + below(m, 8); n; n--) {
		if (n > 1 || !m->native_only)
			between(m);
		rule(m, 0);
	}
	for (; m->depth; m->depth--)
		append(m, chance(m, 70) ? OP_COMMIT : OP_REJECT, 0);
}

/* The values of one argument around a datum: itself and its neighbours, and the same with
 * each word moved alone. */
static unsigned int points_around(uint64_t d, uint64_t mask_bits, uint64_t *out)
{
	uint64_t hi = d & 0xffffffff00000000, lo = (uint32_t)d;
	const uint64_t all[] = {d, d - 1, d + 1, hi | (uint32_t)(lo - 1), hi | (uint32_t)(lo + 1),
		(hi - 0x100000000) | lo, (hi + 0x100000000) | lo, d | ~mask_bits, d ^ (mask_bits & -mask_bits),
		(hi - 0x100000000) | 0xffffffff, hi + 0x100000000};

	memcpy(out, all, sizeof(all));
	return COUNT(all);
}

/* Is this the rule of a call that the probes of @name (or number) look at? */
static bool same_call(const struct op *op, const char *name, int nr)
{
	if (op->kind != OP_RULE && op->kind != OP_RULE_EXACT)
		return false;
	return name ? strcmp(op->name, name) == 0 : !op->name[0] && op->nr == nr;
}

static unsigned int points(const struct maker *m, unsigned int n_ops, const char *name, int nr,
	unsigned int arg, uint64_t *out)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < n_ops; i++) {
		const struct op *op = &m->s->ops[i];

		for (unsigned int k = 0; same_call(op, name, nr) && k < op->n_cmps; k++) {
			const struct oracle_cmp *c = &op->cmps[k];

			if (c->arg != arg || n + 16 > MAX_POINTS)
				continue;
			if (c->op == SCMP_CMP_MASKED_EQ)
				n += points_around(c->b & c->a, c->a, out + n);
			else
				n += points_around(c->a, UINT64_MAX, out + n);
		}
	}
	return n;
}

static void probe(struct maker *m, uint32_t token, int nr, const uint64_t args[6])
{
	struct op *op = append(m, OP_ROW, 0);

	op->token = token;
	op->nr = nr;
	op->check_value = true;
	memcpy(op->args, args, sizeof(op->args));
}

/* Every point of every argument, the others at points of theirs by chance. */
static void probe_number(struct maker *m, uint32_t token, int nr, unsigned int n_ops,
	const char *name, int call_nr, int mux_code)
{
	uint64_t point[6][MAX_POINTS], args[6];
	unsigned int n[6], left = m->many ? MAX_PROBES : FEW_PROBES;

	for (unsigned int arg = 0; arg < 6; arg++) {
		n[arg] = points(m, n_ops, name, call_nr, arg, point[arg]);
		point[arg][n[arg]++] = next(m);
	}
	for (unsigned int arg = 0; arg < 6; arg++)
		for (unsigned int i = 0; i < n[arg] && left; i++, left--) {
			for (unsigned int k = 0; k < 6; k++)
				args[k] = point[k][below(m, n[k])];
			args[arg] = point[arg][i];
			if (mux_code >= 0 && chance(m, 80))
				args[0] = (uint64_t)mux_code;
			if (mux_code >= 0 && chance(m, 20))
				args[0] ^= UINT64_C(1) << below(m, 64);
			probe(m, token, nr, args);
		}
}

static void probe_call(struct maker *m, uint32_t token, unsigned int n_ops, int call)
{
	int at = oracle_arch_index(token);
	const struct oracle_name *name;
	int nr, code;

	if (call < 0) {
		probe_number(m, token, -call, n_ops, NULL, -call, -1);
		return;
	}
	name = &oracle_names[call];
	nr = name->nr[at];
	code = oracle_mux_code(nr);
	if (nr >= 0)
		probe_number(m, token, nr, n_ops, name->name, 0, -1);
	if (name->direct[at] >= 0)
		probe_number(m, token, name->direct[at], n_ops, name->name, 0, -1);
	if (nr < 0 && code >= 0 && name->direct[at] != -2)
		probe_number(m, token,
			(code && nr > -200 ? 102 : 117) +
				(strncmp(oracle_arches[at].name, "mips", 4) ? 0 : 4000),
			n_ops, name->name, 0, code);
}

static void probe_all(struct maker *m)
{
	unsigned int n_ops = m->s->n_ops;
	uint32_t tokens[16];
	unsigned int n = 0;

	tokens[n++] = !m->swapped    ? oracle_native()->token :
		      m->big_endian ? SCMP_ARCH_S390X : SCMP_ARCH_X86_64;
	for (unsigned int i = 0; i < n_ops && n < COUNT(tokens); i++)
		if (m->s->ops[i].kind == OP_ARCH_ADD && m->s->ops[i].token)
			tokens[n++] = m->s->ops[i].token;
	for (unsigned int i = 0; i < n; i++) {
		static const uint64_t none[6];
		bool again = false;

		for (unsigned int k = 0; k < i; k++)
			again |= tokens[k] == tokens[i];
		if (again)
			continue;
		for (unsigned int k = 0; k < (m->many ? 1 : MAX_CALLS); k++)
			probe_call(m, tokens[i], n_ops, m->calls[k]);
		if (m->skip)
			probe_number(m, tokens[i], -1, n_ops, NULL, -1, -1);
		probe(m, tokens[i], 999, none);
		probe(m, tokens[i], -1, none);
		probe(m, tokens[i], 0x40000000, none);
	}
}

void policy_random(uint64_t seed, enum policy_kind kind, struct scenario *s)
{
	struct maker m = {.state = seed, .s = s, .transactions = kind != POLICY_BEFORE_26,
		.many = seed % (kind == POLICY_OURS ? MANY_OURS : MANY_THEIRS) == 0};

	next(&m);
	snprintf(s->name, sizeof(s->name), "seed-%llu", (unsigned long long)seed);
	choose(&m);
	m.skip = kind == POLICY_OURS && chance(&m, 10);
	m.overlaps = chance(&m, 15);
	build(&m);
	probe_all(&m);
}
