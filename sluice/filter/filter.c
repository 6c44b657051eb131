/* Filters: made, freed, given rules.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "filter/filter.h"
#include "filter/rule.h"
#include "util/cleanup.h"
#include "util/vec.h"

bool sc_filter_action_valid(uint32_t action)
{
	uint32_t data = action & SECCOMP_RET_DATA;

	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ERRNO:
		return data <= 4095;
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_TRAP:
		return true;
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_USER_NOTIF:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ALLOW:
		return data == 0;
	default:
		return false;
	}
}

/* The ABIs that a kernel of one of them runs: the ones of a row. */
static const uint32_t machines[][3] = {
	{SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32},
	{SCMP_ARCH_AARCH64, SCMP_ARCH_ARM},
	{SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64N32},
	{SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64N32},
	{SCMP_ARCH_PARISC64, SCMP_ARCH_PARISC},
	{SCMP_ARCH_PPC64, SCMP_ARCH_PPC},
	{SCMP_ARCH_S390X, SCMP_ARCH_S390},
};

static void machine_of(const uint32_t *native, const uint32_t **archs, size_t *n)
{
	*archs = native;
	*n = 1;
	for (size_t m = 0; m < sizeof(machines) / sizeof(*machines); m++)
		for (size_t i = 0; i < 3; i++)
			if (machines[m][i] && machines[m][i] == *native) {
				*archs = machines[m];
				*n = machines[m][2] ? 3 : 2;
			}
}

int sc_filter_archs(const uint32_t *archs, size_t n, const struct sc_arch ***out, uint32_t *n_out,
	struct sluice_error *error)
{
	const uint32_t native = sc_arch_native()->token;
	_cleanup_free_ const struct sc_arch **found = NULL;

	if (!archs)
		machine_of(&native, &archs, &n);
	if (n == 0)
		return sc_filter_error(error, -EINVAL, NULL, "a filter has at least one architecture");
	if (n > sc_arch_count)
		return sc_filter_error(error, -EINVAL, NULL, "there are too many architectures");
	found = calloc(n, sizeof(*found));
	if (!found)
		return sc_filter_error(error, -ENOMEM, NULL, "no memory");
	for (size_t i = 0; i < n; i++) {
		found[i] = sc_arch_by_token(archs[i] ? archs[i] : native);
		if (!found[i])
			return sc_filter_error(error, -EINVAL, NULL,
				"no architecture has the token 0x%x", archs[i]);
		if (found[i]->big_endian != found[0]->big_endian)
			return sc_filter_error(error, -EDOM, NULL,
				"%s and %s have different byte orders", found[0]->name,
				found[i]->name);
		for (size_t j = 0; j < i; j++)
			if (found[j] == found[i])
				return sc_filter_error(error, -EINVAL, NULL,
					"architecture %s stands there twice", found[i]->name);
	}
	*out = steal_ptr(found);
	*n_out = (uint32_t)n;
	return 0;
}

void sluice_filter_free(struct sluice_filter *filter)
{
	if (!filter)
		return;
	for (uint32_t next = filter->first_more; next; next = filter->rules[next - 1].next)
		free(filter->rules[next - 1].said);
	sc_targets_clear(&filter->scratch);
	free(filter->rules);
	free(filter->archs);
	free(filter);
}

#define USUAL_RULES 384 /* of a container's profile */

/* Nothing is decided. */
static void begin_decided(struct sc_decided *d, const struct sc_arch *arch)
{
	unsigned int numbers = sc_syscall_numbers(arch);

	d->cells = &sc_arch_data_nr[arch->column * sc_syscall_count];
	d->has_mux = arch->has_mux;
	d->end = numbers < SC_FILTER_DENSE ? numbers : SC_FILTER_DENSE;
	memset(d->rules, 0, d->end * sizeof(*d->rules));
}

/* A filter without rules, for @archs, which it does not have yet. NULL: no memory. */
static struct sluice_filter *make(const struct sluice_filter_options *options,
	const struct sc_arch *const *archs, uint32_t n_archs)
{
	struct sluice_filter *f = malloc(sizeof(*f) + n_archs * sizeof(*f->decided));

	if (!f)
		return NULL;
	*f = (struct sluice_filter){
		.default_action = options->default_action,
		.badarch_action = options->badarch_action,
		.multiplexed = options->multiplexed,
		.optimize = options->optimize,
		.n_archs = n_archs,
		.all_archs = !options->archs,
		.last_action = options->default_action,
	};
	if (sc_reserve(f->rules, f->cap_rules, 0, USUAL_RULES)) {
		free(f);
		return NULL;
	}
	f->decided_end = f->decided + n_archs;
	for (uint32_t a = 0; a < n_archs; a++)
		begin_decided(&f->decided[a], archs[a]);
	return f;
}

int sluice_filter_new(const struct sluice_filter_options *options, struct sluice_filter **filter,
	struct sluice_error *error)
{
	const struct sluice_filter_options defaults = SLUICE_FILTER_OPTIONS_INIT;
	_cleanup_free_ const struct sc_arch **archs = NULL;
	struct sluice_filter *f;
	uint32_t n_archs = 0;
	int rc;

	if (!options)
		options = &defaults;
	if (!filter || options->size < sizeof(*options) ||
		(unsigned int)options->multiplexed > SLUICE_MULTIPLEXED_ALLOW ||
		options->optimize < 1 || options->optimize > 2)
		return sc_filter_error(error, -EINVAL, NULL, "the options make no sense");
	if (!sc_filter_action_valid(options->default_action) ||
		!sc_filter_action_valid(options->badarch_action))
		return sc_filter_error(error, -EINVAL, NULL, "there is no such action");
	rc = sc_filter_archs(options->archs, options->n_archs, &archs, &n_archs, error);
	if (rc)
		return rc;
	f = make(options, archs, n_archs);
	if (!f)
		return sc_filter_error(error, -ENOMEM, NULL, "no memory");
	f->archs = steal_ptr(archs);
	*filter = f;
	return 0;
}

int sluice_filter_newer(struct sluice_filter *filter, unsigned kernel, uint32_t action)
{
	if (!filter || (kernel && !sc_filter_action_valid(action)) || kernel >> 16 > 255 ||
		(kernel & 0xffff) > 255)
		return -EINVAL;
	filter->newer = kernel;
	filter->newer_action = action;
	return 0;
}
