/* Prints what sluice-calls.h says of every call of an architecture, for comparing
 * scripts: dump ARCH NAME NR KNOWN and one field an argument: NAME;C
 * TYPE;BITS;SIGNED;TYPE;PART;SET SPDX-License-Identifier: MIT */
#include <seccomp.h>
#include <stdio.h>

#include "sluice-calls.h"

int main(int argc, char **argv)
{
	uint32_t arch = argc > 1 ? seccomp_arch_resolve_name(argv[1]) : 0;
	unsigned iterator = 0;
	const char *name;

	if (argc > 1 && !arch)
		return 2;
	while ((name = sluice_call_next(arch, &iterator))) {
		struct sluice_call_info call = {.size = sizeof(call)};

		if (sluice_call_info(arch, name, &call))
			return 1;
		printf("%s\t%d\t%d", name, call.nr, call.has_prototype);
		for (unsigned i = 0; i < call.n_args; i++) {
			const struct sluice_arg_info *a = &call.args[i];

			printf("\t%s;%s;%u;%d;%d;%d;%s", a->name, a->ctype, a->bits,
				a->is_signed, a->type, a->part, a->set ? a->set : "");
		}
		putchar('\n');
	}
	return ferror(stdout) || fflush(stdout);
}
