/* Random policies as call traces, and what they mean once lowered.
 * SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "api/context.h"
#include "traces.h"
#include "util/cleanup.h"

const struct scmp_api api_ours = {
	seccomp_init,
	seccomp_release,
	seccomp_arch_add,
	seccomp_arch_remove,
	seccomp_attr_set,
	seccomp_rule_add_array,
	seccomp_export_bpf,
};

int api_load(const char *path, struct scmp_api *out)
{
	static const char *const names[] = {
		"seccomp_init",
		"seccomp_release",
		"seccomp_arch_add",
		"seccomp_arch_remove",
		"seccomp_attr_set",
		"seccomp_rule_add_array",
		"seccomp_export_bpf",
	};
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void *symbols[sizeof(names) / sizeof(names[0])];

	_Static_assert(sizeof(symbols) == sizeof(*out), "one pointer a function");
	if (!lib)
		return -1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		symbols[i] = dlsym(lib, names[i]);
		if (!symbols[i])
			return -1;
	}
	memcpy(out, symbols, sizeof(*out));
	return 0;
}

static uint64_t rand_datum(struct rng *r)
{
	switch (rng_below(r, 5)) {
	case 0:
		return rng_below(r, 4);
	case 1:
		return rng_constant(r);
	case 2:
		return UINT64_C(1) << rng_below(r, 64);
	case 3:
		return ((uint64_t)rng_below(r, 3) << 32) + rng_below(r, 4) - 1;
	default:
		return (uint64_t)rng_next(r) << 32 | rng_constant(r);
	}
}

static void rand_rule(struct rng *r, enum trace_kind kind, struct trace_rule *rule)
{
	static const uint32_t actions[] = {
		SCMP_ACT_ALLOW,
		SCMP_ACT_ALLOW,
		SCMP_ACT_ALLOW,
		SCMP_ACT_ERRNO(1),
		SCMP_ACT_ERRNO(2),
		SCMP_ACT_KILL_PROCESS,
		SCMP_ACT_TRAP,
		SCMP_ACT_LOG,
		SCMP_ACT_TRACE(7),
	};
	unsigned int used = 0;

	rule->action = actions[rng_below(r, sizeof(actions) / sizeof(actions[0]))];
	rule->nr = (int)rng_below(r, 440);
	rule->n_args = rng_below(r, 3) ? rng_below(r, 3) : 0;
	for (unsigned int i = 0; i < rule->n_args; i++) {
		struct scmp_arg_cmp *c = &rule->args[i];

		do {
			c->arg = rng_below(r, 6);
		} while (used & 1u << c->arg);
		used |= 1u << c->arg;
		c->op = 1 + rng_below(r, 7);
		if (kind == TRACE_SIMPLE && c->op != SCMP_CMP_MASKED_EQ)
			c->op = SCMP_CMP_EQ;
		c->datum_a = rand_datum(r);
		c->datum_b = rand_datum(r);
	}
}

/* Does every architecture of @t have x86_64's call @nr? */
static bool everywhere(const struct trace *t, int nr)
{
	_cleanup_free_ char *name =
		seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, nr);

	for (unsigned int i = 0; name && i < t->n_archs; i++)
		if (seccomp_syscall_resolve_name_arch(t->archs[i], name) < 0)
			return false;
	return name != NULL;
}

/* The next number after @nr, give or take a few, that every architecture has. */
static int next_everywhere(struct rng *r, const struct trace *t, int nr)
{
	nr += 1 + (int)rng_below(r, 4);
	while (!everywhere(t, nr))
		nr = nr < 440 ? nr + 1 : 0;
	return nr;
}

/* Rules come in groups on one number, so that they meet. */
static void rand_rules(struct rng *r, enum trace_kind kind, struct trace *t)
{
	t->n_rules = kind == TRACE_SIMPLE ? rng_below(r, 40) : rng_below(r, TRACE_RULES);
	for (unsigned int i = 0; i < t->n_rules; i++) {
		struct trace_rule *rule = &t->rules[i];

		rand_rule(r, kind, rule);
		if (kind == TRACE_SIMPLE)
			rule->nr = next_everywhere(r, t, i ? t->rules[i - 1].nr : 0);
		else if (i > 0 && rng_below(r, 2))
			rule->nr = t->rules[i - 1].nr;
	}
}

/* No kernel says which actions it knows where user programs are emulated: all of them. */
__attribute__((constructor)) static void know_every_action(void)
{
	if (prctl(PR_GET_SECCOMP) < 0)
		seccomp_api_set(7);
}

void rand_trace(struct rng *r, enum trace_kind kind, struct trace *out)
{
	static const uint32_t sets[][3] = {
		{SCMP_ARCH_X86_64},
		{SCMP_ARCH_X86_64},
		{SCMP_ARCH_X86_64, SCMP_ARCH_X86},
		{SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32},
		{SCMP_ARCH_AARCH64},
		{SCMP_ARCH_ARM, SCMP_ARCH_AARCH64},
		{SCMP_ARCH_S390X, SCMP_ARCH_S390},
		{SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64},
		{SCMP_ARCH_X32},
	};
	static const uint32_t defaults[] = {
		SCMP_ACT_KILL_PROCESS,
		SCMP_ACT_ERRNO(38),
		SCMP_ACT_ALLOW,
		SCMP_ACT_ERRNO(1),
	};
	const uint32_t *set = sets[rng_below(r, sizeof(sets) / sizeof(sets[0]))];

	memset(out, 0, sizeof(*out));
	out->default_action = defaults[rng_below(r, 4)];
	out->badarch = rng_below(r, 2) ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(99);
	out->optimize = 1 + rng_below(r, 2);
	while (out->n_archs < 3 && set[out->n_archs]) {
		out->archs[out->n_archs] = set[out->n_archs];
		out->n_archs++;
	}
	rand_rules(r, kind, out);
}

/* Traces number calls as x86_64 does, and a rule as the native architecture does: by
 * x86_64's numbers mips64n32 would have no call at all. */
static int native_nr(int nr)
{
	_cleanup_free_ char *name =
		seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, nr);
	int native = name ? seccomp_syscall_resolve_name(name) : __NR_SCMP_ERROR;

	return native == __NR_SCMP_ERROR ? nr : native;
}

scmp_filter_ctx trace_replay(const struct trace *t, const struct scmp_api *api)
{
	scmp_filter_ctx ctx = api->init(t->default_action);
	bool native = false;

	if (!ctx)
		return NULL;
	for (unsigned int i = 0; i < t->n_archs; i++)
		native |= t->archs[i] == seccomp_arch_native();
	if (!native)
		api->arch_remove(ctx, seccomp_arch_native());
	for (unsigned int i = 0; i < t->n_archs; i++)
		api->arch_add(ctx, t->archs[i]);
	api->attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, t->badarch);
	api->attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, t->optimize);
	for (unsigned int i = 0; i < t->n_rules; i++) {
		const struct trace_rule *rule = &t->rules[i];

		api->rule_add_array(
			ctx, rule->action, native_nr(rule->nr), rule->n_args, rule->args);
	}
	return ctx;
}

static void swap_program(struct sc_prog *p)
{
	for (uint32_t i = 0; i < p->len; i++) {
		p->insns[i].code = __builtin_bswap16(p->insns[i].code);
		p->insns[i].k = __builtin_bswap32(p->insns[i].k);
	}
}

int trace_program(const struct scmp_api *api, scmp_filter_ctx ctx, bool big_endian,
	struct sc_prog *out)
{
	_cleanup_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
	_cleanup_free_ void *buf = NULL;
	struct stat st;

	if (fd < 0 || api->export_bpf(ctx, fd) < 0 || fstat(fd, &st) < 0)
		return -1;
	buf = malloc((size_t)st.st_size);
	if (!buf || pread(fd, buf, (size_t)st.st_size, 0) != st.st_size)
		return -1;
	out->insns = steal_ptr(buf);
	out->len = (uint32_t)((size_t)st.st_size / sizeof(struct sock_filter));
	out->big_endian = big_endian;
	if (big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
		swap_program(out);
	return 0;
}

static void *take(char **at, const void *array, size_t size)
{
	void *copy = *at;

	if (size)
		memcpy(copy, array, size);
	*at += size;
	return copy;
}

int trace_lowered(scmp_filter_ctx ctx, struct sc_lowered *out)
{
	_cleanup_(sc_lowered_clear) struct sc_lowered low = {0};
	int rc = sc_lower(((struct sc_context *)ctx)->policy, &low);
	const size_t cmps = low.n_cmps * sizeof(*low.cmps), abis = low.n_abis * sizeof(*low.abis);
	const size_t calls = low.n_calls * sizeof(*low.calls);
	const size_t rules = low.n_rules * sizeof(*low.rules);
	char *at;

	if (rc < 0)
		return rc;
	at = malloc(cmps + abis + calls + rules + 1);
	if (!at)
		return -ENOMEM;
	*out = low;
	out->block = at;
	out->cmps = take(&at, low.cmps, cmps);
	out->abis = take(&at, low.abis, abis);
	out->calls = take(&at, low.calls, calls);
	out->rules = take(&at, low.rules, rules);
	return 0;
}

static bool cmp_holds(const struct sc_cmp *c, const struct seccomp_data *data, bool wide)
{
	uint64_t value = data->args[c->arg];

	if (!wide)
		value = (uint32_t)value;
	switch (c->op) {
	case SC_OP_NE:
		return value != c->datum;
	case SC_OP_LT:
		return value < c->datum;
	case SC_OP_LE:
		return value <= c->datum;
	case SC_OP_EQ:
		return value == c->datum;
	case SC_OP_GE:
		return value >= c->datum;
	case SC_OP_GT:
		return value > c->datum;
	default:
		return (value & c->mask) == c->datum;
	}
}

static uint32_t call_eval(const struct sc_lowered *low, const struct sc_low_abi *abi,
	const struct sc_low_call *call, const struct seccomp_data *data)
{
	for (uint32_t i = 0; i < call->n_rules; i++) {
		const struct sc_low_rule *rule = &low->rules[call->first_rule + i];
		bool holds = true;

		for (uint32_t j = 0; j < rule->n_cmps; j++)
			holds &= cmp_holds(
				&low->cmps[rule->first_cmp + j], data, abi->wide);
		if (holds)
			return rule->action;
	}
	return abi->otherwise;
}

uint32_t lowered_eval(const struct sc_lowered *low, const struct seccomp_data *data)
{
	uint32_t nr = (uint32_t)data->nr;

	for (uint32_t i = 0; i < low->n_abis; i++) {
		const struct sc_low_abi *abi = &low->abis[i];

		if (abi->audit != data->arch || nr < abi->first || nr > abi->last)
			continue;
		for (uint32_t j = 0; j < abi->n_calls; j++)
			if (low->calls[abi->first_call + j].nr == nr)
				return call_eval(
					low, abi, &low->calls[abi->first_call + j], data);
		return abi->otherwise;
	}
	return low->badarch;
}

static uint64_t nudge(struct rng *r, uint64_t v)
{
	switch (rng_below(r, 6)) {
	case 0:
		return v + 1;
	case 1:
		return v - 1;
	case 2:
		return v ^ UINT64_C(1) << rng_below(r, 64);
	case 3:
		return (uint64_t)rng_constant(r) << 32 | (uint32_t)v;
	default:
		return v;
	}
}

void rand_lowered_data(
	struct rng *r, const struct sc_lowered *low, struct seccomp_data *data)
{
	memset(data, 0, sizeof(*data));
	data->arch = rng_constant(r);
	if (low->n_abis && rng_below(r, 16))
		data->arch = low->abis[rng_below(r, low->n_abis)].audit;
	data->nr = (int)rng_constant(r);
	if (low->n_calls && rng_below(r, 16))
		data->nr = (int)low->calls[rng_below(r, low->n_calls)].nr;
	if (rng_below(r, 8) == 0)
		data->nr = (int)nudge(r, (uint32_t)data->nr);
	for (int i = 0; i < 6; i++) {
		data->args[i] = rand_datum(r);
		if (low->n_cmps && rng_below(r, 8))
			data->args[i] =
				nudge(r, low->cmps[rng_below(r, low->n_cmps)].datum);
	}
}
