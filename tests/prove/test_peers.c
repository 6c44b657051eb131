/* Another libseccomp's programs, proved against the policy that the same calls make
 * here.
 *
 * test_peers [LIBRARY]: policies that every libseccomp compiles right must be proved
 * equal; those that it is known to get wrong (semantics.md) must be found different; on
 * anything, a difference must be a true one: their program really returns another
 * verdict than the rules, read naively, say.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/prove.h"
#include "traces.h"
#include "util/cleanup.h"

static int n_tests;

static bool report(bool ok, const char *what)
{
	printf("%s %d - %s\n", ok ? "ok" : "not ok", ++n_tests, what);
	fflush(stdout);
	return ok;
}

struct comparison {
	struct sc_lowered low;
	struct sc_prog prog;
	struct sc_counterexample cex;
	int rc; /* of the proof; -ENODATA: their library made no program */
};

static void comparison_clear(struct comparison *c)
{
	free(c->prog.insns);
	sc_lowered_clear(&c->low);
}

/* For the other byte order than the machine's there is nothing to compare with:
 * libseccomp leaves constants of some RETs unswapped (known-differences.md,
 * far-return-byte-order). */
static int compare(
	const struct trace *trace, const struct scmp_api *peer, struct comparison *c)
{
	scmp_filter_ctx ours = trace_replay(trace, &api_ours);
	scmp_filter_ctx theirs = trace_replay(trace, peer);

	c->rc = -ENODATA;
	if (ours && theirs && trace_lowered(ours, &c->low) == 0 &&
		c->low.big_endian == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) &&
		trace_program(peer, theirs, c->low.big_endian, &c->prog) == 0)
		c->rc = sc_prove_policy(&c->prog, &c->low, NULL, &c->cex);
	if (ours)
		seccomp_release(ours);
	if (theirs)
		peer->release(theirs);
	return c->rc;
}

static bool confirmed(const struct comparison *c)
{
	uint32_t words[16];

	sc_bpf_words(&c->cex.data, c->prog.big_endian, words);
	return c->cex.a != c->cex.b &&
	       sc_bpf_run(c->prog.insns, c->prog.len, words, NULL) == c->cex.a &&
	       lowered_eval(&c->low, &c->cex.data) == c->cex.b;
}

#define CALL 1000
struct known {
	const char *name;
	uint32_t default_action;
	uint32_t arch;
	unsigned int n;
	struct trace_rule rules[4];
};
#define R(act, n, ...)                                                                   \
	{                                                                                \
		act, CALL, n,                                                            \
		{                                                                        \
			__VA_ARGS__                                                      \
		}                                                                        \
	}
#define RULE(nr, act, n, ...)                                                            \
	{                                                                                \
		act, nr, n,                                                              \
		{                                                                        \
			__VA_ARGS__                                                      \
		}                                                                        \
	}
#define C(a, o, d)                                                                       \
	{                                                                                \
		.arg = a, .op = o, .datum_a = d                                          \
	}

static const struct known known_wrong[] = {
	{"stale accumulator: NE and EQ over two arguments", SCMP_ACT_ERRNO(1),
		SCMP_ARCH_X86_64, 2,
		{R(SCMP_ACT_ALLOW, 1, C(0, SCMP_CMP_EQ, 2)),
			R(SCMP_ACT_ALLOW, 2, C(0, SCMP_CMP_NE, 3),
				C(1, SCMP_CMP_EQ, 10))}},
	{"mixed orderings: LE 2 and LT 0x200000003", SCMP_ACT_ALLOW, SCMP_ARCH_X86_64, 2,
		{R(SCMP_ACT_ERRNO(1), 1, C(0, SCMP_CMP_LE, 2)),
			R(SCMP_ACT_ERRNO(1), 1, C(0, SCMP_CMP_LT, 0x200000003))}},
	/* Beside a rule for a call that the architecture lacks (pipe, on aarch64) the
	 * number may never be loaded: every rule is void, a deny list fails open
	 * (empty-entry). */
	{"number never loaded: a call that aarch64 lacks", SCMP_ACT_ALLOW,
		SCMP_ARCH_AARCH64, 2,
		{RULE(5, SCMP_ACT_ERRNO(1), 1, C(0, SCMP_CMP_EQ, 2)),
			RULE(22, SCMP_ACT_LOG, 0)}},
};

static void known_trace(const struct known *k, struct trace *t)
{
	memset(t, 0, sizeof(*t));
	t->default_action = k->default_action;
	t->badarch = SCMP_ACT_KILL_PROCESS;
	t->optimize = 1;
	t->archs[0] = k->arch;
	t->n_archs = 1;
	t->n_rules = k->n;
	memcpy(t->rules, k->rules, k->n * sizeof(k->rules[0]));
}

static bool check_known(const struct scmp_api *peer)
{
	bool ok = true;

	for (size_t i = 0; i < sizeof(known_wrong) / sizeof(known_wrong[0]); i++) {
		_cleanup_(comparison_clear) struct comparison c = {0};
		struct trace trace;

		known_trace(&known_wrong[i], &trace);
		compare(&trace, peer, &c);
		ok &= report(
			c.rc == SC_PROOF_DIFFERS && confirmed(&c), known_wrong[i].name);
		printf("# %d: nr=%d a0=0x%llx a1=0x%llx theirs 0x%x, the rules say "
		       "0x%x\n",
			c.rc, c.cex.data.nr, (unsigned long long)c.cex.data.args[0],
			(unsigned long long)c.cex.data.args[1], c.cex.a, c.cex.b);
	}
	return ok;
}

static void show_rule(const struct trace_rule *r)
{
	printf("#   nr %d: 0x%x", r->nr, r->action);
	for (unsigned int i = 0; i < r->n_args; i++)
		printf(" a%u op %d 0x%llx 0x%llx", r->args[i].arg, r->args[i].op,
			(unsigned long long)r->args[i].datum_a,
			(unsigned long long)r->args[i].datum_b);
	putchar('\n');
}

static void show_call(const struct seccomp_data *d)
{
	printf("# arch=0x%x nr=%d args=", d->arch, d->nr);
	for (int i = 0; i < 6; i++)
		printf("%s0x%llx", i ? "," : "", (unsigned long long)d->args[i]);
	putchar('\n');
}

/* Simple policies: equal. */
static bool check_simple(const struct scmp_api *peer, int n)
{
	struct rng r = {0x51391e};
	int equal = 0, none = 0;
	char text[120];

	for (int i = 0; i < n; i++) {
		_cleanup_(comparison_clear) struct comparison c = {0};
		struct trace trace;

		rand_trace(&r, TRACE_SIMPLE, &trace);
		compare(&trace, peer, &c);
		equal += c.rc == SC_PROOF_EQUAL;
		none += c.rc == -ENODATA;
		if (c.rc != SC_PROOF_EQUAL && c.rc != -ENODATA) {
			show_call(&c.cex.data);
			printf("# %d: %d theirs 0x%x, the rules say 0x%x\n", i, c.rc,
				c.cex.a, c.cex.b);
			for (unsigned int j = 0; j < trace.n_rules; j++)
				show_rule(&trace.rules[j]);
		}
	}
	snprintf(text, sizeof(text),
		"%d simple policies: %d proved equal, %d without a program", n, equal,
		none);
	return report(equal + none == n && equal > n / 2, text);
}

/* Anything: whatever is called different is different. */
static bool check_any(const struct scmp_api *peer, int n)
{
	struct rng r = {0xa17};
	int count[2] = {0}, wrong = 0, none = 0;
	char text[160];

	for (int i = 0; i < n; i++) {
		_cleanup_(comparison_clear) struct comparison c = {0};
		struct trace trace;

		rand_trace(&r, TRACE_ANY, &trace);
		compare(&trace, peer, &c);
		if (c.rc == -ENODATA)
			none++;
		else if (c.rc < 0 || (c.rc == SC_PROOF_DIFFERS && !confirmed(&c)))
			wrong++;
		else
			count[c.rc]++;
	}
	snprintf(text, sizeof(text),
		"%d policies of all kinds: %d equal, %d different with a true "
		"counter-example, "
		"%d without a program",
		n, count[0], count[1], none);
	return report(wrong == 0 && count[0] > 0 && count[1] > 0, text);
}

int main(int argc, char **argv)
{
	struct scmp_api peer;
	bool ok;

	if (argc < 2 || api_load(argv[argc - 1], &peer) < 0) {
		puts("1..1\nok 1 - another libseccomp's programs # SKIP no such library "
		     "here");
		return 0;
	}
	/* Some rule sets make libseccomp loop for ever. */
	alarm(240);
	ok = check_known(&peer);
	ok = check_simple(&peer, 300) && ok;
	ok = check_any(&peer, 300) && ok;
	printf("1..%d\n", n_tests);
	return ok ? 0 : 1;
}
