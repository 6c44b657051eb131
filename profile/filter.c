/* The rules that a runtime adds as a filter of ordered rules.
 *
 * libseccomp's rules of a call have no order of their own: one without conditions wins,
 * and the others are tried as the library sorts them. So rules without conditions come
 * first here, and two others of one call that overlap must say the same. Each is of one
 * architecture: there an argument has the width that libseccomp compares, and
 * socketcall(2) or ipc(2) may carry the call. SPDX-License-Identifier: MIT */
#include "compile.h"
#include "region.h"

#include <errno.h>
#include <linux/audit.h>
#include <sluice-calls.h>
#include <sluice-filter.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/vec.h"

#define MOST_RULES 4096 /* of one call: as many as a program has instructions */

struct row {
	uint32_t arch;
	int nr;
	bool conditional;
	uint32_t order; /* in which it came */
	uint32_t action;
	struct sc_region region;
	const struct sc_entry *entry;
	const char *name;
};

struct making {
	const struct sluice_profile *p;
	const struct sluice_target *t;
	uint32_t arches[SC_PROFILE_ARCHES];
	unsigned n_arches;
	struct row *rows;
	uint32_t n, cap;
};

static void making_clear(struct making *m)
{
	free(m->rows);
}

static void filter_freep(struct sluice_filter **filter)
{
	sluice_filter_free(*filter);
}

static void context_freep(const scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

/* x32 has registers of 64 bits, and libseccomp compares 32. */
static unsigned width_of(uint32_t arch)
{
	return arch & __AUDIT_ARCH_64BIT ? 64 : 32;
}

static uint64_t all_of(uint32_t arch)
{
	return UINT64_MAX >> (64 - width_of(arch));
}

/* Calls that a multiplexer carries, by the pseudo number that holds its code. */
static int pseudo_of(const char *name)
{
#define CARRIED(call)                                                                    \
	{                                                                                \
#call, __PNR_##call                                                      \
	}
	static const struct {
		const char *name;
		int pseudo;
	} carried[] = {CARRIED(socket), CARRIED(bind), CARRIED(connect), CARRIED(listen),
		CARRIED(accept), CARRIED(getsockname), CARRIED(getpeername),
		CARRIED(socketpair), CARRIED(send), CARRIED(recv), CARRIED(sendto),
		CARRIED(recvfrom), CARRIED(shutdown), CARRIED(setsockopt),
		CARRIED(getsockopt), CARRIED(sendmsg), CARRIED(recvmsg), CARRIED(accept4),
		CARRIED(recvmmsg), CARRIED(sendmmsg), CARRIED(semop), CARRIED(semget),
		CARRIED(semctl), CARRIED(semtimedop), CARRIED(msgsnd), CARRIED(msgrcv),
		CARRIED(msgget), CARRIED(msgctl), CARRIED(shmat), CARRIED(shmdt),
		CARRIED(shmget), CARRIED(shmctl)};

	for (size_t i = 0; i < sizeof(carried) / sizeof(*carried); i++)
		if (!strcmp(carried[i].name, name))
			return carried[i].pseudo;
	return 0;
}

/* ---- rows ------------------------------------------------------------------------- */

static int add_row(struct making *m, const struct sc_rule *rule, uint32_t arch, int nr,
	const struct sc_region *region)
{
	if (sc_reserve(m->rows, m->cap, m->n, 1))
		return -ENOMEM;
	m->rows[m->n] = (struct row){.arch = arch,
		.nr = nr,
		.conditional = !sc_region_is_all(region),
		.order = m->n,
		.action = rule->action,
		.region = *region,
		.entry = rule->entry,
		.name = rule->entry->names.texts[rule->name]};
	m->n++;
	return 0;
}

/* What the rule asks of arguments from @first on where they have that width: values are
 * cut. False: nothing matches. */
static bool region_on(
	const struct sc_rule *rule, uint32_t arch, uint32_t first, struct sc_region *out)
{
	const uint64_t all = all_of(arch);
	struct sc_arg args[SC_PROFILE_ARGS];
	uint32_t n = 0;

	for (uint32_t i = 0; i < rule->n_args; i++) {
		if (rule->args[i].index < first)
			continue;
		args[n] = rule->args[i];
		args[n].value &= all;
		args[n++].value_two &= all;
	}
	if (!sc_region_of(args, n, out))
		return false;
	for (int i = 0; i < SC_PROFILE_ARGS; i++) {
		struct sc_piece *piece = &out->pieces[i];

		if (piece->kind == SC_PIECE_LEAST && piece->a > all)
			return false;
		if ((piece->kind == SC_PIECE_MOST && piece->a >= all) ||
			(piece->kind == SC_PIECE_MASKED && !piece->a))
			*piece = (struct sc_piece){0};
	}
	return true;
}

/* The multiplexer takes the call's code as argument 0, an int of which ipc(2) reads the
 * lower half; libseccomp compares the others as if they were the call's. */
static int add_carried(
	struct making *m, const struct sc_rule *rule, uint32_t arch, const char *name)
{
	int pseudo = pseudo_of(name);
	bool ipc = pseudo < -200;
	int nr = pseudo ? seccomp_syscall_resolve_name_arch(
				  arch, ipc ? "ipc" : "socketcall")
			: -1;
	struct sc_region code;

	if (nr < 0 || !region_on(rule, arch, 1, &code))
		return 0;
	code.pieces[0] = (struct sc_piece){SC_PIECE_MASKED, ipc ? 0xffff : UINT32_MAX,
		(uint64_t)(-pseudo - (ipc ? 200 : 100))};
	return add_row(m, rule, arch, nr, &code);
}

static int add_rule(const struct sc_rule *rule, void *data)
{
	struct making *m = data;
	const char *name = rule->entry->names.texts[rule->name];

	for (unsigned i = 0; i < m->n_arches; i++) {
		uint32_t arch = m->arches[i];
		struct sc_region region;
		int rc = 0, nr;

		/* libseccomp says pseudo numbers even where there is one, too. */
		if (!sluice_call_nr(arch, name, &nr) && nr >= 0 &&
			region_on(rule, arch, 0, &region))
			rc = add_row(m, rule, arch, nr, &region);
		if (!rc)
			rc = add_carried(m, rule, arch, name);
		if (rc)
			return rc;
	}
	return 0;
}

/* Calls side by side, without conditions first. */
static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->arch != y->arch)
		return x->arch < y->arch ? -1 : 1;
	if (x->nr != y->nr)
		return x->nr < y->nr ? -1 : 1;
	if (x->conditional != y->conditional)
		return x->conditional ? 1 : -1;
	return x->order < y->order ? -1 : 1;
}

static int refuse(const struct making *m, const struct row *row, const char *why, int rc)
{
	char path[160];

	sc_entry_path(m->p, row->entry, "", path);
	sc_target_say(m->t, SLUICE_ERROR, "no-order", row->entry->at, path, "%s: %s",
		row->name, why);
	return rc;
}

/* Rows [first, next) are of one call: what overlaps says the same. */
static int check_call(const struct making *m, uint32_t first, uint32_t next)
{
	if (next - first > MOST_RULES)
		return refuse(m, &m->rows[first], "found too many rules", -E2BIG);
	for (uint32_t i = first; i < next; i++)
		for (uint32_t k = first; k < i; k++) {
			const struct row *x = &m->rows[k], *y = &m->rows[i];
			struct sc_region both;

			if (x->action != y->action &&
				sc_region_meet(&x->region, &y->region, &both))
				return refuse(m, y,
					"found another action for arguments that an "
					"earlier entry covers; ordered rules cannot "
					"say it as libseccomp does",
					-EOPNOTSUPP);
		}
	return 0;
}

/* ---- the filter ------------------------------------------------------------------- */

static struct sluice_filter_condition condition_of(const struct sc_piece *piece,
	unsigned index, uint32_t arch, struct sluice_value values[2])
{
	struct sluice_filter_condition c = {.index = index,
		.op = SLUICE_OP_EQ,
		.negate = piece->kind == SC_PIECE_NE,
		.bits = width_of(arch),
		.values = values,
		.n_values = 1};

	values[0].number = piece->a;
	if (piece->kind == SC_PIECE_EQ || piece->kind == SC_PIECE_NE)
		return c;
	c.n_values = 2;
	c.op = SLUICE_OP_RANGE;
	values[1].number = all_of(arch);
	if (piece->kind == SC_PIECE_MOST) {
		values[0].number = 0;
		values[1].number = piece->a;
	} else if (piece->kind == SC_PIECE_MASKED) {
		c.op = SLUICE_OP_MASKED;
		values[1].number = piece->b;
	}
	return c;
}

static int add_to_filter(
	struct sluice_filter *f, const struct making *m, const struct row *row)
{
	struct sluice_filter_condition conditions[SC_PROFILE_ARGS];
	struct sluice_value values[SC_PROFILE_ARGS][2] = {{{0}}};
	struct sluice_rule rule = {.size = sizeof(rule),
		.action = row->action,
		.arch = row->arch,
		.nr = row->nr,
		.flags = SLUICE_RULE_EXACT,
		.conditions = conditions};
	struct sluice_error error = {0};
	int rc;

	for (unsigned i = 0; i < SC_PROFILE_ARGS; i++)
		if (row->region.pieces[i].kind != SC_PIECE_ANY)
			conditions[rule.n_conditions++] = condition_of(
				&row->region.pieces[i], i, row->arch, values[i]);
	rc = sluice_filter_add(f, &rule, &error);
	return rc && rc != -ENOMEM ? refuse(m, row, error.message, rc) : rc;
}

static int add_all(struct sluice_filter *f, struct making *m)
{
	int rc = 0;

	if (m->n)
		qsort(m->rows, m->n, sizeof(*m->rows), compare_rows);
	for (uint32_t first = 0, next; first < m->n && !rc; first = next) {
		const struct row *r = &m->rows[first];

		for (next = first + 1; next < m->n && m->rows[next].arch == r->arch &&
				       m->rows[next].nr == r->nr;)
			next++;
		if (!r->conditional)
			rc = add_to_filter(f, m, r); /* and the others never match */
		else
			rc = check_call(m, first, next);
		for (uint32_t i = first; i < next && r->conditional && !rc; i++)
			rc = add_to_filter(f, m, &m->rows[i]);
	}
	return rc;
}

/* The architectures of the context: the machine's own is always one. */
static int find_arches(struct making *m)
{
	int rc = sc_target_arches(m->p, m->t, m->arches, &m->n_arches);
	bool native = false;

	for (unsigned i = 0; i < m->n_arches; i++)
		native |= m->arches[i] == m->t->arch;
	if (rc || native)
		return rc;
	if (m->n_arches == SC_PROFILE_ARCHES)
		return -EINVAL;
	m->arches[m->n_arches++] = m->t->arch;
	return 0;
}

/* What the runtime refuses is refused, with its reasons. */
static int begin(const struct making *m, struct sluice_filter **filter)
{
	struct sluice_filter_options o = SLUICE_FILTER_OPTIONS_INIT;
	_cleanup_(context_freep) scmp_filter_ctx ctx = NULL;
	struct sluice_error error = {0};
	int rc = sluice_profile_context(m->p, m->t, &ctx);

	if (!rc)
		rc = seccomp_attr_get(ctx, SCMP_FLTATR_ACT_BADARCH, &o.badarch_action);
	if (rc)
		return rc;
	o.default_action = sc_action_value(&m->p->action);
	o.archs = m->arches;
	o.n_archs = m->n_arches;
	rc = sluice_filter_new(&o, filter, &error);
	if (rc && rc != -ENOMEM)
		sc_target_say(m->t, SLUICE_ERROR, "refused", m->p->action.at,
			"defaultAction", "%s", error.message);
	return rc;
}

int sluice_profile_filter(const struct sluice_profile *p,
	const struct sluice_target *target, struct sluice_filter **filter)
{
	_cleanup_(filter_freep) struct sluice_filter *f = NULL;
	struct sluice_target t, quiet;
	_cleanup_(making_clear) struct making m = {.p = p, .t = &t};
	int rc = sc_target_fill(target, &t);

	if (!rc)
		rc = find_arches(&m);
	if (!rc)
		rc = begin(&m, &f);
	/* The context has said it all. */
	quiet = t;
	quiet.report = NULL;
	if (!rc)
		rc = sc_target_rules(p, &quiet, add_rule, &m);
	if (!rc)
		rc = add_all(f, &m);
	if (!rc)
		*filter = steal_ptr(f);
	return rc;
}
