/* A statically linked client with functions and data named as ours inside: none collides.
 * SPDX-License-Identifier: MIT */
#include <seccomp.h>
#include <stdio.h>

int sc_arch_native(void);
int sc_arch_native(void)
{
	return 42;
}

int sc_syscall_count = 43;

int main(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	size_t len = 0;
	int good;

	good = ctx && seccomp_arch_exist(ctx, seccomp_arch_native()) == 0 &&
	       seccomp_syscall_resolve_name("read") == SCMP_SYS(read) &&
	       seccomp_rule_add(ctx, SCMP_ACT_ERRNO(1), SCMP_SYS(mkdirat), 0) == 0 &&
	       seccomp_export_bpf_mem(ctx, NULL, &len) == 0 && len > 0 &&
	       sc_arch_native() == 42 && sc_syscall_count == 43;
	seccomp_release(ctx);
	printf("1..1\n%sok 1 - static client with colliding names\n", good ? "" : "not ");
	return !good;
}
