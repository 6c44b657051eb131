/* From seccomp_init() to the exported program, and how that grows with the rules.
 * SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define WARM_US	   100000 /* a longer run does not notice what was before */
#define SAMPLE_US  300 /* a sample is as many runs as last so long */
#define ROUNDS_MAX 400

static void run(const struct policy *policy, const struct variant *v)
{
	scmp_filter_ctx ctx = policy_build(policy, v->lib, v->optimize);
	uint32_t len;

	program_of(v->lib, ctx, &len);
	v->lib->release(ctx);
}

static double sample(
	const struct policy *policy, const struct variant *v, unsigned int runs, bool warm)
{
	double begin;

	/* The heap and the caches are as the variant before left them: not this one's cost. */
	if (warm)
		run(policy, v);
	begin = now_us();
	for (unsigned int i = 0; i < runs; i++)
		run(policy, v);
	return (now_us() - begin) / runs;
}

/* The microseconds of one run in a child that ends after @limit_us: 0 when it had to. */
static double run_limited(const struct policy *policy, const struct variant *v,
	double limit_us, uint32_t *len)
{
	struct {
		double us;
		uint32_t len;
	} *shared = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double us;
	pid_t pid;

	if (shared == MAP_FAILED)
		die("no memory");
	pid = fork();
	if (pid == 0) {
		double begin = now_us();
		scmp_filter_ctx ctx;

		alarm((unsigned int)(limit_us / 1e6) + 1);
		ctx = policy_build(policy, v->lib, v->optimize);
		program_of(v->lib, ctx, &shared->len);
		shared->us = now_us() - begin;
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	us = shared->us;
	*len = shared->len;
	munmap(shared, 4096);
	return us;
}

/* How many runs make a sample; 0: one takes longer than @limit_us. */
static unsigned int runs_of(
	const struct policy *policy, const struct variant *v, double limit_us, bool *warm)
{
	uint32_t len;
	double once = run_limited(policy, v, limit_us, &len);

	*warm = once < WARM_US;
	if (once == 0)
		return 0;
	if (once > SAMPLE_US)
		return 1;
	return (unsigned int)(SAMPLE_US / sample(policy, v, 1, true)) + 1;
}

void bench_compile(
	const struct lib lib[LIBS], const char *path, double budget_us, double limit_us)
{
	struct variant variants[VARIANTS];
	struct samples samples[VARIANTS] = {0};
	unsigned int runs[VARIANTS], n = variants_of(lib, variants);
	bool warm[VARIANTS];
	struct policy policy;
	double begin;

	policy_read(&policy, path, &lib[0], &lib[1]);
	for (unsigned int v = 0; v < n; v++)
		runs[v] = runs_of(&policy, &variants[v], limit_us, &warm[v]);
	begin = now_us();
	do {
		for (unsigned int v = 0; v < n; v++)
			samples_add(&samples[v],
				runs[v] ? sample(&policy, &variants[v], runs[v], warm[v])
					: limit_us);
	} while (now_us() - begin < budget_us && samples[0].n < ROUNDS_MAX);
	for (unsigned int v = 0; v < n; v++)
		samples_print(&samples[v], "us",
			"\"what\": \"compile\", \"policy\": \"%s\", \"rules\": %u, "
			"\"lib\": \"%s\", \"optimize\": %u, \"ended\": %s",
			policy.name, policy.n_rules, variants[v].lib->name,
			variants[v].optimize, runs[v] ? "true" : "false");
	free(policy.rules);
}

/* n rules EQ over 50 calls: in runs of 16 values that follow each other, as the requests
 * of one driver do; or each value alone. */
static void growth_policy(struct policy *policy, unsigned int n, bool alone)
{
	*policy = (struct policy){.otherwise = SCMP_ACT_ALLOW, .n_rules = n};
	policy->rules = calloc(n, sizeof(*policy->rules));
	if (!policy->rules)
		die("no memory");
	for (unsigned int i = 0; i < n; i++) {
		unsigned int group = alone ? i : i / 16;

		policy->rules[i] = (struct rule){
			.action = SCMP_ACT_ERRNO(1),
			.nr = 10 + (int)(group % 50),
			.n = 1,
			.args = {{.arg = 1,
				.op = SCMP_CMP_EQ,
				.datum_a = 0x10000 + group * 64 + (alone ? 0 : i % 16)}},
		};
	}
}

static void grow(const struct lib *lib, bool alone, double limit_us)
{
	static const unsigned int sizes[] = {
		10, 30, 100, 300, 1000, 2000, 3000, 5000, 10000};
	struct variant v = {.lib = lib, .optimize = 1};

	for (unsigned int s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
		struct samples samples = {0};
		struct policy policy;
		uint32_t len = 0;
		double us = 0, spent = 0;

		growth_policy(&policy, sizes[s], alone);
		while (samples.n < 25 && spent < 1e6) {
			us = run_limited(&policy, &v, limit_us, &len);
			if (us == 0)
				break;
			samples_add(&samples, us);
			spent += us;
		}
		free(policy.rules);
		if (us == 0)
			samples_add(&samples, limit_us);
		samples_print(&samples, "us",
			"\"what\": \"growth\", \"values\": \"%s\", \"rules\": %u, "
			"\"lib\": \"%s\", \"cbpf\": %u, \"ended\": %s",
			alone ? "scattered" : "runs", sizes[s], lib->name, len,
			us == 0 ? "false" : "true");
		if (us == 0 || spent > limit_us)
			return;
	}
}

void bench_growth(const struct lib lib[LIBS], double limit_us)
{
	for (unsigned int alone = 0; alone < 2; alone++)
		for (unsigned int i = 0; i < LIBS; i++)
			grow(&lib[i], alone, limit_us);
}
