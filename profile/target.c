/* The machine and the container that a profile is for: which entries count there, and
 * what rules the runtime makes of them.
 * SPDX-License-Identifier: MIT */
#include "compile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "util/cleanup.h"
#include "util/kernel.h"

static void profile_freep(struct sluice_profile **p)
{
	sluice_profile_free(*p);
}

static unsigned running_kernel(void)
{
	struct utsname u;
	unsigned version;

	return uname(&u) == 0 && sc_kernel_version(u.release, &version) ? version : 0;
}

int sc_target_fill(const struct sluice_target *target, struct sluice_target *t)
{
	*t = (struct sluice_target)SLUICE_TARGET_INIT;
	if (target)
		memcpy(t, target, target->size < sizeof(*t) ? target->size : sizeof(*t));
	if (!t->arch)
		t->arch = seccomp_arch_native();
	if (!t->kernel)
		t->kernel = running_kernel();
	if (t->as > SLUICE_AS_RUNC_1_1 || t->cutoff > SLUICE_CUTOFF_KERNEL)
		return -EINVAL;
	return 0;
}

int sc_target_say(const struct sluice_target *t, enum sluice_severity severity,
	const char *rule, struct sc_place at, const char *path, const char *format, ...)
{
	char message[320];
	struct sluice_finding f = {severity, rule, t->file ? t->file : "", at.line,
		at.column, path, message, "", ""};
	va_list ap;

	if (t->report) {
		va_start(ap, format);
		vsnprintf(message, sizeof(message), format, ap);
		va_end(ap);
		t->report(&f, t->data);
	}
	return severity == SLUICE_ERROR ? -EINVAL : 0;
}

/* ---- conditions ------------------------------------------------------------------- */

static bool has_cap(const struct sluice_target *t, const char *cap)
{
	for (unsigned i = 0; i < t->n_caps; i++)
		if (!strcmp(t->caps[i], cap))
			return true;
	return false;
}

static unsigned caps_had(const struct sluice_target *t, const struct sc_words *caps)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < caps->n; i++)
		n += has_cap(t, caps->texts[i]);
	return n;
}

static bool names_arch(const struct sluice_target *t, const struct sc_words *arches)
{
	for (uint32_t i = 0; i < arches->n; i++)
		if (sc_arch_of_engine(arches->texts[i]) == t->arch)
			return true;
	return false;
}

/* Included: every capability, one of the machines, at least the kernel. Excluded: any of
 * them. */
bool sc_target_applies(const struct sluice_target *t, const struct sc_entry *e)
{
	const struct sc_condition *in = &e->includes, *out = &e->excludes;

	if (caps_had(t, &in->caps) < in->caps.n || caps_had(t, &out->caps))
		return false;
	if ((in->arches.n && !names_arch(t, &in->arches)) || names_arch(t, &out->arches))
		return false;
	if (in->min_kernel && t->kernel < in->kernel)
		return false;
	return !out->min_kernel || t->kernel < out->kernel;
}

/* ---- resolving -------------------------------------------------------------------- */

static int resolve_arches(struct sluice_profile *to, const struct sluice_target *t)
{
	const struct sc_arch_map *m = NULL;
	int rc = 0;

	for (uint32_t i = 0; i < to->n_maps && !m; i++)
		if (sc_arch_of_profile(to->maps[i].arch.text) == t->arch)
			m = &to->maps[i];
	if (!t->n_arches && m) {
		rc = sc_words_add(&to->arches, m->arch.text, m->arch.at);
		for (uint32_t i = 0; i < m->subs.n && !rc; i++)
			rc = sc_words_add(
				&to->arches, m->subs.texts[i], m->subs.places[i]);
	}
	if (t->n_arches)
		to->arches.n = 0;
	for (unsigned i = 0; i < t->n_arches && !rc; i++) {
		const char *text = sc_arch_profile_name(t->arches[i]);

		if (!text)
			return -EINVAL;
		text = sc_profile_text(to, text, strlen(text));
		rc = text ? sc_words_add(&to->arches, text, (struct sc_place){0})
			  : -ENOMEM;
	}
	return rc;
}

static void drop_maps(struct sluice_profile *p)
{
	for (uint32_t i = 0; i < p->n_maps; i++) {
		free(p->maps[i].subs.texts);
		free(p->maps[i].subs.places);
	}
	p->n_maps = 0;
}

/* crun looks at the first six comparisons of an entry, runc at all. */
static uint32_t args_read(const struct sluice_target *t, const struct sc_entry *e)
{
	return t->as == SLUICE_AS_CRUN && e->n_args > SC_PROFILE_ARGS ? SC_PROFILE_ARGS
								      : e->n_args;
}

static void drop_condition(struct sc_condition *c)
{
	c->caps.n = c->arches.n = 0;
	c->min_kernel = NULL;
}

int sluice_profile_resolve(const struct sluice_profile *p,
	const struct sluice_target *target, struct sluice_profile **resolved)
{
	_cleanup_(profile_freep) struct sluice_profile *to = NULL;
	struct sluice_target t;
	int rc = sc_target_fill(target, &t);

	if (!rc)
		rc = sc_profile_copy_head(p, &to);
	if (!rc)
		rc = resolve_arches(to, &t);
	for (uint32_t i = 0; i < p->n && !rc; i++) {
		if (!sc_target_applies(&t, &p->entries[i]))
			continue;
		rc = sc_profile_copy_entry(to, &p->entries[i]);
		if (rc)
			break;
		drop_condition(&to->entries[to->n - 1].includes);
		drop_condition(&to->entries[to->n - 1].excludes);
		to->entries[to->n - 1].n_args = args_read(&t, &p->entries[i]);
	}
	if (rc)
		return rc;
	drop_maps(to);
	if (to->form == SLUICE_FORM_DOCKER)
		to->form = SLUICE_FORM_OCI;
	*resolved = steal_ptr(to);
	return 0;
}

/* The profile's list, or what archMap says of the machine. */
static const struct sc_words *arch_words(
	const struct sluice_profile *p, const struct sluice_target *t, const char **first)
{
	*first = NULL;
	for (uint32_t i = 0; i < p->n_maps; i++)
		if (sc_arch_of_profile(p->maps[i].arch.text) == t->arch) {
			*first = p->maps[i].arch.text;
			return &p->maps[i].subs;
		}
	return &p->arches;
}

int sc_target_arches(const struct sluice_profile *p, const struct sluice_target *t,
	uint32_t arches[SC_PROFILE_ARCHES], unsigned *count)
{
	const char *first;
	const struct sc_words *words = arch_words(p, t, &first);
	unsigned n = 0, want = t->n_arches ? t->n_arches : words->n + (first != NULL);

	for (unsigned i = 0; i < want; i++) {
		uint32_t arch =
			t->n_arches ? t->arches[i]
			: first && !i
				? sc_arch_of_profile(first)
				: sc_arch_of_profile(words->texts[i - (first != NULL)]);
		bool known = false;

		for (unsigned k = 0; k < n; k++)
			known |= arches[k] == arch;
		if (known)
			continue;
		if (n == SC_PROFILE_ARCHES)
			return -EINVAL;
		arches[n++] = arch;
	}
	*count = n;
	return 0;
}

/* ---- rules ------------------------------------------------------------------------ */

struct emitting {
	const struct sluice_profile *p;
	const struct sluice_target *t;
	int (*add)(const struct sc_rule *rule, void *data);
	void *data;
};

static bool index_twice(const struct sc_arg *args, uint32_t n)
{
	unsigned seen = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (seen & 1u << args[i].index)
			return true;
		seen |= 1u << args[i].index;
	}
	return false;
}

/* An argument that is asked about twice makes each comparison a rule of its own: any of
 * them is enough. */
static int add_name(const struct emitting *em, struct sc_rule *rule)
{
	const struct sc_entry *e = rule->entry;
	uint32_t n = args_read(em->t, e);

	rule->args = e->args;
	rule->n_args = n;
	if (!index_twice(e->args, n))
		return em->add(rule, em->data);
	rule->n_args = 1;
	for (uint32_t i = 0; i < n; i++) {
		int rc;

		rule->args = &e->args[i];
		rc = em->add(rule, em->data);
		if (rc)
			return rc;
	}
	return 0;
}

static int refuse(const struct emitting *em, const struct sc_entry *e, uint32_t name,
	const char *why)
{
	char rest[32], path[160];

	snprintf(rest, sizeof(rest), ".names[%u]", name);
	sc_entry_path(em->p, e, rest, path);
	return sc_target_say(
		em->t, SLUICE_ERROR, "refused", e->names.places[name], path, "%s", why);
}

static int add_entry(const struct emitting *em, const struct sc_entry *e)
{
	struct sc_rule rule = {.entry = e, .action = sc_action_value(&e->action)};
	bool runc = em->t->as != SLUICE_AS_CRUN;
	char path[160];

	if (rule.action == sc_action_value(&em->p->action)) {
		sc_entry_path(em->p, e, "", path);
		return sc_target_say(em->t, SLUICE_NOTE, "dropped", e->at, path,
			"found an entry with the default action, which the runtime "
			"drops");
	}
	for (rule.name = 0; rule.name < e->names.n; rule.name++) {
		const char *name = e->names.texts[rule.name];
		int rc;

		if (runc && !*name)
			return refuse(em, e, rule.name,
				"found an empty name: runc starts no container with it");
		if (runc && rule.action == SCMP_ACT_NOTIFY && !strcmp(name, "write"))
			return refuse(em, e, rule.name,
				"found SCMP_ACT_NOTIFY for write: runc starts no "
				"container with it");
		if (!sc_call_is_known(name))
			continue;
		rc = add_name(em, &rule);
		if (rc)
			return rc;
	}
	return 0;
}

/* crun reads no profile with an errno for an action that has none, wherever it stands. */
static int check_errno(const struct sluice_target *t, const struct sc_action *a, const char *path)
{
	if (t->as != SLUICE_AS_CRUN || !a->has_errno || sc_takes_errno(a->value))
		return 0;
	return sc_target_say(t, SLUICE_ERROR, "refused", a->errno_at, path,
		"found an errno for %s: crun starts no container with it", a->name);
}

int sc_target_rules(const struct sluice_profile *p, const struct sluice_target *t,
	int (*add)(const struct sc_rule *rule, void *data), void *data)
{
	struct emitting em = {p, t, add, data};
	int rc;

	if (t->as != SLUICE_AS_CRUN && p->action.value == SCMP_ACT_NOTIFY)
		return sc_target_say(t, SLUICE_ERROR, "refused", p->action.at,
			"defaultAction",
			"found SCMP_ACT_NOTIFY as the default: runc starts no container "
			"with it");
	rc = check_errno(t, &p->action, "defaultErrnoRet");
	for (uint32_t i = 0; i < p->n && !rc; i++) {
		char path[160];

		if (!sc_target_applies(t, &p->entries[i]))
			continue;
		sc_entry_path(p, &p->entries[i], ".errnoRet", path);
		rc = check_errno(t, &p->entries[i].action, path);
		if (!rc)
			rc = add_entry(&em, &p->entries[i]);
	}
	return rc;
}
