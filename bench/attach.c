/* Giving the filter to the kernel, each time in a fresh process.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define HEAD "\"what\": \"%s\", \"policy\": \"%s\", \"lib\": \"%s\", \"optimize\": %u"

#define BUDGET_US 4e6 /* no round begins after so long */

/* One variant's program, made once, and what its child writes back. */
struct subject {
	struct sock_fprog prog;
	struct samples attach, load, whole;
};

static double attach(const struct sock_fprog *prog)
{
	double begin;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	begin = now_us();
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, prog) < 0)
		return -errno;
	return now_us() - begin;
}

static double load(const struct policy *policy, const struct variant *v)
{
	scmp_filter_ctx ctx = policy_build(policy, v->lib, v->optimize);
	double begin = now_us();
	int rc = v->lib->load(ctx);

	return rc < 0 ? rc : now_us() - begin;
}

/* From seccomp_init() to the attached filter, numbers of calls known. */
static double whole(const struct policy *policy, const struct variant *v)
{
	double begin = now_us();
	int rc = v->lib->load(policy_build(policy, v->lib, v->optimize));

	return rc < 0 ? rc : now_us() - begin;
}

enum what {
	ATTACH,
	LOAD,
	WHOLE
};

static double timed(enum what what, const struct policy *policy, const struct variant *v,
	const struct sock_fprog *prog)
{
	if (what == ATTACH)
		return attach(prog);
	return what == LOAD ? load(policy, v) : whole(policy, v);
}

/* Runs one of the three in a child; what it returns. */
static double in_child(enum what what, const struct policy *policy, const struct variant *v,
	const struct sock_fprog *prog, double *shared)
{
	pid_t pid;

	*shared = -1000;
	pid = fork();
	if (pid < 0)
		die("no process");
	if (pid == 0) {
		*shared = timed(what, policy, v, prog);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return *shared;
}

static void prepare(
	const struct policy *policy, const struct variant *v, struct subject *s)
{
	scmp_filter_ctx ctx = policy_build(policy, v->lib, v->optimize);
	uint32_t len;
	struct sock_filter *insns = program_of(v->lib, ctx, &len);

	if (len > 0 && len <= BPF_MAXINSNS) {
		s->prog.len = (unsigned short)len;
		s->prog.filter = malloc(len * sizeof(*insns));
		if (!s->prog.filter)
			die("no memory");
		memcpy(s->prog.filter, insns, len * sizeof(*insns));
	}
	v->lib->release(ctx);
}

static void print(struct subject *s, const char *policy, const struct variant *v)
{
	samples_print(
		&s->attach, "us", HEAD, "attach", policy, v->lib->name, v->optimize);
	samples_print(&s->load, "us", HEAD, "load", policy, v->lib->name, v->optimize);
	samples_print(&s->whole, "us", HEAD, "whole", policy, v->lib->name, v->optimize);
	free(s->prog.filter);
}

void bench_attach(const struct lib lib[LIBS], const char *path, unsigned int rounds)
{
	double *shared = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct subject subjects[VARIANTS] = {0};
	struct variant variants[VARIANTS];
	unsigned int n_variants;
	struct policy policy;
	double begin;

	if (shared == MAP_FAILED)
		die("no memory");
	n_variants = variants_of(lib, variants);
	policy_read(&policy, path, &lib[0], &lib[1]);
	for (unsigned int v = 0; v < n_variants; v++)
		prepare(&policy, &variants[v], &subjects[v]);
	begin = now_us();
	for (unsigned int r = 0; r < rounds && now_us() - begin < BUDGET_US; r++)
		for (unsigned int v = 0; v < n_variants; v++) {
			struct subject *s = &subjects[v];
			double us;

			if (!s->prog.len)
				continue;
			us = in_child(ATTACH, &policy, &variants[v], &s->prog, shared);
			if (us < 0)
				die("%s: %s: seccomp(2): %g", policy.name,
					variants[v].lib->name, us);
			samples_add(&s->attach, us);
			for (enum what w = LOAD; w <= WHOLE; w++) {
				us = in_child(w, &policy, &variants[v], NULL, shared);
				if (us < 0)
					die("%s: %s: seccomp_load(): %g", policy.name,
						variants[v].lib->name, us);
				samples_add(w == LOAD ? &s->load : &s->whole, us);
			}
		}
	for (unsigned int v = 0; v < n_variants; v++)
		print(&subjects[v], policy.name, &variants[v]);
	free(policy.rules);
	munmap(shared, 4096);
}
