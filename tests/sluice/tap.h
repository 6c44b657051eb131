/* A test is a function; each runs in a process of its own with a limit against hangs and
 * becomes one TAP line. Tools to make targets: a test program runs itself as "--target NAME".
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_TAP_H
#define SLUICE_TAP_H

#include "sluice.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/seccomp.h>
#include <time.h>
#include <unistd.h>

/* Calls of targets: one with a path and a number, one with a path. Where there are no such calls (arm64), calls
 * with the same arguments stand for them. */
#ifdef SYS_mkdir
#define MKDIR "mkdir"
#define RMDIR "rmdir"
#define CALL_ON_DIRECTORY "17" /* EEXIST */
#else
#define MKDIR	  "truncate"
#define SYS_mkdir SYS_truncate
#define RMDIR	  "acct"
#define SYS_rmdir SYS_acct
#define CALL_ON_DIRECTORY "21" /* EISDIR */
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#define CHECK(condition)                                                                 \
	do {                                                                             \
		if (!(condition)) {                                                      \
			printf("# %s:%d: not true: %s (errno %d)\n", __FILE__, __LINE__, \
				#condition, errno);                                      \
			fflush(stdout);                                                  \
			_exit(1);                                                        \
		}                                                                        \
	} while (0)

#define CHECK_EQ(a, b)                                                                   \
	do {                                                                             \
		long long a_ = (long long)(a), b_ = (long long)(b);                      \
		if (a_ != b_) {                                                          \
			printf("# %s:%d: %s is %lld, not %s (%lld)\n", __FILE__,         \
				__LINE__, #a, a_, #b, b_);                               \
			fflush(stdout);                                                  \
			_exit(1);                                                        \
		}                                                                        \
	} while (0)

#define SKIP(...)                                                                        \
	do {                                                                             \
		fprintf(skip_file, __VA_ARGS__);                                         \
		fflush(skip_file);                                                       \
		exit(77);                                                                \
	} while (0)

struct test {
	const char *name;
	void (*run)(void);
};
struct target_main {
	const char *name;
	int (*main)(int argc, char **argv); /* its result is the exit status */
};

extern FILE *skip_file;
extern char self_path[4096];
extern const struct test tests[];
extern const struct target_main targets[];

/* A filter that notifies the named calls (on this and the other architectures of x86_64 if
 * @all_archs) and allows the rest. */
scmp_filter_ctx filter_of(int all_archs, ...) __attribute__((sentinel));
/* Start "self --target NAME [ARG]". */
void spawn_target(struct sluice_supervisor *sv, scmp_filter_ctx filter,
	struct sluice_child *child, const char *name, const char *arg);
/* Dispatch until it ended; its exit status, or 128 + signal. */
int wait_target(struct sluice_supervisor *sv, struct sluice_child *child);
/* All of that: a target whose @call is notified and @handler's. */
int answer_target(const char *target, const char *arg, const char *call, sluice_handler handler,
	void *data);
/* As wait_target(), by sluice_run(), which must be left with no listener. */
int serve_target(struct sluice_supervisor *sv, struct sluice_child *child);
/* Whether a listener ends with its last target, as since Linux 6.11. Before, it ends when that is reaped. */
bool ends_unreaped(void);
/* The end of a test that passed, where no thread can start any more, a leak checker's neither: after
 * unshare(CLONE_NEWPID), or without /proc. Whoever exits otherwise has not passed. */
void end_test(void) __attribute__((noreturn));
/* For loops that last until the listener ends: a thread reaps meanwhile, where the kernel needs it. reaped() is
 * as wait_target(). */
struct reaper {
	struct sluice_child *child;
	pthread_t thread;
	int status;
};
void reap_meanwhile(struct reaper *reaper, struct sluice_child *child);
int reaped(struct reaper *reaper, struct sluice_supervisor *sv);
struct sluice_supervisor *new_supervisor(const struct sluice_options *options);
int count_fds(void);
/* The same once it is @wanted, or after 10 s: files of others are closed by a process of their own. */
int settled_fds(int wanted);
/* This process's lowest listener, or -1: for the naive supervisors of the controls. */
int listener_number(void);
long rss_kib(void);
uint64_t now_ns(void);
int continue_it(struct sluice_request *req, void *data);
char *scratch_dir(void);
/* Whether /bin/sh is of another ABI than this program: a filter for one kills the other. */
bool foreign_shell(void);
/* Go on in pid and mount namespaces with a procfs of their own, whose init only reaps. */
void isolate(void);
/* Skips the test where this call of unshare(2) is refused: below a container engine's filter, say. */
void need_unshare(int flags);
/* Skips the test for root without this capability: in a container, say. */
void need_cap(int cap);
/* Whether this process, and so whatever it starts, has a filter: a container engine's, say. */
bool is_filtered(void);
/* Skips the test where 64-bit code cannot make a 32-bit call. */
void need_int80(void);
long scaled(const char *variable, long usual);
/* A test's limit begins again: for those of many rounds, of which one may hang and not all be slow. */
void still_going(void);

#endif
