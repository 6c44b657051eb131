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

enum what {
	ATTACH,
	LOAD,
	WHOLE
};

/* One variant's program, made once, and what its children write back. */
struct subject {
	int program_fd; /* -1: too long */
	struct samples samples[WHOLE + 1];
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

/* Maps the file that takes a sample, or exits. */
static double *result_of(int fd)
{
	double *result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (result == MAP_FAILED)
		die("no memory");
	return result;
}

void bench_attach_once(const struct lib lib[LIBS], char **args)
{
	static struct sock_filter insns[BPF_MAXINSNS];
	enum what what = (enum what)atoi(args[0]);
	struct variant v = {&lib[atoi(args[1])], (unsigned int)atoi(args[2])};
	double *result = result_of(atoi(args[4]));
	ssize_t size = pread(atoi(args[5]), insns, sizeof(insns), 0);
	struct sock_fprog prog = {(unsigned short)(size / (ssize_t)sizeof(*insns)), insns};
	struct policy policy;

	policy_read(&policy, args[3], &lib[0], &lib[1]);
	if (what == ATTACH)
		*result = attach(&prog);
	else
		*result = what == LOAD ? load(&policy, &v) : whole(&policy, &v);
	_exit(0);
}

/* Runs one of the three in a process that did nothing before: a copy of this one would pay for each page
 * that both have. What it returns. */
static double in_child(enum what what, const struct lib lib[LIBS], const struct variant *v,
	const char *path, int result_fd, int program_fd)
{
	double *result = result_of(result_fd);
	char args[5][16];
	double us;
	pid_t pid;

	snprintf(args[0], sizeof(args[0]), "%d", what);
	snprintf(args[1], sizeof(args[1]), "%d", (int)(v->lib - lib));
	snprintf(args[2], sizeof(args[2]), "%u", v->optimize);
	snprintf(args[3], sizeof(args[3]), "%d", result_fd);
	snprintf(args[4], sizeof(args[4]), "%d", program_fd);
	*result = -1000;
	pid = fork();
	if (pid < 0)
		die("no process");
	if (pid == 0) {
		execl("/proc/self/exe", "bench", lib[0].path, lib[1].path, "attach-once", args[0],
			args[1], args[2], path, args[3], args[4], (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	us = *result;
	munmap(result, sizeof(*result));
	return us;
}

static void prepare(
	const struct policy *policy, const struct variant *v, struct subject *s)
{
	scmp_filter_ctx ctx = policy_build(policy, v->lib, v->optimize);
	uint32_t len;
	struct sock_filter *insns = program_of(v->lib, ctx, &len);

	s->program_fd = -1;
	if (len > 0 && len <= BPF_MAXINSNS) {
		size_t size = len * sizeof(*insns);

		s->program_fd = memfd_create("program", 0);
		if (s->program_fd < 0 || write(s->program_fd, insns, size) != (ssize_t)size)
			die("no memory");
	}
	v->lib->release(ctx);
}

static void print(struct subject *s, const char *policy, const struct variant *v)
{
	static const char *const names[] = {"attach", "load", "whole"};

	for (enum what w = ATTACH; w <= WHOLE; w++)
		samples_print(&s->samples[w], "us", HEAD, names[w], policy, v->lib->name, v->optimize);
	if (s->program_fd >= 0)
		close(s->program_fd);
}

void bench_attach(const struct lib lib[LIBS], const char *path, unsigned int rounds)
{
	int result_fd = memfd_create("result", 0);
	struct subject subjects[VARIANTS] = {0};
	struct variant variants[VARIANTS];
	unsigned int n_variants;
	struct policy policy;
	double begin;

	if (result_fd < 0 || ftruncate(result_fd, sizeof(double)))
		die("no memory");
	n_variants = variants_of(lib, variants);
	policy_read(&policy, path, &lib[0], &lib[1]);
	for (unsigned int v = 0; v < n_variants; v++)
		prepare(&policy, &variants[v], &subjects[v]);
	begin = now_us();
	for (unsigned int r = 0; r < rounds && now_us() - begin < BUDGET_US; r++)
		for (unsigned int v = 0; v < n_variants; v++) {
			struct subject *s = &subjects[v];

			for (enum what w = ATTACH; w <= WHOLE && s->program_fd >= 0; w++) {
				double us = in_child(w, lib, &variants[v], path, result_fd, s->program_fd);

				if (us < 0)
					die("%s: %s: %s: %g", policy.name, variants[v].lib->name,
						w == ATTACH ? "seccomp(2)" : "seccomp_load()", us);
				samples_add(&s->samples[w], us);
			}
		}
	for (unsigned int v = 0; v < n_variants; v++)
		print(&subjects[v], policy.name, &variants[v]);
	free(policy.rules);
	close(result_fd);
}
