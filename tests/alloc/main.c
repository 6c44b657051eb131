/* Every allocation fails once: in each scenario of the case files, and in the calls that
 * no case can make. Prints TAP.  alloc CASE-FILES...
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fail.h"
#include "failing.h"
#include "run.h"

static unsigned int checks, bad;

static void verdict(bool ok, const char *name)
{
	bad += !ok;
	printf("%s %u - %s\n", ok ? "ok" : "not ok", ++checks, name);
	fflush(stdout);
}

static void check_scenario(const struct lib *lib, const struct scenario *s)
{
	struct outcome *got = calloc(s->n_ops + 1, sizeof(*got));
	unsigned long before = failures.wrong;
	long alive = fail_alive();
	bool ok = true;

	if (!got)
		abort();
	fail_sparsely = s->unproved;
	for (unsigned int i = 0; i < s->n_ops; i++)
		fail_sparsely |= s->ops[i].repeat > 100;
	run_library(lib, s, got);
	for (unsigned int i = 0; i < s->n_ops; i++)
		if (outcome_differs(&s->ops[i], &got[i])) {
			printf("# line %u: got %d\n", s->ops[i].line, got[i].rc);
			ok = false;
		}
	if (fail_alive() != alive) {
		printf("# %ld blocks are left\n", fail_alive() - alive);
		ok = false;
	}
	free(got);
	verdict(ok && failures.wrong == before, s->name);
}

static void check_files(int n, char **paths)
{
	struct lib lib;

	failing_library(&lib);
	for (int i = 0; i < n; i++) {
		struct case_file file;

		if (case_read(paths[i], &file))
			exit(1);
		for (unsigned int k = 0; k < file.n; k++) {
			const struct scenario *s = &file.scenarios[k];

			/* Tens of thousands of rules are for --sim: here each is many calls. */
			if (s->ours_only || s->no_oracle)
				printf("ok %u - %s # SKIP too long, or no context to compare\n",
					++checks, s->name);
			else
				check_scenario(&lib, s);
		}
		case_free(&file);
	}
}

/* An emulator of user programs has no filters, nor says how long notifications are. */
static bool skip_without_seccomp(const char *what)
{
	if (prctl(PR_GET_SECCOMP) >= 0)
		return false;
	printf("ok %u - %s # SKIP no seccomp here\n", ++checks, what);
	return true;
}

static bool resolve_num(void)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, 0);
	bool there = name != NULL;

	free(name);
	return there;
}

static void check_resolve(void)
{
	bool at_first, then;

	fail_at(1);
	at_first = resolve_num();
	fail_end();
	then = resolve_num();
	verdict(!at_first && then, "resolve_num_arch without memory is NULL");
}

static void check_notify_alloc(void)
{
	struct seccomp_notif *req = (void *)&req;
	struct seccomp_notif_resp *resp = (void *)&resp;
	long alive = fail_alive();
	bool ok = true;

	if (skip_without_seccomp("notify_alloc without memory"))
		return;
	for (unsigned int nth = 1; nth <= 2; nth++) {
		fail_at(nth);
		ok &= seccomp_notify_alloc(&req, &resp) == -ENOMEM && fail_end();
		ok &= req == (void *)&req && resp == (void *)&resp;
	}
	verdict(ok && fail_alive() == alive, "notify_alloc without memory gives nothing");
	ok = seccomp_notify_alloc(&req, &resp) == 0;
	seccomp_notify_free(req, resp);
	verdict(ok && fail_alive() == alive, "notify_alloc and notify_free leave nothing");
}

static scmp_filter_ctx some_filter(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = 0;

	for (unsigned int i = 0; i < 40 && !rc; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(7), SCMP_SYS(madvise), 2,
			SCMP_A2(SCMP_CMP_EQ, 1000 + i), SCMP_A0(SCMP_CMP_GT, i << 20));
	if (!ctx || rc)
		abort();
	return ctx;
}

static bool filtered(void)
{
	char line[128];
	bool on = false;
	FILE *status = fopen("/proc/self/status", "re");

	while (status && fgets(line, sizeof(line), status))
		on |= strcmp(line, "Seccomp:\t2\n") == 0;
	if (status)
		fclose(status);
	return on;
}

/* The child's exit status. */
static int in_child(int (*body)(scmp_filter_ctx), scmp_filter_ctx ctx)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(body(ctx));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

enum loading { LOADED, REFUSED_IT, DID_WITHOUT, LOADED_WRONGLY };

static unsigned int load_nth;

static int load_failing(scmp_filter_ctx ctx)
{
	bool failed;
	int rc;

	fail_at(load_nth);
	rc = seccomp_load(ctx);
	failed = fail_end();
	if (rc == -ENOMEM && failed && !filtered())
		return REFUSED_IT;
	if (rc || !filtered())
		return LOADED_WRONGLY;
	return failed ? DID_WITHOUT : LOADED;
}

/* How many allocations are refused before it loads; 0: something is wrong. qsort(3) has
 * a way without memory, so not every one is. */
static unsigned int loads_refused(scmp_filter_ctx ctx)
{
	unsigned int refused = 0;
	int got;

	for (load_nth = 1;; load_nth++) {
		got = in_child(load_failing, ctx);
		refused += got == REFUSED_IT;
		if (got == LOADED)
			return refused;
		if (got != REFUSED_IT && got != DID_WITHOUT)
			return 0;
	}
}

static int load_without(scmp_filter_ctx ctx)
{
	fail_forbid();
	return seccomp_load(ctx);
}

static int resolve_without(scmp_filter_ctx ctx)
{
	(void)ctx;
	fail_forbid();
	if (seccomp_syscall_resolve_name("openat2") < 0 ||
		seccomp_syscall_resolve_name_rewrite(SCMP_ARCH_X86, "socket") != 102 ||
		seccomp_arch_resolve_name("riscv64") != SCMP_ARCH_RISCV64)
		return 1;
	return 0;
}

static int allocate_forbidden(scmp_filter_ctx ctx)
{
	fail_forbid();
	return seccomp_export_bpf(ctx, STDOUT_FILENO);
}

static void check_load(void)
{
	scmp_filter_ctx ctx;

	if (skip_without_seccomp("load without memory"))
		return;
	ctx = some_filter();
	verdict(loads_refused(ctx) > 0, "load without memory attaches nothing");
	if (seccomp_precompute(ctx))
		abort();
	verdict(in_child(load_without, ctx) == 0,
		"load after precompute and fork allocates nothing");
	verdict(in_child(resolve_without, NULL) == 0, "resolving names allocates nothing");
	seccomp_release(ctx);
	ctx = some_filter();
	verdict(in_child(allocate_forbidden, ctx) == 99, "what is forbidden is noticed");
	seccomp_release(ctx);
}

static scmp_filter_ctx big_filter(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = 0;

	for (int i = 0; i < 200 && !rc; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(1 + i % 7), 2 * i, 2,
			SCMP_A0(SCMP_CMP_EQ, 0x123456789abcdef0 + (scmp_datum_t)i),
			SCMP_A1(SCMP_CMP_LE, 0x123456789abcdef0 + (scmp_datum_t)i));
	if (!ctx || rc || seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2))
		abort();
	return ctx;
}

/* Refused or done altogether, whichever allocation fails; most are needed. */
static bool exports_failing(scmp_filter_ctx ctx, int (*export)(scmp_filter_ctx, int))
{
	int whole = memfd_create("whole", MFD_CLOEXEC);
	unsigned int nth = 1, refused = 0;
	bool failed = true, ok = export(ctx, whole) == 0;
	off_t size = lseek(whole, 0, SEEK_CUR);

	for (; failed; nth++) {
		int fd = memfd_create("export", MFD_CLOEXEC), rc;

		fail_at(nth);
		rc = export(ctx, fd);
		failed = fail_end();
		ok &= rc == 0 || (failed && rc == -ENOMEM);
		ok &= lseek(fd, 0, SEEK_CUR) == (rc ? 0 : size);
		refused += rc == -ENOMEM;
		close(fd);
	}
	close(whole);
	return ok && size > 8192 && 2 * refused > nth;
}

static int export_pfc(scmp_filter_ctx ctx, int fd)
{
	return seccomp_export_pfc(ctx, fd);
}

static int export_bpf(scmp_filter_ctx ctx, int fd)
{
	return seccomp_export_bpf(ctx, fd);
}

/* More text than its stream has room for at first, and a tree of many choices. */
static void check_big(void)
{
	long alive = fail_alive();
	scmp_filter_ctx ctx = big_filter();

	verdict(exports_failing(ctx, export_pfc), "a long text without memory is none");
	verdict(exports_failing(ctx, export_bpf), "a wide tree without memory is none");
	seccomp_release(ctx);
	verdict(fail_alive() == alive, "they leave nothing");
}

int main(int argc, char **argv)
{
	/* The proof has a test of its own for this (tests/prove). */
	unsetenv("SECCOMP_SELF_CHECK");
	if (prctl(PR_GET_SECCOMP) < 0)
		seccomp_api_set(7); /* user programs are emulated: no kernel says what it knows */
	check_resolve();
	check_notify_alloc();
	check_load();
	check_big();
	check_files(argc - 1, argv + 1);
	printf("# %lu allocations failed: %lu calls said so, %lu did without\n",
		failures.injected, failures.refused, failures.tolerated);
	printf("1..%u\n", checks);
	return bad || !failures.injected;
}
