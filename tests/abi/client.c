/* A client as people write them. Built against the system's libseccomp header and library,
 * run on ours (and printed through dladdr(3), so that the test knows it was ours).
 * SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int checks, failures;

static void check(int good, const char *name)
{
	failures += !good;
	printf("%sok %d - %s\n", good ? "" : "not ", ++checks, name);
}

static scmp_filter_ctx build(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	struct scmp_arg_cmp third = SCMP_A2(SCMP_CMP_MASKED_EQ, 0xff, 7);

	check(ctx != NULL, "init");
	check(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EXDEV), SCMP_SYS(mkdir), 0) == 0,
	      "rule_add");
	check(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ELOOP), SCMP_SYS(close), 1,
			       SCMP_A0(SCMP_CMP_GT, 0x100000000)) == 0,
	      "rule_add with a 64-bit datum");
	check(seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EDOM), SCMP_SYS(lseek), 1, &third) ==
		      0,
	      "rule_add_array");
	check(seccomp_rule_add_exact(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(sethostname), 0) ==
		      0,
	      "rule_add_exact");
	check(seccomp_syscall_priority(ctx, SCMP_SYS(close), 200) == 0, "priority");
	check(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0, "attr_set");
	return ctx;
}

/* In the child, where the filter holds: 0 or which line went wrong. */
static int behave(scmp_filter_ctx ctx)
{
	if (seccomp_load(ctx) != 0)
		return 1;
	if (syscall(SYS_mkdir, "/nowhere/at/all", 0700) != -1 || errno != EXDEV)
		return 2;
	if (syscall(SYS_close, 0x100000001) != -1 || errno != ELOOP)
		return 3;
	if (syscall(SYS_close, -1) != -1 || errno != EBADF)
		return 4;
	if (syscall(SYS_lseek, -1, 0, 0x107) != -1 || errno != EDOM)
		return 5;
	if (syscall(SYS_lseek, -1, 0, 0x108) != -1 || errno != EBADF)
		return 6;
	if (syscall(SYS_sethostname, "", -1) != -1 || errno != EPERM)
		return 7;
	return 0;
}

static void check_live(scmp_filter_ctx ctx)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(behave(ctx));
	check(pid > 0 && waitpid(pid, &status, 0) == pid, "child");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		printf("# status %#x\n", status);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the loaded filter behaves");
}

int main(int argc, char *argv[])
{
	scmp_filter_ctx ctx;
	FILE *out = tmpfile();
	struct stat st;
	Dl_info info;
	char *name;

	check(argc == 2 && dladdr(dlsym(RTLD_DEFAULT, "seccomp_init"), &info) &&
		      strncmp(info.dli_fname, argv[1], strlen(argv[1])) == 0,
	      "runs on the library under test");
	check(seccomp_version()->major == 2, "version");
	check(seccomp_api_get() >= 1, "api_get");
	name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86, 3);
	check(name && strcmp(name, "read") == 0, "resolve_num_arch");
	free(name);
	check(seccomp_syscall_resolve_name("openat") == SCMP_SYS(openat), "resolve_name");
	ctx = build();
	check(seccomp_arch_exist(ctx, SCMP_ARCH_NATIVE) == 0, "arch_exist");
	check(out && seccomp_export_bpf(ctx, fileno(out)) == 0 &&
		      fstat(fileno(out), &st) == 0 && st.st_size >= 32 && st.st_size % 8 == 0,
	      "export_bpf");
	check(out && seccomp_export_pfc(ctx, fileno(out)) == 0, "export_pfc");
	check_live(ctx);
	seccomp_release(ctx);
	printf("1..%d\n", checks);
	return failures != 0;
}
