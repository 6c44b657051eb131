/* Filters, loaded: what takes effect, and what each refusal says. Every case is a child, as a filter stays.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "refusing.h"

/* A number of no call on any machine. */
#define NUMBER 9000
#define SKIPPED 77 /* the exit status of a child whose kernel gives no second listener */

static struct sluice_filter *parse(const char *text)
{
	struct sluice_filter *filter = NULL;
	struct sluice_error error = {0};

	if (sluice_filter_parse(text, strlen(text), "test", &filter, &error)) {
		printf("# %s: %s\n", error.where, error.message);
		abort();
	}
	return filter;
}

/* Allows all but NUMBER, which gets this action. */
static struct sluice_filter *numbered(uint32_t action)
{
	const struct sluice_rule rule = {
		.size = sizeof(rule), .action = action, .arch = seccomp_arch_native(), .nr = NUMBER};
	struct sluice_filter *filter = parse("default ALLOW\n");

	if (sluice_filter_add(filter, &rule, NULL))
		abort();
	return filter;
}

/* What the kernel says to NUMBER, and what it said before anything was loaded. */
static int answer(void)
{
	return syscall(NUMBER) == -1 ? errno : 0;
}

static int before;

/* Runs @f in a child. It returns whether all is well; what it printed stays in order. */
static void in_child(bool (*f)(void), const char *name)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		bool good = f();

		fflush(stdout);
		_exit(!good);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		printf("ok %u - %s # SKIP the kernel gives no listener here\n", ++n_checks, name);
	else
		check(WIFEXITED(status) && WEXITSTATUS(status) == 0, name);
}

static bool takes_effect(void)
{
	struct sluice_filter *filter = numbered(SCMP_ACT_ERRNO(77));

	return sluice_filter_load(filter, 0, NULL, NULL) == 0 && answer() == 77 &&
		prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static bool has_listener(void)
{
	struct sluice_filter *filter = numbered(SCMP_ACT_NOTIFY);
	struct sluice_error error = {0};
	int fd = -1, second = -7, rc = sluice_filter_load(filter, 0, &fd, &error);

	if (rc == -EBUSY || rc == -EPERM)
		_exit(SKIPPED);
	/* ENOSYS is what a call gets whose listener is gone. */
	return rc == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC &&
		said(&error, sluice_filter_load(filter, 0, &second, &error), -EBUSY, "the kernel refused the filter") &&
		second == -7 && close(fd) == 0 && answer() == ENOSYS;
}

static bool needs_place(void)
{
	struct sluice_filter *filter = numbered(SCMP_ACT_ERRNO(77));
	struct sluice_error error = {0};

	return said(&error, sluice_filter_load(filter, SECCOMP_FILTER_FLAG_NEW_LISTENER, NULL, &error), -EINVAL,
		       "a listener needs a place") && answer() == before;
}

static bool knows_flags(void)
{
	struct sluice_filter *filter = numbered(SCMP_ACT_ERRNO(77));
	struct sluice_error error = {0};
	int fd = -7;

	return said(&error, sluice_filter_load(filter, 1u << 31, NULL, &error), -EINVAL,
		       "the kernel refused the filter") &&
		said(&error, sluice_filter_load(filter, 1u << 31, &fd, &error), -EINVAL,
			"the kernel refused the filter") && fd == -7 && answer() == before;
}

static bool needs_no_new_privs(void)
{
	struct sluice_filter *none = parse("default ALLOW\nERRNO(5) prctl\n");
	struct sluice_filter *filter = numbered(SCMP_ACT_ERRNO(77));
	struct sluice_error error = {0};

	return sluice_filter_load(none, 0, NULL, NULL) == 0 &&
		said(&error, sluice_filter_load(filter, 0, NULL, &error), -EIO, "no_new_privs could not be set") &&
		answer() == before;
}

static pthread_barrier_t barrier;
static pid_t other_thread;
static struct sluice_filter *others;

static void *other(void *loads)
{
	if (loads && sluice_filter_load(others, 0, NULL, NULL))
		_exit(3);
	other_thread = (pid_t)syscall(SYS_gettid);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return (void *)(intptr_t)answer();
}

/* A thread with a filter of its own cannot take the caller's. */
static bool tells_thread(void)
{
	struct sluice_filter *filter = numbered(SCMP_ACT_ERRNO(77));
	struct sluice_error error = {0};
	char says[64];
	pthread_t thread;
	void *got;
	bool good;

	others = numbered(SCMP_ACT_ERRNO(78));
	pthread_barrier_init(&barrier, NULL, 2);
	if (pthread_create(&thread, NULL, other, &others))
		return false;
	pthread_barrier_wait(&barrier);
	snprintf(says, sizeof(says), "thread %d has another filter", (int)other_thread);
	good = said(&error, sluice_filter_load(filter, SECCOMP_FILTER_FLAG_TSYNC, NULL, &error), -ESRCH, says) &&
		answer() == before;
	pthread_barrier_wait(&barrier);
	return pthread_join(thread, &got) == 0 && good && got == (void *)78;
}

static bool takes_threads(void)
{
	struct sluice_filter *filter = numbered(SCMP_ACT_ERRNO(77));
	pthread_t thread;
	void *got;
	bool good;

	pthread_barrier_init(&barrier, NULL, 2);
	if (pthread_create(&thread, NULL, other, NULL))
		return false;
	pthread_barrier_wait(&barrier);
	good = sluice_filter_load(filter, SECCOMP_FILTER_FLAG_TSYNC, NULL, NULL) == 0;
	pthread_barrier_wait(&barrier);
	return pthread_join(thread, &got) == 0 && good && got == (void *)77;
}

int main(void)
{
	before = answer();
	in_child(takes_effect, "a filter takes effect, and no_new_privs is set");
	in_child(has_listener, "a listener is closed on exec, and is the only one");
	in_child(needs_place, "a listener without a place is refused before anything is loaded");
	in_child(knows_flags, "unknown flags are the kernel's to refuse");
	in_child(needs_no_new_privs, "without no_new_privs nothing is loaded");
	in_child(tells_thread, "the thread that cannot take the filter is named, and nobody has it");
	in_child(takes_threads, "other threads take the filter");
	printf("1..%u\n", n_checks);
	return n_failed ? 1 : 0;
}
