/* What it costs to start a program as a target: sluice_spawn(), fork and execve,
 * posix_spawn(). SPDX-License-Identifier: MIT
 *
 * spawn ROUNDS: each way in turn, microseconds. First whole processes, which begin, start
 * /bin/true, wait and end; then the same within one process, which has a supervisor
 * already and @held MiB of memory that a fork has to copy the tables of. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "sluice.h"

static char program[] = "/bin/true";
static char *const program_argv[] = {program, NULL};

static void await(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		die("%s does not run", program);
}

static void by_posix_spawn(void)
{
	pid_t pid;

	if (posix_spawn(&pid, program, NULL, NULL, program_argv, environ))
		die("posix_spawn fails");
	await(pid);
}

static void by_fork(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execve(program, program_argv, environ);
		_exit(127);
	}
	await(pid);
}

static struct sluice_supervisor *supervisor;
static scmp_filter_ctx filter;

static void prepare(void)
{
	filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter || seccomp_rule_add(filter, SCMP_ACT_NOTIFY, SCMP_SYS(mkdir), 0) ||
		sluice_supervisor_new(NULL, &supervisor))
		die("no supervisor");
}

static void by_sluice(void)
{
	struct sluice_error error = {0};
	struct sluice_child child = SLUICE_CHILD_INIT;
	int status;

	child.error = &error;
	if (sluice_spawn(supervisor, filter, program_argv, &child) ||
		sluice_wait(supervisor, &child, &status) || status)
		die("sluice_spawn: %s", error.message);
}

static void whole_sluice(void)
{
	prepare();
	by_sluice();
	sluice_supervisor_free(supervisor);
	seccomp_release(filter);
}

/* The whole of the process that this program becomes again, as "spawn --WAY". */
static char self[4096];

static void start_self(const char *way)
{
	char *argv[] = {self, (char *)way, NULL};
	pid_t pid;

	if (posix_spawn(&pid, self, NULL, NULL, argv, environ))
		die("cannot start this program again");
	await(pid);
}

static void whole_of_posix_spawn(void)
{
	start_self("--posix_spawn");
}

static void whole_of_sluice(void)
{
	start_self("--sluice");
}

static const struct way {
	const char *where, *name;
	void (*run)(void);
} ways[] = {
	{"process", "posix_spawn", whole_of_posix_spawn},
	{"process", "libsluice", whole_of_sluice},
	{"call", "posix_spawn", by_posix_spawn},
	{"call", "fork+execve", by_fork},
	{"call", "libsluice", by_sluice},
};
#define WAYS (sizeof(ways) / sizeof(*ways))

static void measure(unsigned int rounds, size_t held)
{
	struct samples samples[WAYS] = {0};

	for (unsigned int r = 0; r < rounds; r++)
		for (unsigned int w = 0; w < WAYS; w++) {
			double begin = now_us();

			ways[w].run();
			samples_add(&samples[w], now_us() - begin);
		}
	for (unsigned int w = 0; w < WAYS; w++)
		samples_print(&samples[w], "us",
			"\"what\": \"spawn\", \"where\": \"%s\", \"way\": \"%s\", "
			"\"held_mib\": %zu",
			ways[w].where, ways[w].name, held);
}

int main(int argc, char **argv)
{
	static const size_t held[] = {0, 256};
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (argc != 2 || n < 0)
		die("spawn ROUNDS");
	if (strcmp(argv[1], "--posix_spawn") == 0) {
		by_posix_spawn();
		return 0;
	}
	if (strcmp(argv[1], "--sluice") == 0) {
		whole_sluice();
		return 0;
	}
	prepare();
	for (unsigned int i = 0; i < 2; i++) {
		void *memory =
			held[i] ? mmap(NULL, held[i] << 20, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
					  0)
				: NULL;

		if (memory == MAP_FAILED)
			die("no memory");
		measure((unsigned int)atoi(argv[1]), held[i]);
	}
	return 0;
}
