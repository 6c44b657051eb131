/* A container profile on our library and on another:
 *   profile CONVERTER PROFILE.json OURS [THEIRS]
 * Every number of every architecture, with the boundaries of every comparison, is decided the
 * same, but where the naive evaluator says that the other library is wrong; in at most a
 * quarter of its instructions.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases/run.h"

#define LAST_NUMBER 1200
#define MAX_POINTS  1024

static const uint32_t tokens[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32};

struct subject {
	struct scenario s;
	const struct lib *ours, *theirs;
	struct program our_prog, their_prog;
	struct oracle *oracle;
	uint64_t points[6][MAX_POINTS];
	unsigned int n_points[6];
	uint64_t rows, wrong, theirs_wrong;
	unsigned int checks, failed;
};

static void check(struct subject *t, bool ok, const char *what)
{
	t->failed += !ok;
	printf("%s %u - %s\n", ok ? "ok" : "not ok", ++t->checks, what);
}

static int direct_number(const struct lib *lib, const char *name)
{
	for (int nr = 0; nr < LAST_NUMBER; nr++) {
		char *found = lib->resolve_num_arch(SCMP_ARCH_X86, nr);
		bool same = found && strcmp(found, name) == 0;

		free(found);
		if (same)
			return nr;
	}
	return -1;
}

/* What the judge has to know of a call: the other library says it, by name and number. */
static void teach(const struct lib *lib, const char *name)
{
	struct oracle_name known = {0};

	snprintf(known.name, sizeof(known.name), "%s", name);
	for (int i = 0; i < ORACLE_ARCHES; i++) {
		known.nr[i] = lib->resolve_name_arch(oracle_arches[i].token, name);
		known.direct[i] = -2;
	}
	if (oracle_mux_code(known.nr[0]) >= 0)
		known.direct[0] = direct_number(lib, name);
	oracle_learn(&known);
}

/* Do both libraries have the same numbers? Where not, known-differences.md says why. */
static bool known_alike(const struct subject *t, const char *name)
{
	if (t->ours->resolve_name(name) == -1)
		return false;
	for (unsigned int i = 0; i < sizeof(tokens) / sizeof(*tokens); i++)
		if (t->ours->resolve_name_arch(tokens[i], name) !=
			t->theirs->resolve_name_arch(tokens[i], name))
			return false;
	return true;
}

/* Names that the libraries do not know alike are left out of both. */
static void keep_common(struct subject *t)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < t->s.n_ops; i++) {
		struct op *op = &t->s.ops[i];

		if (op->kind == OP_RULE && !known_alike(t, op->name)) {
			printf("# left out, not known alike: %s\n", op->name);
			continue;
		}
		if (op->kind == OP_RULE)
			teach(t->theirs, op->name);
		t->s.ops[kept++] = *op;
	}
	t->s.n_ops = kept;
}

static void add_point(struct subject *t, unsigned int arg, uint64_t v)
{
	for (unsigned int i = 0; i < t->n_points[arg]; i++)
		if (t->points[arg][i] == v)
			return;
	if (t->n_points[arg] < MAX_POINTS)
		t->points[arg][t->n_points[arg]++] = v;
}

static void collect_points(struct subject *t)
{
	for (unsigned int i = 0; i < t->s.n_ops; i++)
		for (unsigned int k = 0; k < t->s.ops[i].n_cmps; k++) {
			const struct oracle_cmp *c = &t->s.ops[i].cmps[k];
			uint64_t d = c->op == SCMP_CMP_MASKED_EQ ? c->b : c->a;
			uint64_t mask = c->op == SCMP_CMP_MASKED_EQ ? c->a : UINT64_MAX;

			for (uint64_t v = d - 1; v != d + 2; v++) {
				add_point(t, c->arg, v);
				add_point(t, c->arg, v ^ 0x100000000);
				add_point(t, c->arg, v | ~mask);
				add_point(t, c->arg, v ^ 0xffffffff00000000);
			}
			add_point(t, c->arg, d ^ (mask & -mask));
			add_point(t, c->arg, d | mask);
		}
	for (unsigned int arg = 0; arg < 6; arg++) {
		add_point(t, arg, 0);
		add_point(t, arg, UINT64_MAX);
	}
	for (uint64_t code = 0; code < 26; code++) /* of socketcall and ipc */
		add_point(t, 0, code);
}

static void compare(struct subject *t, uint32_t token, uint32_t nr, const uint64_t args[6])
{
	uint32_t audit = oracle_audit(token), ours = 0, theirs = 0, judge;
	char a[32], b[32], c[32], d[32];

	t->rows++;
	if (!program_run(&t->our_prog, false, audit, nr, args, &ours) ||
		!program_run(&t->their_prog, false, audit, nr, args, &theirs))
		t->wrong++;
	judge = oracle_verdict(t->oracle, audit, nr, args);
	t->theirs_wrong += theirs != judge;
	if (ours == judge || t->wrong++ > 5)
		return;
	printf("# %s %u A0=%#llx A1=%#llx: ours %s, theirs %s, the judge %s\n",
		arch_name(token, d), nr, (unsigned long long)args[0],
		(unsigned long long)args[1], action_name(ours, a), action_name(theirs, b),
		action_name(judge, c));
}

static void compare_number(struct subject *t, uint32_t token, uint32_t nr)
{
	for (unsigned int arg = 0; arg < 6; arg++)
		for (unsigned int i = 0; i < t->n_points[arg]; i++) {
			uint64_t args[6] = {0};

			args[arg] = t->points[arg][i];
			compare(t, token, nr, args);
			for (unsigned int k = 0; arg && k < t->n_points[0]; k += 5) {
				args[0] = t->points[0][k];
				compare(t, token, nr, args);
			}
		}
}

static void compare_all(struct subject *t)
{
	static const uint32_t far[] = {0x3fffffff, 0x7fffffff, 0x80000000, 0xfffffffe, UINT32_MAX};
	uint64_t wrong;

	for (unsigned int i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
		uint32_t bit = tokens[i] == SCMP_ARCH_X32 ? 0x40000000 : 0;
		char what[160], buf[32];

		wrong = t->wrong;
		for (uint32_t nr = 0; nr < LAST_NUMBER; nr++)
			compare_number(t, tokens[i], nr | bit);
		for (unsigned int k = 0; k < sizeof(far) / sizeof(*far); k++)
			compare_number(t, tokens[i], far[k] | bit);
		snprintf(what, sizeof(what), 
				"%s: every number of %s is decided as the rules say",
			t->s.name, arch_name(tokens[i], buf));
		check(t, wrong == t->wrong, what);
	}
	wrong = t->wrong;
	compare_number(t, SCMP_ARCH_AARCH64, 0);
	check(t, wrong == t->wrong, "another architecture is decided as the attribute says");
}

static void add_rules(const struct lib *lib, const struct scenario *s, struct outcome *out,
	struct program *prog)
{
	scmp_filter_ctx ctx[N_CONTEXTS + 1] = {NULL};

	run_library(lib, s, out);
	run_until(lib, s, s->n_ops, ctx);
	if (lib_export(lib, ctx[0], prog))
		*prog = (struct program){0};
	lib->release(ctx[0]);
}

static void build_oracle(struct subject *t, struct outcome *out)
{
	const struct op *first = &t->s.ops[0];

	run_oracle(&t->s, out);
	t->oracle = oracle_new(first->action);
	for (unsigned int i = 1; i < t->s.n_ops; i++) {
		const struct op *op = &t->s.ops[i];

		if (op->kind == OP_ARCH_ADD)
			oracle_arch_add(t->oracle, op->token);
		else
			oracle_rule_add(t->oracle, op->action, t->theirs->resolve_name(op->name),
				false, op->n_cmps, op->cmps);
	}
}

static void judge_profile(struct subject *t)
{
	struct outcome *out = calloc(3 * t->s.n_ops + 1, sizeof(*out));
	bool same = true;

	if (!out)
		abort();
	add_rules(t->ours, &t->s, out, &t->our_prog);
	add_rules(t->theirs, &t->s, out + t->s.n_ops, &t->their_prog);
	build_oracle(t, out + 2 * t->s.n_ops);
	for (unsigned int i = 0; i < t->s.n_ops; i++)
		same &= out[i].rc == out[2 * t->s.n_ops + i].rc &&
			out[i].rc == out[t->s.n_ops + i].rc;
	check(t, same, "every rule returns the same on both libraries and by the judge");
	free(out);
	collect_points(t);
	compare_all(t);
	printf("# %llu rows; the other library is wrong on %llu of them\n",
		(unsigned long long)t->rows, (unsigned long long)t->theirs_wrong);
	printf("# instructions: ours %u, theirs %u\n", t->our_prog.len, t->their_prog.len);
	check(t, t->our_prog.len && 4 * t->our_prog.len <= t->their_prog.len,
		"at most a quarter of the other library's instructions");
	oracle_free(t->oracle);
	free(t->our_prog.insns);
	free(t->their_prog.insns);
}

/* Runs the converter; its output is a case file of one scenario. */
static bool convert(const char *converter, const char *profile, struct case_file *file)
{
	char path[] = "/tmp/profile-XXXXXX";
	int fd = mkstemp(path), status = -1;
	pid_t pid = fd < 0 ? -1 : fork();
	bool ok;

	if (pid == 0) {
		dup2(fd, STDOUT_FILENO);
		execlp("python3", "python3", converter, profile, "x86", "x32", (char *)NULL);
		_exit(127);
	}
	ok = pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 &&
	     case_read(path, file) == 0;
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	return ok && file->n == 1;
}

int main(int argc, char **argv)
{
	struct lib ours, theirs;
	struct subject t = {.ours = &ours, .theirs = &theirs};
	struct case_file file;

	if (argc < 4) {
		fprintf(stderr, "usage: %s CONVERTER PROFILE OURS [THEIRS]\n", argv[0]);
		return 2;
	}
	if (argc < 5 || access(argv[2], R_OK)) {
		printf("ok 1 - %s # SKIP no %s\n1..1\n", argv[2],
			argc < 5 ? "other libseccomp here" : "such file");
		return 0;
	}
	if (!lib_open(&ours, argv[3]) || !lib_open(&theirs, argv[4]) ||
		!convert(argv[1], argv[2], &file))
		return 1;
	t.s = file.scenarios[0];
	keep_common(&t);
	judge_profile(&t);
	file.scenarios[0] = t.s;
	case_free(&file);
	printf("1..%u\n", t.checks);
	return t.failed != 0;
}
