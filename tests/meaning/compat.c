/* Live: a filter for all ABIs holds for a 32-bit child of a 64-bit process that has garbage in the high
 * words of its registers.
 * SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice-calls.h"
#include "sluice-filter.h"
#include "widths.h"

#define NO_PROGRAM 77 /* how the child ends where the kernel runs no such program */

/* The rule of @t, by name, for every ABI. 0 or -errno. */
static int load_rule(const struct trial *t)
{
	const struct sluice_value value = {.number = t->value == PID ? (uint64_t)getpid()
					   : t->value == FD	     ? COMPAT_FILE
								     : t->value};
	const struct sluice_filter_condition condition = {
		.argument = t->argument, .op = SLUICE_OP_EQ, .values = &value, .n_values = 1};
	const struct sluice_rule rule = {.size = sizeof(rule),
		.action = SCMP_ACT_ERRNO(DENIED),
		.call = t->call,
		.conditions = &condition,
		.n_conditions = 1};
	struct sluice_filter_options options = SLUICE_FILTER_OPTIONS_INIT;
	struct sluice_filter *filter;
	int rc;

	options.default_action = SCMP_ACT_ALLOW;
	options.multiplexed = SLUICE_MULTIPLEXED_REFUSE;
	rc = sluice_filter_new(&options, &filter, NULL);
	if (rc)
		return rc;
	rc = sluice_filter_add(filter, &rule, NULL);
	if (!rc)
		rc = sluice_filter_load(filter, 0, NULL, NULL);
	sluice_filter_free(filter);
	return rc;
}

/* Denies calls of x86 with GARBAGE above the first argument. */
static int load_garbage(const struct trial *t)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]) + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, GARBAGE >> 32, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | DENIED),
	};
	const struct sock_fprog prog = {.len = sizeof(insns) / sizeof(*insns), .filter = insns};

	(void)t;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
			prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0)
		? -errno : 0;
}

/* In the child: @path in its place. Returns how it ends where that fails. */
static int become(const char *path, const struct trial *t, int (*load)(const struct trial *),
	int asked, int ended)
{
	int file = open("/proc/self/exe", O_RDONLY);

	/* All are above those that they become. */
	if (fcntl(asked, F_DUPFD, 20) != 20 || fcntl(file, F_DUPFD, 21) != 21 ||
		fcntl(ended, F_DUPFD, 22) != 22 || dup2(20, COMPAT_ASKED) < 0 ||
		dup2(21, COMPAT_FILE) < 0 || dup2(22, COMPAT_ENDED) < 0 ||
		close_range(COMPAT_ENDED + 1, ~0U, 0) || (load && load(t)))
		return 1;
	execv(path, (char *[]){(char *)path, NULL});
	return NO_PROGRAM;
}

/* What becomes of @t behind what @load loads (NULL: nothing). 0, or how the child ended. */
static int try(const char *path, const struct trial *t, const struct compat_asked *asked,
	int (*load)(const struct trial *), struct compat_ended *ended)
{
	int to[2], from[2], status = -1;
	bool all;
	pid_t pid;

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC) || (pid = fork()) < 0)
		return -1;
	if (pid == 0)
		_exit(become(path, t, load, to[0], from[1]));
	close(to[0]);
	close(from[1]);
	all = write(to[1], asked, sizeof(*asked)) == sizeof(*asked) &&
		read(from[0], ended, sizeof(*ended)) == sizeof(*ended);
	close(to[1]);
	close(from[0]);
	waitpid(pid, &status, 0);
	return status ? status : all ? 0 : -1;
}

static void say(unsigned number, const struct trial *t, const char *why)
{
	printf("%sok %u - %s, %s, of x86 with garbage above\n", why ? "not " : "", number, t->call,
		t->argument);
	if (why)
		printf("# %s\n", why);
}

static const char *judge(const char *path, const struct trial *t, const struct compat_asked *asked)
{
	struct compat_ended free, filtered;

	if (try(path, t, asked, NULL, &free) || try(path, t, asked, load_rule, &filtered))
		return "the program or the filter is not loaded";
	if (free.plain == free.other)
		return "two values have one result";
	if (free.plain != free.garbage)
		return "the high word is read";
	if (filtered.plain != DENIED)
		return "the rule does not deny";
	if (filtered.garbage != DENIED)
		return "garbage walks around the rule";
	return filtered.other == DENIED ? "another value is denied, too" : NULL;
}

/* NULL: the call of x86 has no such argument. */
static const char *prepare(const struct trial *t, struct compat_asked *asked)
{
	struct sluice_call_info call = {.size = sizeof(call)};

	if (sluice_call_info(SCMP_ARCH_X86, t->call, &call))
		return NULL;
	asked->nr = call.nr;
	asked->index = sluice_arg_index(&call, t->argument, 0);
	asked->value = t->value;
	asked->other = t->other;
	memcpy(asked->args, t->args, sizeof(asked->args));
	return asked->index < 0 ? NULL : t->call;
}

unsigned compat_tests(size_t n)
{
	return (unsigned)n + 1;
}

/* Does the garbage arrive at filters at all? The first trial, whose argument 0 it is. */
static bool arrives(const char *path, const struct trial *t, unsigned number, bool *runs)
{
	struct compat_asked asked = {0};
	struct compat_ended ended = {0};
	int status = prepare(t, &asked) ? try(path, t, &asked, load_garbage, &ended) : -1;
	bool good = !status && ended.plain != DENIED && ended.garbage == DENIED;

	*runs = !WIFEXITED(status) || WEXITSTATUS(status) != NO_PROGRAM;
	if (!*runs)
		printf("ok %u - garbage of x86 # SKIP the kernel runs no programs of x86\n", number);
	else
		printf("%sok %u - filters see garbage of x86\n", good ? "" : "not ", number);
	return good || !*runs;
}

bool compat_run(const char *path, const struct trial *trials, size_t n, unsigned first)
{
	bool runs = false, good = true;

	if (path)
		good = arrives(path, &trials[0], first, &runs);
	else
		printf("ok %u - garbage of x86 # SKIP no programs of x86 can be built\n", first);
	for (size_t i = 0; i < n; i++) {
		const unsigned number = first + 1 + (unsigned)i;
		struct compat_asked asked = {0};
		const char *why;

		if (!runs || !prepare(&trials[i], &asked)) {
			printf("ok %u - %s, %s, of x86 # SKIP %s\n", number, trials[i].call,
				trials[i].argument, runs ? "it has none there" : "no program");
			continue;
		}
		why = judge(path, &trials[i], &asked);
		say(number, &trials[i], why);
		good &= !why;
	}
	return good;
}
