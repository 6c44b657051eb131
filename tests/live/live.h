/* Tests on the running kernel, through the public API of any libseccomp.
 *
 * Each test runs in a child of its own, because a filter never goes away. It ends by
 * returning (passed), or through CHECK (failed) or SKIP.
 * SPDX-License-Identifier: MIT */
#ifndef LIVE_H
#define LIVE_H

#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct live_test {
	const char *name;
	void (*run)(void);
};

extern const struct live_test live_actions[], live_load[], live_notify[], live_signals[],
	live_errors[], live_exports[], live_layer[];

/* Runs all tests of @suites (ended by NULL), or those whose name contains argv[1]; 0
 * or 1. */
int live_main(int argc, char **argv, const struct live_test *const *suites);

/* Ends the test, from any of its processes. */
void live_fail(const char *file, int line, const char *what, long long got)
	__attribute__((noreturn));
void live_skip(const char *reason) __attribute__((noreturn));

#define CHECK(cond)                                                                      \
	do {                                                                             \
		if (!(cond))                                                             \
			live_fail(__FILE__, __LINE__, #cond, 0);                         \
	} while (0)
/* Says what came instead. */
#define CHECK_EQ(got, want)                                                              \
	do {                                                                             \
		long long got_ = (long long)(got);                                       \
		if (got_ != (long long)(want))                                           \
			live_fail(__FILE__, __LINE__, #got " == " #want, got_);          \
	} while (0)
/* The call fails with this code and this errno. */
#define CHECK_ERR(call, code, error)                                                     \
	do {                                                                             \
		errno = 0;                                                               \
		CHECK_EQ(call, code);                                                    \
		CHECK_EQ(errno, error);                                                  \
	} while (0)
#define SKIP(reason) live_skip(reason)

/* Memory that the children of a test share: zeroed, never freed. */
void *live_shared(size_t size);

/* A context that allows all but @nr, on which it acts. */
scmp_filter_ctx live_filter(int nr, uint32_t action);
/* The same, loaded: the listener, or -1 for an action without one. */
int live_loaded(int nr, uint32_t action);
/* A filter of our own that fails @nr with @error where argument @arg's low word (-1: any)
 * is
 * @value; installed with prctl(2), past the library. */
void live_break(int nr, int arg, uint32_t value, int error);

/* A child that runs @body and then exits 0; the listener is closed in it first, so that
 * it does not keep its own supervisor alive. */
pid_t live_fork(int listener, void (*body)(void *), void *data);
/* Waits for it: exit status, or -signal. */
int live_wait(pid_t pid);
void live_wait_ok(pid_t pid);

/* Blocks until a notification can be received. */
void live_await(int listener);
int live_open_fds(void);
/* Ends the test as skipped on a kernel before @major.@minor, which brought @what. */
void live_need_kernel(int major, int minor, const char *what);

#endif
