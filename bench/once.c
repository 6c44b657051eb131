/* main() of a tool that makes the program of one policy, for counting what that takes: TOOL LIBRARY POLICY.
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

int main(int argc, char **argv)
{
	struct policy policy;
	struct lib lib;

	if (argc != 3)
		die("usage: %s LIBRARY POLICY", argv[0]);
	lib_open(&lib, "lib", argv[1]);
	policy_read(&policy, argv[2], &lib, NULL);
	printf("%zu\n", once(&policy, &lib));
	free(policy.rules);
	return 0;
}
