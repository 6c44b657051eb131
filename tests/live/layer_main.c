/* What the kernel layer does on the running kernel. Usage: layer [PART OF A NAME]
 * SPDX-License-Identifier: MIT */
#include "live.h"

int main(int argc, char **argv)
{
	const struct live_test *const suites[] = {live_layer, NULL};

	return live_main(argc, argv, suites);
}
