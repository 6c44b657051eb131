/* Any bytes as calls of the public API, on the library and on the naive evaluator: they
 * must say the same, a failed call must leave the program as it was, and every program
 * must be proved equal to what its policy says. What differs is printed as a case.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "api/context.h"
#include "bpf/prove.h"
#include "calls.h"
#include "cases/run.h"
#include "compile.h"
#include "lower/lower.h"

#define PROBES 48 /* rows made around the data of the rules */

static struct lib library;
static const char *complaint;

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

struct image {
	unsigned char bytes[4096 * 8];
	size_t len;
	int rc;
};

static void take(scmp_filter_ctx ctx, struct image *out)
{
	out->len = sizeof(out->bytes);
	out->rc = seccomp_export_bpf_mem(ctx, out->bytes, &out->len);
}

/* @rc of a call on @ctx, whose program was @before. */
static int unchanged(scmp_filter_ctx ctx, const struct image *before, int rc)
{
	static struct image after;

	if (rc == 0 || !ctx)
		return rc;
	take(ctx, &after);
	if (after.rc != before->rc ||
		(after.rc == 0 && (after.len != before->len ||
					  memcmp(after.bytes, before->bytes, after.len) != 0)))
		complaint = "a failed call changed the program";
	return rc;
}

static int rule_add(scmp_filter_ctx ctx, uint32_t action, int nr, unsigned int n,
	const struct scmp_arg_cmp *cmps)
{
	static struct image before;

	take(ctx, &before);
	return unchanged(ctx, &before, seccomp_rule_add_array(ctx, action, nr, n, cmps));
}

static int rule_exact(scmp_filter_ctx ctx, uint32_t action, int nr, unsigned int n,
	const struct scmp_arg_cmp *cmps)
{
	static struct image before;

	take(ctx, &before);
	return unchanged(ctx, &before, seccomp_rule_add_exact_array(ctx, action, nr, n, cmps));
}

static int arch_add(scmp_filter_ctx ctx, uint32_t token)
{
	static struct image before;

	take(ctx, &before);
	return unchanged(ctx, &before, seccomp_arch_add(ctx, token));
}

static int merge(scmp_filter_ctx dst, scmp_filter_ctx src)
{
	static struct image before, other;
	int rc;

	take(dst, &before);
	take(src, &other);
	rc = seccomp_merge(dst, src);
	unchanged(dst, &before, rc);
	return unchanged(src, &other, rc);
}

static void prove(scmp_filter_ctx ctx)
{
	struct sc_context *context = sc_context_get(ctx);
	struct sc_lowered low = {0};
	struct sc_prog prog = {0};
	struct sc_counterexample cex;
	int rc;

	if (!context)
		return;
	rc = sc_compile(context->policy, &prog);
	if (!rc)
		rc = sc_lower(context->policy, &low);
	if (!rc) {
		rc = sc_prove_policy(&prog, &low, NULL, &cex);
		if (rc == SC_PROOF_DIFFERS || rc == -EINVAL || rc == -EOPNOTSUPP)
			complaint = "the program is not the policy";
		rc = sc_prove_bitmap(&prog, &low, &cex);
		if (rc == SC_PROOF_DIFFERS)
			complaint = "the bitmap is not the policy";
	}
	sc_lowered_clear(&low);
	free(prog.insns);
}

static void release(scmp_filter_ctx ctx)
{
	prove(ctx);
	seccomp_release(ctx);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	library = (struct lib){
		.path = "this program",
		.version = seccomp_version,
		.init = seccomp_init,
		.release = release,
		.reset = seccomp_reset,
		.arch_add = arch_add,
		.arch_remove = seccomp_arch_remove,
		.arch_exist = seccomp_arch_exist,
		.rule_add = rule_add,
		.rule_exact = rule_exact,
		.attr_set = seccomp_attr_set,
		.attr_get = seccomp_attr_get,
		.priority = seccomp_syscall_priority,
		.merge = merge,
		.export_bpf = seccomp_export_bpf,
		.export_pfc = seccomp_export_pfc,
		.load = seccomp_load,
		.resolve_name = seccomp_syscall_resolve_name,
		.resolve_name_arch = seccomp_syscall_resolve_name_arch,
		.resolve_num_arch = seccomp_syscall_resolve_num_arch,
		.export_mem = seccomp_export_bpf_mem,
		.begin = seccomp_transaction_start,
		.reject = seccomp_transaction_reject,
		.commit = seccomp_transaction_commit,
		.precompute = seccomp_precompute,
	};
	return 0;
}

/* Rows at the data of a rule, one below and one above. */
static void probe_rule(struct scenario *s, const struct op *rule, uint32_t token)
{
	for (int off = -1; off <= 1; off++) {
		struct op *row = script_append(s);

		row->kind = OP_ROW;
		row->ctx = rule->ctx;
		row->other = NO_CONTEXT;
		row->token = token;
		row->nr = rule->nr;
		memcpy(row->name, rule->name, sizeof(row->name));
		for (unsigned int i = 0; i < rule->n_cmps; i++)
			if (rule->cmps[i].arg < 6)
				row->args[rule->cmps[i].arg] = (uint64_t)off +
					(rule->cmps[i].op == SCMP_CMP_MASKED_EQ ?
						rule->cmps[i].b : rule->cmps[i].a);
	}
}

static void probe(struct scenario *s)
{
	unsigned int n = s->n_ops;

	for (unsigned int i = 0; i < n && s->n_ops < n + PROBES; i++) {
		struct op rule = s->ops[i];

		if ((rule.kind != OP_RULE && rule.kind != OP_RULE_EXACT) || rule.nr < 0)
			continue;
		probe_rule(s, &rule, SCMP_ARCH_X86_64);
		for (unsigned int k = 0; k < n; k++)
			if (s->ops[k].kind == OP_ARCH_ADD && s->ops[k].ctx == rule.ctx &&
				oracle_arch_index(s->ops[k].token) >= 0) {
				probe_rule(s, &rule, s->ops[k].token);
				break;
			}
	}
}

static void fail(const struct scenario *s, const struct op *op, const struct outcome *want,
	const struct outcome *got)
{
	case_write(s, stderr);
	if (op) {
		fprintf(stderr, "at: ");
		case_write_op(op, stderr);
		fprintf(stderr, "the naive evaluator says ");
		outcome_print(op, want, stderr);
		fprintf(stderr, "; the library says ");
		outcome_print(op, got, stderr);
		fprintf(stderr, "\n");
	} else {
		fprintf(stderr, "%s\n", complaint);
	}
	abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct scenario s = {0};
	struct outcome *got, *want;

	complaint = NULL;
	calls_read(data, size, &s);
	probe(&s);
	got = calloc(s.n_ops + 1, sizeof(*got));
	want = calloc(s.n_ops + 1, sizeof(*want));
	if (!got || !want)
		abort();
	run_oracle(&s, want);
	run_library(&library, &s, got);
	if (complaint)
		fail(&s, NULL, NULL, NULL);
	for (unsigned int i = 0; i < s.n_ops; i++)
		/* -ENOEXEC: the row's architecture has the other byte order. */
		if (want[i].rc != MISSING && got[i].rc != -ENOEXEC &&
			!outcome_equal(&s.ops[i], &want[i], &got[i]))
			fail(&s, &s.ops[i], &want[i], &got[i]);
	free(got);
	free(want);
	script_free(&s);
	return 0;
}
