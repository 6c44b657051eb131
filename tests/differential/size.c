/* Sizes of programs, ours against another libseccomp's, or all of ours together:
 *   size [--count N] [--seed N] [--show 1] LIBRARY
 *   size [--count N] [--seed N] --most INSTRUCTIONS
 *   size [--count N] [--seed N] --again INSTRUCTIONS
 * N random rule sets, each a function of its seed (one list of rules for a few calls on a few
 * architectures). What the other library accepts we accept, and
 * in no more instructions. A program of theirs that does not do what the rules say is counted,
 * and its size is no measure; the prover tells (ours is proved against the rules).
 * --again: another call with the same rules adds at most so many instructions, and another architecture of
 * the same width two more: it is asked for, and so is the number on it.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bpf/prove.h"

#define SECONDS	  10 /* on some sets the other does not return */
#define MAX_SHOWN 20

struct set {
	uint32_t otherwise, optimize;
	uint32_t arches[3];
	unsigned int n_arches, n_rules;
	struct rule rules[200];
};

struct tally {
	unsigned int sets, larger, refused, wrong, wrong_smaller, none, equal, smaller, shown;
	uint64_t ours, theirs;
	bool show;
};

static const struct lib linked = {
	.name = "ours",
	.init = seccomp_init,
	.release = seccomp_release,
	.arch_add = seccomp_arch_add,
	.attr_set = seccomp_attr_set,
	.rule_add = seccomp_rule_add_array,
	.export_bpf_mem = seccomp_export_bpf_mem,
	.resolve_name = seccomp_syscall_resolve_name_arch,
};

static uint64_t next(uint64_t *state) /* splitmix64 */
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned int below(uint64_t *state, unsigned int n)
{
	return (unsigned int)(next(state) >> 32) % n;
}

enum data { SMALL, FLAGS, THOUSAND, WIDE, DATA };
enum ops { EQUAL, MASKED, UNEQUAL, ORDERED, ANY, OPS };

static uint64_t datum_of(uint64_t *r, enum data data)
{
	static const uint64_t wide[] = {0, 1, 0xffffffff, 0x100000000, 0x100000001,
		0x1ffffffff, 0x200000003, 0x7fffffffffffffff, 0xffffffffffffffff};

	switch (data) {
	case SMALL:
		return below(r, 8);
	case FLAGS:
		return UINT64_C(1) << below(r, 12);
	case THOUSAND:
		return 1 + below(r, 1000);
	default:
		return wide[below(r, sizeof(wide) / sizeof(*wide))];
	}
}

static enum scmp_compare op_of(uint64_t *r, enum ops ops)
{
	static const enum scmp_compare ordered[] = {
		SCMP_CMP_LT, SCMP_CMP_LE, SCMP_CMP_GE, SCMP_CMP_GT};

	switch (ops) {
	case EQUAL:
		return SCMP_CMP_EQ;
	case MASKED:
		return SCMP_CMP_MASKED_EQ;
	case UNEQUAL:
		return SCMP_CMP_NE;
	case ORDERED:
		return ordered[below(r, 4)];
	default:
		return (enum scmp_compare)(1 + below(r, 7));
	}
}

static struct scmp_arg_cmp comparison(uint64_t *r, unsigned int arg, enum ops ops,
	enum data data)
{
	static const uint64_t masks[] = {0xf, 0x7, 0xff, 0xffffffff, 0x3, 0xf000, 0x8000000f};
	struct scmp_arg_cmp c = {.arg = arg, .op = op_of(r, ops)};

	c.datum_a = datum_of(r, data);
	if (c.op == SCMP_CMP_MASKED_EQ) {
		c.datum_b = c.datum_a;
		c.datum_a = below(r, 2) ? c.datum_b : masks[below(r, sizeof(masks) / sizeof(*masks))];
		if (below(r, 4) == 0)
			c.datum_b = 0;
		if (c.datum_a == 0)
			c.datum_a = 1;
	}
	return c;
}

static void pick_arches(struct set *s, uint64_t *r)
{
	static const uint32_t sets[][3] = {{0}, {0}, {SCMP_ARCH_X86}, {SCMP_ARCH_X86, SCMP_ARCH_X32},
		{SCMP_ARCH_AARCH64}, {SCMP_ARCH_AARCH64, SCMP_ARCH_RISCV64},
		{SCMP_ARCH_AARCH64, SCMP_ARCH_ARM}};
	const uint32_t *of = sets[below(r, sizeof(sets) / sizeof(*sets))];

	for (unsigned int i = 0; i < 3 && of[i]; i++)
		s->arches[s->n_arches++] = of[i];
}

/* One list of rules for one, two or three calls, and some calls without a condition. */
static void make_set(struct set *s, uint64_t seed)
{
	static const uint32_t defaults[] = {SCMP_ACT_ALLOW, SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(1),
		SCMP_ACT_KILL_PROCESS};
	static const int calls[] = {SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(openat),
		SCMP_SYS(ioctl), SCMP_SYS(fcntl), SCMP_SYS(prctl)};
	uint64_t r = seed * UINT64_C(0x2545f4914f6cdd1d);
	unsigned int n_calls = 1 + below(&r, 3), first = below(&r, 6), args = 1 + below(&r, 6);
	unsigned int lists = 1 + below(&r, below(&r, 4) ? 12 : 30), plain = below(&r, 3) * 6;
	bool exact = below(&r, 2), one_action = below(&r, 2);
	enum ops ops = below(&r, OPS);
	enum data data = below(&r, DATA);
	struct rule list[30] = {0};

	*s = (struct set){.otherwise = defaults[below(&r, 4)], .optimize = 1};
	pick_arches(s, &r);
	for (unsigned int i = 0; i < lists; i++) {
		unsigned int n = exact ? args : 1 + below(&r, args), at = below(&r, 7 - n);

		list[i].action = one_action ? SCMP_ACT_LOG : SCMP_ACT_ERRNO(2 + below(&r, 6));
		for (; list[i].n < n; list[i].n++)
			list[i].args[list[i].n] = comparison(&r, at + list[i].n, ops, data);
	}
	for (unsigned int k = 0; k < n_calls; k++)
		for (unsigned int i = 0; i < lists; i++) {
			s->rules[s->n_rules] = list[i];
			s->rules[s->n_rules++].nr = calls[(first + k) % 6];
		}
	for (unsigned int i = 0; i < plain; i++)
		s->rules[s->n_rules++] =
			(struct rule){.action = SCMP_ACT_LOG, .nr = 100 + (int)below(&r, 120)};
}

/* What a library answers: -errno, or the length of the program. */
struct answer {
	int rc;
	uint32_t len, failed_rules;
	struct sock_filter insns[1 << 17];
};

static void ask(const struct lib *lib, const struct set *s, struct answer *out)
{
	scmp_filter_ctx ctx = lib->init(s->otherwise);
	size_t size = sizeof(out->insns);

	out->failed_rules = 0;
	for (unsigned int i = 0; i < s->n_arches; i++)
		lib->arch_add(ctx, s->arches[i]);
	lib->attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, s->optimize);
	for (unsigned int i = 0; i < s->n_rules; i++)
		out->failed_rules = out->failed_rules * 31 +
			(uint32_t)lib->rule_add(ctx, s->rules[i].action, s->rules[i].nr,
				s->rules[i].n, s->rules[i].args);
	out->rc = lib->export_bpf_mem(ctx, out->insns, &size);
	out->len = out->rc < 0 ? 0 : (uint32_t)(size / sizeof(*out->insns));
	lib->release(ctx);
}

/* The same in a child: it may hang or crash. */
static void ask_child(const struct lib *lib, const struct set *s, struct answer *out)
{
	pid_t pid;

	out->rc = -ETIMEDOUT;
	out->len = 0;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(SECONDS);
		ask(lib, s, out);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		die("no child");
}

/* Do the two programs say the same? */
static bool agree(const struct answer *a, const struct answer *b)
{
	struct sc_counterexample cex;
	struct sc_prog x = {.insns = (struct sock_filter *)a->insns, .len = a->len};
	struct sc_prog y = {.insns = (struct sock_filter *)b->insns, .len = b->len};

	return sc_prove_programs(&x, &y, NULL, &cex) == SC_PROOF_EQUAL;
}

static void show(struct tally *t, const char *name, const char *what, const struct set *s,
	const struct answer answers[2])
{
	static const char *const ops[] = {"?", "NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"};

	if (t->shown++ >= MAX_SHOWN)
		return;
	printf("# %s: %s: ours %u (%d), theirs %u (%d)\n", name, what, answers[0].len,
		answers[0].rc, answers[1].len, answers[1].rc);
	printf("# default %#x", s->otherwise);
	for (unsigned int i = 0; i < s->n_arches; i++)
		printf(", arch %#x", s->arches[i]);
	for (unsigned int i = 0; i < s->n_rules; i++) {
		const struct rule *rule = &s->rules[i];

		printf("\n# rule %#x %d", rule->action, rule->nr);
		for (unsigned int k = 0; k < rule->n; k++)
			printf(" A%u %s %#llx %#llx", rule->args[k].arg, ops[rule->args[k].op],
				(unsigned long long)rule->args[k].datum_a,
				(unsigned long long)rule->args[k].datum_b);
	}
	putchar('\n');
	for (unsigned int i = 0; t->show && i < 2; i++)
		sc_bpf_disasm(answers[i].insns, answers[i].len, false, stdout);
}

static void judge(struct tally *t, const char *name, const struct set *s, const struct lib *lib,
	struct answer answers[2])
{
	struct answer *ours = &answers[0], *theirs = &answers[1];

	t->sets++;
	ask(&linked, s, ours);
	ask_child(lib, s, theirs);
	if (!theirs->len || theirs->len > SC_BPF_MAX) {
		t->none++;
	} else if (!ours->len) {
		t->refused++;
		show(t, name, "refused", s, answers);
	} else if (ours->len > theirs->len && !agree(ours, theirs)) {
		t->wrong_smaller++;
		t->wrong++;
		if (t->show)
			show(t, name, "theirs wrong and smaller", s, answers);
	} else {
		t->larger += ours->len > theirs->len;
		t->equal += ours->len == theirs->len;
		t->smaller += ours->len < theirs->len;
		t->ours += ours->len;
		t->theirs += theirs->len;
		if (ours->len > theirs->len)
			show(t, name, "larger", s, answers);
	}
}

static void report(const struct tally *t, unsigned int *checks, unsigned int *failed,
	const char *of)
{
	printf("# %s: %u sets: %u smaller, %u equal, %u larger, %u refused; no program of "
	       "theirs: %u; wrong ones of theirs that are smaller: %u; instructions %llu "
	       "against %llu\n",
		of, t->sets, t->smaller, t->equal, t->larger, t->refused, t->none,
		t->wrong_smaller, (unsigned long long)t->ours, (unsigned long long)t->theirs);
	printf("%s %u - %s: none of %u larger\n", t->larger ? "not ok" : "ok", ++*checks, of,
		t->sets);
	printf("%s %u - %s: none of %u refused that the other accepts\n",
		t->refused ? "not ok" : "ok", ++*checks, of, t->sets);
	*failed += t->larger + t->refused;
}

/* What was gained once is not lost: the sum of our own sizes. */
static int sum(uint64_t seed, uint64_t count, uint64_t most)
{
	static struct answer answer;
	uint64_t total = 0;

	for (uint64_t n = 0; n < count; n++) {
		static struct set s;

		make_set(&s, seed + n);
		ask(&linked, &s, &answer);
		total += answer.len;
	}
	printf("1..1\n%s 1 - %llu random sets: %llu instructions, at most %llu\n",
		total > most ? "not ok" : "ok", (unsigned long long)count,
		(unsigned long long)total, (unsigned long long)most);
	return total > most;
}

/* The list of rules of @s for the calls @nrs alone. */
static void spread(struct set *s, const struct rule *list, unsigned int n_list, const int *nrs,
	unsigned int n_calls)
{
	s->n_rules = 0;
	for (unsigned int k = 0; k < n_calls; k++)
		for (unsigned int i = 0; i < n_list; i++) {
			s->rules[s->n_rules] = list[i];
			s->rules[s->n_rules++].nr = nrs[k];
		}
}

static uint32_t length_of(const struct set *s)
{
	static struct answer answer;

	ask(&linked, s, &answer);
	return answer.len;
}

/* What the second and the third call, and the second architecture, add. None where the program does not
 * fit. */
static void again(struct set *s, uint32_t *calls, uint32_t *arches)
{
	static const int nrs[] = {SCMP_SYS(ioctl), SCMP_SYS(prctl), SCMP_SYS(openat)};
	struct rule list[30];
	unsigned int n_list = 0;
	uint32_t last = 0, now;

	for (unsigned int i = 0; i < s->n_rules && s->rules[i].nr == s->rules[0].nr; i++)
		list[n_list++] = s->rules[i];
	s->n_arches = 0;
	for (unsigned int n = 1; n <= 3; n++, last = now) {
		spread(s, list, n_list, nrs, n);
		now = length_of(s);
		if (n > 1 && now && last && now > last + *calls)
			*calls = now - last;
	}
	spread(s, list, n_list, nrs, 1);
	last = length_of(s);
	s->n_arches = 1;
	s->arches[0] = seccomp_arch_native() == SCMP_ARCH_AARCH64 ? SCMP_ARCH_X86_64 : SCMP_ARCH_AARCH64;
	now = length_of(s);
	if (now && last && now > last + *arches)
		*arches = now - last;
}

static int shared(uint64_t seed, uint64_t count, uint64_t most)
{
	const uint64_t most_arch = most + 2;
	uint32_t calls = 0, arches = 0;

	for (uint64_t n = 0; n < count; n++) {
		static struct set s;

		make_set(&s, seed + n);
		again(&s, &calls, &arches);
	}
	printf("1..2\n%s 1 - %llu random lists: another call adds %u instructions, at most %llu\n",
		calls > most ? "not ok" : "ok", (unsigned long long)count, calls,
		(unsigned long long)most);
	printf("%s 2 - %llu random lists: another architecture adds %u instructions, at most %llu\n",
		arches > most_arch ? "not ok" : "ok", (unsigned long long)count, arches,
		(unsigned long long)most_arch);
	return calls > most || arches > most_arch;
}

int main(int argc, char **argv)
{
	unsigned int checks = 0, failed = 0;
	uint64_t seed = 1, count = 2000, most = 0, more = 0;
	struct tally t = {0};
	struct answer *answers;
	struct lib theirs;
	int i = 1;

	for (; i + 1 < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--count") == 0)
			count = strtoull(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--show") == 0)
			t.show = strtoul(argv[++i], NULL, 0) != 0;
		else if (strcmp(argv[i], "--most") == 0)
			most = strtoull(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--again") == 0)
			more = strtoull(argv[++i], NULL, 0);
		else
			die("unknown option %s", argv[i]);
	}
	/* Some are larger than what is proved within its bounds. */
	unsetenv("SECCOMP_SELF_CHECK");
	seccomp_api_set(7);
	if (most)
		return sum(seed, count, most);
	if (more)
		return shared(seed, count, more);
	if (i >= argc) {
		printf("1..1\nok 1 - sizes # SKIP no other libseccomp\n");
		return 0;
	}
	lib_open(&theirs, "theirs", argv[argc - 1]);
	answers = mmap(NULL, 2 * sizeof(*answers), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (answers == MAP_FAILED)
		die("no memory");
	for (uint64_t n = 0; n < count; n++) {
		static struct set s;
		char name[32];

		make_set(&s, seed + n);
		snprintf(name, sizeof(name), "seed %llu", (unsigned long long)(seed + n));
		judge(&t, name, &s, &theirs, answers);
	}
	report(&t, &checks, &failed, "random sets");
	printf("1..%u\n", checks);
	return failed ? 1 : 0;
}
