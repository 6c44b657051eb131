/* Sixteen threads, each with contexts of its own, through all of the API at once. Built
 * with the thread sanitizer, which ends it at a race. Prints TAP.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <seccomp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 16
#define ROUNDS	10

static atomic_uint wrong;
static pthread_barrier_t start;

static void check(bool ok, const char *what)
{
	if (!ok && atomic_fetch_add(&wrong, 1) < 10)
		printf("# %s\n", what);
}

static scmp_filter_ctx fill(unsigned int seed)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = 0;

	check(ctx != NULL, "init");
	for (unsigned int i = 0; i < 40; i++)
		rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(1 + seed % 7), SCMP_SYS(madvise), 2,
			SCMP_A2(SCMP_CMP_EQ, 1000 + i), SCMP_A0(SCMP_CMP_GT, i << 20));
	rc |= seccomp_arch_add(ctx, SCMP_ARCH_X86 == seccomp_arch_native() ? SCMP_ARCH_ARM
									   : SCMP_ARCH_X86);
	rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(2), SCMP_SYS(socket), 0);
	rc |= seccomp_syscall_priority(ctx, SCMP_SYS(read), 9);
	rc |= seccomp_transaction_start(ctx);
	rc |= seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(mount), 0);
	if (seed % 2)
		seccomp_transaction_reject(ctx);
	else
		rc |= seccomp_transaction_commit(ctx);
	check(rc == 0, "a rule was refused");
	return ctx;
}

static void resolve(void)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, 257);

	check(name && strcmp(name, "openat") == 0, "257 is openat");
	free(name);
	check(seccomp_syscall_resolve_name_rewrite(SCMP_ARCH_X86, "socket") == 102,
		"socket of x86 is socketcall");
	check(seccomp_arch_resolve_name("s390x") == SCMP_ARCH_S390X, "s390x");
}

static void export(scmp_filter_ctx ctx, unsigned char *first, size_t *first_len)
{
	unsigned char program[4096 * 8];
	size_t len = sizeof(program);

	check(seccomp_export_bpf_mem(ctx, program, &len) == 0, "export");
	if (*first_len == 0) {
		memcpy(first, program, len);
		*first_len = len;
	}
	check(len == *first_len && memcmp(program, first, len) == 0, "always the same program");
}

static void *work(void *data)
{
	unsigned int seed = (unsigned int)(uintptr_t)data;
	unsigned char *first = malloc(4096 * 8);
	size_t first_len = 0;
	struct seccomp_notif *req;
	struct seccomp_notif_resp *resp;

	pthread_barrier_wait(&start);
	for (unsigned int i = 0; first && i < ROUNDS; i++) {
		scmp_filter_ctx ctx = fill(seed);

		check(seccomp_api_get() >= 1, "api level");
		resolve();
		export(ctx, first, &first_len);
		check(seccomp_precompute(ctx) == 0, "precompute");
		check(seccomp_notify_fd(ctx) == -1, "no listener yet");
		if (seccomp_notify_alloc(&req, &resp) == 0)
			seccomp_notify_free(req, resp);
		if (i % 4 == seed % 4) /* asks the kernel again */
			seccomp_reset(NULL, 0);
		if (i == ROUNDS - 1)
			check(seccomp_load(ctx) == 0, "load");
		seccomp_release(ctx);
	}
	free(first);
	return NULL;
}

static int all_threads(void)
{
	pthread_t threads[THREADS];

	/* Each thread loads a filter, which stays: this is a child. */
	pthread_barrier_init(&start, NULL, THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i))
			return 1;
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return wrong != 0;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	int status = -1;
	pid_t pid;

	printf("1..1\n");
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		exit(all_threads()); /* the sanitizer's verdict is the exit status */
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = -1;
	printf("%s 1 - %d threads, each with contexts of its own%s\n",
		status == 0 ? "ok" : "not ok", THREADS, how);
	return status != 0;
}
