/* Every public header in one program, and each macro that begins a structure: none may make
 * a strict program's compiler warn. With PLANTED it must: headers.py asks for that, too.
 * Also compiled as C++. SPDX-License-Identifier: MIT */
#include <sluice.h>
#include <sluice-calls.h>
#include <sluice-filter.h>
#include <sluice-profile.h>
#include <sluice-program.h>

int main(void)
{
	struct sluice_options options = SLUICE_OPTIONS_INIT;
	struct sluice_child child = SLUICE_CHILD_INIT;
	struct sluice_filter_options filter = SLUICE_FILTER_OPTIONS_INIT;
	struct sluice_profile_options profile = SLUICE_PROFILE_OPTIONS_INIT;
	struct sluice_target target = SLUICE_TARGET_INIT;
#ifdef PLANTED
	struct sluice_error less = {1};

	if (less.code != 1)
		return 1;
#endif
	return options.size != sizeof(options) || child.size != sizeof(child) ||
		filter.size != sizeof(filter) || profile.size != sizeof(profile) ||
		target.size != sizeof(target) || options.error || child.tag || child.keep_gid ||
		child.uid != SLUICE_KEEP || filter.optimize != 1 || profile.data || target.data;
}
