/* Profiles as systemd says them.
 *
 * A unit has one list of calls. What an allow list does not name fails, or ends the
 * process; what a deny list names does. A name may carry an errno of its own. There are
 * no conditions on arguments. An allow list always holds @default, so what the profile
 * does not allow of it is taken out again. SPDX-License-Identifier: MIT */
#include "systemd.h"

#include <errno.h>
#include <seccomp.h>
#include <sluice-calls.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "util/cleanup.h"
#include "util/errnos.h"
#include "util/hash.h"
#include "util/set.h"
#include "util/vec.h"

#define GROUPS 64 /* sluice_group_at() */
#define WIDTH  90

struct call {
	const char *name;
	uint64_t groups;
	uint32_t action;
	bool named;	       /* by an entry without conditions */
	bool done;	       /* it was written, or in a group that was */
	unsigned line, column; /* of the first entry with conditions; 0: none */
	bool conditional;
};

struct making {
	struct cli *cli;
	const struct sluice_target *target;
	scmp_filter_ctx ctx; /* what the runtime would load: it knows the architectures */
	struct call *calls;
	uint32_t n, cap;
	struct sc_set by_name;
	uint32_t rest; /* the default action */
	FILE *out;
	unsigned column; /* of the line that is being written; 0: none is */
};

static void making_clear(struct making *m)
{
	if (m->ctx)
		seccomp_release(m->ctx);
	sc_set_clear(&m->by_name);
	free(m->calls);
	if (m->out)
		fclose(m->out);
}

static void profile_freep(struct sluice_profile **p)
{
	sluice_profile_free(*p);
}

/* ---- the calls of the architectures -------------------------------------------------
 */

static uint64_t hash_of(const char *name)
{
	uint64_t h = sc_hash_seed();

	while (*name)
		h = sc_hash_mix(h, (unsigned char)*name++);
	return h;
}

static uint64_t hash_call(const void *owner, uint32_t index)
{
	return hash_of(((const struct making *)owner)->calls[index].name);
}

static bool same_name(const void *owner, uint32_t index, const void *name)
{
	return strcmp(((const struct making *)owner)->calls[index].name, name) == 0;
}

static struct call *find(const struct making *m, const char *name)
{
	const uint32_t *slot =
		m->n ? sc_set_find(&m->by_name, hash_of(name), same_name, m, name) : NULL;

	return slot && *slot ? &m->calls[*slot - 1] : NULL;
}

static int add_call(struct making *m, uint32_t arch, const char *name)
{
	struct sluice_call_info info = {.size = sizeof(info)};
	uint32_t *slot;

	if (find(m, name) || sluice_call_info(arch, name, &info) < 0)
		return 0;
	if (sc_reserve(m->calls, m->cap, m->n, 1) ||
		sc_set_reserve(&m->by_name, 1, hash_call, m))
		return -ENOMEM;
	slot = sc_set_find(&m->by_name, hash_of(name), same_name, m, name);
	m->calls[m->n] =
		(struct call){.name = name, .groups = info.groups, .action = m->rest};
	sc_set_insert(&m->by_name, slot, m->n++);
	return 0;
}

static int list_calls(struct making *m)
{
	const struct cli_arch *a;

	for (unsigned int i = 0; (a = cli_arch_at(i)); i++) {
		unsigned int at = 0;
		const char *name;

		if (!a->token || seccomp_arch_exist(m->ctx, a->token))
			continue;
		while ((name = sluice_call_next(a->token, &at)))
			if (add_call(m, a->token, name))
				return cli_error(m->cli, "%s", strerror(ENOMEM));
	}
	return 0;
}

/* ---- what the profile says ----------------------------------------------------------
 */

static bool is_errno(uint32_t action)
{
	return (action & 0xffff0000) == SCMP_ACT_ERRNO(0);
}

static bool is_kill(uint32_t action)
{
	return action == SCMP_ACT_KILL_PROCESS || action == SCMP_ACT_KILL_THREAD;
}

static int cannot(const struct making *m, const struct sluice_profile_entry *e,
	const char *what, const char *name)
{
	return cli_error_at(m->target->file, e->line, e->column,
		"found %s%s; systemd's SystemCallFilter= cannot express it", what, name);
}

static int add_entry(struct making *m, const struct sluice_profile_entry *e)
{
	char action[CLI_VERDICT_MAX];

	if (e->action == m->rest)
		return 0; /* the runtimes leave it out */
	if (e->action != SCMP_ACT_ALLOW && !is_errno(e->action) && !is_kill(e->action))
		return cannot(m, e, "the action ", cli_verdict(e->action, action));
	for (unsigned int i = 0; i < e->n_names; i++) {
		struct call *c = find(m, e->names[i]);

		if (!c || c->named)
			continue;
		if (e->n_args && !c->conditional) {
			c->conditional = true;
			c->line = e->line;
			c->column = e->column;
		}
		if (!e->n_args) {
			c->named = true;
			c->action = e->action;
		}
	}
	return 0;
}

/* A rule without conditions wins over those that have some. */
static int check_conditions(const struct making *m)
{
	int rc = 0;

	for (uint32_t i = 0; i < m->n; i++) {
		const struct call *c = &m->calls[i];
		const struct sluice_profile_entry e = {
			.line = c->line, .column = c->column};

		if (c->conditional && !c->named)
			rc = cannot(m, &e, "a condition on an argument of ", c->name);
	}
	return rc;
}

static int read_entries(struct making *m, const struct sluice_profile *p)
{
	struct sluice_profile_entry e = {.size = sizeof(e)};
	char action[CLI_VERDICT_MAX];
	int rc = 0;

	if (m->rest != SCMP_ACT_ALLOW && !is_kill(m->rest) &&
		(!is_errno(m->rest) || m->rest == SCMP_ACT_ERRNO(0)))
		return cli_error_at(m->target->file, 0, 0,
			"found the default action %s; systemd has ALLOW, ERRNO and KILL",
			cli_verdict(m->rest, action));
	for (unsigned int i = 0; sluice_profile_entry(p, i, &e) == 0; i++)
		if (add_entry(m, &e))
			rc = CLI_TROUBLE;
	if (check_conditions(m))
		rc = CLI_TROUBLE;
	return rc;
}

/* ---- lines --------------------------------------------------------------------------
 */

static void end_line(struct making *m)
{
	if (m->column)
		putc('\n', m->out);
	m->column = 0;
}

/* A word of lines that begin with @key; systemd takes several lines as one. */
static void put_word(
	struct making *m, const char *key, const char *word, const char *suffix)
{
	unsigned int n = (unsigned int)(strlen(word) + strlen(suffix));

	if (m->column && m->column + 1 + n > WIDTH)
		end_line(m);
	m->column += (unsigned int)fprintf(
		m->out, "%s%s%s", m->column ? " " : key, word, suffix);
}

static void put_arches(struct making *m)
{
	/* Where systemd's name is another one than libseccomp's. */
	static const char *const others[][2] = {{"aarch64", "arm64"},
		{"x86_64", "x86-64"}, {"mipsel", "mips-le"}, {"mipsel64", "mips64-le"},
		{"mips64n32", "mips64-n32"}, {"mipsel64n32", "mips64-le-n32"},
		{"ppc64le", "ppc64-le"}};
	const struct cli_arch *a;

	put_word(m, "SystemCallArchitectures=", "native", "");
	for (unsigned int i = 0; (a = cli_arch_at(i)); i++) {
		const char *name = a->name;
		uint32_t native =
			m->target->arch ? m->target->arch : seccomp_arch_native();

		if (!a->token || a->token == native ||
			seccomp_arch_exist(m->ctx, a->token))
			continue;
		for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++)
			if (strcmp(name, others[k][0]) == 0)
				name = others[k][1];
		put_word(m, "SystemCallArchitectures=", name, "");
	}
	end_line(m);
}

/* ":EPERM", ":kill", or nothing for what needs none. */
static void suffix_of(uint32_t action, char text[32])
{
	const char *name;

	snprintf(text, 32, "%s", is_kill(action) ? ":kill" : "");
	if (!is_errno(action))
		return;
	name = sc_errno_name((int)(action & 0xffff));
	if (name)
		snprintf(text, 32, ":%s", name);
	else
		snprintf(text, 32, ":%u", action & 0xffff);
}

/* The groups all of whose calls get @action. */
static uint64_t whole_groups(const struct making *m, uint32_t action)
{
	uint64_t broken = 0;

	for (uint32_t i = 0; i < m->n; i++)
		if (m->calls[i].action != action)
			broken |= m->calls[i].groups;
	return ~broken;
}

static unsigned int count(const struct making *m, unsigned int group)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < m->n; i++)
		n += !m->calls[i].done && m->calls[i].groups >> group & 1;
	return n;
}

/* The group that saves most; NULL: none saves anything. */
static const char *best_group(const struct making *m, uint64_t whole, unsigned int *best)
{
	unsigned int most = 1;
	const char *found = NULL, *name;

	for (unsigned int g = 0; g < GROUPS && (name = sluice_group_at(g)); g++) {
		unsigned int n = whole >> g & 1 && *name == '@' ? count(m, g) : 0;

		if (n <= most)
			continue;
		most = n;
		found = name;
		*best = g;
	}
	return found;
}

static void put_calls(struct making *m, const char *key, uint32_t action)
{
	uint64_t whole = whole_groups(m, action);
	const char *name;
	unsigned int g;
	char suffix[32];

	suffix_of(action, suffix);
	while ((name = best_group(m, whole, &g))) {
		put_word(m, key, name, suffix);
		for (uint32_t i = 0; i < m->n; i++)
			m->calls[i].done |= m->calls[i].groups >> g & 1;
	}
	for (uint32_t i = 0; i < m->n; i++) {
		struct call *c = &m->calls[i];

		if (c->done || c->action != action)
			continue;
		put_word(m, key, c->name, suffix);
		c->done = true;
	}
	end_line(m);
}

/* The actions that are not the default's: each where its first call is. */
static void put_other_actions(struct making *m, const char *key)
{
	for (uint32_t i = 0; i < m->n; i++)
		if (!m->calls[i].done && m->calls[i].action != m->rest)
			put_calls(m, key, m->calls[i].action);
}

/* What is in @default and refused all the same. */
static void put_refused_defaults(struct making *m, uint64_t bit)
{
	for (uint32_t i = 0; i < m->n; i++) {
		struct call *c = &m->calls[i];

		if (c->groups & bit && c->action == m->rest)
			put_word(m, "SystemCallFilter=~", c->name, "");
	}
	end_line(m);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct call *)a)->name, ((const struct call *)b)->name);
}

/* systemd puts @default into every allow list; said, the list is one that allows even
 * where it is empty. */
static void put_allow_list(struct making *m)
{
	uint64_t bit = 0;

	(void)sluice_group("@default", &bit);
	put_word(m, "SystemCallFilter=", "@default", "");
	for (uint32_t i = 0; i < m->n; i++)
		m->calls[i].done = m->calls[i].groups & bit &&
				   (m->calls[i].action == SCMP_ACT_ALLOW ||
					   m->calls[i].action == m->rest);
	put_calls(m, "SystemCallFilter=", SCMP_ACT_ALLOW);
	put_other_actions(m, "SystemCallFilter=");
	put_refused_defaults(m, bit);
}

static void put_lines(struct making *m)
{
	char text[32];

	put_arches(m);
	if (m->rest == SCMP_ACT_ALLOW)
		put_other_actions(m, "SystemCallFilter=~");
	else
		put_allow_list(m);
	if (is_errno(m->rest)) {
		suffix_of(m->rest, text);
		fprintf(m->out, "SystemCallErrorNumber=%s\n", text + 1);
	}
}

int cli_systemd(struct cli *cli, const struct sluice_profile *profile,
	const struct sluice_target *target, char **text, size_t *size)
{
	_cleanup_(making_clear) struct making m = {.cli = cli, .target = target};
	_cleanup_(profile_freep) struct sluice_profile *p = NULL;
	_cleanup_free_ char *bytes = NULL;
	int rc = sluice_profile_context(profile, target, &m.ctx);

	if (!rc)
		rc = sluice_profile_resolve(profile, target, &p);
	if (rc)
		return cli_error(cli, "nothing was compiled: %s", strerror(-rc));
	m.rest = sluice_profile_default(p);
	rc = list_calls(&m);
	if (!rc)
		rc = read_entries(&m, p);
	if (rc)
		return rc;
	sc_set_clear(&m.by_name); /* its indexes are about to change */
	if (m.n)
		qsort(m.calls, m.n, sizeof(*m.calls), by_name);
	m.out = open_memstream(&bytes, size);
	if (!m.out)
		return cli_error(cli, "%s", strerror(ENOMEM));
	put_lines(&m);
	rc = fclose(m.out);
	m.out = NULL;
	if (rc || !bytes)
		return cli_error(cli, "%s", strerror(ENOMEM));
	*text = steal_ptr(bytes);
	return 0;
}
