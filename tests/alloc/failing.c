/* Each call: fail at every allocation, look, and at last get through.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "failing.h"
#include "fail.h"
#include "oracle.h"

struct failures failures;
bool fail_sparsely;

/* After a call that did without memory, the next ones get some: else what is tolerated
 * (the index of a call with many rules) would never come to be. */
#define REST 5
static unsigned int rest;

/* What a caller can see of a context. */
struct seen {
	int export_rc, pfc_rc;
	uint64_t program, text;
	uint32_t attrs[10];
	uint32_t arches; /* as bits */
};

static uint64_t hash(const void *data, size_t size)
{
	const unsigned char *at = data;
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < size; i++)
		h = (h ^ at[i]) * 1099511628211u;
	return h;
}

static void see_program(scmp_filter_ctx ctx, struct seen *out)
{
	static unsigned char program[4096 * 8];
	size_t len = sizeof(program);

	out->export_rc = seccomp_export_bpf_mem(ctx, program, &len);
	out->program = out->export_rc ? 0 : hash(program, len);
}

static void see_text(scmp_filter_ctx ctx, struct seen *out)
{
	static char text[1 << 16];
	int fd = memfd_create("pfc", MFD_CLOEXEC);
	ssize_t n;

	out->pfc_rc = seccomp_export_pfc(ctx, fd);
	n = pread(fd, text, sizeof(text), 0);
	out->text = n > 0 ? hash(text, (size_t)n) : 0;
	close(fd);
}

static struct seen see(scmp_filter_ctx ctx)
{
	struct seen seen;

	memset(&seen, 0, sizeof(seen)); /* it is compared as bytes */
	if (!ctx)
		return seen;
	see_program(ctx, &seen);
	see_text(ctx, &seen);
	for (uint32_t a = 1; a <= 10; a++)
		seccomp_attr_get(ctx, a, &seen.attrs[a - 1]);
	for (unsigned int i = 0; i < ORACLE_ARCHES; i++)
		if (seccomp_arch_exist(ctx, oracle_arches[i].token) == 0)
			seen.arches |= 1U << i;
	return seen;
}

static void wrong(const char *call, unsigned int nth, const char *what)
{
	if (failures.wrong++ < 20)
		printf("# %s, allocation %u fails: %s\n", call, nth, what);
}

/* A call and its arguments, so that it can be made again and again. */
struct call {
	const char *name;
	int (*run)(struct call *c);
	scmp_filter_ctx ctx, other;
	uint32_t a, b;
	int nr;
	const struct scmp_arg_cmp *cmps;
	void *buf;
	size_t *len;
	uint32_t *value;
	scmp_filter_ctx made;
};

static bool look_now(unsigned int nth)
{
	return !fail_sparsely || nth <= 2;
}

static int attempt(struct call *c, unsigned int nth, bool *done)
{
	struct seen before = {0}, after = {0};
	long alive;
	bool look = look_now(nth);
	int rc;

	if (look) {
		before = see(c->ctx);
		after = see(c->other);
		before.program ^= after.program << 1;
	}
	alive = fail_alive();
	fail_at(nth);
	rc = c->run(c);
	*done = !fail_end();
	if (*done)
		return rc;
	failures.injected++;
	if (rc != -ENOMEM) {
		failures.tolerated++;
		rest = REST;
		*done = true;
		return rc;
	}
	failures.refused++;
	/* A context may keep room that it got; what it lost shows at the end. */
	if (!c->ctx && fail_alive() != alive)
		wrong(c->name, nth, "a leak");
	if (look) {
		struct seen now = see(c->ctx);

		after = see(c->other);
		now.program ^= after.program << 1;
		if (memcmp(&before, &now, sizeof(now)) != 0)
			wrong(c->name, nth, "the context has changed");
	}
	return rc;
}

static int through(struct call c)
{
	bool done = false;
	int rc = 0;

	if (rest > 0) {
		rest--;
		return c.run(&c);
	}
	for (unsigned int nth = 1; !done; nth++)
		rc = attempt(&c, nth, &done);
	return rc;
}

static int run_init(struct call *c)
{
	c->made = seccomp_init(c->a);
	/* NULL has one more meaning: an action that is none. */
	return c->made || c->b ? 0 : -ENOMEM;
}

static scmp_filter_ctx fail_init(uint32_t action)
{
	scmp_filter_ctx probe = seccomp_init(action);
	struct call c = {.name = "init", .run = run_init, .a = action, .b = !probe};
	bool done = false;

	seccomp_release(probe);
	for (unsigned int nth = 1; !done; nth++)
		attempt(&c, nth, &done);
	return c.made;
}

#define CALL(label, body)                                                                \
	static int run_##label(struct call *c)                                           \
	{                                                                                \
		return body;                                                             \
	}
CALL(reset, seccomp_reset(c->ctx, c->a))
CALL(arch_add, seccomp_arch_add(c->ctx, c->a))
CALL(arch_remove, seccomp_arch_remove(c->ctx, c->a))
CALL(arch_exist, seccomp_arch_exist(c->ctx, c->a))
CALL(rule_add, seccomp_rule_add_array(c->ctx, c->a, c->nr, c->b, c->cmps))
CALL(rule_exact, seccomp_rule_add_exact_array(c->ctx, c->a, c->nr, c->b, c->cmps))
CALL(attr_set, seccomp_attr_set(c->ctx, c->a, c->b))
CALL(attr_get, seccomp_attr_get(c->ctx, c->a, c->value))
CALL(priority, seccomp_syscall_priority(c->ctx, c->nr, (uint8_t)c->a))
CALL(merge, seccomp_merge(c->ctx, c->other))
CALL(export_bpf, seccomp_export_bpf(c->ctx, c->nr))
CALL(export_pfc, seccomp_export_pfc(c->ctx, c->nr))
CALL(export_mem, seccomp_export_bpf_mem(c->ctx, c->buf, c->len))
CALL(begin, seccomp_transaction_start(c->ctx))
CALL(commit, seccomp_transaction_commit(c->ctx))
CALL(precompute, seccomp_precompute(c->ctx))

#define THROUGH(label, ...)                                                              \
	through((struct call){.name = #label, .run = run_##label, __VA_ARGS__})

static int fail_reset(scmp_filter_ctx ctx, uint32_t action)
{
	return THROUGH(reset, .ctx = ctx, .a = action);
}

static int fail_arch_add(scmp_filter_ctx ctx, uint32_t token)
{
	return THROUGH(arch_add, .ctx = ctx, .a = token);
}

static int fail_arch_remove(scmp_filter_ctx ctx, uint32_t token)
{
	return THROUGH(arch_remove, .ctx = ctx, .a = token);
}

static int fail_arch_exist(scmp_filter_ctx ctx, uint32_t token)
{
	return THROUGH(arch_exist, .ctx = ctx, .a = token);
}

static int fail_rule_add(scmp_filter_ctx ctx, uint32_t action, int nr, unsigned int n,
	const struct scmp_arg_cmp *cmps)
{
	return THROUGH(rule_add, .ctx = ctx, .a = action, .nr = nr, .b = n, .cmps = cmps);
}

static int fail_rule_exact(scmp_filter_ctx ctx, uint32_t action, int nr, unsigned int n,
	const struct scmp_arg_cmp *cmps)
{
	return THROUGH(rule_exact, .ctx = ctx, .a = action, .nr = nr, .b = n, .cmps = cmps);
}

static int fail_attr_set(scmp_filter_ctx ctx, uint32_t attr, uint32_t value)
{
	return THROUGH(attr_set, .ctx = ctx, .a = attr, .b = value);
}

static int fail_attr_get(scmp_filter_ctx ctx, uint32_t attr, uint32_t *value)
{
	return THROUGH(attr_get, .ctx = ctx, .a = attr, .value = value);
}

static int fail_priority(scmp_filter_ctx ctx, int nr, uint8_t priority)
{
	return THROUGH(priority, .ctx = ctx, .nr = nr, .a = priority);
}

static int fail_merge(scmp_filter_ctx dst, scmp_filter_ctx src)
{
	return THROUGH(merge, .ctx = dst, .other = src);
}

static int fail_export_bpf(scmp_filter_ctx ctx, int fd)
{
	return THROUGH(export_bpf, .ctx = ctx, .nr = fd);
}

static int fail_export_pfc(scmp_filter_ctx ctx, int fd)
{
	return THROUGH(export_pfc, .ctx = ctx, .nr = fd);
}

static int fail_export_mem(scmp_filter_ctx ctx, void *buf, size_t *len)
{
	return THROUGH(export_mem, .ctx = ctx, .buf = buf, .len = len);
}

static int fail_begin(scmp_filter_ctx ctx)
{
	return THROUGH(begin, .ctx = ctx);
}

static int fail_commit(scmp_filter_ctx ctx)
{
	return THROUGH(commit, .ctx = ctx);
}

static int fail_precompute(scmp_filter_ctx ctx)
{
	return THROUGH(precompute, .ctx = ctx);
}

void failing_library(struct lib *lib)
{
	*lib = (struct lib){
		.path = "this program",
		.version = seccomp_version,
		.init = fail_init,
		.release = seccomp_release,
		.reset = fail_reset,
		.arch_add = fail_arch_add,
		.arch_remove = fail_arch_remove,
		.arch_exist = fail_arch_exist,
		.rule_add = fail_rule_add,
		.rule_exact = fail_rule_exact,
		.attr_set = fail_attr_set,
		.attr_get = fail_attr_get,
		.priority = fail_priority,
		.merge = fail_merge,
		.export_bpf = fail_export_bpf,
		.export_pfc = fail_export_pfc,
		.load = seccomp_load,
		.resolve_name = seccomp_syscall_resolve_name,
		.resolve_name_arch = seccomp_syscall_resolve_name_arch,
		.resolve_num_arch = seccomp_syscall_resolve_num_arch,
		.export_mem = fail_export_mem,
		.begin = fail_begin,
		.reject = seccomp_transaction_reject,
		.commit = fail_commit,
		.precompute = fail_precompute,
	};
}
