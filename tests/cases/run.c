/* Runs a scenario on a library.
 * SPDX-License-Identifier: MIT */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef HAVE_SC_BPF
#include "bpf/bpf.h"
#endif

struct state {
	const struct lib *lib;
	scmp_filter_ctx *ctx;
	struct program prog[N_CONTEXTS + 1]; /* of the rows; NULL when out of date */
};

static int number_of(const struct lib *lib, const struct op *op)
{
	return op->name[0] ? lib->resolve_name(op->name) : op->nr;
}

static int add_rules(const struct lib *lib, scmp_filter_ctx ctx, const struct op *op)
{
	struct scmp_arg_cmp cmps[8];
	int nr = number_of(lib, op), rc = 0;

	for (unsigned int i = 0; i < op->n_cmps; i++)
		cmps[i] = (struct scmp_arg_cmp){op->cmps[i].arg,
			(enum scmp_compare)op->cmps[i].op, op->cmps[i].a, op->cmps[i].b};
	for (uint32_t i = 0; i < op->repeat && !rc; i++) {
		rc = (op->kind == OP_RULE ? lib->rule_add : lib->rule_exact)(ctx, op->action, nr,
			op->n_cmps, cmps);
		nr += op->step_nr;
		for (unsigned int k = 0; k < op->n_cmps; k++)
			cmps[k].datum_a += op->step_cmps >> k & 1;
	}
	return rc;
}

static void forget_program(struct state *s, unsigned int i)
{
	free(s->prog[i].insns);
	s->prog[i] = (struct program){0};
}

/* Our interpreter has to see what the harness' own sees. */
static bool second_opinion(const struct program *prog, bool big, uint32_t audit, uint32_t nr,
	const uint64_t args[6], uint32_t verdict)
{
#ifdef HAVE_SC_BPF
	struct seccomp_data data = {.nr = (int)nr, .arch = audit};
	struct sock_filter *insns = malloc(prog->len * sizeof(*insns));
	uint32_t words[16], again, at;
	const char *why;

	if (!insns)
		abort();
	memcpy(data.args, args, sizeof(data.args));
	for (uint32_t i = 0; i < prog->len; i++) {
		insns[i] = prog->insns[i];
		if (is_foreign_order(big)) {
			insns[i].code = __builtin_bswap16(insns[i].code);
			insns[i].k = __builtin_bswap32(insns[i].k);
		}
	}
	sc_bpf_words(&data, big, words);
	again = sc_bpf_check(insns, prog->len, &at, &why) ?
			~verdict : sc_bpf_run(insns, prog->len, words, NULL);
	free(insns);
	return again == verdict;
#else
	(void)prog, (void)big, (void)audit, (void)nr, (void)args, (void)verdict;
	return true;
#endif
}

static int run_row(struct state *s, const struct op *op, uint32_t *value)
{
	struct program *prog = &s->prog[op->ctx];
	int at = oracle_arch_index(op->token), nr = op->nr, rc;
	bool big = at >= 0 && oracle_arches[at].big_endian;
	uint32_t audit = oracle_audit(op->token);

	if (op->name[0])
		nr = s->lib->resolve_name_arch(op->token, op->name);
	if (!prog->insns) {
		rc = lib_export(s->lib, s->ctx[op->ctx], prog);
		if (rc)
			return rc;
	}
	if (!program_run(prog, big, audit, (uint32_t)nr, op->args, value))
		return -ENOEXEC;
	return second_opinion(prog, big, audit, (uint32_t)nr, op->args, *value) ? 0 : -EBADMSG;
}

static int check_mem(const struct lib *lib, scmp_filter_ctx ctx, enum op_kind kind)
{
	struct program prog;
	unsigned char *buf;
	size_t size, len;
	int rc;

	if (!lib->export_mem)
		return MISSING;
	len = 0;
	if (!ctx)
		return lib->export_mem(NULL, NULL, &len);
	rc = lib_export(lib, ctx, &prog);
	if (rc)
		return rc;
	size = prog.len * sizeof(*prog.insns);
	buf = malloc(size + 16);
	if (!buf)
		abort();
	memset(buf, 0xa5, size + 16);
	len = kind == OP_MEM_EXACT ? size : kind == OP_MEM_SHORT ? size - 1 : 0;
	rc = lib->export_mem(ctx, kind == OP_MEM_SIZE ? NULL : buf, &len);
	if (len != size)
		rc = -EBADMSG;
	if (kind == OP_MEM_EXACT && !rc && memcmp(buf, prog.insns, size) != 0)
		rc = -EBADMSG;
	if (buf[size] != 0xa5)
		rc = -EBADMSG;
	free(buf);
	free(prog.insns);
	return rc;
}

static int check_len(const struct lib *lib, scmp_filter_ctx ctx, uint32_t max)
{
	struct program prog;
	int rc = lib_export(lib, ctx, &prog);

	if (!rc && prog.len > max)
		rc = -E2BIG;
	free(prog.insns);
	return rc;
}

static int export_to_null(int (*export)(scmp_filter_ctx, int), scmp_filter_ctx ctx)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC), rc = export(ctx, fd);

	close(fd);
	return rc;
}

static int run_transaction(const struct lib *lib, scmp_filter_ctx ctx, enum op_kind kind)
{
	if (!lib->begin)
		return MISSING;
	if (kind == OP_BEGIN)
		return lib->begin(ctx);
	if (kind == OP_COMMIT)
		return lib->commit(ctx);
	if (kind == OP_PRECOMPUTE)
		return lib->precompute(ctx);
	lib->reject(ctx);
	return 0;
}

static int run_init(const struct lib *lib, scmp_filter_ctx *ctx, uint32_t action,
	uint32_t *value)
{
	lib->release(*ctx);
	*ctx = lib->init(action);
	*value = *ctx != NULL;
	return 0;
}

static int run_op(struct state *s, const struct op *op, uint32_t *value)
{
	const struct lib *lib = s->lib;
	scmp_filter_ctx ctx = s->ctx[op->ctx];
	int rc;

	switch (op->kind) {
	case OP_INIT:
		return run_init(lib, &s->ctx[op->ctx], op->action, value);
	case OP_RELEASE:
		lib->release(ctx);
		s->ctx[op->ctx] = NULL;
		return 0;
	case OP_RESET:
		return lib->reset(ctx, op->action);
	case OP_ARCH_ADD:
		return lib->arch_add(ctx, op->token);
	case OP_ARCH_REMOVE:
		return lib->arch_remove(ctx, op->token);
	case OP_ARCH_EXIST:
		return lib->arch_exist(ctx, op->token);
	case OP_RULE:
	case OP_RULE_EXACT:
		return add_rules(lib, ctx, op);
	case OP_ATTR_SET:
		return lib->attr_set(ctx, op->attr, op->arg);
	case OP_ATTR_GET:
		return lib->attr_get(ctx, op->attr, value);
	case OP_PRIORITY:
		return lib->priority(ctx, number_of(lib, op), (uint8_t)op->arg);
	case OP_MERGE:
		rc = lib->merge(ctx, s->ctx[op->other]);
		if (!rc)
			s->ctx[op->other] = NULL;
		return rc;
	case OP_EXPORT:
		return export_to_null(lib->export_bpf, ctx);
	case OP_EXPORT_BAD:
		return lib->export_bpf(ctx, -1);
	case OP_PFC:
		return export_to_null(lib->export_pfc, ctx);
	case OP_MEM_SIZE:
	case OP_MEM_SHORT:
	case OP_MEM_EXACT:
		return check_mem(lib, ctx, op->kind);
	case OP_MAX_LEN:
		return check_len(lib, ctx, op->arg);
	case OP_ROW:
		return run_row(s, op, value);
	default:
		return run_transaction(lib, ctx, op->kind);
	}
}

/* Until its end, or until a library lacks a call: then nothing behind it makes sense. */
static void run_ops(struct state *s, const struct scenario *script, unsigned int until,
	struct outcome *out)
{
	for (unsigned int i = 0; i < until; i++) {
		const struct op *op = &script->ops[i];
		uint32_t value = 0;
		int rc;

		if (op->kind != OP_ROW) {
			forget_program(s, op->ctx);
			forget_program(s, op->other);
		}
		rc = run_op(s, op, &value);
		if (out)
			out[i] = (struct outcome){rc, value};
		if (rc == MISSING)
			break;
	}
	for (unsigned int i = 0; i <= N_CONTEXTS; i++)
		forget_program(s, i);
}

void run_library(const struct lib *lib, const struct scenario *script, struct outcome *out)
{
	scmp_filter_ctx ctx[N_CONTEXTS + 1] = {NULL};
	struct state s = {.lib = lib, .ctx = ctx};

	for (unsigned int i = 0; i < script->n_ops; i++)
		out[i] = (struct outcome){.rc = MISSING};
	run_ops(&s, script, script->n_ops, out);
	for (unsigned int i = 0; i < N_CONTEXTS; i++)
		lib->release(ctx[i]);
}

void run_until(const struct lib *lib, const struct scenario *script, unsigned int until,
	scmp_filter_ctx ctx[N_CONTEXTS + 1])
{
	struct state s = {.lib = lib, .ctx = ctx};

	run_ops(&s, script, until, NULL);
}

struct outcome *run_forked(const struct lib *lib, const struct scenario *s,
	unsigned int seconds)
{
	static struct outcome *shared;
	static size_t mapped;
	pid_t pid;

	if (shared)
		munmap(shared, mapped);
	mapped = (s->n_ops + 1) * sizeof(*shared);
	shared = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		abort();
	for (unsigned int i = 0; i < s->n_ops; i++)
		shared[i].rc = NOT_REACHED;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		scmp_filter_ctx ctx[N_CONTEXTS + 1] = {NULL};
		struct state state = {.lib = lib, .ctx = ctx};

		alarm(seconds);
		if (s->unproved)
			unsetenv("SECCOMP_SELF_CHECK");
		run_ops(&state, s, s->n_ops, shared);
		for (unsigned int i = 0; i < N_CONTEXTS; i++)
			lib->release(ctx[i]);
		_exit(0);
	}
	while (pid < 0 || (waitpid(pid, NULL, 0) < 0 && errno == EINTR))
		if (pid < 0)
			abort();
	for (unsigned int i = 1; i < s->n_ops; i++) /* what comes after a missing call */
		if (shared[i - 1].rc == MISSING)
			shared[i].rc = MISSING;
	return shared;
}

bool outcome_differs(const struct op *op, const struct outcome *got)
{
	if (op->expect == REFUSED || op->expect == ANY_RESULT)
		return got->rc == MISSING || got->rc == NOT_REACHED || (op->expect == REFUSED && got->rc >= 0);
	return got->rc != op->expect || (op->check_value && got->value != op->expect_value);
}

bool outcome_equal(const struct op *op, const struct outcome *a, const struct outcome *b)
{
	bool has_value = op->kind == OP_ROW || op->kind == OP_INIT || op->kind == OP_ATTR_GET;

	return a->rc == b->rc && (!has_value || a->value == b->value);
}

void outcome_print(const struct op *op, const struct outcome *o, FILE *out)
{
	char buf[32];

	if (op->kind == OP_ROW && o->rc == 0)
		fputs(action_name(o->value, buf), out);
	else if (op->kind == OP_INIT && o->rc == 0)
		fputs(o->value ? "ok" : "NULL", out);
	else if (op->kind == OP_ATTR_GET && o->rc == 0)
		fprintf(out, "0 with %#x", o->value);
	else
		fputs(rc_name(o->rc, buf), out);
}
