/* scmp_sys_resolver(1): system call names to numbers and back, for people and scripts.
 * Answers as the tool of the same name that distributions ship with libseccomp.
 * SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int usage(const char *program)
{
	fprintf(stderr, "usage: %s [-h] [-a <arch>] [-t] <name>|<number>\n", program);
	return EINVAL;
}

static void print_name(uint32_t arch, const char *number)
{
	long nr = strtol(number, NULL, 10);
	char *name = NULL;

	if (nr >= INT_MIN && nr <= INT_MAX)
		name = seccomp_syscall_resolve_num_arch(arch, (int)nr);
	puts(name ? name : "UNKNOWN");
	free(name);
}

static void print_number(uint32_t arch, const char *name, int translate)
{
	int nr = translate ? seccomp_syscall_resolve_name_rewrite(arch, name)
			   : seccomp_syscall_resolve_name_arch(arch, name);

	printf("%d\n", nr);
}

int main(int argc, char *argv[])
{
	uint32_t arch = SCMP_ARCH_NATIVE;
	int translate = 0, opt;
	const char *call;

	while ((opt = getopt(argc, argv, "a:ht")) != -1) {
		switch (opt) {
		case 'a':
			arch = seccomp_arch_resolve_name(optarg);
			if (arch == 0)
				return usage(argv[0]);
			break;
		case 't':
			translate = 1;
			break;
		default:
			return usage(argv[0]);
		}
	}
	if (optind >= argc)
		return usage(argv[0]);
	call = argv[optind];
	if (isdigit((unsigned char)call[0]) || call[0] == '-')
		print_name(arch, call);
	else
		print_number(arch, call, translate);
	if (fflush(stdout) != 0)
		return errno;
	return 0;
}
