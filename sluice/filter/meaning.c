/* What arguments and constants mean.
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include "filter/rule.h"

int sc_meaning_of(const struct sc_arch *arch, const struct sc_target *target,
	const struct sluice_filter_condition *cond, struct sc_meaning *out)
{
	unsigned int index = cond->index;

	(void)target;
	if (cond->argument) {
		if (cond->argument[0] != 'a' || cond->argument[1] < '0' ||
			cond->argument[1] > '5' || cond->argument[2])
			return -ENOENT;
		index = (unsigned int)(cond->argument[1] - '0');
	}
	*out = (struct sc_meaning){
		.reg = (uint8_t)index, .high_reg = (uint8_t)index, .bits = arch->bits};
	return 0;
}

int sc_meaning_value(const struct sc_arch *arch, const char *set, const struct sluice_value *value,
	uint64_t *out)
{
	(void)arch;
	(void)set;
	if (value->name)
		return -ENOENT;
	*out = value->number;
	return 0;
}
