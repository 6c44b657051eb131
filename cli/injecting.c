/* Carrying out injections.
 * SPDX-License-Identifier: MIT */
#include "injecting.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/errnos.h"
#include "util/hash.h"
#include "util/vec.h"

/* ---- which calls notify
 * ------------------------------------------------------------------- */

/* The ABIs that a kernel of this machine runs beside its own. */
static unsigned int abis(uint32_t out[3])
{
	out[0] = seccomp_arch_native();
	switch (out[0]) {
	case SCMP_ARCH_X86_64:
		out[1] = SCMP_ARCH_X86;
		out[2] = SCMP_ARCH_X32;
		return 3;
	case SCMP_ARCH_AARCH64:
		out[1] = SCMP_ARCH_ARM;
		return 2;
	case SCMP_ARCH_S390X:
		out[1] = SCMP_ARCH_S390;
		return 2;
	case SCMP_ARCH_PPC64:
		out[1] = SCMP_ARCH_PPC;
		return 2;
	default:
		return 1;
	}
}

static int add_call(struct injecting *in, const struct sluice_call_info *info)
{
	struct injecting_call c = {.name = info->name,
		.arch = info->arch,
		.nr = info->nr,
		.n_args = info->n_args,
		.ends = strcmp(info->name, "exit_group") == 0};

	bool replayed = false;

	for (unsigned int i = 0; i < in->n_injections; i++)
		if (injection_has(&in->injections[i], info))
			c.injections |= UINT64_C(1) << i;
	for (uint32_t i = 0; i < in->replay.n; i++)
		if (in->replay.entries[i].arch == info->arch &&
			in->replay.entries[i].nr == info->nr)
			replayed = true;
	if (!replayed && !c.injections && !(in->ends && c.ends))
		return 0;
	for (unsigned int i = 0; i < info->n_args; i++)
		if (info->args[i].type == SLUICE_ARG_PATH)
			c.paths |= 1u << i;
	if (sc_reserve(in->calls, in->cap, in->n, 1) < 0)
		return -ENOMEM;
	in->calls[in->n++] = c;
	return 0;
}

static int add_calls(struct injecting *in, uint32_t arch)
{
	struct sluice_call_info info = {.size = sizeof(info)};
	unsigned int it = 0;
	const char *name;

	while ((name = sluice_call_next(arch, &it))) {
		/* What comes only through socketcall(2) or ipc(2) has no number. */
		if (sluice_call_info(arch, name, &info) || info.nr < 0)
			continue;
		if (add_call(in, &info))
			return -ENOMEM;
	}
	return 0;
}

static int compare(uint32_t arch, int nr, const struct injecting_call *c)
{
	if (arch != c->arch)
		return arch < c->arch ? -1 : 1;
	return nr < c->nr ? -1 : nr > c->nr;
}

static int by_number(const void *a, const void *b)
{
	const struct injecting_call *x = a;

	return compare(x->arch, x->nr, b);
}

/* Rules are said with the numbers of the machine, or what stands for them there. */
static int add_rule(scmp_filter_ctx f, const char *name)
{
	int nr = seccomp_syscall_resolve_name(name);

	return nr == __NR_SCMP_ERROR ? -ENOENT
				     : seccomp_rule_add(f, SCMP_ACT_NOTIFY, nr, 0);
}

/* A filter of @arch alone, to be merged with the others. */
static int filter_of(const struct injecting *in, uint32_t arch, scmp_filter_ctx *out)
{
	_cleanup_(cli_filter_releasep) scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int rc = f ? seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW)
		   : -ENOMEM;

	if (!rc && arch != seccomp_arch_native()) {
		rc = seccomp_arch_add(f, arch);
		if (!rc)
			rc = seccomp_arch_remove(f, seccomp_arch_native());
	}
	for (uint32_t i = 0; !rc && i < in->n; i++)
		if (in->calls[i].arch == arch)
			rc = add_rule(f, in->calls[i].name);
	if (!rc)
		*out = steal_ptr(f);
	return rc;
}

int injecting_prepare(struct injecting *in, scmp_filter_ctx *filter)
{
	_cleanup_(cli_filter_releasep) scmp_filter_ctx all = NULL;
	uint32_t arches[3];
	unsigned int n = abis(arches);
	int rc = 0;

	for (unsigned int i = 0; i < n && !rc; i++)
		rc = add_calls(in, arches[i]);
	for (unsigned int i = 0; i < n && !rc; i++) {
		scmp_filter_ctx one = NULL;

		rc = filter_of(in, arches[i], &one);
		if (rc)
			break;
		if (!all) {
			all = one;
			continue;
		}
		rc = seccomp_merge(all, one);
		if (rc)
			seccomp_release(one);
	}
	if (rc)
		return rc;
	if (in->n)
		qsort(in->calls, in->n, sizeof(*in->calls), by_number);
	*filter = steal_ptr(all);
	return 0;
}

static const struct injecting_call *find(
	const struct injecting *in, uint32_t arch, int nr)
{
	uint32_t low = 0, high = in->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = compare(arch, nr, &in->calls[middle]);

		if (order == 0)
			return &in->calls[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* ---- turns
 * ------------------------------------------------------------------------------------ */

/* A number that the seed, the expression, the call, the thread and the occurrence make.
 */
static bool chance(const struct injecting *in, unsigned int i, const struct occurrence *c)
{
	uint64_t h = sc_hash_mix(in->seed, c->thread);

	if (in->injections[i].chance == UINT32_MAX)
		return true;
	h = sc_hash_mix(h, c->key[1]);
	h = sc_hash_mix(h, c->count);
	h = sc_hash_mix(h, 0);
	return (uint32_t)(h >> 32) < in->injections[i].chance;
}

/* ---- conditions
 * ------------------------------------------------------------------------------- */

static bool path_matches(const struct injection *j, const struct injecting_call *call,
	struct sluice_request *request)
{
	char path[PATH_MAX];

	for (unsigned int i = 0; i < 6; i++)
		if (call->paths & 1u << i &&
			sluice_read_string(request, sluice_arg(request, i), path,
				sizeof(path)) >= 0 &&
			fnmatch(j->path, path, 0) == 0)
			return true;
	return false;
}

/* A negative number that an int can be matches an int, whatever the register's upper
 * half. */
static bool arguments_match(
	const struct injection *j, const struct sluice_request *request)
{
	for (unsigned int i = 0; i < 6; i++) {
		uint64_t have = sluice_arg(request, i), want = j->values[i];
		bool negative = (int64_t)want < 0 && (int64_t)want >= INT32_MIN;

		if (j->arguments & 1u << i && have != want &&
			!(negative && (uint32_t)have == (uint32_t)want))
			return false;
	}
	return true;
}

static bool turn(struct injecting *in, unsigned int i, const struct injecting_call *call,
	struct sluice_request *request, uint64_t *thread)
{
	const struct injection *j = &in->injections[i];
	struct occurrence *c;

	if (!arguments_match(j, request) || (j->path && !path_matches(j, call, request)))
		return false;
	if (j->always && j->chance == UINT32_MAX)
		return true;
	if (!*thread)
		*thread = occurrences_thread(sluice_tid(request));
	c = occurrences_of(&in->counts, *thread, (uint64_t)(call - in->calls) << 8 | i);
	if (!c) {
		in->failed = -ENOMEM;
		return false;
	}
	c->count++;
	return injection_when(j, c->count) && chance(in, i, c);
}

/* ---- effects
 * ------------------------------------------------------------------------------------ */

struct effect {
	enum injection_result result;
	int error, signal;
	int64_t value;
	uint64_t delay_ns;
	bool any;
};

static int apply(struct sluice_request *request, const struct effect *e)
{
	pid_t tgid;

	if (e->signal) {
		tgid = sluice_tgid(request);
		if (tgid > 0)
			syscall(SYS_tgkill, tgid, sluice_tid(request), e->signal);
	}
	if (e->result == INJECTION_ERROR)
		return sluice_fail(request, e->error);
	if (e->result == INJECTION_VALUE)
		return sluice_reply(request, e->value);
	return sluice_continue(request, SLUICE_CONTINUE_ADVISORY);
}

/* On a worker, so that nobody else waits. */
static int later(struct sluice_request *request, void *data)
{
	_cleanup_free_ struct effect *e = data;
	struct timespec t = {
		(time_t)(e->delay_ns / 1000000000), (long)(e->delay_ns % 1000000000)};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
	return apply(request, e);
}

static void add_effect(struct effect *e, const struct injection *j)
{
	e->any = true;
	e->delay_ns += j->delay_ns;
	if (j->signal && !e->signal)
		e->signal = j->signal;
	if (j->result && !e->result) {
		e->result = j->result;
		e->error = j->error;
		e->value = j->value;
	}
}

/* The call as strace(1) has it, and what it gets. */
static void describe(struct sluice_request *request, const struct effect *e,
	char text[INJECTING_TEXT_MAX])
{
	const char *name = sc_errno_name(e->error);
	char later[48] = "", sig[32] = "", result[48] = "";

	cli_live_call_text(request, text);
	if (e->delay_ns)
		snprintf(later, sizeof(later), ", %" PRIu64 " us later",
			e->delay_ns / 1000);
	if (e->signal)
		snprintf(sig, sizeof(sig), ", signal %d", e->signal);
	if (e->result == INJECTION_ERROR && name)
		snprintf(result, sizeof(result), " = -1 %s", name);
	else if (e->result == INJECTION_ERROR)
		snprintf(result, sizeof(result), " = -1 error %d", e->error);
	else if (e->result == INJECTION_VALUE)
		snprintf(result, sizeof(result), " = %" PRId64, e->value);
	snprintf(text + strlen(text), INJECTING_TEXT_MAX - strlen(text),
		"%s%s%s (injected)", later, sig, result);
}

/* The same as an expression has it. */
static void effect_text(const struct effect *e, char *out, size_t size)
{
	const char *name = sc_errno_name(e->error);
	char result[64] = "", sig[32] = "", delay[48] = "";

	if (e->result == INJECTION_ERROR && name)
		snprintf(result, sizeof(result), ":error=%s", name);
	else if (e->result == INJECTION_ERROR)
		snprintf(result, sizeof(result), ":error=%d", e->error);
	else if (e->result == INJECTION_VALUE)
		snprintf(result, sizeof(result), ":retval=%" PRId64, e->value);
	if (e->signal)
		snprintf(sig, sizeof(sig), ":signal=%d", e->signal);
	if (e->delay_ns)
		snprintf(delay, sizeof(delay), ":delay_enter=%" PRIu64 "ns", e->delay_ns);
	snprintf(out, size, "%s%s%s", result, sig, delay);
}

/* Count the call for its task, and do again what the log says of it. *@count: which it was. *@task is NULL
 * where there is neither a log to read nor one to write. */
static void replay(struct injecting *in, const struct injecting_call *call,
	struct sluice_request *request, struct effect *e, const char **task, uint64_t *count)
{
	struct occurrence *c;
	struct injection *again;

	*task = NULL;
	if (!in->replay.n && !in->replay.log)
		return;
	/* No expression has this number. */
	c = occurrences_of(&in->counts, occurrences_thread(sluice_tid(request)),
		(uint64_t)(call - in->calls) << 8 | 255);
	*task = c ? replay_task(&in->replay, request, in->live->pid) : NULL;
	if (!*task) {
		in->failed = -ENOMEM;
		return;
	}
	*count = ++c->count;
	again = replay_find(&in->replay, *task, call->arch, call->nr, *count);
	if (again) {
		again->happened++;
		add_effect(e, again);
	}
}

static void note(struct injecting *in, const struct injecting_call *call,
	const struct effect *e, const char *task, uint64_t count)
{
	char text[160];
	int rc;

	if (!in->replay.log || !task || !e->any)
		return;
	effect_text(e, text, sizeof(text));
	rc = replay_note(&in->replay, task, call->arch, call->name, count, text);
	if (rc)
		in->failed = rc;
}

/* In a sweep: is this the call of this run? */
static bool chosen(const struct injecting *in, struct sluice_request *request,
	const struct effect *e)
{
	if (!in->probe)
		return true;
	if (++in->probe->met != in->probe->only)
		return false;
	describe(request, e, in->probe->text);
	return true;
}

static void say(const struct injecting *in, struct sluice_request *request,
	const struct effect *e)
{
	char text[INJECTING_TEXT_MAX], line[INJECTING_TEXT_MAX + 16];
	int n;

	if (!in->verbose)
		return;
	describe(request, e, text);
	n = snprintf(line, sizeof(line), "[%d] %s\n", (int)sluice_tid(request), text);
	/* The clock's signals come while a pipe is full, and stdio would lose the line. */
	cli_write_all(STDERR_FILENO, line, (size_t)n);
}

/* The program is not yet executed: what calls is the launcher, which is none of the
 * user's. */
static bool launches(struct injecting *in, struct sluice_request *request)
{
	char path[PATH_MAX], own[PATH_MAX];
	ssize_t n;

	if (in->launched || sluice_tid(request) != in->live->pid)
		return false;
	n = readlink("/proc/self/exe", own, sizeof(own) - 1);
	own[n > 0 ? n : 0] = 0;
	if (sluice_exe(request, path, sizeof(path)) > 0 && strcmp(path, own) == 0)
		return true;
	in->launched = true;
	return false;
}

static int handle(struct sluice_request *request, void *data)
{
	struct injecting *in = data;
	const struct injecting_call *call =
		find(in, sluice_arch(request), sluice_nr(request));
	struct effect e = {0}, *copy;
	uint64_t thread = 0, count = 0;
	const char *task;
	int rc;

	if (!call || launches(in, request))
		return sluice_continue(request, SLUICE_CONTINUE_ADVISORY);
	replay(in, call, request, &e, &task, &count);
	for (unsigned int i = 0; i < in->n_injections; i++) {
		if (call->injections >> i & 1 && turn(in, i, call, request, &thread)) {
			in->injections[i].happened++;
			add_effect(&e, &in->injections[i]);
		}
	}
	if (e.any && !chosen(in, request, &e))
		e = (struct effect){0};
	if (e.any)
		say(in, request, &e);
	note(in, call, &e, task, count);
	if (in->probe && in->probe->at_end && call->ends)
		in->probe->at_end(request, in->probe->data);
	if (!e.delay_ns)
		return apply(request, &e);
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = e;
	rc = sluice_work(request, later, copy);
	if (rc)
		free(copy);
	return rc;
}

int injecting_run(
	struct injecting *in, scmp_filter_ctx filter, struct cli_live *live, int *status)
{
	_cleanup_(cli_supervisor_freep) struct sluice_supervisor *supervisor = NULL;
	struct sluice_options options = SLUICE_OPTIONS_INIT;
	int rc;

	in->live = live;
	options.workers = 64; /* each sleeps for one delayed call */
	options.receive_waits = true;
	rc = sluice_supervisor_new(&options, &supervisor);
	if (rc == 0)
		rc = sluice_on(supervisor, SCMP_ARCH_NATIVE, SLUICE_ANY, handle, in);
	if (rc)
		return cli_error(in->cli, "cannot supervise: %s", strerror(-rc));
	live->supervisor = supervisor;
	rc = cli_live_run(live, filter, status);
	if (replay_end(&in->replay))
		in->failed = -EIO;
	if (rc == 0 && in->failed)
		return cli_error(in->cli, "not every occurrence could be counted or noted: %s",
			strerror(-in->failed));
	return rc;
}

void injecting_clear(struct injecting *in)
{
	for (unsigned int i = 0; i < in->n_injections; i++)
		injection_clear(&in->injections[i]);
	free(in->injections);
	free(in->calls);
	occurrences_clear(&in->counts);
	replay_clear(&in->replay);
}
