/* Writes a filter for a program that loads filters itself, such as bubblewrap:
 *
 *   export-bpf > no-sockets.bpf
 *   bwrap --dev-bind / / --seccomp 10 COMMAND 10< no-sockets.bpf
 *
 * The filter refuses sockets other than AF_UNIX, and keyrings, with EPERM.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int deny(scmp_filter_ctx ctx)
{
	const int keyrings[] = {
		SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(keyctl)};
	int rc;

#ifdef __x86_64__
	/* An x86_64 kernel runs 32-bit programs: without this they would all be killed.
	 * Rules are for every architecture of the filter. */
	rc = seccomp_arch_add(ctx, SCMP_ARCH_X86);
	if (rc != 0)
		return rc;
#endif
	for (size_t i = 0; i < sizeof(keyrings) / sizeof(keyrings[0]); i++) {
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), keyrings[i], 0);
		if (rc != 0)
			return rc;
	}
	/* 32-bit programs may use socketcall(2), whose arguments lie in memory: there
	 * every socket is refused, AF_UNIX too. */
	return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
		SCMP_A0(SCMP_CMP_GT, AF_UNIX));
}

int main(int argc, char **argv)
{
	scmp_filter_ctx ctx;
	int rc;

	if (argc > 1 || isatty(STDOUT_FILENO)) { /* a filter is bytes, not text */
		fprintf(stderr, "usage: %s > FILE\nWrites a filter for bwrap --seccomp.\n", argv[0]);
		return 2;
	}
	ctx = seccomp_init(SCMP_ACT_ALLOW);
	rc = ctx ? deny(ctx) : -ENOMEM;
	if (rc == 0)
		rc = seccomp_export_bpf(ctx, STDOUT_FILENO);
	if (rc != 0)
		fprintf(stderr, "export-bpf: %s\n", strerror(-rc));
	seccomp_release(ctx);
	return rc != 0;
}
