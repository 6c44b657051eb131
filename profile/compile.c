/* The filter that a runtime builds from a profile.
 * SPDX-License-Identifier: MIT */
#include "compile.h"

#include <errno.h>
#include <linux/bpf_common.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "util/cleanup.h"

/* Since libseccomp 2.6; a distribution's older one writes to a descriptor alone. */
extern int seccomp_export_bpf_mem(const scmp_filter_ctx ctx, void *buf, size_t *len)
	__attribute__((weak));

struct building {
	const struct sluice_profile *p;
	const struct sluice_target *t;
	scmp_filter_ctx ctx;
};

static void context_freep(const scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

static const char *meaning_of(int rc)
{
	switch (rc) {
	case -EEXIST:
		return "it says another action for what an earlier entry covers";
	case -EINVAL:
		return "an errno or a comparison is out of range";
	case -EFAULT:
		return "an architecture of the filter does not have it";
	case -ENOMEM:
		return "out of memory";
	default:
		return strerror(-rc);
	}
}

static int add_rule(const struct sc_rule *rule, void *data)
{
	struct building *b = data;
	struct scmp_arg_cmp cmps[SC_PROFILE_ARGS];
	const char *name = rule->entry->names.texts[rule->name];
	char path[160];
	int rc, nr = seccomp_syscall_resolve_name(name);

	for (uint32_t i = 0; i < rule->n_args; i++)
		cmps[i] = (struct scmp_arg_cmp){rule->args[i].index,
			(enum scmp_compare)rule->args[i].op, rule->args[i].value,
			rule->args[i].value_two};
	rc = seccomp_rule_add_array(b->ctx, rule->action, nr, rule->n_args, cmps);
	if (!rc || rc == -ENOMEM)
		return rc;
	sc_entry_path(b->p, rule->entry, "", path);
	sc_target_say(b->t, SLUICE_ERROR, "refused", rule->entry->at, path,
		"found a rule for %s that cannot be added: %s", name, meaning_of(rc));
	return rc;
}

static int add_arches(struct building *b)
{
	uint32_t arches[SC_PROFILE_ARCHES];
	unsigned n = 0;
	int rc = sc_target_arches(b->p, b->t, arches, &n);
	bool native = !n;

	if (rc)
		return rc;
	for (unsigned i = 0; i < n; i++) {
		rc = seccomp_arch_add(b->ctx, arches[i]);
		native |= arches[i] == b->t->arch;
		if (rc == -ENOMEM)
			return rc;
		if (rc && rc != -EEXIST)
			return sc_target_say(b->t, SLUICE_ERROR, "refused",
				(struct sc_place){0}, "architectures",
				"found an architecture that does not fit to the others: "
				"%s",
				strerror(-rc));
	}
	/* Both runtimes keep the machine's own, which the profile may not name. */
	return native ? 0
		      : sc_target_say(b->t, SLUICE_WARNING, "native-missing",
				(struct sc_place){0}, "architectures",
				"found no entry for this machine's architecture; the "
				"runtimes add it");
}

/* The context of a machine that is not this one begins with its own architecture. */
static int begin(struct building *b)
{
	uint32_t native = seccomp_arch_native();
	int rc;

	b->ctx = seccomp_init(sc_action_value(&b->p->action));
	if (!b->ctx)
		return -ENOMEM;
	if (b->t->arch == native)
		return 0;
	rc = seccomp_arch_remove(b->ctx, native);
	return rc ? rc : seccomp_arch_add(b->ctx, b->t->arch);
}

static int build(struct building *b)
{
	int rc = begin(b);

	if (!rc)
		rc = add_arches(b);
	return rc ? rc : sc_target_rules(b->p, b->t, add_rule, b);
}

int sluice_profile_context(const struct sluice_profile *p,
	const struct sluice_target *target, scmp_filter_ctx *context)
{
	struct sluice_target t;
	struct building b = {p, &t, NULL};
	int rc = sc_target_fill(target, &t);

	if (!rc)
		rc = build(&b);
	if (!rc)
		*context = steal_ptr(b.ctx);
	context_freep(&b.ctx);
	return rc;
}

/* ---- the program ------------------------------------------------------------------ */

static int export_memory(scmp_filter_ctx ctx, void **bytes, size_t *size)
{
	size_t n = 4096 * sizeof(struct sock_filter);
	_cleanup_free_ void *buffer = malloc(n);
	int rc = buffer ? seccomp_export_bpf_mem(ctx, buffer, &n) : -ENOMEM;

	if (rc == -ERANGE)
		return -E2BIG;
	if (rc)
		return rc;
	*bytes = steal_ptr(buffer);
	*size = n;
	return 0;
}

static int export_file(scmp_filter_ctx ctx, void **bytes, size_t *size)
{
	_cleanup_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
	char *text = NULL;
	int rc = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);

	if (!rc && lseek(fd, 0, SEEK_SET))
		rc = -errno;
	if (!rc)
		rc = sc_json_slurp(fd, 4096 * sizeof(struct sock_filter), &text, size);
	if (!rc)
		*bytes = text;
	return rc;
}

static int export(scmp_filter_ctx ctx, void **bytes, size_t *size)
{
	return seccomp_export_bpf_mem ? export_memory(ctx, bytes, size)
				      : export_file(ctx, bytes, size);
}

int sluice_profile_program(const struct sluice_profile *p,
	const struct sluice_target *target, struct sock_filter **insns, unsigned *length)
{
	struct sock_filter front[SC_CUTOFF_MAX];
	_cleanup_(context_freep) scmp_filter_ctx ctx = NULL;
	_cleanup_free_ void *bytes = NULL;
	struct sluice_target t;
	struct sock_filter *all;
	unsigned n = 0, rest;
	size_t size = 0;
	int rc = sc_target_fill(target, &t);

	if (!rc)
		rc = sluice_profile_context(p, &t, &ctx);
	if (!rc) {
		/* Why it fails is to be seen: a program that is too large says -E2BIG. */
		seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1);
		rc = export(ctx, &bytes, &size);
	}
	if (!rc)
		rc = sc_cutoff_program(p, &t, front, &n);
	if (rc)
		return rc;
	rest = (unsigned)(size / sizeof(*all));
	if (n + rest > BPF_MAXINSNS)
		return -E2BIG;
	all = malloc((n + rest) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	memcpy(all, front, n * sizeof(*all));
	memcpy(all + n, bytes, size);
	*insns = all;
	*length = n + rest;
	return 0;
}
