/* Regions of inputs, and the kernel's view of filters.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "regions.h"
#include "util/cleanup.h"

const char *cli_field(unsigned int field)
{
	static const char *const names[] = {
		"arch", "nr", "ip", "a0", "a1", "a2", "a3", "a4", "a5"};

	return field < sizeof(names) / sizeof(names[0]) ? names[field] : "?";
}

void cli_conditions_json(struct cli_json *j, const struct sluice_region *r)
{
	cli_json_array(j, "conditions");
	for (unsigned int i = 0; i < r->n; i++) {
		const struct sluice_condition *c = &r->conditions[i];

		cli_json_object(j, NULL);
		cli_json_string(j, "field", cli_field(c->field));
		cli_json_format(j, "mask", "0x%" PRIx64, c->mask);
		cli_json_format(j, "first", "0x%" PRIx64, c->first);
		cli_json_format(j, "last", "0x%" PRIx64, c->last);
		cli_json_end(j);
	}
	cli_json_end(j);
}

void cli_condition_word(const struct sluice_condition *c)
{
	const uint64_t low = UINT32_MAX, high = low << 32;
	bool wide = c->field > SLUICE_FIELD_NR;
	uint64_t all = wide ? UINT64_MAX : low, mask = c->mask, first = c->first,
		 last = c->last;
	const char *half = "";
	bool decimal;

	/* One half of an argument alone. */
	if (wide && mask && !(mask & high)) {
		half = ".lo";
		all = low;
	} else if (wide && mask && !(mask & low)) {
		half = ".hi";
		all = low;
		mask >>= 32;
		first >>= 32;
		last >>= 32;
	}
	printf("%s%s", cli_field(c->field), half);
	if (mask != all)
		printf("&0x%" PRIx64, mask);
	decimal = c->field == SLUICE_FIELD_NR && mask == all;
	printf(decimal ? "=%" PRIu64 : "=0x%" PRIx64, first);
	if (first != last)
		printf(decimal ? "..%" PRIu64 : "..0x%" PRIx64, last);
}

static uint64_t value_of(const struct seccomp_data *d, unsigned int field)
{
	switch (field) {
	case SLUICE_FIELD_ARCH:
		return d->arch;
	case SLUICE_FIELD_NR:
		return (uint32_t)d->nr;
	case SLUICE_FIELD_IP:
		return d->instruction_pointer;
	default:
		return d->args[field - SLUICE_FIELD_ARG0];
	}
}

bool cli_region_holds(const struct sluice_region *r, const struct seccomp_data *d)
{
	for (unsigned int i = 0; i < r->n; i++) {
		const struct sluice_condition *c = &r->conditions[i];
		uint64_t v = value_of(d, c->field) & c->mask;

		if (v < c->first || v > c->last)
			return false;
	}
	return true;
}

/* ---- the kernel's view --------------------------------------------------------------
 */

const char *cli_view_text(unsigned int view)
{
	return view == CLI_VIEW_BEST	? " (at best)"
	       : view == CLI_VIEW_WORST ? " (at worst)"
					: "";
}

const char *cli_view_word(unsigned int view)
{
	static const char *const words[] = {NULL, "best", "worst", "both"};

	return words[view & (CLI_VIEW_BEST | CLI_VIEW_WORST)];
}

struct view {
	struct sock_fprog sides[2];
	struct sock_filter *owned[2]; /* what was merged, or NULL */
	uint32_t archs[64];
	size_t n_archs;
	int (*each)(const struct sluice_region *region, unsigned int view, void *data);
	void *data;
};

static void view_clear(struct view *v)
{
	free(v->owned[0]);
	free(v->owned[1]);
}

/* All filters of @p as one, as the kernel decides with them. */
static int one_filter(const struct sluice_program *p, struct sock_fprog *out,
	struct sock_filter **owned, struct sluice_error *error)
{
	static struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	unsigned int n = sluice_program_filters(p);
	size_t count = 1;

	*out = (struct sock_fprog){1, &allow};
	for (unsigned int i = 0; i < n; i++) {
		/* The library does not write to what it reads. */
		const struct sock_filter *insns =
			sluice_program_instructions(p, i, &count);
		struct sock_fprog next = {
			(unsigned short)count, (struct sock_filter *)(uintptr_t)insns};
		struct sock_filter *merged;
		int rc;

		if (i == 0) {
			*out = next;
			continue;
		}
		rc = sluice_filter_merge(
			SLUICE_MERGE_INTERSECTION, out, &next, &merged, &count, error);
		if (rc)
			return rc;
		free(*owned);
		*owned = merged;
		*out = (struct sock_fprog){(unsigned short)count, merged};
	}
	return 0;
}

/* Each architecture of this machine's byte order has calls of its own. */
static void all_archs(struct view *v)
{
	const uint32_t little = seccomp_arch_native() & __AUDIT_ARCH_LE;
	const struct cli_arch *a;

	for (unsigned int i = 0; (a = cli_arch_at(i)); i++)
		if (a->token && (a->token & __AUDIT_ARCH_LE) == little)
			v->archs[v->n_archs++] = a->token;
}

static int begin(const struct sluice_program *a, const struct sluice_program *b,
	struct view *v, struct sluice_error *error)
{
	int rc = one_filter(a, &v->sides[0], &v->owned[0], error);

	if (!rc)
		rc = one_filter(b, &v->sides[1], &v->owned[1], error);
	all_archs(v);
	return rc;
}

int cli_view_equal(const struct cli *cli, const struct sluice_program *a,
	const struct sluice_program *b, struct sluice_witness *witness)
{
	_cleanup_(view_clear) struct view v = {.n_archs = 0};
	struct sluice_view_witness w;
	struct sluice_error error = {0};
	int rc = begin(a, b, &v, &error);

	if (!rc)
		rc = sluice_view_equal(
			&v.sides[0], &v.sides[1], v.archs, v.n_archs, &w, &error);
	if (rc < 0)
		cli_error(cli, "%s", error.message);
	if (rc > 0)
		*witness = (struct sluice_witness){w.data, w.a, w.b};
	return rc;
}

static int each_region(const struct sluice_region *r, bool least, void *data)
{
	const struct view *v = data;

	return v->each(r, least ? CLI_VIEW_WORST : CLI_VIEW_BEST, v->data);
}

int cli_view_compare(const struct cli *cli, const struct sluice_program *a,
	const struct sluice_program *b,
	int (*each)(const struct sluice_region *region, unsigned int view, void *data),
	void *data)
{
	_cleanup_(view_clear) struct view v = {.each = each, .data = data};
	struct sluice_error error = {0};
	int rc = begin(a, b, &v, &error);

	if (!rc)
		rc = sluice_view_compare(&v.sides[0], &v.sides[1], v.archs, v.n_archs,
			each_region, &v, &error);
	if (rc < 0)
		cli_error(cli, "%s", *error.message ? error.message : strerror(-rc));
	return rc;
}
