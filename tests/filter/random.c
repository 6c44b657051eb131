/* Random filters: the program against the judge at every boundary with garbage around it, and proved.
 * random COUNT [SEED]
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/bpf.h"
#include "judge.h"

static uint64_t state;

static uint32_t any(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below ? (uint32_t)(state >> 16) % below : (uint32_t)(state >> 16);
}

#define LEN(a) (sizeof(a) / sizeof(*(a)))

static const char *const calls[] = {"read", "write", "openat", "mmap", "socket", "connect",
	"clone", "prctl", "personality", "fcntl", "shmget", "semop", "kill", "ptrace", "bind",
	"ioctl", "futex", "chmod", "socketcall", "ipc"};
static const uint32_t actions[] = {SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(1), SCMP_ACT_ERRNO(13),
	SCMP_ACT_KILL_PROCESS, SCMP_ACT_LOG, SCMP_ACT_NOTIFY, SCMP_ACT_TRAP, SCMP_ACT_TRACE(7)};
static const uint32_t x86_archs[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32};
static const uint32_t arm_archs[] = {SCMP_ARCH_AARCH64, SCMP_ARCH_ARM};
static const uint32_t s390_archs[] = {SCMP_ARCH_S390X, SCMP_ARCH_S390};
static const uint64_t numbers[] = {0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 0x40, 0x7f, 0x80, 0xff, 0x100,
	0x7fff, 0x8000, 0xffff, 0x10000, 0x7e020000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
	0x100000000, 0x100000001, 0x1ffffffff, 0x7fffffffffffffff, 0x8000000000000000,
	0xffffffff00000000, 0xffffffff7fffffff, 0xffffffff80000000, 0xfffffffffffffffe,
	0xffffffffffffffff};

struct made {
	struct judged f;
	struct sluice_filter_condition conditions[32][4];
	struct sluice_value values[32][4][6];
};

static uint64_t number(void)
{
	return any(8) ? numbers[any(LEN(numbers))] + any(3) - 1 : (uint64_t)any(0) << 32 | any(0);
}

static void make_condition(struct sluice_filter_condition *c, struct sluice_value *v)
{
	static const unsigned widths[] = {0, 0, 8, 16, 32, 32, 32, 64};

	*c = (struct sluice_filter_condition){
		.index = any(4) ? any(2) : any(6),
		.op = (enum sluice_op)(1 + any(8)),
		.negate = any(3) == 0,
		.bits = widths[any(LEN(widths))],
		.values = v,
		.n_values = 1,
	};
	for (int i = 0; i < 6; i++)
		v[i] = (struct sluice_value){.number = number()};
	if (c->op == SLUICE_OP_IN)
		c->n_values = 1 + any(6);
	if (c->op == SLUICE_OP_RANGE || c->op == SLUICE_OP_SRANGE || c->op == SLUICE_OP_MASKED)
		c->n_values = 2;
	if (c->op == SLUICE_OP_MASKED)
		v[1].number &= v[0].number;
	if ((c->op == SLUICE_OP_RANGE && v[0].number > v[1].number) ||
		(c->op == SLUICE_OP_SRANGE && (int64_t)v[0].number > (int64_t)v[1].number)) {
		struct sluice_value was = v[0];

		v[0] = v[1];
		v[1] = was;
	}
}

static struct sluice_rule make_rule(struct made *m, unsigned r, const uint32_t *archs, size_t n)
{
	struct sluice_rule rule = {.size = sizeof(rule), .flags = SLUICE_RULE_EXACT};
	static uint32_t near;

	if (r == 0)
		near = any(LEN(calls));
	rule.action = actions[any(LEN(actions))];
	rule.call = calls[any(3) ? near : any(LEN(calls))];
	if (any(8) == 0)
		rule.arch = archs[any((uint32_t)n)];
	if (any(10) == 0) {
		rule.call = NULL;
		rule.arch = archs[any((uint32_t)n)];
		rule.nr = (int)any(500) + (rule.arch == SCMP_ARCH_X32 ? 0x40000000 : 0);
	}
	rule.conditions = m->conditions[r];
	if (any(40) == 0)
		rule.call = "*";
	else
		rule.n_conditions = any(4);
	for (size_t i = 0; i < rule.n_conditions; i++)
		make_condition(&m->conditions[r][i], m->values[r][i]);
	return rule;
}

static int refused[200];

static struct sluice_filter *make(struct made *m)
{
	static const struct {
		const uint32_t *archs;
		size_t n;
	} sets[] = {{x86_archs, 3}, {x86_archs, 2}, {x86_archs, 1}, {x86_archs + 1, 1},
		{arm_archs, 2}, {s390_archs, 2}};
	uint32_t set = any(LEN(sets)), wanted = 1 + any(10);
	struct sluice_filter_options o = SLUICE_FILTER_OPTIONS_INIT;
	struct sluice_filter *filter;

	o.default_action = actions[any(LEN(actions))];
	o.badarch_action = actions[any(LEN(actions))];
	o.archs = sets[set].archs;
	o.n_archs = sets[set].n;
	o.multiplexed = any(2) ? SLUICE_MULTIPLEXED_REFUSE : SLUICE_MULTIPLEXED_ALLOW;
	o.optimize = 1 + (int)any(2);
	m->f.options = o;
	m->f.n_rules = 0;
	if (sluice_filter_new(&o, &filter, NULL))
		exit(3);
	for (unsigned r = 0; r < wanted; r++) {
		struct sluice_rule rule = make_rule(m, m->f.n_rules, o.archs, o.n_archs);
		int rc = sluice_filter_add(filter, &rule, NULL);

		if (rc)
			refused[-rc]++;
		else
			m->f.rules[m->f.n_rules++] = rule;
	}
	return filter;
}

/* A value at or beside a number that a rule names, with garbage in any part. */
static uint64_t probe(const struct made *m)
{
	uint64_t v = number();

	if (m->f.n_rules && any(4)) {
		unsigned r = any(m->f.n_rules);

		if (m->f.rules[r].n_conditions)
			v = m->values[r][any((uint32_t)m->f.rules[r].n_conditions)][any(2)].number;
	}
	v += any(3) - 1;
	switch (any(5)) {
	case 0:
		return v ^ (uint64_t)any(0) << 32;
	case 1:
		return v ^ UINT64_C(1) << any(64);
	case 2:
		return (v & 0xffff) | (uint64_t)any(0) << 16;
	default:
		return v;
	}
}

static struct seccomp_data random_call(const struct made *m)
{
	struct seccomp_data d = {.arch = m->f.options.archs[any((uint32_t)m->f.options.n_archs)]};
	const char *name = calls[any(LEN(calls))];

	if (m->f.n_rules && any(8)) {
		const struct sluice_rule *rule = &m->f.rules[any(m->f.n_rules)];

		d.nr = rule->nr;
		name = rule->call;
	}
	if (name)
		d.nr = seccomp_syscall_resolve_name_arch(d.arch, name);
	if (d.nr < 0 && name) {
		bool is_ipc = d.nr < -200 && d.nr > -230;
		bool is_mux = d.nr <= -101 && d.nr > -230;

		if (is_mux && any(2)) {
			d.args[0] = (uint64_t)(is_ipc ? -200 - d.nr : -100 - d.nr) |
				(any(2) ? (uint64_t)any(0) << 32 : 0) |
				(is_ipc && any(2) ? (uint64_t)any(0x10000) << 16 : 0);
			d.nr = seccomp_syscall_resolve_name_arch(
				d.arch, is_ipc ? "ipc" : "socketcall");
		} else {
			d.nr = d.arch == SCMP_ARCH_X86 ? (int)(354 + any(50)) : (int)any(500);
		}
	}
	if (any(16) == 0)
		d.nr = any(4) ? (int)any(600) : -1;
	if (d.arch == SCMP_ARCH_X32) {
		d.arch = SCMP_ARCH_X86_64;
		d.nr |= 0x40000000;
	}
	if (any(50) == 0)
		d.arch = any(0);
	for (int i = 0; i < 6; i++)
		if (i || !d.args[0])
			d.args[i] = probe(m);
	return d;
}

static int compare(const struct made *m, const struct sock_filter *insns, size_t count)
{
	bool big = m->f.options.archs == s390_archs;

	for (int i = 0; i < 200; i++) {
		struct seccomp_data d = random_call(m);
		uint32_t words[16], want = judge(&m->f, &d), got;

		sc_bpf_words(&d, big, words);
		got = sc_bpf_run(insns, (uint32_t)count, words, NULL);
		if (got == want)
			continue;
		printf("# arch 0x%x nr %d args 0x%" PRIx64 " 0x%" PRIx64 ": 0x%x, not 0x%x\n",
			d.arch, d.nr, (uint64_t)d.args[0], (uint64_t)d.args[1], got, want);
		return 1;
	}
	return 0;
}

/* The last filter, to merge with. */
static struct made last;
static struct sock_fprog last_prog;

static unsigned merged, too_big, merged_insns, both_insns;

static int check_merge(enum sluice_merge how, const struct made *m, const struct sock_fprog *prog)
{
	struct sock_filter *insns;
	size_t count;
	struct sluice_error error = {0};
	int rc = sluice_filter_merge(how, &last_prog, prog, &insns, &count, &error);

	if (rc == -E2BIG) {
		too_big++;
		return 0;
	}
	if (rc) {
		printf("# merge: %s\n", error.message);
		return 1;
	}
	merged++;
	merged_insns += (unsigned)count;
	both_insns += last_prog.len + prog->len;
	for (int i = 0; i < 200 && !rc; i++) {
		struct seccomp_data d = random_call(i % 2 ? m : &last);
		uint32_t words[16];

		sc_bpf_words(&d, false, words);
		rc = sc_bpf_run(insns, (uint32_t)count, words, NULL) !=
			judge_together(how, judge(&last.f, &d), judge(&m->f, &d));
		if (rc)
			printf("# merged: arch 0x%x nr %d\n", d.arch, d.nr);
	}
	free(insns);
	return rc;
}

/* Both ways of merging with the last one, which this one then is. */
static int check_merges(struct made *m, const struct sock_filter *insns, size_t count)
{
	struct sock_fprog prog = {(unsigned short)count, (struct sock_filter *)insns};
	int rc = 0;

	if (m->f.options.archs == s390_archs)
		return 0;
	if (last_prog.filter)
		rc = check_merge(SLUICE_MERGE_UNION, m, &prog) ||
			check_merge(SLUICE_MERGE_INTERSECTION, m, &prog);
	free(last_prog.filter);
	prog.filter = malloc(count * sizeof(*insns));
	memcpy(prog.filter, insns, count * sizeof(*insns));
	last_prog = prog;
	last = *m;
	for (unsigned r = 0; r < last.f.n_rules; r++) {
		last.f.rules[r].conditions = last.conditions[m->f.rules[r].conditions == NULL
				? r : (size_t)(m->f.rules[r].conditions - m->conditions[0]) / 4];
		for (int i = 0; i < 4; i++)
			last.conditions[r][i].values = last.values[r][i];
	}
	return rc;
}

/* The text of a filter makes a filter with the same text and the same program. */
static int check_text(const struct sluice_filter *filter, const struct sock_filter *insns,
	size_t count)
{
	char *text = NULL, *again = NULL;
	struct sluice_filter *read = NULL;
	struct sock_filter *other = NULL;
	struct sluice_error error = {0};
	size_t n = 0;
	int rc = sluice_filter_text(filter, &text);

	if (!rc)
		rc = sluice_filter_parse(text, strlen(text), "text", &read, &error);
	if (!rc)
		rc = sluice_filter_text(read, &again);
	if (!rc)
		rc = sluice_filter_compile(read, &other, &n, &error);
	if (!rc && (strcmp(text, again) != 0 || n != count ||
			memcmp(insns, other, n * sizeof(*insns)) != 0))
		rc = 1;
	if (rc)
		printf("# text: %s %s\n%s", error.where, error.message, text);
	sluice_filter_free(read);
	free(text);
	free(again);
	free(other);
	return rc;
}

/* 0: as the judge says, and proved. */
static int check(const struct sluice_filter *filter, struct made *m)
{
	struct sluice_error error = {0};
	struct sock_filter *insns;
	size_t count;
	int rc = sluice_filter_compile(filter, &insns, &count, &error);

	if (rc) {
		printf("# %s: %s\n", error.where, error.message);
		return 1;
	}
	rc = compare(m, insns, count);
	if (!rc && sluice_filter_prove(filter, insns, count, NULL, &error)) {
		printf("# not proved: %s\n", error.message);
		rc = 1;
	}
	if (!rc)
		rc = check_text(filter, insns, count);
	if (!rc)
		rc = check_merges(m, insns, count);
	free(insns);
	return rc;
}

int main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 1000, failed = 0;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1, rules = 0;

	for (unsigned i = 0; i < count; i++) {
		struct made *m = calloc(1, sizeof(*m));
		struct sluice_filter *filter;

		state = (seed + i) * UINT64_C(0x9e3779b97f4a7c15) | 1;
		filter = make(m);
		rules += m->f.n_rules;
		if (check(filter, m)) {
			printf("# seed %" PRIu64 "\n", seed + i);
			failed++;
		}
		sluice_filter_free(filter);
		free(m);
	}
	printf("# %" PRIu64 " rules; refused: %d unfit, %d without the call, %d senseless\n", rules,
		refused[ERANGE], refused[ENOENT], refused[EINVAL]);
	printf("# %u merged, %u instructions of %u in two; %u too big\n", merged, merged_insns,
		both_insns, too_big);
	printf("%s 1 - %u random filters as the judge says, each proved\n1..1\n",
		failed ? "not ok" : "ok", count);
	return failed ? 1 : 0;
}
