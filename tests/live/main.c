/* What a libseccomp does on the running kernel. Usage: live [PART OF A NAME]
 * SPDX-License-Identifier: MIT */
#include "live.h"

int main(int argc, char **argv)
{
	const struct live_test *const suites[] = {live_actions, live_load, live_notify,
		live_signals, live_errors, live_exports, NULL};

	return live_main(argc, argv, suites);
}
