/* What one system call costs under a filter.
 *
 * A filter cannot be taken off, so each has a process of its own; the processes take
 * turns on one CPU, told what to call through a pipe. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/audit.h>
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

#define CALLS	 2000
#define SUBJECTS (VARIANTS + 2)
#define PROBES	 4

/* A filtered process. */
struct subject {
	const char *name;
	unsigned int optimize;
	struct sock_filter insns[BPF_MAXINSNS];
	unsigned short len; /* 0: no filter */
	int to, from;
	pid_t pid;
	struct samples samples[PROBES];
};

#define JUMP(op, k, t, f) BPF_JUMP(BPF_JMP | (op) | BPF_K, k, t, f)
#define LOAD(field)                                                                      \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RET(action) BPF_STMT(BPF_RET | BPF_K, action)

/* The fewest instructions that tell the architecture, the argument of one call and one
 * denied call from everything else, argument and denial each on the shortest way there is
 * while the other exists. */
static void shortest(const struct policy *policy, struct subject *s)
{
	const struct probe *argument = NULL, *denied = NULL;
	unsigned short n = 0;

	for (unsigned int i = 0; i < policy->n_probes; i++) {
		if (strcmp(policy->probes[i].class, "argument") == 0)
			argument = &policy->probes[i];
		if (strcmp(policy->probes[i].class, "denied") == 0)
			denied = &policy->probes[i];
	}
	s->insns[n++] = (struct sock_filter)LOAD(arch);
	s->insns[n++] = (struct sock_filter)JUMP(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0);
	s->insns[n++] = (struct sock_filter)RET(SECCOMP_RET_KILL_THREAD);
	s->insns[n++] = (struct sock_filter)LOAD(nr);
	if (denied && !(argument && argument->nr == denied->nr)) {
		s->insns[n++] =
			(struct sock_filter)JUMP(BPF_JEQ, (uint32_t)denied->nr, 0, 1);
		s->insns[n++] = (struct sock_filter)RET(SECCOMP_RET_ERRNO | EPERM);
	}
	if (argument) {
		s->insns[n++] =
			(struct sock_filter)JUMP(BPF_JEQ, (uint32_t)argument->nr, 0, 4);
		s->insns[n++] = (struct sock_filter)LOAD(args[0]);
		s->insns[n++] = (struct sock_filter)JUMP(BPF_JEQ,
			(uint32_t)(denied && denied->nr == argument->nr ? denied->arg
									: argument->arg),
			1, 0);
		s->insns[n++] = (struct sock_filter)RET(SECCOMP_RET_ALLOW);
		s->insns[n++] = (struct sock_filter)RET(SECCOMP_RET_ERRNO | EPERM);
		if (!(denied && denied->nr == argument->nr))
			s->insns[n - 3].jt = 0, s->insns[n - 3].jf = 1;
	}
	s->insns[n++] = (struct sock_filter)RET(SECCOMP_RET_ALLOW);
	s->len = n;
}

static double call_many(const struct probe *probe)
{
	double begin = now_us();

	for (unsigned int i = 0; i < CALLS; i++)
		syscall(probe->nr, probe->arg, 0, 0, 0, 0, 0);
	return (now_us() - begin) * 1e3 / CALLS;
}

/* The child: a probe's index in, nanoseconds out, until the pipe closes. */
static void serve(const struct policy *policy, const struct subject *s, int in, int out)
{
	struct sock_fprog prog = {
		.len = s->len, .filter = (struct sock_filter *)s->insns};
	unsigned char at;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (s->len && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		_exit(1);
	while (read(in, &at, 1) == 1) {
		const struct probe *probe = &policy->probes[at];
		bool denied = strcmp(probe->class, "denied") == 0;
		double ns = -1;
		long rc;

		/* The figure is worth nothing where the verdict is another. */
		rc = syscall(probe->nr, probe->arg, 0, 0, 0, 0, 0);
		if ((rc < 0) == denied)
			ns = call_many(probe);
		if (write(out, &ns, sizeof(ns)) < 0)
			_exit(1);
	}
	_exit(0);
}

static void start(const struct policy *policy, struct subject *s)
{
	int in[2], out[2];

	if (pipe(in) < 0 || pipe(out) < 0)
		die("no pipe");
	s->pid = fork();
	if (s->pid < 0)
		die("no process");
	if (s->pid == 0) {
		close(in[1]);
		close(out[0]);
		serve(policy, s, in[0], out[1]);
	}
	close(in[0]);
	close(out[1]);
	s->to = in[1];
	s->from = out[0];
}

static void ask(const struct policy *policy, struct subject *s, unsigned char probe)
{
	double ns;

	if (write(s->to, &probe, 1) != 1 || read(s->from, &ns, sizeof(ns)) != sizeof(ns))
		die("%s: the filtered process ended", policy->name);
	if (ns < 0)
		die("%s: %s %u: call %d has another verdict than %s", policy->name,
			s->name, s->optimize, policy->probes[probe].nr,
			policy->probes[probe].class);
	samples_add(&s->samples[probe], ns);
}

static unsigned int prepare(
	const struct policy *policy, const struct lib lib[LIBS], struct subject *subjects)
{
	struct variant variants[VARIANTS];
	unsigned int n_variants;
	unsigned int n = 0;

	subjects[n++].name = "none";
	subjects[n].name = "shortest";
	shortest(policy, &subjects[n++]);
	n_variants = variants_of(lib, variants);
	for (unsigned int v = 0; v < n_variants; v++) {
		const struct lib *from = variants[v].lib;
		scmp_filter_ctx ctx = policy_build(policy, from, variants[v].optimize);
		uint32_t len;
		struct sock_filter *insns = program_of(from, ctx, &len);

		from->release(ctx);
		if (len == 0 || len > BPF_MAXINSNS)
			continue;
		subjects[n].name = from->name;
		subjects[n].optimize = variants[v].optimize;
		subjects[n].len = (unsigned short)len;
		memcpy(subjects[n++].insns, insns, len * sizeof(*insns));
	}
	return n;
}

static void finish(const struct policy *policy, struct subject *s)
{
	close(s->from);
	waitpid(s->pid, NULL, 0);
	for (unsigned int p = 0; p < policy->n_probes; p++)
		samples_print(&s->samples[p], "ns",
			"\"what\": \"call\", \"policy\": \"%s\", \"class\": \"%s\", "
			"\"lib\": \"%s\", \"optimize\": %u",
			policy->name, policy->probes[p].class, s->name, s->optimize);
}

void bench_calls(const struct lib lib[LIBS], const char *path, unsigned int rounds)
{
	struct subject *subjects = calloc(SUBJECTS, sizeof(*subjects));
	struct policy policy;
	unsigned int n;

	if (!subjects)
		die("no memory");
	policy_read(&policy, path, &lib[0], &lib[1]);
	n = prepare(&policy, lib, subjects);
	for (unsigned int i = 0; i < n; i++)
		start(&policy, &subjects[i]);
	for (unsigned int r = 0; r < rounds; r++)
		for (unsigned char p = 0; p < policy.n_probes; p++)
			for (unsigned int i = 0; i < n; i++)
				/* Without a filter a denied call would be made. */
				if (i > 0 ||
					strcmp(policy.probes[p].class, "denied") != 0)
					ask(&policy, &subjects[i], p);
	/* All of them first: a child holds the pipes of those before it, too. */
	for (unsigned int i = 0; i < n; i++)
		close(subjects[i].to);
	for (unsigned int i = 0; i < n; i++)
		finish(&policy, &subjects[i]);
	free(subjects);
	free(policy.rules);
}
